/** The conditions of a policy's term. */
import {
  addressFamilyNames,
  type CommunityMatch,
  type NumberRange,
  type Origin,
  origins,
  type PolicyMatch,
  parseAsPathPattern,
} from "@heddle/bgp";
import { type ConfigField, type ConfigFields, defined } from "@heddle/config";
import { type Family, parseIp, parsePrefix, parseRouteTarget } from "@heddle/inet";
import { parseFamily } from "../families.ts";
import type { PolicySets, SetReader } from "./sets.ts";

const uint32Max = 0xffffffff;
const listLengthMax = 65_536;

const matchFields = [
  ...(["prefixes", "family", "families", "evpnRouteTypes", "communities"] as const),
  ...(["extendedCommunities", "largeCommunities", "routeTargets", "tag"] as const),
  ...(["asPath", "asPathContains", "neighborAsns", "originAsns"] as const),
  ...(["asPathLengthMin", "asPathLengthMax", "nextHops", "nextHopPrefixes"] as const),
  ...(["origins", "med", "localPref"] as const),
] as const;

type MatchField = (typeof matchFields)[number];

/** @throws ConfigError */
export function parseMatch(field: ConfigField, sets: PolicySets): PolicyMatch {
  if (!field.isPresent) return {};
  const fields = field.fields(...matchFields);
  return {
    ...keyConditions(fields, sets),
    ...communityConditions(fields, sets),
    ...pathConditions(fields, sets),
  };
}

type Fields = ConfigFields<MatchField>;

function keyConditions(fields: Fields, sets: PolicySets): PolicyMatch {
  return defined({
    prefixes: fields.prefixes.maybe(sets.prefixes),
    family: fields.family.maybe(parseIpVersion),
    families: fields.families.maybe((each) =>
      each.itemOrItems(addressFamilyNames.length).map(parseFamily),
    ),
    evpnRouteTypes: fields.evpnRouteTypes.maybe((each) =>
      each.itemOrItems(255).map((item) => item.integer(1, 255)),
    ),
  });
}

function communityConditions(fields: Fields, sets: PolicySets): PolicyMatch {
  const { communities, extendedCommunities, largeCommunities } = fields;
  return defined({
    communities: communities.maybe((each) => communityMatch(each, sets.communities)),
    extendedCommunities: extendedCommunities.maybe((each) =>
      communityMatch(each, sets.extendedCommunities),
    ),
    largeCommunities: largeCommunities.maybe((each) => communityMatch(each, sets.largeCommunities)),
    routeTargets: fields.routeTargets.maybe((each) =>
      each.itemOrItems(listLengthMax).map((item) => item.parse(parseRouteTarget)),
    ),
    tag: fields.tag.maybe(parseRange),
  });
}

function pathConditions(fields: Fields, sets: PolicySets): PolicyMatch {
  const length = (each: ConfigField): number => each.integer(0, uint32Max);
  return defined({
    asPath: fields.asPath.maybe((each) => each.parse(parseAsPathPattern)),
    asPathContains: fields.asPathContains.maybe(sets.asns),
    neighborAsns: fields.neighborAsns.maybe(sets.asns),
    originAsns: fields.originAsns.maybe(sets.asns),
    asPathLengthMin: fields.asPathLengthMin.maybe(length),
    asPathLengthMax: fields.asPathLengthMax.maybe(length),
    nextHops: fields.nextHops.maybe((each) =>
      each.itemOrItems(listLengthMax).map((item) => item.parse(parseIp)),
    ),
    nextHopPrefixes: fields.nextHopPrefixes.maybe((each) =>
      each.itemOrItems(listLengthMax).map((item) => item.parse(parsePrefix)),
    ),
    origins: fields.origins.maybe((each) => each.itemOrItems(3).map(parseOrigin)),
    med: fields.med.maybe(parseRange),
    localPref: fields.localPref.maybe(parseRange),
  });
}

function parseIpVersion(field: ConfigField): Family {
  const version = field.integer(4, 6);
  return version === 4 || version === 6 ? version : field.fail(`${version}, want 4 or 6`);
}

/** A list means any of it; a mapping says more. */
function communityMatch<Pattern>(
  field: ConfigField,
  read: SetReader<Pattern | undefined>,
): CommunityMatch<Pattern> {
  const readFitting = (each: ConfigField): Pattern[] => read(each).filter(isFitting);
  if (field.isText || field.isList) return { anyOf: readFitting(field) };
  const { anyOf, allOf, noneOf, exactly } = field.fields("anyOf", "allOf", "noneOf", "exactly");
  const isNever = [allOf, exactly].some((each) => each.isPresent && !read(each).every(isFitting));
  if (isNever) return { anyOf: [] };
  return defined({
    anyOf: anyOf.maybe(readFitting),
    allOf: allOf.maybe(readFitting),
    noneOf: noneOf.maybe(readFitting),
    exactly: exactly.maybe(readFitting),
  });
}

/** No route has a community that does not fit. */
export function isFitting<Pattern>(pattern: Pattern | undefined): pattern is Pattern {
  return pattern !== undefined;
}

/** `5`, `{ min: 5, max: 9 }` with either, or `absent`. */
function parseRange(field: ConfigField): NumberRange | "absent" {
  if (field.isText) return field.oneOf(["absent"]);
  if (typeof field.value === "number") {
    const value = field.integer(0, uint32Max);
    return { min: value, max: value };
  }
  const fields = field.fields("min", "max");
  const min = fields.min.maybe((each) => each.integer(0, uint32Max));
  const max = fields.max.maybe((each) => each.integer(min ?? 0, uint32Max));
  return defined({ min, max });
}

/** `igp`, `egp` or `incomplete`. */
export function parseOrigin(field: ConfigField): Origin {
  return origins[field.oneOf(["igp", "egp", "incomplete"])];
}
