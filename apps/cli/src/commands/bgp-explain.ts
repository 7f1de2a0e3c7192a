/** `heddle bgp explain`: why a route is what it is, step by step. */
import type {
  AttributesView,
  ExplainedExportView,
  ExplainedPathView,
  ExplanationView,
  PolicyTraceView,
} from "@heddle/admin";
import type { Command } from "commander";
import { askAgent } from "../agent-client.ts";
import { globalOptions } from "../options.ts";
import { printJson } from "../output.ts";
import { askThoseThatKnow, type BgpTargetOptions, bgpTargets } from "./bgp-targets.ts";

export interface ExplainOptions extends BgpTargetOptions {
  readonly family?: string;
}

export async function explain(
  route: string,
  options: ExplainOptions,
  command: Command,
): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const query = new URLSearchParams({ route });
  if (options.family !== undefined) query.set("family", options.family);
  const found = await askThoseThatKnow(bgpTargets(stateDir, options), (socketPath) =>
    askAgent<ExplanationView>(socketPath, `/v1/bgp/explain?${query}`),
  );
  if (output === "json") printJson(found);
  else console.log(found.map(explanationText).join("\n\n"));
}

/** By which rule of RFC 4271 9.1.2 and its extensions a path loses. */
const lossTexts: Readonly<Record<string, string>> = {
  "mac-mobility": "its MAC mobility sequence number is lower (RFC 7432 15)",
  "mac-next-hop": "its MAC mobility is the same and its next hop is higher (RFC 7432 15)",
  local: "the other one originates here",
  "long-lived-stale": "it is long-lived stale (RFC 9494 4.3)",
  "local-pref": "its LOCAL_PREF is lower",
  aigp: "its AIGP is higher or missing (RFC 7311 4.1)",
  "as-path-length": "its AS path is longer",
  origin: "its ORIGIN is worse",
  med: "its MED is higher than that of a path of the same neighboring AS",
  external: "it was learned by iBGP, the other one by eBGP",
  identifier: "its router has the higher BGP Identifier",
  "cluster-list-length": "its CLUSTER_LIST is longer",
  "peer-address": "its peer has the higher address",
  "path-id": "its path identifier is higher",
};

const ineligibleTexts: Readonly<Record<string, string>> = {
  policy: "import policy rejects it",
  "as-loop": "its AS path has our own AS",
  "cluster-loop": "it has been reflected by our cluster already",
  "own-next-hop": "its next hop is our own address",
  "route-leak": "it is a leak by the roles of RFC 9234",
  "flow-validation": "its destination is routed by somebody else (RFC 8955 6)",
  "not-owner": "the peer does not own what it announces",
};

const notSentTexts: Readonly<Record<string, string>> = {
  policy: "export policy rejects it",
  "split-horizon": "it came from this peer",
  "not-reflected": "it came by iBGP, and neither side is a client",
  community: "a well-known community forbids it",
  "long-lived-stale": "it is long-lived stale, and the peer does not take that",
  "only-to-customer": "the roles of RFC 9234 forbid it",
  "next-hop": "there is no address of ours for its next hop",
  "message-length": "it does not fit into a message",
  "route-target": "the peer does not want its route targets",
  "no-best-path": "there is no best path",
  "awaiting-memberships": "the peer has not told its route targets",
};

export function explanationText({ node, family, route, paths, exports }: ExplanationView): string {
  const count = paths.length === 1 ? "1 path" : `${paths.length} paths`;
  const lines = [`${route} (${family}) on ${node}: ${count}`];
  for (const [index, path] of paths.entries()) lines.push("", ...pathLines(index, path));
  lines.push("", exports.length === 0 ? "sent to nobody: no session has the family" : "sent to");
  for (const each of exports) lines.push(...exportLines(each));
  return lines.join("\n");
}

function pathLines(index: number, path: ExplainedPathView): string[] {
  const from = path.peer === "local" ? "originates here" : `from ${path.peer}`;
  const id = path.pathId === 0 ? "" : `, path id ${path.pathId}`;
  return [
    `${index + 1}. ${from}${id}: ${verdictOf(path)}`,
    `   ${attributesText(path)}`,
    ...(path.policy === null ? [] : policyLines("import", path.policy).map((line) => `   ${line}`)),
  ];
}

function verdictOf({ decision }: ExplainedPathView): string {
  const { best, multipath, ineligible, lostBy, pathCount } = decision;
  if (best) return pathCount === 1 ? "the only path, so the best one" : "the best path";
  if (ineligible !== null) return `not used: ${ineligibleTexts[ineligible] ?? ineligible}`;
  const why = lostBy === null ? "" : `lost to path 1: ${lossTexts[lostBy] ?? lostBy}`;
  return multipath ? `shares the load of the best path; ${why}` : why;
}

function attributesText(view: AttributesView): string {
  const { localPref, med, aigp, communities, largeCommunities, extendedCommunities } = view;
  const facts = [
    `next hop ${view.nextHop}`,
    `AS path ${view.asPath || "empty"}`,
    `origin ${view.origin}`,
    ...(localPref === null ? [] : [`local preference ${localPref}`]),
    ...(med === null ? [] : [`MED ${med}`]),
    ...(aigp === undefined ? [] : [`AIGP ${aigp}`]),
    ...(communities.length === 0 ? [] : [`communities ${communities.join(" ")}`]),
    ...(largeCommunities.length === 0 ? [] : [`large communities ${largeCommunities.join(" ")}`]),
    ...(extendedCommunities.length === 0
      ? []
      : [`extended communities ${extendedCommunities.join(" ")}`]),
  ];
  return facts.join(", ");
}

function policyLines(direction: "import" | "export", trace: PolicyTraceView): string[] {
  const by = trace.decidedBy === "otherwise" ? "no term matched" : `by ${trace.decidedBy}`;
  const lines = [`${direction} policy ${trace.policy}: ${trace.verdict}, ${by}`];
  for (const { term, verdict, failed } of trace.terms) {
    lines.push(`  ${term}: ${failed === null ? verdict : `no match, ${failed}`}`);
  }
  for (const { attribute, before, after } of trace.changes) {
    lines.push(`  ${attribute}: ${before} -> ${after}`);
  }
  return lines;
}

function exportLines({ peer, path, pathId, sent, notSent, policy }: ExplainedExportView): string[] {
  const which = path === null ? "" : `path ${path + 1}`;
  const id = pathId === null ? "" : ` as path id ${pathId}`;
  const trace = policy === null ? [] : policyLines("export", policy).map((line) => `     ${line}`);
  if (sent !== null) return [`   ${peer}: ${which}${id}, ${attributesText(sent)}`, ...trace];
  const why = notSent === null ? "" : (notSentTexts[notSent] ?? notSent);
  return [`   ${peer}: not sent, ${why}`, ...trace];
}
