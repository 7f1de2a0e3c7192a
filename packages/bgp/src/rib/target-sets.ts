/**
 * Route target constraints (RFC 4684): the sets of route targets that routes carry, interned, the
 * memberships that peers have sent, and who is interested in which set. Both sides change one at a
 * time; what that means for the other is worked out at once and incrementally, so that sending a
 * route asks one set and not all memberships.
 */
import { decodeRouteTargetConstraint } from "../packet/nlri/route-target-constraint.ts";
import type { PeerIndex } from "./peer.ts";

interface TargetSet {
  readonly key: string;
  readonly targets: readonly bigint[];
  readonly interested: Set<PeerIndex>;
  /** Rows that have it. */
  rowCount: number;
}

/** Memberships that differ only in the origin AS count as one, as often as they were sent. */
interface Membership {
  readonly routeTarget: bigint;
  /** Significant bits of `routeTarget`, 0 to 64. */
  readonly length: number;
  count: number;
}

const routeTargetBits = 64;

export class TargetSets {
  readonly #sets: (TargetSet | undefined)[] = [];
  readonly #byKey: Map<string, number> = new Map();
  /** Numbers of the sets that contain a route target. */
  readonly #byTarget: Map<bigint, Set<number>> = new Map();
  readonly #free: number[] = [];
  /** By peer, then by text of the membership. */
  readonly #memberships: Map<PeerIndex, Map<string, Membership>> = new Map();
  /** Peers with a membership for a whole route target. */
  readonly #whole: Map<bigint, Set<PeerIndex>> = new Map();
  /** Memberships of other lengths in use, by peer. */
  readonly #partial: Map<PeerIndex, Set<Membership>> = new Map();
  readonly #onInterest: (peer: PeerIndex, set: number) => void;

  /** `onInterest` is called when a peer has become or ceased to be interested in a set. */
  constructor(onInterest: (peer: PeerIndex, set: number) => void) {
    this.#onInterest = onInterest;
  }

  /** Sets in use. */
  get count(): number {
    return this.#byKey.size;
  }

  /** The number of the set among `extendedCommunities`, with one row more. */
  retain(extendedCommunities: readonly bigint[]): number {
    const targets = [...new Set(extendedCommunities.filter(isConstraining))].sort(compare);
    const key = targets.join(" ");
    const number = this.#byKey.get(key) ?? this.#addSet(key, targets);
    this.#sets[number]!.rowCount += 1;
    return number;
  }

  /** One row less. */
  release(number: number): void {
    const set = this.#sets[number]!;
    set.rowCount -= 1;
    if (set.rowCount > 0) return;
    this.#sets[number] = undefined;
    this.#byKey.delete(set.key);
    for (const target of set.targets) dropFrom(this.#byTarget, target, number);
    this.#free.push(number);
  }

  targetsOf(number: number): readonly bigint[] {
    return this.#sets[number]!.targets;
  }

  interestedIn(number: number): ReadonlySet<PeerIndex> {
    return this.#sets[number]?.interested ?? nobody;
  }

  isInterested(peer: PeerIndex, number: number): boolean {
    return this.interestedIn(number).has(peer);
  }

  /** Calls `visit` with every set that the peer is interested in. */
  forEachOf(peer: PeerIndex, visit: (number: number) => void): void {
    for (const [number, set] of this.#sets.entries()) {
      if (set?.interested.has(peer) === true) visit(number);
    }
  }

  /** The peer sent a membership; `key` as of the family's codec. */
  join(peer: PeerIndex, key: Uint8Array): void {
    const { routeTarget, length } = decodeRouteTargetConstraint(key);
    const own = this.#membershipsOf(peer);
    const text = `${routeTarget}/${length}`;
    const known = own.get(text);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const membership = { routeTarget, length, count: 1 };
    own.set(text, membership);
    if (length === routeTargetBits) addTo(this.#whole, routeTarget, peer);
    else addTo(this.#partial, peer, membership);
    for (const number of this.#setsWith(membership)) {
      const { interested } = this.#sets[number]!;
      if (interested.has(peer)) continue;
      interested.add(peer);
      this.#onInterest(peer, number);
    }
  }

  /** The peer took back a membership that it had sent. */
  leave(peer: PeerIndex, key: Uint8Array): void {
    const { routeTarget, length } = decodeRouteTargetConstraint(key);
    const membership = this.#memberships.get(peer)?.get(`${routeTarget}/${length}`);
    if (membership === undefined) return;
    membership.count -= 1;
    if (membership.count > 0) return;
    this.#forget(peer, membership);
    for (const number of this.#setsWith(membership)) {
      const set = this.#sets[number]!;
      if (!set.interested.has(peer) || this.#wants(peer, set.targets)) continue;
      set.interested.delete(peer);
      this.#onInterest(peer, number);
    }
  }

  #forget(peer: PeerIndex, membership: Membership): void {
    const { routeTarget, length } = membership;
    const own = this.#memberships.get(peer)!;
    own.delete(`${routeTarget}/${length}`);
    if (own.size === 0) this.#memberships.delete(peer);
    if (length === routeTargetBits) dropFrom(this.#whole, routeTarget, peer);
    else dropFrom(this.#partial, peer, membership);
  }

  #addSet(key: string, targets: readonly bigint[]): number {
    const number = this.#free.pop() ?? this.#sets.length;
    const interested = new Set<PeerIndex>();
    for (const target of targets) {
      for (const peer of this.#whole.get(target) ?? []) interested.add(peer);
      addTo(this.#byTarget, target, number);
    }
    for (const [peer, memberships] of this.#partial) {
      for (const membership of memberships) {
        if (covers(membership, targets)) interested.add(peer);
      }
    }
    this.#sets[number] = { key, targets, interested, rowCount: 0 };
    this.#byKey.set(key, number);
    return number;
  }

  /** Numbers of the sets that the membership covers. */
  #setsWith(membership: Membership): number[] {
    if (membership.length === routeTargetBits) {
      return [...(this.#byTarget.get(membership.routeTarget) ?? [])];
    }
    const numbers: number[] = [];
    for (const [number, set] of this.#sets.entries()) {
      if (set !== undefined && covers(membership, set.targets)) numbers.push(number);
    }
    return numbers;
  }

  #wants(peer: PeerIndex, targets: readonly bigint[]): boolean {
    if (targets.some((target) => this.#whole.get(target)?.has(peer) === true)) return true;
    return [...(this.#partial.get(peer) ?? [])].some((membership) => covers(membership, targets));
  }

  #membershipsOf(peer: PeerIndex): Map<string, Membership> {
    const known = this.#memberships.get(peer);
    if (known !== undefined) return known;
    const memberships = new Map<string, Membership>();
    this.#memberships.set(peer, memberships);
    return memberships;
  }
}

const nobody: ReadonlySet<PeerIndex> = new Set();

/** A route target (RFC 4360 4, RFC 5668), or the ES-Import that stands for one (RFC 7432 7.6). */
function isConstraining(community: bigint): boolean {
  const type = Number(community >> 48n);
  return type === 0x0002 || type === 0x0102 || type === 0x0202 || type === 0x0602;
}

/** The default membership covers also routes without any route target (RFC 4684 4). */
function covers({ routeTarget, length }: Membership, targets: readonly bigint[]): boolean {
  if (length === 0) return true;
  const shift = BigInt(routeTargetBits - length);
  return targets.some((target) => target >> shift === routeTarget >> shift);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([value]));
  else known.add(value);
}

function dropFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) === true && set.size === 0) sets.delete(key);
}
