import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { type Clock, silentLog } from "@heddle/std";
import { type CniHandler, CniServer, type CniServerOptions } from "./cni-server.ts";
import { CniError } from "./errors.ts";

const directory = mkdtempSync(join(tmpdir(), "heddle-cni-"));
after(() => rmSync(directory, { recursive: true }));

const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const unused = async (): Promise<never> => {
  throw new Error("no such verb in this test");
};
const handler = (more: Partial<CniHandler> = {}): CniHandler => ({
  add: async (request) => ({ interfaces: [{ name: request.ifname, sandbox: request.netns }] }),
  del: async () => undefined,
  check: unused,
  status: async () => {
    throw new CniError("NotAvailable", "Cannot serve ADD: pool p is exhausted");
  },
  gc: unused,
  ...more,
});

let socketCount = 0;
async function serve(options: Partial<CniServerOptions> = {}): Promise<[CniServer, string]> {
  socketCount += 1;
  const socketPath = join(directory, `${socketCount}.sock`);
  const server = await CniServer.listen({
    socketPath,
    handler: handler(),
    clock,
    log: silentLog,
    ...options,
  });
  return [server, socketPath];
}

/** Sends bytes as they are and returns everything that comes back. */
async function exchange(path: string, bytes: string | Uint8Array, end = true): Promise<string> {
  const socket = connect(path);
  if (end) socket.end(bytes);
  else socket.write(bytes);
  return await text(socket);
}

const shim = new URL("../../../cni/build/heddle-cni", import.meta.url).pathname;
const noShim = existsSync(shim) ? false : "make -C cni has not been run";
const config = JSON.stringify({ cniVersion: "1.0.0", name: "heddle", type: "heddle-cni" });

interface Run {
  readonly code: number | null;
  readonly out: string;
}

async function runShim(
  socketPath: string,
  env: Record<string, string>,
  stdin: string | Uint8Array,
): Promise<Run> {
  const child = spawn(shim, [], { env: { HEDDLE_CNI_SOCKET: socketPath, ...env } });
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { code: code as number | null, out };
}

const environment = (command: string): Record<string, string> => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web-0",
});

test("the socket is for root alone and goes with the server", async () => {
  const [server, path] = await serve();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await server[Symbol.asyncDispose]();
  assert.equal(existsSync(path), false);
});

test("a stale socket file is replaced, a serving agent is not", async () => {
  const path = join(directory, "stale.sock");
  writeFileSync(path, "");
  const options = { socketPath: path, handler: handler(), clock, log: silentLog };
  await using _first = await CniServer.listen(options);
  await assert.rejects(CniServer.listen(options), { code: "NotAvailable" });
});

