/** The plan of a node's BGP in the words of the speaker. Pure. */
import type { BGPPeerFamilies, BGPPeerImportPolicy, BGPPeerSpec } from "@heddle/api";
import {
  type AddressFamily,
  acceptAll,
  acceptDefaultOnly,
  type MultipathConfig,
  type Policy,
  rejectAll,
} from "@heddle/bgp";
import type { Ifindex } from "@heddle/inet";
import {
  type AnnounceOptions,
  type BfdPeerConfig,
  defaultGracefulRestart,
  defaultListen,
  type ListenAddress,
  type PeerConfig,
  type SpeakerConfig,
  type TlsConfig,
} from "@heddle/speaker";
import type { NodeBgp, NodePeer } from "./plan-node-bgp.ts";

/** What the plan does not know. */
export interface SpeakerFacts {
  /** The data plane kept forwarding while no agent ran (RFC 4724 4.1). */
  readonly restarting: boolean;
  /** Undefined when the node has no interface of that name. */
  readonly ifindexOf: (name: string) => Ifindex | undefined;
  /** TCP-MD5 passwords by `origin` of the peer. */
  readonly passwords: ReadonlyMap<string, string>;
  /** Why a password is not known; its peer is held down and says so. */
  readonly passwordProblems?: ReadonlyMap<string, string>;
  readonly listen?: readonly ListenAddress[];
  /** The node's own certificate. */
  readonly tls?: TlsConfig;
  /** Why there is none; peers that want TLS are held down and say so. */
  readonly tlsProblem?: string;
}

const families: Readonly<Record<BGPPeerFamilies[number], AddressFamily>> = {
  IPv4Unicast: "ipv4-unicast",
  IPv6Unicast: "ipv6-unicast",
  VPNv4Unicast: "ipv4-vpn",
  VPNv6Unicast: "ipv6-vpn",
  EVPN: "evpn",
  RouteTarget: "route-target",
};

/** Whose best routes VRFs are made of. */
const vrfFamilies = ["ipv4-vpn", "ipv6-vpn", "evpn"] as const;

/**
 * Only what originates on this node (an empty AS path), so that a node never becomes transit
 * between its leaves. The speaker originates nothing but the node's own blocks and fixed addresses.
 */
const announceOriginated: Policy = {
  name: "announce-own",
  terms: [{ match: { asPathLengthMax: 0 }, verdict: "accept" }],
  otherwise: "reject",
};

/**
 * Unicast routes of a reflector would be the kernel's, which the leaves alone tell where to send.
 */
const acceptForVrfs: Policy = {
  name: "accept-for-vrfs",
  terms: [{ match: { families: [...vrfFamilies, "route-target"] }, verdict: "accept" }],
  otherwise: "reject",
};

const importPolicies: Readonly<Record<BGPPeerImportPolicy, Policy>> = {
  AcceptDefaultOnly: acceptDefaultOnly,
  AcceptAll: acceptAll,
  RejectAll: rejectAll,
};

const exportPolicies: Readonly<Record<BGPPeerSpec["exportPolicy"], Policy>> = {
  AnnounceOwn: announceOriginated,
  AnnounceAll: acceptAll,
  AnnounceNone: rejectAll,
};

/** Most paths of a default route that the kernel uses at once. */
const multipathCountMax = 64;

export const nodeMultipath: MultipathConfig = {
  ebgpCountMax: multipathCountMax,
  ibgpCountMax: multipathCountMax,
  relaxAsPath: true,
};

/** A leaf sends two prefixes; a node must not be drowned by one that leaks a full table. */
const fabricPrefixCountMax = 20_000;

/** Of each family; what the VRFs of one node import. */
const reflectorPrefixCountMax = 500_000;

export function speakerConfigOf(bgp: NodeBgp, facts: SpeakerFacts): SpeakerConfig {
  const { enabled, restartTimeMs } = bgp.gracefulRestart;
  const { restarting } = facts;
  return {
    asn: bgp.asn,
    routerId: bgp.routerId,
    // All that a peer may have: another set would be another speaker, and end every session.
    families: Object.values(families),
    watchedFamilies: vrfFamilies,
    ...(facts.tls === undefined ? {} : { tls: facts.tls }),
    listen: facts.listen === undefined ? defaultListen : facts.listen,
    peers: bgp.peers.map((peer) => peerConfigOf(peer, bgp, facts)),
    multipath: nodeMultipath,
    ...(enabled
      ? { gracefulRestart: { ...defaultGracefulRestart, restartTimeMs, restarting } }
      : {}),
  };
}

