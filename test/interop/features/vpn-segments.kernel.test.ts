/** RFC 7432 8, 8584: nodes on an Ethernet segment find each other through GoBGP. */
import assert from "node:assert/strict";
import { formatMac, formatPrefix, parseEsi, parseIp, parseMac } from "@heddle/inet";
import { type EthernetSegment, electForwarder, formatHop, type Vrf } from "@heddle/vpn";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import type { Host } from "../harness/lan.ts";
import { subnetOf, theirAsn, VpnNode, vpnFamilies, vrfOf } from "./vpn-node.ts";

const l2Vni = 100;
const l3Vni = 200;
const esi = parseEsi("00:11:22:33:44:55:66:77:88:99");
const mac = parseMac("02:aa:00:00:00:01");
const subnet = `${l2Vni}`;

function vrfAt(host: Host, routerMac: string): Vrf {
  return vrfOf(host, l3Vni, routerMac, { subnets: [subnetOf(host, l2Vni, "10.5.0.0/24")] });
}

function segmentIn(vrf: Vrf): EthernetSegment {
  const subnets = [{ vrf: vrf.name, subnet }];
  return { esi, singleActive: false, label: 0, electionAlgorithm: "modulo", subnets };
}

/** Where frames and packets to the host go, by what the node has imported. */
function waysOf({ imports }: VpnNode, vrf: Vrf): string[] {
  const macs = [...imports.macs(vrf.name, subnet)].map(
    (entry) => `${formatMac(entry.mac)} ${entry.hops.map(formatHop).join(", ")}`,
  );
  const routes = [...imports.routes(vrf.name)].map(
    ({ hops, prefix }) => `${formatPrefix(prefix)} ${hops.map(formatHop).join(", ")}`,
  );
  return [...macs, ...routes];
}

const unsupported = {
  frr: "its segments want bond devices",
  bird: "no EVPN",
  exabgp: "passes nothing on",
  heddle: "two of them are in packages/vpn",
};

feature("7432/8584 Ethernet segments, reflected by them", unsupported, async (bed) => {
  const { lan, us: one } = bed;
  const [two, far] = [lan.addHost("two"), lan.addHost("far")];
  const client = { asn: theirAsn, families: vpnFamilies, reflectorClient: true };
  const peers = [one, two, far].map((host) => ({ ...client, address: host.ip4 }));
  const daemon = await bed.daemon({ asn: theirAsn, peers });
  assert.ok(daemon instanceof Gobgp);
  const start = (host: Host): Promise<VpnNode> =>
    VpnNode.start(bed, daemon, async () => undefined, { asn: theirAsn, host });
  const [atOne, atTwo, atFar] = [await start(one), await start(two), await start(far)];
  const [vrfOne, vrfTwo] = [vrfAt(one, "02:00:00:00:00:01"), vrfAt(two, "02:00:00:00:00:02")];
  const vrfFar = vrfAt(far, "02:00:00:00:00:03");
  const none = { segments: [], endpoints: [], prefixes: [] };
  const endpoint = { vrf: vrfOne.name, subnet, mac, ips: [parseIp("10.5.0.1")], esi };
  await atFar.configure({ ...none, vrfs: [vrfFar] });
  const segmentTwo = { ...none, vrfs: [vrfTwo], segments: [segmentIn(vrfTwo)] };
  await atTwo.configure(segmentTwo);
  const segments = [segmentIn(vrfOne)];
  await atOne.configure({ ...none, vrfs: [vrfOne], segments, endpoints: [endpoint] });

  await eventually("both nodes know each other", () => {
    assert.deepEqual(atOne.imports.members(esi), [
      { address: parseIp(two.ip4), algorithm: "modulo" },
    ]);
    assert.deepEqual(atTwo.imports.members(esi), [
      { address: parseIp(one.ip4), algorithm: "modulo" },
    ]);
  });
  assert.deepEqual(atFar.imports.members(esi), [], "it is not on the segment");
  const elected = [atOne, atTwo].map(({ imports }, i) => {
    const own = { address: parseIp([one, two][i]!.ip4), algorithm: "modulo" } as const;
    return electForwarder([...imports.members(esi), own], esi, l2Vni)?.forwarder;
  });
  // RFC 7432 8.5: the VNI modulo two, by ascending address.
  assert.deepEqual(elected, [parseIp(one.ip4), parseIp(one.ip4)]);

  const macText = formatMac(mac);
  const overL2 = (host: Host): string => `vxlan ${host.ip4} vni ${l2Vni}`;
  const overL3 = `10.5.0.1/32 vxlan ${one.ip4} vni ${l3Vni} mac 02:00:00:00:00:01`;
  await eventually("aliasing: frames go to both nodes", () =>
    assert.deepEqual(waysOf(atFar, vrfFar), [`${macText} ${overL2(one)}, ${overL2(two)}`, overL3]),
  );
  assert.deepEqual(waysOf(atTwo, vrfTwo), [
    `${macText} segment 00:11:22:33:44:55:66:77:88:99`,
    `10.5.0.1/32 segment 00:11:22:33:44:55:66:77:88:99 mac ${macText}`,
  ]);

  // Mass withdrawal (8.2): one route less, and no host is behind the first node.
  const [whole] = [...atOne.speaker.rib.keyedRoutes({ family: "evpn" })].filter(
    ({ peer, text }) => peer === undefined && text.includes("[1]:[4294967295]"),
  );
  assert.ok(whole !== undefined);
  atOne.speaker.withdrawRoute("evpn", whole.key);
  await eventually("frames go to the second node alone", () =>
    assert.deepEqual(waysOf(atFar, vrfFar), [`${macText} ${overL2(two)}`]),
  );
  await atTwo.configure({ ...segmentTwo, segments: [] });
  await eventually("the second node has left, too", () => {
    assert.deepEqual(atOne.imports.members(esi), []);
    assert.deepEqual(waysOf(atFar, vrfFar), []);
  });
  const held = Object.keys(await daemon.table("evpn"));
  const left = held.filter((key) => key.startsWith("[type:esi]"));
  assert.deepEqual(left.length, 1, `${held}`);
});
