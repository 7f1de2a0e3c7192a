/**
 * What has to be done so that the actual objects become the desired ones. Pure, and the same input
 * gives the same plan in the same order. Objects are matched by a key that both sides share.
 */

export interface Plan<K, D, A> {
  readonly create: readonly { readonly key: K; readonly desired: D }[];
  readonly update: readonly { readonly key: K; readonly desired: D; readonly actual: A }[];
  readonly delete: readonly { readonly key: K; readonly actual: A }[];
}

export interface PlanRules<K, D, A> {
  /** True when the actual object needs no update. */
  readonly isEqual: (desired: D, actual: A, key: K) => boolean;
  /** Total order of the keys: the order of the operations of each kind. */
  readonly compare: (a: K, b: K) => number;
}

/** Both maps must be complete for the keys they are about: what `desired` lacks is deleted. */
export function plan<K, D, A>(
  desired: ReadonlyMap<K, D>,
  actual: ReadonlyMap<K, A>,
  rules: PlanRules<K, D, A>,
): Plan<K, D, A> {
  const create: { key: K; desired: D }[] = [];
  const update: { key: K; desired: D; actual: A }[] = [];
  const gone: { key: K; actual: A }[] = [];
  for (const [key, want] of desired) {
    const have = actual.get(key);
    if (have === undefined) create.push({ key, desired: want });
    else if (!rules.isEqual(want, have, key)) update.push({ key, desired: want, actual: have });
  }
  for (const [key, have] of actual) if (!desired.has(key)) gone.push({ key, actual: have });
  const byKey = (a: { key: K }, b: { key: K }): number => rules.compare(a.key, b.key);
  return { create: create.sort(byKey), update: update.sort(byKey), delete: gone.sort(byKey) };
}

export function isEmpty(plan: Plan<unknown, unknown, unknown>): boolean {
  return plan.create.length + plan.update.length + plan.delete.length === 0;
}
