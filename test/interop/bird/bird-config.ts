/** The configuration of BIRD for a test. */
import type { AddressFamily } from "@heddle/bgp";
import type { Announcement, DaemonConfig, DaemonPeer } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";

/** Names of the channels. */
const channels: Readonly<Partial<Record<AddressFamily, string>>> = {
  "ipv4-unicast": "ipv4",
  "ipv6-unicast": "ipv6",
  "ipv4-vpn": "vpn4 mpls",
  "ipv6-vpn": "vpn6 mpls",
  "ipv4-flowspec": "flow4",
  "ipv6-flowspec": "flow6",
};

/** Tables that BIRD does not make by itself. */
const tables: Readonly<Partial<Record<AddressFamily, string>>> = {
  "ipv4-vpn": "vpn4 table vpntab4;",
  "ipv6-vpn": "vpn6 table vpntab6;",
  "ipv4-flowspec": "flow4 table flowtab4;",
  "ipv6-flowspec": "flow6 table flowtab6;",
};

const tableNames: Readonly<Partial<Record<AddressFamily, string>>> = {
  "ipv4-vpn": "vpntab4",
  "ipv6-vpn": "vpntab6",
  "ipv4-flowspec": "flowtab4",
  "ipv6-flowspec": "flowtab6",
};

export function birdConfig(
  host: Host,
  config: DaemonConfig,
  routes: Iterable<Announcement>,
): string {
  const families = new Set(config.peers.flatMap((peer) => peer.families));
  const own = [...routes];
  const lines = [
    "log stderr all;",
    `router id ${host.ip4};`,
    ...[...families].map((family) => tables[family] ?? ""),
    config.gracefulRestart === undefined ? "" : "graceful restart wait 5;",
    "protocol device {}",
    "protocol direct { ipv4; ipv6; }",
    config.peers.some((peer) => peer.bfd === true)
      ? 'protocol bfd { accept direct; interface "*" { interval 100 ms; multiplier 3; }; }'
      : "",
    // Others learn from the advertisements who the neighbor on their link is.
    config.peers.some((peer) => peer.unnumbered === true)
      ? `protocol radv { interface "${host.ifname}" { min ra interval 3; max ra interval 4; }; }`
      : "",
    `protocol static own4 { ipv4; ${own.filter(is4).map(routeText).join(" ")} }`,
    `protocol static own6 { ipv6; ${own
      .filter((route) => !is4(route))
      .map(routeText)
      .join(" ")} }`,
    exportFilter(own),
    ...config.peers.map((peer) => protocolText(host, config, peer)),
    config.more ?? "",
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

/** Over eBGP a MED leaves only when the filter has set it. */
function exportFilter(routes: readonly Announcement[]): string {
  const lines = routes
    .filter(({ med }) => med !== undefined)
    .map(({ prefix, med }) => {
      const type = prefix.includes(":") ? "NET_IP6" : "NET_IP4";
      return `if net.type = ${type} then if net = ${prefix} then bgp_med = ${med};`;
    });
  const accept = "if source ~ [RTS_STATIC, RTS_BGP] then accept; reject;";
  return `filter announced { ${lines.join(" ")} ${accept} }`;
}

const is4 = (route: Announcement): boolean => !route.prefix.includes(":");

function routeText(route: Announcement): string {
  const { asPath = [], communities = [], largeCommunities = [], extendedCommunities = [] } = route;
  const set = [
    ...[...asPath].reverse().map((asn) => `bgp_path.prepend(${asn});`),
    ...communities.map((text) => `bgp_community.add(${tuple(text)});`),
    ...largeCommunities.map((text) => `bgp_large_community.add(${tuple(text)});`),
    ...extendedCommunities.map((text) => `bgp_ext_community.add(${extended(text)});`),
    route.origin === undefined ? "" : `bgp_origin = ORIGIN_${route.origin.toUpperCase()};`,
    route.nextHop === undefined ? "" : `bgp_next_hop = ${route.nextHop};`,
  ];
  return `route ${route.prefix} blackhole { ${set.join(" ")} };`;
}

const tuple = (text: string): string => `(${text.split(":").join(",")})`;

/** `rt:1:2` is (rt, 1, 2); the site of origin is called ro. */
function extended(text: string): string {
  const [name, ...rest] = text.split(":");
  return `(${name === "soo" ? "ro" : name}, ${rest.join(", ")})`;
}

/** Name of the protocol of a peer. */
export function protocolName(address: string): string {
  return `peer_${address.replaceAll(/[^0-9a-f]/g, "_")}`;
}

function protocolText(host: Host, config: DaemonConfig, peer: DaemonPeer): string {
  const isUnnumbered = peer.unnumbered === true;
  const numbered = peer.address.includes(":") ? host.ip6 : host.ip4;
  const local = isUnnumbered ? host.linkLocal : numbered;
  const range = isUnnumbered ? "fe80::/10" : peer.range;
  const neighbor =
    range === undefined
      ? `neighbor ${peer.address} as ${peer.asn};`
      : `neighbor range ${range} as ${peer.asn};`;
  const graceful = config.gracefulRestart;
  const { confederation } = config;
  const isMember = confederation?.members.includes(peer.asn) === true || peer.asn === config.asn;
  const lines = [
    `protocol bgp ${protocolName(peer.address)} {`,
    `local ${local} as ${config.asn}; ${neighbor}`,
    "hold time 9; keepalive time 3; connect delay time 0; connect retry time 1;",
    "error wait time 1, 2; error forget time 5;",
    isUnnumbered ? `interface "${host.ifname}";` : "",
    peer.passive === true || range !== undefined ? "passive on;" : "",
    peer.asn === config.asn || confederation !== undefined ? "direct;" : "",
    peer.md5 === undefined ? "" : `password "${peer.md5}";`,
    peer.ttlSecurity === true ? "ttl security on;" : "",
    peer.bfd === true ? "bfd on;" : "",
    peer.reflectorClient === true ? "rr client;" : "",
    peer.routeServerClient === true ? "rs client;" : "",
    peer.extendedMessage === true ? "enable extended messages on;" : "",
    peer.role === undefined ? "" : `local role ${peer.role.replace("-", "_")};`,
    confederation === undefined ? "" : `confederation ${confederation.identifier};`,
    confederation === undefined ? "" : `confederation member ${isMember ? "on" : "off"};`,
    graceful === undefined
      ? ""
      : `graceful restart on; graceful restart time ${graceful.restartTimeS};`,
    graceful?.longLivedTimeS === undefined
      ? ""
      : `long lived graceful restart on; long lived stale time ${graceful.longLivedTimeS};`,
    ...peer.families.map((family) => channelText(peer, family)),
    "}",
  ];
  return lines.filter((line) => line !== "").join("\n  ");
}

function hasNextHops6({ extendedNextHop, unnumbered }: DaemonPeer): boolean {
  return extendedNextHop === true || unnumbered === true;
}

function importText({ gracefulShutdown }: DaemonPeer): string {
  if (gracefulShutdown !== true) return "import all;";
  const yielding = "if (65535, 0) ~ bgp_community then bgp_local_pref = 0;";
  return `import filter { ${yielding} accept; };`;
}

function channelText(peer: DaemonPeer, family: AddressFamily): string {
  const table = tableNames[family];
  const addPath = { send: "tx", receive: "rx", both: "on" } as const;
  const inside = [
    table === undefined ? "" : `table ${table};`,
    peer.policy === false ? "" : `${importText(peer)} export filter announced;`,
    peer.prefixCountMax === undefined ? "" : `receive limit ${peer.prefixCountMax} action disable;`,
    peer.addPath === undefined ? "" : `add paths ${addPath[peer.addPath]};`,
    hasNextHops6(peer) && family === "ipv4-unicast" ? "extended next hop on;" : "",
  ];
  return `${channels[family]} { ${inside.join(" ")} };`;
}
