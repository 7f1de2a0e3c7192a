/** What of a peer's UPDATEs was thrown away without ending the session (RFC 7606), in numbers. */
import { pathIdLength } from "../packet/nlri/walk-routes.ts";
import type { FamilyTable } from "./family-table.ts";

/** Routes, each as often as it came. */
export interface DiscardCounts {
  /** Routes of types that are not known (5.4). */
  readonly unknownRouteTypes: number;
  /** Announced, and treated as withdrawn because their attributes are malformed. */
  readonly treatedAsWithdrawn: number;
  /** Taken, without an attribute that is malformed or comes twice. */
  readonly withoutAttribute: number;
}

export type MutableDiscardCounts = { -readonly [K in keyof DiscardCounts]: DiscardCounts[K] };

export function noDiscards(): MutableDiscardCounts {
  return { unknownRouteTypes: 0, treatedAsWithdrawn: 0, withoutAttribute: 0 };
}

/** Routes of known types in a field that was walked before, so that it is well-formed. */
export function routeCountOf(
  { opaqueKeys }: FamilyTable,
  {
    bytes,
    start,
    end,
  }: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
  addPath: boolean,
): number {
  let count = 0;
  if (opaqueKeys !== undefined) {
    opaqueKeys.codec.walk(bytes, start, end, { addPath, withdrawn: false }, () => {
      count += 1;
    });
    return count;
  }
  const skipped = addPath ? pathIdLength : 0;
  for (let at = start; at < end; count += 1) {
    at += skipped + 1 + ((bytes[at + skipped]! + 7) >> 3);
  }
  return count;
}
