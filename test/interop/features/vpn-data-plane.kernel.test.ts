/** RFC 7432, 8365, 9135, 9136: `@heddle/vpn` and FRR, down to packets through VXLAN. */
import assert from "node:assert/strict";
import { formatIp, formatMac, formatPrefix, parseIp, parseMac, parsePrefix } from "@heddle/inet";
import {
  formatHop,
  type LocalEndpoint,
  type LocalState,
  type MacEntry,
  type MobilityConfig,
  type MobilityEffect,
  type MobilityEvent,
  type MobilityState,
  mobilityDefaults,
  singleHomed,
  stepMobility,
  unknownMac,
  type Vrf,
} from "@heddle/vpn";
import { Frr } from "../frr/frr.ts";
import { eventually } from "../harness/eventually.ts";
import { type Bed, feature } from "../harness/feature.ts";
import { ip } from "../harness/lan.ts";
import { runIn } from "../harness/netns-process.ts";
import { VpnKernel } from "./vpn-kernel.ts";
import {
  type Install,
  ourAsn,
  subnetOf,
  targetOf,
  theirAsn,
  VpnNode,
  vpnFamilies,
  vrfOf,
} from "./vpn-node.ts";
import {
  addBridge,
  bridgeName,
  enableForwarding,
  type TenantAddress,
  TenantHost,
  vxlanName,
} from "./vpn-tenant.ts";

const noKernel = {
  bird: "no EVPN",
  gobgp: "no data plane",
  exabgp: "no data plane",
  heddle: "no data plane",
};

const l2Vni = 100;
const theirVni = 101;
const l3Vni = 200;
const ourRouter = "02:00:00:00:00:01";
const theirRouter = "02:00:00:00:00:02";
const gateway = "10.5.0.254";
const ourGateway = "02:01:00:00:01:00";
const theirGateway = "02:02:00:00:01:00";
const ourHost = { mac: "02:aa:00:00:00:01", address: "10.5.0.1/24", gateway };
const stayingHost = { mac: "02:aa:00:00:00:02", address: "10.5.0.2/24", gateway };
const theirHost = { mac: "02:cc:00:00:00:07", address: "10.5.0.7/24", gateway };
/** In a subnet that is not here. */
const farHost = { mac: "02:cc:00:00:00:09", address: "10.6.0.9/24", gateway: "10.6.0.254" };

/** The bridges of both sides, FRR with its VNIs, and our node with an empty state. */
async function setUp(bed: Bed, install?: Install): Promise<{ frr: Frr; node: VpnNode; vrf: Vrf }> {
  const { us, them } = bed;
  addBridge(us, { vni: l2Vni, mac: ourGateway, address: `${gateway}/24` });
  addBridge(them, { vni: l2Vni, mac: theirGateway, address: `${gateway}/24` });
  addBridge(them, { vni: theirVni, mac: "02:02:00:00:01:01", address: "10.6.0.254/24" });
  addBridge(us, { vni: l3Vni, mac: ourRouter });
  addBridge(them, { vni: l3Vni, mac: theirRouter });
  for (const host of [us, them]) await enableForwarding(host);
  const kernel = new VpnKernel(us, new Map([l2Vni, theirVni].map((vni) => [`${vni}`, vni])));
  const apply: Install = (changes) => kernel.apply(changes);
  const peers = [{ asn: ourAsn, address: us.ip4, families: vpnFamilies }];
  const daemon = await bed.daemon({ asn: theirAsn, peers });
  assert.ok(daemon instanceof Frr);
  const node = await VpnNode.start(bed, daemon, install ?? apply);
  await daemon.configureDaemon("zebra", `vni ${l3Vni}`);
  await daemon.configure(...evpn, "advertise-all-vni", "advertise ipv4 unicast");
  const subnets = [subnetOf(us, l2Vni, "10.5.0.0/24")];
  const vrf = vrfOf(us, l3Vni, ourRouter, { subnets });
  await node.configure(stateOf(vrf));
  return { frr: daemon, node, vrf };
}

const evpn = [`router bgp ${theirAsn}`, "address-family l2vpn evpn"];

