/**
 * What a restarted node does with what it finds: a pure comparison of the journal, the kernel and
 * the namespaces that still exist.
 *
 * The rule above all others: the address of a pod that may be alive is never given away. An
 * interface without a journal entry is removed only when the journal is known to be whole: then its
 * ADD was never answered, so no runtime counts on it. A journal entry without an interface is
 * forgotten only when the pod's namespace is gone too.
 */
import type { ObservedPod } from "@heddle/dataplane";
import type { Allocation } from "../journal/allocation.ts";

export interface RecoveryInput {
  readonly allocations: readonly Allocation[];
  readonly observed: readonly ObservedPod[];
  /** Network namespace paths of allocations that exist. */
  readonly namespaces: ReadonlySet<string>;
  /** Every acknowledged allocation is among `allocations`. */
  readonly journalIsWhole: boolean;
  /** Host interfaces that an earlier recovery has put into quarantine. */
  readonly quarantined: ReadonlySet<string>;
}

export type RecoveryStep =
  /** Interface and entry are there: assert the wanted state over what is there. */
  | { readonly kind: "adopt"; readonly allocation: Allocation }
  /** The namespace is there, the interface is not: the runtime decides by ADD, DEL or GC. */
  | { readonly kind: "keep"; readonly allocation: Allocation }
  /** Interface and namespace are gone, and so is the pod. */
  | { readonly kind: "forget"; readonly allocation: Allocation }
  /** An interface whose ADD was never answered. */
  | { readonly kind: "detach"; readonly pod: ObservedPod }
  /** An interface that may belong to a living pod although nothing is known of it. */
  | { readonly kind: "quarantine"; readonly pod: ObservedPod };

/** Removals come last: adopting first means that nothing living waits for the dead. */
export function planRecovery(input: RecoveryInput): RecoveryStep[] {
  const observed = new Map(input.observed.map((pod) => [pod.hostIfname, pod]));
  const steps = input.allocations.map((allocation): RecoveryStep => {
    if (observed.delete(allocation.hostIfname)) return { kind: "adopt", allocation };
    const isAlive = input.namespaces.has(allocation.netnsPath);
    return { kind: isAlive ? "keep" : "forget", allocation };
  });
  const strangers = [...observed.values()].map((pod): RecoveryStep => {
    const isNeverAnswered = input.journalIsWhole && !input.quarantined.has(pod.hostIfname);
    return { kind: isNeverAnswered ? "detach" : "quarantine", pod };
  });
  return [...steps, ...strangers].toSorted((a, b) => order[a.kind] - order[b.kind]);
}

const order: Readonly<Record<RecoveryStep["kind"], number>> = {
  adopt: 0,
  keep: 1,
  quarantine: 2,
  detach: 3,
  forget: 4,
};
