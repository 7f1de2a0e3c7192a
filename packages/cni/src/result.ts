/**
 * The success result of ADD (specification 1.1, section 5) and its older shapes. The native form is
 * that of 1.1; `formatResult` writes what the requested version defines:
 * - before 1.1 an interface has no mtu;
 * - before 1.0 an entry of ips carries `version`, the family as text.
 */
import type { CniVersion } from "./version.ts";

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Path of the namespace; absent for a host interface. */
  readonly sandbox?: string;
}

export interface CniIp {
  /** `10.244.0.5/32`. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into interfaces. */
  readonly interface?: number;
}

export interface CniRoute {
  readonly dst: string;
  readonly gw?: string;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export interface CniResult {
  readonly interfaces?: readonly CniInterface[];
  readonly ips?: readonly CniIp[];
  readonly routes?: readonly CniRoute[];
  readonly dns?: CniDns;
}

/**
 * Our result after that of the plugins before us: theirs first, our interface indexes moved behind
 * theirs.
 */
export function chainResult(previous: CniResult | undefined, ours: CniResult): CniResult {
  if (previous === undefined) return ours;
  const shift = previous.interfaces?.length ?? 0;
  const ips = (ours.ips ?? []).map((ip) =>
    ip.interface === undefined ? ip : { ...ip, interface: ip.interface + shift },
  );
  return {
    interfaces: [...(previous.interfaces ?? []), ...(ours.interfaces ?? [])],
    ips: [...(previous.ips ?? []), ...ips],
    routes: [...(previous.routes ?? []), ...(ours.routes ?? [])],
    dns: previous.dns ?? ours.dns ?? {},
  };
}

/** The document that the runtime reads, in the shape of `version`. */
export function formatResult(result: CniResult, version: CniVersion): Record<string, unknown> {
  return {
    cniVersion: version,
    interfaces: (result.interfaces ?? []).map((entry) => formatInterface(entry, version)),
    ips: (result.ips ?? []).map((entry) => formatIpEntry(entry, version)),
    routes: result.routes ?? [],
    dns: result.dns ?? {},
  };
}

function formatInterface(entry: CniInterface, version: CniVersion): CniInterface {
  if (version === "1.1.0") return entry;
  const { mtu: _, ...older } = entry;
  return older;
}

function formatIpEntry(entry: CniIp, version: CniVersion): CniIp & { readonly version?: string } {
  if (version === "1.1.0" || version === "1.0.0") return entry;
  return { version: entry.address.includes(":") ? "6" : "4", ...entry };
}
