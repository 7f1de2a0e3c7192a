/** The plan of a node's BGP in the words of the speaker. Pure. */
import type { BGPPeerSpec } from "@heddle/api";
import {
  type AddressFamily,
  acceptAll,
  acceptDefaultOnly,
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
}

const families: Readonly<Record<BGPPeerSpec["families"][number], AddressFamily>> = {
  IPv4Unicast: "ipv4-unicast",
  IPv6Unicast: "ipv6-unicast",
};

/**
 * Only what originates on this node (an empty AS path), so that a node never becomes transit
 * between its leaves. The speaker originates nothing but the node's own blocks and fixed addresses.
 */
const announceOriginated: Policy = {
  name: "announce-own",
  terms: [{ match: { asPathLengthMax: 0 }, verdict: "accept" }],
  otherwise: "reject",
};

const importPolicies: Readonly<Record<BGPPeerSpec["importPolicy"], Policy>> = {
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

/** A leaf sends two prefixes; a node must not be drowned by one that leaks a full table. */
const prefixCountMax = 20_000;

export function speakerConfigOf(bgp: NodeBgp, facts: SpeakerFacts): SpeakerConfig {
  const { enabled, restartTimeMs } = bgp.gracefulRestart;
  const { restarting } = facts;
  return {
    asn: bgp.asn,
    routerId: bgp.routerId,
    families: ["ipv4-unicast", "ipv6-unicast"],
    listen: facts.listen === undefined ? defaultListen : facts.listen,
    peers: bgp.peers.map((peer) => peerConfigOf(peer, bgp, facts)),
    multipath: {
      ebgpCountMax: multipathCountMax,
      ibgpCountMax: multipathCountMax,
      relaxAsPath: true,
    },
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
    importPolicy: importPolicies[peer.importPolicy],
    exportPolicy: exportPolicies[peer.exportPolicy],
    prefixCountMax,
    ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
    ...(ifindex === undefined ? {} : { ifindex }),
    ...(peer.nextHop4 === undefined ? {} : { nextHop4: peer.nextHop4 }),
    ...(peer.nextHop6 === undefined ? {} : { nextHop6: peer.nextHop6 }),
    ...(md5 === undefined ? heldDownOf(peer, facts) : { md5 }),
    ...bfdOf(peer),
  };
}

/** Without its password a peer that wants one gets no session, rather than an unsigned one. */
function heldDownOf(
  { origin, passwordSecretRef }: NodePeer,
  { passwordProblems }: SpeakerFacts,
): { heldDown?: string } {
  if (passwordSecretRef === undefined) return {};
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
