/**
 * What an attribute block means once it is inside: import policy, loop checks, and everything the
 * decision process wants to know, worked out once per block and class of peers.
 */
import type { Asn, Ip4 } from "@heddle/inet";
import { assert } from "@heddle/std";
import type { AddressFamily } from "../packet/address-family.ts";
import { asPathLength, firstAsnOf } from "../packet/as-path.ts";
import type { CodecContext } from "../packet/context.ts";
import { wellKnownCommunities } from "../packet/iana.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { applyActions } from "../policy/actions.ts";
import { containsAsn } from "../policy/conditions.ts";
import type { CompiledPolicy, Residue, Verdict } from "../policy/evaluate.ts";
import {
  ineligibleScore,
  localScore,
  longLivedScoreOf,
  mobilityOf,
  notPassedOnScore,
  scoreOf,
} from "./decision.ts";
import type { Ineligible } from "./ineligible.ts";
import { isMarkedLongLived, staysLongLived } from "./long-lived.ts";
import { type OnlyToCustomerImport, receivedOnlyToCustomer } from "./only-to-customer.ts";

/** Used in the decision process where LOCAL_PREF is absent. */
export const defaultLocalPref = 100;

/**
 * Peers of one class get the same result for the same attribute bytes. Interned: compare with ===.
 */
export interface ImportClass {
  readonly local: boolean;
  readonly family: AddressFamily;
  readonly cx: CodecContext;
  readonly policy: CompiledPolicy;
  /** Our own AS numbers: the member AS and, in a confederation, its identifier. */
  readonly ownAsns: readonly Asn[];
  readonly routerId: Ip4;
  readonly clusterId: Ip4;
  /** RFC 9234; undefined without a role. */
  readonly onlyToCustomer: OnlyToCustomerImport | undefined;
  /** A membership from here goes to clients only: see `notPassedOnScore`. */
  readonly demoted: boolean;
  /** LOCAL_PREF of long-lived stale routes is 0: see `RibConfig.longLivedPartial`. */
  readonly equalizesStale: boolean;
}

/** The attributes of a route after import, and their digest for the decision process. */
export interface ImportOutcome {
  readonly attributes: PathAttributes;
  readonly ineligible: Ineligible | undefined;
  readonly score: number;
  /** 0 outside EVPN. */
  readonly mobility: number;
  readonly neighborAsn: Asn | undefined;
}

/** What a route is to be made into, or why it is out whatever policy says. */
export type ImportVerdict = Verdict | { readonly verdict: "ineligible"; readonly why: Ineligible };

/**
 * Evaluates `attributes` as received; the verdict may still depend on the key of the route. The
 * result may be shared: it is not written to.
 */
export function importVerdicts(
  attributes: PathAttributes,
  cls: ImportClass,
): Residue<ImportVerdict> {
  const loop = loopOf(attributes, cls);
  if (loop !== undefined) return loop === "as-loop" ? asLoop : clusterLoop;
  const received = receivedOnlyToCustomer(attributes, cls.onlyToCustomer);
  return received === "route-leak" ? routeLeak : cls.policy.evaluate(received);
}

function ineligibleFor(why: Ineligible): Residue<ImportVerdict> {
  return { prefixSets: [], outcomes: [{ verdict: "ineligible", why }] };
}

const asLoop = ineligibleFor("as-loop");
const clusterLoop = ineligibleFor("cluster-loop");
const routeLeak = ineligibleFor("route-leak");

/**
 * RFC 4271 9.1.2 and RFC 5065 4 (own AS in AS_PATH), RFC 4456 8 (own router in ORIGINATOR_ID, own
 * cluster in CLUSTER_LIST).
 */
function loopOf(attributes: PathAttributes, cls: ImportClass): Ineligible | undefined {
  if (cls.local) return undefined;
  for (const asn of cls.ownAsns) if (containsAsn(attributes.asPath, asn)) return "as-loop";
  if (attributes.originatorId === cls.routerId) return "cluster-loop";
  return attributes.clusterList.includes(cls.clusterId) ? "cluster-loop" : undefined;
}

/** What one of the verdicts makes of the attributes that they are about. */
export function importOutcome(
  attributes: PathAttributes,
  cls: ImportClass,
  verdict: ImportVerdict,
): ImportOutcome {
  if (verdict.verdict === "ineligible") return outcomeOf(attributes, cls, verdict.why);
  const received = receivedOnlyToCustomer(attributes, cls.onlyToCustomer);
  assert(received !== "route-leak", "a route leak has no other verdict");
  if (verdict.verdict === "reject") return outcomeOf(received, cls, "policy");
  const accepted = staysLongLived(received, applyActions(received, verdict.actions));
  // RFC 8326 4.2: the path is about to go, whatever policy made of it.
  const isGoing =
    cls.cx.external && received.communities.includes(wellKnownCommunities.gracefulShutdown);
  return outcomeOf(isGoing ? { ...accepted, localPref: 0 } : accepted, cls, undefined);
}

function outcomeOf(
  attributes: PathAttributes,
  cls: ImportClass,
  ineligible: Ineligible | undefined,
): ImportOutcome {
  return {
    attributes,
    ineligible,
    score: ineligible === undefined ? eligibleScore(attributes, cls) : ineligibleScore,
    mobility: cls.family === "evpn" ? mobilityOf(attributes.extendedCommunities) : 0,
    neighborAsn: firstAsnOf(attributes.asPath),
  };
}

function eligibleScore(attributes: PathAttributes, cls: ImportClass): number {
  if (cls.local) return localScore;
  const localPref = attributes.localPref ?? defaultLocalPref;
  const score = scoreOf(localPref, asPathLength(attributes.asPath), attributes.origin);
  const kept = isMarkedLongLived(attributes) ? longLivedScoreOf(score, cls.equalizesStale) : score;
  return kept + (cls.demoted ? notPassedOnScore : 0);
}
