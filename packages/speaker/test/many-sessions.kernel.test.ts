/** A route reflector with 1,000 clients by range, over loopback in a namespace. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll } from "@heddle/bgp";
import { type Ip4, parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { openNetns } from "@heddle/native";
import { silentLog } from "@heddle/std";
import { noFib, Speaker } from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";
import { SmallPeer, type SmallPeerOptions } from "./testing/small-peer.ts";

const peerCount = 1000;
const routeCount = 20;
/** So many connect at a time. */
const connectCount = 100;

describe("many sessions in one process", { timeout: 60_000 }, () => {
  const lab = new Lab();
  before(() => {
    lab.addNamespace("many");
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  test("1,000 clients of 20 routes each hear of all others, and hold", async () => {
    const asn = parseAsn(65000);
    await using speaker = await Speaker.start(
      {
        ...{ asn, routerId: parseIp4("192.0.2.1"), peers: [], families: ["ipv4-unicast"] },
        listen: [{ address: parseIp4("127.0.0.1"), port: 1179 }],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
        forwarding: false,
        dynamicPeers: [
          {
            ...{ name: "clients", prefix: parsePrefix("127.1.0.0/16"), peerCountMax: peerCount },
            template: {
              ...{ asn, kind: "reflector", families: ["ipv4-unicast"], reflectorClient: true },
              ...{ importPolicy: acceptAll, exportPolicy: acceptAll, holdTimeMs: 9000 },
            },
          },
        ],
      },
      { log: silentLog, fib: noFib, netns: lab.path("many") },
    );
    const handlesBefore = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
    const before = process.memoryUsage();
    const startedMs = performance.now();
    using clients = new DisposableStack();
    using netns = openNetns(lab.path("many"));
    const peers: SmallPeer[] = [];
    for (let i = 0; i < peerCount; i += connectCount) {
      const numbers = Array.from({ length: connectCount }, (_, n) => i + n);
      const connecting = numbers.map((n) => SmallPeer.connect(netns, clientOf(n, asn)));
      for (const peer of await Promise.all(connecting)) peers.push(clients.use(peer));
    }
    await until("all established", () => establishedCount(speaker) === peerCount);
    const establishedMs = performance.now() - startedMs;
    for (const peer of peers) peer.announce();
    const others = (peerCount - 1) * routeCount;
    await until("all routes", () => peers.every((peer) => peer.announcedCount >= others), 40_000);
    const convergedMs = performance.now() - startedMs;
    const after = process.memoryUsage();
    const perSession =
      (after.heapUsed - before.heapUsed + after.external - before.external) / peerCount;
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
    console.log(
      `${peerCount} sessions in ${establishedMs.toFixed(0)} ms, all routes in ` +
        `${convergedMs.toFixed(0)} ms, ${(perSession / 1024).toFixed(0)} KiB per session with its ` +
        `client, ${timers.length - handlesBefore.length} timers`,
    );
    const cpuBefore = process.cpuUsage();
    // More than one KEEPALIVE interval of all of them.
    await sleep(11_000);
    const { user, system } = process.cpuUsage(cpuBefore);
    console.log(`${((user + system) / 110_000).toFixed(1)} % of a core at rest, clients included`);
    assert.equal(establishedCount(speaker), peerCount);
    assert.ok(
      peers.every((peer) => peer.notificationCount === 0 && peer.announcedCount === others),
    );
    assert.ok(speaker.peers().every((peer) => peer.messages.sent.keepalive >= 2));
    assert.ok(perSession < 200 * 1024, `${perSession} octets per session`);
  });
});

function establishedCount(speaker: Speaker): number {
  return speaker.peers().filter(({ state }) => state === "Established").length;
}

function clientOf(i: number, asn: number): SmallPeerOptions {
  const own = (parseIp4("127.1.0.1") + i) as Ip4;
  const first = parseIp4("10.0.0.0") + i * routeCount;
  return {
    ...{ from: own, to: parseIp4("127.0.0.1"), port: 1179, asn },
    routerId: (parseIp4("192.0.3.0") + i) as Ip4,
    routes: Array.from({ length: routeCount }, (_, n) => (first + n) as Ip4),
  };
}