function stateOf(vrf: Vrf, endpoints: readonly LocalEndpoint[] = []): LocalState {
  return { vrfs: [vrf], segments: [], endpoints, prefixes: [] };
}

function endpointOf(vrf: Vrf, { address, mac }: TenantAddress): LocalEndpoint {
  const [bare = ""] = address.split("/");
  return { vrf: vrf.name, subnet: `${l2Vni}`, mac: parseMac(mac), ips: [parseIp(bare)] };
}

/** What the table has, one line each, sorted. */
function imported({ imports }: VpnNode, vrf: Vrf): string[] {
  const lines: string[] = [];
  for (const { hops, prefix, source } of imports.routes(vrf.name)) {
    lines.push(`${formatPrefix(prefix)} ${source} ${hops.map(formatHop).join(", ")}`);
  }
  for (const { name } of vrf.subnets) {
    for (const { defaultGateway, hops, mac, sequence, sticky } of imports.macs(vrf.name, name)) {
      const flags = `${sticky ? " sticky" : ""}${defaultGateway ? " gateway" : ""}`;
      lines.push(`${formatMac(mac)} ${hops.map(formatHop).join(", ")} seq ${sequence}${flags}`);
    }
    for (const { defaultGateway, ip: address, mac } of imports.neighbors(vrf.name, name)) {
      lines.push(`${formatIp(address)} ${formatMac(mac)}${defaultGateway ? " gateway" : ""}`);
    }
    lines.push(...imports.floods(vrf.name, name).map((hop) => `flood ${formatHop(hop)}`));
  }
  return lines.sort();
}

/** What FRR says of MAC addresses that are elsewhere, and its kernel of them: `MAC at VTEP`. */
async function theirMacs(frr: Frr): Promise<{ frr: string[]; kernel: string[] }> {
  type Macs = Readonly<Record<string, { readonly type: string; readonly remoteVtep?: string }>>;
  const shown = await frr.json<{ readonly macs?: Macs }>(`show evpn mac vni ${l2Vni}`, "zebra");
  const remote = Object.entries(shown.macs ?? {}).filter(([, { type }]) => type === "remote");
  const device = ["fdb", "show", "dev", vxlanName(l2Vni)];
  const fdb = await runIn(frr.host.netns, "bridge", device);
  return {
    frr: remote.map(([mac, { remoteVtep }]) => `${mac} at ${remoteVtep}`).sort(),
    kernel: [...fdb.matchAll(/^(\S+) dst (\S+) self/gm)].map(([, mac, end]) => `${mac} at ${end}`),
  };
}

/** Next hops of the routes of type 2 that FRR has of a MAC address. */
async function nextHopsOf(frr: Frr, mac: string): Promise<string[]> {
  const lines = (await frr.vtysh("show bgp l2vpn evpn route type macip")).split("\n");
  const hops = lines.flatMap((line, i) =>
    line.includes(`[${mac}]`) ? [`${lines[i + 1]}`.trim().split(/\s+/)[0] as string] : [],
  );
  return [...new Set(hops)].sort();
}

