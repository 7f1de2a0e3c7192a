/** Paths as `birdc show route all` writes them. */
import type { Origin, Path } from "../daemon.ts";

/** One path: its line, and what is indented below it. */
export function splitRoutes(text: string): { readonly head: string; readonly lines: string[] }[] {
  const routes: { head: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (/^\S.*\[\S+ .*\]|^\s+(unicast|blackhole|unreachable) \[/.test(line)) {
      routes.push({ head: line.trim(), lines: [] });
    } else if (line.startsWith("\t")) routes.at(-1)?.lines.push(line.trim());
  }
  return routes;
}

export function pathOf(route: { readonly head: string; readonly lines: readonly string[] }): Path {
  const value = (name: string): string | undefined => {
    const line = route.lines.find((text) => text.startsWith(`BGP.${name}:`));
    return line?.slice(name.length + 5).trim();
  };
  const numberOf = (name: string): number | undefined => {
    const text = value(name);
    return text === undefined ? undefined : Number(text);
  };
  return {
    asPath: value("as_path") ?? "",
    origin: (value("origin")?.toLowerCase() ?? "incomplete") as Origin,
    nextHop: value("next_hop")?.split(" ")[0] ?? "",
    med: numberOf("med"),
    localPref: numberOf("local_pref"),
    communities: tuples(value("community")).sort(),
    largeCommunities: tuples(value("large_community")).sort(),
    extendedCommunities: tuples(value("ext_community")).map(extended).sort(),
    originatorId: value("originator_id"),
    clusterList: value("cluster_list")?.split(" ") ?? [],
    stale: /\(\d+s\)/.test(route.head),
  };
}

/** `(1,2) (3,4)` as `1:2`, `3:4`. */
function tuples(text: string | undefined): string[] {
  if (text === undefined) return [];
  return [...text.matchAll(/\(([^)]*)\)/g)].map((match) =>
    (match[1] as string).split(/,\s*/).join(":"),
  );
}

/** A type that BIRD does not know is `generic` with its two halves in hexadecimal. */
function extended(text: string): string {
  if (text.startsWith("ro:")) return `soo:${text.slice(3)}`;
  const [, high, low] = /^generic:0x([0-9a-f]+):0x([0-9a-f]+)$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  return `0x${high.padStart(8, "0")}${low.padStart(8, "0")}`;
}
