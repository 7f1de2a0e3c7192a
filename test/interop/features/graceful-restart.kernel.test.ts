/** RFC 4724, 8538 and 9494: routes outlive the session, in both roles. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { defaultGracefulRestart } from "@heddle/speaker";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourPaths, requireUp, statusOf } from "../harness/our-speaker.ts";
import { establishedPair, type PairOptions } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const families = ["ipv4-unicast"] as const;
const [ourPrefix, theirPrefix] = ["10.1.0.0/16", "10.2.0.0/16"];
const graceful: PairOptions = {
  theirs: { gracefulRestart: { restartTimeS: 20 } },
  ours: { gracefulRestart: { ...defaultGracefulRestart, restartTimeMs: 20_000 } },
};

feature("4724 they restart, we keep", {}, async (bed) => {
  const { them } = bed;
  const { daemon, speaker } = await establishedPair(bed, graceful);
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4, med: 9 });
  await eventually("their route", () => {
    assert.equal(statusOf(speaker).gracefulRestart.negotiated, true);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.med, 9);
  });
  await daemon.kill();
  await eventually("stale here", () => {
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.stale, true);
  });
  await daemon.restart();
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4, med: 9 });
  await eventually("confirmed, never lost", () => {
    const [path] = ourPaths(speaker, theirPrefix);
    if (path === undefined) throw new Error("lost");
    assert.equal(path.stale, false);
    requireUp(speaker);
  });
});

feature("4724 we restart, they keep", { exabgp: "keeps no table" }, async (bed) => {
  const { them } = bed;
  const { daemon, speaker } = await establishedPair(bed, graceful);
  speaker.announce(parsePrefix(ourPrefix), { med: 4 });
  speaker.announce(parsePrefix("10.3.0.0/16"));
  await eventually("our routes there", async () => {
    assert.equal((await daemon.paths(ourPrefix))[0]?.med, 4);
    assert.equal((await daemon.paths("10.3.0.0/16")).length, 1);
  });
  // The End-of-RIB of the table that was empty went before them, so this is a restart of all.
  await speaker.stopForRestart();
  await throughout("kept while we are away", 1500, async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  const restarting = { ...defaultGracefulRestart, restartTimeMs: 20_000, restarting: true };
  const peers = [{ asn: 65002, address: them.ip4, families }];
  const config = { asn: 65001, peers, families, gracefulRestart: restarting };
  const again = await bed.speaker(config);
  again.announce(parsePrefix(ourPrefix), { med: 4 });
  await eventually("one confirmed, one swept", async () => {
    if ((await daemon.paths(ourPrefix)).length !== 1) throw new Error("the route was lost");
    assert.equal((await daemon.paths("10.3.0.0/16")).length, 0);
  });
});

const noNBit = { bird: "does not set the N bit", exabgp: "does not set the N bit" };

feature("8538 hold timers expire, both keep", noNBit, async (bed) => {
  const { them, lan } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    ...graceful,
    ourPeer: { holdTimeMs: 3000 },
  });
  speaker.announce(parsePrefix(ourPrefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("routes both ways", async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
    assert.equal(ourPaths(speaker, theirPrefix).length, 1);
  });
  lan.disconnect(them);
  await eventually("hold timers, stale routes", async () => {
    assert.match(String(statusOf(speaker).lastError?.message), /Hold Timer Expired/);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.stale, true);
    assert.equal((await daemon.paths(ourPrefix))[0]?.stale, true);
  });
  lan.connect(them);
  await eventually("confirmed", async () => {
    requireUp(speaker);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.stale, false);
    assert.equal((await daemon.paths(ourPrefix))[0]?.stale, false);
  });
});

feature("8538 hard reset, ours: they drop", noNBit, async (bed) => {
  const { daemon, speaker } = await establishedPair(bed, graceful);
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("our route there", async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  speaker.shutdownPeer({ address: statusOf(speaker).address });
  await eventually("dropped at once", async () => {
    assert.deepEqual(await daemon.paths(ourPrefix), []);
  });
});

const noHardReset = { ...noNBit, gobgp: "sends Administrative Shutdown as it is" };

feature("8538 hard reset, theirs: we drop", noHardReset, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, graceful);
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("their route", () => assert.equal(ourPaths(speaker, theirPrefix).length, 1));
  await daemon.shutdownPeer(us.ip4, "for good");
  await eventually("dropped at once", () => {
    const { lastLoss } = statusOf(speaker);
    assert.deepEqual([lastLoss?.direction, lastLoss?.code, lastLoss?.subcode], ["received", 6, 9]);
    assert.deepEqual(ourPaths(speaker, theirPrefix), []);
  });
});

feature("9494 they go, we keep long-lived", { exabgp: "has none" }, async (bed) => {
  const { them, lan } = bed;
  const listener = lan.addHost("listener");
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 60_000 }] as const;
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { gracefulRestart: { restartTimeS: 1, longLivedTimeS: 60 } },
    ours: {
      gracefulRestart: { ...defaultGracefulRestart, restartTimeMs: 1000, longLived },
      peers: [
        { asn: 65002, address: them.ip4, families },
        { asn: 65003, address: listener.ip4, families },
      ],
    },
  });
  const peers = [{ asn: 65001, address: bed.us.ip4, families }];
  const gracefulRestart = { ...defaultGracefulRestart, restartTimeMs: 1000, longLived };
  const other = await bed.speaker({ asn: 65003, peers, families, gracefulRestart }, listener);
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("their route", () => {
    assert.deepEqual(statusOf(speaker, them.ip4).capabilities?.longLived, families);
    assert.equal(ourPaths(other, theirPrefix).length, 1);
  });
  await daemon.kill();
  await eventually("long-lived stale here, marked for others", () => {
    assert.deepEqual(statusOf(speaker, them.ip4).gracefulRestart.longLivedFamilies, families);
    assert.deepEqual(ourPaths(other, theirPrefix)[0]?.communities, ["65535:6"]);
  });
});

feature("9494 we go, they keep long-lived", { exabgp: "has none" }, async (bed) => {
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 60_000 }] as const;
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { gracefulRestart: { restartTimeS: 1, longLivedTimeS: 60 } },
    ours: { gracefulRestart: { ...defaultGracefulRestart, restartTimeMs: 1000, longLived } },
  });
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("our route there", async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  await speaker.stopForRestart();
  await eventually("marked as long-lived stale there", async () => {
    if (daemon instanceof Heddle) {
      // The community comes with the export, as the feature above shows.
      const [route] = daemon.speaker.rib.routes({ within: parsePrefix(ourPrefix) });
      assert.equal(route?.longLivedStale, true);
      return;
    }
    assert.deepEqual((await daemon.paths(ourPrefix))[0]?.communities, ["65535:6"]);
  });
});