feature("8365 hosts of one subnet, packets over VXLAN", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node, vrf } = await setUp(bed);
  const here = bed.use(new TenantHost(us, l2Vni, ourHost));
  const there = bed.use(new TenantHost(them, l2Vni, theirHost));
  await there.ping(gateway);
  await node.configure(stateOf(vrf, [endpointOf(vrf, ourHost)]));
  await eventually("an answer over VXLAN", () => here.ping("10.5.0.7"));
  await there.ping("10.5.0.1");
  await eventually("their host in the table", () =>
    assert.deepEqual(imported(node, vrf), [
      `${theirHost.mac} vxlan ${them.ip4} vni ${l2Vni} seq 0`,
      `10.5.0.7 ${theirHost.mac}`,
      `10.5.0.7/32 mac-ip vxlan ${them.ip4} vni ${l3Vni} mac ${theirRouter}`,
      `flood vxlan ${them.ip4} vni ${l2Vni}`,
    ]),
  );
  const flood = `00:00:00:00:00:00 at ${us.ip4}`;
  const host = `${ourHost.mac} at ${us.ip4}`;
  await eventually("our host in FRR and its kernel", async () => {
    assert.deepEqual(await theirMacs(frr), { frr: [host], kernel: [host, flood] });
    const neighbors = ip("-n", them.netns, "neigh", "show", "dev", bridgeName(l2Vni));
    assert.match(neighbors, new RegExp(`^10.5.0.1 lladdr ${ourHost.mac}.* extern_learn`, "m"));
  });
  await node.configure(stateOf(vrf));
  await eventually("our host leaves FRR and its kernel", async () => {
    assert.deepEqual(await theirMacs(frr), { frr: [], kernel: [flood] });
  });
  there.unplug();
  ip("-n", them.netns, "neigh", "flush", "dev", bridgeName(l2Vni));
  await eventually("their host leaves the table", () =>
    assert.deepEqual(imported(node, vrf), [`flood vxlan ${them.ip4} vni ${l2Vni}`]),
  );
  await eventually("their host leaves our kernel", async () => {
    const fdb = await runIn(us.netns, "bridge", ["fdb", "show", "dev", vxlanName(l2Vni)]);
    assert.doesNotMatch(fdb, new RegExp(theirHost.mac));
  });
});

feature("9135 hosts of different subnets, packets over the L3 VNI", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node, vrf } = await setUp(bed);
  const here = bed.use(new TenantHost(us, l2Vni, ourHost));
  const far = bed.use(new TenantHost(them, theirVni, farHost));
  await far.ping(farHost.gateway);
  await node.configure({
    ...stateOf(vrf, [endpointOf(vrf, ourHost)]),
    prefixes: [{ vrf: vrf.name, prefix: parsePrefix("10.8.0.0/16") }],
  });
  const unicast = [`router bgp ${theirAsn}`, "address-family ipv4 unicast"];
  await frr.configure(...unicast, "network 10.6.0.0/24");
  await eventually("an answer over the L3 VNI", () => here.ping("10.6.0.9"));
  await far.ping("10.5.0.1");
  const way = `vxlan ${them.ip4} vni ${l3Vni} mac ${theirRouter}`;
  await eventually("their prefix and host in the table", () =>
    assert.deepEqual(imported(node, vrf), [
      `10.6.0.0/24 ip-prefix ${way}`,
      `10.6.0.9/32 mac-ip ${way}`,
      `flood vxlan ${them.ip4} vni ${l2Vni}`,
    ]),
  );
  await eventually("our host and prefix in their kernel", () => {
    const routes = ip("-n", them.netns, "route", "show", "proto", "bgp");
    for (const prefix of ["10.5.0.1", "10.8.0.0/16"]) {
      const via = `via ${us.ip4} dev ${bridgeName(l3Vni)} .*onlink`;
      assert.match(routes, new RegExp(`^${prefix} .*${via}`, "m"));
    }
  });
  type Routers = Readonly<Record<string, { readonly vtepIp?: string }>>;
  const routers = await frr.json<Routers>(`show evpn rmac vni ${l3Vni}`, "zebra");
  assert.equal(routers[ourRouter]?.vtepIp, us.ip4);
  const own = await frr.json<Readonly<Record<string, unknown>>>(`show evpn vni ${l3Vni}`, "zebra");
  assert.deepEqual([own["routerMac"], own["localVtepIp"]], [theirRouter, them.ip4]);
  await node.configure(stateOf(vrf));
  await frr.configure(...unicast, "no network 10.6.0.0/24");
  await eventually("both sides have withdrawn", () => {
    assert.equal(ip("-n", them.netns, "route", "show", "proto", "bgp"), "");
    const [prefix] = imported(node, vrf);
    assert.equal(prefix, `10.6.0.9/32 mac-ip ${way}`);
  });
});

