import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { type Log, silentLog } from "@heddle/std";
import { type AdminRoute, AdminServer } from "./admin-server.ts";
import { AdminRequestError, AdminStream } from "./answer.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-admin-"));
const socketPath = path.join(folder, "agent.sock");
after(() => rmSync(folder, { recursive: true }));

const routes: Readonly<Record<string, AdminRoute>> = {
  "/v1/rows": (query) => ({ within: query.get("within"), packets: 2n ** 60n }),
  "/v1/refuses": () => {
    throw new AdminRequestError("family x, want ipv4 or ipv6");
  },
  "/v1/fails": () => Promise.reject(new Error("the worker is gone")),
};

const actions: Readonly<Record<string, AdminRoute>> = {
  "/v1/reset": (query) => ({ reset: query.get("peer") }),
  "/v1/gone": () => {
    throw new AdminRequestError("no BGP peer x", 404);
  },
  "/v1/bytes": () => new AdminStream("application/octet-stream", pieces()),
};

async function* pieces(): AsyncIterable<Uint8Array> {
  for (const text of ["one ", "two ", "three"]) {
    await new Promise((resolve) => setImmediate(resolve));
    yield Buffer.from(text);
  }
}

function start(log: Log = silentLog): Promise<AdminServer> {
  const metrics = async () => ({ contentType: "text/plain", text: "heddle_pods 3\n" });
  return AdminServer.start({ socketPath, routes, actions, metrics, log });
}

const known = "/v1/rows /v1/refuses /v1/fails POST /v1/reset POST /v1/gone POST /v1/bytes";

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

function ask(target: string, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: target, method, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    request.end();
  });
}

/** Sends bytes as they are; resolves with what comes back. */
function sendRaw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.end(bytes));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

test("the admin socket answers its routes as JSON, and the metrics as text", async () => {
  await using _server = await start();
  assert.deepEqual(await ask("/v1/rows?within=10.0.0.0%2F8"), {
    status: 200,
    text: '{"within":"10.0.0.0/8","packets":"1152921504606846976"}\n',
  });
  assert.deepEqual(await ask("/metrics"), { status: 200, text: "heddle_pods 3\n" });
});

test("what changes something is a POST, and an answer may come in pieces", async () => {
  await using _server = await start();
  assert.deepEqual(await ask("/v1/reset?peer=192.0.2.1", "POST"), {
    status: 200,
    text: '{"reset":"192.0.2.1"}\n',
  });
  assert.equal((await ask("/v1/reset?peer=192.0.2.1")).status, 404);
  assert.equal((await ask("/v1/rows", "POST")).status, 404);
  assert.deepEqual(await ask("/v1/gone", "POST"), {
    status: 404,
    text: '{"message":"no BGP peer x"}\n',
  });
  assert.deepEqual(await ask("/v1/bytes", "POST"), { status: 200, text: "one two three" });
});

test("the admin socket says what it refuses", async () => {
  await using _server = await start();
  assert.deepEqual(await ask("/v1/refuses"), {
    status: 400,
    text: '{"message":"family x, want ipv4 or ipv6"}\n',
  });
  assert.deepEqual(await ask("/v1/rows", "DELETE"), {
    status: 404,
    text: `{"message":"no DELETE /v1/rows here, want one of: ${known}"}\n`,
  });
  assert.deepEqual(await ask("/v2"), {
    status: 404,
    text: `{"message":"no /v2 here, want one of: ${known}"}\n`,
  });
});

test("a route that fails is a 500 and a line in the log, not the agent's end", async () => {
  const lines: unknown[] = [];
  const error: Log["error"] = (message, fields) => lines.push([message, fields?.["path"]]);
  await using _server = await start({ ...silentLog, error });
  assert.equal((await ask("/v1/fails")).text, '{"message":"the worker is gone"}\n');
  assert.deepEqual(lines, [["admin request failed", "/v1/fails"]]);
});

test("nothing that a client sends ends the agent", async () => {
  await using _server = await start();
  const noUrl = await sendRaw("GET // HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.match(noUrl, /^HTTP\/1\.1 400 .*"the request target is no URL"/s);
  assert.match(await sendRaw("\0\0\0\0\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await sendRaw(`GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.equal((await ask("/metrics")).status, 200);
});

test("the admin socket is its owner's alone, and replaces one that was left behind", async () => {
  writeFileSync(socketPath, "left behind");
  await using _server = await start();
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  assert.equal((await ask("/metrics")).status, 200);
});
