/** Which node each waiting pod goes to: the one with the fewest pods among those that fit. Pure. */
import type { Node, Pod } from "@heddle/api";

export interface Binding {
  readonly pod: Pod;
  /** Undefined when no node fits. */
  readonly nodeName: string | undefined;
}

/** In the order of creation, so that the plan does not depend on the order of the lists. */
export function planBindings(pods: readonly Pod[], nodes: readonly Node[]): Binding[] {
  const counts = new Map(nodes.map((node) => [node.metadata.name, 0]));
  for (const { spec, status } of pods) {
    const count = spec.nodeName === undefined ? undefined : counts.get(spec.nodeName);
    const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
    if (spec.nodeName !== undefined && count !== undefined && !hasEnded) {
      counts.set(spec.nodeName, count + 1);
    }
  }
  return pods
    .filter((pod) => pod.spec.nodeName === undefined)
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .sort(byAge)
    .map((pod) => {
      const nodeName = leastLoaded(
        nodes.filter((node) => fits(pod, node)),
        counts,
      );
      if (nodeName !== undefined) counts.set(nodeName, (counts.get(nodeName) as number) + 1);
      return { pod, nodeName };
    });
}

function leastLoaded(
  nodes: readonly Node[],
  counts: ReadonlyMap<string, number>,
): string | undefined {
  const names = nodes.map((node) => node.metadata.name);
  return names.sort((a, b) => {
    return (counts.get(a) as number) - (counts.get(b) as number) || (a < b ? -1 : 1);
  })[0];
}

function fits({ spec }: Pod, { metadata, spec: nodeSpec, status }: Node): boolean {
  const ready = status?.conditions?.find((condition) => condition.type === "Ready");
  if (ready?.status !== "True" || nodeSpec.unschedulable === true) return false;
  if (spec.nodeSelector === undefined) return true;
  const wanted = Object.entries(spec.nodeSelector);
  return wanted.every(([key, value]) => metadata.labels?.[key] === value);
}

function byAge(a: Pod, b: Pod): number {
  const key = ({ metadata }: Pod): string => {
    return `${metadata.creationTimestamp} ${metadata.namespace}/${metadata.name}`;
  };
  return key(a) < key(b) ? -1 : 1;
}
