/** Our side of a test: a speaker in a namespace, and what it says of its routes. */
import {
  type AddressFamily,
  acceptAll,
  formatAsPath,
  formatExtendedCommunity,
  type PathAttributes,
} from "@heddle/bgp";
import {
  formatIp,
  formatPrefix,
  parseAsn,
  parseIfindex,
  parseIp,
  parseIp4,
  parseIp6,
  parsePrefix,
} from "@heddle/inet";
import {
  noFib,
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
  type SpeakerDeps,
} from "@heddle/speaker";
import { type Log, silentLog } from "@heddle/std";
import type { Path } from "../daemon.ts";
import type { Host } from "./lan.ts";

export const unicast: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast"];

/** Short times, so that a test waits for the daemon and not for us. */
const timers = { connectRetryMs: 500, idleHoldMinMs: 200, idleHoldMaxMs: 500 };

export interface OurPeer extends Partial<Omit<PeerConfig, "address" | "asn">> {
  /** Of the peer, as text. */
  readonly address: string;
  readonly asn: number;
  /** False: no policy of ours (RFC 8212). */
  readonly policy?: boolean;
  /** Not inside TLS where Heddle is at the other end. */
  readonly plain?: boolean;
}

export interface OurConfig extends Partial<Omit<SpeakerConfig, "peers" | "asn">> {
  readonly asn: number;
  readonly peers: readonly OurPeer[];
}

/** Own addresses of the host, both families, everything accepted in both directions. */
export function peerConfig(host: Host, asn: number, peer: OurPeer): PeerConfig {
  const over6 = peer.address.includes(":");
  const isLinkLocal = peer.address.startsWith("fe80:");
  const { address, asn: peerAsn, policy, plain: _plain, ...rest } = peer;
  return {
    address: parseIp(address),
    asn: parseAsn(peerAsn),
    kind: asn === peerAsn ? "reflector" : "fabric",
    families: unicast,
    localAddress: isLinkLocal ? parseIp6(host.linkLocal) : parseIp(over6 ? host.ip6 : host.ip4),
    ...(isLinkLocal ? { ifindex: parseIfindex(host.ifindex) } : {}),
    nextHop4: parseIp4(host.ip4),
    nextHop6: parseIp6(host.ip6),
    ...(policy === false ? {} : { importPolicy: acceptAll, exportPolicy: acceptAll }),
    holdTimeMs: 9000,
    ...rest,
  };
}

export function speakerConfig(host: Host, config: OurConfig): SpeakerConfig {
  const { asn, peers, ...rest } = config;
  const listenOn = [host.ip4, host.ip6].map((address) => ({
    address: parseIp(address),
    port: 179,
  }));
  return {
    asn: parseAsn(asn),
    routerId: parseIp4(host.ip4),
    families: unicast,
    listen: listenOn,
    peers: peers.map((peer) => peerConfig(host, asn, peer)),
    multipath: { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: false },
    timers,
    hostname: "our-host",
    ...rest,
  };
}

export function startSpeaker(
  host: Host,
  config: OurConfig,
  deps: Partial<SpeakerDeps> = {},
): Promise<Speaker> {
  const all = { log: logOf(host), fib: noFib, netns: host.path, ...deps };
  return Speaker.start(speakerConfig(host, config), all);
}

/** With HEDDLE_TEST_LOG=1 in the environment the log is shown. */
function logOf(host: Host): Log {
  if (process.env["HEDDLE_TEST_LOG"] === undefined) return silentLog;
  const line = (message: string, fields?: unknown): void =>
    console.log(host.netns, performance.now().toFixed(0), message, JSON.stringify(fields));
  const log: Log = { debug: line, info: line, warn: line, error: line, with: () => log };
  return log;
}

/** The only peer, or the one of that address. */
export function statusOf(speaker: Speaker, address?: string): PeerStatus {
  const found = speaker
    .peers()
    .find((peer) => address === undefined || formatIp(peer.address) === address);
  if (found === undefined) throw new Error(`we have no peer ${address}`);
  return found;
}

export function requireUp(speaker: Speaker, address?: string): void {
  const { state, reason, lastError } = statusOf(speaker, address);
  if (state !== "Established") {
    throw new Error(`our session is ${state}: ${reason}; ${lastError?.message}`);
  }
}

/** The paths of our RIB to `prefix` that may be used, best first. */
export function ourPaths(speaker: Speaker, prefix: string): Path[] {
  const within = parsePrefix(prefix);
  return [...speaker.routes({ within })]
    .filter((route) => formatPrefix(route.prefix) === prefix && route.ineligible === undefined)
    .map((route) => pathOf(route.attributes, route.stale));
}

export function pathOf(attributes: PathAttributes, stale: boolean): Path {
  const { origin, asPath, nextHop, med, localPref, originatorId } = attributes;
  return {
    asPath: formatAsPath(asPath),
    origin: (["igp", "egp", "incomplete"] as const)[origin],
    nextHop: formatIp(nextHop),
    med,
    localPref,
    communities: attributes.communities.map((value) => `${value >>> 16}:${value & 0xffff}`).sort(),
    largeCommunities: attributes.largeCommunities.map((parts) => parts.join(":")).sort(),
    extendedCommunities: attributes.extendedCommunities.map(formatExtendedCommunity).sort(),
    originatorId: originatorId === undefined ? undefined : formatIp(originatorId),
    clusterList: attributes.clusterList.map(formatIp),
    stale,
  };
}

/** `1:2` as the uint32 of a community. */
export function communityOf(text: string): number {
  const [high, low] = text.split(":").map(Number) as [number, number];
  return ((high << 16) | low) >>> 0;
}

/** `1:2:3` as the three numbers of a large community. */
export function largeCommunityOf(text: string): readonly [number, number, number] {
  return text.split(":").map(Number) as [number, number, number];
}
