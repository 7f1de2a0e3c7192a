/** What the requests about BGP say, from the text of their queries. */
import {
  type AddressFamily,
  addressFamilyNames,
  BgpError,
  type KeyedFamily,
  nlriCodecOf,
  type PageCursor,
  type PeerIndex,
} from "@heddle/bgp";
import {
  type Ifindex,
  type Ip,
  ParseError,
  type Prefix,
  parseIfindex,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import { type PeerName, type Speaker, SpeakerError } from "@heddle/speaker";
import { must } from "@heddle/std";
import { AdminRequestError } from "../answer.ts";

/** Where a walk over several families is. */
export interface RouteCursor {
  readonly family: AddressFamily;
  readonly at: PageCursor;
}

/** What a request names: a prefix, an address, or a route of another family by its key. */
export type RouteQuery =
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  | { readonly kind: "address"; readonly address: Ip }
  | { readonly kind: "key"; readonly family: KeyedFamily; readonly key: Uint8Array };

const shortNames: Readonly<Record<string, AddressFamily>> = {
  ipv4: "ipv4-unicast",
  ipv6: "ipv6-unicast",
};

/** Undefined when the query does not say. @throws AdminRequestError */
export function familyOf(query: URLSearchParams): AddressFamily | undefined {
  const text = query.get("family");
  if (text === null) return undefined;
  const found = shortNames[text] ?? addressFamilyNames.find((name) => name === text);
  if (found !== undefined) return found;
  const known = [...Object.keys(shortNames), ...addressFamilyNames].join(", ");
  throw new AdminRequestError(`family ${JSON.stringify(text)}, want one of ${known}`);
}

export function isKeyed(family: AddressFamily): family is KeyedFamily {
  return family !== "ipv4-unicast" && family !== "ipv6-unicast";
}

/** @throws AdminRequestError */
export function prefixIn(query: URLSearchParams, name: string): Prefix | undefined {
  const text = query.get(name);
  return text === null ? undefined : parsed(() => parsePrefix(text));
}

/** The `route` of the query; its family decides how it is read. @throws AdminRequestError */
export function routeIn(query: URLSearchParams): RouteQuery | undefined {
  const text = query.get("route");
  if (text === null) return undefined;
  const family = familyOf(query);
  if (family !== undefined && isKeyed(family)) {
    const codec = must(nlriCodecOf(family), "a family with keys has a codec");
    // A route as it is shown has behind its name what is no part of it.
    const name = family === "evpn" ? text.replace(/ (?:esi|label) .*$/, "") : text;
    return { kind: "key", family, key: parsed(() => codec.parse(name)) };
  }
  const prefix = parsed(() => (text.includes("/") ? parsePrefix(text) : undefined));
  const address = prefix === undefined ? parsed(() => parseIp(text)) : prefix.address;
  const actual = typeof address === "number" ? "ipv4-unicast" : "ipv6-unicast";
  if (family !== undefined && family !== actual) {
    throw new AdminRequestError(`route ${text} of family ${actual}, want one of ${family}`);
  }
  return prefix === undefined ? { kind: "address", address } : { kind: "prefix", prefix };
}

/** `192.0.2.1`, `fe80::1%3`. @throws AdminRequestError */
export function peerIn(query: URLSearchParams): PeerName | undefined {
  const text = query.get("peer");
  if (text === null) return undefined;
  const at = text.indexOf("%");
  return parsed(() => {
    if (at < 0) return { address: parseIp(text) };
    const ifindex: Ifindex = parseIfindex(text.slice(at + 1));
    return { address: parseIp(text.slice(0, at)), ifindex };
  });
}

/** @throws AdminRequestError when the query names none */
export function requiredPeer(query: URLSearchParams): PeerName {
  const peer = peerIn(query);
  if (peer === undefined) throw new AdminRequestError("no peer, want the address of one");
  return peer;
}

/** The number of the peer. @throws AdminRequestError 404 */
export function indexIn(speaker: Speaker, name: PeerName, query: URLSearchParams): PeerIndex {
  const index = speaker.indexOf(name);
  if (index === undefined) throw new AdminRequestError(`no BGP peer ${query.get("peer")}`, 404);
  return index;
}

/** @throws AdminRequestError */
export function integerIn(
  query: URLSearchParams,
  name: string,
  [min, max]: readonly [number, number],
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new AdminRequestError(
    `${name} ${JSON.stringify(text)}, want a whole number from ${min} to ${max}`,
  );
}

/** @throws AdminRequestError */
export function choiceIn<Choice extends string>(
  query: URLSearchParams,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new AdminRequestError(`${name} ${JSON.stringify(text)}, want one of ${choices.join(", ")}`);
}

/** @throws AdminRequestError */
export function cursorIn(query: URLSearchParams): RouteCursor | undefined {
  const text = query.get("cursor");
  if (text === null) return undefined;
  const [name, at] = text.split(".", 2);
  const family = addressFamilyNames.find((each) => each === name);
  const wanted = familyOf(query);
  const isWanted = wanted === undefined || wanted === family;
  if (family !== undefined && isWanted && at !== undefined && /^\d{1,10}$/.test(at)) {
    return { family, at: Number(at) };
  }
  throw new AdminRequestError(`cursor ${JSON.stringify(text)}, want the next of a page`);
}

export function formatCursor({ family, at }: RouteCursor): string {
  return `${family}.${at}`;
}

/** What the speaker refuses is the request's fault. @throws AdminRequestError */
export function asked<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SpeakerError)) throw error;
    throw new AdminRequestError(error.message, 409, { cause: error });
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const isText = error instanceof ParseError || error instanceof BgpError;
    if (isText || error instanceof RangeError) {
      throw new AdminRequestError(error.message, 400, { cause: error });
    }
    throw error;
  }
}
