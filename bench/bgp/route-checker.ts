/**
 * What one session has been sent, held against what it must be sent: every prefix, with the whole
 * attribute set of the right sender, and nothing else. Runs after the measurement, over recorded
 * messages.
 */

import { type AddressFamily, addressFamilyOf } from "@heddle/bgp";
import { describeBlock } from "./attributes.ts";
import type { NlriReader } from "./nlri-readers.ts";

/** What all sessions of a workload share. */
export interface Expectation {
  /** NLRI of other families are passed over. */
  readonly family: AddressFamily;
  readonly reader: NlriReader;
  /** By route: which of `classes` is right. */
  readonly classOf: Int32Array;
  /** Classes of attributes by their text. */
  readonly classes: ReadonlyMap<string, number>;
  /** Classes by received block, filled by the checkers; -1 where the text is not expected. */
  readonly blocks: Map<string, number>;
}

/** Values of `wanted`. */
export const wants = { no: 0, yes: 1, either: 2 } as const;

const states = { absent: 0, right: 1, wrong: 2 } as const;

const mpReach = 14;
const mpUnreach = 15;
const extendedLengthFlag = 0x10;

export class RouteChecker {
  readonly #expectation: Expectation;
  readonly #wanted: Uint8Array;
  readonly #wantedCount: number;
  readonly #states: Uint8Array;
  #rightCount = 0;
  #presentCount = 0;
  #strangeCount = 0;
  #example = "";

  /** `wanted` by route, of {@link wants}. */
  constructor(expectation: Expectation, wanted: Uint8Array) {
    this.#expectation = expectation;
    this.#wanted = wanted;
    this.#states = new Uint8Array(wanted.length);
    this.#wantedCount = wanted.reduce((sum, want) => sum + (want === wants.yes ? 1 : 0), 0);
  }

  /** All wanted routes are here and right, no other came. */
  get isComplete(): boolean {
    return this.#rightCount === this.#wantedCount && this.#strangeCount === 0;
  }

  get isEmpty(): boolean {
    return this.#presentCount === 0;
  }

  /** Also of routes that may or may not come. */
  holds(index: number): boolean {
    return this.#states[index] === states.right;
  }

  /** For people. */
  get summary(): string {
    const right = `${this.#rightCount} of ${this.#wantedCount} routes right`;
    const counts = `${right}, ${this.#presentCount} present, ${this.#strangeCount} not expected`;
    return this.#example === "" ? counts : `${counts}; such as ${this.#example}`;
  }

  /** The body of an UPDATE, `bytes[start, end)`. */
  update(bytes: Uint8Array, start: number, end: number): void {
    const withdrawnStart = start + 2;
    const attributesStart = withdrawnStart + uint16At(bytes, start) + 2;
    const nlriStart = attributesStart + uint16At(bytes, attributesStart - 2);
    this.#withdraw(bytes, withdrawnStart, attributesStart - 2);
    let key = "";
    let from = attributesStart;
    let mp: { nextHop: string; start: number; end: number } | undefined;
    for (let at = attributesStart; at < nlriStart; ) {
      const isLong = ((bytes[at] as number) & extendedLengthFlag) !== 0;
      const value = at + (isLong ? 4 : 3);
      const next = value + (isLong ? uint16At(bytes, at + 2) : (bytes[at + 2] as number));
      const type = bytes[at + 1];
      if (type === mpReach || type === mpUnreach) {
        key += latin1(bytes, from, at);
        from = next;
        const isOurs = this.#isFamily(bytes, value);
        if (isOurs && type === mpUnreach) this.#withdraw(bytes, value + 3, next);
        if (isOurs && type === mpReach) mp = mpReachAt(bytes, value, next);
      }
      at = next;
    }
    key += latin1(bytes, from, nlriStart);
    if (mp !== undefined) this.#announce(mp.nextHop, key, bytes, mp.start, mp.end);
    if (nlriStart < end) this.#announce("", key, bytes, nlriStart, end);
  }

  #isFamily(bytes: Uint8Array, at: number): boolean {
    const family = addressFamilyOf(uint16At(bytes, at), bytes[at + 2] as number);
    return family === this.#expectation.family;
  }

  #announce(nextHop: string, key: string, bytes: Uint8Array, start: number, end: number): void {
    const { reader, classOf } = this.#expectation;
    const given = this.#classOfBlock(nextHop, key);
    for (let at = start; at < end; at += reader.lengthAt(bytes, at)) {
      const index = reader.indexAt(bytes, at, false);
      const want = index < 0 ? wants.no : this.#wanted[index];
      if (want === wants.no) this.#strange(bytes, at, end);
      else this.#set(index, given === classOf[index] ? states.right : states.wrong);
    }
  }

  #withdraw(bytes: Uint8Array, start: number, end: number): void {
    const { reader } = this.#expectation;
    for (let at = start; at < end; at += reader.lengthAt(bytes, at)) {
      const index = reader.indexAt(bytes, at, true);
      if (index >= 0) this.#set(index, states.absent);
    }
  }

  #set(index: number, after: number): void {
    const before = this.#states[index] as number;
    this.#states[index] = after;
    if (before === after || this.#wanted[index] !== wants.yes) return;
    this.#presentCount += Math.sign(after) - Math.sign(before);
    if (after === states.right) this.#rightCount += 1;
    else if (before === states.right) this.#rightCount -= 1;
  }

  #classOfBlock(nextHop: string, key: string): number {
    const { blocks, classes } = this.#expectation;
    const name = `${nextHop.length}${nextHop}${key}`;
    const known = blocks.get(name);
    if (known !== undefined) return known;
    const text = describeBlock(Buffer.from(key, "latin1"), Buffer.from(nextHop, "latin1"));
    const found = classes.get(text);
    // With several senders, paths that are not the best may come and go.
    if (found === undefined && this.#example === "") this.#example = text;
    blocks.set(name, found ?? -1);
    return found ?? -1;
  }

  #strange(bytes: Uint8Array, at: number, end: number): void {
    this.#strangeCount += 1;
    const stop = Math.min(end, at + 40);
    if (this.#strangeCount === 1) this.#example = `NLRI ${bytes.slice(at, stop).toHex()}`;
  }
}

/** `value` is the offset of the attribute's value. */
function mpReachAt(
  bytes: Uint8Array,
  value: number,
  end: number,
): { nextHop: string; start: number; end: number } {
  const nextHopStart = value + 4;
  const nextHopEnd = nextHopStart + (bytes[value + 3] as number);
  return { nextHop: latin1(bytes, nextHopStart, nextHopEnd), start: nextHopEnd + 1, end };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return "";
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

function uint16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
