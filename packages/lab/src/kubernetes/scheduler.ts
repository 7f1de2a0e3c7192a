/**
 * Stand-in for kube-scheduler: binds pods to nodes. Resources, affinity and taints are not looked
 * at.
 */
import { type Node, nodeKind, type Pod, podKind } from "@heddle/api";
import { formatTime, isStatus } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import { ReconcileLoop } from "./loop.ts";
import { Mirror, type StandInDeps } from "./mirror.ts";
import { planBindings } from "./plan-bindings.ts";

/** Resolves when the signal aborts. */
export async function runScheduler(deps: StandInDeps, signal: AbortSignal): Promise<void> {
  const loop = new ReconcileLoop(() => bindAll(deps, pods, nodes), deps.log);
  const pods = new Mirror<Pod>(deps, podKind, loop.trigger);
  const nodes = new Mirror<Node>(deps, nodeKind, loop.trigger);
  await Promise.all([pods.run(signal), nodes.run(signal), loop.run(signal)]);
}

async function bindAll(deps: StandInDeps, pods: Mirror<Pod>, nodes: Mirror<Node>): Promise<void> {
  if (!pods.hasListed || !nodes.hasListed) return;
  for (const { pod, nodeName } of planBindings(pods.objects(), nodes.objects())) {
    try {
      if (nodeName !== undefined) {
        const spec = { ...pod.spec, nodeName };
        pods.absorb(await deps.store.update(podKind, { ...pod, spec }));
        deps.log.info("pod bound", { pod: pod.metadata.name, node: nodeName });
      } else if (!isMarkedUnschedulable(pod)) {
        pods.absorb(await deps.store.updateStatus(podKind, unschedulable(pod, deps.clock)));
      }
    } catch (error) {
      // Somebody else changed or removed it: the watch brings what it is now.
      if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) throw error;
    }
  }
}

function isMarkedUnschedulable({ status }: Pod): boolean {
  return status?.conditions?.some((it) => it.reason === "Unschedulable") === true;
}

function unschedulable(pod: Pod, clock: Clock): Pod {
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message: "no node is ready, schedulable and has the labels of nodeSelector",
    lastTransitionTime: formatTime(clock.wallMs()),
  };
  return { ...pod, status: { ...pod.status, phase: "Pending", conditions: [condition] } };
}
