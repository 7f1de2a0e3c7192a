/** The table of RFC 7606 7 and of the RFCs that follow it: per attribute, what is wrong with it. */
import type { AddressFamily } from "../../src/packet/address-family.ts";

/** A session as far as it changes what is right and wrong. */
export interface OracleSession {
  readonly external: boolean;
  readonly fourOctetAs: boolean;
  readonly families: readonly AddressFamily[];
  /** Families with path identifiers from the peer (RFC 7911). */
  readonly addPath: readonly AddressFamily[];
  /** IPv4 families with IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: readonly AddressFamily[];
  /** Must be the first AS of the path, where it is checked (RFC 4271 6.3). */
  readonly firstAsn: number | undefined;
}

export interface AttributeRule {
  /** Optional and Transitive bits. */
  readonly flags: number;
  readonly onMalformed: "discard" | "withdraw";
  /** Why the value is malformed. */
  readonly problem: (value: Uint8Array, session: OracleSession) => string | undefined;
  /** Dropped whatever it holds. */
  readonly isDiscarded?: (session: OracleSession) => boolean;
}

const wellKnown = 0x40;
const optionalTransitive = 0xc0;
const optionalNonTransitive = 0x80;

function exactly(length: number): AttributeRule["problem"] {
  return (value) => (value.length === length ? undefined : `length ${value.length}`);
}

function multipleOf(unit: number): AttributeRule["problem"] {
  return (value) =>
    value.length > 0 && value.length % unit === 0 ? undefined : `length ${value.length}`;
}

const isExternal = (session: OracleSession): boolean => session.external;
const speaksFourOctets = (session: OracleSession): boolean => session.fourOctetAs;

/**
 * By type code. What is not listed is not recognized; of what is `unsettled` the value has parts of
 * its own with rules that are not repeated here, and no flaw of it may reset a session.
 */
export const attributeRules: Readonly<Record<number, AttributeRule | "unsettled">> = {
  // ORIGIN, RFC 7606 7.1.
  1: {
    flags: wellKnown,
    onMalformed: "withdraw",
    problem: (value) => (value.length === 1 && (value[0] as number) <= 2 ? undefined : "value"),
  },
  // AS_PATH, RFC 7606 7.2.
  2: {
    flags: wellKnown,
    onMalformed: "withdraw",
    problem: (value, session) => {
      const path = readPath(value, session.fourOctetAs ? 4 : 2);
      if (typeof path === "string") return path;
      if (session.external && path.some(({ type }) => type > 2)) return "confederation segments";
      return hasFirstAsn(path, session) ? undefined : "first AS";
    },
  },
  // NEXT_HOP, RFC 7606 7.3.
  3: {
    flags: wellKnown,
    onMalformed: "withdraw",
    problem: (value) => (value.length === 4 && isHostAddress(value) ? undefined : "address"),
  },
  // MULTI_EXIT_DISC, RFC 7606 7.4.
  4: { flags: optionalNonTransitive, onMalformed: "withdraw", problem: exactly(4) },
  // LOCAL_PREF, RFC 7606 7.5.
  5: {
    flags: wellKnown,
    onMalformed: "withdraw",
    problem: exactly(4),
    isDiscarded: isExternal,
  },
  // ATOMIC_AGGREGATE, RFC 7606 7.6.
  6: { flags: wellKnown, onMalformed: "discard", problem: exactly(0) },
  // AGGREGATOR, RFC 7606 7.7, RFC 7607.
  7: {
    flags: optionalTransitive,
    onMalformed: "discard",
    problem: (value, { fourOctetAs }) => aggregatorProblem(value, fourOctetAs ? 4 : 2),
  },
  // COMMUNITIES, RFC 7606 7.8.
  8: { flags: optionalTransitive, onMalformed: "withdraw", problem: multipleOf(4) },
  // ORIGINATOR_ID, RFC 7606 7.9.
  9: {
    flags: optionalNonTransitive,
    onMalformed: "withdraw",
    problem: exactly(4),
    isDiscarded: isExternal,
  },
  // CLUSTER_LIST, RFC 7606 7.10.
  10: {
    flags: optionalNonTransitive,
    onMalformed: "withdraw",
    problem: multipleOf(4),
    isDiscarded: isExternal,
  },
  // Extended communities, RFC 7606 7.14.
  16: { flags: optionalTransitive, onMalformed: "withdraw", problem: multipleOf(8) },
  // AS4_PATH, RFC 6793 6.
  17: {
    flags: optionalTransitive,
    onMalformed: "discard",
    problem: (value) => {
      const path = readPath(value, 4);
      return typeof path === "string" ? path : undefined;
    },
    isDiscarded: speaksFourOctets,
  },
  // AS4_AGGREGATOR, RFC 6793 6.
  18: {
    flags: optionalTransitive,
    onMalformed: "discard",
    problem: (value) => aggregatorProblem(value, 4),
    isDiscarded: speaksFourOctets,
  },
  // PMSI_TUNNEL, RFC 6514 5, and Tunnel Encapsulation, RFC 9012 13.
  22: "unsettled",
  23: "unsettled",
  // IPv6 address specific extended communities, RFC 7606 7.15.
  25: { flags: optionalTransitive, onMalformed: "withdraw", problem: multipleOf(20) },
  // AIGP, RFC 7311 3.3: not enabled.
  26: {
    flags: optionalNonTransitive,
    onMalformed: "discard",
    problem: () => undefined,
    isDiscarded: () => true,
  },
  // LARGE_COMMUNITY, RFC 8092 6.
  32: { flags: optionalTransitive, onMalformed: "withdraw", problem: multipleOf(12) },
  // Only to Customer, RFC 9234 5.
  35: { flags: optionalTransitive, onMalformed: "withdraw", problem: exactly(4) },
};

