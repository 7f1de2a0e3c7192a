/** What must not hurt the server, and what it says about it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import net from "node:net";
import { after, test } from "node:test";
import tls from "node:tls";
import { configMapKind, ipBlockKind, leaseKind, namespaceKind } from "@heddle/api";
import { HttpStore, isStatus, StatusError } from "@heddle/kube";
import fc from "fast-check";
import { decodeObject } from "../src/protobuf/decode-object.ts";
import {
  removeCertificates,
  startTestServer,
  type TestServer,
  viewerToken,
} from "./test-server.ts";

after(removeCertificates);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Without credentials. */
  readonly anonymous?: boolean;
}

async function send(server: TestServer, sent: Sent): Promise<Answer> {
  const { certificates, port } = server;
  const body = sent.body === undefined ? undefined : Buffer.from(sent.body);
  const request = https.request({
    host: "127.0.0.1",
    port,
    method: sent.method ?? "GET",
    path: sent.path,
    agent: false,
    ca: await certificates.read("ca.crt"),
    ...(sent.anonymous === true
      ? {}
      : { cert: await certificates.read("admin.crt"), key: await certificates.read("admin.key") }),
    headers: { ...(body === undefined ? {} : { "content-length": body.length }), ...sent.headers },
  });
  request.end(body);
  const [response] = await once(request, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

const configMaps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

function post(body: string | Buffer, headers: Readonly<Record<string, string>> = json): Sent {
  return { method: "POST", path: configMaps, headers, body };
}

const cm = (more: object): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, ...more });

const deep = `${'{"a":'.repeat(200)}1${"}".repeat(200)}`;

for (const [name, sent, status, message] of [
  ["malformed JSON", post("{"), 400, /^Cannot read body: /],
  ["bytes that are no UTF-8", post(Buffer.from([0x22, 0xff, 0x22])), 400, /^Cannot read body: /],
  ["no body", post(""), 400, /want a JSON object/],
  ["an array", post("[]"), 400, /want a JSON object/],
  ["another kind", post(cm({ kind: "Pod" })), 400, /does not match the expected kind/],
  ["no kind", post('{"apiVersion":"v1"}'), 400, /Object 'kind' is missing/],
  ["metadata that is text", post(cm({ metadata: "x" })), 400, /metadata is no object/],
  ["a name that is a number", post(cm({ metadata: { name: 1 } })), 400, /name is no string/],
  ["a body that is too deep", post(cm({ data: JSON.parse(deep) })), 400, /deeper than 128/],
  ["__proto__", post('{"__proto__":{"x":1},"kind":"ConfigMap"}'), 400, /__proto__/],
  ["no name", post(cm({ metadata: {} })), 422, /name or generateName is required|no name/],
  ["a bad name", post(cm({ metadata: { name: "A b" } })), 422, /metadata\.name: Invalid value/],
  ["data of the wrong type", post(cm({ data: { k: 1 } })), 422, /data\.k/],
  ["XML", post("<a/>", { "content-type": "text/xml" }), 415, /media type is "text\/xml"/],
  ["a huge body", post(cm({ data: { k: "x".repeat(4e6) } })), 413, /limit is 3145728/],
  ["an object over the limit", post(cm({ data: { k: "x".repeat(2e6) } })), 422, /want at most/],
  ["another namespace", post(cm({ metadata: { name: "a", namespace: "b" } })), 400, /namespace/],
  ["an unknown path", { path: "/apis/nope/v1/things" }, 404, /could not find/],
  ["an unknown subresource", { path: `${configMaps}/a/status` }, 404, /could not find/],
  ["a path that is no UTF-8", { path: "/api/v1/%ff" }, 400, /is not UTF-8/],
  ["a method that is none", { path: configMaps, method: "PUT", body: "{}" }, 405, /not allow/],
  ["a bad selector", { path: `${configMaps}?labelSelector=a%20in%20(` }, 400, /at \d+: expected/],
  ["a bad limit", { path: `${configMaps}?limit=-1` }, 400, /parameter limit/],
  ["a bad dryRun", { ...post(cm({})), path: `${configMaps}?dryRun=x` }, 400, /want All/],
  ["a bad revision", { path: `${configMaps}?resourceVersion=x` }, 400, /not a resource version/],
  [
    "a future revision",
    { path: `${configMaps}?resourceVersion=99&resourceVersionMatch=Exact` },
    504,
    /Too large/,
  ],
  [
    "an Accept that is not served",
    { path: configMaps, headers: { accept: "text/html" } },
    406,
    /only/,
  ],
  ["no credentials", { path: configMaps, anonymous: true }, 401, /Unauthorized/],
  [
    "a wrong token",
    { path: configMaps, anonymous: true, headers: { authorization: "Bearer nope" } },
    401,
    /Unauthorized/,
  ],
] as readonly (readonly [string, Sent, number, RegExp])[]) {
  test(`${name}: ${status}`, async () => {
    await using server = await startTestServer();
    const answer = await send(server, sent);
    assert.equal(answer.status, status, answer.body);
    const document = JSON.parse(answer.body);
    assert.equal(document.kind, "Status");
    assert.match(document.message, message);
    assert.equal((await send(server, { path: "/readyz" })).status, 200);
  });
}

