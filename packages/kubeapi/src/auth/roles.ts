/** What each role may do. The agent's rules look into objects and stand in `agent-rules.ts`. */
import type { Verb } from "./attributes.ts";
import type { Role } from "./user.ts";

export interface Rule {
  readonly verbs: readonly Verb[] | "*";
  readonly group: string;
  /** Plural names, `pods/status` for a subresource. */
  readonly resources: readonly string[] | "*";
  /** With every group and resource: those that are not meant, as `resource.group`. */
  readonly except?: readonly string[];
}

const read = ["get", "list", "watch"] as const;

export const roleRules: Readonly<Record<Exclude<Role, "agent">, readonly Rule[]>> = {
  admin: [{ verbs: "*", group: "*", resources: "*" }],
  /** Allocates, maps and configures: all of the model, and what it needs of the cluster. */
  controller: [
    { verbs: "*", group: "heddle.io", resources: "*" },
    { verbs: read, group: "*", resources: "*", except: ["secrets"] },
    { verbs: ["get"], group: "", resources: ["secrets"] },
    { verbs: ["create", "update", "patch"], group: "", resources: ["events"] },
    {
      verbs: ["create", "update", "patch", "delete"],
      group: "coordination.k8s.io",
      resources: ["leases"],
    },
    { verbs: ["update", "patch"], group: "", resources: ["nodes/status", "services/status"] },
    {
      verbs: ["create", "update", "patch", "delete"],
      group: "discovery.k8s.io",
      resources: ["endpointslices"],
    },
  ],
  viewer: [{ verbs: read, group: "*", resources: "*", except: ["secrets"] }],
};
