/** What a session is: the fields that peers, ranges, links, agents and templates have in common. */
import type { AddPathOffer, AddressFamily } from "@heddle/bgp";
import { type ConfigField, type ConfigFields, defined } from "@heddle/config";
import { type Asn, parseAsn, parseIp, parseIp4, parseIp6 } from "@heddle/inet";
import type { AsnRange, BfdPeerConfig, PeerTemplate } from "@heddle/speaker";
import { parseFamilies } from "./families.ts";
import type { RouteSelections } from "./policy/route-selection.ts";
import { asTrans, parseAsnOf } from "./policy/sets.ts";

/** Of the route server, as far as sessions depend on it. */
export interface SessionContext {
  readonly asn: Asn;
  readonly families: readonly AddressFamily[];
  readonly hasTls: boolean;
  /** It forwards: its own address is the next hop of what it tells others. */
  readonly forwards: boolean;
  readonly selections: RouteSelections;
}

/** Of every session. */
export const sessionFields = [
  "families",
  "import",
  "export",
  "localAddress",
  "nextHop4",
  "nextHop6",
  "nextHopSelf",
  "extendedNextHop",
  "addPath",
  "holdTimeSeconds",
  "keepaliveSeconds",
  "delayOpenSeconds",
  "gracefulRestart",
  "passwordFile",
  "ttlSecurity",
  "bfd",
  "prefixCountMax",
  "prefixWarningPercent",
  "prefixRestartSeconds",
  "aigp",
  "aigpMetric",
  "flowSpecValidation",
  "collisionDetectEstablished",
  "enabled",
] as const;

/** Who the peer is, and who calls whom; not of agents, which are clients and call. */
export const relationFields = [
  "asn",
  "otherAsns",
  "reflectorClient",
  "routeServerClient",
  "confederationMember",
  "role",
  "strictRole",
  "passive",
] as const;

export type SessionFields = ConfigFields<(typeof sessionFields)[number]>;
export type RelationFields = ConfigFields<(typeof relationFields)[number]>;
type Relation = Pick<PeerTemplate, "asn" | "kind" | "reflectorClient" | "routeServerClient"> &
  Partial<PeerTemplate>;

const asnRangeCountMax = 1000;
const roles = ["provider", "rs", "rs-client", "customer", "peer"] as const;

/** @throws ConfigError */
export function parseRelation(fields: RelationFields, own: Asn): Relation {
  const { otherAsns: others } = fields;
  const otherAsns = others.maybe(parseOtherAsns);
  const asn = fields.asn.isPresent || otherAsns === undefined ? parseAsnOf(fields.asn) : undefined;
  const flag = (name: Exclude<keyof RelationFields, "asn" | "otherAsns" | "role">) =>
    fields[name].maybe((each) => each.flag());
  const first = otherAsns === "external" ? asTrans : otherAsns?.[0]?.first;
  const known = asn ?? first ?? fields.asn.fail("missing, want the AS of the peer");
  return {
    asn: known,
    kind: known === own ? "reflector" : "fabric",
    ...defined({
      otherAsns,
      reflectorClient: flag("reflectorClient"),
      routeServerClient: flag("routeServerClient"),
      confederationMember: flag("confederationMember"),
      role: fields.role.maybe((each) => each.oneOf(roles)),
      strictRole: flag("strictRole"),
      passive: flag("passive"),
    }),
  };
}

/** `external`, or a list of `65001` and `65010-65020`. */
function parseOtherAsns(field: ConfigField): "external" | readonly AsnRange[] {
  if (field.isText) return field.oneOf(["external"]);
  return field.items(asnRangeCountMax).map((item) => {
    if (!item.isText) return { first: parseAsnOf(item), last: parseAsnOf(item) };
    const [first = "", ...rest] = item.text().split("-");
    const last = rest.length === 0 ? first : rest.join("-");
    return item.parse(() => ({ first: parseAsn(first), last: parseAsn(last) }));
  });
}

/** @throws ConfigError */
export function parseSession(
  fields: SessionFields,
  relation: Relation,
  cx: SessionContext,
): PeerTemplate {
  const families = parseFamilies(fields.families, cx.families);
  return {
    ...relation,
    families,
    ...parsePolicies(fields, relation, cx),
    ...parseAddresses(fields),
    ...parseAddPath(fields.addPath, families),
    ...parseTimes(fields),
    ...parsePrefixLimit(fields),
    ...defined({
      extendedNextHop: fields.extendedNextHop.maybe((each) => each.flag()),
      gracefulRestart: fields.gracefulRestart.maybe((each) => each.flag()),
      ttlSecurity: fields.ttlSecurity.maybe((each) => each.flag()),
      collisionDetectEstablished: fields.collisionDetectEstablished.maybe((each) => each.flag()),
      automaticStart: fields.enabled.maybe((each) => each.flag()),
      bfd: fields.bfd.maybe(parseBfd),
      aigp: fields.aigp.maybe((each) => each.flag()),
      aigpMetric: fields.aigpMetric.maybe((each) => each.integer(1, 0xffffffff)),
      flowSpecValidation: fields.flowSpecValidation.maybe((each) => each.flag()),
    }),
  };
}