test("unknown fields are refused, told of or dropped as the client wishes", async () => {
  await using server = await startTestServer();
  const body = cm({ dta: { k: "v" } });
  const mode = (word: string): Sent => ({
    ...post(body),
    path: `${configMaps}?dryRun=All&fieldValidation=${word}`,
  });
  const strict = await send(server, mode("Strict"));
  assert.equal(strict.status, 400);
  assert.match(JSON.parse(strict.body).message, /strict decoding error: unknown field "dta"/);
  const warned = await send(server, mode("Warn"));
  assert.equal(warned.status, 201);
  assert.match(String(warned.headers["warning"]), /^299 - "unknown field \\"dta\\"/);
  const ignored = await send(server, mode("Ignore"));
  assert.equal(ignored.headers["warning"], undefined);
  assert.equal("dta" in JSON.parse(ignored.body), false);
});

test("garbage instead of TLS, HTTP and headers ends that connection alone", async () => {
  await using server = await startTestServer();
  const { port, certificates } = server;
  const plain = net.connect(port, "127.0.0.1");
  plain.on("error", () => plain.destroy());
  plain.end("GET / HTTP/1.1\r\n\r\n");
  await once(plain, "close");
  const ca = await certificates.read("ca.crt");
  for (const bytes of [
    "\0\x01\x02garbage\r\n\r\n",
    `GET / HTTP/1.1\r\nx: ${"y".repeat(1e5)}\r\n\r\n`,
  ]) {
    const secure = tls.connect({ port, host: "127.0.0.1", ca });
    secure.on("error", () => secure.destroy());
    await once(secure, "secureConnect");
    let answer = "";
    secure.on("data", (chunk) => {
      answer += chunk;
    });
    secure.write(bytes);
    await once(secure, "close");
    assert.match(answer, /^HTTP\/1\.1 4(00|31) /);
  }
  assert.equal((await send(server, { path: "/livez" })).status, 200);
});

test("a server with too many requests at work says so", async () => {
  await using server = await startTestServer({ serverLimits: { requestCountMax: 0 } });
  const answer = await send(server, { path: configMaps });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers["retry-after"], "1");
});

