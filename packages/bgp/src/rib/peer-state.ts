/**
 * What the RIB keeps per peer. Peer 0 is this speaker itself: it owns the routes originated here.
 */
import type { Ip4 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { CodecContext } from "../packet/context.ts";
import type { CatchUp } from "./catch-up.ts";
import type { MutableDiscardCounts } from "./discards.ts";
import type { ExportGroup } from "./export-group.ts";
import type { ImportClass } from "./import.ts";
import type { PeerIndex, RibPeer, RibSession } from "./peer.ts";
import type { PeerTraits } from "./rows.ts";

/** One family of the current session of a peer, or of its latest. */
export interface PeerFamily {
  importClass: ImportClass;
  group: ExportGroup;
  /** NLRI from the peer begin with a path identifier (RFC 7911). */
  readonly addPathReceive: boolean;
  /** Stale routes of the peer are long-lived stale by now (RFC 9494). */
  longLived: boolean;
  /** Nothing is sent until the peer has sent its route target memberships (RFC 4684 6). */
  waiting: boolean;
  /** Present while the peer is not in sync. */
  catchUp: CatchUp | undefined;
  /** The End-of-RIB marker of the initial table has not been sent. */
  endOfRibDue: boolean;
  /**
   * While a changed export policy is being walked: the group whose routes the peer holds, or
   * `mixed` when that is not one group, because another walk was under way.
   */
  holds: ExportGroup | "mixed" | undefined;
}

export interface PeerState {
  readonly index: PeerIndex;
  config: RibPeer;
  traits: PeerTraits;
  /** BGP Identifier of the current or latest session. */
  routerId: Ip4;
  session: RibSession | undefined;
  /** Of the current or latest session. */
  cx: CodecContext | undefined;
  readonly families: Map<AddressFamily, PeerFamily>;
  inSync: boolean;
  /** Over all its sessions. */
  readonly discards: MutableDiscardCounts;
  /** The peer was removed; its number is in use until the last of its rows is gone. */
  removed: boolean;
}
