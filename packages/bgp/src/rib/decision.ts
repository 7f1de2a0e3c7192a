/**
 * The decision process, RFC 4271 9.1.2.2 with the tie-breaks of RFC 4456 9, among the eligible
 * paths of one prefix. Every rule eliminates the paths that lose it; so the result does not depend
 * on the order of the candidates, and MED, which compares only paths of the same neighbouring AS,
 * cannot make the outcome cycle.
 *
 *   not long-lived stale (RFC 9494 4.4)
 *   sticky, then highest MAC mobility sequence number         EVPN MAC/IP routes (RFC 7432 15);
 *   lowest next hop of several Ethernet segments                only among those
 *   highest LOCAL_PREF
 *   with AIGP, then the lowest AIGP (RFC 7311 4.1)            the next hop's own metric counts as 0
 *   shortest AS_PATH; lowest ORIGIN                           one comparison of `score`, with
 *   lowest MED among paths of the same neighbouring AS          LOCAL_PREF and staleness
 *   external over internal                                    the IGP metric is equal for all
 *   lowest BGP Identifier or ORIGINATOR_ID; shortest CLUSTER_LIST; lowest peer address
 *   lowest path identifier as received                        paths of one peer (RFC 7911)
 *
 * Paths from another member AS of a confederation count as internal (RFC 5065 5.3: the same rules
 * as for members of the same AS).
 */
import { type Asn, compareIp, type Ip, type Ip4 } from "@heddle/inet";
import { macMobilityOf } from "../packet/extended-community.ts";
import type { AsPathSegment } from "../packet/path-attributes.ts";
import type { MultipathConfig } from "./config.ts";

export interface Candidate {
  /** See {@link scoreOf}; lower wins. */
  readonly score: number;
  /** See {@link mobilityOf}; higher wins, but only among routes that are about MAC addresses. */
  readonly mobility: number;
  /** Of a route that is about a MAC address. */
  readonly mac?: MacLocation;
  /** RFC 7311, uint64; undefined without the attribute. */
  readonly aigp?: bigint | undefined;
  /** 0 when the attribute is absent. */
  readonly med: number;
  /** Undefined for paths that start in the local AS: they compare MED among each other. */
  readonly neighborAsn: Asn | undefined;
  /** Learned over eBGP. */
  readonly external: boolean;
  /** ORIGINATOR_ID, else the peer's BGP Identifier. */
  readonly identifier: Ip4;
  readonly clusterListLength: number;
  readonly peerAddress: Ip;
  readonly asPath: readonly AsPathSegment[];
  /** As received (RFC 7911), uint32; 0 without. */
  readonly pathId: number;
}

/** Where an EVPN MAC/IP route says that the address is. */
export interface MacLocation {
  readonly nextHop: Ip;
  /** 80 bits; 0 for a segment of one link, which is another one at every next hop. */
  readonly esi: bigint;
}

/** Names a rule of the decision process, in the order in which they are applied. */
export type DecisionStep =
  | "ineligible"
  | "long-lived-stale"
  | "mac-mobility"
  | "mac-next-hop"
  | "local"
  | "local-pref"
  | "aigp"
  | "as-path-length"
  | "origin"
  | "med"
  | "external"
  | "identifier"
  | "cluster-list-length"
  | "peer-address"
  | "path-id";

/** Lower than every score of a learned path: local routes win. */
export const localScore = -1;
/** Of a path that takes no part in the decision. */
export const ineligibleScore: number = Number.POSITIVE_INFINITY;

const asPathLengthMax = 0xffff;

/** Added to the score of a long-lived stale path: more than any score without it. */
export const longLivedScore: number = 2 ** 50;
/**
 * Added to the score of a route target membership that may not be passed on to all peers: RFC 4684
 * 3.2 ii wants one of a client advertised where there is one.
 */
export const notPassedOnScore: number = 2 ** 51;

/** What LOCAL_PREF, staleness and the like count in a score; below it are AS path and ORIGIN. */
const preferenceUnit = 0x40000;
const localPrefMax = 0xffffffff;

/** Packs LOCAL_PREF, length and ORIGIN into one number of 50 bits. `localPref` is a uint32. */
export function scoreOf(localPref: number, asPathLength: number, origin: 0 | 1 | 2): number {
  const length = Math.min(asPathLength, asPathLengthMax);
  return (localPrefMax - localPref) * preferenceUnit + length * 4 + origin;
}

