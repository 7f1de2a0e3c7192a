/** RFC 8950 IPv4 over IPv6, unnumbered links, BFD, dynamic neighbors, long messages. */
import assert from "node:assert/strict";
import { acceptAll } from "@heddle/bgp";
import { parseAsn, parseIfindex, parseIp4, parseIp6, parsePrefix } from "@heddle/inet";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Frr } from "../frr/frr.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { communityOf, ourPaths, requireUp, statusOf, unicast } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const families = ["ipv4-unicast"] as const;
const listenEverywhere = [{ address: parseIp6("::"), port: 179 }];
const [ourPrefix, theirPrefix] = ["10.1.0.0/16", "10.2.0.0/16"];

feature("8950 IPv4 with IPv6 next hops", {}, async (bed) => {
  const { us, them } = bed;
  const over6 = { families: unicast, extendedNextHop: true };
  const ours = { ...over6, address: them.ip6, asn: 65002 };
  const daemon = await bed.daemon({
    asn: 65002,
    peers: [{ ...over6, address: us.ip6, asn: 65001 }],
  });
  const speaker = await bed.speaker({ asn: 65001, peers: [ours] });
  await eventually("the session", async () => {
    requireUp(speaker);
    assert.deepEqual(statusOf(speaker).capabilities?.extendedNextHop, families);
    await daemon.requireEstablished(us.ip6);
  });
  speaker.announce(parsePrefix(ourPrefix), { nextHop: parseIp6(us.ip6) });
  await daemon.announce({ prefix: theirPrefix, ...(daemon.name === "frr" ? {} : hop(them.ip6)) });
  await eventually("IPv6 next hops on both sides", async () => {
    assert.equal((await daemon.paths(ourPrefix))[0]?.nextHop, us.ip6);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.nextHop, them.ip6);
  });
});

const hop = (nextHop: string): { readonly nextHop: string } => ({ nextHop });

const noRouterAdvertisements = {
  gobgp: "sends no router advertisements, and looks for its neighbor only once",
  exabgp: "has none",
};

feature("4861/8950 unnumbered link", noRouterAdvertisements, async (bed) => {
  const { us, them } = bed;
  bed.lan.keepLinkLocal(us);
  bed.lan.keepLinkLocal(them);
  const daemon = await bed.daemon({
    asn: 65002,
    peers: [{ asn: 65001, address: us.ifname, families, unnumbered: true }],
  });
  const template = {
    ...{ asn: parseAsn(65002), kind: "fabric" as const, families, extendedNextHop: true },
    ...{ importPolicy: acceptAll, exportPolicy: acceptAll, holdTimeMs: 9000 },
  };
  const ifindex = parseIfindex(us.ifindex);
  const unnumbered = { name: us.ifname, ifindex, template, advertisementIntervalMs: 3000 };
  const config = { asn: 65001, families, peers: [], unnumberedPeers: [unnumbered] };
  const speaker = await bed.speaker({ ...config, listen: listenEverywhere });
  speaker.announce(parsePrefix(ourPrefix));
  await daemon.announce({ prefix: theirPrefix });
  await eventually("routes over link-local next hops", async () => {
    requireUp(speaker);
    assert.equal((await daemon.paths(ourPrefix))[0]?.asPath, "65001");
    const [path] = ourPaths(speaker, theirPrefix);
    assert.equal(path?.asPath, "65002");
    assert.match(path.nextHop, /^fe80::/);
  });
});

const noBfd = { gobgp: "has none", exabgp: "has none" };

