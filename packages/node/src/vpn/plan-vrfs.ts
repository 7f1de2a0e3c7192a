/**
 * The VRFs of a node: one for each VPC that it holds addresses of. Pure; an object that does not
 * make sense is left out and named in `problems`.
 *
 *      route distinguisher   that of the Vpc, else ROUTER-ID:vrfId (type 1, RFC 4364 4.2)
 *      L3 VNI                the VRF id, on every node the same (RFC 8365 5.1.1)
 *      route targets         the VPC's own and those of its spec (`routeTargetsOf`)
 *      router's MAC          follows from the router id, so it is the node's for all VPCs
 */
import { nativeVpcName, routeTargetsOf, type Vpc } from "@heddle/api";
import {
  type Asn,
  formatIp4,
  type Ip4,
  localMac,
  type Mac,
  ParseError,
  type Prefix,
  parseRouteDistinguisher,
  parseVni,
  parseVrfId,
  type RouteDistinguisher,
  type VrfId,
} from "@heddle/inet";
import type { LocalPrefix, Vrf } from "@heddle/vpn";

/** What of the node is in its VRFs. */
export interface VrfNode {
  readonly asn: Asn;
  readonly routerId: Ip4;
}

export interface VrfPlan {
  readonly vrfs: readonly Vrf[];
  readonly prefixes: readonly LocalPrefix[];
  readonly problems: readonly string[];
}

/** By VRF, what is announced of this node in it; not of the native one. */
export type OwnPrefixes = ReadonlyMap<VrfId, ReadonlySet<Prefix>>;

export function planVrfs(vpcs: readonly Vpc[], own: OwnPrefixes, node: VrfNode): VrfPlan {
  const problems: string[] = [];
  const byId = new Map(vpcs.map((vpc) => [vpc.status?.vrfId, vpc]));
  const vrfs: Vrf[] = [];
  const prefixes: LocalPrefix[] = [];
  const owners = new Map<RouteDistinguisher, string>();
  for (const [id, held] of [...own].toSorted(([a], [b]) => a - b)) {
    const vpc = byId.get(id);
    if (vpc === undefined) {
      problems.push(`addresses of VRF ${id} are not announced: no Vpc has it`);
      continue;
    }
    const { name } = vpc.metadata;
    try {
      const vrf = vrfOf(vpc, id, node);
      const other = owners.get(vrf.rd);
      if (other !== undefined) {
        problems.push(`Vpc ${name}: its route distinguisher is that of Vpc ${other}`);
        continue;
      }
      owners.set(vrf.rd, name);
      vrfs.push(vrf);
      for (const prefix of held) prefixes.push({ vrf: name, prefix });
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      problems.push(`Vpc ${name}: ${error.message}`);
    }
  }
  return { vrfs, prefixes, problems };
}

/** The VRF ids of VPCs that have one, but for the native one. */
export function vrfIdOf({ metadata, status }: Vpc): VrfId | undefined {
  if (metadata.name === nativeVpcName || status?.vrfId === undefined) return undefined;
  return parseVrfId(status.vrfId);
}

/** @throws ParseError */
function vrfOf(vpc: Vpc, vrfId: VrfId, { asn, routerId }: VrfNode): Vrf {
  const { imports, exports } = routeTargetsOf(vpc, asn);
  return {
    name: vpc.metadata.name,
    vrfId,
    rd: parseRouteDistinguisher(vpc.spec.routeDistinguisher ?? `${formatIp4(routerId)}:${vrfId}`),
    importTargets: imports,
    exportTargets: exports,
    l3: { vni: parseVni(vrfId), routerMac: routerMacOf(routerId) },
    subnets: [],
  };
}

/** Beside those of pods (`podMacOf`) in the upper byte of the 40 bits. */
function routerMacOf(routerId: Ip4): Mac {
  return localMac(0x0e * 2 ** 32 + routerId);
}
