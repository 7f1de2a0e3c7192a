/**
 * What an attribute block means once it is inside: import policy, loop checks, and everything the
 * decision process wants to know, worked out once per block and class of peers.
 */
import type { Asn, Ip4 } from "@heddle/inet";
import { asPathLength, firstAsnOf } from "../packet/as-path.ts";
import type { CodecContext } from "../packet/context.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import {
  applyActions,
  type CompiledPolicy,
  containsAsn,
  mapResidue,
  type Residue,
  type Verdict,
} from "../policy/evaluate.ts";
import { ineligibleScore, localScore, scoreOf } from "./decision.ts";

/** Used in the decision process where LOCAL_PREF is absent. */
export const defaultLocalPref = 100;

/** Why a path takes no part in the decision process. */
export type Ineligible = "policy" | "as-loop" | "cluster-loop" | "own-next-hop";

/**
 * Peers of one class get the same result for the same attribute bytes. Interned: compare with ===.
 */
export interface ImportClass {
  readonly local: boolean;
  readonly cx: CodecContext;
  readonly policy: CompiledPolicy;
  readonly localAsn: Asn;
  readonly routerId: Ip4;
  readonly clusterId: Ip4;
}

/** The attributes of a route after import, and their digest for the decision process. */
export interface ImportOutcome {
  readonly attributes: PathAttributes;
  readonly ineligible: Ineligible | undefined;
  readonly score: number;
  readonly neighborAsn: Asn | undefined;
}

/** Evaluates `attributes` as received. The outcome may still depend on the prefix. */
export function importAttributes(
  attributes: PathAttributes,
  cls: ImportClass,
): Residue<ImportOutcome> {
  const loop = loopOf(attributes, cls);
  if (loop !== undefined) {
    return { prefixSets: [], outcomes: [outcomeOf(attributes, cls, loop)] };
  }
  return mapResidue(cls.policy.evaluate(attributes), (verdict) =>
    applyVerdict(attributes, cls, verdict),
  );
}

/**
 * RFC 4271 9.1.2 (own AS in AS_PATH), RFC 4456 8 (own router in ORIGINATOR_ID, own cluster in
 * CLUSTER_LIST).
 */
function loopOf(attributes: PathAttributes, cls: ImportClass): Ineligible | undefined {
  if (cls.local) return undefined;
  if (containsAsn(attributes.asPath, cls.localAsn)) return "as-loop";
  if (attributes.originatorId === cls.routerId) return "cluster-loop";
  return attributes.clusterList.includes(cls.clusterId) ? "cluster-loop" : undefined;
}

function applyVerdict(
  attributes: PathAttributes,
  cls: ImportClass,
  verdict: Verdict,
): ImportOutcome {
  return verdict.verdict === "reject"
    ? outcomeOf(attributes, cls, "policy")
    : outcomeOf(applyActions(attributes, verdict.actions), cls, undefined);
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
    neighborAsn: firstAsnOf(attributes.asPath),
  };
}

function eligibleScore(attributes: PathAttributes, cls: ImportClass): number {
  if (cls.local) return localScore;
  const localPref = attributes.localPref ?? defaultLocalPref;
  return scoreOf(localPref, asPathLength(attributes.asPath), attributes.origin);
}
