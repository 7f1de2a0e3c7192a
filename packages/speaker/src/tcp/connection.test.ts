import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { encodeKeepalive, encodeNotification } from "@heddle/bgp";
import { Connection } from "./connection.ts";

/** Both ends of a connection over the loopback. */
async function connected(owned: AsyncDisposableStack): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  owned.defer(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const far = connect({ port, host: "127.0.0.1" });
  const [near] = (await once(server, "connection")) as [Socket];
  for (const socket of [near, far]) owned.defer(() => void socket.destroy());
  return { near, far };
}

function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const count = 6000;
const keepalives: Uint8Array = Buffer.concat(Array(count).fill(encodeKeepalive()));

test("what takes long is read over several turns, in order", async () => {
  await using owned = new AsyncDisposableStack();
  const { near, far } = await connected(owned);
  let turn = 0;
  const turns = new Set<number>();
  let receivedCount = 0;
  const all = Promise.withResolvers<void>();
  new Connection(near).open({
    message: () => {
      receivedCount += 1;
      turns.add(turn);
      if (receivedCount % 200 === 0) work(1);
      if (receivedCount === count) all.resolve();
      return true;
    },
    malformed: (error) => all.reject(error),
    lost: (why) => all.reject(new Error(why)),
    drained: () => {},
  });
  far.write(keepalives);
  let done = false;
  void all.promise.finally(() => {
    done = true;
  });
  for (; !done; turn += 1) await setImmediate();
  await all.promise;
  assert.equal(receivedCount, count);
  assert.ok(turns.size >= 2, "114 kB with 30 ms of work are more than one turn takes");
});

test("what came before a reset is taken before the loss is told", async () => {
  await using owned = new AsyncDisposableStack();
  const { near, far } = await connected(owned);
  const cease = encodeNotification({ code: 6, subcode: 2, data: new Uint8Array(0) });
  const sent = Buffer.concat([keepalives.subarray(0, 19 * 3000), cease]);
  await new Promise((resolve) => far.write(sent, resolve));
  const types: number[] = [];
  const lost = Promise.withResolvers<string>();
  new Connection(near).open({
    message: (type) => {
      types.push(type);
      // All of it is one read, the end of which will wait for a later turn.
      if (types.length === 1) {
        work(20);
        near.destroy(new Error("reset"));
      }
      return true;
    },
    malformed: (error) => lost.reject(error),
    lost: lost.resolve,
    drained: () => {},
  });
  assert.equal(await lost.promise, "reset");
  assert.deepEqual([types.length, types.at(-1)], [3001, 3]);
});