feature("8365/9135 IPv6 hosts, packets over VXLAN", noKernel, async (bed) => {
  const { us, them } = bed;
  const { node, vrf } = await setUp(bed);
  const here = bed.use(new TenantHost(us, l2Vni, ourHost));
  const there = bed.use(new TenantHost(them, l2Vni, theirHost));
  const far = bed.use(new TenantHost(them, theirVni, farHost));
  for (const [host, vni, address] of [
    [us, l2Vni, "fd05::254/64"],
    [them, l2Vni, "fd05::254/64"],
    [them, theirVni, "fd06::254/64"],
  ] as const) {
    ip("-n", host.netns, "addr", "add", address, "dev", bridgeName(vni), "nodad");
  }
  here.addIp6("fd05::1/64", "fd05::254");
  there.addIp6("fd05::7/64", "fd05::254");
  far.addIp6("fd06::9/64", "fd06::254");
  await far.ping("fd06::254");
  await there.ping("fd05::254");
  const ips = ["10.5.0.1", "fd05::1"].map(parseIp);
  await node.configure(stateOf(vrf, [{ ...endpointOf(vrf, ourHost), ips }]));
  await eventually("an answer in the subnet", () => here.ping("fd05::7"));
  await eventually("an answer over the L3 VNI", () => here.ping("fd06::9"));
  await far.ping("fd05::1");
  const lines = imported(node, vrf);
  const way = `mac-ip vxlan ${them.ip4} vni ${l3Vni} mac ${theirRouter}`;
  const want = [`fd05::7 ${theirHost.mac}`, `fd05::7/128 ${way}`, `fd06::9/128 ${way}`];
  assert.deepEqual(
    lines.filter((line) => want.includes(line)),
    want,
    `${lines}`,
  );
});

feature("9135 hosts of different subnets, routed at the sender", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node } = await setUp(bed);
  addBridge(us, { vni: theirVni, mac: "02:01:00:00:01:01", address: "10.6.0.254/24" });
  // Without an L3 VNI, FRR routes into the subnet of the destination as well.
  await frr.configureDaemon("zebra", `no vni ${l3Vni}`);
  const here = bed.use(new TenantHost(us, l2Vni, ourHost));
  const far = bed.use(new TenantHost(them, theirVni, farHost));
  await far.ping(farHost.gateway);
  const subnets = [
    subnetOf(us, l2Vni, "10.5.0.0/24", { irb: "asymmetric" }),
    subnetOf(us, theirVni, "10.6.0.0/24", { irb: "asymmetric" }),
  ];
  const { l3: _l3, ...vrf } = vrfOf(us, l3Vni, ourRouter, { subnets });
  await node.configure(stateOf(vrf, [endpointOf(vrf, ourHost)]));
  await eventually("their host in the table", () =>
    assert.deepEqual(imported(node, vrf), [
      `${farHost.mac} vxlan ${them.ip4} vni ${theirVni} seq 0`,
      `10.6.0.9 ${farHost.mac}`,
      `10.6.0.9/32 mac-ip vxlan ${them.ip4} vni ${theirVni} mac ${farHost.mac}`,
      `flood vxlan ${them.ip4} vni ${l2Vni}`,
      `flood vxlan ${them.ip4} vni ${theirVni}`,
    ]),
  );
  await eventually("an answer over the L2 VNI of its subnet", () => here.ping("10.6.0.9"));
  await far.ping("10.5.0.1");
  assert.equal(ip("-n", them.netns, "route", "show", "proto", "bgp"), "");
});

/** A host of ours as `stepMobility` sees it, and what is announced of it. */
class MobileHost {
  readonly #node: VpnNode;
  readonly #vrf: Vrf;
  readonly #config: MobilityConfig;
  readonly #host: TenantAddress;
  #state: MobilityState = unknownMac;

  constructor(node: VpnNode, vrf: Vrf, at: string, host: TenantAddress = ourHost) {
    this.#node = node;
    this.#vrf = vrf;
    this.#host = host;
    this.#config = { ...mobilityDefaults, node: parseIp(at) };
  }

