/**
 * AS_PATH (RFC 4271 4.3 b, 5.1.2), confederation segments (RFC 5065 3) and the joining of AS_PATH
 * and AS4_PATH of a peer without four-octet AS numbers (RFC 6793 4.2.3).
 *
 *      segment type (1) | number of ASes (1) | AS numbers (2 or 4 octets each)
 */
import type { Writer } from "@heddle/codec";
import type { Asn } from "@heddle/inet";
import { asTrans, segmentTypes } from "./iana.ts";
import type { AsPathSegment } from "./path-attributes.ts";

/** Most ASes of one segment: its count is one octet. */
export const segmentAsnCountMax = 255;

const segmentNames: Readonly<Record<number, AsPathSegment["type"]>> = {
  [segmentTypes.set]: "set",
  [segmentTypes.sequence]: "sequence",
  [segmentTypes.confedSequence]: "confed-sequence",
  [segmentTypes.confedSet]: "confed-set",
};

const segmentCodes: Readonly<Record<AsPathSegment["type"], number>> = {
  set: segmentTypes.set,
  sequence: segmentTypes.sequence,
  "confed-sequence": segmentTypes.confedSequence,
  "confed-set": segmentTypes.confedSet,
};

/**
 * Returns the segments, or a text that says why `value` is malformed: an unknown or empty segment,
 * one that overruns (RFC 7606 7.2), or AS 0 (RFC 7607).
 */
export function decodeAsPath(value: Uint8Array, asnLength: 2 | 4): AsPathSegment[] | string {
  const segments: AsPathSegment[] = [];
  for (let at = 0; at < value.length; ) {
    if (value.length - at < 2) return "one octet is left after its segments";
    const code = value[at]!;
    const type = segmentNames[code];
    const count = value[at + 1]!;
    if (type === undefined) return `segment type ${code}`;
    if (count === 0) return "a segment is empty";
    at += 2;
    if (value.length - at < count * asnLength) return `a segment of ${count} ASes overruns it`;
    const asns = new Array<Asn>(count);
    for (let i = 0; i < count; i += 1) {
      const asn = asnAt(value, at, asnLength);
      if (asn === 0) return "it contains AS 0";
      asns[i] = asn as Asn;
      at += asnLength;
    }
    segments.push({ type, asns });
  }
  return segments;
}

function asnAt(value: Uint8Array, at: number, length: 2 | 4): number {
  const first = (value[at]! << 8) | value[at + 1]!;
  return length === 2 ? first : first * 0x10000 + ((value[at + 2]! << 8) | value[at + 3]!);
}

/**
 * Writes the value of the attribute; segments longer than 255 are split (RFC 4271 9.2.2.1 keeps
 * their order).
 */
export function encodeAsPath(w: Writer, path: readonly AsPathSegment[], asnLength: 2 | 4): void {
  for (const segment of path) {
    for (let at = 0; at < segment.asns.length; at += segmentAsnCountMax) {
      const part = segment.asns.slice(at, at + segmentAsnCountMax);
      w.u8(segmentCodes[segment.type]).u8(part.length);
      for (const asn of part) {
        if (asnLength === 4) w.u32(asn);
        else w.u16(asn > 0xffff ? asTrans : asn);
      }
    }
  }
}

/**
 * Length of the path for the decision process: a set counts 1, confederation segments 0 (RFC 5065
 * 5.3).
 */
export function asPathLength(path: readonly AsPathSegment[]): number {
  let length = 0;
  for (const segment of path) {
    if (segment.type === "sequence") length += segment.asns.length;
    else if (segment.type === "set") length += 1;
  }
  return length;
}

/**
 * The AS that sent the route: the first of the leftmost sequence; undefined for an empty path or a
 * set.
 */
export function firstAsnOf(path: readonly AsPathSegment[]): Asn | undefined {
  const first = path.find((s) => s.type === "sequence" || s.type === "set");
  return first?.type === "sequence" ? first.asns[0] : undefined;
}

/** `asn` in front of the path, `count` times. */
export function prependAsn(
  path: readonly AsPathSegment[],
  asn: Asn,
  count = 1,
): readonly AsPathSegment[] {
  const prefix = new Array<Asn>(count).fill(asn);
  const head = path[0];
  if (head?.type !== "sequence") return [{ type: "sequence", asns: prefix }, ...path];
  const first: AsPathSegment = { type: "sequence", asns: prefix.concat(head.asns) };
  return path.length === 1 ? [first] : [first, ...path.slice(1)];
}

/**
 * `memberAsn` in front of the path in a confederation sequence: what a speaker sends to a peer in
 * another member AS (RFC 5065 4.1 b).
 */
export function prependConfederationAsn(
  path: readonly AsPathSegment[],
  memberAsn: Asn,
): readonly AsPathSegment[] {
  const [head, ...rest] = path;
  return head?.type === "confed-sequence"
    ? [{ type: "confed-sequence", asns: [memberAsn, ...head.asns] }, ...rest]
    : [{ type: "confed-sequence", asns: [memberAsn] }, ...path];
}

/** The path as it leaves the confederation: without its segments (RFC 5065 4.1 c). */
export function withoutConfederation(path: readonly AsPathSegment[]): readonly AsPathSegment[] {
  return path.every(isOutside) ? path : path.filter(isOutside);
}

function isOutside({ type }: AsPathSegment): boolean {
  return type === "sequence" || type === "set";
}

/**
 * True when a number of the path does not fit two octets, so that AS4_PATH is needed for an old
 * peer.
 */
export function needsFourOctets(path: readonly AsPathSegment[]): boolean {
  return path.some((segment) => segment.asns.some((asn) => asn > 0xffff));
}

/**
 * RFC 6793 4.2.3: the leading ASes of `asPath` that `as4Path` lacks, then `as4Path`. An AS4_PATH
 * that is longer than AS_PATH is ignored, as are confederation segments in it.
 */
export function mergeAs4Path(
  asPath: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  const tail = withoutConfederation(as4Path);
  let missing = asPathLength(asPath) - asPathLength(tail);
  if (missing < 0) return asPath;
  const head: AsPathSegment[] = [];
  for (const segment of asPath) {
    const isConfed = segment.type === "confed-sequence" || segment.type === "confed-set";
    if (!isConfed && missing === 0) break;
    head.push(segment.type === "sequence" ? firstAsns(segment, missing) : segment);
    if (segment.type === "sequence") missing -= Math.min(missing, segment.asns.length);
    else if (segment.type === "set") missing -= 1;
  }
  return joinSequences([...head, ...tail]);
}

function firstAsns(segment: AsPathSegment, count: number): AsPathSegment {
  return { type: segment.type, asns: segment.asns.slice(0, count) };
}

function joinSequences(path: readonly AsPathSegment[]): readonly AsPathSegment[] {
  const joined: AsPathSegment[] = [];
  for (const segment of path) {
    const last = joined.at(-1);
    if (last?.type === "sequence" && segment.type === "sequence") {
      joined[joined.length - 1] = { type: "sequence", asns: [...last.asns, ...segment.asns] };
    } else {
      joined.push(segment);
    }
  }
  return joined;
}
