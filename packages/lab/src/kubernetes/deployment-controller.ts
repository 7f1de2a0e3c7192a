/**
 * Stand-in for the Deployment and ReplicaSet controllers and the owner garbage collector: pods of
 * Deployments.
 */
import { isDeepStrictEqual } from "node:util";
import { type Deployment, deploymentKind, type Pod, podKind } from "@heddle/api";
import { formatTime, isStatus } from "@heddle/kube";
import { ReconcileLoop } from "./loop.ts";
import { Mirror, type StandInDeps } from "./mirror.ts";
import { orphansOf, planDeployment } from "./plan-deployment.ts";

/** Resolves when the signal aborts. */
export async function runDeploymentController(
  deps: StandInDeps,
  signal: AbortSignal,
): Promise<void> {
  const loop = new ReconcileLoop(() => reconcileAll(deps, deployments, pods), deps.log);
  const deployments = new Mirror<Deployment>(deps, deploymentKind, loop.trigger);
  const pods = new Mirror<Pod>(deps, podKind, loop.trigger);
  await Promise.all([deployments.run(signal), pods.run(signal), loop.run(signal)]);
}

async function reconcileAll(
  deps: StandInDeps,
  deployments: Mirror<Deployment>,
  pods: Mirror<Pod>,
): Promise<void> {
  if (!deployments.hasListed || !pods.hasListed) return;
  for (const orphan of orphansOf(deployments.objects(), pods.objects())) {
    await removePod(deps, pods, orphan);
  }
  for (const deployment of deployments.objects()) {
    if (deployment.metadata.deletionTimestamp !== undefined) continue;
    const plan = planDeployment(deployment, pods.objects(), deps.rng);
    for (const pod of plan.create) pods.absorb(await deps.store.create(podKind, pod));
    for (const pod of plan.remove) await removePod(deps, pods, pod);
    await writeStatus(deps, deployments, deployment, plan.status);
  }
}

async function removePod(deps: StandInDeps, pods: Mirror<Pod>, pod: Pod): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const ref = namespace === undefined ? { name } : { name, namespace };
  try {
    await deps.store.delete(podKind, ref, uid === undefined ? {} : { uid });
  } catch (error) {
    if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
  }
  pods.forget(pod);
}

async function writeStatus(
  deps: StandInDeps,
  deployments: Mirror<Deployment>,
  deployment: Deployment,
  planned: NonNullable<Deployment["status"]>,
): Promise<void> {
  const status = withAvailability(deployment, planned, formatTime(deps.clock.wallMs()));
  if (isDeepStrictEqual(status, deployment.status)) return;
  try {
    deployments.absorb(await deps.store.updateStatus(deploymentKind, { ...deployment, status }));
  } catch (error) {
    // Changed or removed meanwhile: the watch brings what it is now.
    if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) throw error;
  }
}

function withAvailability(
  deployment: Deployment,
  status: NonNullable<Deployment["status"]>,
  now: string,
): NonNullable<Deployment["status"]> {
  const isAvailable = status.availableReplicas === deployment.spec.replicas;
  const wanted = isAvailable ? "True" : "False";
  const previous = status.conditions?.find(({ type }) => type === "Available");
  if (previous?.status === wanted) return status;
  const condition = {
    type: "Available",
    status: wanted,
    reason: isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: `${status.availableReplicas} of ${deployment.spec.replicas} pods are ready`,
    lastTransitionTime: now,
    lastUpdateTime: now,
  };
  return { ...status, conditions: [condition] };
}
