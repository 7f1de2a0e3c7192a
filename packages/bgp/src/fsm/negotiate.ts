/**
 * What follows from our OPEN and the peer's: capabilities (RFC 5492), hold time (RFC 4271 4.2),
 * graceful restart (RFC 4724, RFC 8538, RFC 9494), roles (RFC 9234), several paths (RFC 7911).
 */
import type { Asn, Ip4 } from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import {
  type AddressFamily,
  addressFamilies,
  addressFamilyNames,
  addressFamilyOf,
} from "../packet/address-family.ts";
import type { Capability } from "../packet/capability.ts";
import { afis, errorCodes, openSubcodes } from "../packet/iana.ts";
import type { Open } from "../packet/open.ts";
import type { BgpRole } from "../rib/peer.ts";
import { type LocalSide, type LongLivedTime, offersBfdStrict } from "./offer.ts";
import { negotiateRole } from "./role.ts";

/** What both sides agreed on. */
export interface Negotiated {
  readonly peerAsn: Asn;
  readonly peerRouterId: Ip4;
  /** The peer is in another AS, and not in our confederation. */
  readonly external: boolean;
  /** RFC 5065: the peer is in another member AS of our confederation. */
  readonly confederationExternal: boolean;
  /** The smaller proposal; 0: neither keepalives nor hold timer. */
  readonly holdTimeMs: number;
  readonly families: readonly AddressFamily[];
  readonly fourOctetAs: boolean;
  /** RFC 8654. */
  readonly extendedMessage: boolean;
  /** The peer takes ROUTE-REFRESH (RFC 2918). */
  readonly routeRefresh: boolean;
  /** Refreshes are delimited (RFC 7313). */
  readonly enhancedRouteRefresh: boolean;
  /** Families in which the peer sends several paths per prefix, and in which it takes them. */
  readonly addPathReceive: readonly AddressFamily[];
  readonly addPathSend: readonly AddressFamily[];
  /** IPv4 families whose routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: readonly AddressFamily[];
  /** The peer's role; absent when it named none or we have none. */
  readonly peerRole?: BgpRole;
  /** The session waits for BFD. */
  readonly bfdStrict: boolean;
  /** What the peer calls itself. */
  readonly peerHostname?: string;
  /** Absent: the peer's routes are not kept when the session ends. */
  readonly peerGracefulRestart?: PeerGracefulRestart;
}

export interface PeerGracefulRestart {
  /** R bit: do not wait for our own End-of-RIB before sending it ours. */
  readonly restarting: boolean;
  readonly restartTimeMs: number;
  /** Both sides keep routes also across a NOTIFICATION that is not a hard reset (RFC 8538). */
  readonly notification: boolean;
  /** Families whose routes are kept for the restart time. */
  readonly families: readonly AddressFamily[];
  /** Of them, those with the F bit: forwarding state was kept across the restart just over. */
  readonly forwarding: readonly AddressFamily[];
  /**
   * Families kept past the restart time, at once where they are none of `families`, and how long the
   * peer wants that (RFC 9494 4.1, 4.2).
   */
  readonly longLived: readonly LongLivedTime[];
  /** Of `longLived`, those with the F bit there. */
  readonly longLivedForwarding: readonly AddressFamily[];
}

/**
 * What follows from the peer's OPEN. `expectedAsn` is the configured AS of the peer.
 * @throws DecodeError `reset` with an OPEN Message Error (RFC 4271 6.2)
 */
