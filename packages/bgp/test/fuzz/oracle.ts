/**
 * What RFC 7606 wants done with an UPDATE, worked out from the RFCs' text alone: an independent
 * second opinion on the decoder. It does not interpret attributes; of a message it keeps the routes
 * and the attributes that survive, from which the same table can be built by clean messages.
 *
 * Where the RFCs leave a choice, it is made here in words:
 * - RFC 7606 7.3 holds for a malformed NEXT_HOP also where RFC 4760 3 has it ignored, because the
 *   routes are in MP_REACH_NLRI.
 * - RFC 7606 7.5, 7.9, 7.10: what is discarded on external sessions is discarded before its flags
 *   or its value are looked at; likewise RFC 6793 6 for AS4_PATH and AS4_AGGREGATOR.
 * - An attribute that would need a reset, in a message that announces nothing, may be passed over.
 * - What is wrong with MP_REACH_NLRI concerns the routes in it, and not those of the NLRI field.
 */
import type { AddressFamily } from "../../src/packet/address-family.ts";
import { attributeRules, isHostAddress, type OracleSession } from "./oracle-attributes.ts";
import { type OracleRoute, readRoutes } from "./oracle-nlri.ts";
import { concat, type RawAttribute, u16, updateBody } from "./wire.ts";

export type { OracleSession } from "./oracle-attributes.ts";

export interface Judgement {
  /** Whether the session has to be reset, or may be. */
  readonly reset: "must" | "may" | "no";
  readonly why: string;
  /** In the order in which they take effect. */
  readonly changes: readonly OracleChange[];
}

export interface OracleChange {
  readonly route: OracleRoute;
  /**
   * Builds the body of an UPDATE that announces the route with the attributes that survived;
   * `withdrawn`, also for treat-as-withdraw; `unsettled` where the RFCs leave open which it is.
   */
  readonly outcome: (() => Uint8Array) | "withdrawn" | "unsettled";
}

const mpReach = 14;
const mpUnreach = 15;

const familyOfCodes: Readonly<Record<string, AddressFamily>> = {
  "1/1": "ipv4-unicast",
  "2/1": "ipv6-unicast",
  "1/128": "ipv4-vpn",
  "2/128": "ipv6-vpn",
  "25/70": "evpn",
  "1/132": "route-target",
  "1/133": "ipv4-flowspec",
  "2/133": "ipv6-flowspec",
};

class Reset extends Error {}

/** Judges the body of an UPDATE. */
export function judgeUpdate(body: Uint8Array, session: OracleSession): Judgement {
  try {
    return judge(body, session);
  } catch (error) {
    if (!(error instanceof Reset)) throw error;
    return { reset: "must", why: error.message, changes: [] };
  }
}

function judge(body: Uint8Array, session: OracleSession): Judgement {
  const { withdrawnField, block, nlriField } = split(body);
  const { attributes, overruns } = readBlock(block);
  const reach = onlyOne(attributes, mpReach, "MP_REACH_NLRI");
  const unreach = onlyOne(attributes, mpUnreach, "MP_UNREACH_NLRI");
  // Its structure is checked whether or not its family was negotiated.
  if (reach !== undefined) splitReach(reach.value);
  if (unreach !== undefined && unreach.value.length < 3) throw new Reset("MP_UNREACH_NLRI");
  const changes: OracleChange[] = [];
  const whys: string[] = [];
  const withdraw = (routes: readonly OracleRoute[]): void => {
    changes.push(...routes.map((route) => ({ route, outcome: "withdrawn" as const })));
  };
  withdraw(routesOf("ipv4-unicast", withdrawnField, true, session));
  if (unreach !== undefined) {
    withdraw(routesOf(familyAt(unreach.value), unreach.value.subarray(3), true, session));
  }
  const others = attributes.filter(({ type }) => type !== mpReach && type !== mpUnreach);
  const take = (announced: Announced): void => {
    if (announced.routes.length === 0) return;
    const verdict = judgeAttributes(others, overruns, announced.mandatory, session);
    const why = announced.flaw ?? verdict.withdraw;
    if (why !== undefined) whys.push(why);
    for (const route of announced.routes) {
      const body = (): Uint8Array => announced.build(route, verdict.survivors);
      const outcome = verdict.isUnsettled ? "unsettled" : why === undefined ? body : "withdrawn";
      changes.push({ route, outcome });
    }
  };
  const plain = routesOf("ipv4-unicast", nlriField, false, session);
  const reached = reach === undefined ? undefined : readReach(reach, session);
  take({ routes: plain, mandatory: [1, 2, 3], flaw: undefined, build: plainBody });
  if (reached !== undefined) take(reached);
  const isDecoded = plain.length > 0 || (reached?.routes.length ?? 0) > 0;
  const strange = isDecoded ? undefined : others.find(isStrangeWellKnown);
  return {
    reset: strange === undefined ? "no" : "may",
    why: strange === undefined ? whys.join("; ") : "unrecognized well-known attribute",
    changes,
  };
}

