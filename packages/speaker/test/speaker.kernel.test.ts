/** Two speakers in namespaces of their own, and a bare TCP client. Needs root. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  decodeNotification,
  encodeKeepalive,
  encodeOpen,
  Framer,
  formatNotification,
} from "@heddle/bgp";
import { type Ip4, parseAsn, parseIp4, parsePrefix, prefixOf } from "@heddle/inet";
import { connectIn, openNetns } from "@heddle/native";
import { type Log, type LogFields, silentLog } from "@heddle/std";
import {
  defaultGracefulRestart,
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
  SpeakerError,
} from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";
import { RecordingFib } from "./testing/recording-fib.ts";
import { configOf, type Side, sides } from "./testing/two-sides.ts";

describe("two speakers", { timeout: 100_000 }, () => {
  const lab = new Lab();
  before(() => {
    lab.addNamespace("a");
    lab.addNamespace("b");
    lab.link("a", "b", { a: ["10.0.0.1/29", "fd00::1/64"], b: ["10.0.0.2/29", "fd00::2/64"] });
    lab.limitSocketBuffers("a");
    lab.limitSocketBuffers("b");
    lab.ip("b", "addr", "add", "10.0.0.3/29", "dev", "to-a");
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = (
    side: Side,
    fib = new RecordingFib(),
    peer: Partial<PeerConfig> = {},
  ): Promise<Speaker> =>
    Speaker.start(configOf(side, peer), { log: silentLog, fib, netns: lab.path(side) });
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const isUp = (speaker: Speaker): boolean => status(speaker).state === "Established";

  test("connecting to each other at once ends in one session, also by collision", async () => {
    const dumped: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const logOf = (side: Side): Log => {
        const note = (message: string, fields?: LogFields): void => {
          const reason = String(fields?.["reason"]);
          if (reason.includes("Collision")) dumped.push(`${side} ${message} ${reason}`);
        };
        const log = { ...silentLog, debug: note, info: note, warn: note, with: () => log };
        return log;
      };
      const both = (["a", "b"] as const).map((side) =>
        Speaker.start(configOf(side), {
          log: logOf(side),
          fib: new RecordingFib(),
          netns: lab.path(side),
        }),
      );
      const [a, b] = (await Promise.all(both)) as [Speaker, Speaker];
      try {
        await until("established", () => isUp(a) && isUp(b));
        await sleep(300);
        assert.equal(isUp(a) && isUp(b), true);
        assert.deepEqual([status(a).establishedCount, status(b).establishedCount], [1, 1]);
      } finally {
        await Promise.all([a.stop(), b.stop()]);
      }
    }
    assert.ok(dumped.length > 0, "at least one round was a collision");
  });

  test("65536 routes in each direction, and their withdrawal", async () => {
    const [fibA, fibB] = [new RecordingFib(), new RecordingFib()];
    await using a = await start("a", fibA);
    await using b = await start("b", fibB);
    const prefixes = (base: number) =>
      Array.from({ length: 65536 }, (_, i) => prefixOf((base + i * 256) as Ip4, 24));
    const [fromA, fromB] = [prefixes(0x14000000), prefixes(0x28000000)];
    const startedMs = performance.now();
    for (const prefix of fromA) a.announce(prefix);
    for (const prefix of fromB) b.announce(prefix);
    await until("all routes", () => fibA.routes.size === 65536 && fibB.routes.size === 65536);
    const tookMs = performance.now() - startedMs;
    assert.deepEqual(fibB.routes.get("20.255.255.0/24"), ["10.0.0.1"]);
    assert.deepEqual(fibA.routes.get("40.0.0.0/24"), ["10.0.0.2"]);
    assert.equal(status(a).counts.get("ipv4-unicast")?.advertised, 65536);
    for (const prefix of fromA) a.withdraw(prefix);
    await until("withdrawn", () => fibB.routes.size === 0);
    assert.equal(fibA.routes.size, 65536);
    console.log(`2 x 65536 routes announced in ${tookMs.toFixed(0)} ms`);
  });

  test("without a policy nothing is sent nor accepted over eBGP (RFC 8212)", async () => {
    const fib = new RecordingFib();
    const { importPolicy: _, exportPolicy: __, ...peer } = configOf("a").peers[0] as PeerConfig;
    const config = { ...configOf("a"), peers: [peer] };
    await using a = await Speaker.start(config, { log: silentLog, fib, netns: lab.path("a") });
    await using b = await start("b");
    a.announce(parsePrefix("10.1.0.0/16"));
    b.announce(parsePrefix("10.2.0.0/16"));
    await until(
      "established",
      () => isUp(a) && status(a).counts.get("ipv4-unicast")?.received === 1,
    );
    assert.equal(status(a).counts.get("ipv4-unicast")?.accepted, 0);
    assert.equal(status(b).counts.get("ipv4-unicast")?.received, 0);
    // A new policy takes effect without a new session.
    a.reconfigure(configOf("a"));
    await until("accepted and sent", () => {
      const [own, other] = [status(a).counts, status(b).counts];
      const accepted = own.get("ipv4-unicast")?.accepted === 1;
      return accepted && other.get("ipv4-unicast")?.received === 1;
    });
    assert.equal(status(a).establishedCount, 1);
  });

  test("reconfigure() removes a peer with Cease and refuses to change the speaker itself", async () => {
    await using a = await start("a");
    await using b = await start("b");
    await until("established", () => isUp(a) && isUp(b));
    assert.throws(() => a.reconfigure({ ...configOf("a"), asn: parseAsn(65009) }), SpeakerError);
    a.reconfigure({ ...configOf("a"), peers: [] });
    await until("removed", () => !isUp(b));
    assert.match(String(status(b).lastError?.message), /Peer De-configured/);
    assert.deepEqual(a.peers(), []);
    a.reconfigure(configOf("a"));
    await until("established again", () => isUp(a) && isUp(b));
  });

  test("a peer above its prefix limit is closed with Cease/1", async () => {
    await using a = await start("a", new RecordingFib(), { prefixCountMax: 2 });
    await using b = await start("b");
    await until("established", () => isUp(a));
    for (const text of ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]) b.announce(parsePrefix(text));
    const error = await until("an error", () => status(b).lastError);
    assert.match(error.message, /Maximum Number of Prefixes Reached \(6\/1\)/);
  });

  test("graceful restart of either speaker loses no route", async () => {
    const fib = new RecordingFib();
    await using b = await start("b", fib);
    const first = await start("a");
    first.announce(parsePrefix("10.1.0.0/16"));
    first.announce(parsePrefix("fd00:1::/32"));
    await until("both routes", () => fib.routes.size === 2);
    await first.stopForRestart();
    await until("stale", () => status(b).gracefulRestart.staleFamilies.length === 2);
    const graceful = { ...defaultGracefulRestart, restarting: true };
    const config = { ...configOf("a"), gracefulRestart: graceful };
    const deps = { log: silentLog, fib: new RecordingFib(), netns: lab.path("a") };
    await using second = await Speaker.start(config, deps);
    second.announce(parsePrefix("10.1.0.0/16"));
    await until("fresh", () => isUp(b) && status(b).gracefulRestart.staleFamilies.length === 0);
    await until("unconfirmed route swept", () => fib.routes.size === 1);
    const removed = fib.history.filter((line) => line.endsWith("via "));
    assert.deepEqual(removed, ["fd00:1::/32 via "]);
  });

  /** What comes back when `bytes` are sent from `from` to the BGP port of a. */
  async function talk(from: string, bytes: Uint8Array): Promise<string[]> {
    using netns = openNetns(lab.path("b"));
    using fd = await connectIn(
      { address: sides.a.ip, port: 179 },
      { netns, local: { address: parseIp4(from), port: 0 } },
    );
    const socket = new Socket({ fd: fd.take() });
    const heard: string[] = [];
    const framer = new Framer();
    socket.on("data", (chunk: Uint8Array) =>
      framer.push(chunk, (type, data, at, end) => {
        const cause = type === 3 ? decodeNotification(data.subarray(at, end)) : undefined;
        heard.push(cause === undefined ? `type ${type}` : formatNotification(cause));
        return true;
      }),
    );
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", (error) => heard.push(error.message));
    socket.write(bytes);
    await closed;
    return heard;
  }

  test("garbage from a peer's address gets OPEN and a NOTIFICATION, and others go on", async () => {
    await using a = await start("a", new RecordingFib(), { passive: true });
    const text = (line: string): Uint8Array => new TextEncoder().encode(line);
    assert.deepEqual(await talk("10.0.0.2", text("GET / HTTP/1.1\r\n\r\n")), [
      "type 1",
      "Message Header Error/Connection Not Synchronized (1/1)",
    ]);
    const short = new Uint8Array(19).fill(0xff, 0, 16);
    short.set([0, 5, 1], 16);
    assert.deepEqual(await talk("10.0.0.2", short), [
      "type 1",
      "Message Header Error/Bad Message Length (1/2)",
    ]);
    assert.match(String(status(a).lastError?.message), /length 5/);
    await using b = await start("b");
    await until("a real session", () => isUp(a) && isUp(b));
  });

  for (const [passive, active] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    test(`what connects from an established peer's address must open first; ${active} dials`, async () => {
      await using a = await start("a", new RecordingFib(), { passive: passive === "a" });
      await using b = await start("b", new RecordingFib(), { passive: passive === "b" });
      await until("established", () => isUp(a) && isUp(b));
      const garbage = new Uint8Array(19).fill(0x2a);
      assert.deepEqual(await talk("10.0.0.2", garbage), [
        "type 1",
        "Message Header Error/Connection Not Synchronized (1/1)",
      ]);
      const { asn, ip: routerId } = sides.b;
      const open = { asn, holdTimeS: 90, routerId, capabilities: [] };
      assert.deepEqual(await talk("10.0.0.2", encodeOpen({ ...open, asn: sides.a.asn })), [
        "type 1",
        "OPEN Message Error/Bad Peer AS (2/2)",
      ]);
      assert.deepEqual([status(a).state, status(a).establishedCount], ["Established", 1]);
      assert.deepEqual([status(b).state, status(b).establishedCount], ["Established", 1]);
      // RFC 4724 5: an OPEN of the peer's own says that it has restarted.
      const restarted = Buffer.concat([encodeOpen(open), encodeKeepalive(), garbage]);
      const heard = await talk("10.0.0.2", restarted);
      assert.deepEqual(heard.slice(0, 2), ["type 1", "type 4"]);
      await until("a new session", () => isUp(a) && isUp(b) && status(b).establishedCount === 2);
    });
  }

  test("an unknown address is turned away", async () => {
    await using a = await start("a");
    assert.deepEqual(await talk("10.0.0.3", new Uint8Array(100)), [
      "Cease/Connection Rejected (6/5)",
    ]);
    assert.equal(a.peers().length, 1);
  });

  test("an IPv6 session with BFD, MD5 and TTL security carries both families", async () => {
    const over6 = (side: Side): SpeakerConfig => {
      const base = configOf(side);
      const [own, other] = [sides[side], sides[side === "a" ? "b" : "a"]];
      const { nextHop6: _, ...peer } = base.peers[0] as PeerConfig;
      const secured = { bfd: {}, md5: "right", ttlSecurity: true };
      const address = { address: other.ip6, localAddress: own.ip6, nextHop4: own.ip };
      const listen = [{ address: own.ip6, port: 179 }];
      return { ...base, listen, peers: [{ ...peer, ...secured, ...address }] };
    };
    const [fibA, fibB] = [new RecordingFib(), new RecordingFib()];
    const depsOf = (side: Side, fib: RecordingFib) => ({
      log: silentLog,
      fib,
      netns: lab.path(side),
    });
    await using a = await Speaker.start(over6("a"), depsOf("a", fibA));
    await using b = await Speaker.start(over6("b"), depsOf("b", fibB));
    a.announce(parsePrefix("10.1.0.0/16"));
    b.announce(parsePrefix("fd00:2::/32"));
    await until("established and BFD up", () =>
      [a, b].every((speaker) => isUp(speaker) && status(speaker).bfd === "Up"),
    );
    await until("routes", () => fibA.routes.size === 1 && fibB.routes.size === 1);
    assert.deepEqual(fibB.routes.get("10.1.0.0/16"), ["10.0.0.1"]);
    assert.deepEqual(fibA.routes.get("fd00:2::/32"), ["fd00::2"]);
    lab.ip("b", "link", "set", "to-a", "down");
    try {
      await until("BFD resets both", () => !isUp(a) && !isUp(b), 3000);
      assert.match(String(status(a).lastError?.message), /BFD session down/);
      assert.equal(fibA.routes.size, 0);
    } finally {
      lab.ip("b", "link", "set", "to-a", "up");
      lab.ip("b", "addr", "replace", "fd00::2/64", "dev", "to-a", "nodad");
    }
  });

  test("MD5 and TTL security: only with both right on both sides there is a session", async () => {
    const secured = { md5: "right", ttlSecurity: true };
    await using a = await start("a", new RecordingFib(), secured);
    for (const wrong of [{ ...secured, md5: "wrong" }, { md5: "right" }]) {
      await using b = await start("b", new RecordingFib(), wrong);
      await sleep(1500);
      assert.equal(isUp(a) || isUp(b), false);
    }
    await using b = await start("b", new RecordingFib(), secured);
    await until("established", () => isUp(a) && isUp(b));
  });

  test("a peer that reads nothing does not hold up the others, and its queue is bounded", async () => {
    const base = configOf("a");
    const [real] = base.peers as [PeerConfig];
    const deafPeer = {
      ...real,
      address: parseIp4("10.0.0.3"),
      asn: parseAsn(65003),
      passive: true,
    };
    const config = { ...base, peers: [real, deafPeer] };
    const deps = { log: silentLog, fib: new RecordingFib(), netns: lab.path("a") };
    await using a = await Speaker.start(config, deps);
    const deaf = await connectDeaf();
    try {
      await until("deaf peer established", () => a.peers()[1]?.state === "Established");
      const fib = new RecordingFib();
      await using b = await start("b", fib);
      for (let round = 0; round < 6; round += 1) {
        for (let i = 0; i < 65536; i += 1) {
          a.announce(prefixOf((0x14000000 + i * 256) as Ip4, 24), { med: round });
        }
        const [first] = await until("the round reaches b", () => {
          const [route] = b.longestMatch(parseIp4("20.255.255.1"));
          return route?.attributes.med === round && fib.routes.size === 65536 && [route];
        });
        assert.equal(first.from, sides.a.ip);
      }
      const queued = a.peers()[1]?.sendQueueLength ?? 0;
      assert.ok(queued > 256 * 1024, `${queued} octets: the queue of the deaf peer is full`);
      assert.ok(queued < 1024 * 1024, `${queued} octets: and bounded`);
      assert.equal(a.peers()[1]?.state, "Established");
    } finally {
      deaf.destroy();
    }
  });

  /** A peer that completes the OPEN exchange and never reads again. */
  async function connectDeaf(): Promise<Socket> {
    using netns = openNetns(lab.path("b"));
    using fd = await connectIn(
      { address: sides.a.ip, port: 179 },
      { netns, local: { address: parseIp4("10.0.0.3"), port: 0 } },
    );
    const socket = new Socket({ fd: fd.take() });
    socket.on("error", () => socket.destroy());
    socket.write(
      encodeOpen({ asn: 65003, holdTimeS: 0, routerId: parseIp4("10.0.0.3"), capabilities: [] }),
    );
    socket.write(encodeKeepalive());
    socket.pause();
    return socket;
  }
});
