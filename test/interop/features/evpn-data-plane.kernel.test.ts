/** RFC 7432 and 8365 down to the kernel: what FRR installs for our routes, and says of its own. */
import assert from "node:assert/strict";
import {
  decodeEvpnRoute,
  type EvpnRoute,
  formatExtendedCommunity,
  ingressReplicationEndpoint,
} from "@heddle/bgp";
import {
  formatIp,
  formatMac,
  parseEsi,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
} from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import { Frr } from "../frr/frr.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed } from "../harness/keyed-routes.ts";
import { type Host, ip } from "../harness/lan.ts";
import { runIn } from "../harness/netns-process.ts";
import { establishedPair } from "../harness/pair.ts";

const families = ["evpn"] as const;
const vni = 100;
const rd = parseRouteDistinguisher("65001:1");
/** What FRR imports into the VNI by itself: its own AS and the VNI. */
const target = ["rt:65002:100", "encap:8"];
const remote = { mac: "02:aa:00:00:00:01", ip: "10.5.0.1" };
const local = { mac: "02:cc:00:00:00:01", ip: "10.5.0.7" };
const noKernel = {
  bird: "no EVPN",
  gobgp: "no data plane",
  exabgp: "no data plane",
  heddle: "no data plane",
};

/** A VXLAN device in a bridge with an address of its own, the way FRR expects an L2VNI. */
function addL2Vni(host: Host): void {
  const run = (...args: string[]): string => ip("-n", host.netns, ...args);
  run("link", "add", "br100", "type", "bridge");
  const vxlan = ["link", "add", "vxlan100", "type", "vxlan", "id", `${vni}`, "dstport", "4789"];
  run(...vxlan, "local", host.ip4, "nolearning");
  run("link", "set", "vxlan100", "master", "br100", "addrgenmode", "none");
  run("link", "set", "vxlan100", "type", "bridge_slave", "neigh_suppress", "on", "learning", "off");
  run("link", "add", "host0", "type", "veth", "peer", "name", "host1", "address", local.mac);
  run("link", "set", "host0", "master", "br100");
  run("addr", "add", "10.5.0.254/24", "dev", "br100");
  for (const link of ["vxlan100", "br100", "host0", "host1"]) run("link", "set", link, "up");
}

feature("8365 EVPN types 2, 3 into their kernel", noKernel, async (bed) => {
  const { us, them } = bed;
  addL2Vni(them);
  const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
  assert.ok(daemon instanceof Frr);
  await daemon.configure("router bgp 65002", "address-family l2vpn evpn", "advertise-all-vni");
  const tunnelId = Uint8Array.from([10, 9, 0, 1]);
  const macRoute: EvpnRoute = {
    ...{ kind: "mac-ip", rd, ethernetTag: 0, mac: parseMac(remote.mac), ip: parseIp(remote.ip) },
    ...{ esi: parseEsi("00:00:00:00:00:00:00:00:00:00"), label: vni },
  };
  announceKeyed(speaker, "evpn", macRoute, target);
  const flood: EvpnRoute = {
    ...{ kind: "inclusive-multicast", rd, ethernetTag: 0, originator: parseIp(us.ip4) },
  };
  announceKeyed(speaker, "evpn", flood, target, {
    pmsiTunnel: { flags: 0, tunnelType: 6, label: vni, tunnelId },
  });
  const kernel = async (): Promise<readonly [fdb: string, neighbors: string]> => [
    await runIn(them.netns, "bridge", ["fdb", "show", "dev", "vxlan100"]),
    ip("-n", them.netns, "neigh", "show", "dev", "br100"),
  ];
  await eventually("fdb and neighbor entries in their kernel", async () => {
    const [fdb, neighbors] = await kernel();
    assert.match(fdb, new RegExp(`^${remote.mac} dst ${us.ip4} self`, "m"));
    assert.match(fdb, new RegExp(`^00:00:00:00:00:00 dst ${us.ip4} self`, "m"));
    assert.match(neighbors, new RegExp(`${remote.ip} lladdr ${remote.mac}.* extern_learn`));
  });
  const [key] = [...speaker.rib.keyedRoutes({ family: "evpn" })]
    .filter((route) => route.peer === undefined && route.text.includes("[2]"))
    .map((route) => route.key);
  assert.ok(key !== undefined);
  speaker.withdrawRoute("evpn", key);
  await eventually("the withdrawn MAC leaves their kernel", async () => {
    const [fdb, neighbors] = await kernel();
    assert.doesNotMatch(fdb, new RegExp(remote.mac));
    assert.doesNotMatch(neighbors, new RegExp(`${remote.ip} .*${remote.mac}`));
  });
});