export function negotiate(local: LocalSide, expectedAsn: Asn, open: Open): Negotiated {
  if (open.asn !== expectedAsn) {
    throw openError(`AS ${open.asn}, want ${expectedAsn}`, openSubcodes.badPeerAs);
  }
  const otherAs = expectedAsn !== local.asn;
  const isMember = local.confederationMember === true;
  // RFC 6286 2.3: identifiers are unique inside an AS.
  if (!otherAs && open.routerId === local.routerId) {
    throw openError("the peer's BGP Identifier is our own", openSubcodes.badBgpIdentifier);
  }
  const families = commonFamilies(local, open);
  if (families.length === 0) throw noCommonFamily(local);
  const peerRole = negotiateRole(local.role, local.strictRole === true, open);
  const graceful = peerGracefulRestartOf(local, open, families);
  const peerHostname = open.capabilities.find((c) => c.kind === "fqdn")?.hostName;
  return {
    peerAsn: expectedAsn,
    peerRouterId: open.routerId,
    external: otherAs && !isMember,
    confederationExternal: otherAs && isMember,
    holdTimeMs: Math.min(local.holdTimeMs, open.holdTimeS * 1000),
    families,
    fourOctetAs: has(open, "four-octet-as"),
    extendedMessage: has(open, "extended-message"),
    routeRefresh: has(open, "route-refresh"),
    // RFC 7313 3.1 rests on RFC 2918.
    enhancedRouteRefresh:
      local.enhancedRouteRefresh !== false &&
      has(open, "route-refresh") &&
      has(open, "enhanced-route-refresh"),
    ...addPathOf(local, open, families),
    extendedNextHop: extendedNextHopOf(local, open, families),
    bfdStrict: local.bfdStrict === true && offersBfdStrict(open),
    ...(peerRole === undefined ? {} : { peerRole }),
    ...(peerHostname === undefined || peerHostname === "" ? {} : { peerHostname }),
    ...(graceful === undefined ? {} : { peerGracefulRestart: graceful }),
  };
}

/** RFC 7911 4: a direction needs the one side to send and the other to receive. */
function addPathOf(
  local: LocalSide,
  open: Open,
  families: readonly AddressFamily[],
): Pick<Negotiated, "addPathReceive" | "addPathSend"> {
  const offered = open.capabilities.find((c) => c.kind === "add-path");
  const receive: AddressFamily[] = [];
  const send: AddressFamily[] = [];
  for (const own of local.addPath ?? []) {
    if (!families.includes(own.family)) continue;
    const { afi, safi } = addressFamilies[own.family];
    const peer = offered?.families.find((f) => f.afi === afi && f.safi === safi);
    if (own.receive && peer?.send === true) receive.push(own.family);
    if (own.send && peer?.receive === true) send.push(own.family);
  }
  return { addPathReceive: receive, addPathSend: send };
}

/** RFC 8950 4. */
function extendedNextHopOf(
  local: LocalSide,
  open: Open,
  families: readonly AddressFamily[],
): readonly AddressFamily[] {
  const offered = open.capabilities.find((c) => c.kind === "extended-next-hop");
  return (local.extendedNextHop ?? []).filter((family) => {
    const { afi, safi } = addressFamilies[family];
    const matches = offered?.families.some(
      (f) => f.afi === afi && f.safi === safi && f.nextHopAfi === afis.ipv6,
    );
    return families.includes(family) && matches === true;
  });
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
  const listed = named(peer.families).filter(({ family }) => families.includes(family));
  const kept = listed.map(({ family }) => family);
  const offered = open.capabilities.find((c) => c.kind === "long-lived-graceful-restart");
  const own = local.gracefulRestart.longLived ?? [];
  const longLived = (offered === undefined ? [] : named(offered.families)).filter(
    ({ family }) => families.includes(family) && own.some((offer) => offer.family === family),
  );
  return {
    restarting: peer.restarting,
    restartTimeMs: peer.restartTimeS * 1000,
    notification: peer.notification,
    families: kept,
    forwarding: listed.filter((f) => f.forwarding).map(({ family }) => family),
    longLived: longLived.map(({ family, staleTimeS }) => ({
      family,
      staleTimeMs: staleTimeS * 1000,
    })),
    longLivedForwarding: longLived.filter((f) => f.forwarding).map(({ family }) => family),
  };
}

/** Those of the listed families that this speaker knows, each once. */
function named<T extends { readonly afi: number; readonly safi: number }>(
  all: readonly T[],
): (T & { readonly family: AddressFamily })[] {
  const known = new Map<AddressFamily, T>();
  for (const item of all) {
    const family = addressFamilyOf(item.afi, item.safi);
    if (family !== undefined && !known.has(family)) known.set(family, item);
  }
  return [...known].map(([family, item]) => ({ ...item, family }));
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
