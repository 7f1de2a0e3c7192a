/** For tests: what a table holds, as lines of text in a fixed order. */
import { formatEsi, formatIp, formatMac, formatPrefix } from "@heddle/inet";
import { formatHop, type RouteHop } from "../hop.ts";
import type { ImportChange } from "../import/import-change.ts";
import type { ImportTable } from "../import/import-table.ts";
import type { Vrf } from "../vrf.ts";

/** The table must have been drained. */
export function printTable(table: ImportTable, vrfs: readonly Vrf[]): string[] {
  const lines: string[] = [];
  for (const { name: vrf, subnets } of vrfs) {
    for (const value of table.routes(vrf)) {
      lines.push(print({ kind: "route", vrf, prefix: value.prefix, value }));
    }
    for (const { name: subnet } of subnets) {
      for (const value of table.macs(vrf, subnet)) {
        lines.push(print({ kind: "mac", vrf, subnet, mac: value.mac, value }));
      }
      for (const value of table.neighbors(vrf, subnet)) {
        lines.push(print({ kind: "neighbor", vrf, subnet, ip: value.ip, value }));
      }
      const value = table.floods(vrf, subnet);
      if (value.length > 0) lines.push(print({ kind: "flood", vrf, subnet, value }));
    }
  }
  return lines.sort();
}

export function drain(table: ImportTable): string[] {
  const lines: string[] = [];
  while (table.changesPending) lines.push(...table.takeChanges(3).map(print));
  return lines.sort();
}

/** Without what follows the arrow, the name of what changed. */
export function print(change: ImportChange): string {
  return `${nameOf(change)} -> ${textOf(change)}`;
}

function nameOf(change: ImportChange): string {
  switch (change.kind) {
    case "route":
      return `${change.vrf} ${formatPrefix(change.prefix)}`;
    case "mac":
      return `${change.vrf}/${change.subnet} ${formatMac(change.mac)}`;
    case "neighbor":
      return `${change.vrf}/${change.subnet} ${formatIp(change.ip)}`;
    case "flood":
      return `${change.vrf}/${change.subnet} flood`;
    case "segment":
      return `segment ${formatEsi(change.esi)}`;
  }
}

function textOf(change: ImportChange): string {
  if (change.value === undefined) return "nothing";
  switch (change.kind) {
    case "route": {
      const { hops, source, tag } = change.value;
      return `${source} ${hopsOf(hops)}${tagOf(tag)}`;
    }
    case "mac": {
      const { defaultGateway, esi, hops, sequence, sticky, tag } = change.value;
      const segment = esi === 0n ? "" : ` esi ${formatEsi(esi)}`;
      const flags = `${sticky ? " sticky" : ""}${defaultGateway ? " gateway" : ""}`;
      return `${hopsOf(hops)} seq ${sequence}${flags}${segment}${tagOf(tag)}`;
    }
    case "neighbor": {
      const { defaultGateway, mac, tag } = change.value;
      return `${formatMac(mac)}${defaultGateway ? " gateway" : ""}${tagOf(tag)}`;
    }
    case "flood":
      return hopsOf(change.value);
    case "segment":
      return change.value
        .map(({ address, algorithm }) => `${formatIp(address)} ${algorithm}`)
        .join();
  }
}

function hopsOf(hops: readonly RouteHop[]): string {
  return hops.map(formatHop).join(", ");
}

function tagOf(tag: number | undefined): string {
  return tag === undefined ? "" : ` tag ${tag}`;
}
