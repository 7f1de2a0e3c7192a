/** What protects others from a mistake: default deny, roles, graceful shutdown. */
import assert from "node:assert/strict";
import { parseIp4, parsePrefix } from "@heddle/inet";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Frr } from "../frr/frr.ts";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourPaths, requireUp, statusOf } from "../harness/our-speaker.ts";
import { establishedPair, startPair } from "../harness/pair.ts";

const [ourPrefix, theirPrefix] = ["10.1.0.0/16", "10.2.0.0/16"];

feature(
  "8212 no policy, no routes",
  {
    bird: "refuses a configuration without policies",
    gobgp: "not in GoBGP",
    exabgp: "not in ExaBGP",
  },
  async (bed) => {
    const { daemon, speaker } = await establishedPair(bed, { theirPeer: { policy: false } });
    speaker.announce(parsePrefix(ourPrefix));
    await daemon.announce({ prefix: theirPrefix });
    await throughout("nothing passes them", 1500, async () => {
      assert.deepEqual(await daemon.paths(ourPrefix), []);
      assert.deepEqual(ourPaths(speaker, theirPrefix), []);
    });
  },
);

feature("8212 ours: no policy, no routes", {}, async (bed) => {
  const { them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    ourPeer: { policy: false },
  });
  speaker.announce(parsePrefix(ourPrefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("heard", () => {
    assert.equal(statusOf(speaker).counts.get("ipv4-unicast")?.received, 1);
  });
  assert.deepEqual(statusOf(speaker).counts.get("ipv4-unicast")?.accepted, 0);
  assert.deepEqual(await daemon.paths(ourPrefix), []);
});

const noRoles = { gobgp: "not in GoBGP 3.10", exabgp: "not in ExaBGP 4.2" };

feature("9234 roles and OTC", noRoles, async (bed) => {
  const { them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    theirPeer: { role: "customer" },
    ourPeer: { role: "provider" },
  });
  assert.equal(statusOf(speaker).capabilities?.peerRole, "customer");
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("our route carries OTC there", async () => {
    assert.equal(await onlyToCustomerAt(daemon, ourPrefix), 65001);
  });
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("their route here", () => {
    assert.equal(ourPaths(speaker, theirPrefix).length, 1);
  });
});

feature("9234 role mismatch", noRoles, async (bed) => {
  const { speaker } = await startPair(bed, {
    theirPeer: { role: "provider" },
    ourPeer: { role: "provider" },
  });
  await eventually("refused", () => {
    assert.match(String(statusOf(speaker).lastError?.message), /Role Mismatch \(2\/11\)/);
    assert.throws(() => requireUp(speaker));
  });
});

feature(
  "8326 graceful shutdown",
  { bird: "by a filter only", gobgp: "by a policy only", exabgp: "keeps no table" },
  async (bed) => {
    const { them } = bed;
    const { daemon, speaker } = await establishedPair(bed);
    speaker.announce(parsePrefix(ourPrefix));
    await eventually("our route there", async () => {
      assert.equal((await daemon.paths(ourPrefix)).length, 1);
    });
    speaker.gracefulShutdownPeer({ address: parseIp4(them.ip4) }, 2000, "bye");
    await eventually("marked, and least preferred there", async () => {
      const [path] = await daemon.paths(ourPrefix);
      assert.deepEqual(path?.communities, ["65535:0"]);
      assert.equal(path.localPref, 0);
    });
    await eventually("closed", async () => {
      assert.match(await daemon.lastReset(bed.us.ip4), /bye/);
    });
  },
);

async function onlyToCustomerAt(daemon: Daemon, prefix: string): Promise<number | undefined> {
  if (daemon instanceof Frr) return Number((await daemon.frrPaths(prefix))[0]?.otc);
  if (daemon instanceof Bird) {
    return Number(/otc: (\d+)/i.exec(await daemon.routes(prefix, "all"))?.[1]);
  }
  return undefined;
}
