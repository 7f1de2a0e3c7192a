/** What is left of a policy for one route: see `Residue`. */
import { outcomeIndexOf } from "../policy/evaluate.ts";
import type { PrefixSet } from "../policy/prefix-set.ts";
import type { RouteKeys } from "./route-keys.ts";

/** The index into the outcomes of the residue for the key with that id. */
export function outcomeForKey(sets: readonly PrefixSet[], keys: RouteKeys, id: number): number {
  if (sets.length === 0) return 0;
  return outcomeIndexOf(
    sets,
    keys.wordOf(id, 0),
    keys.wordOf(id, 1),
    keys.wordOf(id, 2),
    keys.wordOf(id, 3),
    keys.lengthOf(id),
    keys.prefixFamilyOf(id),
    keys.routeTypeOf(id),
  );
}
