/** Configuration of the RIB as a whole. */
import type { Asn, Family, Ip4, RouteTarget } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PeerIndex } from "./peer.ts";

export interface RibConfig {
  readonly localAsn: Asn;
  readonly routerId: Ip4;
  /** RFC 4456; the router id when absent. */
  readonly clusterId?: Ip4;
  readonly families: readonly AddressFamily[];
  readonly multipath: MultipathConfig;
  /** False for a route server: no changes are kept for `takeChanges`. */
  readonly forwarding: boolean;
  /** Other families whose changes `takeRouteChanges` gives; absent: none are kept. */
  readonly watchedFamilies?: readonly AddressFamily[];
  /** Seeds the hash tables; random per process, so that nobody can construct collisions. */
  readonly hashSeed: number;
  /** RFC 5065: `localAsn` is our member AS; to the outside we are `identifier`. */
  readonly confederation?: { readonly identifier: Asn };
  /**
   * RFC 9494 4.6: long-lived stale routes also go to peers inside the AS or confederation that do
   * not know long-lived graceful restart, with NO_EXPORT; LOCAL_PREF of all of them is 0.
   */
  readonly longLivedPartial?: boolean;
  /** Who may announce what; asked for peers with `ownRoutesOnly`. */
  readonly ownership?: RouteOwnership;
}

/** The allocator's view of who owns a prefix or a tag: blocks, claims and tag assignments. */
export interface RouteOwnership {
  /**
   * Whether the peer may announce the prefix, given as words of `PrefixVisitor6` (IPv4 in the
   * first; borrowed); `length` is -1 and `prefixFamily` undefined for a route that holds none.
   * `routeTargets` are those of the route, which name its VRF; `tag` is its security tag, undefined
   * when it carries none. Called once per route received: it must be cheap and free of
   * effects. The same question may get another answer later: `Rib.recheckOwnership` asks again.
   */
  mayAnnounce(
    peer: PeerIndex,
    family: AddressFamily,
    words: Int32Array,
    length: number,
    routeTargets: readonly RouteTarget[],
    tag: number | undefined,
    prefixFamily: Family | undefined,
  ): boolean;
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
