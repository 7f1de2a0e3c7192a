/**
 * Fabric, switches, links and nodes -> the configuration of each switch. Pure, total over valid
 * input and deterministic: the order of the input lists does not matter.
 *
 * The design (docs/architecture.md, "BGP of a node"): an OSPF underlay carries loopbacks and
 * underlay links; iBGP EVPN between loopbacks, reflected by the spines, carries tenant prefixes as
 * route type 5 (RFC 9136); leaves and borders are VTEPs; nodes peer with their leaves by eBGP
 * inside the VRF.
 */
import { formatIp, formatIp4, type Ip, type Ip4, localMac, type Mac } from "@heddle/inet";
import { type AttachedLink, compareText } from "./attached-link.ts";
import { FabricError } from "./errors.ts";
import type { Fabric, FabricNode, Link, Switch } from "./model.ts";
import { attachedMtuBytesOf, planVrfs } from "./plan-vrfs.ts";
import type { BfdProfile, EvpnConfig, InterfaceConfig, SwitchConfig } from "./switch-config.ts";

/** A dead neighbour is noticed after 900 ms. */
const bfdProfile: BfdProfile = { name: "fabric", intervalMs: 300, detectMultiplier: 3 };

/** @throws FabricError when the objects contradict each other. */
export function planSwitches(
  fabric: Fabric,
  switches: readonly Switch[],
  links: readonly Link[],
  nodes: readonly FabricNode[],
): Map<string, SwitchConfig> {
  const sorted = [...switches].sort((a, b) => compareText(a.name, b.name));
  checkUnique(sorted);
  const attached = attachLinks(fabric, sorted, links);
  const plans = new Map<string, SwitchConfig>();
  for (const it of sorted) {
    const own = attached.get(it.name) as AttachedLink[];
    plans.set(it.name, planSwitch(fabric, it, sorted, own, nodes));
  }
  return plans;
}

function planSwitch(
  fabric: Fabric,
  it: Switch,
  switches: readonly Switch[],
  attached: readonly AttachedLink[],
  nodes: readonly FabricNode[],
): SwitchConfig {
  return {
    name: it.name,
    role: it.role,
    asn: fabric.asn,
    loopback: it.loopback,
    routerMac: routerMacOf(it.loopback),
    pathCountMax: fabric.pathCountMax,
    bfd: bfdProfile,
    ospf: fabric.underlay,
    interfaces: attached.map((one) => planInterface(fabric, one)),
    evpn: planEvpn(it, switches),
    vrfs: it.role === "spine" ? [] : planVrfs(fabric, it, switches, attached, nodes),
  };
}

/** Spines reflect between VTEPs; VTEPs peer with every spine; there is no other session. */
function planEvpn(it: Switch, switches: readonly Switch[]): EvpnConfig {
  const reflector = it.role === "spine";
  const peers = switches.filter((other) => (other.role === "spine") !== reflector);
  return { reflector, peers: peers.map(({ name, loopback }) => ({ name, address: loopback })) };
}

function planInterface(fabric: Fabric, { link, near, far }: AttachedLink): InterfaceConfig {
  const mtuBytes = link.kind === "fabric" ? fabric.mtuBytes : attachedMtuBytesOf(fabric);
  return {
    ifname: near.ifname,
    description: `${far.name} ${far.ifname}`,
    vrf: link.vrf,
    mtuBytes: link.mtuBytes === undefined ? mtuBytes : link.mtuBytes,
    addresses: near.addresses,
    ospf: { fabric: "point-to-point", underlay: "passive", tenant: undefined, external: undefined }[
      link.kind
    ] as InterfaceConfig["ospf"],
  };
}

/** Locally administered, unique as the loopback is. */
function routerMacOf(loopback: Ip4): Mac {
  return localMac(loopback);
}

function checkUnique(switches: readonly Switch[]): void {
  const names = new Set<string>();
  const loopbacks = new Map<Ip4, string>();
  for (const { name, loopback } of switches) {
    if (names.has(name)) throw new FabricError("duplicate", `Switch/${name}`, "defined twice");
    names.add(name);
    const holder = loopbacks.get(loopback);
    if (holder !== undefined) {
      const why = `${formatIp4(loopback)} is also the loopback of ${holder}, want an own address`;
      throw new FabricError("duplicate", `Switch/${name} spec.loopback`, why);
    }
    loopbacks.set(loopback, name);
  }
}

/** The links of each switch, sorted by interface name. */
function attachLinks(
  fabric: Fabric,
  switches: readonly Switch[],
  links: readonly Link[],
): Map<string, AttachedLink[]> {
  const roles = new Map(switches.map((it) => [it.name, it.role]));
  const attached = new Map(switches.map((it) => [it.name, [] as AttachedLink[]]));
  const addresses = new Map<Ip, string>();
  for (const link of links) {
    checkLink(fabric, link, roles);
    for (const [near, far] of [[link.a, link.b] as const, [link.b, link.a] as const]) {
      for (const { address } of near.addresses) claimAddress(addresses, address, link);
      if (near.kind === "switch") attached.get(near.name)?.push({ link, near, far });
    }
  }
  for (const [name, own] of attached) sortInterfaces(name, own);
  return attached;
}

function claimAddress(taken: Map<Ip, string>, address: Ip, link: Link): void {
  const holder = taken.get(address);
  if (holder !== undefined) {
    const why = `${formatIp(address)} is also used by Link/${holder}, want an own address`;
    throw new FabricError("duplicate", `Link/${link.name}`, why);
  }
  taken.set(address, link.name);
}

function sortInterfaces(switchName: string, own: AttachedLink[]): void {
  own.sort((a, b) => compareText(a.near.ifname, b.near.ifname));
  for (const [i, { link, near }] of own.entries()) {
    const next = own[i + 1];
    if (next === undefined || next.near.ifname !== near.ifname) continue;
    const why = `${switchName} uses ${near.ifname} for Link/${link.name} too, want an own interface`;
    throw new FabricError("duplicate", `Link/${next.link.name}`, why);
  }
}

function checkLink(fabric: Fabric, link: Link, roles: ReadonlyMap<string, string>): void {
  const path = `Link/${link.name}`;
  const switchEnds = [link.a, link.b].filter((end) => end.kind === "switch");
  for (const { name } of switchEnds) {
    if (!roles.has(name)) throw new FabricError("unknown-reference", path, `no Switch/${name}`);
  }
  const wanted = link.kind === "fabric" ? 2 : 1;
  if (switchEnds.length !== wanted) {
    const why = `a ${link.kind} link with ${switchEnds.length} switches, want ${wanted}`;
    throw new FabricError("unsupported", path, why);
  }
  if (link.kind === "tenant" || link.kind === "external") checkVrfOf(fabric, link, roles);
  else if (link.vrf !== undefined) {
    throw new FabricError("unsupported", `${path} spec.vrf`, `set on a ${link.kind} link`);
  }
}

function checkVrfOf(fabric: Fabric, link: Link, roles: ReadonlyMap<string, string>): void {
  const path = `Link/${link.name}`;
  if (!fabric.vrfs.some((vrf) => vrf.name === link.vrf)) {
    const why = link.vrf === undefined ? "missing, want a VRF of the fabric" : `no VRF ${link.vrf}`;
    throw new FabricError("unknown-reference", `${path} spec.vrf`, why);
  }
  const end = link.a.kind === "switch" ? link.a : link.b;
  if (roles.get(end.name) === "spine") {
    throw new FabricError("unsupported", path, `${end.name} is a spine, want a leaf or a border`);
  }
}
