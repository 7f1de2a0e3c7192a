/** Paths from the events of ExaBGP: the last of each prefix and path identifier counts. */
import type { Origin, Path } from "../daemon.ts";

export interface ExabgpNlri {
  readonly nlri?: string;
  readonly "path-information"?: string;
  readonly [field: string]: unknown;
}

export interface ExabgpUpdate {
  readonly attribute?: Readonly<Record<string, unknown>>;
  /** Family, next hop, routes. */
  readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly ExabgpNlri[]>>>>;
  /** Family, routes. */
  readonly withdraw?: Readonly<Record<string, readonly ExabgpNlri[]>>;
}

export interface ExabgpEvent {
  readonly type: string;
  readonly neighbor?: {
    readonly address?: { readonly local: string; readonly peer: string };
    readonly state?: string;
    /** Why it is down. */
    readonly reason?: string;
    readonly message?: { readonly update?: ExabgpUpdate };
    readonly open?: unknown;
    readonly [field: string]: unknown;
  };
}

/** Session ends are withdrawals of everything. */
export function pathsOf(events: readonly ExabgpEvent[], prefix: string): Path[] {
  const paths = new Map<string, Path>();
  for (const { type, neighbor } of events) {
    if (type === "state" && neighbor?.state === "down") paths.clear();
    const update = neighbor?.message?.update;
    if (update === undefined) continue;
    for (const routes of Object.values(update.withdraw ?? {})) {
      for (const route of routes) if (route.nlri === prefix) paths.delete(idOf(route));
    }
    for (const byNextHop of Object.values(update.announce ?? {})) {
      for (const [nextHop, routes] of Object.entries(byNextHop)) {
        for (const route of routes) {
          if (route.nlri === prefix) paths.set(idOf(route), pathOf(nextHop, update));
        }
      }
    }
  }
  return [...paths.values()];
}

const idOf = (route: ExabgpNlri): string => route["path-information"] ?? "";

export function pathOf(nextHop: string, { attribute = {} }: ExabgpUpdate): Path {
  const list = (name: string): readonly unknown[] => {
    const found = attribute[name];
    return Array.isArray(found) ? found : [];
  };
  const numberOf = (name: string): number | undefined => {
    const found = attribute[name];
    return found === undefined ? undefined : Number(found);
  };
  const colons = (name: string): string[] =>
    list(name)
      .map((parts) => (parts as number[]).join(":"))
      .sort();
  return {
    asPath: asPathOf(attribute),
    origin: (attribute["origin"] ?? "incomplete") as Origin,
    nextHop,
    med: numberOf("med"),
    localPref: numberOf("local-preference"),
    communities: colons("community"),
    largeCommunities: colons("large-community"),
    extendedCommunities: list("extended-community")
      .map((community) => extended((community as { readonly string: string }).string))
      .sort(),
    originatorId: attribute["originator-id"] as string | undefined,
    clusterList: list("cluster-list") as string[],
    stale: false,
  };
}

function asPathOf(attribute: Readonly<Record<string, unknown>>): string {
  const path = attribute["as-path"];
  if (Array.isArray(path)) return path.join(" ");
  return path === undefined ? "" : JSON.stringify(path);
}

function extended(text: string): string {
  const [name, administrator, number = ""] = text.split(":");
  // The number of a site of origin is shown as an address.
  const octets = number.split(".").map(Number);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const known = { target: "rt", origin: "soo" }[name ?? ""];
  return known === undefined ? text : `${known}:${administrator}:${value}`;
}
