/** Prefix lists, community lists and route maps of the tenant VRFs. */
import { formatPrefix } from "@heddle/inet";
import type { PrefixRange, SwitchConfig, VrfConfig } from "../switch-config.ts";
import { block } from "./lines.ts";
import { type FamilyName, families, type PolicyNames, policyNames } from "./names.ts";

/** Marks what a VTEP exported; the low half of the community, beside the fabric's AS. */
const exportedMark = 1;

export function renderPolicy(config: SwitchConfig): string[] {
  return config.vrfs.flatMap((vrf) => [
    ...families.flatMap((family) => renderNodePrefixes(vrf, family)),
    ...renderFromFabric(config, vrf),
    ...families.flatMap((family) => renderRouteMaps(config, vrf, family)),
  ]);
}

function renderNodePrefixes(vrf: VrfConfig, family: FamilyName): string[] {
  const name = policyNames(vrf, family).fromNodes;
  const ranges = vrf.nodeImport.filter(({ prefix }) => prefix.family === family.number);
  const lines = ranges.map((range, i) => {
    return `${family.match} prefix-list ${name} seq ${10 * (i + 1)} permit ${formatRange(range)}`;
  });
  return [...lines, `${family.match} prefix-list ${name} seq 65535 deny any`];
}

/**
 * FRR wants prefix length < ge; `ge` of the whole width makes `le` superfluous and is refused with
 * it.
 */
function formatRange({ prefix, lengthMin, lengthMax }: PrefixRange): string {
  const ge = lengthMin > prefix.length ? ` ge ${lengthMin}` : "";
  const le = lengthMax > lengthMin ? ` le ${lengthMax}` : "";
  return `${formatPrefix(prefix)}${ge}${le}`;
}

function renderFromFabric(config: SwitchConfig, vrf: VrfConfig): string[] {
  const [family] = families;
  if (family === undefined || !vrf.defaultNeedsFabric) return [];
  const name = policyNames(vrf, family).fromFabric;
  return [`bgp community-list standard ${name} seq 10 permit ${exportedCommunity(config)}`];
}

/** A community's halves have 16 bits; of a longer AS number the low half serves, inside one AS. */
function exportedCommunity({ asn }: SwitchConfig): string {
  return `${asn & 0xffff}:${exportedMark}`;
}

function renderRouteMaps(config: SwitchConfig, vrf: VrfConfig, family: FamilyName): string[] {
  const names = policyNames(vrf, family);
  return [
    ...block(
      `route-map ${names.fromNodes} permit 10`,
      [`match ${family.match} address prefix-list ${names.fromNodes}`, "set community none"],
      "exit",
    ),
    "!",
    ...block(`route-map ${names.toNodes} deny 10`, [], "exit"),
    "!",
    ...renderDefaultWhen(vrf, names),
    ...block(
      `route-map ${names.toEvpn} permit 10`,
      [`set community ${exportedCommunity(config)} additive`],
      "exit",
    ),
    "!",
  ];
}

function renderDefaultWhen(vrf: VrfConfig, names: PolicyNames): string[] {
  if (!vrf.defaultNeedsFabric) return [];
  const body = [`match community ${names.fromFabric}`];
  return [...block(`route-map ${names.defaultWhen} permit 10`, body, "exit"), "!"];
}