/** Routes that a message announces in one of its two fields. */
interface Announced {
  readonly routes: readonly OracleRoute[];
  /** Attributes that must be there. */
  readonly mandatory: readonly number[];
  /** What is wrong with the field's own attribute. */
  readonly flaw: string | undefined;
  readonly build: (route: OracleRoute, survivors: readonly RawAttribute[]) => Uint8Array;
}

function readReach(reach: RawAttribute, session: OracleSession): Announced {
  const { family, hop, nlri } = splitReach(reach.value);
  const routes = routesOf(family, nlri, false, session);
  if (routes.length > 0) checkHopLength(family, hop, session);
  const head = reach.value.subarray(0, 5 + hop.length);
  return {
    routes,
    mandatory: [1, 2],
    flaw: hopProblem(reach, family, hop),
    build: (route, survivors) => reachBody(head, route, survivors),
  };
}

/** RFC 7606 3 a, RFC 4271 6.3. */
function split(body: Uint8Array): {
  withdrawnField: Uint8Array;
  block: Uint8Array;
  nlriField: Uint8Array;
} {
  const conflict = "lengths";
  if (body.length < 4) throw new Reset(conflict);
  const withdrawnEnd = 2 + ((body[0] as number) << 8) + (body[1] as number);
  if (withdrawnEnd + 2 > body.length) throw new Reset(conflict);
  const blockLength = ((body[withdrawnEnd] as number) << 8) + (body[withdrawnEnd + 1] as number);
  const blockEnd = withdrawnEnd + 2 + blockLength;
  if (blockEnd > body.length) throw new Reset(conflict);
  return {
    withdrawnField: body.subarray(2, withdrawnEnd),
    block: body.subarray(withdrawnEnd + 2, blockEnd),
    nlriField: body.subarray(blockEnd),
  };
}

/** RFC 7606 4: what overruns the block makes a withdrawal, or a reset when it holds routes. */
function readBlock(block: Uint8Array): { attributes: RawAttribute[]; overruns: boolean } {
  const attributes: RawAttribute[] = [];
  for (let at = 0; at < block.length; ) {
    const flags = block[at] as number;
    const type = block[at + 1];
    const headLength = (flags & 0x10) !== 0 ? 4 : 3;
    const head = block.subarray(at + 2, at + headLength);
    const length = head.reduce((sum, octet) => sum * 256 + octet, 0);
    const end = at + headLength + length;
    if (at + headLength > block.length || end > block.length) {
      if (type === mpReach || type === mpUnreach) throw new Reset("MP attribute overruns");
      return { attributes, overruns: true };
    }
    attributes.push({ flags, type: type as number, value: block.slice(at + headLength, end) });
    at = end;
  }
  return { attributes, overruns: false };
}

/** RFC 7606 3 g. */
function onlyOne(
  attributes: readonly RawAttribute[],
  type: number,
  name: string,
): RawAttribute | undefined {
  const found = attributes.filter((a) => a.type === type);
  if (found.length > 1) throw new Reset(`${name} twice`);
  return found[0];
}

function splitReach(value: Uint8Array): {
  family: AddressFamily | undefined;
  hop: Uint8Array;
  nlri: Uint8Array;
} {
  const hopEnd = 4 + (value[3] as number);
  if (value.length < 5 || hopEnd + 1 > value.length) throw new Reset("MP_REACH_NLRI");
  return {
    family: familyAt(value),
    hop: value.subarray(4, hopEnd),
    nlri: value.subarray(hopEnd + 1),
  };
}

function familyAt(value: Uint8Array): AddressFamily | undefined {
  return familyOfCodes[`${(value[0] as number) * 256 + (value[1] as number)}/${value[2]}`];
}

/** None where the family was not negotiated (RFC 4760 7). */
function routesOf(
  family: AddressFamily | undefined,
  field: Uint8Array,
  withdrawn: boolean,
  session: OracleSession,
): OracleRoute[] {
  if (family === undefined || !session.families.includes(family)) return [];
  const addPath = session.addPath.includes(family);
  const routes = readRoutes(family, field, { addPath, withdrawn });
  if (routes === undefined) throw new Reset(`NLRI of ${family}`);
  return routes;
}

/** RFC 7606 7.11 and the RFC of each family. */
function checkHopLength(
  family: AddressFamily | undefined,
  hop: Uint8Array,
  session: OracleSession,
): void {
  if (family === undefined) return;
  const extended = session.extendedNextHop.includes(family);
  const lengths: Readonly<Record<AddressFamily, readonly number[] | "any">> = {
    "ipv4-unicast": extended ? [4, 16, 32] : [4],
    "ipv6-unicast": [16, 32],
    // RFC 5549 3 had the forms without route distinguisher.
    "ipv4-vpn": extended ? [12, 16, 24, 32, 48] : [12],
    "ipv6-vpn": [24, 48],
    evpn: [4, 16],
    "route-target": [4, 16],
    // RFC 8955 4: ignored.
    "ipv4-flowspec": "any",
    "ipv6-flowspec": "any",
  };
  const wanted = lengths[family];
  if (wanted === "any" || wanted.includes(hop.length)) return;
  throw new Reset(`next hop length ${hop.length}`);
}

