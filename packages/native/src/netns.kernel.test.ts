import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { createNetns, netnsOf, openNetns, ownNetns, SystemError, withNetns } from "./mod.ts";

test("withNetns() goes there and back, also when the call throws", () => {
  using home = ownNetns();
  using away = createNetns();
  assert.notEqual(netnsOf(home), netnsOf(away));
  const seen = withNetns(away, () => {
    using here = ownNetns();
    return { inode: netnsOf(here), devices: readFileSync("/proc/thread-self/net/dev", "utf8") };
  });
  assert.equal(seen.inode, netnsOf(away));
  assert.equal(seen.devices.trim().split("\n").length, 3);
  const failing = (): never => {
    throw new Error("inside");
  };
  assert.throws(() => withNetns(away, failing), /inside/);
  using after = ownNetns();
  assert.equal(netnsOf(after), netnsOf(home));
});

test("openNetns() opens by path and refuses what is no network namespace", () => {
  using made = createNetns();
  using opened = openNetns(`/proc/self/fd/${made.number}`);
  assert.equal(netnsOf(opened), netnsOf(made));
  for (const [path, code] of [
    ["/run/netns/ht-none", "ENOENT"],
    ["/proc/self/ns/uts", "EINVAL"],
    ["/etc/passwd", "EINVAL"],
    ["/", "EINVAL"],
  ] as const) {
    assert.throws(
      () => openNetns(path),
      (error: unknown) =>
        error instanceof SystemError && error.code === code && error.message.includes(path),
    );
  }
});

test("a descriptor is closed once, and not used after", () => {
  const made = createNetns();
  assert.equal(made.isOpen, true);
  made.close();
  made.close();
  assert.equal(made.isOpen, false);
  assert.throws(() => made.number, /the descriptor is open/);
});

const workerSource = `
  const { parentPort, workerData } = require("node:worker_threads");
  import(workerData.module).then(({ DatagramSocket, enterNetns, netnsOf, openNetns, ownNetns }) => {
    using netns = openNetns(workerData.path);
    enterNetns(netns);
    using here = ownNetns();
    const socket = new DatagramSocket({ address: 0, port: 0 });
    socket.receive({ data() {}, failed() {} });
    parentPort.postMessage(netnsOf(here));
  });
`;

test("a Worker enters a namespace alone, and may be terminated with an open poll", async () => {
  using home = ownNetns();
  using away = createNetns();
  const workerData = {
    module: new URL("./mod.ts", import.meta.url).href,
    path: `/proc/self/fd/${away.number}`,
  };
  const worker = new Worker(workerSource, { eval: true, workerData });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.once("message", resolve);
  worker.once("error", reject);
  assert.equal(await promise, netnsOf(away));
  using still = ownNetns();
  assert.equal(netnsOf(still), netnsOf(home));
  assert.equal(await worker.terminate(), 1);
});
