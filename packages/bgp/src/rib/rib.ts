/**
 * The RIB: Adj-RIBs-In, decision process, Loc-RIB and what every peer is owed (RFC 4271 3.2, 9),
 * for IPv4 and IPv6 unicast. Pure: bytes of UPDATE bodies in, bytes of messages and Loc-RIB changes
 * out; the caller owns sockets and timers. Output depends on the current routes only, never on the
 * order in which they came.
 *
 * How the caller drives it:
 * - `sessionUp` when a session is Established, then `pull` until it returns undefined: that is the
 *   initial table and the End-of-RIB markers.
 * - `receive` for every UPDATE, then once per turn of the event loop `flush` while it returns true
 *   (yield between calls) and `takeChanges`.
 * - `deliver` of `flush` answers false when the peer's write queue is above its limit; that peer
 *   gets nothing more from `flush`. When its socket has drained, `pull` catches it up from the
 *   table, whatever happened meanwhile.
 */

import type { Ip, Prefix } from "@heddle/inet";
import { assert, must } from "@heddle/std";
import { BgpError } from "../errors.ts";
import type { AddressFamily } from "../packet/address-family.ts";
import type { Policy } from "../policy/policy.ts";
import { AdjRibIn, familyOfPrefix } from "./adj-rib-in.ts";
import { CatchUp } from "./catch-up.ts";
import { FamilyClasses, localImportClass, sameContext } from "./classes.ts";
import type { RibConfig } from "./config.ts";
import { FamilyTable } from "./family-table.ts";
import type { ImportClass } from "./import.ts";
import { type LocRibChange, locRibChange } from "./loc-rib.ts";
import type { LocalAttributes } from "./local-route.ts";
import {
  localPeer,
  type PeerIndex,
  type RibPeer,
  type RibPeerCounts,
  type RibSession,
} from "./peer.ts";
import type { PeerFamily, PeerState } from "./peer-state.ts";
import { PeerTable } from "./peer-table.ts";
import {
  advertisedCount,
  longestMatch,
  lookup,
  type RibPath,
  type RouteFilter,
  receivedCounts,
  routes,
} from "./queries.ts";
import { dropCatchUp, endWalk, type FamilySync, pullMessages } from "./sync.ts";
import { partsFor } from "./update-batch.ts";
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

/** Prefixes that one call of `flush` handles; some milliseconds of work. */
const flushCountDefault = 32768;

interface FamilyState extends FamilySync {
  readonly adjRibIn: AdjRibIn;
}

export class Rib {
  readonly #config: RibConfig;
  readonly #peers: PeerTable;
  readonly #families: Map<AddressFamily, FamilyState> = new Map();
  readonly #receiver: UpdateReceiver;

  constructor(config: RibConfig) {
    this.#config = config;
    this.#peers = new PeerTable(config, (peer) => this.#hasRows(peer));
    for (const family of config.families) this.#families.set(family, this.#newFamily(family));
    this.#receiver = new UpdateReceiver((family) => this.#families.get(family)?.adjRibIn);
  }

