/** From the configuration of the route server to that of its speaker. Pure. */
import {
  acceptAll,
  acceptDefaultOnly,
  type Policy,
  type RouteOwnership,
  rejectAll,
} from "@heddle/bgp";
import {
  type DynamicPeersConfig,
  defaultGracefulRestart,
  type PeerConfig,
  type SpeakerConfig,
  type TlsConfig,
} from "@heddle/speaker";
import type {
  AgentGroupConfig,
  ExternalPeerConfig,
  RouteSelection,
  RouteServerConfig,
} from "./config.ts";

/** What is not in the file. */
export interface SpeakerSurroundings {
  readonly tls: TlsConfig | undefined;
  /** TCP-MD5 passwords, by the file that they are in. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly ownership: RouteOwnership;
  /** The process was started again: its peers kept what it had told them. */
  readonly restarting: boolean;
}

export function speakerConfigOf(
  config: RouteServerConfig,
  { tls, passwords, ownership, restarting }: SpeakerSurroundings,
): SpeakerConfig {
  const { name, asn, routerId, clusterId, families, listen, gracefulRestart } = config;
  return {
    ...{ asn, routerId, families, listen, ownership, hostname: name },
    ...(clusterId === undefined ? {} : { clusterId }),
    ...(tls === undefined ? {} : { tls }),
    peers: config.peers.map((peer) => externalPeerOf(peer, passwords)),
    dynamicPeers: config.agents.map((group) => agentsOf(config, group)),
    // A route server forwards nothing: one best path is what it tells.
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
    gracefulRestart: { ...defaultGracefulRestart, ...gracefulRestart, restarting },
  };
}

/** Clients of the reflector, which may announce only what is theirs. */
function agentsOf({ asn }: RouteServerConfig, group: AgentGroupConfig): DynamicPeersConfig {
  const { name, prefix, peerCountMax, families, prefixCountMax, holdTimeMs, identity } = group;
  return {
    ...{ name, prefix, peerCountMax },
    template: {
      ...{ asn, families, kind: "reflector", reflectorClient: true, ownRoutesOnly: true },
      ...(prefixCountMax === undefined ? {} : { prefixCountMax }),
      ...(holdTimeMs === undefined ? {} : { holdTimeMs }),
      ...(identity.kind === "certificate" ? { tls: {} } : {}),
    },
  };
}

function externalPeerOf(
  peer: ExternalPeerConfig,
  passwords: ReadonlyMap<string, string>,
): PeerConfig {
  const { address, asn, families, passive, ttlSecurity, localAddress, port } = peer;
  const { holdTimeMs, prefixCountMax, passwordFile, tlsName, bfd } = peer;
  const md5 = passwordFile === undefined ? undefined : passwords.get(passwordFile);
  return {
    ...{ address, asn, families, passive, ttlSecurity, kind: "fabric" },
    importPolicy: policyOf("import", peer.import),
    exportPolicy: exportPolicyOf(peer),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(port === undefined ? {} : { port }),
    ...(holdTimeMs === undefined ? {} : { holdTimeMs }),
    ...(prefixCountMax === undefined ? {} : { prefixCountMax }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(passwordFile !== undefined && md5 === undefined
      ? { heldDown: `no password in ${passwordFile}` }
      : {}),
    ...(tlsName === undefined ? {} : { tls: { name: tlsName } }),
    ...(bfd ? { bfd: {} } : {}),
  };
}

function policyOf(name: string, selection: RouteSelection): Policy {
  if (selection === "all") return acceptAll;
  if (selection === "none") return rejectAll;
  if (selection === "default-only") return acceptDefaultOnly;
  const terms = [{ name: "listed", match: { prefixes: selection }, verdict: "accept" }] as const;
  return { name, terms, otherwise: "reject" };
}

/** What passes keeps the next hop of the agent: packets go to it and not to the route server. */
function exportPolicyOf({ export: selection, nextHopSelf }: ExternalPeerConfig): Policy {
  const policy = policyOf("export", selection);
  if (nextHopSelf) return policy;
  const keep = { name: "keep-next-hop", match: {}, verdict: "continue" } as const;
  const terms = [{ ...keep, actions: { nextHop: "unchanged" } } as const, ...policy.terms];
  return { ...policy, terms };
}