feature("8365 EVPN types 2, 3 from their kernel", noKernel, async (bed) => {
  const { them } = bed;
  addL2Vni(them);
  const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
  assert.ok(daemon instanceof Frr);
  await daemon.configure("router bgp 65002", "address-family l2vpn evpn", "advertise-all-vni");
  const entry = ["fdb", "replace", local.mac, "dev", "host0", "master", "dynamic"];
  await runIn(them.netns, "bridge", entry);
  const neighbor = ["replace", local.ip, "lladdr", local.mac, "dev", "br100", "nud", "reachable"];
  ip("-n", them.netns, "neigh", ...neighbor);
  await eventually("their MAC and flooding routes here", () => {
    assert.deepEqual(heard(speaker), [
      `${local.mac} ${local.ip} vni ${vni} at ${them.ip4} encap:8 rt:65002:100`,
      `${local.mac} vni ${vni} at ${them.ip4} encap:8 rt:65002:100`,
      `flood to ${them.ip4} vni ${vni} at ${them.ip4} encap:8 rt:65002:100`,
    ]);
  });
});

/** What FRR announced, one line a route, sorted. */
function heard(speaker: Speaker): string[] {
  const lines: string[] = [];
  for (const { peer, key, payload, attributes } of speaker.rib.keyedRoutes({ family: "evpn" })) {
    if (peer === undefined) continue;
    const route = decodeEvpnRoute(key, payload);
    const { nextHop, extendedCommunities, pmsiTunnel } = attributes;
    const extended = extendedCommunities.map(formatExtendedCommunity).sort().join(" ");
    const at = `at ${formatIp(nextHop)} ${extended}`;
    if (route.kind === "mac-ip") {
      const address = route.ip === undefined ? "" : ` ${formatIp(route.ip)}`;
      lines.push(`${formatMac(route.mac)}${address} vni ${route.label} ${at}`);
    } else if (route.kind === "inclusive-multicast" && pmsiTunnel !== undefined) {
      const endpoint = ingressReplicationEndpoint(pmsiTunnel);
      const to = endpoint === undefined ? "nowhere" : formatIp(endpoint);
      lines.push(`flood to ${to} vni ${pmsiTunnel.label} ${at}`);
    } else lines.push(route.kind);
  }
  return lines.sort();
}

const l3Vni = 200;
const routerMac = "02:00:00:00:00:01";

/** The bridge of an L3VNI in the default VRF; its address is the router MAC. */
function addL3Vni(host: Host): void {
  const run = (...args: string[]): string => ip("-n", host.netns, ...args);
  run("link", "add", "br200", "address", "02:bb:00:00:00:01", "type", "bridge");
  const vxlan = ["link", "add", "vxlan200", "type", "vxlan", "id", `${l3Vni}`, "dstport", "4789"];
  run(...vxlan, "local", host.ip4, "nolearning");
  run("link", "set", "vxlan200", "master", "br200", "addrgenmode", "none");
  for (const link of ["vxlan200", "br200"]) run("link", "set", link, "up");
}

feature("9136 EVPN type 5 into and from their kernel", noKernel, async (bed) => {
  const { us, them } = bed;
  addL3Vni(them);
  const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
  assert.ok(daemon instanceof Frr);
  const evpn = ["router bgp 65002", "address-family l2vpn evpn"];
  await daemon.configure(...evpn, "advertise-all-vni", "advertise ipv4 unicast");
  await daemon.configureDaemon("zebra", `vni ${l3Vni}`);
  const route: EvpnRoute = {
    ...{ kind: "ip-prefix", rd, ethernetTag: 0, prefix: parsePrefix("10.6.0.0/16") },
    ...{ esi: parseEsi("00:00:00:00:00:00:00:00:00:00"), label: l3Vni },
    gateway: parseIp("0.0.0.0"),
  };
  const extended = [`rt:65002:${l3Vni}`, "encap:8", `router-mac:${routerMac}`];
  announceKeyed(speaker, "evpn", route, extended);
  await eventually("a route, a neighbor and an fdb entry in their kernel", async () => {
    const routes = ip("-n", them.netns, "route", "show", "proto", "bgp");
    assert.match(routes, new RegExp(`^10.6.0.0/16 .*via ${us.ip4} dev br200 .*onlink`, "m"));
    const neighbors = ip("-n", them.netns, "neigh", "show", "dev", "br200");
    assert.match(neighbors, new RegExp(`${us.ip4} lladdr ${routerMac}`));
    const fdb = await runIn(them.netns, "bridge", ["fdb", "show", "dev", "vxlan200"]);
    assert.match(fdb, new RegExp(`^${routerMac} dst ${us.ip4} self`, "m"));
  });
  const unicast = ["router bgp 65002", "address-family ipv4 unicast"];
  await daemon.configure(...unicast, "network 10.8.0.0/16");
  await eventually("their prefix here, with their router MAC", () => {
    const found = [...speaker.rib.keyedRoutes({ family: "evpn" })].find(
      ({ peer, text }) => peer !== undefined && text.includes("[5]:[0]:[16]:[10.8.0.0]"),
    );
    assert.ok(found !== undefined, "no route of type 5");
    assert.match(found.text, /label 200$/);
    const extendedOf = found.attributes.extendedCommunities.map(formatExtendedCommunity).sort();
    const want = ["encap:8", "router-mac:02:bb:00:00:00:01", `rt:65002:${l3Vni}`];
    assert.deepEqual(extendedOf, want);
    assert.equal(formatIp(found.attributes.nextHop), them.ip4);
  });
});
