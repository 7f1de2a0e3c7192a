/**
 * Validation of flow specifications (RFC 8955 6, RFC 9117 4): who asks for traffic to a destination
 * to be filtered must be who the traffic goes to.
 *
 * What is asked of a flow specification depends on all unicast routes inside its destination. So
 * every destination in use has a count of them by neighbouring AS, which is taken once by a walk
 * over the unicast table, in pieces, and follows its changes from then on. Until the walk is over
 * the flow specification is not valid.
 */
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { FamilyTable } from "./family-table.ts";
import { PrefixTable } from "./prefix-table.ts";
import type { PeerTraits } from "./rows.ts";

/** A destination prefix of flow specifications. */
interface Destination {
  /** Paths with it. */
  pathCount: number;
  /** `counted` once the walk over the unicast table has passed. */
  state: "new" | "walking" | "counted";
  /** Unicast routes that are more specific, by neighbouring AS; 0 is our own. */
  readonly inside: Map<number, number>;
}

export class FlowValidation {
  readonly #unicast: FamilyTable;
  readonly #flows: FamilyTable;
  /** Prefixes of the destinations in use; `#destinations` is indexed by its ids. */
  readonly #keys: PrefixTable;
  readonly #destinations: (Destination | undefined)[] = [];
  /** How many destinations have a length. */
  readonly #lengths: number[];
  /** Prefixes that contain a destination or are one, and how many; indexed by id. */
  readonly #covering: PrefixTable;
  readonly #coveringCount: number[] = [];
  /** Unicast ids below have been counted by the walk under way; -1 without one. */
  #walked = -1;
  #newCount = 0;
  readonly #words: Int32Array = new Int32Array(4);

  constructor(unicast: FamilyTable, flows: FamilyTable, hashSeed: number) {
    this.#unicast = unicast;
    this.#flows = flows;
    const { wordCount } = unicast.prefixes!;
    this.#keys = new PrefixTable(wordCount, hashSeed);
    this.#covering = new PrefixTable(wordCount, hashSeed);
    this.#lengths = new Array<number>(wordCount * 32 + 1).fill(0);
    flows.onPath = (id, _row, step) => {
      if (flows.routeKeys.lengthOf(id) < 0) return;
      if (step > 0) this.#use(id);
      else this.#release(id);
    };
  }

  /** True while `step` has something to do. */
  get pending(): boolean {
    return this.#walked >= 0 || this.#newCount > 0;
  }

  /** Whether the flow specification with that id may come from a peer with these `traits`. */
  isValid(id: number, attributes: PathAttributes, traits: PeerTraits): boolean {
    const length = this.#flows.routeKeys.lengthOf(id);
    if (length < 0) return false;
    const at = this.#findMasked(this.#keys, this.#flows, id, length);
    const destination = at < 0 ? undefined : this.#destinations[at];
    if (destination?.state !== "counted") return false;
    const row = this.#bestMatch(id, length);
    const isFromInside = attributes.asPath.every((segment) => segment.type === "confed-sequence");
    if (row < 0) return isFromInside;
    const { rows } = this.#unicast;
    const neighborAsn = rows.neighborAsn[row]!;
    if (!isFromInside && !this.#hasSameOriginator(row, attributes, traits)) return false;
    for (const asn of destination.inside.keys()) if (asn !== neighborAsn) return false;
    return true;
  }

  /** What the unicast table is about to commit. */
  unicastChanges(ids: Int32Array): void {
    if (this.#keys.count === 0) return;
    const { advertised, best } = this.#unicast;
    let matters = false;
    for (const id of ids) {
      const length = this.#unicast.routeKeys.lengthOf(id);
      if (this.#findMasked(this.#covering, this.#unicast, id, length) >= 0) matters = true;
      const isWalked = id < this.#walked;
      if (advertised[id]! >= 0 && this.#count(id, advertised[id]!, -1, isWalked)) matters = true;
      if (best[id]! >= 0 && this.#count(id, best[id]!, 1, isWalked)) matters = true;
    }
    if (matters) this.#flows.startSweep();
  }

  /** Walks over up to `limit` unicast routes, to count those inside new destinations. */
  step(limit: number): void {
    if (this.#walked < 0) {
      if (this.#newCount === 0) return;
      this.#newCount = 0;
      this.#walked = 0;
      for (const destination of this.#destinations) {
        if (destination?.state === "new") destination.state = "walking";
      }
    }
    const { advertised, routeKeys } = this.#unicast;
    const end = Math.min(this.#walked + limit, routeKeys.top);
    for (let id = this.#walked; id < end; id += 1) {
      if (routeKeys.has(id) && advertised[id]! >= 0) this.#countWalked(id, advertised[id]!);
    }
    this.#walked = end;
    if (end < routeKeys.top) return;
    this.#walked = -1;
    for (const destination of this.#destinations) {
      if (destination?.state === "walking") destination.state = "counted";
    }
    this.#flows.startSweep();
  }

  /** RFC 8955 6 b): the best route to the destination comes from the same router. */
  #hasSameOriginator(row: number, attributes: PathAttributes, traits: PeerTraits): boolean {
    const { rows } = this.#unicast;
    const unicast = rows.outcomeOf(row).attributes;
    const { originatorId } = attributes;
    return originatorId === undefined && unicast.originatorId === undefined
      ? rows.peerAddressOf(row) === traits.peerAddress
      : originatorId === unicast.originatorId;
  }

  /** Row of the longest unicast prefix that contains the destination; -1 for none. */
  #bestMatch(id: number, length: number): number {
    for (let bits = length; bits >= 0; bits -= 1) {
      const at = this.#findMasked(this.#unicast.prefixes!, this.#flows, id, bits);
      if (at >= 0 && this.#unicast.advertised[at]! >= 0) return this.#unicast.advertised[at]!;
    }
    return -1;
  }

  /** Adjusts the counts of the destinations around a unicast route; true when there are any. */
  #count(id: number, row: number, step: 1 | -1, isWalked: boolean): boolean {
    let found = false;
    this.#forEachAround(id, (destination) => {
      found = true;
      if (destination.state === "counted" || (destination.state === "walking" && isWalked)) {
        this.#add(destination, row, step);
      }
    });
    return found;
  }

  #countWalked(id: number, row: number): void {
    this.#forEachAround(id, (destination) => {
      if (destination.state === "walking") this.#add(destination, row, 1);
    });
  }

