/** Policies and the attributes that they look at as text for people. */
import { formatIp, formatPrefix, formatRouteTarget } from "@heddle/inet";
import { asPathLength, firstAsnOf } from "../packet/as-path.ts";
import { formatAsPath } from "../packet/as-path-text.ts";
import { routeTargetsOf, securityTagOf } from "../packet/extended-community.ts";
import { formatExtendedCommunity } from "../packet/extended-community-text.ts";
import type { AsPathSegment, Origin, PathAttributes } from "../packet/path-attributes.ts";
import { formatAsPathPattern } from "./as-path-pattern-text.ts";
import { type AttributeField, communityMatchOf, originAsnsOf } from "./conditions.ts";
import type {
  CommunityMatch,
  CommunityPart,
  CommunityPattern,
  ExtendedCommunityPattern,
  LargeCommunityPattern,
  NumberRange,
  Policy,
  PolicyActions,
  PolicyMatch,
  PolicyTerm,
  PrefixRule,
} from "./policy.ts";

/** One line per term; ends without a line break. */
export function formatPolicy(policy: Policy): string {
  const terms = policy.terms.map((term, index) => `  ${formatTerm(term, index)}`);
  return [`policy ${policy.name}`, ...terms, `  otherwise ${policy.otherwise}`].join("\n");
}

function formatTerm(term: PolicyTerm, index: number): string {
  const title = term.name === undefined ? `term ${index}` : `term ${index} ${term.name}`;
  const fields = (Object.keys(matchLabels) as (keyof PolicyMatch)[]).filter(
    (field) => term.match[field] !== undefined,
  );
  const conditions = fields.map(
    (field) => `${matchLabels[field]} ${formatField(term.match, field)}`,
  );
  const when = conditions.length === 0 ? "any route" : conditions.join(", ");
  const actions = term.verdict === "reject" ? [] : formatActions(term.actions);
  return `${title}: ${when}: ${[...actions, term.verdict].join(", ")}`;
}

const matchLabels: Readonly<Record<keyof PolicyMatch, string>> = {
  family: "IP version",
  families: "family",
  evpnRouteTypes: "EVPN route type",
  prefixes: "prefix",
  origins: "origin",
  med: "MED",
  localPref: "local preference",
  nextHops: "next hop",
  nextHopPrefixes: "next hop in",
  asPathLengthMin: "AS path length at least",
  asPathLengthMax: "AS path length at most",
  neighborAsns: "neighbour AS",
  originAsns: "origin AS",
  asPathContains: "AS path contains",
  asPath: "AS path",
  communities: "communities",
  extendedCommunities: "extended communities",
  largeCommunities: "large communities",
  routeTargets: "route target",
  tag: "security tag",
};

type MatchField = Exclude<keyof PolicyMatch, never>;

const matchFormats: {
  readonly [F in MatchField]: (wanted: NonNullable<PolicyMatch[F]>) => string;
} = {
  family: (version) => `IPv${version}`,
  families: anyOf((family) => family),
  evpnRouteTypes: anyOf(String),
  prefixes: anyOf(formatPrefixRule),
  origins: anyOf(formatOrigin),
  med: formatRange,
  localPref: formatRange,
  nextHops: anyOf(formatIp),
  nextHopPrefixes: anyOf(formatPrefix),
  asPathLengthMin: String,
  asPathLengthMax: String,
  neighborAsns: anyOf(String),
  originAsns: anyOf(String),
  asPathContains: anyOf(String),
  asPath: formatAsPathPattern,
  communities: (wanted) => formatCommunityMatch(communityMatchOf(wanted), formatCommunity),
  extendedCommunities: (match) => formatCommunityMatch(match, formatExtendedPattern),
  largeCommunities: (match) => formatCommunityMatch(match, formatLargeCommunity),
  routeTargets: anyOf(formatRouteTarget),
  tag: formatRange,
};

/** What the condition asks for; `-` where the match has none of the kind. */
export function formatField<F extends MatchField>(match: PolicyMatch, field: F): string {
  const wanted = match[field];
  return wanted === undefined ? "-" : matchFormats[field](wanted);
}

function anyOf<T>(format: (one: T) => string): (all: readonly T[]) => string {
  return (all) => (all.length === 0 ? "none" : all.map((one) => format(one)).join(" or "));
}

function formatPrefixRule({ prefix, ge, le }: PrefixRule): string {
  const from = ge === undefined ? "" : ` ge ${ge}`;
  return `${formatPrefix(prefix)}${from}${le === undefined ? "" : ` le ${le}`}`;
}

function formatRange(range: NumberRange | "absent"): string {
  if (range === "absent") return range;
  const { min, max } = range;
  if (min === max && min !== undefined) return String(min);
  if (min === undefined) return max === undefined ? "present" : `at most ${max}`;
  return max === undefined ? `at least ${min}` : `${min} to ${max}`;
}

function formatCommunityMatch<P>(match: CommunityMatch<P>, format: (pattern: P) => string): string {
  const list = (label: string, patterns: readonly P[] | undefined): string[] =>
    patterns === undefined
      ? []
      : [`${label} ${patterns.length === 0 ? "nothing" : patterns.map(format).join(" ")}`];
  return [
    ...list("any of", match.anyOf),
    ...list("all of", match.allOf),
    ...list("none of", match.noneOf),
    ...list("exactly", match.exactly),
  ].join(" and ");
}

function formatPart(part: CommunityPart): string {
  return part === "any" ? "*" : String(part);
}

