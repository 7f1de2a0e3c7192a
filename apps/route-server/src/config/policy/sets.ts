/**
 * Lists with names, for several policies: of prefixes, of communities of the three kinds, and of
 * AS numbers. Wherever a policy takes an item, it takes the name of a list in its place.
 */
import {
  type CommunityPart,
  type CommunityPattern,
  type ExtendedCommunityPattern,
  type LargeCommunityPattern,
  type PrefixRule,
  parseExtendedCommunity,
  wellKnownCommunities,
} from "@heddle/bgp";
import { ConfigError, type ConfigField, type ConfigFields } from "@heddle/config";
import { type Asn, parseAsn } from "@heddle/inet";
import { parsePrefixRule, parseRuleFile, type ReadFile } from "./prefix-rules.ts";

/** What `checkPolicy` takes, too. */
const itemCountMax = 65_536;
const setCountMax = 1000;

/** Reads a field as items of one kind, with the lists that it names in their places. */
export type SetReader<Item> = (field: ConfigField) => Item[];

export interface PolicySets {
  readonly prefixes: SetReader<PrefixRule>;
  /** Undefined for one with an AS that does not fit into it: no community can be like it. */
  readonly communities: SetReader<CommunityPattern | undefined>;
  readonly extendedCommunities: SetReader<ExtendedCommunityPattern>;
  readonly largeCommunities: SetReader<LargeCommunityPattern>;
  readonly asns: SetReader<Asn>;
}

/** What `peer` in a community stands for. */
export interface PeerSlot {
  readonly asn: Asn;
  /** Something has asked for it. */
  isUsed: boolean;
}

/** Stands for an AS that is not known; RFC 6793 9 keeps it from being anybody's. */
export const asTrans: Asn = parseAsn(23_456);

/** For whom it is not known yet. */
export function newSlot(asn: Asn = asTrans): PeerSlot {
  return { asn, isUsed: false };
}

/** The lists of the file. */
export class SetBook {
  readonly #fields: Partial<ConfigFields<keyof PolicySets>>;
  readonly #prefixes: SetReader<PrefixRule>;
  readonly #asns: SetReader<Asn>;

  /** @throws ConfigError for any of them, whether it is used or not */
  constructor(field: ConfigField, readFile: ReadFile) {
    this.#fields = field.maybe((each) => each.fields(...kinds)) ?? {};
    this.#prefixes = setReader(this.#fields.prefixes, parsePrefixRule, (set) =>
      fileOf(set, readFile),
    );
    this.#asns = setReader(this.#fields.asns, parseAsnOf);
    const sets = this.readers(newSlot());
    for (const kind of kinds) {
      for (const [, set] of this.#fields[kind]?.entries(setCountMax) ?? []) sets[kind](set);
    }
  }

  /** For one peer, or for nobody in particular. */
  readers(slot: PeerSlot): PolicySets {
    const { communities, extendedCommunities, largeCommunities } = this.#fields;
    return {
      prefixes: this.#prefixes,
      asns: this.#asns,
      communities: setReader(communities, (item) => parseCommunity(item, slot)),
      extendedCommunities: setReader(extendedCommunities, parseExtended),
      largeCommunities: setReader(largeCommunities, (item) => parseLarge(item, slot)),
    };
  }
}

const kinds = [
  ...(["prefixes", "communities", "extendedCommunities"] as const),
  ...(["largeCommunities", "asns"] as const),
] as const;

/** The same lists where each item must be one community and not a pattern over several. */
export function wholeOf(sets: PolicySets): {
  readonly communities: SetReader<number>;
  readonly extendedCommunities: SetReader<bigint>;
  readonly largeCommunities: SetReader<readonly [number, number, number]>;
} {
  return {
    communities: whole(sets.communities, (one) => typeof one === "number"),
    extendedCommunities: whole(sets.extendedCommunities, (one) => typeof one === "bigint"),
    largeCommunities: whole(sets.largeCommunities, isLargeCommunity),
  };
}

function whole<Pattern, Community extends Pattern>(
  read: SetReader<Pattern>,
  isWhole: (pattern: Pattern) => pattern is Community,
): SetReader<Community> {
  return (field) => {
    const items = read(field);
    if (items.every(isWhole)) return items;
    return field.fail("a pattern or an AS over 65535, want whole communities only");
  };
}

function isLargeCommunity(
  pattern: LargeCommunityPattern,
): pattern is readonly [number, number, number] {
  return pattern.every((part) => part !== "any");
}

