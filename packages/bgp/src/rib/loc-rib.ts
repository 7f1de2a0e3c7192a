/**
 * The Loc-RIB as the kernel wants it (RFC 4271 3.2): per prefix the next hops of the best path and
 * its equals.
 */
import type { Ifindex, Ip, Prefix } from "@heddle/inet";
import type { FamilyTable } from "./family-table.ts";
import { localPeer, type PeerIndex } from "./peer.ts";
import { prefixOfId } from "./queries.ts";

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
    const hop: LocRibNextHop =
      linkLocalNextHop !== undefined && ifindex !== undefined
        ? { address: linkLocalNextHop, ifindex }
        : { address: nextHop };
    nextHops.set(`${hop.address}%${hop.ifindex}`, hop);
  }
  return { prefix: prefixOfId(table, id), nextHops: [...nextHops.values()] };
}
