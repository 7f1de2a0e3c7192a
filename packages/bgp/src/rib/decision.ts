/**
 * The decision process, RFC 4271 9.1.2.2 with the tie-breaks of RFC 4456 9, among the eligible
 * paths of one prefix. Every rule eliminates the paths that lose it; so the result does not depend
 * on the order of the candidates, and MED, which compares only paths of the same neighbouring AS,
 * cannot make the outcome cycle.
 *
 *   sticky, then highest MAC mobility sequence number         EVPN MAC/IP routes (RFC 7432 15)
 *   not long-lived stale (RFC 9494 4.3)                       one comparison of `score`,
 *   highest LOCAL_PREF; shortest AS_PATH; lowest ORIGIN         with this
 *   lowest MED among paths of the same neighbouring AS
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

/** Names a rule of the decision process, in the order in which they are applied. */
export type DecisionStep =
  | "ineligible"
  | "mac-mobility"
  | "local"
  | "long-lived-stale"
  | "local-pref"
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

/** Packs LOCAL_PREF, length and ORIGIN into one number of 50 bits. `localPref` is a uint32. */
export function scoreOf(localPref: number, asPathLength: number, origin: 0 | 1 | 2): number {
  const length = Math.min(asPathLength, asPathLengthMax);
  return ((0xffffffff - localPref) * 0x10000 + length) * 4 + origin;
}

/**
 * The paths that are left when only the order of preference among equals is open; at least one if
 * any is eligible.
 */
function survivors(candidates: readonly Candidate[]): readonly Candidate[] {
  let left = withLowestScore(withHighestMobility(candidates));
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

function withHighestMobility(candidates: readonly Candidate[]): readonly Candidate[] {
  let highest = -1;
  for (const c of candidates) {
    if (c.score !== ineligibleScore && c.mobility > highest) highest = c.mobility;
  }
  if (candidates.every((c) => c.mobility === highest)) return candidates;
  return candidates.filter((c) => c.mobility === highest);
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
  if (loser.mobility < best.mobility) return "mac-mobility";
  if (loser.score !== best.score) return scoreStep(loser.score, best.score);
  const equal = withLowestScore(withHighestMobility(candidates));
  if (!withLowestMed(equal).includes(loser)) return "med";
  if (best.external && !loser.external) return "external";
  if (loser.identifier !== best.identifier) return "identifier";
  if (loser.clusterListLength !== best.clusterListLength) return "cluster-list-length";
  return compareIp(loser.peerAddress, best.peerAddress) === 0 ? "path-id" : "peer-address";
}

/** The highest part of the score in which the two differ. */
function scoreStep(loser: number, best: number): DecisionStep {
  if (best === localScore) return "local";
  if (Math.floor(loser / longLivedScore) !== Math.floor(best / longLivedScore)) {
    return "long-lived-stale";
  }
  const part = (score: number, unit: number): number => Math.floor(score / unit);
  if (part(loser, 0x40000) !== part(best, 0x40000)) return "local-pref";
  return part(loser, 4) === part(best, 4) ? "origin" : "as-path-length";
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
