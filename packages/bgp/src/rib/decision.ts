/**
 * The decision process, RFC 4271 9.1.2.2 with the tie-breaks of RFC 4456 9, among the eligible
 * paths of one prefix. Every rule eliminates the paths that lose it; so the result does not depend
 * on the order of the candidates, and MED, which compares only paths of the same neighbouring AS,
 * cannot make the outcome cycle.
 *
 *   highest LOCAL_PREF; shortest AS_PATH; lowest ORIGIN       one comparison of `score`
 *   lowest MED among paths of the same neighbouring AS
 *   external over internal                                    the IGP metric is equal for all
 *   lowest BGP Identifier or ORIGINATOR_ID; shortest CLUSTER_LIST; lowest peer address
 */
import { type Asn, compareIp, type Ip, type Ip4 } from "@heddle/inet";
import type { AsPathSegment } from "../packet/path-attributes.ts";
import type { MultipathConfig } from "./config.ts";

export interface Candidate {
  /** See {@link scoreOf}; lower wins. */
  readonly score: number;
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
}

/** Lower than every score of a learned path: local routes win. */
export const localScore = -1;
/** Of a path that takes no part in the decision. */
export const ineligibleScore: number = Number.POSITIVE_INFINITY;

const asPathLengthMax = 0xffff;

/** Packs the first three rules into one number of 50 bits. `localPref` is a uint32. */
export function scoreOf(localPref: number, asPathLength: number, origin: 0 | 1 | 2): number {
  const length = Math.min(asPathLength, asPathLengthMax);
  return ((0xffffffff - localPref) * 0x10000 + length) * 4 + origin;
}

/**
 * The paths that are left when only the order of preference among equals is open; at least one if
 * any is eligible.
 */
function survivors(candidates: readonly Candidate[]): readonly Candidate[] {
  let left = withLowestScore(candidates);
  if (left.length > 1) left = withLowestMed(left);
  if (left.length > 1 && left.some((c) => c.external)) left = left.filter((c) => c.external);
  return left;
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

/** Negative when `a` is preferred; a total order over paths of different peers. */
function comparePreference(a: Candidate, b: Candidate): number {
  return (
    a.identifier - b.identifier ||
    a.clusterListLength - b.clusterListLength ||
    compareIp(a.peerAddress, b.peerAddress)
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
