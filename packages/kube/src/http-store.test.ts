import assert from "node:assert/strict";
import http from "node:http";
import type net from "node:net";
import { test } from "node:test";
import { type ConfigMap, configMapKind } from "@heddle/api";
import { defaultHttpLimits } from "./http-connection.ts";
import { HttpStore } from "./http-store.ts";
import { isStatus } from "./status-error.ts";
import type { WatchEvent } from "./store.ts";

/** A server that answers every request with the next of these texts, and the queries it saw. */
async function scripted(
  answers: readonly string[],
): Promise<AsyncDisposable & { readonly store: HttpStore; readonly urls: string[] }> {
  const urls: string[] = [];
  const server = http.createServer((request, response) => {
    const answer = answers[urls.length];
    urls.push(request.url as string);
    if (answer === undefined) response.writeHead(500).end("the script is over");
    else response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const store = new HttpStore({ server: new URL(`http://127.0.0.1:${port}/base/`) });
  return {
    store,
    urls,
    async [Symbol.asyncDispose](): Promise<void> {
      store[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function event(type: string, name: string, resourceVersion: string): string {
  return `${JSON.stringify({ type, object: { metadata: { name, resourceVersion } } })}\n`;
}

/** Reads until the watch fails; returns what came and the error. */
async function follow(store: HttpStore): Promise<{ events: string[]; error: unknown }> {
  const events: string[] = [];
  const { signal } = new AbortController();
  const shown = (it: WatchEvent<ConfigMap>): string =>
    it.type === "BOOKMARK"
      ? `BOOKMARK ${it.resourceVersion}`
      : `${it.type} ${it.object.metadata.name}`;
  try {
    for await (const it of store.watch(configMapKind, { resourceVersion: "5", signal })) {
      events.push(shown(it));
    }
  } catch (error) {
    return { events, error };
  }
  return assert.fail("the watch ended");
}

function revisionsOf(urls: readonly string[]): (string | null)[] {
  return urls.map((url) => new URL(url, "http://server").searchParams.get("resourceVersion"));
}

test("watch() goes on from the last revision when the server ends it", async () => {
  const second = event("MODIFIED", "a", "8");
  await using it = await scripted([
    event("ADDED", "a", "6") + event("BOOKMARK", "", "7"),
    second,
    `${JSON.stringify({ type: "ERROR", object: { code: 410, reason: "Expired", message: "m" } })}\n`,
  ]);
  const { events, error } = await follow(it.store);
  assert.deepEqual(events, ["ADDED a", "BOOKMARK 7", "MODIFIED a"]);
  assert.ok(isStatus(error, "Expired"));
  assert.deepEqual(revisionsOf(it.urls), ["5", "7", "8"]);
});

test("watch() fails when the server ends it at once, so that nobody asks in a loop", async () => {
  await using it = await scripted(["", ""]);
  const { error } = await follow(it.store);
  assert.ok(isStatus(error, "ServiceUnavailable"));
  assert.equal(error.message, "Watch of configmaps broke: the server ended it at once");
  assert.equal(it.urls.length, 1);
});

test("watch() refuses events that it cannot follow", async () => {
  await using it = await scripted([
    "not JSON\n",
    '{"type":"BOOKMARK","object":{"metadata":{}}}\n',
    '{"type":"ADDED","object":null}\n',
  ]);
  const messages: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    const { error } = await follow(it.store);
    messages.push(error instanceof Error ? `${error.name} ${error.message}` : "");
  }
  assert.equal(messages[0], 'StatusError Cannot read watch event "not JSON": want JSON');
  const noRevision = "StatusError Cannot follow a watch: an event has no resourceVersion";
  assert.equal(messages[1], noRevision);
  assert.match(messages[2] as string, /^StatusError Watch of configmaps broke: /);
});

test("watch() ends without an error when it is aborted", async () => {
  const server = http.createServer((_request, response) => {
    response.write(event("ADDED", "a", "6"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  using store = new HttpStore({ server: new URL(`http://127.0.0.1:${port}`) }, defaultHttpLimits);
  const abort = new AbortController();
  const seen: string[] = [];
  const options = { resourceVersion: "5", signal: abort.signal };
  for await (const it of store.watch(configMapKind, options)) {
    seen.push(it.type);
    abort.abort();
  }
  assert.deepEqual(seen, ["ADDED"]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("list() gives items their type, and takes null for an empty list", async () => {
  await using it = await scripted([
    '{"metadata":{"resourceVersion":"9","continue":"t"},"items":[{"metadata":{"name":"a"}}]}',
    '{"metadata":{"resourceVersion":"9","continue":""},"items":null}',
  ]);
  const first = await it.store.list(configMapKind, { limit: 1, labelSelector: "a=b" });
  const item = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  assert.deepEqual(first, { items: [item], resourceVersion: "9", continueToken: "t" });
  assert.deepEqual(await it.store.list(configMapKind, { namespace: "n/s" }), {
    items: [],
    resourceVersion: "9",
  });
  assert.deepEqual(it.urls, [
    "/base/api/v1/configmaps?labelSelector=a%3Db&limit=1",
    "/base/api/v1/namespaces/n%2Fs/configmaps",
  ]);
});

test("answers of another shape are StatusErrors", async () => {
  const texts = ["null", "[]", '{"metadata":null}', '{"metadata":{},"items":{}}'];
  for (const text of texts) {
    await using it = await scripted([text]);
    await assert.rejects(it.store.list(configMapKind), {
      name: "StatusError",
      message: `Cannot use the answer ${text}: want a list`,
    });
  }
  await using it = await scripted(["[]"]);
  await assert.rejects(it.store.get(configMapKind, { name: "a", namespace: "d" }), {
    name: "StatusError",
    message: "Cannot use the answer []: want an object",
  });
});

test("names that would change the path never reach the server", async () => {
  await using it = await scripted([]);
  for (const name of ["", ".", "..", "a/b", "%2e%2e"]) {
    await assert.rejects(it.store.delete(configMapKind, { name, namespace: "default" }), {
      reason: "BadRequest",
      message: `Cannot address configmaps ${JSON.stringify(name)}: want a name`,
    });
  }
  assert.deepEqual(it.urls, []);
});
