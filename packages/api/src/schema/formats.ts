/**
 * The formats of text fields. Each is checked by the parser that later reads the field, so what
 * validation accepts is what the code can use.
 */
import {
  ParseError,
  parseInterfaceAddress,
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
} from "@heddle/inet";

/** What is wrong with the text; undefined when nothing is. */
export type FormatCheck = (text: string) => string | undefined;

export const formats: ReadonlyMap<string, FormatCheck> = new Map([
  ["ip", parsed(parseIp)],
  ["ip4", parsed(parseIp4)],
  ["cidr", parsed(parsePrefix)],
  ["ip-or-cidr", (text: string) => parsed(text.includes("/") ? parsePrefix : parseIp)(text)],
  ["interface-address", parsed(parseInterfaceAddress)],
  ["mac", parsed(parseMac)],
  ["route-target", parsed(parseRouteTarget)],
  ["route-distinguisher", parsed(parseRouteDistinguisher)],
  ["community", checkCommunity],
  ["interface-name", checkInterfaceName],
  ["date-time", checkDateTime],
  ["quantity", checkQuantity],
]);

function parsed(parse: (text: string) => unknown): FormatCheck {
  return (text) => {
    try {
      parse(text);
      return undefined;
    } catch (error) {
      if (error instanceof ParseError) return reasonOf(error);
      throw error;
    }
  };
}

/**
 * The part of `Cannot parse TYPE "TEXT": REASON` that an error beside the text needs, with the
 * type.
 */
function reasonOf(error: ParseError): string {
  const match = /^Cannot parse [^"]*"(?:[^"\\]|\\.)*": (.*)$/s.exec(error.message);
  const article = /^[aeio]|^(IP|AS)/i.test(error.type) ? "an" : "a";
  return `not ${article} ${error.type}: ${match === null ? error.message : match[1]}`;
}

/** A community of two (RFC 1997) or three (RFC 8092) numbers. */
function checkCommunity(text: string): string | undefined {
  const parts = text.split(":");
  const max = parts.length === 2 ? 0xffff : 0xffffffff;
  const isNumber = (part: string): boolean =>
    /^(0|[1-9][0-9]{0,9})$/.test(part) && Number(part) <= max;
  return (parts.length === 2 || parts.length === 3) && parts.every(isNumber)
    ? undefined
    : "not a community: want two numbers up to 65535 or three up to 4294967295, joined by colons";
}

/**
 * What the kernel takes as the name of an interface (dev_valid_name): IFNAMSIZ counts the final
 * NUL.
 */
function checkInterfaceName(text: string): string | undefined {
  if (text !== "." && text !== ".." && /^[^\s/:]{1,15}$/.test(text)) return undefined;
  return "not an interface name: want 1 to 15 characters without spaces, slashes and colons";
}

/** RFC 3339, as metav1.Time and metav1.MicroTime write it. */
function checkDateTime(text: string): string | undefined {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;
  return shape.test(text) && !Number.isNaN(Date.parse(text))
    ? undefined
    : "not an RFC 3339 time: want the form 2006-01-02T15:04:05Z";
}

/** An amount: a decimal number with a binary suffix, a decimal one, or an exponent. */
function checkQuantity(text: string): string | undefined {
  const shape = /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
  return text.length <= 64 && shape.test(text)
    ? undefined
    : "not a quantity: want a number with an optional suffix, such as 250m or 1Gi";
}
