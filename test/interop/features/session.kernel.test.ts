/** What protects, limits and ends a session. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { defaultGracefulRestart, type Speaker } from "@heddle/speaker";
import type { Daemon } from "../daemon.ts";
import { eventually, throughout } from "../harness/eventually.ts";
import { type Bed, feature } from "../harness/feature.ts";
import type { Host } from "../harness/lan.ts";
import { ourPaths, requireUp, statusOf } from "../harness/our-speaker.ts";
import { establishedPair, startPair } from "../harness/pair.ts";
import { type TcpCounter, tcpCounter } from "../harness/tcp-counters.ts";

const families = ["ipv4-unicast"] as const;
const prefix = "10.1.0.0/16";
const theirPrefix = "10.2.0.0/16";

const transports: readonly (readonly [string, (host: Host) => string])[] = [
  ["", (host) => host.ip4],
  [" over IPv6", (host) => host.ip6],
];

for (const [over, addressOf] of transports) {
  feature(`2385 TCP-MD5${over}`, {}, async (bed) => {
    const md5 = "open-sesame";
    const { us, them } = bed;
    const { daemon, speaker } = await establishedPair(bed, {
      theirPeer: { md5, address: addressOf(us) },
      ourPeer: { md5, address: addressOf(them) },
    });
    await requireRoutes(bed, daemon, speaker);
  });

  feature(`5082 GTSM${over}`, {}, async (bed) => {
    const { us, them } = bed;
    // ExaBGP sends TTL 255 only on connections that it makes itself.
    const passive = bed.daemonName === "exabgp";
    const { daemon, speaker } = await establishedPair(bed, {
      theirPeer: { ttlSecurity: true, active: true, address: addressOf(us) },
      ourPeer: { ttlSecurity: true, passive, address: addressOf(them) },
    });
    await requireRoutes(bed, daemon, speaker);
  });
}

async function requireRoutes({ us, them }: Bed, daemon: Daemon, speaker: Speaker): Promise<void> {
  speaker.announce(parsePrefix(prefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("routes both ways", async () => {
    assert.equal((await daemon.paths(prefix))[0]?.nextHop, us.ip4);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.nextHop, them.ip4);
  });
}

feature("2385 another password, or none: no session", {}, async (bed) => {
  const { us, them } = bed;
  const peer = { asn: 65001, address: us.ip4, families, md5: "open-sesame" };
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  const ours = { asn: 65002, address: them.ip4, families, plain: true };
  const refused = async (speaker: Speaker, counter: TcpCounter): Promise<void> => {
    const before = await tcpCounter(them, counter);
    await eventually("segments of ours that their kernel refuses", async () => {
      const now = await tcpCounter(them, counter);
      assert.ok(now > before + 1, `${counter} ${now}, want more than ${before + 1}`);
    });
    assert.throws(() => requireUp(speaker));
    assert.equal(statusOf(speaker).establishedCount, 0);
    await assert.rejects(daemon.requireEstablished(us.ip4));
    await speaker.stop();
  };
  const wrong = await bed.speaker({ asn: 65001, peers: [{ ...ours, md5: "close-sesame" }] });
  await refused(wrong, "TCPMD5Failure");
  await refused(await bed.speaker({ asn: 65001, peers: [ours] }), "TCPMD5NotFound");
});

feature("5082 GTSM, ours: a lower TTL makes no session", {}, async (bed) => {
  const { daemon, speaker } = await startPair(bed, {
    theirPeer: { active: true, plain: true },
    ourPeer: { ttlSecurity: true },
  });
  await eventually("their segments are refused here", async () => {
    assert.ok((await tcpCounter(bed.us, "TCPMinTTLDrop")) > 1);
  });
  assert.equal(statusOf(speaker).establishedCount, 0);
  await assert.rejects(daemon.requireEstablished(bed.us.ip4));
});

const noMinimum = { exabgp: "sets no minimum: Python does not know IP_MINTTL" };

feature("5082 GTSM, theirs: a lower TTL makes no session", noMinimum, async (bed) => {
  const { daemon, speaker } = await startPair(bed, {
    theirPeer: { ttlSecurity: true },
    ourPeer: { plain: true },
  });
  await eventually("our segments are refused there", async () => {
    assert.ok((await tcpCounter(bed.them, "TCPMinTTLDrop")) > 1);
  });
  assert.equal(statusOf(speaker).establishedCount, 0);
  await assert.rejects(daemon.requireEstablished(bed.us.ip4));
});

const text = "maintenance of rack 7";

/** `bytes % str` in its decoder of the text raises a TypeError. */
const cannotDecode = { exabgp: "fails to decode any shutdown communication" };

feature("9003 shutdown communication, ours", cannotDecode, async (bed) => {
  const { us } = bed;
  const { daemon, speaker } = await establishedPair(bed);
  speaker.shutdownPeer({ address: statusOf(speaker).address }, text);
  await eventually("our text there", async () => {
    assert.match(await daemon.lastReset(us.ip4), new RegExp(text));
  });
});

const codeOnly = { exabgp: "its teardown takes a code and no text" };

feature("9003 shutdown communication, theirs", codeOnly, async (bed) => {
  const { us } = bed;
  const { daemon, speaker } = await establishedPair(bed);
  await daemon.shutdownPeer(us.ip4, text);
  await eventually("their text here", () => {
    const { lastError } = statusOf(speaker);
    assert.equal(lastError?.direction, "received");
    assert.match(lastError.message, /Administrative Shutdown .*maintenance of rack 7/);
  });
});

