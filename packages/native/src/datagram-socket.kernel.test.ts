import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, parseIp } from "@heddle/inet";
import {
  createNetns,
  DatagramSocket,
  type Fd,
  NetlinkSocket,
  type ReceivedDatagram,
  type SystemError,
} from "./mod.ts";

const loopbackUp = Uint8Array.fromHex(
  "2000000010000500010000000000000000000000010000000100000001000000",
);

function makeNetns(): Fd {
  const netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  assert.equal(socket.transact(loopbackUp, 1, 1).acks[0]?.errno, 0);
  return netns;
}

test("a datagram tells its TTL, its addresses and where it arrived", async () => {
  using netns = makeNetns();
  for (const text of ["127.0.0.1", "::1"]) {
    const address = parseIp(text);
    using receiver = new DatagramSocket(
      { address: parseIp(text === "::1" ? "::" : "0.0.0.0"), port: 0 },
      { netns },
    );
    using near = new DatagramSocket({ address, port: 0 }, { netns, device: "lo" });
    using far = new DatagramSocket({ address, port: 0 }, { netns, ttl: 254, trafficClass: 0xc0 });
    const seen: unknown[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const data = ({
      bytes,
      source,
      sourcePort,
      destination,
      ttl,
      ifindex,
    }: ReceivedDatagram): void => {
      seen.push([
        Buffer.from(bytes).toString(),
        formatIp(source),
        sourcePort,
        formatIp(destination),
        ttl,
        ifindex,
      ]);
      if (seen.length === 2) resolve();
    };
    receiver.receive({ data, failed: reject });
    const to = { address, port: receiver.port };
    near.send(Buffer.from("near"), to);
    far.send(Buffer.from("far"), to);
    await promise;
    assert.deepEqual(seen, [
      ["near", text, near.port, text, 255, 1],
      ["far", text, far.port, text, 254, 1],
    ]);
  }
});

test("a burst above the budget of one wake-up is delivered completely and in order", async () => {
  using netns = makeNetns();
  const address = parseIp("127.0.0.1");
  using receiver = new DatagramSocket({ address, port: 0 }, { netns });
  using sender = new DatagramSocket({ address, port: 0 }, { netns });
  for (let i = 0; i < 150; i += 1) sender.send(Uint8Array.of(i), { address, port: receiver.port });
  const seen: number[] = [];
  await new Promise<void>((resolve, reject) => {
    const data = ({ bytes }: ReceivedDatagram): void => {
      seen.push(bytes[0] ?? -1);
      if (seen.length === 150) resolve();
    };
    receiver.receive({ data, failed: reject });
  });
  assert.deepEqual(seen, [...Array(150).keys()]);
});

test("errors come as data, and a socket may be disposed of inside its callback", async () => {
  using netns = makeNetns();
  const address = parseIp("127.0.0.1");
  const socket = new DatagramSocket({ address, port: 0 }, { netns });
  const closed = new DatagramSocket({ address, port: 0 }, { netns });
  const { port } = closed;
  closed[Symbol.dispose]();
  assert.throws(
    () => socket.send(new Uint8Array(70_000), { address, port }),
    /EMSGSIZE from sendto/,
  );
  const received = new Promise<void>((resolve, reject) => {
    const data = (): void => {
      socket[Symbol.dispose]();
      resolve();
    };
    socket.receive({ data, failed: (error: SystemError) => reject(error) });
  });
  for (let i = 0; i < 3; i += 1) socket.send(Uint8Array.of(1), { address, port: socket.port });
  await received;
  assert.throws(() => socket.port, /the descriptor is open/);
});
