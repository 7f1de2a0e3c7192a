/** RFC 4724, 8538 and 9494: routes outlive the session, in both roles. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { defaultGracefulRestart } from "@heddle/speaker";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourPaths, requireUp, startSpeaker, statusOf } from "../harness/our-speaker.ts";
import { establishedPair, type PairOptions } from "../harness/pair.ts";

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
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, graceful);
  speaker.announce(parsePrefix(ourPrefix), { med: 4 });
  speaker.announce(parsePrefix("10.3.0.0/16"));
  await eventually("our routes there", async () => {
    assert.equal((await daemon.paths(ourPrefix))[0]?.med, 4);
    assert.equal((await daemon.paths("10.3.0.0/16")).length, 1);
  });
  // The End-of-RIB has to be there, or what follows is not a restart of a full table.
  await throughout("the session holds", 300, () => requireUp(speaker));
  await speaker.stopForRestart();
  await throughout("kept while we are away", 1500, async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  const restarting = { ...defaultGracefulRestart, restartTimeMs: 20_000, restarting: true };
  const peers = [{ asn: 65002, address: them.ip4, families }];
  const config = { asn: 65001, peers, families, gracefulRestart: restarting };
  const again = bed.use(await startSpeaker(us, config));
  again.announce(parsePrefix(ourPrefix), { med: 4 });
  await eventually("one confirmed, one swept", async () => {
    if ((await daemon.paths(ourPrefix)).length !== 1) throw new Error("the route was lost");
    assert.equal((await daemon.paths("10.3.0.0/16")).length, 0);
  });
});

feature(
  "8538 N bit: kept over a NOTIFICATION",
  { bird: "does not set the N bit", exabgp: "does not set the N bit" },
  async (bed) => {
    const { them } = bed;
    const { daemon, speaker } = await establishedPair(bed, {
      ...graceful,
      ourPeer: { holdTimeMs: 3000 },
    });
    await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
    await eventually("their route", () => assert.equal(ourPaths(speaker, theirPrefix).length, 1));
    daemon.signal("SIGSTOP");
    await eventually("hold timer, stale route", () => {
      assert.match(String(statusOf(speaker).lastError?.message), /Hold Timer Expired/);
      assert.equal(ourPaths(speaker, theirPrefix)[0]?.stale, true);
    });
    daemon.signal("SIGCONT");
    await eventually("confirmed", () => {
      requireUp(speaker);
      assert.equal(ourPaths(speaker, theirPrefix)[0]?.stale, false);
    });
  },
);

feature("9494 they go, we keep long-lived", { exabgp: "not in ExaBGP" }, async (bed) => {
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

feature("9494 we go, they keep long-lived", { exabgp: "not in ExaBGP" }, async (bed) => {
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 60_000 }] as const;
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { gracefulRestart: { restartTimeS: 1, longLivedTimeS: 60 } },
    ours: { gracefulRestart: { ...defaultGracefulRestart, restartTimeMs: 1000, longLived } },
  });
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("our route there", async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  await throughout("the session holds", 300, () => requireUp(speaker));
  await speaker.stopForRestart();
  await eventually("marked as long-lived stale there", async () => {
    assert.deepEqual((await daemon.paths(ourPrefix))[0]?.communities, ["65535:6"]);
  });
});