/**
 * RFC 8212: nothing passes to or from another AS where the file says nothing; inside the AS all
 * does. What a route server that forwards nothing tells keeps its next hop: packets go to the
 * router that it names.
 */
function parsePolicies(
  fields: SessionFields,
  { kind, asn, otherAsns, confederationMember, routeServerClient }: Relation,
  { selections, forwards }: SessionContext,
): Partial<PeerTemplate> {
  const nextHopSelf = fields.nextHopSelf.maybe((each) => each.flag()) ?? forwards;
  const isExternal = kind === "fabric";
  const selected = (field: ConfigField) =>
    field.maybe((each) => selections.parse(each, otherAsns === undefined ? asn : undefined)) ??
    (isExternal ? selections.none : undefined);
  const exported = selected(fields.export);
  const changes = isExternal && confederationMember !== true && routeServerClient !== true;
  const keeps = changes && !nextHopSelf && exported !== undefined;
  return defined({
    nextHopSelf,
    importPolicy: selected(fields.import),
    exportPolicy: keeps ? selections.keepingNextHop(exported) : exported,
  });
}

function parseAddresses(fields: SessionFields): Partial<PeerTemplate> {
  return defined({
    localAddress: fields.localAddress.maybe((each) => each.parse(parseIp)),
    nextHop4: fields.nextHop4.maybe((each) => each.parse(parseIp4)),
    nextHop6: fields.nextHop6.maybe((each) => each.parse(parseIp6)),
  });
}

/** RFC 7911: `{ send: true, receive: true, families: [ipv4], pathCountMax: 4 }`. */
function parseAddPath(
  field: ConfigField,
  allowed: readonly AddressFamily[],
): Partial<PeerTemplate> {
  if (!field.isPresent) return {};
  const fields = field.fields("send", "receive", "families", "pathCountMax");
  const send = fields.send.maybe((each) => each.flag()) === true;
  const receive = fields.receive.maybe((each) => each.flag()) === true;
  if (!send && !receive) field.fail("neither send nor receive is true, want one of them");
  const count = fields.pathCountMax.maybe((each) => each.integer(1, 64));
  if (count !== undefined && !send) fields.pathCountMax.fail("given without send: true");
  const families = parseFamilies(fields.families, allowed);
  const addPath = families.map((family): AddPathOffer => ({ family, receive, send }));
  return { addPath, ...defined({ addPathSendMax: count }) };
}

function parseTimes(fields: SessionFields): Partial<PeerTemplate> {
  const { holdTimeSeconds, keepaliveSeconds, delayOpenSeconds } = fields;
  const hold = holdTimeSeconds.maybe((each) => each.integer(0, 65_535));
  if (hold === 1 || hold === 2) holdTimeSeconds.fail(`${hold}, want 0, or from 3 to 65535`);
  return defined({
    holdTimeMs: hold === undefined ? undefined : hold * 1000,
    keepaliveMs: keepaliveSeconds.maybe((each) => each.integer(1, 21_845) * 1000),
    delayOpenMs: delayOpenSeconds.maybe((each) => each.integer(0, 240) * 1000),
  });
}

function parsePrefixLimit(fields: SessionFields): Partial<PeerTemplate> {
  return defined({
    prefixCountMax: fields.prefixCountMax.maybe((each) => each.integer(1, 100_000_000)),
    prefixWarningPercent: fields.prefixWarningPercent.maybe((each) => each.integer(1, 99)),
    prefixRestartMs: fields.prefixRestartSeconds.maybe((each) =>
      each.isText ? each.oneOf(["never"] as const) : each.integer(1, 604_800) * 1000,
    ),
  });
}

/** `true`, or the timers (RFC 5880). */
function parseBfd(field: ConfigField): BfdPeerConfig | undefined {
  if (typeof field.value === "boolean") return field.value ? {} : undefined;
  const fields = field.fields(
    ...(["txIntervalMs", "rxIntervalMs", "detectMultiplier", "strict", "hopCountMax"] as const),
  );
  return defined({
    txIntervalMs: fields.txIntervalMs.maybe((each) => each.integer(10, 60_000)),
    rxIntervalMs: fields.rxIntervalMs.maybe((each) => each.integer(10, 60_000)),
    detectMultiplier: fields.detectMultiplier.maybe((each) => each.integer(1, 255)),
    strict: fields.strict.maybe((each) => each.flag()),
    hopCountMax: fields.hopCountMax.maybe((each) => each.integer(1, 255)),
  });
}
