/** Configuration of the RIB as a whole. */
import type { Asn, Ip4 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";

export interface RibConfig {
  readonly localAsn: Asn;
  readonly routerId: Ip4;
  /** RFC 4456; the router id when absent. */
  readonly clusterId?: Ip4;
  readonly families: readonly AddressFamily[];
  readonly multipath: MultipathConfig;
  /** False for a route server: no changes are kept for `takeChanges`. */
  readonly forwarding: boolean;
  /** Seeds the hash tables; random per process, so that nobody can construct collisions. */
  readonly hashSeed: number;
}

/**
 * Equal means: equal in the decision process up to and including MED, session type and IGP metric.
 */
export interface MultipathConfig {
  /** Most paths of one prefix, 1 to 64; 1 turns multipath off. */
  readonly ebgpCountMax: number;
  readonly ibgpCountMax: number;
  /** Paths of different AS path content may be combined when the lengths are equal. */
  readonly relaxAsPath: boolean;
}