  #add({ inside }: Destination, row: number, step: 1 | -1): void {
    const neighborAsn = this.#unicast.rows.neighborAsn[row]!;
    const count = (inside.get(neighborAsn) ?? 0) + step;
    if (count === 0) inside.delete(neighborAsn);
    else inside.set(neighborAsn, count);
  }

  /** Destinations that are shorter than the unicast route and contain it. */
  #forEachAround(id: number, visit: (destination: Destination) => void): void {
    const length = this.#unicast.routeKeys.lengthOf(id);
    for (let bits = 0; bits < length; bits += 1) {
      if (this.#lengths[bits] === 0) continue;
      const at = this.#findMasked(this.#keys, this.#unicast, id, bits);
      if (at >= 0) visit(this.#destinations[at]!);
    }
  }

  #use(id: number): void {
    const length = this.#flows.routeKeys.lengthOf(id);
    const at = this.#addMasked(this.#keys, id, length);
    const known = this.#destinations[at];
    if (known !== undefined) {
      known.pathCount += 1;
      return;
    }
    this.#destinations[at] = { pathCount: 1, state: "new", inside: new Map() };
    this.#newCount += 1;
    this.#lengths[length] = this.#lengths[length]! + 1;
    for (let bits = length; bits >= 0; bits -= 1) {
      const around = this.#addMasked(this.#covering, id, bits);
      this.#coveringCount[around] = (this.#coveringCount[around] ?? 0) + 1;
    }
  }

  #release(id: number): void {
    const length = this.#flows.routeKeys.lengthOf(id);
    const at = this.#findMasked(this.#keys, this.#flows, id, length);
    const destination = this.#destinations[at]!;
    destination.pathCount -= 1;
    if (destination.pathCount > 0) return;
    if (destination.state === "new") this.#newCount -= 1;
    this.#destinations[at] = undefined;
    this.#keys.remove(at);
    this.#lengths[length] = this.#lengths[length]! - 1;
    for (let bits = length; bits >= 0; bits -= 1) {
      const around = this.#findMasked(this.#covering, this.#flows, id, bits);
      const count = this.#coveringCount[around]! - 1;
      this.#coveringCount[around] = count;
      if (count === 0) this.#covering.remove(around);
    }
  }

  #findMasked(keys: PrefixTable, { routeKeys }: FamilyTable, id: number, bits: number): number {
    const w = this.#mask(routeKeys, id, bits);
    return keys.find(w[0]!, w[1]!, w[2]!, w[3]!, bits);
  }

  #addMasked(keys: PrefixTable, id: number, bits: number): number {
    const w = this.#mask(this.#flows.routeKeys, id, bits);
    return keys.add(w[0]!, w[1]!, w[2]!, w[3]!, bits);
  }

  /** The first `bits` bits of the prefix in a key; borrowed until the next call. */
  #mask(keys: FamilyTable["routeKeys"], id: number, bits: number): Int32Array {
    for (let i = 0; i < 4; i += 1) {
      const left = bits - i * 32;
      const word = left <= 0 ? 0 : keys.wordOf(id, i);
      this.#words[i] = left >= 32 ? word : word & (left <= 0 ? 0 : -1 << (32 - left));
    }
    return this.#words;
  }
}
