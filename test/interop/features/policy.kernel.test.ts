/** What protects others from a mistake: default deny, roles, graceful shutdown. */
import assert from "node:assert/strict";
import { parseIp4, parsePrefix } from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Frr } from "../frr/frr.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { ourPaths, requireUp, statusOf } from "../harness/our-speaker.ts";
import { establishedPair, startPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const families = ["ipv4-unicast"] as const;
const [ourPrefix, theirPrefix] = ["10.1.0.0/16", "10.2.0.0/16"];

feature(
  "8212 no policy, no routes",
  {
    bird: "refuses a configuration without policies",
    gobgp: "has none",
    exabgp: "has none",
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

const noRoles = { gobgp: "has none", exabgp: "has none" };

feature("9234 OTC, ours", noRoles, async (bed) => {
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
  await eventually("their route here, without", () => {
    assert.equal(ourPaths(speaker, theirPrefix).length, 1);
    assert.equal(onlyToCustomerHere(speaker, theirPrefix), undefined);
  });
});

feature("9234 OTC, theirs, does not leak", noRoles, async (bed) => {
  const { them, lan } = bed;
  const upstream = lan.addHost("upstream");
  const common = { families, kind: "fabric" } as const;
  const { daemon, speaker } = await establishedPair(bed, {
    theirPeer: { role: "provider" },
    ours: {
      peers: [
        { asn: 65002, address: them.ip4, ...common, role: "customer" },
        { asn: 65003, address: upstream.ip4, ...common, role: "customer" },
      ],
    },
  });
  const peers = [{ asn: 65001, address: bed.us.ip4, families, role: "provider" }] as const;
  const other = await bed.speaker({ asn: 65003, families, peers }, upstream);
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("their route carries OTC here", () => {
    assert.equal(onlyToCustomerHere(speaker, theirPrefix), 65002);
  });
  await eventually("ours at the other provider, theirs not", () => {
    assert.equal(ourPaths(other, ourPrefix).length, 1);
    assert.deepEqual(ourPaths(other, theirPrefix), []);
  });
});

feature("9234 role mismatch", noRoles, async (bed) => {
  const { speaker } = await startPair(bed, {
    theirPeer: { role: "provider" },
    ourPeer: { role: "provider" },
  });
  await eventually("refused with Open Message Error, Role Mismatch", () => {
    const { lastError } = statusOf(speaker);
    assert.deepEqual([lastError?.code, lastError?.subcode], [2, 11]);
    assert.throws(() => requireUp(speaker));
  });
});

feature("8326 graceful shutdown, ours", {}, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, { theirPeer: { gracefulShutdown: true } });
  if (daemon instanceof Gobgp) await daemon.yieldToGracefulShutdown();
  speaker.announce(parsePrefix(ourPrefix));
  await eventually("our route there", async () => {
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  // ExaBGP cannot read any text, and keeps no table that would have a preference.
  const isExabgp = daemon.name === "exabgp";
  const preference = isExabgp ? undefined : daemon instanceof Gobgp ? 1 : 0;
  speaker.gracefulShutdownPeer({ address: parseIp4(them.ip4) }, 2000, isExabgp ? "" : "bye");
  await eventually("marked, and least preferred there", async () => {
    const [path] = await daemon.paths(ourPrefix);
    assert.deepEqual(path?.communities, ["65535:0"]);
    assert.equal(path.localPref, preference);
  });
  await eventually("closed", async () => {
    await assert.rejects(daemon.requireEstablished(us.ip4));
    assert.match(await daemon.lastReset(us.ip4), isExabgp ? /notification/i : /bye/);
  });
});

feature("8326 graceful shutdown, theirs", {}, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed);
  const route = { prefix: theirPrefix, nextHop: them.ip4, communities: ["65002:1"] };
  await daemon.announce(route);
  await eventually("their route", () => {
    const [path] = ourPaths(speaker, theirPrefix);
    assert.deepEqual(only(path, "communities", "localPref"), {
      ...{ communities: ["65002:1"], localPref: undefined },
    });
  });
  if (daemon instanceof Frr) {
    await daemon.configure("router bgp 65002", "bgp graceful-shutdown");
  } else if (daemon instanceof Heddle) {
    daemon.speaker.gracefulShutdownPeer({ address: parseIp4(us.ip4) }, 10_000);
  } else {
    await daemon.announce({ ...route, communities: ["65002:1", "65535:0"] });
  }
  await eventually("least preferred here", () => {
    const [path] = ourPaths(speaker, theirPrefix);
    assert.deepEqual(only(path, "communities", "localPref"), {
      ...{ communities: ["65002:1", "65535:0"], localPref: 0 },
    });
  });
});

async function onlyToCustomerAt(daemon: Daemon, prefix: string): Promise<number | undefined> {
  if (daemon instanceof Frr) return Number((await daemon.frrPaths(prefix))[0]?.otc);
  if (daemon instanceof Bird) {
    return Number(/otc: (\d+)/i.exec(await daemon.routes(prefix, "all"))?.[1]);
  }
  return daemon instanceof Heddle ? onlyToCustomerHere(daemon.speaker, prefix) : undefined;
}

function onlyToCustomerHere(speaker: Speaker, prefix: string): number | undefined {
  const [route] = speaker.routes({ within: parsePrefix(prefix) });
  if (route === undefined) throw new Error(`no route to ${prefix}`);
  return route.attributes.onlyToCustomer;
}
