/** Configuration of a route server, as its file says it. */
import type { AddressFamily, PrefixRule } from "@heddle/bgp";
import type { Asn, Ip, Ip4, Prefix } from "@heddle/inet";
import type { BmpStationConfig, ListenAddress } from "@heddle/speaker";

export interface RouteServerConfig {
  /** For the peers' operators and for who asks several route servers. */
  readonly name: string;
  readonly asn: Asn;
  readonly routerId: Ip4;
  /** RFC 4456; replicas that serve the same agents share one. Default: `routerId`. */
  readonly clusterId?: Ip4;
  readonly families: readonly AddressFamily[];
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly agents: readonly AgentGroupConfig[];
  readonly peers: readonly ExternalPeerConfig[];
  readonly gracefulRestart: { readonly restartTimeMs: number; readonly deferralMs: number };
  /** Monitoring stations (RFC 7854). */
  readonly bmp: readonly BmpStationConfig[];
  readonly kubeconfig: string;
  readonly runDir: string;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
}

/** Agents of our AS that connect from a range: clients of this reflector. */
export interface AgentGroupConfig {
  readonly name: string;
  readonly prefix: Prefix;
  readonly families: readonly AddressFamily[];
  readonly peerCountMax: number;
  readonly prefixCountMax?: number;
  readonly holdTimeMs?: number;
  readonly identity: AgentIdentity;
}

/** How the name of the Node follows from the session. */
export type AgentIdentity =
  /** Inside TLS: a DNS name of the certificate, without this suffix. */
  | { readonly kind: "certificate"; readonly suffix: string }
  /** Over plain TCP: the InternalIP of the Node is the address of the session. */
  | { readonly kind: "address" };

/** A router of another cluster or of the fabric. */
export interface ExternalPeerConfig {
  readonly address: Ip;
  readonly asn: Asn;
  readonly localAddress?: Ip;
  readonly port?: number;
  readonly families: readonly AddressFamily[];
  readonly import: RouteSelection;
  readonly export: RouteSelection;
  /** Export our own address as next hop; default: the next hop of the agent, which forwards. */
  readonly nextHopSelf: boolean;
  readonly passive: boolean;
  readonly holdTimeMs?: number;
  readonly prefixCountMax?: number;
  /** File that holds the TCP-MD5 password. */
  readonly passwordFile?: string;
  readonly ttlSecurity: boolean;
  readonly bfd: boolean;
  /** DNS name of the peer's certificate; the session is inside TLS. */
  readonly tlsName?: string;
}

/** Which routes pass; RFC 8212: none where nothing is said. */
export type RouteSelection = "all" | "none" | "default-only" | readonly PrefixRule[];
