import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { hostPrefix, type Ip, parseIp } from "@heddle/inet";
import {
  type ConnectOptions,
  connectIn,
  createNetns,
  type Fd,
  type ListenOptions,
  listenIn,
  localPort,
  NetlinkSocket,
  peerOf,
  SystemError,
} from "./mod.ts";

/** RTM_NEWLINK of ifindex 1 with IFF_UP. */
const loopbackUp = Uint8Array.fromHex(
  "2000000010000500010000000000000000000000010000000100000001000000",
);

/** A namespace with loopback up. */
function makeNetns(): Fd {
  const netns = createNetns();
  using socket = new NetlinkSocket({ netns });
  const { acks } = socket.transact(loopbackUp, 1, 1);
  assert.deepEqual(
    acks.map(({ errno }) => errno),
    [0],
  );
  return netns;
}

/** Accepts one connection in `netns` and sends back what comes, through node:net on both sides. */
async function echo(
  address: Ip,
  listen: ListenOptions,
  connect: ConnectOptions,
  text: string,
): Promise<string> {
  const listener = listenIn({ address, port: 0 }, listen);
  const port = localPort(listener);
  const server = net.createServer((peer) => peer.pipe(peer));
  server.listen({ fd: listener.take() });
  try {
    const fd = await connectIn({ address, port }, connect);
    const socket = new net.Socket({ fd: fd.take() });
    socket.end(text);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => void chunks.push(Buffer.from(chunk)));
    await once(socket, "close");
    return Buffer.concat(chunks).toString();
  } finally {
    server.close();
  }
}

test("listenIn() and connectIn() carry node:net into a namespace, over both families", async () => {
  using netns = makeNetns();
  for (const text of ["127.0.0.1", "::1"]) {
    const address = parseIp(text);
    const local = { address, port: 0 };
    const said = await echo(address, { netns }, { netns, local, trafficClass: 0xc0 }, text);
    assert.equal(said, text);
  }
  // Outside, nothing listens.
  using listener = listenIn({ address: parseIp("127.0.0.1"), port: 0 }, { netns });
  await assert.rejects(
    connectIn({ address: parseIp("127.0.0.1"), port: localPort(listener) }),
    (error: unknown) => error instanceof SystemError && error.code === "ECONNREFUSED",
  );
});

test("GTSM accepts a neighbor with TTL 255 and drops others", async () => {
  using netns = makeNetns();
  for (const text of ["127.0.0.1", "::1"]) {
    const address = parseIp(text);
    const strict = { netns, ttl: 255, minTtl: 255 };
    assert.equal(await echo(address, strict, strict, "near"), "near");
    const far = { netns, ttl: 64, signal: AbortSignal.timeout(150) };
    await assert.rejects(echo(address, strict, far, "far"), { name: "TimeoutError" });
  }
});

test("TCP MD5 connects with the same key and not without", async () => {
  using netns = makeNetns();
  for (const text of ["127.0.0.1", "::1"]) {
    const address = parseIp(text);
    const md5 = [{ prefix: hostPrefix(address), key: Buffer.from("secret") }];
    assert.equal(await echo(address, { netns, md5 }, { netns, md5 }, "signed"), "signed");
    const signal = AbortSignal.timeout(150);
    await assert.rejects(echo(address, { netns, md5 }, { netns, signal }, "unsigned"), {
      name: "TimeoutError",
    });
  }
});

test("errors name what was asked", async () => {
  using netns = makeNetns();
  const local = { address: parseIp("192.0.2.1"), port: 179 };
  assert.throws(
    () => listenIn(local, { netns }),
    /Cannot bind port 179: .*EADDRNOTAVAIL from bind/,
  );
  const device = "ht-none";
  assert.throws(() => listenIn(local, { netns, device }), /interface ht-none: .*ENODEV/);
  const aborted = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(connectIn(local, { netns, signal: aborted }), /stopped/);
  await assert.rejects(connectIn(local, { netns }), /ENETUNREACH from connect/);
});

test("peerOf() names the other end of a connection, and of nothing else", async () => {
  using netns = makeNetns();
  for (const text of ["127.0.0.1", "::1"]) {
    const address = parseIp(text);
    using listener = listenIn({ address, port: 0 }, { netns });
    const port = localPort(listener);
    using connected = await connectIn({ address, port }, { netns });
    assert.deepEqual(peerOf(connected), { address, port });
    assert.throws(
      () => peerOf(listener),
      (error) => error instanceof SystemError && error.code === "ENOTCONN",
    );
  }
});