function formatCommunity(pattern: CommunityPattern): string {
  return typeof pattern === "number"
    ? `${pattern >>> 16}:${pattern & 0xffff}`
    : pattern.map(formatPart).join(":");
}

function formatLargeCommunity(pattern: LargeCommunityPattern): string {
  return pattern.map(formatPart).join(":");
}

function formatExtendedPattern(pattern: ExtendedCommunityPattern): string {
  if (typeof pattern === "bigint") return formatExtendedCommunity(pattern);
  const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;
  return `${hex(pattern.value)}/${hex(pattern.mask)}`;
}

function formatActions(actions: PolicyActions | undefined): readonly string[] {
  if (actions === undefined) return [];
  const { localPref, origin, tag, prepend, nextHop } = actions;
  const all = <T>(verb: string, list: readonly T[] | undefined, format: (one: T) => string) =>
    list === undefined
      ? []
      : [`${verb} ${list.length === 0 ? "none" : list.map(format).join(" ")}`];
  const standard = "communities";
  const extended = "extended communities";
  const large = "large communities";
  return [
    ...(localPref === undefined ? [] : [`set local preference ${localPref}`]),
    ...formatMedAction(actions.med),
    ...(origin === undefined ? [] : [`set origin ${formatOrigin(origin)}`]),
    ...all(`set ${standard}`, actions.setCommunities, formatCommunity),
    ...all(`remove ${standard}`, actions.removeCommunities, formatCommunity),
    ...all(`add ${standard}`, actions.addCommunities, formatCommunity),
    ...all(`set ${extended}`, actions.setExtendedCommunities, formatExtendedPattern),
    ...all(`remove ${extended}`, actions.removeExtendedCommunities, formatExtendedPattern),
    ...all(`add ${extended}`, actions.addExtendedCommunities, formatExtendedPattern),
    ...all(`set ${large}`, actions.setLargeCommunities, formatLargeCommunity),
    ...all(`remove ${large}`, actions.removeLargeCommunities, formatLargeCommunity),
    ...all(`add ${large}`, actions.addLargeCommunities, formatLargeCommunity),
    ...(tag === undefined
      ? []
      : [tag === "remove" ? "remove security tag" : `set security tag ${tag}`]),
    ...(prepend === undefined ? [] : [`prepend ${prepend.asn} ${prepend.count} times`]),
    ...(nextHop === undefined
      ? []
      : [`set next hop ${typeof nextHop === "string" ? nextHop : formatIp(nextHop)}`]),
  ];
}

function formatMedAction(med: PolicyActions["med"]): readonly string[] {
  if (med === undefined) return [];
  if (med === "remove") return ["remove MED"];
  if (typeof med === "number") return [`set MED ${med}`];
  return "add" in med ? [`add ${med.add} to MED`] : [`subtract ${med.subtract} from MED`];
}

function formatOrigin(origin: Origin): string {
  return origin === 0 ? "IGP" : origin === 1 ? "EGP" : "INCOMPLETE";
}

function asPathText(path: readonly AsPathSegment[]): string {
  return path.length === 0 ? "empty" : formatAsPath(path);
}

function listText(all: readonly string[]): string {
  return all.length === 0 ? "none" : all.join(" ");
}

function numberText(value: number | undefined): string {
  return value === undefined ? "absent" : String(value);
}

/** The attributes that actions can change, under the names of their RFCs. */
export const tracedAttributes: Readonly<Record<string, (a: PathAttributes) => string>> = {
  ORIGIN: (a) => formatOrigin(a.origin),
  AS_PATH: (a) => asPathText(a.asPath),
  NEXT_HOP: (a) => formatIp(a.nextHop),
  MULTI_EXIT_DISC: (a) => numberText(a.med),
  LOCAL_PREF: (a) => numberText(a.localPref),
  COMMUNITIES: (a) => listText(a.communities.map(formatCommunity)),
  EXTENDED_COMMUNITIES: (a) => listText(a.extendedCommunities.map(formatExtendedCommunity)),
  LARGE_COMMUNITY: (a) => listText(a.largeCommunities.map(formatLargeCommunity)),
};

const attributeFormats: Readonly<Record<AttributeField, (a: PathAttributes) => string>> = {
  origins: (a) => formatOrigin(a.origin),
  med: (a) => numberText(a.med),
  localPref: (a) => numberText(a.localPref),
  nextHops: (a) => formatIp(a.nextHop),
  nextHopPrefixes: (a) => formatIp(a.nextHop),
  asPathLengthMin: (a) => String(asPathLength(a.asPath)),
  asPathLengthMax: (a) => String(asPathLength(a.asPath)),
  neighborAsns: (a) => numberText(firstAsnOf(a.asPath)),
  originAsns: (a) => listText(originAsnsOf(a.asPath).map(String)),
  asPathContains: (a) => asPathText(a.asPath),
  asPath: (a) => asPathText(a.asPath),
  communities: (a) => listText(a.communities.map(formatCommunity)),
  extendedCommunities: (a) => listText(a.extendedCommunities.map(formatExtendedCommunity)),
  largeCommunities: (a) => listText(a.largeCommunities.map(formatLargeCommunity)),
  routeTargets: (a) => listText(routeTargetsOf(a.extendedCommunities).map(formatRouteTarget)),
  tag: (a) => numberText(securityTagOf(a.extendedCommunities)),
};

/** What the route has, as the condition on `field` sees it. */
export function formatAttribute(field: AttributeField, attributes: PathAttributes): string {
  return attributeFormats[field](attributes);
}
