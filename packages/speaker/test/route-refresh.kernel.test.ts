/** Route refresh that FRR does not answer (RFC 7313 without RFC 4724). Needs root and FRR. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll } from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { defaultGracefulRestart, noFib, type PeerStatus, Speaker } from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";

const frrConfig = `
frr version 8.4
frr defaults traditional
hostname leaf
router bgp 65201
 bgp router-id 172.16.0.0
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 172.16.0.1 remote-as 65203
 neighbor 172.16.0.1 timers connect 1
 address-family ipv4 unicast
  network 198.51.100.0/24
 exit-address-family
exit
`;
const peer = { address: parseIp4("172.16.0.0") };

describe("route refresh of FRR", { timeout: 60_000 }, () => {
  const lab = new Lab();

  before(async () => {
    lab.addNamespace("leaf");
    lab.addNamespace("node");
    lab.link("leaf", "node", { a: ["172.16.0.0/31"], b: ["172.16.0.1/31"] });
    await lab.frr("leaf", ["zebra", "bgpd"], frrConfig);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = (withGracefulRestart: boolean): Promise<Speaker> =>
    Speaker.start(
      {
        ...{ asn: parseAsn(65203), routerId: parseIp4("172.16.0.1"), families: ["ipv4-unicast"] },
        listen: [{ address: parseIp4("172.16.0.1"), port: 179 }],
        peers: [
          {
            ...{ ...peer, asn: parseAsn(65201), kind: "fabric", families: ["ipv4-unicast"] },
            ...{ localAddress: parseIp4("172.16.0.1"), importPolicy: acceptAll },
          },
        ],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
        timers: { refreshAnswerMs: 1000, idleHoldMinMs: 100, idleHoldMaxMs: 400 },
        ...(withGracefulRestart ? { gracefulRestart: defaultGracefulRestart } : {}),
      },
      { log: silentLog, fib: noFib, netns: lab.path("node") },
    );
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const receivedUpdates = (speaker: Speaker): number => status(speaker).messages.received.update;
  const hasRoute = (speaker: Speaker): boolean =>
    status(speaker).counts.get("ipv4-unicast")?.received === 1;

  test("without graceful restart it stays unanswered; the next session asks plainly", async () => {
    await using speaker = await start(false);
    await until("the route", () => hasRoute(speaker));
    assert.equal(status(speaker).capabilities?.enhancedRouteRefresh, true);
    const before = receivedUpdates(speaker);
    const askedMs = Date.now();
    speaker.softResetIn(peer);
    speaker.softResetIn(peer);
    await sleep(1500);
    const [unanswered] = status(speaker).unansweredRefreshes;
    assert.equal(unanswered?.family, "ipv4-unicast");
    assert.ok(Math.abs((unanswered?.askedAtWallMs ?? 0) - askedMs) < 1000);
    assert.equal(status(speaker).unansweredRefreshes.length, 1);
    assert.equal(receivedUpdates(speaker), before, "FRR has sent nothing");

    speaker.resetPeer(peer);
    await until(
      "another session",
      () => status(speaker).establishedCount === 2 && hasRoute(speaker),
    );
    assert.equal(status(speaker).capabilities?.enhancedRouteRefresh, false);
    assert.deepEqual(status(speaker).unansweredRefreshes, []);
    const again = receivedUpdates(speaker);
    speaker.softResetIn(peer);
    await until("the route once more", () => receivedUpdates(speaker) > again);
    assert.equal(hasRoute(speaker), true);
  });

  test("with graceful restart it is answered, between its beginning and its end", async () => {
    await using speaker = await start(true);
    await until("the route", () => hasRoute(speaker));
    const before = status(speaker).messages.received;
    speaker.softResetIn(peer);
    await until("BoRR and EoRR", () => status(speaker).messages.received.routeRefresh === 2);
    assert.ok(receivedUpdates(speaker) > before.update);
    assert.deepEqual(status(speaker).unansweredRefreshes, []);
    assert.equal(hasRoute(speaker), true);
    await sleep(1200);
    speaker.resetPeer(peer);
    await until("another session", () => status(speaker).establishedCount === 2);
    assert.equal(status(speaker).capabilities?.enhancedRouteRefresh, true);
  });
});