/**
 * The score of a learned path when it is long-lived stale; `equalized`: with LOCAL_PREF 0, which
 * RFC 9494 4.6 wants throughout an AS where some routers do not know such paths.
 */
export function longLivedScoreOf(score: number, equalized: boolean): number {
  const kept = equalized ? localPrefMax * preferenceUnit + (score % preferenceUnit) : score;
  return longLivedScore + kept;
}

/** The path is long-lived stale, or demoted in another way that no other rule outweighs. */
function isLastResort({ score }: Candidate): boolean {
  return score >= longLivedScore && score !== ineligibleScore;
}

/** The part of a score that comes before AIGP; lower wins. */
export function preferenceOf(score: number): number {
  return Math.floor(score / preferenceUnit);
}

/**
 * The paths that are left when only the order of preference among equals is open; at least one if
 * any is eligible.
 */
function survivors(candidates: readonly Candidate[]): readonly Candidate[] {
  let left = withLowestScore(withLowestAigp(comparable(candidates)));
  if (left.length > 1) left = withLowestMed(left);
  if (left.length > 1 && left.some((c) => c.external)) left = left.filter((c) => c.external);
  return left;
}

/**
 * MAC mobility extended communities as one number (RFC 7432 7.7): the sticky flag above the
 * sequence number; 0 without the community.
 */
export function mobilityOf(extendedCommunities: readonly bigint[]): number {
  const mobility = macMobilityOf(extendedCommunities);
  return mobility === undefined ? 0 : Number(mobility.sticky) * 2 ** 32 + mobility.sequence;
}

/** Those among which LOCAL_PREF decides; ineligible ones may be among them. */
function comparable(candidates: readonly Candidate[]): readonly Candidate[] {
  return withLowestNextHop(withHighestMobility(withoutLastResorts(candidates)));
}

function withoutLastResorts(candidates: readonly Candidate[]): readonly Candidate[] {
  const isBetter = (c: Candidate): boolean => c.score < longLivedScore;
  return candidates.some(isBetter) ? candidates.filter(isBetter) : candidates;
}

function withHighestMobility(candidates: readonly Candidate[]): readonly Candidate[] {
  let highest = -1;
  for (const c of candidates) {
    if (c.score !== ineligibleScore && c.mobility > highest) highest = c.mobility;
  }
  if (candidates.every((c) => c.mobility === highest)) return candidates;
  return candidates.filter((c) => c.mobility === highest);
}

/**
 * RFC 7432 15: of routes for a MAC address with the same sequence number and different Ethernet
 * segments, the one with the lowest address of its router is the best.
 */
function withLowestNextHop(candidates: readonly Candidate[]): readonly Candidate[] {
  let lowest: Ip | undefined;
  const esis = new Set<bigint>();
  for (const { mac, score } of candidates) {
    if (mac === undefined || score === ineligibleScore) continue;
    const order = lowest === undefined ? -1 : compareIp(mac.nextHop, lowest);
    if (order > 0) continue;
    if (order < 0) esis.clear();
    lowest = mac.nextHop;
    if (mac.esi !== 0n) esis.add(mac.esi);
  }
  if (lowest === undefined) return candidates;
  return candidates.filter(
    ({ mac }) => mac !== undefined && (mac.nextHop === lowest || esis.has(mac.esi)),
  );
}

/** RFC 7311 4.1: where one of the paths of the highest LOCAL_PREF has AIGP, it decides. */
function withLowestAigp(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.every(({ aigp }) => aigp === undefined)) return candidates;
  let lowestScore = ineligibleScore;
  for (const { score } of candidates) lowestScore = Math.min(lowestScore, score);
  const preference = preferenceOf(lowestScore);
  const equal = candidates.filter(({ score }) => preferenceOf(score) === preference);
  let lowest: bigint | undefined;
  for (const { aigp } of equal) {
    if (aigp !== undefined && (lowest === undefined || aigp < lowest)) lowest = aigp;
  }
  return lowest === undefined ? candidates : equal.filter(({ aigp }) => aigp === lowest);
}

function withLowestScore(candidates: readonly Candidate[]): readonly Candidate[] {
  let lowest = ineligibleScore;
  for (const c of candidates) if (c.score < lowest) lowest = c.score;
  return lowest === ineligibleScore ? [] : candidates.filter((c) => c.score === lowest);
}

