/** GoBGP's daemon without zebra. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { formatIp4 } from "@heddle/inet";
import { localAddress, localAsn, type Neighbor, neighborsOf, textOf } from "./addresses.ts";
import type { Case, ReflectorFamily } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import * as policy from "./policy.ts";

export const gobgp: Contestant = {
  name: "GoBGP",
  refusal: (what) => {
    if (what.kind === "reflector") {
      return what.constrained ? undefined : "it needs minutes for four million advertisements";
    }
    const isSmall = what.routeCount <= 100_000 && what.senderCount === 1;
    return isSmall ? undefined : "it needs half a minute and more";
  },
  prepare: (what, directory) => {
    const file = path.join(directory, "gobgpd.toml");
    writeFileSync(file, configOf(what));
    const args = ["-f", file, "-l", "error", "--api-hosts", "127.0.0.1:50051", "--pprof-disable"];
    return { program: "/usr/bin/gobgpd", args };
  },
};

const familyNames: Readonly<Record<ReflectorFamily, string>> = {
  "ipv4-unicast": "ipv4-unicast",
  "ipv4-vpn": "l3vpn-ipv4-unicast",
  evpn: "l2vpn-evpn",
};

function configOf(what: Case): string {
  const hasPolicy = what.kind !== "reflector" || what.family === "ipv4-unicast";
  return [
    "[global.config]",
    `as = ${localAsn}`,
    `router-id = "${formatIp4(localAddress)}"`,
    `local-address-list = ["${formatIp4(localAddress)}"]`,
    ...(hasPolicy ? policyLines(what) : []),
    ...neighborsOf(what).flatMap((neighbor) => neighborLines(what, neighbor)),
    "",
  ].join("\n");
}

function neighborLines(what: Case, neighbor: Neighbor): string[] {
  const own = formatIp4(localAddress);
  const isReflector = what.kind === "reflector";
  const families = [familyNames[isReflector ? what.family : "ipv4-unicast"]];
  if (isReflector && what.constrained) families.push("rtc");
  return [
    "[[neighbors]]",
    "[neighbors.config]",
    `neighbor-address = "${textOf(neighbor)}"`,
    `peer-as = ${neighbor.asn}`,
    "[neighbors.transport.config]",
    "passive-mode = true",
    `local-address = "${own}"`,
    ...(isReflector
      ? [
          "[neighbors.route-reflector.config]",
          "route-reflector-client = true",
          `route-reflector-cluster-id = "${own}"`,
        ]
      : []),
    ...families.flatMap((family) => [
      "[[neighbors.afi-safis]]",
      "[neighbors.afi-safis.config]",
      `afi-safi-name = "${family}"`,
    ]),
  ];
}

function policyLines(what: Case): string[] {
  const communities = { preferred: policy.preferred, marked: policy.marked, hidden: policy.hidden };
  return [
    "[global.apply-policy.config]",
    'import-policy-list = ["import"]',
    'default-import-policy = "accept-route"',
    'export-policy-list = ["export"]',
    'default-export-policy = "accept-route"',
    "[[defined-sets.prefix-sets]]",
    'prefix-set-name = "bogons"',
    ...policy.bogonPrefixes.flatMap((prefix) => [
      "[[defined-sets.prefix-sets.prefix-list]]",
      `ip-prefix = "${prefix}"`,
      `masklength-range = "${prefix.split("/")[1]}..32"`,
    ]),
    "[[defined-sets.bgp-defined-sets.as-path-sets]]",
    'as-path-set-name = "bogon-as"',
    `as-path-list = ["_${policy.bogonAsn}_"]`,
    ...Object.entries(communities).flatMap(([name, { text }]) => [
      "[[defined-sets.bgp-defined-sets.community-sets]]",
      `community-set-name = "${name}"`,
      `community-list = ["${text}"]`,
    ]),
    "[[policy-definitions]]",
    'name = "import"',
    ...statement("match-prefix-set", 'prefix-set = "bogons"', reject),
    ...statement("bgp-conditions.match-as-path-set", 'as-path-set = "bogon-as"', reject),
    ...statement("bgp-conditions.match-community-set", 'community-set = "preferred"', [
      ...accept,
      "[policy-definitions.statements.actions.bgp-actions]",
      `set-local-pref = ${policy.preferredLocalPref}`,
      "[policy-definitions.statements.actions.bgp-actions.set-community]",
      'options = "add"',
      "[policy-definitions.statements.actions.bgp-actions.set-community.set-community-method]",
      `communities-list = ["${policy.marked.text}"]`,
    ]),
    "[[policy-definitions]]",
    'name = "export"',
    ...statement("bgp-conditions.match-community-set", 'community-set = "hidden"', reject),
    ...(what.kind === "reflector"
      ? []
      : statement("bgp-conditions.match-community-set", 'community-set = "marked"', [
          ...accept,
          "[policy-definitions.statements.actions.bgp-actions]",
          `set-med = "${policy.markedMed}"`,
        ])),
  ];
}

const actions = "[policy-definitions.statements.actions]";
const reject = [actions, 'route-disposition = "reject-route"'];
const accept = [actions, 'route-disposition = "accept-route"'];

function statement(condition: string, value: string, outcome: readonly string[]): string[] {
  return [
    "[[policy-definitions.statements]]",
    `[policy-definitions.statements.conditions.${condition}]`,
    value,
    ...outcome,
  ];
}
