/**
 * Bringing a peer that is not in sync up to date, one bounded piece at a time: per family the walk
 * over the table, then what changed meanwhile, then the End-of-RIB marker of the initial table (RFC
 * 4724 2).
 */
import type { AddressFamily } from "../packet/address-family.ts";
import { encodeEndOfRib } from "../packet/update-builder.ts";
import { CatchUp } from "./catch-up.ts";
import type { FamilyClasses } from "./classes.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerFamily, PeerState } from "./peer-state.ts";
import type { TargetSets } from "./target-sets.ts";

/** What of a family is needed to serve a peer. */
export interface FamilySync {
  readonly table: FamilyTable;
  readonly classes: FamilyClasses;
}

/** Prefixes per piece. */
const pieceCount = 2048;
/** Prefixes per call, whatever comes of them. */
const pullCountMax = 65536;

/** About `lengthMax` bytes, or none so far; undefined when nothing is left that may be sent. */
export function pullMessages(
  peer: PeerState,
  familyOf: (family: AddressFamily) => FamilySync,
  lengthMax: number,
): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let count = 0; count < pullCountMax && length < lengthMax; count += pieceCount) {
    const part = nextPiece(peer, familyOf);
    if (part === undefined) return length === 0 ? undefined : concat(parts, length);
    parts.push(part);
    length += part.length;
  }
  return concat(parts, length);
}

function nextPiece(
  peer: PeerState,
  familyOf: (family: AddressFamily) => FamilySync,
): Uint8Array | undefined {
  for (const [family, held] of peer.families) {
    const at = familyOf(family);
    const { catchUp } = held;
    if (at.table.held || held.waiting || catchUp === undefined) continue;
    if (!catchUp.walkDone(at.table.routeKeys.top)) return walkPiece(peer, held, at, catchUp);
    endWalk(peer, held, at.classes);
    if (catchUp.markCount > 0) return markPiece(peer, held, at, catchUp);
    if (held.endOfRibDue) {
      held.endOfRibDue = false;
      return encodeEndOfRib(family);
    }
  }
  return undefined;
}

function walkPiece(
  peer: PeerState,
  held: PeerFamily,
  { table, classes }: FamilySync,
  catchUp: CatchUp,
): Uint8Array {
  const ids = catchUp.walk(pieceCount, table.routeKeys);
  const marked = new Set<number>();
  if (catchUp.markCount > 0) for (const id of ids) if (catchUp.unmark(id)) marked.add(id);
  const { holds } = held;
  const mayHold = (id: number, row: number): boolean => {
    if (marked.has(id)) return true;
    if (holds === undefined || row < 0) return false;
    return holds === "mixed" || holds.entryOf(row, id) !== undefined;
  };
  const bytes = classes.batchOf(held.group).encodeState(ids, peer.index, mayHold);
  for (const id of marked) table.freeIfUnused(id);
  return bytes;
}

function markPiece(
  peer: PeerState,
  held: PeerFamily,
  { table, classes }: FamilySync,
  catchUp: CatchUp,
): Uint8Array {
  const ids = catchUp.takeMarks(pieceCount);
  const bytes = classes.batchOf(held.group).encodeState(ids, peer.index, () => true);
  for (const id of ids) table.freeIfUnused(id);
  return bytes;
}

/** `fromNow`: the peer holds all that it is owed up to now. */
export function newCatchUp(
  { index }: PeerState,
  held: PeerFamily,
  table: FamilyTable,
  targetSets: TargetSets,
  fromNow: boolean,
): CatchUp {
  const { addPathCount, constrained } = held.group.cls;
  const isInterested = (row: number, id: number): boolean => {
    // The group of now: the peer may have moved.
    const entry = row < 0 ? undefined : held.group.entryOf(row, id);
    return entry !== undefined && targetSets.isInterested(index, entry.targetSet);
  };
  const concerns = (id: number): boolean =>
    isInterested(table.advertised[id]!, id) || isInterested(table.best[id]!, id);
  const audience = { addPath: addPathCount > 0, ...(constrained ? { concerns } : {}) };
  const { markCounts } = table;
  return fromNow ? CatchUp.fromNow(audience, markCounts) : CatchUp.fromStart(audience, markCounts);
}

/** The peer holds nothing any more that only its former group exported. */
export function endWalk(peer: PeerState, held: PeerFamily, classes: FamilyClasses): void {
  const { holds } = held;
  if (holds === undefined) return;
  held.holds = undefined;
  if (holds !== "mixed") classes.released(peer.index, holds);
}

/** The peer is in sync or gone. */
export function dropCatchUp(held: PeerFamily, table: FamilyTable): void {
  const { catchUp } = held;
  if (catchUp === undefined) return;
  held.catchUp = undefined;
  table.catchUps.delete(catchUp);
  while (catchUp.markCount > 0) {
    for (const id of catchUp.takeMarks(pieceCount)) table.freeIfUnused(id);
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