feature("5880 BFD", noBfd, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    theirPeer: { bfd: true },
    ourPeer: { bfd: { txIntervalMs: 100, rxIntervalMs: 100 }, holdTimeMs: 90_000 },
  });
  speaker.announce(parsePrefix(ourPrefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("BFD up, and routes", async () => {
    assert.equal(statusOf(speaker).bfd, "Up");
    assert.equal(await bfdStateAt(daemon, us.ip4), "up");
    assert.equal(ourPaths(speaker, theirPrefix).length, 1);
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
  bed.lan.disconnect(them);
  // The hold time, of which more than the time of any wait is left, has nothing to do with it.
  await eventually("down on both sides, and without routes", async () => {
    assert.throws(() => requireUp(speaker));
    assert.match(String(statusOf(speaker).lastError?.message), /BFD session down/);
    assert.equal(ourPaths(speaker, theirPrefix).length, 0);
    assert.equal(await bfdStateAt(daemon, us.ip4), "down");
    assert.equal((await daemon.paths(ourPrefix)).length, 0);
  });
  bed.lan.connect(them);
  await eventually("up again", async () => {
    requireUp(speaker);
    assert.equal(statusOf(speaker).bfd, "Up");
    assert.equal((await daemon.paths(ourPrefix)).length, 1);
  });
});

async function bfdStateAt(daemon: Daemon, peer: string): Promise<string | undefined> {
  if (daemon instanceof Frr) {
    const shown = await daemon.json<{ peer: string; status: string }[]>("show bfd peers", "bfdd");
    return shown.find((session) => session.peer === peer)?.status;
  }
  if (daemon instanceof Bird) {
    const line = (await daemon.birdc("show", "bfd", "sessions")).split("\n");
    return /\b(Up|Down)\b/
      .exec(line.find((text) => text.startsWith(peer)) ?? "")?.[0]
      .toLowerCase();
  }
  return daemon instanceof Heddle ? statusOf(daemon.speaker).bfd?.toLowerCase() : undefined;
}

feature("dynamic neighbors, ours", {}, async (bed) => {
  const { us, them } = bed;
  const speaker = await bed.speaker({
    asn: 65001,
    families,
    peers: [],
    dynamicPeers: [
      {
        name: "lan",
        prefix: parsePrefix("10.9.0.0/24"),
        template: {
          ...{ asn: parseAsn(65002), kind: "fabric", families, holdTimeMs: 9000 },
          ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
          ...{ localAddress: parseIp4(us.ip4) },
        },
        peerCountMax: 2,
      },
    ],
  });
  speaker.announce(parsePrefix(ourPrefix));
  const peer = { asn: 65001, address: us.ip4, families, active: true };
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("routes both ways", async () => {
    requireUp(speaker, them.ip4);
    assert.equal(statusOf(speaker).dynamic, "lan");
    assert.equal((await daemon.paths(ourPrefix))[0]?.nextHop, us.ip4);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.nextHop, them.ip4);
  });
});

feature("dynamic neighbors, theirs", { exabgp: "has none" }, async (bed) => {
  const { us, them } = bed;
  const range = { asn: 65001, address: "lan", families, range: "10.9.0.0/24" };
  const daemon = await bed.daemon({ asn: 65002, peers: [range] });
  const peers = [{ asn: 65002, address: them.ip4, families }];
  const speaker = await bed.speaker({ asn: 65001, families, peers });
  speaker.announce(parsePrefix(ourPrefix));
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4 });
  await eventually("routes both ways", async () => {
    requireUp(speaker);
    assert.equal((await daemon.paths(ourPrefix))[0]?.nextHop, us.ip4);
    assert.equal(ourPaths(speaker, theirPrefix)[0]?.nextHop, them.ip4);
  });
});

const texts = Array.from({ length: 1500 }, (_, i) => `65001:${i}`).sort();

feature("8654 messages over 4096 octets", { gobgp: "has none" }, async (bed) => {
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    theirPeer: { extendedMessage: true },
  });
  assert.equal(statusOf(speaker).capabilities?.extendedMessage, true);
  speaker.announce(parsePrefix(ourPrefix), { communities: texts.map(communityOf) });
  await eventually("6000 octets of communities there", async () => {
    if (daemon instanceof Bird) {
      // birdc cuts long lines.
      const all = "bgp_community.len = 1500 && (65001, 1499) ~ bgp_community";
      assert.match(await daemon.routes("where", all), /10\.1\.0\.0\/16/);
      return;
    }
    const [path] = await daemon.paths(ourPrefix);
    assert.deepEqual(only(path, "communities"), { communities: texts });
  });
  if (daemon instanceof Frr) await addCommunities(daemon, us.ip4, texts);
  const communities = daemon instanceof Frr ? {} : { communities: texts };
  await daemon.announce({ prefix: theirPrefix, nextHop: them.ip4, ...communities });
  await eventually("6000 octets of communities here", () => {
    assert.deepEqual(ourPaths(speaker, theirPrefix)[0]?.communities, texts);
  });
});

const communitiesPerLine = 150;

/** FRR takes no line that is long enough, so that several entries of the map add to each other. */
async function addCommunities(frr: Frr, peer: string, all: readonly string[]): Promise<void> {
  for (let at = 0; at < all.length; at += communitiesPerLine) {
    const some = all.slice(at, at + communitiesPerLine).join(" ");
    const entry = `route-map many permit ${at + 1}`;
    await frr.configure(entry, `set community ${some} additive`, "on-match next");
  }
  const neighbor = `neighbor ${peer} route-map many out`;
  await frr.configure(`route-map many permit ${all.length + 1}`);
  await frr.configure("router bgp 65002", "address-family ipv4 unicast", neighbor);
}
