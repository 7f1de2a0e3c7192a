/**
 * The RIB: Adj-RIBs-In, decision process, Loc-RIB and what every peer is owed (RFC 4271 3.2, 9),
 * for every family of `addressFamilies`. Pure: bytes of UPDATE bodies in, bytes of messages and
 * Loc-RIB changes out; the caller owns sockets and timers. Output depends on the current routes
 * only, never on the order in which they came; the one exception is which path identifier (RFC
 * 7911) stands for which path.
 *
 * How the caller drives it:
 * - `sessionUp` when a session is Established. From then on a peer is in one of two states, which
 *   `inSync` tells. Once per turn of the event loop: `flush`, which serves all peers in sync at
 *   once, then `pull` for each of the others that has room in its write queue, then `takeChanges`;
 *   another turn while `flush` says that there is more, or `pull` returned something.
 * - A peer is not in sync at first (it is owed the table and the End-of-RIB markers), while its
 *   write queue is full, after `refresh` and after a change of its export policy or of its route
 *   target memberships. `pull` brings it up to date from the table, whatever happened meanwhile.
 * - `receive` for every UPDATE, which is also what ends some of these states.
 * - `deliver` of `flush` answers false when the peer's write queue is above its limit: it gets
 *   nothing more from `flush` until `pull` has brought it back in sync.
 * - A peer with the `route-target` family gets no VPN and EVPN routes until its End-of-RIB for that
 *   family, or until the caller is tired of waiting and calls `stopAwaitingMemberships` (RFC 4684
 *   6).
 * - When a session ends, `sessionDown` with the families to retain; on expiry of the restart time
 *   `longLivedStale` or `sweepStale`, after the long-lived stale time `sweepStale` (RFC 9494 4.2).
 * - `recheckOwnership` when `RibConfig.ownership` may answer differently.
 */

import type { Prefix } from "@heddle/inet";
import { assert } from "@heddle/std";
import type { AddressFamily } from "../packet/address-family.ts";
import type { Policy } from "../policy/policy.ts";
import { familyOfPrefix } from "./adj-rib-in.ts";
import type { DirtyKeys } from "./changes.ts";
import { checkPeer } from "./check-peer.ts";
import { sameContext } from "./classes.ts";
import type { RibConfig } from "./config.ts";
import { Families, type FamilyState } from "./families.ts";
import { partsFor } from "./group-messages.ts";
import type { ImportClass } from "./import.ts";
import { type LocRibChange, locRibChange, type RouteChange, routeChange } from "./loc-rib.ts";
import type { LocalAttributes } from "./local-route.ts";
import type { PeerIndex, RibPeer, RibSession } from "./peer.ts";
import type { PeerState } from "./peer-state.ts";
import { PeerSync } from "./peer-sync.ts";
import { PeerTable } from "./peer-table.ts";
import { type KeyedFamily, RibReader } from "./rib-reader.ts";
import { rowLongLived, rowStale } from "./rows.ts";
import { pullMessages } from "./sync.ts";
import { UpdateReceiver } from "./update-receiver.ts";

/**
 * Result of one UPDATE. A malformed one that needs a session reset throws `DecodeError` instead.
 */
export interface ReceiveResult {
  /**
   * RFC 7606 findings, as text for the log; filled only the first time an attribute block is seen.
   */
  readonly problems: readonly string[];
  /** A family is above `prefixCountMax`; the caller sends Cease/1 (RFC 4486). */
  readonly limitExceeded?: AddressFamily;
  /** The UPDATE was an End-of-RIB marker; stale routes of the family are being removed already. */
  readonly endOfRib?: AddressFamily;
}

/**
 * Takes `bytes` (whole messages, shared between peers: never written to) for the peer; false: stop
 * until `pull`.
 */
export type Deliver = (peer: PeerIndex, bytes: Uint8Array) => boolean;

/** Keys that one call of `flush` handles; some milliseconds of work. */
const flushCountDefault = 32768;
/** Times that a call of `flush` encodes a key, for one group or another. */
const encodeCountMax = 49152;
/** Ranking the paths of a key for add-path peers, measured in encodings. */
const rankingCost = 6;
/** But so many keys at least, or messages would hold one route each. */
const sliceCountMin = 256;

export class Rib extends RibReader {
  readonly #config: RibConfig;
  readonly #peers: PeerTable;
  readonly #families: Families;
  readonly #sync: PeerSync;
  readonly #receiver: UpdateReceiver;

