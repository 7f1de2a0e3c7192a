/** `import` and `export` of a peer: which routes pass, and what becomes of them. */
import { acceptAll, acceptDefaultOnly, type Policy, type PolicyTerm, rejectAll } from "@heddle/bgp";
import type { ConfigField } from "@heddle/config";
import type { Asn } from "@heddle/inet";
import { checkAt, type NamedPolicy, type PolicyBook, wholePolicy } from "./parse-policies.ts";
import { newSlot, type PolicySets } from "./sets.ts";

const partCountMax = 1000;

const keepNextHop: PolicyTerm = {
  ...{ name: "keep-next-hop", match: {}, verdict: "continue" },
  actions: { nextHop: "unchanged" },
};

/** Makes policies of what peers say; the same one for the same words. */
export class RouteSelections {
  readonly #book: PolicyBook;
  readonly #sets: PolicySets;
  /** By what the file says. */
  readonly #known: Map<string, Policy> = new Map();
  readonly #keeping: Map<Policy, Policy> = new Map();

  constructor(book: PolicyBook) {
    this.#book = book;
    this.#sets = book.sets.readers(newSlot());
  }

  /**
   * `all`, `none`, `default-only`, the name of a policy, or a list: of prefixes that pass, of
   * policies of which each decides what those before it have left, or of policies with the
   * prefixes that pass at the end. `peer` is undefined where the AS is known from its OPEN only.
   * @throws ConfigError
   */
  parse(field: ConfigField, peer: Asn | undefined): Policy {
    if (!field.isList) return this.#word(field, peer);
    const items = field.items(partCountMax);
    const isPolicy = (item: ConfigField): boolean => item.isText && this.#book.has(item.text());
    const names = items.filter(isPolicy);
    const rules = items.slice(names.length);
    const late = rules.find(isPolicy);
    if (late !== undefined) late.fail("a policy after a prefix, want policies first");
    const chain = names.map((item) => this.#book.named(item, peer));
    if (rules.length > 0 || names.length === 0) {
      const prefixes = rules.flatMap((item) => this.#sets.prefixes(item));
      const listed: PolicyTerm = { name: "listed", match: { prefixes }, verdict: "accept" };
      const name = field.path.endsWith("import") ? "import" : "export";
      chain.push({ name, terms: [listed], otherwise: "reject" });
    }
    const deaf = chain.slice(0, -1).findIndex(({ otherwise }) => otherwise !== undefined);
    if (deaf >= 0) {
      names[deaf]?.fail(`has otherwise: ${chain[deaf]?.otherwise}, want it last, or without`);
    }
    return this.#chained(field, chain, peer);
  }

  /** The policy, with the next hop left as it is unless a term says something else about it. */
  keepingNextHop(policy: Policy): Policy {
    const known = this.#keeping.get(policy);
    if (known !== undefined) return known;
    const keeping = { ...policy, terms: [keepNextHop, ...policy.terms] };
    this.#keeping.set(policy, keeping);
    return keeping;
  }

  /** For where the file says nothing (RFC 8212). */
  get none(): Policy {
    return rejectAll;
  }

  #word(field: ConfigField, peer: Asn | undefined): Policy {
    const text = field.text();
    if (text === "all") return acceptAll;
    if (text === "none") return rejectAll;
    if (text === "default-only") return acceptDefaultOnly;
    return this.#chained(field, [this.#book.named(field, peer)], peer);
  }

  /** The terms of all; sessions with equal policies share what is computed for them. */
  #chained(field: ConfigField, chain: readonly NamedPolicy[], peer: Asn | undefined): Policy {
    const name = chain.map((part) => part.name).join(", ");
    const of = chain.some((part) => this.#book.isAboutPeer(part.name)) ? peer : undefined;
    const key = JSON.stringify([name, field.value, of]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const policy = wholePolicy({
      name,
      terms: chain.flatMap(({ terms }) => terms),
      otherwise: chain.at(-1)?.otherwise,
    });
    checkAt(field, policy);
    this.#known.set(key, policy);
    return policy;
  }
}
