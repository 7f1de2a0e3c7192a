/** Configuration of a speaker, and the checks that no type can make. */
import {
  type AddressFamily,
  bgpPort,
  type LocalAttributes,
  type MultipathConfig,
  type Policy,
} from "@heddle/bgp";
import {
  type Asn,
  familyOf,
  formatIp,
  type Ifindex,
  type Ip,
  type Ip4,
  type Ip6,
} from "@heddle/inet";
import { SpeakerError } from "./errors.ts";

export interface SpeakerConfig {
  readonly asn: Asn;
  /** BGP Identifier; not 0. */
  readonly routerId: Ip4;
  /** RFC 4456; `routerId` when absent. */
  readonly clusterId?: Ip4;
  readonly families: readonly AddressFamily[];
  /** Where connections are accepted; empty: nowhere. */
  readonly listen: readonly ListenAddress[];
  readonly peers: readonly PeerConfig[];
  readonly multipath: MultipathConfig;
  readonly gracefulRestart?: GracefulRestartConfig;
  readonly timers?: Partial<SessionTimers>;
}

export interface ListenAddress {
  readonly address: Ip;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

/** Both wildcard addresses at the port of BGP. */
export const defaultListen: readonly ListenAddress[] = [
  { address: 0 as Ip4, port: bgpPort },
  { address: 0n as Ip6, port: bgpPort },
];

/** RFC 4724, in both roles; it is in force with peers that announce it, too. */
export interface GracefulRestartConfig {
  /** How long peers shall keep our routes while we are away; whole seconds up to 4095 s. */
  readonly restartTimeMs: number;
  /**
   * The speaker was restarted and the kernel has forwarded meanwhile: selection waits until the
   * peers have sent their tables, and they are asked to keep what we announced.
   */
  readonly restarting: boolean;
  /** Longest wait for the peers' End-of-RIB (Selection_Deferral_Timer). */
  readonly deferralMs: number;
  /** Longest a returned peer's old routes are kept for its End-of-RIB. */
  readonly staleTimeMs: number;
}

export const defaultGracefulRestart: GracefulRestartConfig = {
  restartTimeMs: 120_000,
  restarting: false,
  deferralMs: 30_000,
  staleTimeMs: 180_000,
};

/**
 * A fabric peer is a leaf in another AS; a reflector session stays inside the AS, on either side of
 * it.
 */
export type PeerKind = "fabric" | "reflector";

export interface PeerConfig {
  /** Remote address; the identity of the peer. */
  readonly address: Ip;
  /** Remote port when we initiate; default 179. */
  readonly port?: number;
  readonly asn: Asn;
  readonly kind: PeerKind;
  readonly families: readonly AddressFamily[];
  readonly localAddress?: Ip;
  /** The interface of a directly connected peer: scope of link-local addresses, and of BFD. */
  readonly ifindex?: Ifindex;
  /** Own next hop in IPv4 NLRI; default: `localAddress` when that is IPv4. */
  readonly nextHop4?: Ip4;
  /** Own next hop in IPv6 NLRI; default: `localAddress` when that is IPv6. */
  readonly nextHop6?: Ip6;
  /** Absent: nothing over eBGP (RFC 8212), all over iBGP. */
  readonly importPolicy?: Policy;
  /** Absent: nothing over eBGP (RFC 8212), all over iBGP. */
  readonly exportPolicy?: Policy;
  /** RFC 4456: the peer is our client. Reflector sessions only. */
  readonly reflectorClient?: boolean;
  /** Proposed hold time; 0, or whole seconds from 3 s; default 9 s. */
  readonly holdTimeMs?: number;
  /** Offer graceful restart to this peer; default true where the speaker has it configured. */
  readonly gracefulRestart?: boolean;
  /** Never initiate. */
  readonly passive?: boolean;
  /** RFC 2385 password, 1 to 80 octets. Never logged. */
  readonly md5?: string;
  /** RFC 5082: the peer is one hop away and proves it with TTL 255. Both sides must have it. */
  readonly ttlSecurity?: boolean;
  readonly bfd?: BfdPeerConfig;
  /** Prefixes per family above which the session is closed with Cease/1; default: no limit. */
  readonly prefixCountMax?: number;
}

/** RFC 5880 timers of one session. */
export interface BfdPeerConfig {
  /** Desired Min TX Interval once Up; default 300 ms. */
  readonly txIntervalMs?: number;
  /** Required Min RX Interval; default 300 ms. */
  readonly rxIntervalMs?: number;
  /** Packets missed before the session is down; default 3. */
  readonly detectMultiplier?: number;
}

export const defaultHoldTimeMs = 9000;

export interface SessionTimers {
  /** Before a connection attempt is given up and made again. */
  readonly connectRetryMs: number;
  /** Back-off after a failure: first, and its limit; doubled by each failure in a row, jittered. */
  readonly idleHoldMinMs: number;
  readonly idleHoldMaxMs: number;
  /** Longest wait for the peer's OPEN (RFC 4271 8.2.2 suggests 4 minutes). */
  readonly openHoldMs: number;
  /** Least time that a peer may take nothing of what we send (RFC 9687 suggests 8 minutes). */
  readonly sendHoldMinMs: number;
}

export const defaultSessionTimers: SessionTimers = {
  connectRetryMs: 5000,
  idleHoldMinMs: 1000,
  idleHoldMaxMs: 15_000,
  openHoldMs: 60_000,
  sendHoldMinMs: 480_000,
};

/** Attributes of an announced prefix; absent ones take their defaults. */
export type AnnounceOptions = LocalAttributes;

/** @throws SpeakerError `config` that names the first thing wrong */
export function checkConfig(config: SpeakerConfig): void {
  check(config.routerId !== 0, "router id 0.0.0.0, want an address of this node");
  check(config.families.length > 0, "no address family, want at least one");
  const graceful = config.gracefulRestart;
  if (graceful !== undefined) {
    const { restartTimeMs } = graceful;
    const fits = restartTimeMs >= 0 && restartTimeMs <= 4_095_000 && restartTimeMs % 1000 === 0;
    check(fits, `restart time ${restartTimeMs} ms, want whole seconds up to 4095 s`);
  }
  const seen = new Set<Ip>();
  for (const peer of config.peers) {
    check(!seen.has(peer.address), `peer ${formatIp(peer.address)} twice, want it once`);
    seen.add(peer.address);
    checkPeer(config, peer);
  }
}

function checkPeer(config: SpeakerConfig, peer: PeerConfig): void {
  const name = `peer ${formatIp(peer.address)}`;
  const external = peer.asn !== config.asn;
  if (peer.kind === "fabric") check(external, `${name}: AS ${peer.asn}, want another than our own`);
  else check(!external, `${name}: AS ${peer.asn}, want our own for a reflector session`);
  check(!(external && peer.reflectorClient === true), `${name}: a client in another AS`);
  const local = peer.localAddress;
  const sameFamily = local === undefined || familyOf(local) === familyOf(peer.address);
  check(sameFamily, `${name}: local address of another address family, want the same`);
  check(peer.families.length > 0, `${name}: no address family, want at least one`);
  for (const family of peer.families) {
    check(
      config.families.includes(family),
      `${name}: ${family}, want one of the speaker's families`,
    );
  }
  checkHoldTime(name, peer.holdTimeMs ?? defaultHoldTimeMs);
  checkMd5(name, peer.md5);
  checkBfd(name, peer);
}

function checkHoldTime(name: string, holdTimeMs: number): void {
  const valid =
    holdTimeMs === 0 || (holdTimeMs >= 3000 && holdTimeMs <= 65_535_000 && holdTimeMs % 1000 === 0);
  check(valid, `${name}: hold time ${holdTimeMs} ms, want 0 or whole seconds from 3 to 65535 s`);
}

function checkMd5(name: string, md5: string | undefined): void {
  if (md5 === undefined) return;
  const { length } = new TextEncoder().encode(md5);
  check(length >= 1 && length <= 80, `${name}: password of ${length} octets, want 1 to 80`);
}

function checkBfd(name: string, peer: PeerConfig): void {
  const { bfd } = peer;
  if (bfd === undefined) return;
  check(peer.localAddress !== undefined, `${name}: BFD without a local address, want one`);
  for (const intervalMs of [bfd.txIntervalMs, bfd.rxIntervalMs]) {
    const valid = intervalMs === undefined || (intervalMs >= 10 && intervalMs <= 60_000);
    check(valid, `${name}: BFD interval ${intervalMs} ms, want 10 to 60000`);
  }
  const multiplier = bfd.detectMultiplier ?? 3;
  const valid = Number.isInteger(multiplier) && multiplier >= 1 && multiplier <= 255;
  check(valid, `${name}: BFD detect multiplier ${multiplier}, want 1 to 255`);
}

function check(holds: boolean, why: string): asserts holds {
  if (!holds) throw new SpeakerError("config", `Cannot configure the BGP speaker: ${why}`);
}