  /** What follows from the event, carried out. */
  async step(event: MobilityEvent): Promise<string[]> {
    const { effects, state } = stepMobility(this.#config, this.#state, event);
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === "announce") {
        const { sequence, sticky } = effect;
        const mobility = { sequence, sticky };
        const endpoint = { ...endpointOf(this.#vrf, this.#host), mobility };
        await this.#node.configure(stateOf(this.#vrf, [endpoint]));
      } else if (effect.kind === "withdraw") await this.#node.configure(stateOf(this.#vrf));
    }
    return effects.map(formatEffect);
  }

  learned(sticky = false): Promise<string[]> {
    return this.step({ kind: "learned", sticky, esi: singleHomed, nowMs: performance.now() });
  }

  /** What the table has of the host now. */
  heard(): Promise<string[]> {
    return this.step({ kind: "remote", remote: this.entry(), nowMs: performance.now() });
  }

  entry(): MacEntry | undefined {
    const mac = parseMac(this.#host.mac);
    const macs = [...this.#node.imports.macs(this.#vrf.name, `${l2Vni}`)];
    return macs.find((entry) => entry.mac === mac);
  }
}

function formatEffect(effect: MobilityEffect): string {
  switch (effect.kind) {
    case "announce":
      return `announce ${effect.sequence}${effect.sticky ? " sticky" : ""}`;
    case "alert":
      return `alert ${effect.reason}`;
    default:
      return effect.kind;
  }
}

feature("7432 a host that moves to them and back", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node, vrf } = await setUp(bed);
  const host = bed.use(new TenantHost(us, l2Vni, ourHost));
  const here = bed.use(new TenantHost(us, l2Vni, stayingHost));
  const there = bed.use(new TenantHost(them, l2Vni, theirHost));
  const mobile = new MobileHost(node, vrf, us.ip4);
  await here.ping("10.5.0.1");
  assert.deepEqual(await mobile.learned(), ["announce 0"]);
  await eventually("an answer from here", () => there.ping("10.5.0.1"));
  host.moveTo(them, l2Vni);
  // Within the subnet, since their gateway still routes the answer to where the host was.
  await eventually("their host answers the one that moved", () => host.ping("10.5.0.7"));
  await eventually("FRR announces it with a higher number", () => {
    assert.equal(mobile.entry()?.sequence, 1);
  });
  assert.deepEqual(await mobile.heard(), ["withdraw", "probe"]);
  await eventually("an answer from there", () => here.ping("10.5.0.1"));
  await eventually("FRR has only its own route", async () => {
    assert.deepEqual(await nextHopsOf(frr, ourHost.mac), [them.ip4]);
  });
  host.moveTo(us, l2Vni);
  await eventually("our host answers the one that is back", () => host.ping("10.5.0.2"));
  assert.deepEqual(await mobile.learned(), ["announce 2"]);
  await eventually("FRR withdraws its route", async () => {
    assert.deepEqual(await nextHopsOf(frr, ourHost.mac), [us.ip4]);
    assert.equal(mobile.entry(), undefined);
  });
  await eventually("FRR has it here", async () => {
    const remote = (await theirMacs(frr)).frr;
    assert.ok(remote.includes(`${ourHost.mac} at ${us.ip4}`), `${remote}`);
  });
  await eventually("an answer from here again", () => there.ping("10.5.0.1"));
  assert.deepEqual(await mobile.heard(), []);
});

feature("7432 sticky addresses and default gateways", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node, vrf } = await setUp(bed);
  const mobile = new MobileHost(node, vrf, us.ip4);
  assert.deepEqual(await mobile.learned(true), ["announce 0 sticky"]);
  await eventually("FRR keeps it as sticky", async () => {
    const shown = await frr.vtysh(`show evpn mac vni ${l2Vni} mac ${ourHost.mac}`, "zebra");
    assert.match(shown, /Sticky/);
  });
  // The same address behind FRR: it stays where it is sticky, and gets no answers there.
  const thief = bed.use(new TenantHost(them, l2Vni, ourHost));
  await assert.rejects(thief.ping(gateway));
  assert.deepEqual(await nextHopsOf(frr, ourHost.mac), [us.ip4]);
  assert.equal(mobile.entry(), undefined);
  thief.unplug();
  await node.configure(stateOf(vrf));
  // Theirs: a sticky host, and their gateway.
  const there = bed.use(new TenantHost(them, l2Vni, theirHost));
  const entry = [theirHost.mac, "dev", there.port, "master", "static", "sticky"];
  await runIn(them.netns, "bridge", ["fdb", "replace", ...entry]);
  await frr.configure(...evpn, "advertise-default-gw");
  await eventually("their sticky host and gateway in the table", () =>
    assert.deepEqual(imported(node, vrf), [
      `${theirGateway} vxlan ${them.ip4} vni ${l2Vni} seq 0 gateway`,
      `${theirHost.mac} vxlan ${them.ip4} vni ${l2Vni} seq 0 sticky`,
      `${gateway} ${theirGateway} gateway`,
      `fe80::2:ff:fe00:100 ${theirGateway} gateway`,
      `flood vxlan ${them.ip4} vni ${l2Vni}`,
    ]),
  );
  const stolen = new MobileHost(node, vrf, us.ip4, theirHost);
  await stolen.heard();
  assert.deepEqual(await stolen.learned(), ["alert sticky-conflict"]);
  const router = { mac: ourGateway, address: "10.5.0.253/24", gateway };
  await node.configure(stateOf(vrf, [{ ...endpointOf(vrf, router), defaultGateway: true }]));
  await eventually("our gateway with FRR", async () => {
    const shown = await frr.vtysh("show bgp l2vpn evpn route type macip");
    const route = new RegExp(`\\[${ourGateway}\\].*\\n.*\\n.*RT:65002:100 ET:8 Default Gateway`);
    assert.match(shown, route);
    assert.ok((await theirMacs(frr)).frr.includes(`${ourGateway} at ${us.ip4}`));
  });
});