/** Each list is read once, when it is named; it may name those above it. */
function setReader<Item>(
  field: ConfigField | undefined,
  parse: (item: ConfigField) => Item,
  whole: (set: ConfigField) => Item[] | undefined = () => undefined,
): SetReader<Item> {
  const entries = new Map(field?.entries(setCountMax));
  const names = [...entries.keys()];
  for (const [name, set] of entries) {
    if (!isSetName(name)) set.fail("bad name, want a letter first, then letters, digits, - or _");
  }
  const known = new Map<string, readonly Item[]>();
  const read = (items: ConfigField, visible: readonly string[]): Item[] =>
    whole(items) ??
    items.itemOrItems(itemCountMax).flatMap((item) => {
      const name = item.isText ? item.text() : "";
      const at = visible.indexOf(name);
      const set = at < 0 ? undefined : entries.get(name);
      if (set === undefined) return [parseItem(item, parse, visible)];
      const found = known.get(name) ?? read(set, names.slice(0, at));
      known.set(name, found);
      return found;
    });
  return (items) => {
    // A list that is read for itself sees those above it, as when it is named.
    const at = names.findIndex((name) => entries.get(name)?.path === items.path);
    return read(items, at < 0 ? names : names.slice(0, at));
  };
}

/** `{ file: PATH }` in place of a list; undefined for anything else. */
function fileOf(set: ConfigField, readFile: ReadFile): PrefixRule[] | undefined {
  const file = set.find("file");
  if (file === set) return undefined;
  set.fields("file");
  return parseRuleFile(file.text(), readFile);
}

/** What looks like a name is none of the lists, unless it is an item of this kind. */
function parseItem<Item>(
  item: ConfigField,
  parse: (item: ConfigField) => Item,
  known: readonly string[],
): Item {
  try {
    return parse(item);
  } catch (error) {
    const isName = error instanceof ConfigError && item.isText && isSetName(item.text());
    if (!isName) throw error;
    const names = known.length === 0 ? "" : `, such as ${known.slice(0, 5).join(", ")}`;
    return item.fail(`no list ${item.text()}, want an item or the name of a list above${names}`);
  }
}

/** No prefix, community or AS number looks like it. */
export function isSetName(text: string): boolean {
  return /^[A-Za-z][\w-]{0,63}$/.test(text);
}

/** The names of RFC 1997 and of those after it. */
const namedCommunities: Readonly<Record<string, number>> = {
  "no-export": wellKnownCommunities.noExport,
  "no-advertise": wellKnownCommunities.noAdvertise,
  "no-export-subconfed": wellKnownCommunities.noExportSubconfed,
  "graceful-shutdown": wellKnownCommunities.gracefulShutdown,
  blackhole: wellKnownCommunities.blackhole,
  "llgr-stale": wellKnownCommunities.longLivedStale,
  "no-llgr": wellKnownCommunities.noLongLived,
};

/**
 * `64512:70`, `64512:*`, `0:peer` for the AS of the peer, or a name such as `blackhole`. Undefined
 * where the peer's AS takes more than 16 bits.
 */
function parseCommunity(field: ConfigField, slot: PeerSlot): CommunityPattern | undefined {
  const text = field.text();
  const named = Object.hasOwn(namedCommunities, text) ? namedCommunities[text] : undefined;
  if (named !== undefined) return named;
  const [high, low] = partsOf(field, 2, 0xffff, slot);
  if (high === undefined || low === undefined) {
    const names = Object.keys(namedCommunities).join(", ");
    return field.fail(`${JSON.stringify(text)}, want AS:NUMBER with * for any, or one of ${names}`);
  }
  if ([high, low].some((part) => part !== "any" && part > 0xffff)) return undefined;
  return high === "any" || low === "any" ? [high, low] : high * 0x10000 + low;
}

/** `64512:1:*`, `64512:0:peer`. */
function parseLarge(field: ConfigField, slot: PeerSlot): LargeCommunityPattern {
  const [first, second, third] = partsOf(field, 3, 0xffffffff, slot);
  if (first === undefined || second === undefined || third === undefined) {
    return field.fail(`${JSON.stringify(field.text())}, want AS:NUMBER:NUMBER with * for any`);
  }
  return [first, second, third];
}

/** Empty when the text is nothing of the kind. */
function partsOf(field: ConfigField, count: number, max: number, slot: PeerSlot): CommunityPart[] {
  const parts = field.text().split(":");
  if (parts.length !== count || !parts.every((part) => /^(\*|peer|\d{1,10})$/.test(part)))
    return [];
  return parts.map((part) => {
    if (part === "*") return "any";
    if (part === "peer") {
      slot.isUsed = true;
      return slot.asn;
    }
    const value = Number(part);
    return value <= max ? value : field.fail(`${value} in ${field.text()}, want 0 to ${max}`);
  });
}

/** `rt:64512:7` and the like, or `0x…/0x…`: a value and the bits of it that count. */
function parseExtended(field: ConfigField): ExtendedCommunityPattern {
  const masked = /^(0x[0-9a-f]{16})\/(0x[0-9a-f]{16})$/.exec(field.text());
  const [, value, mask] = masked ?? [];
  if (value === undefined || mask === undefined) return field.parse(parseExtendedCommunity);
  return { value: BigInt(value), mask: BigInt(mask) };
}

/** A number, or text with a dot (RFC 5396). */
export function parseAsnOf(field: ConfigField): Asn {
  return field.isText ? field.parse(parseAsn) : parseAsn(field.integer(1, 0xffffffff));
}
