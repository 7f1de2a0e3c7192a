/** What protects, limits and ends a session. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { defaultGracefulRestart } from "@heddle/speaker";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourPaths, requireUp, statusOf } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";

const families = ["ipv4-unicast"] as const;
const prefix = "10.1.0.0/16";
const theirPrefix = "10.2.0.0/16";

feature("2385 TCP-MD5", {}, async (bed) => {
  const { us, them } = bed;
  const peer = { asn: 65001, address: us.ip4, families, md5: "open-sesame" };
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  const ours = { asn: 65002, address: them.ip4, families };
  {
    const wrong = { asn: 65001, peers: [{ ...ours, md5: "close-sesame" }] };
    const speaker = await bed.speaker(wrong);
    await throughout("a wrong password makes no session", 2500, () => {
      assert.notEqual(statusOf(speaker).state, "Established");
    });
    await speaker.stop();
  }
  const speaker = await bed.speaker({ asn: 65001, peers: [{ ...ours, md5: "open-sesame" }] });
  speaker.announce(parsePrefix(prefix));
  await eventually("route", async () => {
    requireUp(speaker);
    assert.equal((await daemon.paths(prefix))[0]?.nextHop, us.ip4);
  });
});

feature("5082 GTSM", {}, async (bed) => {
  const { us, them } = bed;
  // ExaBGP sends TTL 255 only on connections that it makes itself.
  const peer = { asn: 65001, address: us.ip4, families, ttlSecurity: true, active: true };
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  const passive = daemon.name === "exabgp";
  const ours = { asn: 65002, address: them.ip4, families, ttlSecurity: true, passive };
  const speaker = await bed.speaker({ asn: 65001, peers: [ours] });
  speaker.announce(parsePrefix(prefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("routes both ways", async () => {
    requireUp(speaker);
    assert.equal((await daemon.paths(prefix))[0]?.nextHop, us.ip4);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.nextHop, them.ip4);
  });
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
  { gobgp: "not in GoBGP 3.10", exabgp: "ExaBGP does not answer a refresh by itself" },
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
