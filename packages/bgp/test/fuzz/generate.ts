/**
 * Cases out of a seed: UPDATEs that are valid for their session, and what goes wrong with them, in
 * their structure (lengths, flags, types, duplicates, order, parts of other messages) and in their
 * bytes.
 */
import type { AddressFamily } from "../../src/packet/address-family.ts";
import { addressFamilies } from "../../src/packet/address-family.ts";
import type { Draw } from "./draw.ts";
import { generateRoute } from "./generate-nlri.ts";
import type { OracleSession } from "./oracle.ts";
import { attributeRules } from "./oracle-attributes.ts";
import {
  concat,
  extendedLengthFlag,
  message,
  type RawAttribute,
  type RawUpdate,
  u16,
  u32,
  updateBody,
} from "./wire.ts";

const updateType = 2;
const mpReach = 14;
const mpUnreach = 15;

/** One whole message for the session; of `harsh` ones most have something wrong. */
export function generateMessage(session: OracleSession, draw: Draw, harsh: boolean): Uint8Array {
  if (draw.oneIn(40)) return otherMessage(session, draw);
  const update = generateUpdate(session, draw);
  if (harsh ? !draw.oneIn(6) : draw.oneIn(3)) mutateUpdate(update, session, draw);
  const body = updateBody(update);
  return mutateBytes(message(updateType, body), harsh ? 3 : 10, draw);
}

/** Keepalives, refreshes, and now and then what ends a session. */
function otherMessage(session: OracleSession, draw: Draw): Uint8Array {
  const none = new Uint8Array(0);
  switch (draw.below(12)) {
    case 0:
      return message(3, Uint8Array.from([6, 4, ...draw.bytes(draw.below(4))]));
    case 1:
      return message(draw.pick([0, 1, 6, 255]), Uint8Array.from(draw.bytes(draw.below(12))));
    case 2:
      return message(5, Uint8Array.from(draw.bytes(draw.pick([3, 5]))));
    case 3:
    case 4:
    case 5: {
      const { afi, safi } = addressFamilies[draw.pick(session.families)];
      return message(5, Uint8Array.from([...u16(afi), draw.pick([0, 0, 0, 3]), safi]));
    }
    default:
      return message(4, none);
  }
}

export function generateUpdate(session: OracleSession, draw: Draw): RawUpdate {
  const update: RawUpdate = {
    withdrawn: new Uint8Array(0),
    attributes: [],
    nlri: new Uint8Array(0),
  };
  const { families } = session;
  const announces = !draw.oneIn(4);
  if (announces) update.attributes.push(...generateAttributes(session, draw));
  if (families.includes("ipv4-unicast")) {
    if (announces && draw.oneIn(2)) update.nlri = field("ipv4-unicast", session, draw, false);
    if (draw.oneIn(5)) update.withdrawn = field("ipv4-unicast", session, draw, true);
  }
  const others = families.filter((family) => family !== "ipv4-unicast");
  if (others.length === 0) return update;
  if (announces && (update.nlri.length === 0 || draw.oneIn(6))) {
    update.attributes.splice(draw.below(2), 0, reach(draw.pick(others), session, draw));
  }
  if (draw.oneIn(announces ? 6 : 2)) {
    const family = draw.pick(others);
    const { afi, safi } = addressFamilies[family];
    const routes = draw.oneIn(6) ? [] : field(family, session, draw, true);
    const value = concat([u16(afi), [safi], routes]);
    update.attributes.push({ flags: 0x80, type: mpUnreach, value });
  }
  return update;
}

/** A field of a few routes. */
function field(
  family: AddressFamily,
  session: OracleSession,
  draw: Draw,
  withdrawn: boolean,
): Uint8Array {
  const addPath = session.addPath.includes(family);
  return concat(
    draw.list(1, 8, () =>
      concat([addPath ? u32(draw.below(3)) : [], generateRoute(family, draw, withdrawn)]),
    ),
  );
}

const hops4 = [
  [192, 0, 2, 1],
  [192, 0, 2, 2],
];
const hops6 = [
  [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1],
  [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 2],
];
const linkLocal = [0xfe, 0x80, ...new Array<number>(13).fill(0), 1];
const noRd = new Array<number>(8).fill(0);

function reach(family: AddressFamily, session: OracleSession, draw: Draw): RawAttribute {
  const { afi, safi } = addressFamilies[family];
  const hop = nextHop(family, session, draw);
  const routes = field(family, session, draw, false);
  const value = concat([u16(afi), [safi, hop.length], hop, [0], routes]);
  return { flags: 0x80, type: mpReach, value };
}

function nextHop(family: AddressFamily, session: OracleSession, draw: Draw): number[] {
  const six = draw.pick(hops6);
  const wide = draw.oneIn(3) ? [...six, ...linkLocal] : six;
  switch (family) {
    case "ipv4-unicast":
      return session.extendedNextHop.includes(family) ? wide : draw.pick(hops4);
    case "ipv6-unicast":
      return wide;
    case "ipv4-vpn":
      return [...noRd, ...draw.pick(session.extendedNextHop.includes(family) ? hops6 : hops4)];
    case "ipv6-vpn":
      return [...noRd, ...six];
    case "evpn":
    case "route-target":
      return draw.pick([...hops4, ...hops6]);
    case "ipv4-flowspec":
    case "ipv6-flowspec":
      return [];
  }
}

