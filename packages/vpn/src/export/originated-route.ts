/** A route of this node, ready for `Rib.originateRoute`, and its text. */
import {
  type EncodedNlri,
  type ExtendedCommunity,
  encodeExtendedCommunity,
  formatExtendedCommunity,
  type KeyedFamily,
  type LocalAttributes,
  nlriCodecOf,
  type PmsiTunnel,
} from "@heddle/bgp";
import { toHex } from "@heddle/codec";
import { formatIp, type RouteTarget } from "@heddle/inet";
import { must } from "@heddle/std";
import { type EncapsulationKind, encapsulationCommunity } from "../encapsulation.ts";
import type { Vtep } from "../vrf.ts";

export interface OriginatedRoute {
  readonly family: KeyedFamily;
  readonly key: Uint8Array;
  readonly payload: Uint8Array;
  readonly attributes: LocalAttributes;
  /** Family and key; what a route is known by. */
  readonly id: string;
}

export interface RouteTraits {
  readonly targets: readonly RouteTarget[];
  readonly encapsulations: readonly EncapsulationKind[];
  readonly communities: readonly ExtendedCommunity[];
  readonly pmsiTunnel?: PmsiTunnel;
}

export function originated(
  vtep: Vtep,
  family: KeyedFamily,
  nlri: EncodedNlri,
  traits: RouteTraits,
): OriginatedRoute {
  const { pmsiTunnel } = traits;
  const extendedCommunities = [
    ...[...new Set<bigint>(traits.targets)].sort((a, b) => (a < b ? -1 : 1)),
    ...traits.encapsulations.map(encapsulationCommunity),
    ...traits.communities.map(encodeExtendedCommunity),
  ];
  const attributes: LocalAttributes = {
    nextHop: vtep.address,
    extendedCommunities,
    ...(pmsiTunnel === undefined ? {} : { pmsiTunnel }),
  };
  const { key, payload } = nlri;
  return { family, key, payload, attributes, id: `${family} ${toHex(key)}` };
}

/** For routes that `originated` made. */
export function equalOriginated(a: OriginatedRoute, b: OriginatedRoute): boolean {
  if (a === b) return true;
  const [one, other] = [a.attributes, b.attributes];
  return (
    a.id === b.id &&
    equalBytes(a.payload, b.payload) &&
    one.nextHop === other.nextHop &&
    equalCommunities(one.extendedCommunities, other.extendedCommunities) &&
    equalTunnels(one.pmsiTunnel, other.pmsiTunnel)
  );
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function equalCommunities(
  a: readonly bigint[] | undefined,
  b: readonly bigint[] | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function equalTunnels(a: PmsiTunnel | undefined, b: PmsiTunnel | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.flags === b.flags &&
    a.tunnelType === b.tunnelType &&
    a.label === b.label &&
    equalBytes(a.tunnelId, b.tunnelId)
  );
}

/** All of the route, for people; two routes are equal exactly when their texts are. */
export function formatOriginated({ attributes, family, key, payload }: OriginatedRoute): string {
  const codec = must(nlriCodecOf(family), `${family} has a codec`);
  const { nextHop, extendedCommunities = [], pmsiTunnel } = attributes;
  const parts = [`${family} ${codec.format(key, payload)}`];
  if (nextHop !== undefined) parts.push(`next-hop ${formatIp(nextHop)}`);
  for (const value of extendedCommunities) parts.push(formatExtendedCommunity(value));
  if (pmsiTunnel !== undefined) {
    const { flags, tunnelType, label, tunnelId } = pmsiTunnel;
    parts.push(`pmsi ${tunnelType} flags ${flags} label ${label} id ${toHex(tunnelId)}`);
  }
  return parts.join(" | ");
}

export function tagCommunity(tag: number | undefined): ExtendedCommunity[] {
  return tag === undefined ? [] : [{ kind: "security-tag", tag }];
}