/** RFC 7606 3 c for the flags; RFC 4271 6.3 for an address that is none of a host. */
function hopProblem(
  reach: RawAttribute,
  family: AddressFamily | undefined,
  hop: Uint8Array,
): string | undefined {
  if ((reach.flags & 0xc0) !== 0x80) return "flags of MP_REACH_NLRI";
  if (family === "ipv4-flowspec" || family === "ipv6-flowspec") return undefined;
  const rdLength = [12, 24, 48].includes(hop.length) ? 8 : 0;
  const width = hop.length === 4 || hop.length === 12 ? 4 : 16;
  const address = hop.subarray(rdLength, rdLength + width);
  const second = hop.subarray(2 * rdLength + width);
  // RFC 2545 3 has no form for a link-local address alone; peers send it behind the unspecified.
  const isAlone = isLinkLocal(second) && address.every((octet) => octet === 0);
  return isAlone || isHostAddress(address) ? undefined : "next hop of MP_REACH_NLRI";
}

function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && ((address[1] as number) & 0xc0) === 0x80;
}

/** A reset, a reason to withdraw, or the attributes that are left. */
function judgeAttributes(
  attributes: readonly RawAttribute[],
  overruns: boolean,
  mandatory: readonly number[],
  session: OracleSession,
): {
  survivors: readonly RawAttribute[];
  withdraw: string | undefined;
  isUnsettled: boolean;
} {
  let isUnsettled = false;
  const survivors: RawAttribute[] = [];
  const reasons: string[] = overruns ? ["an attribute overruns the block"] : [];
  const seen = new Set<number>();
  for (const attribute of attributes) {
    const { flags, type, value } = attribute;
    const rule = attributeRules[type];
    if (isStrangeWellKnown(attribute)) throw new Reset(`unrecognized well-known attribute ${type}`);
    // RFC 7606 3 g: only the first of a type counts.
    if (seen.has(type)) continue;
    seen.add(type);
    if (rule === "unsettled") {
      isUnsettled = true;
    } else if (rule === undefined) {
      // RFC 4271 5: what is not known travels on when it is transitive.
      if ((flags & 0x40) !== 0) survivors.push(attribute);
    } else if (rule.isDiscarded?.(session) !== true) {
      const flaw = rule.problem(value, session);
      if ((flags & 0xc0) !== rule.flags) reasons.push(`flags of ${type}`);
      else if (flaw === undefined) survivors.push(attribute);
      else if (rule.onMalformed === "withdraw") reasons.push(`${type}: ${flaw}`);
    }
  }
  for (const type of mandatory) {
    if (!survivors.some((a) => a.type === type)) reasons.push(`${type} is missing`);
  }
  const withdraw = reasons.length === 0 ? undefined : reasons.join("; ");
  return { survivors, withdraw, isUnsettled };
}

/** RFC 4271 6.3: well-known to the peer, unknown to us. */
function isStrangeWellKnown({ flags, type }: RawAttribute): boolean {
  const isMp = type === mpReach || type === mpUnreach;
  return (flags & 0x80) === 0 && attributeRules[type] === undefined && !isMp;
}

function plainBody(route: OracleRoute, survivors: readonly RawAttribute[]): Uint8Array {
  return updateBody({
    withdrawn: new Uint8Array(0),
    attributes: [...survivors],
    nlri: route.nlri,
  });
}

/** `head` is the value of MP_REACH_NLRI before its routes. */
function reachBody(
  head: Uint8Array,
  route: OracleRoute,
  survivors: readonly RawAttribute[],
): Uint8Array {
  const reach = { flags: 0x80, type: mpReach, value: concat([head, route.nlri]) };
  const none = new Uint8Array(0);
  return updateBody({ withdrawn: none, attributes: [reach, ...survivors], nlri: none });
}

/** The body of an UPDATE that withdraws a route. */
export function withdrawBody(family: AddressFamily, withdrawal: Uint8Array): Uint8Array {
  const none = new Uint8Array(0);
  if (family === "ipv4-unicast") {
    return updateBody({ withdrawn: withdrawal, attributes: [], nlri: none });
  }
  const codes = Object.keys(familyOfCodes).find((key) => familyOfCodes[key] === family) as string;
  const [afi, safi] = codes.split("/").map(Number) as [number, number];
  const value = concat([u16(afi), [safi], withdrawal]);
  return updateBody({
    withdrawn: none,
    attributes: [{ flags: 0x80, type: mpUnreach, value }],
    nlri: none,
  });
}
