/** The configuration of GoBGP for a test, in TOML. */
import type { AddressFamily } from "@heddle/bgp";
import type { DaemonConfig, DaemonPeer } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";

const families: Readonly<Record<AddressFamily, string>> = {
  "ipv4-unicast": "ipv4-unicast",
  "ipv6-unicast": "ipv6-unicast",
  "ipv4-vpn": "l3vpn-ipv4-unicast",
  "ipv6-vpn": "l3vpn-ipv6-unicast",
  evpn: "l2vpn-evpn",
  "route-target": "rtc",
  "ipv4-flowspec": "ipv4-flowspec",
  "ipv6-flowspec": "ipv6-flowspec",
};

export function gobgpConfig(host: Host, config: DaemonConfig): string {
  const { confederation } = config;
  const lines = [
    "[global.config]",
    `as = ${config.asn}`,
    `router-id = "${host.ip4}"`,
    "port = 179",
    ...(confederation === undefined
      ? []
      : [
          "[global.confederation.config]",
          "enabled = true",
          `identifier = ${confederation.identifier}`,
          `member-as-list = [${confederation.members.join(", ")}]`,
        ]),
    ...config.peers.flatMap((peer) =>
      peer.range === undefined ? neighborLines(host, config, peer) : rangeLines(host, config, peer),
    ),
    config.more ?? "",
  ];
  return `${lines.join("\n")}\n`;
}

function neighborLines(host: Host, config: DaemonConfig, peer: DaemonPeer): string[] {
  const local = peer.address.includes(":") ? host.ip6 : host.ip4;
  return [
    "[[neighbors]]",
    "[neighbors.config]",
    `neighbor-address = "${peer.address}"`,
    ...bodyLines("neighbors", config, peer),
    "[neighbors.transport.config]",
    `local-address = "${local}"`,
    `passive-mode = ${peer.passive === true}`,
  ];
}

function rangeLines(_host: Host, config: DaemonConfig, peer: DaemonPeer): string[] {
  const group = `group-${peer.asn}`;
  return [
    "[[peer-groups]]",
    "[peer-groups.config]",
    `peer-group-name = "${group}"`,
    ...bodyLines("peer-groups", config, peer),
    "[[dynamic-neighbors]]",
    "[dynamic-neighbors.config]",
    `prefix = "${peer.range}"`,
    `peer-group = "${group}"`,
  ];
}

function bodyLines(at: string, config: DaemonConfig, peer: DaemonPeer): string[] {
  const graceful = config.gracefulRestart;
  return [
    `peer-as = ${peer.asn}`,
    peer.md5 === undefined ? "" : `auth-password = "${peer.md5}"`,
    `[${at}.timers.config]`,
    "hold-time = 9",
    "keepalive-interval = 3",
    "connect-retry = 1",
    "idle-hold-time-after-reset = 1",
    ...(peer.ttlSecurity === true
      ? [`[${at}.ttl-security.config]`, "enabled = true", "ttl-min = 255"]
      : []),
    ...(peer.reflectorClient === true
      ? [`[${at}.route-reflector.config]`, "route-reflector-client = true"]
      : []),
    ...(peer.routeServerClient === true
      ? [`[${at}.route-server.config]`, "route-server-client = true"]
      : []),
    ...(graceful === undefined
      ? []
      : [
          `[${at}.graceful-restart.config]`,
          "enabled = true",
          `restart-time = ${graceful.restartTimeS}`,
          "deferral-time = 3",
          "notification-enabled = true",
          `long-lived-enabled = ${graceful.longLivedTimeS !== undefined}`,
        ]),
    ...peer.families.flatMap((family) => familyLines(at, config, peer, family)),
  ];
}

function familyLines(
  at: string,
  { gracefulRestart: graceful }: DaemonConfig,
  { addPath, prefixCountMax }: DaemonPeer,
  family: AddressFamily,
): string[] {
  const table = `${at}.afi-safis`;
  return [
    `[[${table}]]`,
    `[${table}.config]`,
    `afi-safi-name = "${families[family]}"`,
    ...(graceful === undefined ? [] : [`[${table}.mp-graceful-restart.config]`, "enabled = true"]),
    ...(graceful?.longLivedTimeS === undefined
      ? []
      : [
          `[${table}.long-lived-graceful-restart.config]`,
          "enabled = true",
          `restart-time = ${graceful.longLivedTimeS}`,
        ]),
    ...(prefixCountMax === undefined
      ? []
      : [`[${table}.prefix-limit.config]`, `max-prefixes = ${prefixCountMax}`]),
    ...(addPath === undefined
      ? []
      : [
          `[${table}.add-paths.config]`,
          `receive = ${addPath !== "send"}`,
          `send-max = ${addPath === "receive" ? 0 : 8}`,
        ]),
  ];
}
