/**
 * Keeping `status.conditions` by the API conventions: lastTransitionTime moves only when status
 * changes.
 */
import type { Condition } from "./meta.ts";

/**
 * The conditions with `condition` in place of the one of its type, or at the end. `at` is RFC 3339,
 * whole seconds. Returns `conditions` itself when nothing changes, so that callers can skip the
 * write.
 */
export function setCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, "lastTransitionTime">,
  at: string,
): readonly Condition[] {
  const old = conditions.find((each) => each.type === condition.type);
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : at;
  if (old !== undefined && isSame(old, { ...condition, lastTransitionTime })) return conditions;
  const next: Condition = { ...condition, lastTransitionTime };
  return old === undefined
    ? [...conditions, next]
    : conditions.map((each) => (each === old ? next : each));
}

function isSame(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}