test("garbage, silence, an endless line and a flood each get a clear error", async () => {
  const [server, path] = await serve({ requestBytesMax: 1000, receiveTimeoutMs: 50 });
  await using _server = server;
  const garbage = await exchange(path, new Uint8Array([0, 255, 254, 10, 13, 1, 2]));
  assert.match(garbage, /^1\n\{.*"code":6,"msg":"Cannot decode CNI request: want one line of JSON/);
  assert.match(await exchange(path, "null\n"), /want an object whose fields are strings/);
  assert.match(await exchange(path, '{"command":"ADD"}\n'), /containerId, netns, .* missing/);
  assert.match(await exchange(path, ""), /connection was empty/);
  assert.match(await exchange(path, "{", false), /no whole line in time/);
  assert.match(await exchange(path, "x".repeat(100_000)), /"code":5.*more than 1000 bytes/);
  assert.equal(server.connectionCount, 0);
  assert.match(await exchange(path, "again\n"), /^1\n/, "still serving");
});

test("more connections than allowed are told to try again", async () => {
  const [server, path] = await serve({ connectionCountMax: 1 });
  await using _server = server;
  const first = connect(path);
  await once(first, "connect");
  while (server.connectionCount === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(await exchange(path, "x\n"), /"code":11/);
  first.destroy();
});

test("a handler that fails or hangs becomes an error of the runtime", async () => {
  const fault = async (): Promise<never> => {
    throw new TypeError("broken");
  };
  const hang = (): Promise<never> => new Promise(() => undefined);
  const [server, path] = await serve({
    handler: handler({ add: fault, del: hang }),
    answerTimeoutMs: 30,
  });
  await using _server = server;
  const envelope = { containerId: "c", netns: "/n", ifname: "eth0", args: "", path: "", config };
  const add = await exchange(path, `${JSON.stringify({ command: "ADD", ...envelope })}\n`);
  assert.match(add, /"cniVersion":"1.0.0","code":199,"msg":"Cannot serve: broken"/);
  const del = await exchange(path, `${JSON.stringify({ command: "DEL", ...envelope })}\n`);
  assert.match(del, /"code":11,"msg":"Cannot finish DEL: no result after 30 ms"/);
});

test("heddle-cni carries ADD, DEL and STATUS", { skip: noShim }, async () => {
  const [server, path] = await serve();
  await using _server = server;
  const add = await runShim(path, environment("ADD"), config);
  assert.equal(add.code, 0);
  assert.deepEqual(JSON.parse(add.out), {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
    ips: [],
    routes: [],
    dns: {},
  });
  assert.deepEqual(await runShim(path, environment("DEL"), config), { code: 0, out: "" });
  const newest = config.replace("1.0.0", "1.1.0");
  const status = await runShim(path, { CNI_COMMAND: "STATUS" }, newest);
  assert.equal(status.code, 1);
  assert.deepEqual(JSON.parse(status.out), {
    cniVersion: "1.1.0",
    code: 50,
    msg: "Cannot serve ADD: pool p is exhausted",
  });
});

test("heddle-cni escapes what it sends", { skip: noShim }, async () => {
  const seen: string[] = [];
  const [server, path] = await serve({
    handler: handler({
      add: async (request) => {
        seen.push(request.netns, request.config.type);
        return {};
      },
    }),
  });
  await using _server = server;
  const odd = JSON.stringify({ ...JSON.parse(config), type: 'quote" back\\ tab\t nl\n ü 😀' });
  const netns = '/run/"q"\\b\t\u0001/ü';
  const run = await runShim(path, { ...environment("ADD"), CNI_NETNS: netns }, `${odd}\n\n`);
  assert.equal(run.code, 0, run.out);
  assert.deepEqual(seen, [netns, 'quote" back\\ tab\t nl\n ü 😀']);
});

test("heddle-cni answers VERSION without an agent", { skip: noShim }, async () => {
  const run = await runShim("/nonexistent", { CNI_COMMAND: "VERSION" }, '{"cniVersion": "0.4.0"}');
  assert.equal(run.code, 0);
  assert.deepEqual(JSON.parse(run.out), {
    cniVersion: "0.4.0",
    supportedVersions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
  });
});

test("heddle-cni refuses bad input with errors that a runtime can read", {
  skip: noShim,
}, async () => {
  const [server, path] = await serve();
  await using _server = server;
  const cases: [Record<string, string>, string | Uint8Array, number, RegExp][] = [
    [environment("ADD"), "{", 6, /Cannot decode network configuration/],
    [environment("ADD"), "", 6, /stdin is empty/],
    [environment("ADD"), new Uint8Array([0xff, 0xfe, 0x00]), 6, /JSON in UTF-8/],
    [environment("ADD"), "x".repeat(600_000), 5, /stdin: want at most 524288 bytes/],
    [environment("ADD"), '"'.repeat(524_288), 5, /more than 1048576 bytes/],
    [{}, config, 4, /CNI_COMMAND: not set/],
    [
      { ...environment("ADD"), CNI_ARGS: "x".repeat(5000) },
      config,
      4,
      /CNI_ARGS: longer than 4096/,
    ],
    [{ ...environment("ADD"), CNI_IFNAME: "" }, config, 4, /CNI_IFNAME: not set/],
    [environment("ADD"), config.replace("1.0.0", "7.1"), 1, /Cannot serve CNI version/],
  ];
  for (const [env, stdin, code, message] of cases) {
    const run = await runShim(path, env, stdin);
    const error = JSON.parse(run.out) as { code: number; msg: string; cniVersion: string };
    assert.equal(run.code, 1);
    assert.equal(error.code, code, run.out);
    assert.match(error.msg, message);
  }
});

test("heddle-cni without an agent says try again within 5 s", { skip: noShim }, async () => {
  const startMs = performance.now();
  const run = await runShim(join(directory, "none.sock"), environment("ADD"), config);
  assert.equal(run.code, 1);
  assert.match(run.out, /^\{"cniVersion":"1.0.0","code":11,"msg":"Cannot reach the heddle agent/);
  assert.ok(performance.now() - startMs > 4000, "an agent that restarts is waited for");
});

test("heddle-cni survives an agent that dies while it works", { skip: noShim }, async () => {
  const path = join(directory, "dying.sock");
  const server = createServer((socket) => socket.once("data", () => socket.destroy()));
  server.listen(path);
  await once(server, "listening");
  const run = await runShim(path, environment("ADD"), config);
  server.close();
  assert.equal(run.code, 1);
  assert.match(run.out, /"code":11.*without an answer/);
});
