/** What a policy's term does to a route. */
import type { PolicyActions } from "@heddle/bgp";
import { type ConfigField, type ConfigFields, defined } from "@heddle/config";
import { parseIp } from "@heddle/inet";
import { isFitting, parseOrigin } from "./parse-match.ts";
import { type PolicySets, parseAsnOf, wholeOf } from "./sets.ts";

const uint32Max = 0xffffffff;

const communityFields = [
  ...(["setCommunities", "removeCommunities", "addCommunities"] as const),
  ...(["setExtendedCommunities", "removeExtendedCommunities"] as const),
  ...(["addExtendedCommunities", "setLargeCommunities"] as const),
  ...(["removeLargeCommunities", "addLargeCommunities"] as const),
] as const;

const actionFields = [
  ...communityFields,
  ...(["localPref", "med", "origin", "tag", "prepend", "nextHop"] as const),
] as const;

/** @throws ConfigError */
export function parseActions(field: ConfigField, sets: PolicySets): PolicyActions {
  const fields = field.fields(...actionFields);
  return {
    ...communityActions(fields, sets),
    ...defined({
      localPref: fields.localPref.maybe((each) => each.integer(0, uint32Max)),
      med: fields.med.maybe(parseMed),
      origin: fields.origin.maybe(parseOrigin),
      tag: fields.tag.maybe((each) =>
        each.isText ? each.oneOf(["remove"]) : each.integer(0, uint32Max),
      ),
      prepend: fields.prepend.maybe(parsePrepend),
      nextHop: fields.nextHop.maybe(parseNextHop),
    }),
  };
}

function communityActions(
  fields: ConfigFields<(typeof communityFields)[number]>,
  sets: PolicySets,
): PolicyActions {
  const { communities, extendedCommunities, largeCommunities } = wholeOf(sets);
  return defined({
    setCommunities: fields.setCommunities.maybe(communities),
    removeCommunities: fields.removeCommunities.maybe((each) =>
      sets.communities(each).filter(isFitting),
    ),
    addCommunities: fields.addCommunities.maybe(communities),
    setExtendedCommunities: fields.setExtendedCommunities.maybe(extendedCommunities),
    removeExtendedCommunities: fields.removeExtendedCommunities.maybe(sets.extendedCommunities),
    addExtendedCommunities: fields.addExtendedCommunities.maybe(extendedCommunities),
    setLargeCommunities: fields.setLargeCommunities.maybe(largeCommunities),
    removeLargeCommunities: fields.removeLargeCommunities.maybe(sets.largeCommunities),
    addLargeCommunities: fields.addLargeCommunities.maybe(largeCommunities),
  });
}

/** `50`, `remove`, `{ add: 10 }` or `{ subtract: 10 }`. */
function parseMed(field: ConfigField): NonNullable<PolicyActions["med"]> {
  if (field.isText) return field.oneOf(["remove"]);
  if (typeof field.value === "number") return field.integer(0, uint32Max);
  const { add, subtract } = field.fields("add", "subtract");
  if (add.isPresent === subtract.isPresent) field.fail("want one of add, subtract");
  return add.isPresent
    ? { add: add.integer(0, uint32Max) }
    : { subtract: subtract.integer(0, uint32Max) };
}

function parsePrepend(field: ConfigField): NonNullable<PolicyActions["prepend"]> {
  const { asn, count } = field.fields("asn", "count");
  return { asn: parseAsnOf(asn), count: count.maybe((each) => each.integer(1, 255)) ?? 1 };
}

function parseNextHop(field: ConfigField): NonNullable<PolicyActions["nextHop"]> {
  const text = field.text();
  return text === "self" || text === "unchanged" ? text : field.parse(parseIp);
}