function withLowestMed(candidates: readonly Candidate[]): readonly Candidate[] {
  const med = candidates[0]!.med;
  if (candidates.every((c) => c.med === med)) return candidates;
  const lowest = new Map<Asn | undefined, number>();
  for (const c of candidates) {
    const known = lowest.get(c.neighborAsn);
    if (known === undefined || c.med < known) lowest.set(c.neighborAsn, c.med);
  }
  return candidates.filter((c) => c.med === lowest.get(c.neighborAsn));
}

/** Negative when `a` is preferred; a total order over the paths of a prefix. */
function comparePreference(a: Candidate, b: Candidate): number {
  return (
    a.identifier - b.identifier ||
    a.clusterListLength - b.clusterListLength ||
    compareIp(a.peerAddress, b.peerAddress) ||
    a.pathId - b.pathId
  );
}

/** The best path; undefined when none is eligible. */
export function selectBest<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let best: C | undefined;
  for (const c of survivors(candidates) as readonly C[]) {
    if (best === undefined || comparePreference(c, best) < 0) best = c;
  }
  return best;
}

/**
 * Up to `countMax` eligible paths: the best, then the best of the others, and so on. This is the
 * order in which paths are preferred also where MED makes no total order of them.
 */
export function rankPaths<C extends Candidate>(candidates: readonly C[], countMax: number): C[] {
  const ranked: C[] = [];
  let left = candidates;
  while (ranked.length < countMax) {
    const best = selectBest(left);
    if (best === undefined) break;
    ranked.push(best);
    left = left.filter((c) => c !== best);
  }
  return ranked;
}

/**
 * The rule by which `loser` is not the best path of `candidates`, of which `best` is; undefined for
 * the best itself.
 */
export function losingStep(
  loser: Candidate,
  best: Candidate,
  candidates: readonly Candidate[],
): DecisionStep | undefined {
  if (loser === best) return undefined;
  if (loser.score === ineligibleScore) return "ineligible";
  if (isLastResort(loser) && !isLastResort(best)) {
    return best.score === localScore ? "local" : "long-lived-stale";
  }
  if (loser.mobility < best.mobility) return "mac-mobility";
  const located = comparable(candidates);
  if (!located.includes(loser)) return "mac-next-hop";
  if (preferenceOf(loser.score) !== preferenceOf(best.score)) return preferenceStep(loser, best);
  const measured = withLowestAigp(located);
  if (!measured.includes(loser)) return "aigp";
  if (loser.score !== best.score) return sameLength(loser, best) ? "origin" : "as-path-length";
  if (!withLowestMed(withLowestScore(measured)).includes(loser)) return "med";
  if (best.external && !loser.external) return "external";
  if (loser.identifier !== best.identifier) return "identifier";
  if (loser.clusterListLength !== best.clusterListLength) return "cluster-list-length";
  return compareIp(loser.peerAddress, best.peerAddress) === 0 ? "path-id" : "peer-address";
}

/** The highest part of the preference in which the two differ. */
function preferenceStep(loser: Candidate, best: Candidate): DecisionStep {
  if (best.score === localScore) return "local";
  const classOf = ({ score }: Candidate): number => Math.floor(score / longLivedScore);
  return classOf(loser) === classOf(best) ? "local-pref" : "long-lived-stale";
}

function sameLength(a: Candidate, b: Candidate): boolean {
  return Math.floor(a.score / 4) === Math.floor(b.score / 4);
}

/** The best path and those that may share its load, best first. */
export function selectMultipath<C extends Candidate>(
  candidates: readonly C[],
  config: MultipathConfig,
): C[] {
  const [...equal] = survivors(candidates) as readonly C[];
  equal.sort(comparePreference);
  const best = equal[0];
  if (best === undefined) return [];
  const countMax = best.external ? config.ebgpCountMax : config.ibgpCountMax;
  return equal.filter((c) => mayShare(best, c, config)).slice(0, countMax);
}

/** Without `relaxAsPath`: the same neighbouring AS over eBGP, the same AS_PATH over iBGP. */
function mayShare(best: Candidate, other: Candidate, config: MultipathConfig): boolean {
  if (config.relaxAsPath) return true;
  if (best.external) return best.neighborAsn === other.neighborAsn;
  return sameAsPath(best.asPath, other.asPath);
}

function sameAsPath(a: readonly AsPathSegment[], b: readonly AsPathSegment[]): boolean {
  return (
    a.length === b.length &&
    a.every((segment, i) => {
      const { type, asns } = b[i]!;
      return (
        segment.type === type &&
        segment.asns.length === asns.length &&
        segment.asns.every((asn, k) => asn === asns[k])
      );
    })
  );
}
