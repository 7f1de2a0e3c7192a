import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { acceptAll, type PeerIndex, Rib } from "@heddle/bgp";
import { parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { silentLog, VirtualClock } from "@heddle/std";
import { noFib } from "./fib-sink.ts";
import { RibDriver } from "./rib-driver.ts";

/** A driver whose sessions note who is sent something; each message takes `sendMs`. */
class Bench {
  readonly clock = new VirtualClock();
  readonly rib: Rib = new Rib({
    localAsn: parseAsn(64_500),
    routerId: parseIp4("192.0.2.254"),
    families: ["ipv4-unicast"],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
    hashSeed: 1,
  });
  readonly driver = new RibDriver(
    this.rib,
    { fib: noFib, routes: undefined },
    this.clock,
    silentLog,
  );
  readonly sent: PeerIndex[] = [];
  sendMs = 0;

  peer(n: number): PeerIndex {
    const address = parseIp4(`192.0.2.${n}`);
    const peer = this.rib.addPeer({
      ...{ address, asn: parseAsn(64_500), reflectorClient: false, nextHopSelf: false },
      ...{ exportPolicy: acceptAll, nextHop4: parseIp4("192.0.2.254") },
    });
    const cx = { fourOctetAs: true, external: false, families: ["ipv4-unicast"] } as const;
    this.rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
    this.driver.attach(
      peer,
      {
        sendUpdates: () => {
          this.sent.push(peer);
          this.clock.advance(this.sendMs);
          return true;
        },
        sendRouteRefresh: () => {},
      },
      0,
    );
    return peer;
  }

  originate(prefix: string): void {
    this.rib.originate(parsePrefix(prefix));
    this.driver.schedule();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 10; i += 1) await setImmediate();
    this.sent.length = 0;
  }
}

test("a route after a quiet time is sent in the same turn, those on its heels together", async () => {
  const bench = new Bench();
  const peer = bench.peer(1);
  await bench.settle();
  bench.clock.advance(50);
  bench.originate("10.0.0.0/24");
  assert.deepEqual(bench.sent, []);
  await Promise.resolve();
  assert.deepEqual(bench.sent, [peer]);
  bench.originate("10.0.1.0/24");
  bench.originate("10.0.2.0/24");
  await Promise.resolve();
  assert.deepEqual(bench.sent, [peer]);
  await setImmediate();
  assert.deepEqual(bench.sent, [peer, peer]);
});

test("peers that are owed the table take turns", async () => {
  const bench = new Bench();
  for (let i = 0; i < 3; i += 1) bench.originate(`10.0.${i}.0/24`);
  await bench.settle();
  bench.clock.advance(50);
  bench.sendMs = 20;
  const peers = [1, 2, 3].map((n) => bench.peer(n));
  await Promise.resolve();
  assert.deepEqual(bench.sent, peers.slice(0, 1));
  await setImmediate();
  await setImmediate();
  assert.deepEqual(bench.sent, peers);
});
