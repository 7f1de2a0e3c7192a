/**
 * The routes of a batch as linked lists over columns that all lists share: a batch has as many
 * lists as attribute sets, and an array for each kept the garbage collector busy.
 */
import { growInt32, growUint32 } from "./columns.ts";

/** The routes lie in the columns of {@link RouteLists}; -1 where there are none. */
export interface RouteList {
  first: number;
  last: number;
}

const capacityMin = 1024;
/** More than that is given back when a burst is over. */
const capacityKept = 65_536;

/** Columns are public to read, for the loops of the batch. */
export class RouteLists {
  next: Int32Array = new Int32Array(capacityMin);
  id: Int32Array = new Int32Array(capacityMin);
  /** Only of routes that have one, and path identifiers (RFC 7911). */
  payload: Int32Array;
  pathId: Uint32Array;
  readonly #isWide: boolean;
  #count = 0;

  /** Without `isWide` the id is all there is to a route. */
  constructor(isWide: boolean) {
    this.#isWide = isWide;
    this.payload = new Int32Array(isWide ? capacityMin : 0);
    this.pathId = new Uint32Array(isWide ? capacityMin : 0);
  }

  push(list: RouteList, id: number, payload: number, pathId: number): void {
    if (this.#count === this.id.length) this.#resize(this.id.length * 2);
    const at = this.#count++;
    this.id[at] = id;
    this.next[at] = -1;
    if (this.#isWide) {
      this.payload[at] = payload;
      this.pathId[at] = pathId;
    }
    if (list.last < 0) list.first = at;
    else this.next[list.last] = at;
    list.last = at;
  }

  /** Forgets the routes of all lists; the owners of the lists empty them. */
  clear(): void {
    this.#count = 0;
    if (this.id.length > capacityKept) this.#resize(capacityMin);
  }

  #resize(capacity: number): void {
    const kept = Math.min(this.#count, capacity);
    this.next = growInt32(this.next.subarray(0, kept), capacity);
    this.id = growInt32(this.id.subarray(0, kept), capacity);
    if (!this.#isWide) return;
    this.payload = growInt32(this.payload.subarray(0, kept), capacity);
    this.pathId = growUint32(this.pathId.subarray(0, kept), capacity);
  }
}

export function newRouteList(): RouteList {
  return { first: -1, last: -1 };
}

export function emptyRouteList(list: RouteList): void {
  list.first = -1;
  list.last = -1;
}
