/**
 * Columns of pods, as kubectl's users know them (kubernetes pkg/printers/internalversion,
 * printPod).
 */
import type { ContainerStatus, Pod } from "@heddle/api";
import { formatDuration } from "../table/age.ts";
import { ageColumn, column, nameColumn, type TableView } from "../table/columns.ts";
import { ageOf, none } from "./cells.ts";

export const podView: TableView<Pod> = {
  columns: [
    nameColumn,
    column("Ready", "Number of ready containers of all."),
    column("Status", "State of the pod, or why it is not running."),
    column("Restarts", "How often containers were restarted, and when last."),
    ageColumn,
    column("IP", "First address of the pod.", { wide: true }),
    column("Node", "Node that the pod runs on.", { wide: true }),
    column("Nominated Node", "Node that the pod may get by displacing others.", { wide: true }),
    column("Readiness Gates", "Conditions that Ready waits for.", { wide: true }),
  ],
  cells: (pod, nowMs) => {
    const containers = statusesOf(pod);
    const ready = containers.filter(isReady).length;
    return [
      pod.metadata.name,
      `${ready}/${pod.spec.containers.length}`,
      statusOf(pod, containers),
      restartsOf(containers, nowMs),
      ageOf(pod, nowMs),
      none(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP),
      none(pod.spec.nodeName),
      none(pod.status?.nominatedNodeName),
      gatesOf(pod),
    ];
  },
};

function statusesOf(pod: Pod): readonly ContainerStatus[] {
  const statuses = pod.status?.containerStatuses;
  return statuses === undefined ? [] : statuses;
}

function isReady(container: ContainerStatus): boolean {
  return container.ready === true && container.state?.running !== undefined;
}

/**
 * The last container that waits or has ended says more than the phase; deletion says more than
 * both.
 */
function statusOf(pod: Pod, containers: readonly ContainerStatus[]): string {
  if (pod.metadata.deletionTimestamp !== undefined) {
    return pod.status?.reason === "NodeLost" ? "Unknown" : "Terminating";
  }
  const init = initStatusOf(pod);
  if (init !== undefined) return init;
  const reasons = containers.flatMap((container) => reasonOf(container)).reverse();
  const hasRunning = containers.some(isReady);
  const last = reasons.at(-1) ?? pod.status?.reason ?? pod.status?.phase ?? "Unknown";
  if (last !== "Completed" || !hasRunning) return last;
  const isPodReady = pod.status?.conditions?.some(
    (condition) => condition.type === "Ready" && condition.status === "True",
  );
  return isPodReady === true ? "Running" : "NotReady";
}

function reasonOf({ state }: ContainerStatus): string[] {
  const waiting = state?.waiting?.reason;
  if (waiting !== undefined && waiting !== "") return [waiting];
  return state?.terminated === undefined ? [] : [endOf(state.terminated)];
}

function endOf(ended: { reason?: string; signal?: number; exitCode?: number }): string {
  if (ended.reason !== undefined && ended.reason !== "") return ended.reason;
  return ended.signal !== undefined && ended.signal !== 0
    ? `Signal:${ended.signal}`
    : `ExitCode:${ended.exitCode}`;
}

/** What the first init container that has not succeeded does; undefined when all have. */
function initStatusOf(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses;
  const total = pod.spec.initContainers?.length;
  if (statuses === undefined || total === undefined) return undefined;
  const at = statuses.findIndex((status) => status.state?.terminated?.exitCode !== 0);
  const current = statuses[at];
  if (current === undefined) return undefined;
  const waiting = current.state?.waiting?.reason;
  if (current.state?.terminated !== undefined) return `Init:${endOf(current.state.terminated)}`;
  if (waiting !== undefined && waiting !== "" && waiting !== "PodInitializing") {
    return `Init:${waiting}`;
  }
  return `Init:${at}/${total}`;
}

function restartsOf(containers: readonly ContainerStatus[], nowMs: number): string {
  const count = containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
  const ends = containers
    .map(({ lastState }) => Date.parse(String(lastState?.terminated?.finishedAt)))
    .filter((at) => !Number.isNaN(at));
  if (count === 0 || ends.length === 0) return String(count);
  return `${count} (${formatDuration(nowMs - Math.max(...ends))} ago)`;
}

function gatesOf(pod: Pod): string {
  const gates = pod.spec.readinessGates;
  if (gates === undefined || gates.length === 0) return "<none>";
  const open = gates.filter((gate) =>
    pod.status?.conditions?.some(
      (condition) => condition.type === gate["conditionType"] && condition.status === "True",
    ),
  );
  return `${open.length}/${gates.length}`;
}