/** Few different ones, so that blocks come again; in any order that RFC 4271 5 allows: all. */
function generateAttributes(session: OracleSession, draw: Draw): RawAttribute[] {
  const attributes: RawAttribute[] = [
    { flags: 0x40, type: 1, value: Uint8Array.of(draw.pick([0, 0, 0, 1, 2])) },
    { flags: 0x40, type: 2, value: path(session, draw) },
    { flags: 0x40, type: 3, value: Uint8Array.from(draw.pick(hops4)) },
  ];
  for (const [type, make] of optionalValues) {
    if (!draw.oneIn(5)) continue;
    const rule = attributeRules[type];
    const flags = rule === undefined || rule === "unsettled" ? 0xc0 : rule.flags;
    attributes.push({ flags, type, value: Uint8Array.from(make(session, draw)) });
  }
  if (draw.oneIn(8)) attributes.reverse();
  return attributes;
}

function path(session: OracleSession, draw: Draw): Uint8Array {
  const asnOf = (asn: number): number[] =>
    session.fourOctetAs ? u32(asn) : u16(asn > 0xffff ? 23456 : asn);
  const sequence = draw.list(0, 3, () => draw.pick([65010, 65011, 65000, 4200000001]));
  if (session.external && session.firstAsn !== undefined) sequence.unshift(session.firstAsn);
  const segments: number[][] = [];
  if (sequence.length > 0) segments.push([2, sequence.length, ...sequence.flatMap(asnOf)]);
  if (draw.oneIn(6)) segments.push([1, 2, ...asnOf(65020), ...asnOf(65021)]);
  return concat(segments);
}

type MakeValue = (session: OracleSession, draw: Draw) => readonly number[];

/** Optional attributes by type code; those without a rule are ones that nobody knows. */
const optionalValues: readonly (readonly [number, MakeValue])[] = [
  [4, (_s, draw) => u32(draw.pick([0, 10]))],
  [5, (_s, draw) => u32(draw.pick([100, 200]))],
  [6, () => []],
  [7, ({ fourOctetAs }) => [...(fourOctetAs ? u32(65010) : u16(65010)), 10, 0, 0, 1]],
  [8, (_s, draw) => draw.list(1, 3, () => u32(draw.pick([0xfde90001, 0xffffff01, 7]))).flat()],
  [9, (_s, draw) => [10, 255, 0, draw.below(3)]],
  [10, (_s, draw) => draw.list(1, 2, () => [10, 255, 0, draw.below(3)]).flat()],
  [16, (_s, draw) => draw.list(1, 2, () => [0, 2, 0xfd, 0xe9, 0, 0, 0, draw.below(4)]).flat()],
  [17, (_s, draw) => [2, 1, ...u32(draw.pick([65010, 4200000001]))]],
  [18, () => [...u32(4200000001), 10, 0, 0, 1]],
  [22, (_s, draw) => [0, 6, 0, 1, 0, 10, 0, 0, 1 + draw.below(2)]],
  [23, (_s, draw) => [0, 8, 0, 4, 4, 2, 0, draw.below(3)]],
  [25, (_s, draw) => [0, 2, ...draw.pick(hops6), 0, draw.below(3)]],
  [26, () => [1, 0, 11, ...new Array<number>(8).fill(1)]],
  [32, (_s, draw) => draw.list(1, 2, () => [...u32(65010), ...u32(1), ...u32(2)]).flat()],
  [35, (_s, draw) => u32(draw.pick([65001, 65010]))],
  [99, (_s, draw) => draw.bytes(draw.below(5))],
];

/** One to three things go wrong. */
function mutateUpdate(update: RawUpdate, session: OracleSession, draw: Draw): void {
  for (let count = draw.pick([1, 1, 1, 2, 3]); count > 0; count -= 1) {
    draw.pick(structureMutations)(update, session, draw);
  }
}

type Mutation = (update: RawUpdate, session: OracleSession, draw: Draw) => void;

/** Changes one attribute; nothing where there is none. */
function onAttribute(change: (attribute: RawAttribute, draw: Draw) => void): Mutation {
  return (update, _session, draw) => {
    if (update.attributes.length > 0) change(draw.pick(update.attributes), draw);
  };
}

function onPath(change: (value: Uint8Array, draw: Draw) => void): Mutation {
  return (update, _session, draw) => {
    const path = update.attributes.find(({ type }) => type === 2);
    if (path !== undefined && path.value.length > 0) change(path.value, draw);
  };
}