function peerConfigOf(peer: NodePeer, bgp: NodeBgp, facts: SpeakerFacts): PeerConfig {
  const ifindex = peer.interface === undefined ? undefined : facts.ifindexOf(peer.interface);
  const md5 = facts.passwords.get(peer.origin);
  return {
    address: peer.address,
    asn: peer.asn,
    kind: peer.kind,
    families: peer.families.map((family) => families[family]),
    holdTimeMs: bgp.holdTimeMs,
    ...(bgp.holdTimeMs === 0 ? {} : { keepaliveMs: bgp.keepaliveMs }),
    importPolicy: importPolicyOf(peer),
    exportPolicy: exportPolicies[peer.exportPolicy],
    prefixCountMax: peer.kind === "reflector" ? reflectorPrefixCountMax : fabricPrefixCountMax,
    ...(peer.port === undefined ? {} : { port: peer.port }),
    ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
    ...(ifindex === undefined ? {} : { ifindex }),
    ...(peer.nextHop4 === undefined ? {} : { nextHop4: peer.nextHop4 }),
    ...(peer.nextHop6 === undefined ? {} : { nextHop6: peer.nextHop6 }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(peer.tlsName === undefined || facts.tls === undefined
      ? {}
      : { tls: { name: peer.tlsName } }),
    ...heldDownOf(peer, facts),
    ...bfdOf(peer),
  };
}

function importPolicyOf({ kind, importPolicy }: NodePeer): Policy {
  const isForVrfs = kind === "reflector" && importPolicy !== "RejectAll";
  return isForVrfs ? acceptForVrfs : importPolicies[importPolicy];
}

/**
 * Without its password or the node's certificate a peer that wants one gets no session, rather than
 * one that nobody vouches for.
 */
function heldDownOf(
  { origin, passwordSecretRef, tlsName }: NodePeer,
  { passwords, passwordProblems, tls, tlsProblem }: SpeakerFacts,
): { heldDown?: string } {
  if (tlsName !== undefined && tls === undefined) {
    return { heldDown: tlsProblem ?? "the node has no certificate for BGP" };
  }
  if (passwordSecretRef === undefined || passwords.has(origin)) return {};
  return { heldDown: passwordProblems?.get(origin) ?? "the password of the session is not known" };
}

/** BFD needs to know both addresses; a session without an own one has none. */
function bfdOf({ bfd, localAddress }: NodePeer): { bfd?: BfdPeerConfig } {
  if (!bfd.enabled || localAddress === undefined) return {};
  return {
    bfd: {
      txIntervalMs: bfd.minTransmitMs,
      rxIntervalMs: bfd.minReceiveMs,
      detectMultiplier: bfd.detectMultiplier,
    },
  };
}

/**
 * What every route that the node announces carries: `65203:100` (RFC 1997), `65203:1:100` (RFC
 * 8092).
 */
export function announceOptionsOf({ communities }: NodeBgp): AnnounceOptions {
  const parsed = communities.map((text) => text.split(":").map(Number));
  return {
    communities: parsed
      .filter((parts) => parts.length === 2)
      .map(([high, low]) => (((high as number) << 16) | (low as number)) >>> 0),
    largeCommunities: parsed
      .filter((parts) => parts.length === 3)
      .map(([administrator, first, second]) => [
        administrator as number,
        first as number,
        second as number,
      ]),
  };
}

/** Passwords that the plan needs, by Secret: `namespace/name` and the key in its data. */
export function secretsOf(bgp: NodeBgp): readonly {
  readonly origin: string;
  readonly ref: NonNullable<NodePeer["passwordSecretRef"]>;
}[] {
  return bgp.peers.flatMap(({ origin, passwordSecretRef: ref }) =>
    ref === undefined ? [] : [{ origin, ref }],
  );
}
