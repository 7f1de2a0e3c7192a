/** What a peer's configuration and an OPEN exchange mean to `bgp`. Pure. */
import {
  extendedMessageLengthMax,
  type LocalGracefulRestart,
  type LocalSide,
  messageLengthMax,
  type Negotiated,
  type RibPeer,
  type RibSession,
} from "@heddle/bgp";
import { type Asn, parseAsn } from "@heddle/inet";
import {
  defaultHoldTimeMs,
  type GracefulRestartConfig,
  type PeerConfig,
  type PeerTemplate,
  type SpeakerConfig,
} from "../config.ts";

/** What all peers of a speaker offer alike. */
export type SpeakerIdentity = Pick<
  SpeakerConfig,
  "asn" | "routerId" | "confederation" | "forwarding" | "hostname"
>;

/** Our AS as the peer is to see it (RFC 5065 4). */
export function localAsnOf(speaker: SpeakerIdentity, peer: PeerTemplate): Asn {
  const inside = peer.kind === "reflector" || peer.confederationMember === true;
  const { confederation } = speaker;
  return confederation === undefined || inside ? speaker.asn : confederation.identifier;
}

/** The AS that the peer must have, where its OPEN says `said`. */
export function expectedAsnOf(speaker: SpeakerIdentity, peer: PeerTemplate, said: number): Asn {
  const { asn, otherAsns = [] } = peer;
  const isOurs = said === speaker.asn || said === speaker.confederation?.identifier;
  const mayBe =
    otherAsns === "external" || otherAsns.some(({ first, last }) => said >= first && said <= last);
  return mayBe && !isOurs ? parseAsn(said) : asn;
}

/** What we say of restarts; `isInSync`: selection does not wait for our peers any more. */
export function restartSideOf(
  config: GracefulRestartConfig,
  { forwarding }: SpeakerIdentity,
  wasUp: boolean,
  isInSync: boolean,
): LocalGracefulRestart {
  const { restartTimeMs, restarting, longLived } = config;
  return {
    restartTimeMs,
    restarting: restarting && !isInSync,
    // Once a session has been up, the kernel has what it needs to forward without one. Who does not
    // forward has nothing to lose (RFC 9494 5).
    forwarding: restarting || wasUp || forwarding === false,
    ...(longLived === undefined ? {} : { longLived }),
  };
}

/** What of our side is not in the configuration. */
export interface SessionOffer {
  readonly gracefulRestart: LocalGracefulRestart | undefined;
  readonly enhancedRouteRefresh: boolean;
}

export function localSideOf(
  speaker: SpeakerIdentity,
  peer: PeerConfig,
  { gracefulRestart, enhancedRouteRefresh }: SessionOffer,
): LocalSide {
  const { routerId, hostname } = speaker;
  const { role, addPath } = peer;
  const longLived = gracefulRestart?.longLived?.filter(({ family }) =>
    peer.families.includes(family),
  );
  return {
    asn: localAsnOf(speaker, peer),
    routerId,
    holdTimeMs: peer.holdTimeMs ?? defaultHoldTimeMs,
    families: peer.families,
    confederationMember: peer.confederationMember === true,
    strictRole: peer.strictRole === true,
    bfdStrict: peer.bfd?.strict === true,
    enhancedRouteRefresh,
    ...(gracefulRestart === undefined
      ? {}
      : {
          gracefulRestart: {
            ...gracefulRestart,
            ...(longLived === undefined ? {} : { longLived }),
          },
        }),
    ...(addPath === undefined ? {} : { addPath }),
    ...(peer.extendedNextHop === true ? { extendedNextHop: ip4FamiliesOf(peer) } : {}),
    ...(role === undefined ? {} : { role }),
    ...(hostname === undefined ? {} : { hostname }),
  };
}

function ip4FamiliesOf(peer: PeerTemplate): PeerTemplate["families"] {
  return peer.families.filter((family) => family === "ipv4-unicast" || family === "ipv4-vpn");
}

export function ribSessionOf(peer: PeerTemplate, negotiated: Negotiated): RibSession {
  const { addPathReceive, addPathSend, extendedNextHop } = negotiated;
  const longLived = negotiated.peerGracefulRestart?.longLived ?? [];
  // RFC 7311 3.3: by default inside the AS and the confederation.
  const aigp = peer.aigp ?? !negotiated.external;
  // RFC 7947 2.2.2: a route server does not put its own AS first.
  const checksFirstAsn = negotiated.external && peer.role !== "rs-client";
  return {
    cx: {
      fourOctetAs: negotiated.fourOctetAs,
      external: negotiated.external,
      families: negotiated.families,
      ...(checksFirstAsn ? { firstAsn: negotiated.peerAsn } : {}),
      ...(addPathReceive.length === 0 ? {} : { addPathReceive }),
      ...(extendedNextHop.length === 0 ? {} : { extendedNextHop }),
      ...(negotiated.confederationExternal ? { confederationExternal: true } : {}),
      ...(aigp ? { aigp } : {}),
    },
    routerId: negotiated.peerRouterId,
    asn: negotiated.peerAsn,
    messageLengthMax: negotiated.extendedMessage ? extendedMessageLengthMax : messageLengthMax,
    ...(addPathSend.length === 0 ? {} : { addPathSend }),
    ...(longLived.length === 0 ? {} : { longLived: longLived.map(({ family }) => family) }),
  };
}

export function ribPeerOf(config: PeerConfig): RibPeer {
  const { localAddress: local } = config;
  const nextHop4 = config.nextHop4 ?? (typeof local === "number" ? local : undefined);
  const nextHop6 = config.nextHop6 ?? (typeof local === "bigint" ? local : undefined);
  return {
    address: config.address,
    asn: config.asn,
    reflectorClient: config.reflectorClient === true,
    nextHopSelf: config.nextHopSelf === true,
    ...(config.importPolicy === undefined ? {} : { importPolicy: config.importPolicy }),
    ...(config.exportPolicy === undefined ? {} : { exportPolicy: config.exportPolicy }),
    ...(nextHop4 === undefined ? {} : { nextHop4 }),
    ...(nextHop6 === undefined ? {} : { nextHop6 }),
    ...(config.ifindex === undefined ? {} : { ifindex: config.ifindex }),
    ...(config.prefixCountMax === undefined ? {} : { prefixCountMax: config.prefixCountMax }),
    ...(config.confederationMember === true ? { confederationMember: true } : {}),
    ...(config.routeServerClient === true ? { routeServerClient: true } : {}),
    ...(config.role === undefined ? {} : { role: config.role }),
    ...(config.addPathSendMax === undefined ? {} : { addPathSendMax: config.addPathSendMax }),
    ...(config.ownRoutesOnly === true ? { ownRoutesOnly: true } : {}),
    ...(config.flowSpecValidation === false ? { flowSpecValidation: false } : {}),
    ...(config.aigpMetric === undefined ? {} : { aigpMetric: config.aigpMetric }),
  };
}
