/** The configuration of ExaBGP for a test. */
import type { AddressFamily } from "@heddle/bgp";
import type { DaemonConfig, DaemonPeer } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";

const families: Readonly<Record<AddressFamily, string>> = {
  "ipv4-unicast": "ipv4 unicast",
  "ipv6-unicast": "ipv6 unicast",
  "ipv4-vpn": "ipv4 mpls-vpn",
  "ipv6-vpn": "ipv6 mpls-vpn",
  evpn: "l2vpn evpn",
  "route-target": "ipv4 rtc",
  "ipv4-flowspec": "ipv4 flow",
  "ipv6-flowspec": "ipv6 flow",
};

export interface ExabgpFiles {
  /** Lines appended here are commands. */
  readonly commands: string;
  /** Where the events go, one JSON text a line. */
  readonly events: string;
  /** Of the shell: what ExaBGP runs to be told and heard. */
  readonly script: string;
}

/** The shell becomes cat, so that tail ends with it. */
export function controlScript({ commands, events }: ExabgpFiles): string {
  return `tail -n +1 -s 0.05 --pid=$$ -f ${commands} &\nexec cat >> ${events}\n`;
}

export function exabgpConfig(host: Host, config: DaemonConfig, files: ExabgpFiles): string {
  const lines = [
    "process control {",
    `  run /bin/sh ${files.script};`,
    "  encoder json;",
    "}",
    ...config.peers.map((peer) => neighborText(host, config, peer)),
    config.more ?? "",
  ];
  return `${lines.join("\n")}\n`;
}

function neighborText(host: Host, config: DaemonConfig, peer: DaemonPeer): string {
  const local = peer.address.includes(":") ? host.ip6 : host.ip4;
  const { addPath } = peer;
  const graceful = config.gracefulRestart;
  const capabilities = [
    "asn4 enable; route-refresh enable;",
    `extended-message ${peer.extendedMessage === false ? "disable" : "enable"};`,
    graceful === undefined ? "" : `graceful-restart ${graceful.restartTimeS};`,
    addPath === undefined ? "" : `add-path ${addPath === "both" ? "send/receive" : addPath};`,
    peer.extendedNextHop === true ? "nexthop enable;" : "",
  ];
  const lines = [
    `neighbor ${peer.address} {`,
    `router-id ${host.ip4}; local-address ${local}; local-as ${config.asn};`,
    `peer-as ${peer.asn}; hold-time 9; group-updates false;`,
    // It does not resolve collisions: of two connections it takes the later one.
    `passive ${peer.active !== true}; host-name exabgp-host;`,
    peer.md5 === undefined ? "" : `md5-password "${peer.md5}";`,
    peer.ttlSecurity === true ? "outgoing-ttl 255; incoming-ttl 255;" : "",
    `capability { ${capabilities.join(" ")} }`,
    peer.extendedNextHop === true ? "nexthop { ipv4 unicast ipv6; }" : "",
    `family { ${peer.families.map((family) => `${families[family]};`).join(" ")} }`,
    "api {",
    "  processes [ control ];",
    "  neighbor-changes;",
    "  receive { parsed; update; open; }",
    "}",
    "}",
  ];
  return lines.filter((line) => line !== "").join("\n  ");
}
