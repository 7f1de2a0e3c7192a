/**
 * Who makes a request. Authentication gives a user; roles follow from its groups.
 *
 * A client certificate's common name is the user, its organisations are the groups (RFC 5280
 * subject; the convention of Kubernetes). A bearer token is looked up in a file of
 * `token,user,uid,"group,group"` lines.
 */

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** A request without credentials. */
export const anonymousUser: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** The group of every user that authentication knows. */
export const authenticatedGroup = "system:authenticated";

/** Groups that carry a role. `system:masters` and `system:nodes` are those of Kubernetes. */
export const roleGroups = {
  admin: ["heddle:admins", "system:masters"],
  controller: ["heddle:controllers"],
  agent: ["heddle:agents", "system:nodes"],
  viewer: ["heddle:viewers"],
} as const;

export type Role = keyof typeof roleGroups;

/** An agent is the user `heddle:agent:<node>`, or `system:node:<node>` as kubelets are. */
const agentName = /^(?:heddle:agent|system:node):(.+)$/;

/** The roles of a user, the strongest first. */
export function rolesOf(user: User): readonly Role[] {
  const roles = Object.keys(roleGroups) as Role[];
  return roles.filter((role) => roleGroups[role].some((group) => user.groups.includes(group)));
}

/** The node that an agent speaks for; undefined for a user that is no agent of any node. */
export function agentNode(user: User): string | undefined {
  return agentName.exec(user.name)?.[1];
}
