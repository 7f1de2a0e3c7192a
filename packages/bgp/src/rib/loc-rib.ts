/**
 * The Loc-RIB as the kernel wants it (RFC 4271 3.2): per prefix the next hops of the best path and
 * its equals.
 */
import { type Ifindex, type Ip, isLinkLocal6, type Prefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { Candidate } from "./decision.ts";
import type { FamilyTable } from "./family-table.ts";
import { localPeer, type PeerIndex } from "./peer.ts";
import { listPaths, nameOf, type RibKeyedPath, unicastPrefixOf } from "./queries.ts";

/** A next hop for the kernel. `ifindex` is given for link-local addresses only. */
export interface LocRibNextHop {
  readonly address: Ip;
  readonly ifindex?: Ifindex;
}

/** The current forwarding state of a prefix; no next hops means that there is no learned route. */
export interface LocRibChange {
  readonly prefix: Prefix;
  /** Distinct, the best path's first. */
  readonly nextHops: readonly LocRibNextHop[];
}

/** The best path of a route of a family that is not plain unicast, after a change. */
export interface RouteChange {
  readonly family: AddressFamily;
  /** As of the family's `NlriCodec`; owned. */
  readonly key: Uint8Array;
  /** Undefined when there is none any more. */
  readonly best: RibKeyedPath | undefined;
  /** What the decision process compares of it, for who ranks routes of several keys. */
  readonly candidate: Candidate | undefined;
}

export function routeChange(table: FamilyTable, id: number): RouteChange {
  const { family } = table;
  const best = listPaths(table, id).find(({ route }) => route.best);
  const payload = best === undefined ? -1 : table.paths.payloadOf(best.path);
  const name = nameOf(table, id, payload);
  return best === undefined
    ? { family, key: name.key, best: undefined, candidate: undefined }
    : { family, key: name.key, best: { ...best.route, ...name }, candidate: best.candidate };
}

function isLinkLocal(address: Ip): boolean {
  return typeof address === "bigint" && isLinkLocal6(address);
}

/** `ifindexOf` gives the interface of a directly connected peer. */
export function locRibChange(
  table: FamilyTable,
  id: number,
  ifindexOf: (peer: PeerIndex) => Ifindex | undefined,
): LocRibChange {
  const { rows } = table;
  const nextHops = new Map<string, LocRibNextHop>();
  for (const row of table.sharesOf(id)) {
    const peer = rows.peer[row]!;
    if (peer === localPeer) continue;
    const { nextHop, linkLocalNextHop } = rows.outcomeOf(row).attributes;
    const ifindex = ifindexOf(peer);
    // A peer without a global address has the link-local one as its only next hop (RFC 8950).
    const linkLocal = linkLocalNextHop ?? (isLinkLocal(nextHop) ? nextHop : undefined);
    const hop: LocRibNextHop =
      linkLocal !== undefined && ifindex !== undefined
        ? { address: linkLocal, ifindex }
        : { address: nextHop };
    nextHops.set(`${hop.address}%${hop.ifindex}`, hop);
  }
  return { prefix: unicastPrefixOf(table, id), nextHops: [...nextHops.values()] };
}
