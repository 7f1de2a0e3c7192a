/** Asking authorisation, and saying no in Kubernetes' words. */
import { type KubeObject, type Lease, leaseKind } from "@heddle/api";
import { type AdmissionView, StatusError } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import { nodeLeaseNamespace } from "../auth/agent-rules.ts";
import type { Attributes, ClusterFacts, Verb } from "../auth/attributes.ts";
import { authorize, formatRefusal } from "../auth/authorize.ts";
import type { User } from "../auth/user.ts";
import type { ResourceRoute } from "./route.ts";

/** Graceful restart keeps the routes of a dead node for at most this long after its lease. */
const routeGraceMs = 180_000;

/** @throws StatusError Forbidden */
export function demand(user: User, attributes: Attributes, facts: ClusterFacts): void {
  const { allowed, reason } = authorize(user, attributes, facts);
  if (!allowed) throw new StatusError("Forbidden", formatRefusal(user, attributes, reason));
}

export function attributesOf(
  verb: Verb,
  { served: { kind }, namespace, name, subresource }: ResourceRoute,
  objects: { readonly object?: KubeObject; readonly previous?: KubeObject } = {},
  fieldSelector?: string,
): Attributes {
  return {
    verb,
    group: kind.group,
    resource: kind.plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...objects,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

/** What the stored Leases say about nodes. */
export function factsOf(view: AdmissionView, clock: Clock): ClusterFacts {
  return {
    isNodeGone(node: string): boolean {
      const ref = { name: node, namespace: nodeLeaseNamespace };
      const lease = view.get(leaseKind, ref) as Lease | undefined;
      if (lease === undefined) return true;
      const { renewTime, leaseDurationSeconds } = lease.spec;
      if (renewTime === undefined || leaseDurationSeconds === undefined) return false;
      const endMs = Date.parse(renewTime) + leaseDurationSeconds * 1000;
      return endMs + routeGraceMs < clock.wallMs();
    },
  };
}
