import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, type Ifindex, parseIp6 } from "@heddle/inet";
import {
  createNetns,
  type Fd,
  Icmp6Socket,
  NetlinkSocket,
  type ReceivedDatagram,
  SystemError,
} from "./mod.ts";

const loopbackUp = Uint8Array.fromHex(
  "2000000010000500010000000000000000000000010000000100000001000000",
);
const loopback = 1 as Ifindex;
const self = parseIp6("::1");

function makeNetns(): Fd {
  const netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  assert.equal(socket.transact(loopbackUp, 1, 1).acks[0]?.errno, 0);
  return netns;
}

/** Type, code, checksum and four octets; the kernel puts the checksum in. */
function message(type: number): Uint8Array {
  return Uint8Array.of(type, 0, 0, 0, 1, 2, 3, 4);
}

test("solicitations and advertisements are heard with hop limit 255, and nothing else is", async () => {
  using netns = makeNetns();
  using listener = new Icmp6Socket(loopback, netns);
  using speaker = new Icmp6Socket(loopback, netns);
  const seen: ReceivedDatagram[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  listener.receive({
    data: (datagram) => {
      seen.push({ ...datagram, bytes: datagram.bytes.slice() });
      if (seen.length === 2) resolve();
    },
    failed: reject,
  });
  const [neighborSolicitation, echoRequest] = [135, 128];
  for (const type of [echoRequest, 133, neighborSolicitation, 134]) {
    speaker.send(message(type), self);
  }
  await promise;
  assert.deepEqual(
    seen.map(({ bytes }) => bytes[0]),
    [133, 134],
  );
  for (const { bytes, source, ttl, ifindex } of seen) {
    assert.deepEqual([...bytes.subarray(4)], [1, 2, 3, 4]);
    assert.ok(bytes[2] !== 0 || bytes[3] !== 0, "it has a checksum");
    assert.deepEqual([formatIp(source), ttl, ifindex], ["::1", 255, loopback]);
  }
});

test("an interface that is not there, or has no link-local address, is an error", () => {
  using netns = makeNetns();
  using lonely = new Icmp6Socket(loopback, netns);
  const cannot = (error: unknown): boolean => error instanceof SystemError;
  assert.throws(() => lonely.send(message(133), parseIp6("fe80::1")), cannot);
  assert.throws(() => new Icmp6Socket(99 as Ifindex, netns), cannot);
});
