/** The configuration of FRR for a test. */
import type { AddressFamily } from "@heddle/bgp";
import type { DaemonConfig, DaemonPeer } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";

/** Names of the families in `address-family`. */
export const frrFamilies: Readonly<Partial<Record<AddressFamily, string>>> = {
  "ipv4-unicast": "ipv4 unicast",
  "ipv6-unicast": "ipv6 unicast",
  "ipv4-vpn": "ipv4 vpn",
  "ipv6-vpn": "ipv6 vpn",
  evpn: "l2vpn evpn",
  "ipv4-flowspec": "ipv4 flowspec",
  "ipv6-flowspec": "ipv6 flowspec",
};

export function frrConfig(host: Host, config: DaemonConfig): string {
  const { confederation, gracefulRestart: graceful } = config;
  const withoutPolicy = config.peers.every((peer) => peer.policy !== false);
  const longLived = graceful?.longLivedTimeS;
  const lines = [
    "frr version 8.4",
    "frr defaults traditional",
    "hostname frr-host",
    `router bgp ${config.asn}`,
    ` bgp router-id ${host.ip4}`,
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    withoutPolicy ? " no bgp ebgp-requires-policy" : "",
    confederation === undefined ? "" : ` bgp confederation identifier ${confederation.identifier}`,
    ...(confederation?.members ?? []).map((asn) => ` bgp confederation peers ${asn}`),
    ...(graceful === undefined
      ? []
      : [
          " bgp graceful-restart",
          " bgp graceful-restart preserve-fw-state",
          ` bgp graceful-restart restart-time ${graceful.restartTimeS}`,
        ]),
    longLived === undefined ? "" : ` bgp long-lived-graceful-restart stale-time ${longLived}`,
    ...config.peers.flatMap((peer) => peerLines(host, peer)),
    ...familyLines(host, config.peers),
    "exit",
    ...(config.peers.some((peer) => peer.unnumbered === true)
      ? [`interface ${host.ifname}`, " no ipv6 nd suppress-ra", " ipv6 nd ra-interval 1", "exit"]
      : []),
    config.more ?? "",
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

function peerLines(host: Host, peer: DaemonPeer): string[] {
  const name = neighborName(host, peer);
  const at = ` neighbor ${name}`;
  return [
    peer.range === undefined ? "" : `${at} peer-group`,
    peer.unnumbered === true ? `${at} interface remote-as ${peer.asn}` : "",
    peer.unnumbered === true ? "" : `${at} remote-as ${peer.asn}`,
    peer.range === undefined ? "" : ` bgp listen range ${peer.range} peer-group ${name}`,
    `${at} timers 3 9`,
    `${at} timers connect 1`,
    `${at} advertisement-interval 0`,
    peer.passive === true ? `${at} passive` : "",
    peer.md5 === undefined ? "" : `${at} password ${peer.md5}`,
    peer.ttlSecurity === true ? `${at} ttl-security hops 1` : "",
    peer.bfd === true ? `${at} bfd` : "",
    peer.role === undefined ? "" : `${at} local-role ${peer.role}`,
    peer.extendedNextHop === true ? `${at} capability extended-nexthop` : "",
  ].filter((line) => line !== "");
}

/** FRR names a neighbor by its address, its group or the own interface. */
export function neighborName(host: Host, peer: DaemonPeer): string {
  return peer.unnumbered === true ? host.ifname : peer.address;
}

function familyLines(host: Host, peers: readonly DaemonPeer[]): string[] {
  const families = new Set(peers.flatMap((peer) => peer.families));
  return [...families].flatMap((family) => [
    ` address-family ${frrFamilies[family]}`,
    ...peers
      .filter((peer) => peer.families.includes(family))
      .map((peer) => ({ peer, name: neighborName(host, peer) }))
      .flatMap(({ peer, name }) => [
        `  neighbor ${name} activate`,
        peer.reflectorClient === true ? `  neighbor ${name} route-reflector-client` : "",
        peer.routeServerClient === true ? `  neighbor ${name} route-server-client` : "",
        peer.prefixCountMax === undefined
          ? ""
          : `  neighbor ${name} maximum-prefix ${peer.prefixCountMax}`,
        sendsPaths(peer) ? `  neighbor ${name} addpath-tx-all-paths` : "",
        // EVPN and flowspec do not know the line: they always send all.
        family.startsWith("ipv") && !family.endsWith("flowspec")
          ? `  neighbor ${name} send-community all`
          : "",
      ]),
    " exit-address-family",
  ]);
}

function sendsPaths({ addPath }: DaemonPeer): boolean {
  return addPath === "send" || addPath === "both";
}
