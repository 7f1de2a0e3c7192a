/** Lists as of an earlier revision: the present with later changes undone. */
import type { StoredObject } from "./event-log.ts";
import { expired } from "./refusals.ts";
import type { Selection } from "./selection.ts";
import type { StoreState } from "./store-state.ts";

/**
 * The objects that existed at `revision`, in key order, with keys above `afterKey`.
 * @throws StatusError Expired when the changes since then are not known any more.
 */
export function objectsAt(
  state: StoreState,
  resource: string,
  revision: number,
  selection: Selection,
  afterKey: string | undefined,
): Iterable<StoredObject> {
  const compactedRevision = state.log.compactedRevisionOf(resource);
  if (revision < compactedRevision) throw expired(revision, compactedRevision);
  const from = afterKey === undefined ? selection.from : `${afterKey}\0`;
  const present = state.table(resource).range(from, selection.to);
  const changes = state.log.after(resource, revision, Number.MAX_SAFE_INTEGER);
  if (changes.length === 0) return present;
  const before = new Map<string, StoredObject | undefined>();
  for (const change of changes) {
    if (!before.has(change.after.key)) before.set(change.after.key, change.before);
  }
  return undone(present, before, from, selection.to);
}

/**
 * Merges the unchanged part of the present with the earlier states of what changed; both are
 * sorted.
 */
function* undone(
  present: Iterable<StoredObject>,
  before: ReadonlyMap<string, StoredObject | undefined>,
  from: string,
  to: string | undefined,
): Generator<StoredObject> {
  const earlier = [...before.values()]
    .filter((stored) => stored !== undefined)
    .filter(({ key }) => key >= from && (to === undefined || key < to))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  let next = 0;
  for (const stored of present) {
    if (before.has(stored.key)) continue;
    while (next < earlier.length && (earlier[next] as StoredObject).key < stored.key) {
      yield earlier[next] as StoredObject;
      next += 1;
    }
    yield stored;
  }
  yield* earlier.slice(next);
}
