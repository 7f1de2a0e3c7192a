/** FRR's bgpd alone: without zebra and without kernel routes. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { formatIp4 } from "@heddle/inet";
import { localAddress, localAsn, neighborsOf, textOf } from "./addresses.ts";
import type { Case, ReflectorFamily } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import * as policy from "./policy.ts";

export const frr: Contestant = {
  name: "FRR",
  refusal: (what) => {
    if (what.kind !== "reflector") return undefined;
    if (what.constrained) return "it has no route target constraints";
    return what.clientCount > 200 ? "it is measured with 200 sessions" : undefined;
  },
  prepare: (what, directory) => {
    const file = path.join(directory, "bgpd.conf");
    writeFileSync(file, configOf(what));
    const own = ["--vty_socket", directory, "-i", path.join(directory, "pid"), "-P", "0"];
    const args = ["-Z", "-n", "-S", "-f", file, ...own, "--log", "stdout"];
    return { program: "/usr/lib/frr/bgpd", args };
  },
};

const familyNames: Readonly<Record<ReflectorFamily, string>> = {
  "ipv4-unicast": "ipv4 unicast",
  "ipv4-vpn": "ipv4 vpn",
  evpn: "l2vpn evpn",
};

function configOf(what: Case): string {
  const own = formatIp4(localAddress);
  const isReflector = what.kind === "reflector";
  const family = isReflector ? what.family : "ipv4-unicast";
  const neighbors = neighborsOf(what).map(textOf);
  const inFamily = (each: (neighbor: string) => readonly string[]): string[] => [
    ` address-family ${familyNames[family]}`,
    ...neighbors.flatMap((neighbor) => each(`  neighbor ${neighbor}`)),
    " exit-address-family",
  ];
  const sessions = neighborsOf(what).flatMap((neighbor) => {
    const name = ` neighbor ${textOf(neighbor)}`;
    return [`${name} remote-as ${neighbor.asn}`, `${name} passive`];
  });
  return [
    "log stdout errors",
    ...policyLines(what),
    `router bgp ${localAsn}`,
    ` bgp router-id ${own}`,
    ` bgp cluster-id ${own}`,
    " no bgp default ipv4-unicast",
    // Else the first routes of a new session wait up to ten seconds, the longer the more sessions.
    " coalesce-time 100",
    ...sessions,
    ...inFamily((name) => [
      `${name} activate`,
      ...(isReflector ? [`${name} route-reflector-client`] : []),
      ...(family === "ipv4-unicast"
        ? [`${name} route-map IMPORT in`, `${name} route-map EXPORT out`]
        : []),
    ]),
    "!",
    "",
  ].join("\n");
}

function policyLines(what: Case): string[] {
  const communities = { PREFERRED: policy.preferred, MARKED: policy.marked, HIDDEN: policy.hidden };
  const med =
    what.kind === "reflector"
      ? []
      : [
          "route-map EXPORT permit 20",
          " match community MARKED",
          ` set metric ${policy.markedMed}`,
        ];
  return [
    ...Object.entries(communities).map(
      ([name, { text }]) => `bgp community-list standard ${name} permit ${text}`,
    ),
    ...policy.bogonPrefixes.map(
      (prefix, index) => `ip prefix-list BOGONS seq ${5 * (index + 1)} permit ${prefix} le 32`,
    ),
    `bgp as-path access-list BOGON-AS permit _${policy.bogonAsn}_`,
    "route-map IMPORT deny 10",
    " match ip address prefix-list BOGONS",
    "route-map IMPORT deny 20",
    " match as-path BOGON-AS",
    "route-map IMPORT permit 30",
    " match community PREFERRED",
    ` set local-preference ${policy.preferredLocalPref}`,
    ` set community ${policy.marked.text} additive`,
    "route-map IMPORT permit 40",
    "route-map EXPORT deny 10",
    " match community HIDDEN",
    ...med,
    "route-map EXPORT permit 30",
    "!",
  ];
}
