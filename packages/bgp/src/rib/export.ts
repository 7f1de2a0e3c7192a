/**
 * What routes look like outside: the rules of RFC 4271 9.2 and 5.1, reflection (RFC 4456),
 * well-known communities (RFC 1997) and export policy, worked out once per row and update group. An
 * update group is the set of peers for which the result is the same bytes.
 */
import type { Asn, Ip, Ip4, Ip6 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { prependAsn } from "../packet/as-path.ts";
import { wellKnownCommunities } from "../packet/iana.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { announceHead4, announceHeadMp, type UpdateHead } from "../packet/update-builder.ts";
import {
  applyActions,
  type CompiledPolicy,
  mapResidue,
  outcomeIndexOf,
  type Residue,
  type Verdict,
} from "../policy/evaluate.ts";
import type { FamilyTable } from "./family-table.ts";
import { defaultLocalPref } from "./import.ts";
import { unspecifiedNextHop } from "./local-route.ts";
import type { PeerIndex, PeerType } from "./peer.ts";

/** Everything on the receiving side that changes what is sent. */
export interface ExportClass {
  readonly family: AddressFamily;
  readonly to: Exclude<PeerType, "local">;
  readonly policy: CompiledPolicy;
  readonly localAsn: Asn;
  readonly clusterId: Ip4;
  /**
   * Own address of the session for this family; undefined: nothing can be announced as
   * next-hop-self.
   */
  readonly nextHop: Ip | undefined;
  readonly nextHopSelf: boolean;
  readonly fourOctetAs: boolean;
  readonly messageLengthMax: number;
}

/** Where a route comes from, as far as it decides where it goes. */
export interface RouteOrigin {
  readonly type: PeerType;
  readonly routerId: Ip4;
}

/** One encoding of a row for a group. */
export interface ExportEntry {
  /** What precedes the prefixes in an UPDATE. */
  readonly head: UpdateHead;
  /** The peer that the route was learned from. */
  readonly source: PeerIndex;
  /** Scratch of the batch being encoded: prefix ids to be announced. */
  readonly pending: number[];
}

/** Longest prefix with its length octet, and the trailer of a message. */
const prefixRoom = 19;

export class ExportGroup {
  readonly cls: ExportClass;
  readonly key: string;
  /** Peers with a session that are sent what the group says. */
  readonly members: Set<PeerIndex> = new Set();
  /** Peers that moved to another group and may still hold routes of this one. */
  readonly leaving: Set<PeerIndex> = new Set();
  readonly #table: FamilyTable;
  readonly #originOf: (peer: PeerIndex) => RouteOrigin;
  readonly #cache: (Residue<ExportEntry | undefined> | undefined)[] = [];

  /** `key` is equal for peers that belong to the same group. */
  constructor(
    key: string,
    cls: ExportClass,
    table: FamilyTable,
    originOf: (peer: PeerIndex) => RouteOrigin,
  ) {
    this.key = key;
    this.cls = cls;
    this.#table = table;
    this.#originOf = originOf;
  }

  /** How the group sees `row` for the prefix; undefined when it is not exported to it. */
  entryOf(row: number, id: number): ExportEntry | undefined {
    const residue = this.residueOf(row);
    const { prefixSets, outcomes } = residue;
    if (prefixSets.length === 0) return outcomes[0];
    const { prefixes } = this.#table;
    const word = (index: number): number => prefixes.wordOf(id, index);
    const length = prefixes.lengthOf(id);
    return outcomes[outcomeIndexOf(prefixSets, word(0), word(1), word(2), word(3), length)];
  }

  residueOf(row: number): Residue<ExportEntry | undefined> {
    const known = this.#cache[row];
    if (known !== undefined) return known;
    const residue = this.#export(row);
    while (this.#cache.length <= row) this.#cache.push(undefined);
    this.#cache[row] = residue;
    return residue;
  }

  /** The row's number is about to be reused. */
  forget(row: number): void {
    if (row < this.#cache.length) this.#cache[row] = undefined;
  }

  #export(row: number): Residue<ExportEntry | undefined> {
    const { attributes } = this.#table.rows.outcomeOf(row);
    const source = this.#table.rows.peer[row]!;
    const origin = this.#originOf(source);
    if (!mayExport(attributes, origin.type, this.cls.to)) return notExported;
    return mapResidue(this.cls.policy.evaluate(attributes), (verdict) => {
      const sent = exportAttributes(attributes, origin, this.cls, verdict);
      return sent === undefined ? undefined : entryOf(sent, source, this.cls);
    });
  }
}

const notExported: Residue<undefined> = { prefixSets: [], outcomes: [undefined] };

/** RFC 4271 9.2, RFC 4456 6, RFC 1997. */
function mayExport(
  attributes: PathAttributes,
  from: PeerType,
  to: Exclude<PeerType, "local">,
): boolean {
  if (from === "internal" && to === "internal") return false;
  const { communities } = attributes;
  if (communities.includes(wellKnownCommunities.noAdvertise)) return false;
  if (to !== "external") return true;
  return (
    !communities.includes(wellKnownCommunities.noExport) &&
    !communities.includes(wellKnownCommunities.noExportSubconfed)
  );
}

/** Undefined when policy rejects the route or no next hop can be given. */
export function exportAttributes(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict,
): PathAttributes | undefined {
  if (verdict.verdict === "reject") return undefined;
  const nextHop = nextHopOf(attributes, origin, cls);
  if (nextHop === undefined) return undefined;
  const kept = nextHop === attributes.nextHop ? attributes : withoutLinkLocal(attributes);
  const base = { ...kept, nextHop };
  return cls.to === "external"
    ? externalAttributes(base, origin, cls, verdict)
    : internalAttributes(base, origin, cls, verdict);
}

/**
 * RFC 4271 5.1.3: own address towards external peers and for own routes, unchanged inside the AS.
 */
function nextHopOf(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
): Ip | undefined {
  const own =
    cls.to === "external" ||
    attributes.nextHop === unspecifiedNextHop ||
    (cls.nextHopSelf && origin.type === "external");
  if (!own) return attributes.nextHop;
  const isGiven = origin.type === "local" && attributes.nextHop !== unspecifiedNextHop;
  return isGiven ? attributes.nextHop : cls.nextHop;
}

function withoutLinkLocal(attributes: PathAttributes): PathAttributes {
  const { linkLocalNextHop: _, ...rest } = attributes;
  return rest;
}

/**
 * RFC 4271 5.1.2, 5.1.4, 5.1.5: own AS in front, no LOCAL_PREF, MED only when it is this speaker's
 * own; reflection attributes and confederation segments stay inside.
 */
function externalAttributes(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  const { localPref: _p, originatorId: _o, med, ...rest } = attributes;
  const base: PathAttributes = {
    ...rest,
    ...(med === undefined || origin.type !== "local" ? {} : { med }),
    asPath: rest.asPath.filter((s) => s.type === "sequence" || s.type === "set"),
    clusterList: [],
  };
  const { localPref: _, ...sent } = applyActions(base, verdict.actions);
  return { ...sent, asPath: prependAsn(sent.asPath, cls.localAsn) };
}

/** RFC 4271 5.1.5: LOCAL_PREF always; RFC 4456 8 when the route is reflected. */
function internalAttributes(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  const base = { ...attributes, localPref: attributes.localPref ?? defaultLocalPref };
  const sent = applyActions(base, verdict.actions);
  if (origin.type === "local" || origin.type === "external") return sent;
  return {
    ...sent,
    originatorId: sent.originatorId ?? origin.routerId,
    clusterList: [cls.clusterId, ...sent.clusterList],
  };
}

/**
 * Undefined when the attributes leave no room for a prefix in a message (RFC 4271 9.2: not
 * advertised).
 */
function entryOf(
  attributes: PathAttributes,
  source: PeerIndex,
  cls: ExportClass,
): ExportEntry | undefined {
  const head = headOf(attributes, cls);
  if (head === undefined || head.bytes.length + prefixRoom > cls.messageLengthMax) return undefined;
  return { head, source, pending: [] };
}

function headOf(attributes: PathAttributes, cls: ExportClass): UpdateHead | undefined {
  const { nextHop, linkLocalNextHop } = attributes;
  if (cls.family === "ipv4-unicast") {
    // IPv4 routes with an IPv6 next hop need RFC 8950, which is not negotiated.
    return typeof nextHop === "number" ? announceHead4(attributes, cls) : undefined;
  }
  if (typeof nextHop !== "bigint") return undefined;
  return announceHeadMp(cls.family, attributes, nextHop, linkLocalNextHop as Ip6 | undefined, cls);
}
