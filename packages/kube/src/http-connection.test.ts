import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { defaultHttpLimits, HttpConnection, type HttpLimits } from "./http-connection.ts";
import { isStatus, StatusError } from "./status-error.ts";

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

interface TestPeer extends AsyncDisposable {
  readonly connection: HttpConnection;
  readonly server: http.Server;
}

async function listen(server: net.Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
}

async function peer(handler: Handler, limits: Partial<HttpLimits> = {}): Promise<TestPeer> {
  const server = http.createServer(handler);
  const url = await listen(server);
  const connection = new HttpConnection({ server: url }, { ...defaultHttpLimits, ...limits });
  return {
    connection,
    server,
    async [Symbol.asyncDispose](): Promise<void> {
      connection[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function failureOf(promise: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await promise.then(
    () => assert.fail("the request succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StatusError, `want a StatusError: ${String(error)}`);
  return error;
}

const get = { method: "GET", path: "/x" } as const;
const put = { method: "PUT", path: "/x", body: { a: "ü" } } as const;

/** Answers once, keeps the connection, and resets it when something comes on it again. */
function resettingServer(): { server: net.Server; seen: string[] } {
  const seen: string[] = [];
  const server = net.createServer((socket) => {
    let count = 0;
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      count += 1;
      seen.push(bytes.toString().split(" ")[0] as string);
      if (count === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      else socket.resetAndDestroy();
    });
  });
  return { server, seen };
}

test("send() sends the body with its length and the token", async () => {
  await using one = await peer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { "content-length": length, "content-type": type } = request.headers;
    response.end(JSON.stringify({ text, length, type, method: request.method }));
  });
  const answer = await one.connection.send(put);
  const want = { text: '{"a":"ü"}', length: "10", type: "application/json", method: "PUT" };
  assert.deepEqual(answer, want);
});

test("send() sends a GET once more when its kept connection is dead, a write never", async () => {
  const { server, seen } = resettingServer();
  using connection = new HttpConnection({ server: await listen(server) });
  await connection.send(get);
  assert.deepEqual(await connection.send(get), {});
  assert.deepEqual(seen, ["GET", "GET", "GET"]);
  const error = await failureOf(connection.send(put));
  assert.equal(error.reason, "ServiceUnavailable");
  assert.deepEqual(seen.slice(3), ["PUT"]);
  server.close();
});

test("send() gives up when no answer comes, and when its body stops half-way", async () => {
  await using silent = await peer(() => undefined, { requestTimeoutMs: 50 });
  const want = `Cannot reach ${new URL(silent.connection.server).origin}: no answer in 50 ms`;
  assert.equal((await failureOf(silent.connection.send(get))).message, want);
  await using half = await peer((_request, response) => response.write('{"a":'), {
    requestTimeoutMs: 50,
  });
  const error = await failureOf(half.connection.send(get));
  assert.equal(error.reason, "ServiceUnavailable");
  assert.match(error.message, /no answer in 50 ms|aborted/);
});

test("send() refuses an answer that is too long, and one that is no JSON", async () => {
  const big = "x".repeat(2000);
  await using long = await peer((_request, response) => response.end(big), {
    answerBytesMax: 1000,
  });
  const tooLong = await failureOf(long.connection.send(get));
  assert.equal(tooLong.reason, "RequestEntityTooLarge");
  assert.equal(tooLong.message, "Cannot read the answer: more than 1000 bytes, want no more");
  await using html = await peer((_request, response) => response.end("<html>"));
  const { reason, message } = await failureOf(html.connection.send(get));
  assert.deepEqual(
    [reason, message],
    ["InternalError", 'Cannot read the answer "<html>": want JSON'],
  );
});

test("send() says so when nobody listens", async () => {
  const server = net.createServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  using connection = new HttpConnection({ server: url });
  const { reason, message } = await failureOf(connection.send(get));
  assert.equal(reason, "ServiceUnavailable");
  assert.equal(message, `Cannot reach ${url.origin}: connect ECONNREFUSED ${url.host}`);
});

test("send() keeps to the limit of connections", async () => {
  let open = 0;
  let openMax = 0;
  const limits = { connectionCountMax: 2 };
  await using one = await peer((_request, response) => response.end("{}"), limits);
  one.server.on("connection", (socket) => {
    open += 1;
    openMax = Math.max(openMax, open);
    socket.on("close", () => {
      open -= 1;
    });
  });
  await Promise.all(Array.from({ length: 20 }, () => one.connection.send(get)));
  assert.equal(openMax, 2);
});

test("open() fails when a refusal's body never ends", async () => {
  const stuck: Handler = (_request, response) => {
    response.writeHead(500);
    response.write("{");
  };
  await using one = await peer(stuck, { requestTimeoutMs: 50 });
  const { signal } = new AbortController();
  const error = await failureOf(one.connection.open("/x", new URLSearchParams(), signal));
  assert.equal(error.reason, "ServiceUnavailable");
});

test("open() ends a stream that brings nothing for too long", async () => {
  const oneLine: Handler = (_request, response) => {
    response.writeHead(200);
    response.write("{}\n");
  };
  await using one = await peer(oneLine, { watchIdleMs: 50 });
  const { signal } = new AbortController();
  const stream = await one.connection.open("/x", new URLSearchParams(), signal);
  const read = async (): Promise<void> => {
    for await (const chunk of stream) assert.equal(String(chunk), "{}\n");
  };
  await assert.rejects(read, { message: "nothing came in 50 ms" });
});

test("open() gives the server's refusal", async () => {
  await using one = await peer((_request, response) => {
    response
      .writeHead(410)
      .end(JSON.stringify({ kind: "Status", reason: "Expired", message: "m" }));
  });
  const { signal } = new AbortController();
  const error = await failureOf(one.connection.open("/x", new URLSearchParams(), signal));
  assert.ok(isStatus(error, "Expired"));
  assert.equal(error.message, "m");
});
