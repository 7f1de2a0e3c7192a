/**
 * Why a route is what it is, for people: what import policy made of each path, the rule of the
 * decision process by which it lost, and for every peer what is sent or why nothing is.
 */
import type { Prefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { CompiledPolicy } from "../policy/evaluate.ts";
import type { PolicyTrace } from "../policy/trace.ts";
import { type DecisionStep, losingStep } from "./decision.ts";
import type { NotExported } from "./export.ts";
import type { FamilyTable } from "./family-table.ts";
import { localPeer, type PeerIndex } from "./peer.ts";
import type { PeerState } from "./peer-state.ts";
import {
  idOfPrefix,
  type ListedPath,
  listPaths,
  nameOf,
  type RibRoute,
  sentOf,
} from "./queries.ts";
import type { TargetSets } from "./target-sets.ts";

export interface ExplainedPath {
  readonly path: RibRoute;
  /** As received. */
  readonly received: PathAttributes;
  /** How import policy came to its verdict; undefined for locally originated routes. */
  readonly policy: PolicyTrace | undefined;
  /** The rule by which it is not the best path; undefined for the best one. */
  readonly lostBy: DecisionStep | undefined;
  /** The path that it lost to: an index into `paths`. */
  readonly lostTo: number | undefined;
}

/** What one peer is sent of the route. */
export interface ExplainedExport {
  readonly peer: PeerIndex;
  /** Index into `paths` of the path meant; undefined when nothing is advertised to anybody. */
  readonly path: number | undefined;
  /** Identifier under which it is sent (RFC 7911). */
  readonly pathId?: number;
  /** As sent; undefined when it is not. */
  readonly sent?: PathAttributes;
  readonly notSent?: NotExported | "no-best-path" | "awaiting-memberships";
  /** How export policy came to its verdict. */
  readonly policy?: PolicyTrace;
}

export interface Explanation {
  readonly family: AddressFamily;
  /** The prefix, or the key the way its codec writes it. */
  readonly route: Prefix | string;
  /** The best first. */
  readonly paths: readonly ExplainedPath[];
  /** For every peer that exchanges the family. */
  readonly exports: readonly ExplainedExport[];
}

/** Undefined when the table does not have the route. */
export function explain(
  table: FamilyTable,
  route: Prefix | { readonly key: Uint8Array },
  peers: readonly PeerState[],
  targetSets: TargetSets,
): Explanation | undefined {
  const isKey = "key" in route;
  const id = isKey ? table.opaqueKeys!.find(route.key, route.key.length) : idOfPrefix(table, route);
  if (id < 0) return undefined;
  const listed = listPaths(table, id);
  return {
    family: table.family,
    route: isKey ? nameOf(table, id, -1).text : route,
    paths: listed.map((path) => explainPath(table, id, path, listed)),
    exports: peers.flatMap((peer) => explainExports(table, id, peer, listed, targetSets)),
  };
}

function explainPath(
  table: FamilyTable,
  id: number,
  { candidate, route }: ListedPath,
  listed: readonly ListedPath[],
): ExplainedPath {
  const { attributes, importClass } = table.rows.blockOf(candidate.row);
  const lostBy = lostByOf({ candidate, route }, listed);
  return {
    path: route,
    received: attributes,
    policy: importClass.local ? undefined : traceOf(table, id, importClass.policy, attributes),
    lostBy,
    lostTo: lostBy === undefined || lostBy === "ineligible" ? undefined : 0,
  };
}

/** The rule by which the path is not the best of `listed`; undefined for the best one. */
export function lostByOf(
  { candidate, route }: Pick<ListedPath, "candidate" | "route">,
  listed: readonly ListedPath[],
): DecisionStep | undefined {
  if (route.best) return undefined;
  const best = listed[0]!;
  if (route.ineligible !== undefined || !best.route.best) return "ineligible";
  const candidates = listed.map((l) => l.candidate);
  return losingStep(candidate, best.candidate, candidates);
}

function explainExports(
  table: FamilyTable,
  id: number,
  peer: PeerState,
  listed: readonly ListedPath[],
  targetSets: TargetSets,
): ExplainedExport[] {
  const held = peer.families.get(table.family);
  if (held === undefined) return [];
  const { group, waiting } = held;
  const { rows } = table;
  const offered = sentOf(table, group, id);
  const { index } = peer;
  if (offered.length === 0) return [{ peer: index, path: undefined, notSent: "no-best-path" }];
  return offered.map(({ pathId, row }) => {
    const at = listed.findIndex((l) => l.candidate.row === row);
    const about = {
      peer: index,
      path: at < 0 ? undefined : at,
      ...(group.cls.addPathCount === 0 ? {} : { pathId }),
    };
    const isOwn = group.splitsHorizon && rows.peer[row] === index && index !== localPeer;
    if (isOwn) return { ...about, notSent: "split-horizon" };
    if (waiting) return { ...about, notSent: "awaiting-memberships" };
    const entry = group.cls.constrained ? group.entryOf(row, id) : undefined;
    if (entry !== undefined && !targetSets.isInterested(index, entry.targetSet)) {
      return { ...about, notSent: "route-target" };
    }
    const policy = traceOf(table, id, group.cls.policy, rows.outcomeOf(row).attributes);
    const sent = group.attributesFor(row, id);
    return typeof sent === "string"
      ? { ...about, notSent: sent, policy }
      : { ...about, sent, policy };
  });
}

function traceOf(
  { routeKeys }: FamilyTable,
  id: number,
  policy: CompiledPolicy,
  attributes: PathAttributes,
): PolicyTrace {
  const words = Int32Array.from({ length: 4 }, (_, i) => routeKeys.wordOf(id, i));
  return policy.trace(
    attributes,
    words,
    routeKeys.lengthOf(id),
    routeKeys.prefixFamilyOf(id),
    routeKeys.routeTypeOf(id),
  );
}