/** Changes octets of one of the fields that hold routes, behind AFI, SAFI and next hop. */
function onRoutes(change: (bytes: Uint8Array, draw: Draw) => void): Mutation {
  return ({ withdrawn, attributes, nlri }, _session, draw) => {
    const fields = [withdrawn, nlri];
    for (const { type, value } of attributes) {
      if (type === mpReach) fields.push(value.subarray(5 + (value[3] as number)));
      if (type === mpUnreach) fields.push(value.subarray(3));
    }
    const filled = fields.filter(({ length }) => length > 0);
    if (filled.length > 0) change(draw.pick(filled), draw);
  };
}

const structureMutations: readonly Mutation[] = [
  onAttribute((attribute, draw) => {
    attribute.flags ^= draw.pick([0x80, 0x40, 0xc0, 0x20, extendedLengthFlag, 0x0f]);
  }),
  onAttribute((attribute, draw) => {
    attribute.type = draw.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 16, 21, 32, 99, 255]);
  }),
  onAttribute((attribute, draw) => {
    attribute.value = attribute.value.slice(0, draw.below(attribute.value.length + 1));
  }),
  onAttribute((attribute, draw) => {
    attribute.value = concat([attribute.value, draw.bytes(1 + draw.below(4))]);
  }),
  onAttribute((attribute, draw) => {
    if (attribute.value.length > 0) {
      attribute.value[draw.below(attribute.value.length)] = draw.below(256);
    }
  }),
  // AS 0, address 0.0.0.0.
  onAttribute(({ value }, draw) => {
    const at = draw.pick([0, 2, draw.below(value.length + 1)]);
    value.fill(0, at, at + draw.pick([2, 4]));
  }),
  onPath((value, draw) => {
    const asnAt = 2 + 2 * draw.below(value.length / 2);
    value.fill(0, asnAt, asnAt + 4);
  }),
  onPath((value, draw) => {
    // Segment type, and number of ASes.
    value[0] = draw.pick([0, 1, 2, 3, 4, 5]);
    if (draw.oneIn(2)) value[1] = draw.pick([0, 1, 2, 255]);
  }),
  (update, _session, draw) => {
    // An empty segment behind the others.
    const path = update.attributes.find(({ type }) => type === 2);
    if (path !== undefined) path.value = concat([path.value, [draw.pick([1, 2]), 0]]);
  },
  onRoutes((bytes, draw) => {
    const at = draw.below(bytes.length);
    bytes[at] = draw.pick([draw.below(256), (bytes[at] as number) ^ (1 << draw.below(8))]);
  }),
  onRoutes((bytes, draw) => {
    const [from, to] = [draw.below(bytes.length), draw.below(bytes.length)];
    bytes.copyWithin(to, from, from + 1 + draw.below(8));
  }),
  // Well-known values in the wrong place: 0, all ones, the largest count.
  onAttribute((attribute, draw) => {
    attribute.value = attribute.value.map(() => draw.pick([0, 0xff, 1]));
  }),
  (update, _session, draw) => {
    update.attributes.splice(draw.below(update.attributes.length + 1), 1);
  },
  (update, _session, draw) => {
    const { attributes } = update;
    if (attributes.length === 0) return;
    const copy = draw.pick(attributes);
    attributes.splice(draw.below(attributes.length + 1), 0, { ...copy, value: copy.value.slice() });
  },
  (update, _session, draw) => {
    update.attributes.sort(() => draw.pick([-1, 1]));
  },
  (update, session, draw) => {
    const other = generateUpdate(session, draw);
    update.attributes.push(...other.attributes);
  },
  (update, session, draw) => {
    const other = generateUpdate(session, draw);
    if (draw.oneIn(2)) update.nlri = other.nlri;
    else update.withdrawn = other.withdrawn;
  },
  (update, _session, draw) => {
    update.nlri = cutOrGrow(update.nlri, draw);
  },
  (update, _session, draw) => {
    update.withdrawn = cutOrGrow(update.withdrawn, draw);
  },
  (update, session, draw) => {
    update.attributes.push(reach(draw.pick(session.families), session, draw));
  },
];

function cutOrGrow(bytes: Uint8Array, draw: Draw): Uint8Array {
  return draw.oneIn(2)
    ? bytes.slice(0, draw.below(bytes.length + 1))
    : concat([bytes, draw.bytes(1 + draw.below(3))]);
}

/** Once in `n` times, blindly; more often behind the header than in it. */
function mutateBytes(whole: Uint8Array, n: number, draw: Draw): Uint8Array {
  if (!draw.oneIn(n)) return whole;
  const from = draw.oneIn(12) ? 0 : 19;
  const at = from + draw.below(Math.max(1, whole.length - from));
  switch (draw.below(4)) {
    case 0:
      whole[at] = (whole[at] as number) ^ (1 << draw.below(8));
      return whole;
    case 1:
      whole[at] = draw.below(256);
      return whole;
    case 2: {
      const body = concat([whole.subarray(19, at), whole.subarray(at + 1 + draw.below(3))]);
      return message(updateType, body);
    }
    default: {
      const body = concat([
        whole.subarray(19, at),
        draw.bytes(1 + draw.below(3)),
        whole.subarray(at),
      ]);
      return message(updateType, body);
    }
  }
}
