/** What must hold of the VRFs of a node before anything is made of them. */
import {
  familyOf,
  formatMac,
  formatRouteDistinguisher,
  type Mac,
  type RouteDistinguisher,
  type RouteTarget,
} from "@heddle/inet";
import { VpnError } from "./errors.ts";
import { isHostMac } from "./host-mac.ts";
import {
  type EthernetSegment,
  type LocalEndpoint,
  type LocalPrefix,
  maxEsi,
  type Subnet,
  singleHomed,
  type Vrf,
} from "./vrf.ts";

/** Most route targets of one VRF or subnet in one direction. */
export const routeTargetCountMax = 64;
const labelMin = 16;
const labelMax = 0xfffff;

class Unique<T> {
  readonly #seen: Map<T, string> = new Map();

  add(value: T, what: string, owner: string): void {
    const other = this.#seen.get(value);
    if (other !== undefined) throw refused(owner, `${what} of ${other}`, "one of its own");
    this.#seen.set(value, owner);
  }
}

/** @throws VpnError `config` for names, identifiers or labels that are not unique or not valid */
export function checkVrfs(vrfs: readonly Vrf[]): void {
  const names = new Unique<string>();
  const ids = new Unique<number>();
  const rds = new Unique<RouteDistinguisher>();
  const vnis = new Unique<number>();
  const labels = new Unique<number>();
  for (const vrf of vrfs) {
    const owner = `VRF ${vrf.name}`;
    names.add(vrf.name, "name", owner);
    ids.add(vrf.vrfId, "id", owner);
    rds.add(vrf.rd, `route distinguisher ${formatRouteDistinguisher(vrf.rd)}`, owner);
    if (vrf.l3 !== undefined) {
      vnis.add(vrf.l3.vni, `VNI ${vrf.l3.vni}`, owner);
      checkHostMac(vrf.l3.routerMac, owner);
    }
    if (vrf.label !== undefined) labels.add(checkedLabel(vrf.label, owner), "label", owner);
    checkTargets(vrf.importTargets, vrf.exportTargets, owner);
    const subnetNames = new Unique<string>();
    for (const subnet of vrf.subnets) {
      const inner = `subnet ${vrf.name}/${subnet.name}`;
      subnetNames.add(subnet.name, "name", inner);
      rds.add(subnet.rd, `route distinguisher ${formatRouteDistinguisher(subnet.rd)}`, inner);
      vnis.add(subnet.l2Vni, `VNI ${subnet.l2Vni}`, inner);
      checkSubnet(vrf, subnet, inner);
    }
  }
}

function checkSubnet(vrf: Vrf, subnet: Subnet, owner: string): void {
  checkTargets(subnet.importTargets, subnet.exportTargets, owner);
  if (subnet.irb === "symmetric" && vrf.l3 === undefined) {
    throw refused(owner, "symmetric routing", "an L3 VNI in its VRF");
  }
}

function checkedLabel(label: number, owner: string): number {
  if (Number.isInteger(label) && label >= labelMin && label <= labelMax) return label;
  throw refused(owner, `label ${label}`, `${labelMin} to ${labelMax}`);
}

function checkTargets(
  imports: readonly RouteTarget[],
  exports: readonly RouteTarget[],
  owner: string,
): void {
  const count = Math.max(imports.length, exports.length);
  if (count > routeTargetCountMax) {
    throw refused(owner, `${count} route targets`, `at most ${routeTargetCountMax}`);
  }
}

/** `vrfs` has been checked. @throws VpnError `config` */
export function checkSegments(segments: readonly EthernetSegment[], vrfs: readonly Vrf[]): void {
  const esis = new Unique<bigint>();
  for (const segment of segments) {
    const owner = `Ethernet segment 0x${segment.esi.toString(16)}`;
    if (segment.esi === singleHomed || segment.esi === maxEsi) {
      throw refused(owner, "a reserved identifier", "one that names a segment");
    }
    esis.add(segment.esi, "identifier", owner);
    for (const { vrf, subnet } of segment.subnets) findSubnet(vrfs, vrf, subnet);
  }
}

/**
 * Others reach a host on a segment only by the routes of the segment (RFC 7432 9.2.2).
 * @throws VpnError `config` when the endpoint's subnet is not on a segment of the node, or when it
 *   is a gateway
 */
export function checkEndpointSegment(
  { defaultGateway, esi = singleHomed, subnet, vrf }: LocalEndpoint,
  segments: readonly EthernetSegment[],
): void {
  if (esi === singleHomed) return;
  const owner = `Ethernet segment 0x${esi.toString(16)} of an endpoint`;
  if (defaultGateway === true) throw refused(owner, "a default gateway", "none there");
  const segment = segments.find((other) => other.esi === esi);
  if (segment === undefined) throw refused(owner, "not known", "one of the node's");
  if (segment.subnets.some((on) => on.vrf === vrf && on.subnet === subnet)) return;
  throw refused(owner, `not of subnet ${vrf}/${subnet}`, "one that the subnet is on");
}

/** @throws VpnError `config` */
export function checkHostMac(mac: Mac, owner: string): void {
  if (!isHostMac(mac)) throw refused(owner, `MAC address ${formatMac(mac)}`, "a unicast one");
}

/** @throws VpnError `config` when there is none */
export function findVrf(vrfs: readonly Vrf[], name: string): Vrf {
  const vrf = vrfs.find((other) => other.name === name);
  if (vrf === undefined) throw refused(`VRF ${name}`, "not known", "one of the node's");
  return vrf;
}

/** @throws VpnError `config` when there is none */
export function findSubnet(vrfs: readonly Vrf[], vrf: string, name: string): Subnet {
  const subnet = findVrf(vrfs, vrf).subnets.find((other) => other.name === name);
  if (subnet === undefined) throw refused(`subnet ${vrf}/${name}`, "not known", "one of its VRF's");
  return subnet;
}

/** @throws VpnError `config` when the gateway is not of the prefix's family */
export function checkGateway({ gateway, prefix, vrf }: LocalPrefix): void {
  if (gateway === undefined || familyOf(gateway) === prefix.family) return;
  throw refused(`prefix of VRF ${vrf}`, `IPv${familyOf(gateway)} gateway`, `IPv${prefix.family}`);
}

function refused(what: string, current: string, want: string): VpnError {
  return new VpnError("config", `Cannot use ${what}: ${current}, want ${want}`);
}
