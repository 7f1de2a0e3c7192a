/** Configuration of a route server, as its file says it. */
import type { AddressFamily, LocalAttributes, MultipathConfig, Policy } from "@heddle/bgp";
import type { Asn, Ip, Ip4, Prefix } from "@heddle/inet";
import type {
  BmpStationConfig,
  DynamicPeersConfig,
  GracefulRestartConfig,
  ListenAddress,
  PeerTemplate,
  SessionTimers,
  UnnumberedPeerConfig,
} from "@heddle/speaker";

export interface RouteServerConfig {
  /** For the peers' operators and for who asks several route servers. */
  readonly name: string;
  /** With `confederation`, our member AS. */
  readonly asn: Asn;
  readonly routerId: Ip4;
  /** RFC 4456; replicas that serve the same agents share one. Default: `routerId`. */
  readonly clusterId?: Ip4;
  /** RFC 5065. */
  readonly confederation?: { readonly identifier: Asn };
  readonly families: readonly AddressFamily[];
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly agents: readonly AgentGroupConfig[];
  readonly peers: readonly PeerSource[];
  readonly dynamicPeers: readonly RangeSource[];
  readonly unnumberedPeers: readonly LinkSource[];
  /** For people: those that are the same for every peer, used or not. */
  readonly policies: readonly Policy[];
  /** What originates here. */
  readonly originate: readonly OriginatedRoute[];
  /** Undefined: off. */
  readonly gracefulRestart?: Omit<GracefulRestartConfig, "restarting" | "formerPeers">;
  readonly timers: Partial<SessionTimers>;
  readonly multipath: MultipathConfig;
  /** Where best routes go in the kernel; undefined: nowhere, the route server forwards nothing. */
  readonly kernelRoutes?: KernelRoutesConfig;
  /** Where Prometheus may ask over TCP. */
  readonly metrics: readonly MetricsAddress[];
  /** Monitoring stations (RFC 7854). */
  readonly bmp: readonly BmpStationConfig[];
  /** Whom to ask who owns what; only without agents there is nobody to ask about. */
  readonly kubeconfig?: string;
  readonly runDir: string;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
}

/** What a session is made of, where the file names other files and interfaces. */
export interface SessionSource {
  /** For messages: where it stands in the file. */
  readonly where: string;
  /** Without `md5` and `ifindex`. */
  readonly template: PeerTemplate;
  /** File that holds the TCP-MD5 password. */
  readonly passwordFile?: string;
}

export interface PeerSource extends SessionSource {
  readonly address: Ip;
  /** Interface of a directly connected peer. */
  readonly interfaceName?: string;
}

/** Peers that connect from a range. */
export type RangeSource = SessionSource & Omit<DynamicPeersConfig, "template">;

/** The router at the other end of a link. */
export type LinkSource = SessionSource & Omit<UnnumberedPeerConfig, "template" | "ifindex">;

/** Agents of our AS that connect from a range: clients of this reflector. */
export interface AgentGroupConfig extends RangeSource {
  readonly identity: AgentIdentity;
}

/** How the name of the Node follows from the session. */
export type AgentIdentity =
  /** Inside TLS: a DNS name of the certificate, without this suffix. */
  | { readonly kind: "certificate"; readonly suffix: string }
  /** Over plain TCP: the InternalIP of the Node is the address of the session. */
  | { readonly kind: "address" };

export interface OriginatedRoute {
  readonly prefix: Prefix;
  readonly attributes: LocalAttributes;
}

export interface KernelRoutesConfig {
  /** RTA_PRIORITY of all routes. */
  readonly metric: number;
  /** Default: main. */
  readonly table?: number;
}

export interface MetricsAddress {
  readonly address: Ip;
  readonly port: number;
}