feature("4364 import by route target, and leaking", noKernel, async (bed) => {
  const { us, them } = bed;
  const { frr, node, vrf } = await setUp(bed, async () => undefined);
  const unicast = [`router bgp ${theirAsn}`, "address-family ipv4 unicast"];
  await frr.configure(...unicast, "network 10.6.0.0/24");
  const way = `vxlan ${them.ip4} vni ${l3Vni} mac ${theirRouter}`;
  const flood = `flood vxlan ${them.ip4} vni ${l2Vni}`;
  await eventually("their prefix in the table", () =>
    assert.deepEqual(imported(node, vrf), [`10.6.0.0/24 ip-prefix ${way}`, flood]),
  );
  // A second VRF imports what FRR exports, and what the first one does.
  const other = vrfOf(us, 300, "02:00:00:00:00:03", { importTargets: targetOf(l3Vni) });
  const prefixes = [
    { vrf: vrf.name, prefix: parsePrefix("10.8.0.0/16") },
    { vrf: other.name, prefix: parsePrefix("10.9.9.0/24") },
  ];
  await node.configure({ ...stateOf(vrf), vrfs: [vrf, other], prefixes });
  await eventually("both sources in the second VRF", () =>
    assert.deepEqual(imported(node, other), [
      `10.6.0.0/24 ip-prefix ${way}`,
      `10.8.0.0/16 ip-prefix local vrf ${vrf.vrfId}`,
    ]),
  );
  // FRR imports nothing of the second one, whose route it has.
  await eventually("the route of the second VRF with FRR", async () => {
    assert.match(await frr.vtysh("show bgp l2vpn evpn route type prefix"), /10\.9\.9\.0/);
  });
  await eventually("the route of the first one alone in their kernel", () => {
    const kernel = ip("-n", them.netns, "route", "show", "proto", "bgp");
    assert.match(kernel, /^10\.8\.0\.0\/16 /m);
    assert.doesNotMatch(kernel, /10\.9\.9\.0/);
  });
  // Nobody exports to the route targets that are left.
  const strangers = { importTargets: targetOf(999), exportTargets: targetOf(999) };
  const subnets = vrf.subnets.map((subnet) => ({ ...subnet, ...strangers }));
  const stranger = { ...vrf, ...strangers, subnets };
  await node.configure({ ...stateOf(stranger), prefixes: prefixes.slice(0, 1) });
  assert.deepEqual(imported(node, stranger), []);
  assert.ok(node.imports.pathCount > 0, "the routes are there all the same");
  await eventually("FRR lets go of what it no longer imports", () => {
    assert.equal(ip("-n", them.netns, "route", "show", "proto", "bgp"), "");
  });
});