test("a certificate of another authority is nobody", async () => {
  await using server = await startTestServer();
  const { certificates, port } = server;
  // The server's own certificate is for servers, not for clients.
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    ca: await certificates.read("ca.crt"),
    cert: await certificates.read("server.crt"),
    key: await certificates.read("server.key"),
  });
  await once(socket, "secureConnect");
  socket.write(`GET ${configMaps} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  assert.match(answer, /^HTTP\/1\.1 401 /);
});

test("anybody may ask for health, and known users for discovery", async () => {
  await using server = await startTestServer();
  const ask = async (path: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await send(server, { path, anonymous: true, headers })).status;
  };
  assert.equal(await ask("/livez"), 200);
  assert.equal(await ask("/version"), 200);
  assert.equal(await ask("/apis"), 401);
  assert.equal(await ask("/apis", viewerToken), 200);
  assert.equal(await ask(configMaps, viewerToken), 200);
  assert.equal(await ask("/api/v1/secrets", viewerToken), 403);
});

test("an agent changes what is its node's, and learns nothing from refusals", async () => {
  await using server = await startTestServer();
  using agent = await HttpStore.fromKubeconfig(server.kubeconfig("agent"));
  const isForbidden = (error: unknown): boolean => isStatus(error, "Forbidden");
  const lease = (name: string) => ({
    apiVersion: "coordination.k8s.io/v1" as const,
    kind: "Lease" as const,
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name },
  });
  await agent.create(leaseKind, lease("n1"));
  await assert.rejects(agent.create(leaseKind, lease("n2")), isForbidden);
  await assert.rejects(agent.delete(ipBlockKind, { name: "none" }), isForbidden);
  const map = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "x", namespace: "default" },
  } as const;
  await assert.rejects(agent.update(configMapKind, map), isForbidden);
});

test("a slow watch does not delay others and is told that it is too late", async () => {
  await using server = await startTestServer({ storeLimits: { eventCountMax: 32 } });
  using admin = await HttpStore.fromKubeconfig(server.kubeconfig("admin"));
  const { resourceVersion } = await admin.list(configMapKind);
  const abort = new AbortController();
  const slow = server.store.watch(configMapKind, { resourceVersion, signal: abort.signal });
  const iterator = slow[Symbol.asyncIterator]();
  const map = (i: number) => ({
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name: "x", namespace: "default" },
    data: { i: String(i) },
  });
  await admin.create(configMapKind, map(0));
  await iterator.next();
  for (let i = 1; i < 200; i += 1) await admin.update(configMapKind, map(i));
  const drain = async (): Promise<void> => {
    while ((await iterator.next()).done !== true);
  };
  await assert.rejects(drain(), (error) => isStatus(error, "Expired"));
  abort.abort();
});

test("a namespace goes with what is in it", async () => {
  await using server = await startTestServer();
  const { store } = server;
  const metadata = { name: "team" };
  await store.create(namespaceKind, { apiVersion: "v1", kind: "Namespace", metadata, spec: {} });
  await store.create(configMapKind, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "x", namespace: "team", finalizers: ["heddle.io/test"] },
  });
  const { resourceVersion } = await store.list(namespaceKind);
  await store.delete(namespaceKind, { name: "team" });
  const ref = { name: "y", namespace: "team" };
  const late = store.create(configMapKind, { apiVersion: "v1", kind: "ConfigMap", metadata: ref });
  await assert.rejects(late, /because it is being terminated/);
  const held = await store.get(configMapKind, { name: "x", namespace: "team" });
  const { finalizers: _, ...released } = held.metadata;
  await store.update(configMapKind, { ...held, metadata: released });
  const signal = AbortSignal.timeout(20_000);
  for await (const event of store.watch(namespaceKind, { resourceVersion, signal })) {
    if (event.type === "DELETED") break;
  }
  assert.equal((await store.list(configMapKind, { namespace: "team" })).items.length, 0);
});

test("decodeObject() fails only with StatusError", () => {
  const prefix = Buffer.concat([
    Buffer.from("k8s\0"),
    Buffer.from([0x0a, 0x0f, 0x0a, 0x02]),
    Buffer.from("v1"),
    Buffer.from([0x12, 0x09]),
    Buffer.from("ConfigMap"),
    Buffer.from([0x12]),
  ]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, framed) => {
      const body = framed ? Buffer.concat([prefix, Buffer.from([bytes.length]), bytes]) : bytes;
      try {
        decodeObject(body);
      } catch (error) {
        assert.ok(error instanceof StatusError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
