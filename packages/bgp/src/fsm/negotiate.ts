/**
 * What we put into an OPEN, and what follows from it and the peer's: capabilities (RFC 5492), hold
 * time (RFC 4271 4.2), graceful restart (RFC 4724, RFC 8538).
 */
import type { Asn, Ip4 } from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import {
  type AddressFamily,
  addressFamilies,
  addressFamilyNames,
  addressFamilyOf,
} from "../packet/address-family.ts";
import type { Capability, GracefulRestartCapability } from "../packet/capability.ts";
import { errorCodes, openSubcodes } from "../packet/iana.ts";
import type { Open } from "../packet/open.ts";

/** Our side of a session. */
export interface LocalSide {
  readonly asn: Asn;
  readonly routerId: Ip4;
  /** Proposed; 0 for none, else at least 3000, whole seconds. */
  readonly holdTimeMs: number;
  readonly families: readonly AddressFamily[];
  readonly gracefulRestart?: LocalGracefulRestart;
}

export interface LocalGracefulRestart {
  /** How long the peer shall keep our routes while we are away; up to 4095 s. */
  readonly restartTimeMs: number;
  /** We have restarted and not yet finished (R bit). */
  readonly restarting: boolean;
  /** The kernel has forwarded all the time since our last session with this peer (F bit). */
  readonly forwarding: boolean;
}

/** What both sides agreed on. */
export interface Negotiated {
  readonly peerAsn: Asn;
  readonly peerRouterId: Ip4;
  /** The peer is in another AS. */
  readonly external: boolean;
  /** The smaller proposal; 0: neither keepalives nor hold timer. */
  readonly holdTimeMs: number;
  readonly families: readonly AddressFamily[];
  readonly fourOctetAs: boolean;
  /** RFC 8654. */
  readonly extendedMessage: boolean;
  /** The peer takes ROUTE-REFRESH (RFC 2918). */
  readonly routeRefresh: boolean;
  /** Absent: the peer's routes are not kept when the session ends. */
  readonly peerGracefulRestart?: PeerGracefulRestart;
}

export interface PeerGracefulRestart {
  /** R bit: do not wait for our own End-of-RIB before sending it ours. */
  readonly restarting: boolean;
  readonly restartTimeMs: number;
  /** Both sides keep routes also across a NOTIFICATION that is not a hard reset (RFC 8538). */
  readonly notification: boolean;
  /** Families whose routes are kept when the session ends. */
  readonly families: readonly AddressFamily[];
  /** Of them, those with the F bit: forwarding state was kept across the restart just over. */
  readonly forwarding: readonly AddressFamily[];
}

/**
 * The OPEN that `local` sends. Enhanced route refresh (RFC 7313) is not offered: a table that is
 * sent again is not delimited.
 */
export function openOf(local: LocalSide): Open {
  const capabilities: Capability[] = local.families.map((family) => ({
    kind: "multiprotocol",
    ...addressFamilies[family],
  }));
  capabilities.push(
    { kind: "route-refresh" },
    { kind: "extended-message" },
    { kind: "four-octet-as", asn: local.asn },
  );
  if (local.gracefulRestart !== undefined) {
    capabilities.push(gracefulRestartOf(local.families, local.gracefulRestart));
  }
  return {
    asn: local.asn,
    holdTimeS: local.holdTimeMs / 1000,
    routerId: local.routerId,
    capabilities,
  };
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

/**
 * What follows from the peer's OPEN. `expectedAsn` is the configured AS of the peer.
 * @throws DecodeError `reset` with an OPEN Message Error (RFC 4271 6.2)
 */
export function negotiate(local: LocalSide, expectedAsn: Asn, open: Open): Negotiated {
  if (open.asn !== expectedAsn) {
    throw openError(`AS ${open.asn}, want ${expectedAsn}`, openSubcodes.badPeerAs);
  }
  const external = expectedAsn !== local.asn;
  // RFC 6286 2.3: identifiers are unique inside an AS.
  if (!external && open.routerId === local.routerId) {
    throw openError("the peer's BGP Identifier is our own", openSubcodes.badBgpIdentifier);
  }
  const families = commonFamilies(local, open);
  if (families.length === 0) throw noCommonFamily(local);
  const graceful = peerGracefulRestartOf(local, open, families);
  return {
    peerAsn: expectedAsn,
    peerRouterId: open.routerId,
    external,
    holdTimeMs: Math.min(local.holdTimeMs, open.holdTimeS * 1000),
    families,
    fourOctetAs: has(open, "four-octet-as"),
    extendedMessage: has(open, "extended-message"),
    routeRefresh: has(open, "route-refresh"),
    ...(graceful === undefined ? {} : { peerGracefulRestart: graceful }),
  };
}

/** Without any multiprotocol capability a peer carries IPv4 unicast (RFC 4760 8). */
function commonFamilies(local: LocalSide, open: Open): readonly AddressFamily[] {
  const offered = open.capabilities.filter((c) => c.kind === "multiprotocol");
  const peer =
    offered.length === 0 ? ["ipv4-unicast"] : offered.map((c) => addressFamilyOf(c.afi, c.safi));
  return addressFamilyNames.filter((f) => local.families.includes(f) && peer.includes(f));
}

function peerGracefulRestartOf(
  local: LocalSide,
  open: Open,
  families: readonly AddressFamily[],
): PeerGracefulRestart | undefined {
  const peer = open.capabilities.find((c) => c.kind === "graceful-restart");
  // RFC 4724 4: the procedures need the capability of both sides.
  if (peer === undefined || local.gracefulRestart === undefined) return undefined;
  const listed = peer.families.filter((f) => {
    const family = addressFamilyOf(f.afi, f.safi);
    return family !== undefined && families.includes(family);
  });
  const named = (all: typeof listed): AddressFamily[] =>
    all.map((f) => addressFamilyOf(f.afi, f.safi)).filter((f) => f !== undefined);
  return {
    restarting: peer.restarting,
    restartTimeMs: peer.restartTimeS * 1000,
    notification: peer.notification,
    families: named(listed),
    forwarding: named(listed.filter((f) => f.forwarding)),
  };
}

function has(open: Open, kind: Capability["kind"]): boolean {
  return open.capabilities.some((capability) => capability.kind === kind);
}

/** RFC 5492 5: the data lists the capabilities that the peer lacks. */
function noCommonFamily(local: LocalSide): DecodeError {
  const data = local.families.flatMap((family) => {
    const { afi, safi } = addressFamilies[family];
    return [1, 4, afi >> 8, afi & 0xff, 0, safi];
  });
  return openError(
    "no address family in common",
    openSubcodes.unsupportedCapability,
    Uint8Array.from(data),
  );
}

function openError(why: string, subcode: number, data?: Uint8Array): DecodeError {
  return new DecodeError(
    `Cannot accept OPEN: ${why}`,
    "reset",
    errorCodes.openMessage,
    subcode,
    data,
  );
}
