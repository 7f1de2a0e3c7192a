/** Prefixes with bounds of their lengths, in the configuration and in files of their own. */
import type { PrefixRule } from "@heddle/bgp";
import { ConfigError, type ConfigField, defined } from "@heddle/config";
import { ParseError, parsePrefix, widthOf } from "@heddle/inet";

/** Of a file that is named in place of a list. */
const lineCountMax = 65_536;

/** What a file holds. @throws ConfigError when it cannot be read */
export type ReadFile = (file: string) => string;

/** `10.0.0.0/8`, `10.0.0.0/8 ge 24`, `10.0.0.0/8 ge 24 le 28`, or the same as a mapping. */
export function parsePrefixRule(field: ConfigField): PrefixRule {
  if (field.isText) return field.parse(parseRuleText);
  const fields = field.fields("prefix", "ge", "le");
  const prefix = fields.prefix.parse(parsePrefix);
  const width = widthOf(prefix.family);
  const ge = fields.ge.maybe((each) => each.integer(prefix.length, width));
  const le = fields.le.maybe((each) => each.integer(ge ?? prefix.length, width));
  return { prefix, ...defined({ ge, le }) };
}

/**
 * The rules of a file, one a line; what is behind a # is for people. A long list takes a third
 * of the time that it takes as YAML.
 * @throws ConfigError that names the line
 */
export function parseRuleFile(file: string, readFile: ReadFile): PrefixRule[] {
  const lines = readFile(file).split("\n");
  if (lines.length > lineCountMax) {
    throw new ConfigError(`Cannot read ${file}: ${lines.length} lines, want ${lineCountMax}`);
  }
  return lines.flatMap((line, index) => {
    const text = line.replace(/#.*/, "").trim();
    if (text === "") return [];
    try {
      return [parseRuleText(text)];
    } catch (cause) {
      if (!(cause instanceof ParseError)) throw cause;
      throw new ConfigError(`Cannot read ${file} line ${index + 1}: ${cause.message}`, { cause });
    }
  });
}

/** @throws ParseError */
function parseRuleText(text: string): PrefixRule {
  const words = /^(\S+)(?: ge (\d{1,3}))?(?: le (\d{1,3}))?$/.exec(text);
  if (words === null) throw new ParseError("prefix rule", text, "want PREFIX ge NUMBER le NUMBER");
  const [, prefixText = "", geText, leText] = words;
  const prefix = parsePrefix(prefixText);
  const width = widthOf(prefix.family);
  const bound = (name: string, bounded: string | undefined, min: number): number | undefined => {
    if (bounded === undefined) return undefined;
    const value = Number(bounded);
    if (value >= min && value <= width) return value;
    throw new ParseError("prefix rule", text, `${name} ${value}, want from ${min} to ${width}`);
  };
  const ge = bound("ge", geText, prefix.length);
  const le = bound("le", leText, ge ?? prefix.length);
  return { prefix, ...defined({ ge, le }) };
}