  /** Registers a peer; it has no session yet. @throws BgpError `config` */
  addPeer(peer: RibPeer): PeerIndex {
    if (peer.reflectorClient && peer.asn !== this.#config.localAsn) {
      throw new BgpError(
        "config",
        `Cannot add reflector client: AS ${peer.asn}, want ${this.#config.localAsn}`,
      );
    }
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
      const at = this.#family(family);
      const importClass = at.classes.importClassOf(state.config, cx);
      if (importClass !== held.importClass) {
        held.importClass = importClass;
        at.table.startSweep();
      }
      if (session !== undefined) this.#changeGroup(state, session, held, at, wasInSync);
    }
    this.#pruneClasses();
  }

  /**
   * The session is Established: the peer is owed the table. Stale routes stay until End-of-RIB or
   * `sweepStale`.
   */
  sessionUp(peer: PeerIndex, session: RibSession): void {
    const state = this.#peers.get(peer);
    assert(state.session === undefined, "a peer has one session at a time");
    // Stale routes stay only if the new session would have read and ranked them as the old one did.
    const isSame = state.cx !== undefined && sameContext(state.cx, session.cx);
    if (!isSame || state.routerId !== session.routerId) this.sweepStale(peer);
    this.#peers.setRouterId(state, session.routerId);
    state.session = session;
    state.cx = session.cx;
    state.inSync = false;
    state.families.clear();
    for (const [family, at] of this.#families) {
      if (!session.cx.families.includes(family)) continue;
      const catchUp = CatchUp.fromStart();
      at.table.catchUps.add(catchUp);
      state.families.set(family, {
        importClass: at.classes.importClassOf(state.config, session.cx),
        group: at.classes.join(peer, state.config, session),
        catchUp,
        endOfRibDue: true,
        holds: undefined,
      });
    }
  }

  /**
   * Removes the peer's routes, except those of the families in `retain`, which become stale (RFC
   * 4724 4.2).
   */
  sessionDown(peer: PeerIndex, retain: readonly AddressFamily[] = []): void {
    const state = this.#peers.get(peer);
    for (const [family, { adjRibIn }] of this.#families) {
      adjRibIn.sessionDown(state, retain.includes(family));
    }
    if (state.session === undefined) return;
    state.session = undefined;
    state.inSync = false;
    for (const [family, held] of state.families) {
      const at = this.#family(family);
      at.classes.leave(peer, held.group, false);
      endWalk(state, held, at.classes);
      dropCatchUp(held, at.table);
    }
  }

  /**
   * Removes stale routes of the peer: restart timer expiry, or a family whose state the peer did
   * not keep.
   */
  sweepStale(peer: PeerIndex, family?: AddressFamily): void {
    const state = this.#peers.get(peer);
    for (const [name, { adjRibIn }] of this.#families) {
      if (family === undefined || family === name) adjRibIn.sweepStale(state);
    }
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
      this.#families.get(endOfRib)?.adjRibIn.sweepStale(state);
      return { problems, endOfRib };
    }
    const limitExceeded = this.#limitExceeded(state);
    if (limitExceeded !== undefined) return { problems, limitExceeded };
    return problems.length === 0 ? accepted : { problems };
  }

  /**
   * Originates a route. Local routes win over every learned one and are not handed to the kernel.
   */
  originate(prefix: Prefix, attributes: LocalAttributes = {}): void {
    this.#family(familyOfPrefix(prefix)).adjRibIn.originate(prefix, attributes);
  }

  /** Returns false when the prefix was not originated. */
  withdraw(prefix: Prefix): boolean {
    return this.#family(familyOfPrefix(prefix)).adjRibIn.withdrawLocal(prefix);
  }

  /**
   * Puts off selection: nothing is advertised nor handed to the kernel until `releaseBestPath` (RFC
   * 4724 4.1).
   */
  holdBestPath(families: readonly AddressFamily[] = this.#config.families): void {
    for (const family of families) this.#family(family).table.held = true;
  }

  /** Ends the hold; peers that were not in sync continue with `pull`. */
  releaseBestPath(families: readonly AddressFamily[] = this.#config.families): void {
    for (const family of families) this.#family(family).table.held = false;
  }

  /** True when `flush` has something to do. */
  get dirty(): boolean {
    return [...this.#families.values()].some(({ table }) => table.dirty);
  }

  /**
   * Advertises up to `limit` changed prefixes per family to all peers in sync; true when there is
   * more to do.
   */
  flush(deliver: Deliver, limit: number = flushCountDefault): boolean {
    for (const at of this.#families.values()) {
      at.table.sweep(limit, (row, id) => this.#reimport(at, row, id));
      if (at.table.held) continue;
      const ids = at.table.takeDirty(limit);
      if (ids.length > 0) this.#advertise(at, ids, deliver);
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
    const bytes = pullMessages(state, (family) => this.#family(family), lengthMax);
    if (bytes === undefined) this.#enterSync(state);
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
    this.#leaveSync(state);
    held.catchUp?.restart();
  }

  /**
   * Up to `limit` changes of the Loc-RIB for the kernel, each prefix once with its current state.
   */
  takeChanges(limit = 1024): LocRibChange[] {
    const changes: LocRibChange[] = [];
    for (const { table } of this.#families.values()) {
      table.takeChanged(limit - changes.length, (id) => {
        changes.push(locRibChange(table, id, (peer) => this.#peers.get(peer).config.ifindex));
      });
    }
    return changes;
  }

  get changesPending(): boolean {
    return [...this.#families.values()].some(({ table }) => table.changed);
  }

  lookup(prefix: Prefix): RibPath[] {
    return lookup(this.#family(familyOfPrefix(prefix)).table, prefix);
  }

  /** The paths of the longest prefix with a best path that contains `address`. */
  longestMatch(address: Ip): RibPath[] {
    const family = typeof address === "number" ? "ipv4-unicast" : "ipv6-unicast";
    return longestMatch(this.#family(family).table, address);
  }

  /** Lazy: the RIB must not change while it is being iterated. */
  *routes(filter: RouteFilter = {}): Generator<RibPath> {
    for (const [family, { table }] of this.#families) {
      if (filter.family === undefined || filter.family === family) yield* routes(table, filter);
    }
  }

  counts(peer: PeerIndex, family: AddressFamily): RibPeerCounts {
    const state = this.#peers.get(peer);
    const { table } = this.#family(family);
    const held = state.session === undefined ? undefined : state.families.get(family);
    return {
      ...receivedCounts(table, peer),
      advertised: held === undefined ? 0 : advertisedCount(table, held.group, peer),
    };
  }

  /** Prefixes in the table, also those whose paths are all ineligible. */
  prefixCount(family: AddressFamily): number {
    return this.#family(family).table.prefixes.count;
  }

  /** Distinct attribute blocks in use. */
  attributeCount(family: AddressFamily): number {
    return this.#family(family).table.blocks.count;
  }

  #hasRows(peer: PeerIndex): boolean {
    return [...this.#families.values()].some(({ table }) => table.rows.anyOf(peer));
  }

  #newFamily(family: AddressFamily): FamilyState {
    const table = new FamilyTable(family, this.#config, (row) => {
      classes.forgetRow(row);
    });
    const classes = new FamilyClasses(this.#config, table, (peer) => this.#peers.originOf(peer));
    const adjRibIn = new AdjRibIn(
      table,
      localImportClass(this.#config, family),
      this.#peers.get(localPeer).traits,
      (address) => this.#peers.isOwnAddress(address),
    );
    return { table, adjRibIn, classes };
  }

  #family(family: AddressFamily): FamilyState {
    return must(this.#families.get(family), `family ${family} is configured`);
  }

  #limitExceeded(state: PeerState): AddressFamily | undefined {
    const { prefixCountMax } = state.config;
    if (prefixCountMax === undefined) return undefined;
    for (const family of state.families.keys()) {
      if (this.#family(family).table.heldCount(state.index) > prefixCountMax) return family;
    }
    return undefined;
  }

  #advertise(at: FamilyState, ids: Int32Array, deliver: Deliver): void {
    for (const catchUp of at.table.catchUps) for (const id of ids) catchUp.mark(id);
    for (const { group, batch } of at.classes.groups()) {
      const members = [...group.members].filter((peer) => this.#peers.get(peer).inSync);
      if (members.length === 0) continue;
      const messages = batch.encodeChanges(ids);
      if (messages === undefined) continue;
      for (const peer of members) {
        let room = true;
        for (const part of partsFor(messages, peer)) room = deliver(peer, part) && room;
        if (!room) this.#leaveSync(this.#peers.get(peer));
      }
    }
    at.table.commit(ids);
  }

  /** From now on the peer is served by `pull`; what changes is marked for it. */
  #leaveSync(state: PeerState): void {
    if (!state.inSync) return;
    state.inSync = false;
    for (const [family, held] of state.families) {
      held.catchUp = CatchUp.fromNow();
      this.#family(family).table.catchUps.add(held.catchUp);
    }
  }

  #enterSync(state: PeerState): void {
    const families = [...state.families];
    if (families.some(([family]) => this.#family(family).table.held)) return;
    for (const [family, held] of families) dropCatchUp(held, this.#family(family).table);
    state.inSync = true;
  }

  #changeGroup(
    state: PeerState,
    session: RibSession,
    held: PeerFamily,
    at: FamilyState,
    wasInSync: boolean,
  ): void {
    const former = held.group;
    const group = at.classes.join(state.index, state.config, session);
    if (group === former) return;
    held.group = group;
    const isWalking = held.holds !== undefined || !wasInSync;
    this.#leaveSync(state);
    held.catchUp?.restart();
    endWalk(state, held, at.classes);
    held.holds = isWalking ? "mixed" : former;
    at.classes.leave(state.index, former, !isWalking);
  }

  #reimport(at: FamilyState, row: number, id: number): number {
    const { rows } = at.table;
    const state = this.#peers.get(rows.peer[row]!);
    const importClass = state.families.get(at.table.family)?.importClass;
    if (importClass === undefined) return row;
    if (rows.blockOf(row).importClass === importClass) return row;
    return at.adjRibIn.reimport(row, id, importClass, state.traits);
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
