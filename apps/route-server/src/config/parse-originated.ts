/** Routes that originate at the route server itself. */
import type { AddressFamily } from "@heddle/bgp";
import { type ConfigField, defined } from "@heddle/config";
import { parseIp, parsePrefix } from "@heddle/inet";
import type { OriginatedRoute } from "./config.ts";
import { parseOrigin } from "./policy/parse-match.ts";
import { type PolicySets, wholeOf } from "./policy/sets.ts";

const uint32Max = 0xffffffff;

/** @throws ConfigError */
export function parseOriginated(
  field: ConfigField,
  families: readonly AddressFamily[],
  sets: PolicySets,
): OriginatedRoute {
  const fields = field.fields(
    ...(["prefix", "nextHop", "origin", "med", "localPref", "communities"] as const),
    ...(["extendedCommunities", "largeCommunities", "aigp"] as const),
  );
  const prefix = fields.prefix.parse(parsePrefix);
  const family = prefix.family === 4 ? "ipv4-unicast" : "ipv6-unicast";
  if (!families.includes(family)) fields.prefix.fail(`of ${family}, want one of the families`);
  const { communities, extendedCommunities, largeCommunities } = wholeOf(sets);
  const number = (each: ConfigField): number => each.integer(0, uint32Max);
  const attributes = defined({
    nextHop: fields.nextHop.maybe((each) => each.parse(parseIp)),
    origin: fields.origin.maybe(parseOrigin),
    med: fields.med.maybe(number),
    localPref: fields.localPref.maybe(number),
    aigp: fields.aigp.maybe((each) => BigInt(each.integer(0, Number.MAX_SAFE_INTEGER))),
    communities: fields.communities.maybe(communities),
    extendedCommunities: fields.extendedCommunities.maybe(extendedCommunities),
    largeCommunities: fields.largeCommunities.maybe(largeCommunities),
  });
  return { prefix, attributes };
}
