/** Rules that several kinds share. Inputs are schema-valid: texts in a format parse. */
import {
  containsPrefix,
  type Family,
  formatPrefix,
  type Prefix,
  parseInterfaceAddress,
  parsePrefix,
} from "@heddle/inet";
import { invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { sameJson } from "../schema/json.ts";

/** For kinds whose every change is allowed, or that have no rule beyond the schema. */
export function noRules(): readonly FieldError[] {
  return [];
}

/** The fields of `spec` that differ between two revisions of an object, as errors. */
export function immutable<S extends object>(
  next: S,
  previous: S,
  fields: readonly (keyof S & string)[],
): FieldError[] {
  return fields
    .filter((field) => !sameJson(next[field], previous[field]))
    .map((field) => invalid(`spec.${field}`, next[field], "field is immutable"));
}

/** One error per entry whose family an earlier entry has already. */
export function onePerFamily(path: string, families: readonly Family[]): FieldError[] {
  return families.flatMap((family, i) => {
    const first = families.indexOf(family);
    return first === i
      ? []
      : [
          invalid(
            `${path}[${i}]`,
            `IPv${family}`,
            `${path}[${first}] is IPv${family} too, want at most one per family`,
          ),
        ];
  });
}

/** Address space that no subnet can hold, with the reason people know it by. */
const reserved: readonly (readonly [Prefix, string])[] = (
  [
    ["0.0.0.0/8", "this network"],
    ["127.0.0.0/8", "loopback"],
    ["169.254.0.0/16", "link-local"],
    ["224.0.0.0/3", "multicast and reserved"],
    ["::/8", "unspecified, loopback and IPv4-mapped"],
    ["fe80::/10", "link-local"],
    ["ff00::/8", "multicast"],
  ] as const
).map(([text, name]) => [parsePrefix(text), name]);

/** Refuses a prefix that is, contains or lies in address space which cannot be routed to hosts. */
export function routable(path: string, text: string): FieldError[] {
  const prefix = parsePrefix(text);
  const clash = reserved.find(
    ([range]) => containsPrefix(range, prefix) || containsPrefix(prefix, range),
  );
  if (clash === undefined) return [];
  const message = `overlaps ${formatPrefix(clash[0])} (${clash[1]}), want a unicast prefix`;
  return [invalid(path, text, message)];
}

export function familyOfPrefix(text: string): Family {
  return parsePrefix(text).family;
}

export function familyOfIp(text: string): Family {
  return text.includes(":") ? 6 : 4;
}

export function familyOfInterfaceAddress(text: string): Family {
  return parseInterfaceAddress(text).prefix.family;
}
