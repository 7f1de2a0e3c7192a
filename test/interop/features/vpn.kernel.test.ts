/** RFC 4364 and 4659: routes of VPNs with labels and route targets. */
import assert from "node:assert/strict";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Frr } from "../frr/frr.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, requireKeyed } from "../harness/keyed-routes.ts";
import { only } from "../harness/only.ts";
import { requireUp } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";

const asn = 65000;
const families = ["ipv4-vpn", "ipv6-vpn"] as const;

feature(
  "4364/4659 VPN routes, reflected by them",
  { exabgp: "keeps no table and reflects nothing" },
  async (bed) => {
    const { us, them, lan } = bed;
    const other = lan.addHost("other");
    const client = { asn, families, reflectorClient: true };
    const { speaker } = await establishedPair(bed, {
      theirs: { asn, peers: [us, other].map((host) => ({ ...client, address: host.ip4 })) },
      ours: { asn },
      ourPeer: { families },
    });
    const peers = [{ asn, address: them.ip4, families }];
    const receiver = await bed.speaker({ asn, peers, families }, other);
    await eventually("the receiver's session", () => requireUp(receiver));
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

feature("4364 VPN routes, shown by them", {}, async (bed) => {
  const { us } = bed;
  const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
  announceKeyed(speaker, "ipv4-vpn", "65001:1:10.1.0.0/16 label 100", ["rt:65001:9"]);
  await eventually("our route there", async () => {
    assert.deepEqual(await vpnRouteAt(daemon), ["65001:1", "10.1.0.0/16", 100, us.ip4]);
  });
});

feature("4364 VPN routes, theirs", { bird: "only as a reflector here" }, async (bed) => {
  const { them } = bed;
  const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
  await originateVpn(daemon);
  await eventually("their route here", () => {
    const path = requireKeyed(speaker, "ipv4-vpn", "65002:1:10.2.0.0/16 label 200");
    const want = { asPath: "65002", nextHop: them.ip4, extendedCommunities: ["rt:65002:9"] };
    assert.deepEqual(only(path, "asPath", "nextHop", "extendedCommunities"), want);
  });
});

/** Route distinguisher, prefix, label and next hop of our route. */
async function vpnRouteAt(daemon: Daemon): Promise<unknown[]> {
  if (daemon instanceof Frr) {
    type Shown = Record<string, { prefix: string; paths: VpnPath[] }>;
    type VpnPath = { remoteLabel: number; nexthops: { ip: string }[] };
    const shown = await daemon.json<Shown>("show bgp ipv4 vpn 10.1.0.0/16");
    const [[rd, { prefix, paths }]] = Object.entries(shown) as [[string, Shown[string]]];
    return [rd, prefix, paths[0]?.remoteLabel, paths[0]?.nexthops[0]?.ip];
  }
  if (daemon instanceof Gobgp) {
    const [path] = (await daemon.table("vpnv4"))["65001:1:10.1.0.0/16"] ?? [];
    const nlri = path?.nlri as { prefix: string; labels: number[] } | undefined;
    const reach = path?.attrs.find(({ type }) => type === 14);
    return ["65001:1", nlri?.prefix, nlri?.labels[0], reach?.nexthop];
  }
  if (daemon instanceof Bird) {
    const text = await daemon.routes("table", "vpntab4", "all");
    const [, rd, prefix] = /^(65001:1) (\S+)/m.exec(text) ?? [];
    const label = /BGP.mpls_label_stack: (\d+)/.exec(text)?.[1];
    return [rd, prefix, Number(label), /BGP.next_hop: (\S+)/.exec(text)?.[1]];
  }
  if (!(daemon instanceof Exabgp)) return [];
  for (const { neighbor } of daemon.events()) {
    const found = neighbor?.message?.update?.announce?.["ipv4 mpls-vpn"];
    const [nextHop, routes] = Object.entries(found ?? {})[0] ?? [];
    const route = routes?.[0] as { nlri: string; rd: string; label: number[][] } | undefined;
    if (route !== undefined) return [route.rd, route.nlri, route.label[0]?.[0], nextHop];
  }
  return [];
}

async function originateVpn(daemon: Daemon): Promise<void> {
  const { ip4 } = daemon.host;
  if (daemon instanceof Frr) {
    await daemon.configure("route-map vpn permit 10", "set extcommunity rt 65002:9", "exit");
    const line = "network 10.2.0.0/16 rd 65002:1 label 200 route-map vpn";
    await daemon.configure("router bgp 65002", "address-family ipv4 vpn", line);
  } else if (daemon instanceof Gobgp) {
    const route = ["10.2.0.0/16", "label", "200", "rd", "65002:1", "rt", "65002:9"];
    await daemon.run("global", "rib", "add", "-a", "vpnv4", ...route, "nexthop", ip4);
  } else if (daemon instanceof Exabgp) {
    const attributes = `next-hop ${ip4} label [ 200 ] extended-community [ target:65002:9 ]`;
    daemon.command(`announce route 10.2.0.0/16 rd 65002:1 ${attributes}`);
  }
}
