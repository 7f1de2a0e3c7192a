/** What a kubelet reports of a pod. Pure. */
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "@heddle/api";
import type { ContainerView, PodRecord } from "./pod-runtime.ts";

/**
 * The status of a pod that runs or has ended. `previous` keeps the times of what has not changed.
 */
export function runningStatus(
  pod: Pod,
  record: PodRecord,
  views: readonly ContainerView[],
  hostIp: string,
  now: string,
): PodStatus {
  const phase = phaseOf(pod, views);
  const isReady = phase === "Running" && views.every(({ isRunning }) => isRunning);
  const [podIP] = record.addresses;
  const ready = isReady ? "True" : "False";
  const wanted: readonly (readonly [string, string])[] = [
    ["PodReadyToStartContainers", "True"],
    ["Initialized", "True"],
    ["Ready", ready],
    ["ContainersReady", ready],
    ["PodScheduled", "True"],
  ];
  return {
    phase,
    conditions: conditionsOf(pod, wanted, now),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIP === undefined ? {} : { podIP }),
    podIPs: record.addresses.map((ip) => ({ ip })),
    startTime: record.startedAt,
    containerStatuses: views.map((view) => containerStatus(pod, record, view)),
    qosClass: "BestEffort",
  };
}

/** The status of a pod that has no sandbox yet; `why` after a failed attempt. */
export function pendingStatus(pod: Pod, why: string | undefined, now: string): PodStatus {
  const wanted: readonly (readonly [string, string])[] = [
    ["Ready", "False"],
    ["ContainersReady", "False"],
    ["PodScheduled", "True"],
  ];
  return {
    phase: "Pending",
    conditions: conditionsOf(pod, wanted, now),
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      ready: false,
      restartCount: 0,
      ...(image === undefined ? {} : { image }),
      state: {
        waiting: {
          reason: why === undefined ? "ContainerCreating" : "CreatePodSandboxError",
          ...(why === undefined ? {} : { message: why }),
        },
      },
    })),
    qosClass: "BestEffort",
  };
}

function phaseOf(
  { spec }: Pod,
  views: readonly ContainerView[],
): "Running" | "Succeeded" | "Failed" {
  if (spec.restartPolicy === "Always" || views.some(({ isRunning }) => isRunning)) return "Running";
  const allDone = views.every(({ exitCode }) => exitCode === 0);
  if (allDone) return "Succeeded";
  return spec.restartPolicy === "Never" ? "Failed" : "Running";
}

/** A condition keeps its time while its status stays. */
function conditionsOf(
  pod: Pod,
  wanted: readonly (readonly [string, string])[],
  now: string,
): PodCondition[] {
  return wanted.map(([type, status]) => {
    const previous = pod.status?.conditions?.find((it) => it.type === type);
    const isSame = previous?.status === status && previous.lastTransitionTime !== undefined;
    return {
      type,
      status,
      lastTransitionTime: isSame ? previous.lastTransitionTime : now,
    } as const;
  });
}

function containerStatus(pod: Pod, record: PodRecord, view: ContainerView): ContainerStatus {
  const { name, isRunning, restartCount, changedAt, exitCode } = view;
  const image = pod.spec.containers.find((it) => it.name === name)?.image;
  return {
    name,
    ready: isRunning,
    started: isRunning,
    restartCount,
    ...(image === undefined ? {} : { image, imageID: image }),
    containerID: `heddle-lab://${record.containerId}/${name}`,
    state: isRunning
      ? { running: { startedAt: changedAt } }
      : { terminated: terminatedState(exitCode, changedAt) },
  };
}

function terminatedState(
  exitCode: number | undefined,
  finishedAt: string,
): { exitCode: number; reason: string; finishedAt: string } {
  if (exitCode === undefined)
    return { exitCode: 137, reason: "ContainerStatusUnknown", finishedAt };
  return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAt };
}
