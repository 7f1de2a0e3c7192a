/** One page of a list. */
import type { KubeObject } from "@heddle/api";
import { formatContinueToken } from "./continue-token.ts";
import type { StoredObject } from "./event-log.ts";
import type { Selection } from "./selection.ts";
import type { ListResult } from "./store.ts";

/** The first `limit` selected objects; the rest is counted when the key alone selects. */
export function page<T extends KubeObject>(
  objects: Iterable<StoredObject>,
  selection: Selection,
  revision: number,
  limit: number | undefined,
): ListResult<T> {
  const items: T[] = [];
  let lastKey = "";
  let remaining = 0;
  for (const stored of objects) {
    if (!selection.matches(stored)) continue;
    if (limit !== undefined && limit > 0 && items.length >= limit) {
      remaining += 1;
      if (selection.isSelective) break;
    } else {
      items.push(stored.object as KubeObject as T);
      lastKey = stored.key;
    }
  }
  const resourceVersion = String(revision);
  if (remaining === 0) return { items, resourceVersion };
  const continueToken = formatContinueToken({ revision, afterKey: lastKey });
  return selection.isSelective
    ? { items, resourceVersion, continueToken }
    : { items, resourceVersion, continueToken, remainingItemCount: remaining };
}