interface Segment {
  readonly type: number;
  readonly asns: readonly number[];
}

function readPath(value: Uint8Array, asnLength: number): Segment[] | string {
  const path: Segment[] = [];
  for (let at = 0; at < value.length; ) {
    if (at + 2 > value.length) return "a segment is cut short";
    const type = value[at] as number;
    const count = value[at + 1] as number;
    const end = at + 2 + count * asnLength;
    if (type < 1 || type > 4 || count === 0 || end > value.length) return "a segment";
    const asns: number[] = [];
    for (let asnAt = at + 2; asnAt < end; asnAt += asnLength) {
      const octets = value.subarray(asnAt, asnAt + asnLength);
      asns.push(octets.reduce((sum, octet) => sum * 256 + octet, 0));
    }
    if (asns.includes(0)) return "AS 0";
    path.push({ type, asns });
    at = end;
  }
  return path;
}

/** An AS number that two octets do not hold is AS_TRANS there (RFC 6793 4.2.2). */
function hasFirstAsn(path: readonly Segment[], session: OracleSession): boolean {
  const { firstAsn, external, fourOctetAs } = session;
  if (!external || firstAsn === undefined) return true;
  const first = path[0];
  const want = !fourOctetAs && firstAsn > 0xffff ? 23456 : firstAsn;
  return first?.type === 2 && first.asns[0] === want;
}

function aggregatorProblem(value: Uint8Array, asnLength: number): string | undefined {
  if (value.length !== asnLength + 4) return `length ${value.length}`;
  return value.subarray(0, asnLength).every((octet) => octet === 0) ? "AS 0" : undefined;
}

/** RFC 4271 6.3 and RFC 4291: neither unspecified, loopback, multicast nor of class E. */
export function isHostAddress(address: Uint8Array): boolean {
  const first = address[0] as number;
  if (address.length === 4) return first !== 0 && first !== 127 && first < 224;
  const isLow = address.subarray(0, 15).every((octet) => octet === 0);
  return first !== 0xff && !(isLow && (address[15] as number) <= 1);
}
