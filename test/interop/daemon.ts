/** What the tests need of a BGP daemon, whatever its configuration and its queries look like. */
import type { AddressFamily } from "@heddle/bgp";
import type { Host } from "./harness/lan.ts";

/** The last one is our own speaker at the other end. */
export const daemonNames = ["frr", "bird", "gobgp", "exabgp", "heddle"] as const;
export type DaemonName = (typeof daemonNames)[number];

/** Addresses, prefixes and communities are text, in the notation of our packages. */
export interface DaemonConfig {
  readonly asn: number;
  readonly peers: readonly DaemonPeer[];
  /** RFC 5065: `asn` is the member AS. */
  readonly confederation?: { readonly identifier: number; readonly members: readonly number[] };
  readonly gracefulRestart?: { readonly restartTimeS: number; readonly longLivedTimeS?: number };
  /** More text in the daemon's own language, at the end of its configuration; Heddle has none. */
  readonly more?: string;
}

export interface DaemonPeer {
  /** Of the peer; with `range` a name for it. */
  readonly address: string;
  readonly asn: number;
  readonly families: readonly AddressFamily[];
  /** Peers that are not known by address. */
  readonly range?: string;
  /** The session runs over the interface, to whom its router advertisement comes from. */
  readonly unnumbered?: boolean;
  readonly passive?: boolean;
  /** ExaBGP connects; otherwise it waits for us. */
  readonly active?: boolean;
  readonly md5?: string;
  /** Of Heddle: the session runs inside TLS. */
  readonly tls?: boolean;
  /** Not inside TLS although Heddle is asked. */
  readonly plain?: boolean;
  readonly ttlSecurity?: boolean;
  readonly bfd?: boolean;
  readonly addPath?: "send" | "receive" | "both";
  readonly reflectorClient?: boolean;
  /** RFC 7947: the peer is the daemon's route server. */
  readonly routeServer?: boolean;
  /** RFC 7947: the daemon is the peer's route server. */
  readonly routeServerClient?: boolean;
  /** Prefixes of each family above which the session ends (RFC 4486). */
  readonly prefixCountMax?: number;
  readonly extendedNextHop?: boolean;
  readonly extendedMessage?: boolean;
  readonly role?: string;
  /** BIRD: routes that carry GRACEFUL_SHUTDOWN are preferred least (RFC 8326), by a filter. */
  readonly gracefulShutdown?: boolean;
  /** False: without import and export policy (RFC 8212). */
  readonly policy?: boolean;
}

/** A unicast route to originate. */
export interface Announcement {
  readonly prefix: string;
  readonly nextHop?: string;
  /** What stands in the path before the daemon adds itself. */
  readonly asPath?: readonly number[];
  readonly origin?: Origin;
  readonly med?: number;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** Route targets and sites of origin: `rt:1:2`, `soo:1:2`. */
  readonly extendedCommunities?: readonly string[];
}

export type Origin = "igp" | "egp" | "incomplete";

/** A path as it is seen by somebody; lists are sorted. */
export interface Path {
  readonly asPath: string;
  readonly origin: Origin;
  readonly nextHop: string;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly originatorId: string | undefined;
  readonly clusterList: readonly string[];
  /** Kept from a session that ended. */
  readonly stale: boolean;
}

export interface Daemon extends AsyncDisposable {
  readonly name: DaemonName;
  readonly host: Host;
  /** Fails unless the session is Established; the error says what it is. */
  requireEstablished(peer: string): Promise<void>;
  /** The paths to `prefix`, own ones as well. */
  paths(prefix: string): Promise<Path[]>;
  announce(route: Announcement): Promise<void>;
  withdraw(prefix: string): Promise<void>;
  /** Asks the peer for its routes again (RFC 2918). */
  refresh(peer: string): Promise<void>;
  /** Ends the session with Cease and the text. */
  shutdownPeer(peer: string, text: string): Promise<void>;
  /** What it says about why the session ended; contains the peer's text (RFC 9003). */
  lastReset(peer: string): Promise<string>;
  /** Ends without a goodbye and starts again. */
  restart(): Promise<void>;
  /** Ends without a goodbye. */
  kill(): Promise<void>;
}
