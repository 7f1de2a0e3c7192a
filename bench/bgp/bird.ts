/** BIRD 2 without kernel protocol. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { formatIp4 } from "@heddle/inet";
import { localAddress, localAsn, neighborsOf, textOf } from "./addresses.ts";
import type { Case } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import * as policy from "./policy.ts";

export const bird: Contestant = {
  name: "BIRD",
  refusal: (what) => {
    if (what.kind !== "reflector") return undefined;
    if (what.constrained) return "it has no route target constraints";
    if (what.family === "evpn") return "it has no EVPN";
    return what.clientCount > 200 ? "it is measured with 200 sessions" : undefined;
  },
  prepare: (what, directory) => {
    const file = path.join(directory, "bird.conf");
    writeFileSync(file, configOf(what));
    const sockets = ["-s", path.join(directory, "ctl"), "-P", path.join(directory, "pid")];
    return { program: "/usr/sbin/bird", args: ["-f", "-c", file, ...sockets] };
  },
};

function configOf(what: Case): string {
  const own = formatIp4(localAddress);
  const reflects = what.kind === "reflector" ? `rr client; rr cluster id ${own};` : "";
  const isVpn = what.kind === "reflector" && what.family === "ipv4-vpn";
  // The senders' next hops are on the receiver's link, so BIRD would pass them on.
  const nextHop = what.kind === "reflector" ? "" : "next hop self;";
  const channel = isVpn
    ? "vpn4 mpls { table bench_vpn; import all; export where source = RTS_BGP; };"
    : `ipv4 { import filter import_policy; export filter export_policy; ${nextHop} };`;
  return [
    `router id ${own};`,
    "protocol device { }",
    // Next hops of reflected routes are resolved by the route of the link.
    "protocol direct { ipv4; }",
    ...(isVpn ? ["vpn4 table bench_vpn;"] : []),
    filters(what),
    `template bgp bench_peer { local ${own} as ${localAsn}; passive on; ${reflects} ${channel} }`,
    ...neighborsOf(what).map(
      (neighbor, index) =>
        `protocol bgp n${index} from bench_peer ` +
        `{ neighbor ${textOf(neighbor)} as ${neighbor.asn}; }`,
    ),
    "",
  ].join("\n");
}

function filters(what: Case): string {
  const has = (community: policy.NamedCommunity): string =>
    `(${community.text.replace(":", ",")}) ~ bgp_community`;
  const med =
    what.kind === "reflector" ? "" : `if ${has(policy.marked)} then bgp_med = ${policy.markedMed};`;
  const bogons = policy.bogonPrefixes.map((prefix) => `${prefix}+`).join(", ");
  return `filter import_policy {
  if net ~ [ ${bogons} ] then reject;
  if bgp_path ~ [= * ${policy.bogonAsn} * =] then reject;
  if ${has(policy.preferred)} then {
    bgp_local_pref = ${policy.preferredLocalPref};
    bgp_community.add((${policy.marked.text.replace(":", ",")}));
  }
  accept;
}
filter export_policy {
  if source != RTS_BGP then reject;
  if ${has(policy.hidden)} then reject;
  ${med}
  accept;
}`;
}
