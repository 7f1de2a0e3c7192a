import type { Link, LinkEnd } from "./model.ts";

/** A link as one of its switches sees it. */
export interface AttachedLink {
  readonly link: Link;
  readonly near: LinkEnd;
  readonly far: LinkEnd;
}

/** Order of code units: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
