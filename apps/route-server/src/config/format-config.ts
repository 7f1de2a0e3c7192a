/** What is in force, with the defaults that the file leaves out; for `--check`. */
import { formatExtendedCommunity, formatPolicy, origins, type Policy } from "@heddle/bgp";
import { defined } from "@heddle/config";
import { formatIp, formatPrefix } from "@heddle/inet";
import {
  defaultHoldTimeMs,
  defaultLongLivedTimeMsMax,
  defaultSessionTimers,
  type PeerTemplate,
} from "@heddle/speaker";
import { stringify } from "yaml";
import type {
  AgentGroupConfig,
  LinkSource,
  OriginatedRoute,
  PeerSource,
  RangeSource,
  RouteServerConfig,
  SessionSource,
} from "./config.ts";

/** YAML for people; ends with a line break. Times are in milliseconds. */
export function formatConfig(config: RouteServerConfig): string {
  return stringify(shownConfig(config), { lineWidth: 0, aliasDuplicateObjects: false });
}

function shownConfig(config: RouteServerConfig): object {
  const { name, asn, routerId, clusterId = routerId, confederation, families } = config;
  const { tls, kernelRoutes, kubeconfig, runDir, bmp } = config;
  return {
    ...{ name, asn, routerId: formatIp(routerId), clusterId: formatIp(clusterId) },
    ...(confederation === undefined ? {} : { confederation }),
    families,
    listen: config.listen.map(({ address, port, tls: secure }) => {
      return { address: formatIp(address), port, tls: secure === true };
    }),
    ...(tls === undefined ? {} : { tls }),
    gracefulRestart: shownGracefulRestart(config),
    timers: { ...defaultSessionTimers, ...config.timers },
    multipath: config.multipath,
    kernelRoutes: kernelRoutes ?? "none: it forwards nothing",
    originate: config.originate.map(shownRoute),
    policies: config.policies.map(formatPolicy),
    agents: config.agents.map(shownAgents),
    peers: config.peers.map(shownPeer),
    dynamicPeers: config.dynamicPeers.map(shownRange),
    unnumberedPeers: config.unnumberedPeers.map(shownLink),
    metrics: config.metrics.map(({ address, port }) => ({ address: formatIp(address), port })),
    bmp,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    runDir,
  };
}

function shownGracefulRestart({ gracefulRestart }: RouteServerConfig): object | string {
  if (gracefulRestart === undefined) return "off";
  const { longLived = [], ...rest } = gracefulRestart;
  return { longLivedTimeMsMax: defaultLongLivedTimeMsMax, ...rest, longLived };
}

function shownRoute({ prefix, attributes }: OriginatedRoute): object {
  const { nextHop, origin, med, localPref, aigp } = attributes;
  const { communities, extendedCommunities, largeCommunities } = attributes;
  return {
    prefix: formatPrefix(prefix),
    ...defined({
      nextHop: nextHop === undefined ? undefined : formatIp(nextHop),
      origin: Object.entries(origins).find(([, code]) => code === origin)?.[0],
      ...{ med, localPref, aigp: aigp?.toString() },
      communities: communities?.map((value) => `${value >>> 16}:${value & 0xffff}`),
      extendedCommunities: extendedCommunities?.map(formatExtendedCommunity),
      largeCommunities: largeCommunities?.map((parts) => parts.join(":")),
    }),
  };
}

function shownPeer(peer: PeerSource): object {
  const { address, interfaceName } = peer;
  return {
    address: formatIp(address),
    ...(interfaceName === undefined ? {} : { interface: interfaceName }),
    ...shownSession(peer),
  };
}

function shownRange(range: RangeSource): object {
  const { name, prefix, peerCountMax, idleTimeMs } = range;
  return {
    ...{ name, prefix: formatPrefix(prefix), peerCountMax },
    ...(idleTimeMs === undefined ? {} : { idleTimeMs }),
    ...shownSession(range),
  };
}

function shownAgents(group: AgentGroupConfig): object {
  return { ...shownRange(group), identity: group.identity };
}

function shownLink(link: LinkSource): object {
  const { name, advertisementIntervalMs } = link;
  return {
    interface: name,
    ...(advertisementIntervalMs === undefined ? {} : { advertisementIntervalMs }),
    ...shownSession(link),
  };
}

/** The password itself is nobody's to see. */
function shownSession({ template, passwordFile }: SessionSource): object {
  const { importPolicy, exportPolicy, localAddress, nextHop4, nextHop6, ...rest } = template;
  const addresses = Object.entries({ localAddress, nextHop4, nextHop6 }).flatMap(
    ([name, address]) => (address === undefined ? [] : [[name, formatIp(address)] as const]),
  );
  const shown: Omit<PeerTemplate, "importPolicy" | "exportPolicy"> = {
    ...{ holdTimeMs: defaultHoldTimeMs, passive: false, gracefulRestart: true },
    ...rest,
  };
  return {
    ...shown,
    ...Object.fromEntries(addresses),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    import: shownPolicy(importPolicy),
    export: shownPolicy(exportPolicy),
  };
}

function shownPolicy(policy: Policy | undefined): string {
  return policy === undefined ? "all: inside the AS" : formatPolicy(policy);
}
