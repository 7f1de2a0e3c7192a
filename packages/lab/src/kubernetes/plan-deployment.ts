/**
 * What a Deployment lacks and has too much of. Pure. Rolling is not attempted: old pods go at once.
 */
import { createHash } from "node:crypto";
import type { Deployment, Pod } from "@heddle/api";
import type { Rng } from "@heddle/std";

export interface DeploymentPlan {
  readonly create: readonly Pod[];
  readonly remove: readonly Pod[];
  readonly status: NonNullable<Deployment["status"]>;
}

const hashLabel = "pod-template-hash";
/** The alphabet of Kubernetes' generated names: no vowels, so no words. */
const letters = "bcdfghjklmnpqrstvwxz2456789";

export function planDeployment(
  deployment: Deployment,
  pods: readonly Pod[],
  rng: Rng,
): DeploymentPlan {
  const owned = pods.filter((pod) => isOwnedBy(pod, deployment) && isLiving(pod));
  const hash = templateHash(deployment);
  const current = owned.filter((pod) => pod.metadata.labels?.[hashLabel] === hash);
  const outdated = owned.filter((pod) => !current.includes(pod));
  const { replicas } = deployment.spec;
  const lacking = Math.max(0, replicas - current.length);
  return {
    create: Array.from({ length: lacking }, () => podOf(deployment, hash, rng)),
    remove: [...outdated, ...surplus(current, replicas)],
    status: statusOf(deployment, owned, current),
  };
}

/** Pods whose Deployment is gone. */
export function orphansOf(deployments: readonly Deployment[], pods: readonly Pod[]): Pod[] {
  const uids = new Set(deployments.map(({ metadata }) => metadata.uid));
  return pods.filter(({ metadata }) => {
    const owner = metadata.ownerReferences?.find((it) => it.controller === true);
    return owner?.kind === "Deployment" && !uids.has(owner.uid);
  });
}

/** Those that are not ready go first, then the youngest. */
function surplus(pods: readonly Pod[], replicas: number): Pod[] {
  const rank = (pod: Pod): string => {
    return `${isReady(pod) ? 0 : 1} ${pod.metadata.creationTimestamp} ${pod.metadata.name}`;
  };
  return [...pods].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(replicas);
}

function isOwnedBy({ metadata }: Pod, deployment: Deployment): boolean {
  return metadata.ownerReferences?.some((it) => it.uid === deployment.metadata.uid) === true;
}

/** A pod that ended for good is replaced. */
function isLiving({ metadata, status }: Pod): boolean {
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return metadata.deletionTimestamp === undefined && !hasEnded;
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") === true;
}

function templateHash({ spec }: Deployment): string {
  return createHash("sha256").update(JSON.stringify(spec.template)).digest("hex").slice(0, 10);
}

function podOf({ metadata, spec }: Deployment, hash: string, rng: Rng): Pod {
  const { template } = spec;
  const suffix = Array.from({ length: 5 }, () => letters[rng.uint32() % letters.length]).join("");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${metadata.name}-${hash}-${suffix}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(template.metadata?.annotations === undefined
        ? {}
        : { annotations: template.metadata.annotations }),
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: metadata.name,
          uid: metadata.uid as string,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: template.spec,
    status: { phase: "Pending" },
  };
}

function statusOf(
  { metadata, status }: Deployment,
  owned: readonly Pod[],
  current: readonly Pod[],
): DeploymentPlan["status"] {
  const ready = owned.filter(isReady).length;
  return {
    ...status,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    replicas: owned.length,
    updatedReplicas: current.length,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: owned.length - ready,
  };
}
