/**
 * Extended communities as text, `name:value`: `rt:65000:1`, `soo:10.0.0.1:5`, `color:0:100`,
 * `encap:8`, `mac-mobility:sticky:7`, `router-mac:02:00:00:00:00:01`, `rate-bytes:0:1000000`,
 * `redirect:65000:1`, `tag:4096`. What is not known is sixteen hexadecimal digits after 0x.
 */
import {
  formatMac,
  formatRouteTarget,
  type Mac,
  ParseError,
  parseMac,
  parseRouteTarget,
  type RouteTarget,
} from "@heddle/inet";
import {
  decodeExtendedCommunity,
  type ExtendedCommunity,
  encodeExtendedCommunity,
  siteOfOrigin,
} from "./extended-community.ts";

/** `value` is a uint64. */
export function formatExtendedCommunity(value: bigint): string {
  const community = decodeExtendedCommunity(value);
  switch (community.kind) {
    case "route-target":
      return `rt:${formatRouteTarget(community.routeTarget)}`;
    case "site-of-origin":
      return `soo:${formatRouteTarget(targetOf(community.value))}`;
    case "color":
      return `color:${community.flags}:${community.color}`;
    case "encapsulation":
      return `encap:${community.tunnelType}`;
    case "default-gateway":
      return "default-gateway";
    case "mac-mobility":
      return `mac-mobility:${community.sticky ? "sticky:" : ""}${community.sequence}`;
    case "esi-label":
      return `esi-label:${community.singleActive ? "single-active:" : ""}${community.label}`;
    case "es-import":
      return `es-import:${formatMac(community.mac)}`;
    case "router-mac":
      return `router-mac:${formatMac(community.mac)}`;
    case "layer2-attributes":
      return `l2-attributes:${community.flags}:${community.mtu}`;
    case "link-bandwidth":
      return `link-bandwidth:${community.asn}:${community.rate}`;
    case "traffic-rate-bytes":
      return `rate-bytes:${community.asn}:${community.rate}`;
    case "traffic-rate-packets":
      return `rate-packets:${community.asn}:${community.rate}`;
    case "traffic-action":
      return `action:${actionText(community)}`;
    case "redirect":
      return `redirect:${formatRouteTarget(community.routeTarget)}`;
    case "traffic-marking":
      return `mark:${community.dscp}`;
    case "security-tag":
      return `tag:${community.tag}`;
    case "opaque":
      return `0x${value.toString(16).padStart(16, "0")}`;
  }
}

function actionText(community: ExtendedCommunity & { kind: "traffic-action" }): string {
  const parts = [community.sample ? "sample" : "", community.terminal ? "terminal" : ""];
  const named = parts.filter((part) => part !== "");
  return named.length === 0 ? "none" : named.join(",");
}

/** The route target with administrator and number of a site of origin. */
function targetOf(value: bigint): RouteTarget {
  return ((value & ~(0xffn << 48n)) | (0x02n << 48n)) as RouteTarget;
}

/** The inverse of {@link formatExtendedCommunity}; a uint64. @throws ParseError */
export function parseExtendedCommunity(text: string): bigint {
  if (/^0x[0-9a-f]{16}$/.test(text)) return BigInt(text);
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parser === undefined || colon < 0 !== (name === "default-gateway")) {
    throw new ParseError("extended community", text, "want name:value or 0x and 16 digits");
  }
  return encodeExtendedCommunity(parser(text.slice(colon + 1), text));
}

type Parser = (value: string, text: string) => ExtendedCommunity;

const parsers: Readonly<Record<string, Parser>> = {
  rt: (value) => ({ kind: "route-target", routeTarget: parseTarget(value) }),
  soo: (value) => siteOfOrigin(parseTarget(value)),
  color: (value, text) => {
    const [flags, color] = integers(value, text, [0xffff, 0xffffffff]);
    return { kind: "color", flags: flags as number, color: color as number };
  },
  encap: (value, text) => ({ kind: "encapsulation", tunnelType: integer(value, text, 0xffff) }),
  "default-gateway": () => ({ kind: "default-gateway" }),
  "mac-mobility": (value, text) => {
    const [sticky, rest] = withoutPrefix(value, "sticky:");
    return { kind: "mac-mobility", sticky, sequence: integer(rest, text, 0xffffffff) };
  },
  "esi-label": (value, text) => {
    const [singleActive, rest] = withoutPrefix(value, "single-active:");
    return { kind: "esi-label", singleActive, label: integer(rest, text, 0xffffff) };
  },
  "es-import": (value) => ({ kind: "es-import", mac: parseMac(value) as Mac }),
  "router-mac": (value) => ({ kind: "router-mac", mac: parseMac(value) as Mac }),
  "l2-attributes": (value, text) => {
    const [flags, mtu] = integers(value, text, [0xffff, 0xffff]);
    return { kind: "layer2-attributes", flags: flags as number, mtu: mtu as number };
  },
  "link-bandwidth": (value, text) => ({ kind: "link-bandwidth", ...parseRate(value, text) }),
  "rate-bytes": (value, text) => ({ kind: "traffic-rate-bytes", ...parseRate(value, text) }),
  "rate-packets": (value, text) => ({ kind: "traffic-rate-packets", ...parseRate(value, text) }),
  action: (value, text) => {
    const named = value === "none" ? [] : value.split(",");
    if (named.some((part) => part !== "sample" && part !== "terminal")) {
      throw new ParseError("extended community", text, "want sample, terminal, both or none");
    }
    const [sample, terminal] = [named.includes("sample"), named.includes("terminal")];
    return { kind: "traffic-action", sample, terminal };
  },
  redirect: (value) => ({ kind: "redirect", routeTarget: parseTarget(value) }),
  mark: (value, text) => ({ kind: "traffic-marking", dscp: integer(value, text, 0x3f) }),
  tag: (value, text) => ({ kind: "security-tag", tag: integer(value, text, 0xffffffff) }),
};

/** Of the three types that have a text. */
function parseTarget(value: string): RouteTarget {
  if (value.startsWith("0x")) {
    throw new ParseError("route target", value, "want administrator:number");
  }
  return parseRouteTarget(value);
}

function withoutPrefix(value: string, prefix: string): readonly [boolean, string] {
  const has = value.startsWith(prefix);
  return [has, has ? value.slice(prefix.length) : value];
}

function integers(value: string, text: string, limits: readonly number[]): number[] {
  const parts = value.split(":");
  if (parts.length !== limits.length) {
    throw new ParseError("extended community", text, `want ${limits.length} numbers`);
  }
  return parts.map((part, i) => integer(part, text, limits[i] as number));
}

function integer(value: string, text: string, max: number): number {
  const number = /^(0|[1-9][0-9]{0,9})$/.test(value) ? Number(value) : Number.NaN;
  if (number <= max) return number;
  throw new ParseError("extended community", text, `number ${value}, want 0 to ${max}`);
}

/** `asn:rate`; the rate takes single precision. */
function parseRate(value: string, text: string): { asn: number; rate: number } {
  const match = /^([0-9]{1,5}):(-?[0-9.]{1,40}(?:e[-+]?[0-9]{1,2})?|-?Infinity)$/.exec(value);
  if (match === null) throw new ParseError("extended community", text, "want AS:rate");
  const rate = Number(match[2]);
  if (Number.isNaN(rate)) {
    throw new ParseError("extended community", text, `rate ${match[2]}, want a number`);
  }
  return { asn: integer(match[1] as string, text, 0xffff), rate: Math.fround(rate) };
}
