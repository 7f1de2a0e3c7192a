/** What we put into an OPEN: our side of a session, and its capabilities (RFC 5492). */
import type { Asn, Ip4 } from "@heddle/inet";
import { type AddressFamily, addressFamilies } from "../packet/address-family.ts";
import type { Capability, GracefulRestartCapability } from "../packet/capability.ts";
import { afis } from "../packet/iana.ts";
import type { Open } from "../packet/open.ts";
import type { BgpRole } from "../rib/peer.ts";
import { roleCodeOf } from "./role.ts";

/** Our side of a session. */
export interface LocalSide {
  /** As this peer is to see it: to peers outside a confederation, that of the confederation. */
  readonly asn: Asn;
  readonly routerId: Ip4;
  /** Proposed; 0 for none, else at least 3000, whole seconds. */
  readonly holdTimeMs: number;
  readonly families: readonly AddressFamily[];
  readonly gracefulRestart?: LocalGracefulRestart;
  /** RFC 5065: the peer is in another member AS of our confederation. */
  readonly confederationMember?: boolean;
  /** RFC 7911; absent: neither direction in any family. */
  readonly addPath?: readonly AddPathOffer[];
  /** RFC 8950: IPv4 families whose routes may have IPv6 next hops. */
  readonly extendedNextHop?: readonly AddressFamily[];
  /** RFC 9234; offered to peers of other ASes only. */
  readonly role?: BgpRole;
  /** RFC 9234 4.2: a peer that names no role is refused. */
  readonly strictRole?: boolean;
  /** draft-ietf-idr-bgp-bfd-strict-mode: the session waits for BFD where the peer wants it, too. */
  readonly bfdStrict?: boolean;
  /** RFC 7313; default true. */
  readonly enhancedRouteRefresh?: boolean;
  /** Name of this system for the peer's operators. */
  readonly hostname?: string;
}

export interface AddPathOffer {
  readonly family: AddressFamily;
  readonly receive: boolean;
  readonly send: boolean;
}

export interface LocalGracefulRestart {
  /** How long the peer shall keep our routes while we are away; up to 4095 s. */
  readonly restartTimeMs: number;
  /** We have restarted and not yet finished (R bit). */
  readonly restarting: boolean;
  /** The kernel has forwarded all the time since our last session with this peer (F bit). */
  readonly forwarding: boolean;
  /** RFC 9494: how long the peer shall keep what is stale after `restartTimeMs`. */
  readonly longLived?: readonly LongLivedTime[];
}

export interface LongLivedTime {
  readonly family: AddressFamily;
  /** Long-lived Stale Time; whole seconds, less than 2^24. */
  readonly staleTimeMs: number;
}

/**
 * BFD Capability, code 74, without a value: a temporary allocation of
 * draft-ietf-idr-bgp-bfd-strict-mode, so it is no kind of its own.
 */
const bfdStrictCode = 74;

const enhancedRouteRefresh: Capability = { kind: "enhanced-route-refresh" };

/** The OPEN that `local` sends. */
export function openOf(local: LocalSide): Open {
  return {
    asn: local.asn,
    holdTimeS: local.holdTimeMs / 1000,
    routerId: local.routerId,
    capabilities: [
      ...local.families.map(
        (family): Capability => ({ kind: "multiprotocol", ...addressFamilies[family] }),
      ),
      { kind: "route-refresh" },
      ...(local.enhancedRouteRefresh === false ? [] : [enhancedRouteRefresh]),
      { kind: "extended-message" },
      { kind: "four-octet-as", asn: local.asn },
      ...optionalCapabilities(local),
    ],
  };
}

function optionalCapabilities(local: LocalSide): Capability[] {
  const capabilities: Capability[] = [];
  const { role, addPath = [], extendedNextHop = [], gracefulRestart, hostname } = local;
  if (role !== undefined) capabilities.push({ kind: "role", role: roleCodeOf(role) });
  if (addPath.length > 0) {
    capabilities.push({
      kind: "add-path",
      families: addPath.map(({ family, receive, send }) => ({
        ...addressFamilies[family],
        receive,
        send,
      })),
    });
  }
  if (extendedNextHop.length > 0) {
    capabilities.push({
      kind: "extended-next-hop",
      families: extendedNextHop.map((family) => ({
        ...addressFamilies[family],
        nextHopAfi: afis.ipv6,
      })),
    });
  }
  if (gracefulRestart !== undefined) {
    capabilities.push(gracefulRestartOf(local.families, gracefulRestart));
    const { longLived = [] } = gracefulRestart;
    if (longLived.length > 0) capabilities.push(longLivedOf(longLived, gracefulRestart));
  }
  if (hostname !== undefined)
    capabilities.push({ kind: "fqdn", hostName: hostname, domainName: "" });
  if (local.bfdStrict === true) {
    capabilities.push({ kind: "unknown", code: bfdStrictCode, value: new Uint8Array(0) });
  }
  return capabilities;
}

/** The peer wants BFD to be Up before the session is. */
export function offersBfdStrict(open: Open): boolean {
  return open.capabilities.some((c) => c.kind === "unknown" && c.code === bfdStrictCode);
}

function gracefulRestartOf(
  families: readonly AddressFamily[],
  local: LocalGracefulRestart,
): GracefulRestartCapability {
  return {
    kind: "graceful-restart",
    restarting: local.restarting,
    notification: true,
    restartTimeS: Math.round(local.restartTimeMs / 1000),
    families: families.map((family) => ({
      ...addressFamilies[family],
      forwarding: local.forwarding,
    })),
  };
}

function longLivedOf(
  longLived: readonly LongLivedTime[],
  { forwarding }: LocalGracefulRestart,
): Capability {
  return {
    kind: "long-lived-graceful-restart",
    families: longLived.map(({ family, staleTimeMs }) => ({
      ...addressFamilies[family],
      forwarding,
      staleTimeS: Math.round(staleTimeMs / 1000),
    })),
  };
}