  constructor(config: RibConfig) {
    const peers = new PeerTable(config, (peer) => this.#hasRows(peer));
    const families = new Families(config, peers, (peer, set) => {
      this.#sync.oweSet(peers.get(peer), set);
    });
    super(peers, families);
    this.#config = config;
    this.#peers = peers;
    this.#families = families;
    this.#sync = new PeerSync(families);
    this.#receiver = new UpdateReceiver((family) => families.find(family)?.adjRibIn);
  }

  /** Registers a peer; it has no session yet. @throws BgpError `config` */
  addPeer(peer: RibPeer): PeerIndex {
    checkPeer(peer, this.#config);
    return this.#peers.add(peer).index;
  }

  /** Forgets the peer and all its routes. */
  removePeer(peer: PeerIndex): void {
    const state = this.#peers.get(peer);
    this.sessionDown(peer);
    this.#peers.remove(state);
    this.#pruneClasses();
  }

  /**
   * New policies take effect on what is held already, without a route refresh. Absent means RFC
   * 8212 defaults.
   */
  setPolicies(peer: PeerIndex, importPolicy?: Policy, exportPolicy?: Policy): void {
    const state = this.#peers.get(peer);
    const { importPolicy: _i, exportPolicy: _e, ...rest } = state.config;
    state.config = {
      ...rest,
      ...(importPolicy === undefined ? {} : { importPolicy }),
      ...(exportPolicy === undefined ? {} : { exportPolicy }),
    };
    const { cx, session } = state;
    if (cx === undefined) return;
    const wasInSync = state.inSync;
    for (const [family, held] of state.families) {
      const at = this.#families.get(family);
      const importClass = at.classes.importClassOf(state.config, cx);
      if (importClass !== held.importClass) {
        held.importClass = importClass;
        at.table.startSweep();
      }
      if (session !== undefined) this.#sync.changeGroup(state, session, held, at, wasInSync);
    }
    this.#pruneClasses();
  }

  /** Counts from the next UPDATE on; absent: no limit. */
  setPrefixCountMax(peer: PeerIndex, prefixCountMax?: number): void {
    const state = this.#peers.get(peer);
    const { prefixCountMax: _, ...rest } = state.config;
    state.config = prefixCountMax === undefined ? rest : { ...rest, prefixCountMax };
  }

  /**
   * The session is Established: the peer is owed the table. Stale routes stay until End-of-RIB or
   * `sweepStale`.
   */
  sessionUp(peer: PeerIndex, session: RibSession): void {
    const state = this.#peers.get(peer);
    assert(state.session === undefined, "a peer has one session at a time");
    const { asn = state.config.asn } = session;
    // Stale routes stay only if the new session would have read and ranked them as the old one did.
    const isSame =
      state.cx !== undefined && asn === state.config.asn && sameContext(state.cx, session.cx);
    state.config = { ...state.config, asn };
    if (!isSame || state.routerId !== session.routerId) this.sweepStale(peer);
    this.#peers.setRouterId(state, session.routerId);
    state.session = session;
    state.cx = session.cx;
    state.inSync = false;
    const former = new Map(state.families);
    state.families.clear();
    for (const [family, at] of this.#families) {
      if (!session.cx.families.includes(family)) continue;
      const longLived = former.get(family)?.longLived === true;
      this.#sync.open(state, session, family, at, longLived);
    }
  }

  /**
   * Removes the peer's routes, except those of the families in `retain`, which become stale (RFC
   * 4724 4.2). What was stale before goes, unless it is long-lived stale: then all that is kept of
   * the family is (RFC 9494 4.2).
   */
  sessionDown(peer: PeerIndex, retain: readonly AddressFamily[] = []): void {
    const state = this.#peers.get(peer);
    const hadSession = state.session !== undefined;
    state.session = undefined;
    state.inSync = false;
    const longLived = retain.filter((name) => state.families.get(name)?.longLived === true);
    for (const [family, { adjRibIn }] of this.#families) {
      adjRibIn.sessionDown(state, retain.includes(family), longLived.includes(family));
    }
    for (const held of state.families.values()) held.longLived = false;
    this.longLivedStale(peer, longLived);
    if (!hadSession) return;
    for (const [family, held] of state.families) {
      const at = this.#families.get(family);
      this.#sync.close(state, held, at);
    }
  }

  /**
   * Removes stale routes of the peer: restart timer expiry, or a family whose state the peer did
   * not keep.
   */
  sweepStale(peer: PeerIndex, family?: AddressFamily): void {
    const state = this.#peers.get(peer);
    for (const [name, at] of this.#families) {
      if (family === undefined || family === name) sweepStale(state, at);
    }
  }

  /**
   * The restart time of the peer is over, but its stale routes of `families` stay as the least
   * preferred ones until `sweepStale` (RFC 9494 4.2); those that forbid it go.
   */
  longLivedStale(peer: PeerIndex, families: readonly AddressFamily[]): void {
    const state = this.#peers.get(peer);
    for (const family of families) {
      const held = state.families.get(family);
      if (held === undefined) continue;
      held.longLived = true;
      this.#families.get(family).adjRibIn.longLivedStale(state);
    }
  }

  /**
   * The peer begins to send the family again (RFC 7313 4.2): what it does not announce until
   * `sweepStale` goes then.
   */
  markStale(peer: PeerIndex, family: AddressFamily): void {
    this.#families.find(family)?.adjRibIn.markStale(this.#peers.get(peer));
  }

  /**
   * Applies the body of an UPDATE, `bytes[start, end)` (what follows the header; borrowed during
   * the call).
   * @throws DecodeError with action `reset`; routes before the fault may have taken effect
   */
  receive(peer: PeerIndex, bytes: Uint8Array, start: number, end: number): ReceiveResult {
    const state = this.#peers.get(peer);
    assert(state.session !== undefined, "an UPDATE comes from an Established session");
    const { problems, endOfRib } = this.#receiver.receive(state, bytes, start, end);
    if (endOfRib !== undefined) {
      const at = this.#families.find(endOfRib);
      if (at !== undefined) sweepStale(state, at);
      if (endOfRib === "route-target") this.stopAwaitingMemberships(peer);
      return { problems, endOfRib };
    }
    const limitExceeded = this.#limitExceeded(state);
    if (limitExceeded !== undefined) return { problems, limitExceeded };
    return problems.length === 0 ? accepted : { problems };
  }

  /**
   * The peer has sent its route target memberships, or has had time enough: VPN and EVPN routes
   * that they ask for are sent from now on.
   */
  stopAwaitingMemberships(peer: PeerIndex): void {
    for (const held of this.#peers.get(peer).families.values()) held.waiting = false;
  }

  /**
   * Originates a route. Local routes win over every learned one and are not handed to the kernel.
   */
  originate(prefix: Prefix, attributes: LocalAttributes = {}): void {
    this.#families.get(familyOfPrefix(prefix)).adjRibIn.originate(prefix, attributes);
  }

  /** Returns false when the prefix was not originated. */
  withdraw(prefix: Prefix): boolean {
    return this.#families.get(familyOfPrefix(prefix)).adjRibIn.withdrawLocal(prefix);
  }

  /**
   * As `originate`, for the families that are not plain unicast; key and payload are what the
   * `encode` functions of their routes give, and are copied.
   */
  originateRoute(
    family: KeyedFamily,
    key: Uint8Array,
    payload: Uint8Array,
    attributes: LocalAttributes = {},
  ): void {
    this.#families.get(family).adjRibIn.originateKey(key, payload, attributes);
  }

  /** Returns false when the route was not originated. */
  withdrawRoute(family: KeyedFamily, key: Uint8Array): boolean {
    return this.#families.get(family).adjRibIn.withdrawLocalKey(key);
  }

  /** Asks `RibConfig.ownership` again about every route of the peers that it is asked about. */
  recheckOwnership(): void {
    for (const { table } of this.#families.states()) table.startSweep();
  }

  /**
   * Puts off selection: nothing is advertised nor handed to the kernel until `releaseBestPath` (RFC
   * 4724 4.1).
   */
  holdBestPath(families: readonly AddressFamily[] = this.#config.families): void {
    for (const family of families) this.#families.get(family).table.held = true;
  }

  /** Ends the hold; peers that were not in sync continue with `pull`. */
  releaseBestPath(families: readonly AddressFamily[] = this.#config.families): void {
    for (const family of families) {
      const { table } = this.#families.get(family);
      table.held = false;
      table.feeds?.released();
    }
  }

  /** True when `flush` has something to do. */
  get dirty(): boolean {
    return this.#families.dirty;
  }

  /**
   * Advertises up to `limit` changed keys to all peers in sync; true when there is more to do. It is
   * fewer keys where there are many update groups, so that one call does not take long.
   */
  flush(deliver: Deliver, limit: number = flushCountDefault): boolean {
    for (const validation of this.#families.flowValidations()) validation.step(limit);
    const due = this.#families.states().filter(({ table }) => table.dirty);
    const share = Math.max(1, Math.floor(limit / Math.max(1, due.length)));
    for (const at of due) {
      // Looking at a key costs less than sending it, but it may have to be decided on anew.
      at.table.sweep(Math.ceil(share / 4), (row, id) => this.#reimport(at, row, id));
      const dirty = at.table.takeDirty(sliceOf(share, encodingsOf(at)));
      if (dirty.all.length > 0) this.#advertise(at, dirty, deliver);
    }
    return this.dirty;
  }

  /**
   * The next messages, about `lengthMax` bytes, for a peer that is not in sync; they may be empty,
   * then call again. Undefined once the peer is in sync, or while a hold leaves nothing to send.
   */
  pull(peer: PeerIndex, lengthMax = 65536): Uint8Array | undefined {
    const state = this.#peers.get(peer);
    if (state.session === undefined || state.inSync) return undefined;
    const bytes = pullMessages(state, (family) => this.#families.get(family), lengthMax);
    if (bytes === undefined) this.#sync.enter(state);
    return bytes;
  }

  /** True while `flush` serves the peer. */
  inSync(peer: PeerIndex): boolean {
    return this.#peers.get(peer).inSync;
  }

  /** Sends the whole table of the family again (RFC 2918): continue with `pull`. */
  refresh(peer: PeerIndex, family: AddressFamily): void {
    const state = this.#peers.get(peer);
    const held = state.families.get(family);
    if (state.session === undefined || held === undefined) return;
    this.#sync.leave(state);
    held.catchUp?.restart();
  }

  /**
   * Up to `limit` changes of the Loc-RIB for the kernel, each prefix once with its current state.
   */
  takeChanges(limit = 1024): LocRibChange[] {
    const changes: LocRibChange[] = [];
    for (const { table } of this.#families.states()) {
      if (table.prefixes === undefined) continue;
      table.takeChanged(limit - changes.length, (id) => {
        changes.push(locRibChange(table, id, (peer) => this.#peers.get(peer).config.ifindex));
      });
    }
    return changes;
  }

  get changesPending(): boolean {
    return this.#families
      .states()
      .some(({ table }) => table.changed && table.prefixes !== undefined);
  }

  /** Up to `limit` changes of `RibConfig.watchedFamilies`, each key once with its current state. */
  takeRouteChanges(limit = 1024): RouteChange[] {
    const changes: RouteChange[] = [];
    for (const { table } of this.#families.states()) {
      if (table.opaqueKeys === undefined) continue;
      table.takeChanged(limit - changes.length, (id) => changes.push(routeChange(table, id)));
    }
    return changes;
  }

  get routeChangesPending(): boolean {
    return this.#families
      .states()
      .some(({ table }) => table.changed && table.opaqueKeys !== undefined);
  }

  #hasRows(peer: PeerIndex): boolean {
    return this.#families.states().some(({ table }) => table.rows.anyOf(peer));
  }

  #limitExceeded(state: PeerState): AddressFamily | undefined {
    const { prefixCountMax } = state.config;
    if (prefixCountMax === undefined) return undefined;
    for (const family of state.families.keys()) {
      if (this.#families.get(family).table.heldCount(state.index) > prefixCountMax) return family;
    }
    return undefined;
  }

  #advertise(at: FamilyState, dirty: DirtyKeys, deliver: Deliver): void {
    for (const catchUp of at.table.catchUps) catchUp.markChanges(dirty);
    for (const { group, batch } of at.classes.groups()) {
      const members = [...group.members].filter((peer) => this.#peers.get(peer).inSync);
      if (members.length === 0) continue;
      const messages = batch.encodeChanges(dirty);
      if (messages === undefined) continue;
      for (const peer of members) {
        let room = true;
        for (const part of partsFor(messages, peer)) room = deliver(peer, part) && room;
        if (!room) this.#sync.leave(this.#peers.get(peer));
      }
    }
    this.#families.flowValidationBy(at.table.family)?.unicastChanges(dirty.changed);
    at.table.commit(dirty);
  }

  #reimport(at: FamilyState, row: number, id: number): number {
    const { rows } = at.table;
    const state = this.#peers.get(rows.peer[row]!);
    const held = state.families.get(at.table.family);
    if (held === undefined) return row;
    const { importClass, longLived } = held;
    const isCurrent = rows.blockOf(row).importClass === importClass;
    const isTimely = !longLived || (rows.flags[row]! & staleFlags) !== rowStale;
    if (isCurrent && isTimely && !at.adjRibIn.hasFlags(state.index)) return row;
    return at.adjRibIn.reimport(row, id, importClass, state.traits, longLived);
  }

  #pruneClasses(): void {
    for (const [family, { classes }] of this.#families) {
      const used = new Set<ImportClass>();
      for (const state of this.#peers.all()) {
        const held = state.families.get(family);
        if (held !== undefined) used.add(held.importClass);
      }
      classes.prune(used);
    }
  }
}

const accepted: ReceiveResult = { problems: [] };
const staleFlags = rowStale | rowLongLived;

function sweepStale(state: PeerState, { adjRibIn, table }: FamilyState): void {
  const held = state.families.get(table.family);
  if (held !== undefined) held.longLived = false;
  adjRibIn.sweepStale(state);
}

/** Encodings that telling of one key takes; ranking for add-path takes as long as some of them. */
function encodingsOf({ classes, table }: FamilyState): number {
  return Math.max(1, classes.groupCount + (table.addPathOut.active ? rankingCost : 0));
}

/** Keys of one family for one call of `flush`, of which `limit` would be allowed. */
function sliceOf(limit: number, encodingsPerKey: number): number {
  const affordable = Math.floor(encodeCountMax / encodingsPerKey);
  return Math.min(limit, Math.max(sliceCountMin, affordable));
}