/**
 * FRR 8.4 leaves a refresh unanswered before its own End-of-RIB, which it sends only with graceful
 * restart.
 */
const graceful = {
  theirs: { gracefulRestart: { restartTimeS: 20 } },
  ours: { gracefulRestart: defaultGracefulRestart },
};

const closes = { exabgp: "closes the connection when it is asked and enhanced refresh is on" };

feature("2918 route refresh, we ask", closes, async (bed) => {
  const { daemon, speaker } = await establishedPair(bed, graceful);
  await daemon.announce({ prefix: theirPrefix, nextHop: bed.them.ip4 });
  await eventually("their route", () => assert.equal(ourPaths(speaker, theirPrefix).length, 1));
  const { address, capabilities, messages } = statusOf(speaker);
  assert.equal(capabilities?.routeRefresh, true);
  speaker.softResetIn({ address });
  await eventually("sent again", () => {
    const { update } = statusOf(speaker).messages.received;
    assert.ok(update > messages.received.update, "no UPDATE received");
  });
  assert.equal(ourPaths(speaker, theirPrefix).length, 1);
  assert.equal(statusOf(speaker).establishedCount, 1);
});

const asksNobody = { gobgp: "evaluates the Adj-RIB-In that it keeps, and asks nobody" };

feature("2918 route refresh, they ask", asksNobody, async (bed) => {
  const { us } = bed;
  const { daemon, speaker } = await establishedPair(bed);
  speaker.announce(parsePrefix(prefix));
  await eventually("our route there", async () => {
    assert.equal((await daemon.paths(prefix)).length, 1);
  });
  const { updateOctets } = statusOf(speaker).messages.sent;
  await daemon.refresh(us.ip4);
  await eventually("sent again", () => {
    const { received, sent } = statusOf(speaker).messages;
    assert.ok(received.routeRefresh > 0, "no ROUTE-REFRESH received");
    assert.ok(sent.updateOctets > updateOctets, "no UPDATE sent");
  });
  assert.equal((await daemon.paths(prefix)).length, 1);
});

feature(
  "7313 enhanced route refresh",
  { gobgp: "has none", exabgp: "does not answer a refresh by itself" },
  async (bed) => {
    const { us, them } = bed;
    const { daemon, speaker } = await establishedPair(bed, graceful);
    speaker.announce(parsePrefix(prefix));
    await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
    await eventually("routes both ways", async () => {
      assert.equal((await daemon.paths(prefix)).length, 1);
      assert.equal(ourPaths(speaker, theirPrefix).length, 1);
    });
    const status = () => statusOf(speaker);
    assert.equal(status().capabilities?.enhancedRouteRefresh, true);
    speaker.softResetIn({ address: status().address });
    await eventually("a beginning and an end from them", () => {
      assert.equal(status().messages.received.routeRefresh, 2);
      assert.deepEqual(status().capabilities?.refreshing, []);
    });
    assert.equal(status().counts.get("ipv4-unicast")?.stale, 0);
    assert.equal(ourPaths(speaker, theirPrefix).length, 1);
    const sent = status().messages.sent.routeRefresh;
    await daemon.refresh(us.ip4);
    await eventually("a beginning and an end from us", () => {
      assert.equal(status().messages.sent.routeRefresh, sent + 2);
    });
    await throughout("our route stays there", 500, async () => {
      assert.equal((await daemon.paths(prefix)).length, 1);
    });
  },
);

feature("4486 prefix limit, ours", {}, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    ourPeer: { prefixCountMax: 2, prefixRestartMs: "never" },
  });
  for (const third of [1, 2, 3]) {
    await daemon.announce({ prefix: `10.2.${third}.0/24`, nextHop: them.ip4 });
  }
  await eventually("ended with Cease, Maximum Number of Prefixes Reached", async () => {
    const { lastLoss } = statusOf(speaker);
    assert.deepEqual([lastLoss?.direction, lastLoss?.code, lastLoss?.subcode], ["sent", 6, 1]);
    assert.deepEqual(ourPaths(speaker, "10.2.1.0/24"), []);
    await assert.rejects(daemon.requireEstablished(us.ip4));
  });
});

const noLimit = { exabgp: "keeps no table that could have a limit" };

feature("4486 prefix limit, theirs", noLimit, async (bed) => {
  const { daemon, speaker } = await establishedPair(bed, { theirPeer: { prefixCountMax: 2 } });
  // FRR counts a route when its next hop is known, and compares when the next one comes.
  for (const route of [1, 2, 3, 4].map((third) => `10.1.${third}.0/24`)) {
    speaker.announce(parsePrefix(route));
    await eventually(`${route} there, or the end`, async () => {
      const isUp = statusOf(speaker).state === "Established";
      assert.ok(!isUp || (await daemon.paths(route)).length === 1);
    });
  }
  await eventually("ended with Cease, Maximum Number of Prefixes Reached", async () => {
    const { lastLoss } = statusOf(speaker);
    assert.deepEqual([lastLoss?.direction, lastLoss?.code, lastLoss?.subcode], ["received", 6, 1]);
    assert.deepEqual(await daemon.paths("10.1.1.0/24"), []);
  });
});
