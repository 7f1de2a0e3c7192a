/** RFC 4364 and 4659: routes of VPNs with labels and route targets. */
import assert from "node:assert/strict";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Frr } from "../frr/frr.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, keyedPaths, requireKeyed } from "../harness/keyed-routes.ts";
import type { Host } from "../harness/lan.ts";
import { only } from "../harness/only.ts";
import { establishedPair, reflectedPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const asn = 65000;
const families = ["ipv4-vpn", "ipv6-vpn"] as const;

feature(
  "4364/4659 VPN routes, reflected by them",
  { exabgp: "keeps no table and reflects nothing" },
  async (bed) => {
    const { us } = bed;
    const { speaker, client: receiver } = await reflectedPair(bed, asn, families);
    const sent = [
      ["ipv4-vpn", "65000:1:10.1.0.0/16 label 100"],
      ["ipv6-vpn", "10.0.0.1:7:fd01::/48 label 1048575"],
    ] as const;
    for (const [family, text] of sent) {
      announceKeyed(speaker, family, text, ["rt:65000:9", "rt:10.0.0.1:8"], { localPref: 150 });
    }
    for (const [family, text] of sent) {
      await eventually(`${text} reflected`, () => {
        const path = requireKeyed(receiver, family, text);
        const fields = ["extendedCommunities", "originatorId", "localPref", "nextHop"] as const;
        assert.deepEqual(only(path, ...fields), {
          extendedCommunities: ["rt:10.0.0.1:8", "rt:65000:9"],
          ...{ originatorId: us.ip4, localPref: 150 },
          nextHop: family === "ipv4-vpn" ? us.ip4 : us.ip6,
        });
      });
    }
  },
);

/** What differs between the two families. */
interface Version {
  readonly name: string;
  readonly number: 4 | 6;
  readonly ours: string;
  readonly theirs: string;
  readonly addressOf: (host: Host) => string;
}

const versions: readonly Version[] = [
  {
    ...{ name: "4364 VPN routes of IPv4", number: 4 },
    ...{ ours: "10.1.0.0/16", theirs: "10.2.0.0/16", addressOf: (host) => host.ip4 },
  },
  {
    ...{ name: "4659 VPN routes of IPv6", number: 6 },
    ...{ ours: "fd01::/48", theirs: "fd02::/48", addressOf: (host) => host.ip6 },
  },
];

for (const version of versions) {
  const { name, number, ours, theirs, addressOf } = version;
  const family = `ipv${number}-vpn` as const;

  feature(`${name}, ours`, {}, async (bed) => {
    const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
    announceKeyed(speaker, family, `65001:1:${ours} label 100`, ["rt:65001:9"]);
    await eventually("our route there", async () => {
      const seen = await vpnRouteAt(daemon, version);
      assert.deepEqual(seen, ["65001:1", ours, 100, addressOf(bed.us)]);
    });
  });

  feature(`${name}, theirs`, {}, async (bed) => {
    const more = bed.daemonName === "bird" ? { more: birdVpnRoute(version) } : {};
    const { daemon, speaker } = await establishedPair(bed, {
      theirs: more,
      ourPeer: { families },
    });
    await originateVpn(daemon, version);
    await eventually("their route here", () => {
      const path = requireKeyed(speaker, family, `65002:1:${theirs} label 200`);
      // BIRD has no next hop of its own with a label, but the gateway of a static route.
      const nextHop = daemon.name === "bird" ? gateways[number] : addressOf(bed.them);
      const want = { asPath: "65002", nextHop, extendedCommunities: ["rt:65002:9"] };
      assert.deepEqual(only(path, "asPath", "nextHop", "extendedCommunities"), want);
    });
  });
}

/** Route distinguisher, prefix, label and next hop of our route. */
async function vpnRouteAt(daemon: Daemon, { number, ours }: Version): Promise<unknown[]> {
  if (daemon instanceof Frr) {
    type Shown = Record<string, { prefix: string; paths: VpnPath[] }>;
    type VpnPath = { remoteLabel: number; nexthops: { ip: string }[] };
    const shown = await daemon.json<Shown>(`show bgp ipv${number} vpn ${ours}`);
    const [[rd, { prefix, paths }]] = Object.entries(shown) as [[string, Shown[string]]];
    return [rd, prefix, paths[0]?.remoteLabel, paths[0]?.nexthops[0]?.ip];
  }
  if (daemon instanceof Gobgp) {
    const [path] = (await daemon.table(`vpnv${number}`))[`65001:1:${ours}`] ?? [];
    const nlri = path?.nlri as { prefix: string; labels: number[] } | undefined;
    const reach = path?.attrs.find(({ type }) => type === 14);
    return ["65001:1", nlri?.prefix, nlri?.labels[0], reach?.nexthop];
  }
  if (daemon instanceof Bird) {
    const text = await daemon.routes("table", `vpntab${number}`, "all");
    const [, rd, prefix] = /^(65001:1) (\S+)/m.exec(text) ?? [];
    const label = /BGP.mpls_label_stack: (\d+)/.exec(text)?.[1];
    return [rd, prefix, Number(label), /BGP.next_hop: (\S+)/.exec(text)?.[1]];
  }
  if (daemon instanceof Heddle) {
    const [path] = keyedPaths(daemon.speaker, `ipv${number}-vpn`).values();
    const [, rd, prefix, label] = /^(65001:1):(\S+) label (\d+)$/.exec(path?.text ?? "") ?? [];
    return [rd, prefix, Number(label), path?.nextHop];
  }
  if (!(daemon instanceof Exabgp)) return [];
  for (const { neighbor } of daemon.events()) {
    const found = neighbor?.message?.update?.announce?.[`ipv${number} mpls-vpn`];
    const [nextHop, routes] = Object.entries(found ?? {})[0] ?? [];
    const route = routes?.[0] as { nlri: string; rd: string; label: number[][] } | undefined;
    if (route !== undefined) return [route.rd, route.nlri, route.label[0]?.[0], nextHop];
  }
  return [];
}

async function originateVpn(daemon: Daemon, version: Version): Promise<void> {
  const { number, theirs, addressOf } = version;
  const nextHop = addressOf(daemon.host);
  if (daemon instanceof Frr) {
    await daemon.configure("route-map vpn permit 10", "set extcommunity rt 65002:9", "exit");
    const line = `network ${theirs} rd 65002:1 label 200 route-map vpn`;
    await daemon.configure("router bgp 65002", `address-family ipv${number} vpn`, line);
  } else if (daemon instanceof Gobgp) {
    const route = [theirs, "label", "200", "rd", "65002:1", "rt", "65002:9"];
    const add = ["global", "rib", "add", "-a", `vpnv${number}`];
    await daemon.run(...add, ...route, "nexthop", nextHop);
  } else if (daemon instanceof Exabgp) {
    const attributes = `next-hop ${nextHop} label [ 200 ] extended-community [ target:65002:9 ]`;
    daemon.command(`announce route ${theirs} rd 65002:1 ${attributes}`);
  } else if (daemon instanceof Heddle) {
    const route = `65002:1:${theirs} label 200`;
    announceKeyed(daemon.speaker, `ipv${number}-vpn`, route, ["rt:65002:9"]);
  }
}

const gateways = { 4: "10.9.0.9", 6: "fd09::9" } as const;

function birdVpnRoute({ number, theirs }: Version): string {
  return [
    `protocol static own_vpn { vpn${number} { table vpntab${number}; };`,
    `route 65002:1 ${theirs} via ${gateways[number]} mpls 200`,
    "{ bgp_ext_community.add((rt, 65002, 9)); }; }",
  ].join(" ");
}
