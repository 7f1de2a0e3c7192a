import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@heddle/codec";
import { createNetns, NetlinkMonitor, NetlinkSocket, SystemError, splitMessages } from "./mod.ts";

/** RTM_NEWLINK of ifindex 1 with or without IFF_UP, sequence 1. */
function loopback(up: 0 | 1): Uint8Array {
  const flags = `0${up}000000`;
  return Uint8Array.fromHex(
    `20000000100005000100000000000000${"00000000"}01000000${flags}01000000`,
  );
}

/** RTM_GETLINK with NLM_F_DUMP, sequence 9. */
const dumpLinks = Uint8Array.fromHex(
  "2000000012000503090000000000000000000000000000000000000000000000",
);

test("transact() returns acknowledgements and the messages of a dump", () => {
  using netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  const { acks } = socket.transact(loopback(1), 1, 1);
  assert.deepEqual(
    acks.map(({ sequence, errno }) => [sequence, errno]),
    [[1, 0]],
  );
  const dump = socket.transact(dumpLinks, 9, 1);
  assert.equal(dump.acks.length, 0);
  assert.deepEqual(
    dump.messages.map(({ type, sequence }) => [type, sequence]),
    [[16, 9]],
  );
});

test("transact() returns the errno of a failed request with the request's header", () => {
  using netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  const missing = loopback(1);
  missing[20] = 99;
  const [ack] = socket.transact(missing, 1, 1).acks;
  assert.equal(ack?.errno, 19);
  assert.equal(toHex(ack.rest.subarray(0, 16)).slice(0, 24), "200000001000050001000000");
});

test("splitMessages() refuses a length that leaves the datagram", () => {
  const bytes = loopback(1);
  bytes[0] = 0xff;
  assert.throws(() => [...splitMessages(bytes)], /Cannot read/);
  bytes[0] = 3;
  assert.throws(() => [...splitMessages(bytes)], /Cannot read/);
});

const RTNLGRP_LINK = 1;

test("a monitor reports an overrun and goes on", async () => {
  using netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  const { promise: overran, resolve: overrun, reject: failed } = Promise.withResolvers<void>();
  let received = 0;
  let more: (() => void) | undefined;
  const data = (bytes: Uint8Array): void => {
    received += [...splitMessages(bytes)].length;
    more?.();
  };
  const events = { data, overrun, failed };
  using monitor = new NetlinkMonitor([RTNLGRP_LINK], events, { netns, receiveBytes: 32 << 10 });
  assert.ok(monitor !== undefined);
  for (let i = 0; i < 200; i += 1) socket.transact(loopback(i % 2 === 0 ? 1 : 0), 1, 1);
  await overran;
  assert.ok(received < 200);
  const { promise: another, resolve } = Promise.withResolvers<void>();
  more = resolve;
  socket.transact(loopback(1), 1, 1);
  await another;
});

test("a monitor may be disposed of inside its callback", async () => {
  using netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  let calls = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const monitor: NetlinkMonitor = new NetlinkMonitor(
    [RTNLGRP_LINK],
    {
      data: () => {
        calls += 1;
        monitor[Symbol.dispose]();
        resolve();
      },
      overrun: () => reject(new Error("overrun")),
      failed: reject,
    },
    { netns },
  );
  socket.transact(loopback(1), 1, 1);
  await promise;
  socket.transact(loopback(0), 1, 1);
  await new Promise((done) => setImmediate(done));
  assert.equal(calls, 1);
  monitor[Symbol.dispose]();
});

test("a monitor gathers what comes within some milliseconds", async () => {
  using netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const overrun = (): void => reject(new Error("overrun"));
  const events = { data: resolve, overrun, failed: reject };
  using monitor = new NetlinkMonitor([RTNLGRP_LINK], events, { netns });
  assert.ok(monitor !== undefined);
  socket.transact(loopback(1), 1, 1);
  // One turn of the event loop, in which the first change wakes the monitor.
  await new Promise((done) => setImmediate(done));
  socket.transact(loopback(0), 1, 1);
  const flags = [...splitMessages(await promise)].map(({ payload }) => Number(payload[8]) & 1);
  assert.deepEqual(flags, [1, 0]);
});

test("an unknown group and an unknown protocol are SystemErrors", () => {
  using netns = createNetns();
  const ignore = (): void => undefined;
  const events = { data: ignore, overrun: ignore, failed: ignore };
  const isSystemError = (code: string) => (error: unknown) =>
    error instanceof SystemError && error.code === code;
  assert.throws(() => new NetlinkMonitor([9999], events, { netns }), isSystemError("EINVAL"));
  assert.throws(() => new NetlinkSocket({ netns, protocol: 31 }), isSystemError("EPROTONOSUPPORT"));
});
