/** The configuration of our own speaker at the other end. */
import { acceptAll, type BgpRole } from "@heddle/bgp";
import { parseAsn, parseIfindex, parseIp4, parseIp6, parsePrefix } from "@heddle/inet";
import {
  type DynamicPeersConfig,
  defaultGracefulRestart,
  type GracefulRestartConfig,
  type PeerTemplate,
  type UnnumberedPeerConfig,
} from "@heddle/speaker";
import type { DaemonConfig, DaemonPeer } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";
import type { OurConfig, OurPeer } from "../harness/our-speaker.ts";
import { listenWithTls, overTls } from "../harness/tls.ts";

const bfd = { txIntervalMs: 100, rxIntervalMs: 100 };
const peerCountMax = 4;

export function heddleConfig(host: Host, config: DaemonConfig): OurConfig {
  const { asn, peers, confederation } = config;
  const graceful = gracefulRestartOf(config);
  const all = {
    asn,
    hostname: "heddle-host",
    families: [...new Set(peers.flatMap((peer) => peer.families))],
    peers: peers
      .filter((peer) => peer.range === undefined && peer.unnumbered !== true)
      .map((peer) => peerOf(config, peer)),
    dynamicPeers: peers
      .filter((peer) => peer.range !== undefined)
      .map((peer) => rangeOf(host, config, peer)),
    unnumberedPeers: peers
      .filter((peer) => peer.unnumbered === true)
      .map((peer) => linkOf(host, config, peer)),
    ...(graceful === undefined ? {} : { gracefulRestart: graceful }),
    ...(confederation === undefined
      ? {}
      : { confederation: { identifier: parseAsn(confederation.identifier) } }),
  };
  if (peers.some(({ unnumbered }) => unnumbered === true)) {
    return { ...all, listen: [{ address: parseIp6("::"), port: 179 }] };
  }
  return peers.some(({ tls }) => tls === true) ? { ...all, ...listenWithTls(host, "them") } : all;
}

function gracefulRestartOf({
  gracefulRestart,
  peers,
}: DaemonConfig): GracefulRestartConfig | undefined {
  if (gracefulRestart === undefined) return undefined;
  const { restartTimeS, longLivedTimeS } = gracefulRestart;
  const families = [...new Set(peers.flatMap((peer) => peer.families))];
  const own = { ...defaultGracefulRestart, restartTimeMs: restartTimeS * 1000 };
  if (longLivedTimeS === undefined) return own;
  const longLived = families.map((family) => ({ family, staleTimeMs: longLivedTimeS * 1000 }));
  return { ...own, longLived };
}

function peerOf(config: DaemonConfig, peer: DaemonPeer): OurPeer {
  const { policy } = peer;
  return {
    ...optionsOf(config, peer),
    address: peer.address,
    asn: peer.asn,
    ...(peer.passive === true ? { passive: true } : {}),
    ...(peer.tls === true ? overTls("us") : {}),
    ...(policy === undefined ? {} : { policy }),
  };
}

function rangeOf(host: Host, config: DaemonConfig, peer: DaemonPeer): DynamicPeersConfig {
  const prefix = parsePrefix(String(peer.range));
  const secured = peer.tls === true ? { tls: {} } : {};
  const template = { ...templateOf(config, peer), localAddress: parseIp4(host.ip4), ...secured };
  return { name: peer.address, prefix, template, peerCountMax };
}

function linkOf(host: Host, config: DaemonConfig, peer: DaemonPeer): UnnumberedPeerConfig {
  const template = { ...templateOf(config, peer), extendedNextHop: true };
  const ifindex = parseIfindex(host.ifindex);
  return { name: host.ifname, ifindex, template, advertisementIntervalMs: 3000 };
}

function templateOf(config: DaemonConfig, peer: DaemonPeer): PeerTemplate {
  return {
    ...optionsOf(config, peer),
    asn: parseAsn(peer.asn),
    kind: config.asn === peer.asn ? "reflector" : "fabric",
    holdTimeMs: 9000,
    importPolicy: acceptAll,
    exportPolicy: acceptAll,
  };
}

function optionsOf({ asn, confederation }: DaemonConfig, peer: DaemonPeer) {
  const { families, addPath, md5, role, prefixCountMax } = peer;
  const isMember = confederation?.members.includes(peer.asn) === true && peer.asn !== asn;
  const receive = addPath !== "send";
  const send = addPath !== "receive";
  return {
    families,
    ...(addPath === undefined
      ? {}
      : { addPath: families.map((family) => ({ family, receive, send })) }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(peer.ttlSecurity === true ? { ttlSecurity: true } : {}),
    ...(peer.bfd === true ? { bfd } : {}),
    ...(peer.reflectorClient === true ? { reflectorClient: true } : {}),
    ...(peer.routeServerClient === true ? { routeServerClient: true } : {}),
    ...(prefixCountMax === undefined ? {} : { prefixCountMax, prefixRestartMs: "never" as const }),
    ...(peer.extendedNextHop === true ? { extendedNextHop: true } : {}),
    ...(isMember ? { confederationMember: true } : {}),
    ...(peer.routeServer === true ? { role: "rs-client" as const } : {}),
    ...(role === undefined ? {} : { role: role as BgpRole }),
  };
}
