/**
 * Authorisation by a table of roles. What a role may do is data (`roles.ts`); the rules of an agent
 * look into the object too, so the caller passes the object that is written and the one that is
 * stored.
 */
import { agentRules } from "./agent-rules.ts";
import type { Attributes, ClusterFacts, Decision } from "./attributes.ts";
import { type Rule, roleRules } from "./roles.ts";
import { agentNode, authenticatedGroup, rolesOf, type User } from "./user.ts";

/** Takes every node for alive. */
const noFacts: ClusterFacts = { isNodeGone: () => false };

export function authorize(
  user: User,
  attributes: Attributes,
  facts: ClusterFacts = noFacts,
): Decision {
  const roles = rolesOf(user);
  let reason =
    roles.length === 0 ? "no group of the user has a role" : "no rule of a role allows it";
  for (const role of roles) {
    if (role === "agent") {
      const decision = authorizeAgent(user, attributes, facts);
      if (decision.allowed) return decision;
      reason = decision.reason;
    } else if (roleRules[role].some((rule) => covers(rule, attributes))) {
      return { allowed: true, reason: `role ${role}` };
    }
  }
  return { allowed: false, reason };
}

/** Paths that everybody may read: what probes and clients ask before they know who they are. */
const openPaths: readonly string[] = ["/healthz", "/livez", "/readyz", "/version"];
/** Paths that every known user may read: what clients discover the API with. */
const discoveryPaths: readonly string[] = ["/api", "/apis", "/openapi"];

/** Whether the user may read a path that is no resource. */
export function authorizePath(user: User, path: string): Decision {
  const isBelow = (base: string): boolean => path === base || path.startsWith(`${base}/`);
  if (openPaths.some(isBelow)) return { allowed: true, reason: "open to everybody" };
  if (discoveryPaths.some(isBelow) && user.groups.includes(authenticatedGroup)) {
    return { allowed: true, reason: "open to known users" };
  }
  const isAdmin = rolesOf(user).includes("admin");
  return isAdmin ? { allowed: true, reason: "role admin" } : { allowed: false, reason: "no rule" };
}

/**
 * The message of a 403, in the words of Kubernetes: `subnets.heddle.io "a" is forbidden: User "u"
 * cannot delete resource "subnets" in API group "heddle.io" at the cluster scope: <reason>`.
 */
export function formatRefusal(user: User, attributes: Attributes, reason: string): string {
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const qualified = group === "" ? resource : `${resource}.${group}`;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const subject = name === undefined ? qualified : `${qualified} ${JSON.stringify(name)}`;
  const scope =
    namespace === undefined
      ? "at the cluster scope"
      : `in the namespace ${JSON.stringify(namespace)}`;
  const what = `cannot ${verb} resource "${full}" in API group "${group}" ${scope}`;
  return `${subject} is forbidden: User ${JSON.stringify(user.name)} ${what}: ${reason}`;
}

function authorizeAgent(user: User, attributes: Attributes, facts: ClusterFacts): Decision {
  const node = agentNode(user);
  if (node === undefined) {
    return { allowed: false, reason: "the user is an agent of no node" };
  }
  const matching = agentRules.filter((rule) => covers(rule, attributes));
  if (matching.length === 0) return { allowed: false, reason: "no rule of role agent allows it" };
  let reason = "";
  for (const rule of matching) {
    const problem = rule.check === undefined ? undefined : rule.check(node, attributes, facts);
    if (problem === undefined) return { allowed: true, reason: `role agent of node ${node}` };
    reason = problem;
  }
  return { allowed: false, reason };
}

function covers(rule: Rule, attributes: Attributes): boolean {
  const { verb, group, resource, subresource } = attributes;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return (
    (rule.verbs === "*" || rule.verbs.includes(verb)) &&
    (rule.group === "*" || rule.group === group) &&
    (rule.resources === "*" || rule.resources.includes(full)) &&
    !(rule.except !== undefined && rule.group === "*" && isExcepted(rule.except, attributes))
  );
}

function isExcepted(except: readonly string[], { group, resource }: Attributes): boolean {
  return except.includes(group === "" ? resource : `${resource}.${group}`);
}
