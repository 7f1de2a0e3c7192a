/** Messages of an update group, and which parts of them are for whom. */
import type { PeerIndex } from "./peer.ts";

/** Ranges [start, end) of bytes by peer, ascending and disjoint. */
export class RangeMap {
  /** Start, end, start, end and so on. */
  readonly #ranges: Map<PeerIndex, number[]> = new Map();

  /** `start` is not below the end of the last range added for the peer. */
  add(peer: PeerIndex, start: number, end: number): void {
    if (start === end) return;
    const ranges = this.#ranges.get(peer);
    if (ranges === undefined) this.#ranges.set(peer, [start, end]);
    else if (ranges.at(-1) === start) ranges[ranges.length - 1] = end;
    else ranges.push(start, end);
  }

  of(peer: PeerIndex): readonly number[] {
    return this.#ranges.get(peer) ?? none;
  }
}

const none: readonly number[] = [];

/** Messages for all members of a group. Owned, and shared between the members: never written to. */
export interface GroupMessages {
  readonly bytes: Uint8Array;
  /** Ranges that are not for a member. */
  readonly skipped: RangeMap;
  /** Where present, only these ranges are for a member. */
  readonly taken: RangeMap | undefined;
  /** By member: messages that are for it alone. */
  readonly extra: ReadonlyMap<PeerIndex, Uint8Array>;
}

/** The parts of `messages` that are for `member`, in order; all whole messages. */
export function* partsFor(messages: GroupMessages, member: PeerIndex): Generator<Uint8Array> {
  const { bytes, skipped, taken, extra } = messages;
  if (taken !== undefined) {
    const ranges = taken.of(member);
    for (let i = 0; i < ranges.length; i += 2) yield bytes.subarray(ranges[i]!, ranges[i + 1]!);
    return;
  }
  let at = 0;
  const ranges = skipped.of(member);
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i]! > at) yield bytes.subarray(at, ranges[i]!);
    at = ranges[i + 1]!;
  }
  if (at < bytes.length) yield bytes.subarray(at);
  const own = extra.get(member);
  if (own !== undefined) yield own;
}
