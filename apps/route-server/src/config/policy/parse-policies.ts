/** `policies` of the file: the policy language of `@heddle/bgp` as YAML, with names to be used. */
import { checkPolicy, type Policy, PolicyError, type PolicyTerm } from "@heddle/bgp";
import { type ConfigField, defined } from "@heddle/config";
import type { Asn } from "@heddle/inet";
import { parseActions } from "./parse-actions.ts";
import { parseMatch } from "./parse-match.ts";
import { isSetName, newSlot, type PolicySets, type SetBook } from "./sets.ts";

const policyCountMax = 10_000;
const termCountMax = 4096;

/** Words that `import` and `export` take beside the names of policies. */
export const selectionWords = ["all", "none", "default-only"] as const;

/** A policy before it is known whether another one follows it. */
export interface NamedPolicy {
  readonly name: string;
  readonly terms: readonly PolicyTerm[];
  /** Undefined: the next policy of a list decides; after the last one, `reject`. */
  readonly otherwise: "accept" | "reject" | undefined;
}

interface Entry {
  readonly field: ConfigField;
  /** With AS_TRANS in place of the peer's AS, if it is about that. */
  readonly policy: NamedPolicy;
  readonly isAboutPeer: boolean;
  /** By the AS of the peer. */
  readonly bound: Map<Asn, NamedPolicy>;
}

/** The policies of the file, checked whether they are used or not. */
export class PolicyBook {
  readonly sets: SetBook;
  readonly #entries: Map<string, Entry> = new Map();

  /** @throws ConfigError */
  constructor(field: ConfigField, sets: SetBook) {
    this.sets = sets;
    for (const [name, each] of field.entries(policyCountMax)) {
      if (!isSetName(name) || selectionWords.some((word) => word === name)) {
        each.fail(`bad name, want a letter first and none of ${selectionWords.join(", ")}`);
      }
      const slot = newSlot();
      const policy = parsePolicy(name, each, sets.readers(slot));
      const entry = { field: each, policy, isAboutPeer: slot.isUsed, bound: new Map() };
      this.#entries.set(name, entry);
    }
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Without those about the AS of the peer, which are another one for each. */
  get policies(): readonly Policy[] {
    const entries = [...this.#entries.values()].filter(({ isAboutPeer }) => !isAboutPeer);
    return entries.map(({ policy }) => wholePolicy(policy));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** It has `peer` in its communities. */
  isAboutPeer(name: string): boolean {
    return this.#entries.get(name)?.isAboutPeer === true;
  }

  /** The policy for a peer of that AS, as `field` names it. @throws ConfigError */
  named(field: ConfigField, peer: Asn | undefined): NamedPolicy {
    const name = field.text();
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const known = [...selectionWords, ...this.names].slice(0, 20).join(", ");
      return field.fail(`${JSON.stringify(name)}, want one of ${known}, or a list`);
    }
    if (!entry.isAboutPeer) return entry.policy;
    if (peer === undefined) {
      return field.fail(`${name} is about the AS of the peer, want asn without otherAsns`);
    }
    const known = entry.bound.get(peer);
    if (known !== undefined) return known;
    const policy = parsePolicy(name, entry.field, this.sets.readers(newSlot(peer)));
    entry.bound.set(peer, policy);
    return policy;
  }
}

function parsePolicy(name: string, field: ConfigField, sets: PolicySets): NamedPolicy {
  const { terms: items, otherwise } = field.fields("terms", "otherwise");
  const terms = items.items(termCountMax).map((item) => parseTerm(item, sets));
  const verdict = otherwise.maybe((each) => each.oneOf(["accept", "reject"] as const));
  checkAt(field, wholePolicy({ name, terms, otherwise: verdict }));
  return { name, terms, otherwise: verdict };
}

function parseTerm(field: ConfigField, sets: PolicySets): PolicyTerm {
  const fields = field.fields("name", "match", "verdict", "actions");
  const named = defined({ name: fields.name.maybe((each) => each.text()) });
  const match = parseMatch(fields.match, sets);
  const verdict = fields.verdict.oneOf(["accept", "reject", "continue"] as const);
  const actions = fields.actions.maybe((each) => parseActions(each, sets));
  if (verdict !== "reject") return { ...named, match, verdict, ...defined({ actions }) };
  if (actions !== undefined) fields.actions.fail("of a term that rejects, want none");
  return { ...named, match, verdict };
}

/** RFC 8212: what nothing accepts is rejected. */
export function wholePolicy({ name, terms, otherwise = "reject" }: NamedPolicy): Policy {
  return { name, terms, otherwise };
}

/** What the checks of the policy refuse becomes an error of the field that they mean. */
export function checkAt(field: ConfigField, policy: Policy): void {
  try {
    checkPolicy(policy);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { term, field: inside, found, want } = error;
    if (term === undefined) field.fail(`${inside} is ${found}, want ${want}`, error);
    // Lists that are named stand for their items, so that an index would be another's.
    const [name = inside] = inside.split("[", 1);
    const isMatch = !name.startsWith("actions.") && name !== "verdict";
    const at = field.find(`terms[${term}].${isMatch ? "match." : ""}${name}`);
    at.fail(`${inside} is ${found}, want ${want}`, error);
  }
}
