import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { type Log, silentLog } from "@heddle/std";
import { MetricsServer } from "./metrics-server.ts";

const metrics = async () => ({ contentType: "text/plain; version=0.0.4", text: "heddle_up 1\n" });
const local = { address: "127.0.0.1", port: 0, metrics, log: silentLog };

test("a MetricsServer answers GET /metrics and nothing else", async () => {
  await using server = await MetricsServer.start(local);
  const url = `http://127.0.0.1:${server.port}`;
  const answer = await fetch(`${url}/metrics?name=x`);
  assert.deepEqual(
    [answer.status, answer.headers.get("content-type"), await answer.text()],
    [200, "text/plain; version=0.0.4", "heddle_up 1\n"],
  );
  assert.equal((await fetch(`${url}/v1/status`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: "POST" })).status, 404);
});

test("a MetricsServer that cannot read them says so, and in the log why", async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, error: (message) => lines.push(message) };
  const failing = () => Promise.reject(new Error("no speaker"));
  await using server = await MetricsServer.start({ ...local, metrics: failing, log });
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  assert.deepEqual([answer.status, await answer.text()], [500, "see the log\n"]);
  assert.deepEqual(lines, ["cannot read the metrics"]);
});

test("a MetricsServer gives way when it is disposed of, and refuses a port that is taken", async () => {
  const first = await MetricsServer.start(local);
  const { port } = first;
  await assert.rejects(MetricsServer.start({ ...local, port }), { code: "EADDRINUSE" });
  await using idle = new AsyncDisposableStack();
  const socket = net.connect(port, "127.0.0.1");
  idle.defer(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  await first[Symbol.asyncDispose]();
  await using _second = await MetricsServer.start({ ...local, port });
});
