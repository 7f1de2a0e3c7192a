/** UPDATEs that say what is in a table, for those who were not there when it came to be. */
import {
  type AddressFamily,
  announceHead4,
  announceHeadMp,
  extendedMessageLengthMax,
  messageLengthMax,
  nlriCodecOf,
  nlriRoomOf,
  type PathAttributes,
  type PrefixWords,
  UpdateBuilder,
  type UpdateHead,
  withdrawHead4,
  withdrawHeadMp,
  wordOfIp6,
} from "@heddle/bgp";
import { toHex } from "@heddle/codec";
import { formatIp, type Ip, type Prefix, parseIp6 } from "@heddle/inet";
import { must } from "@heddle/std";

/** A route by what names it. */
export type MonitoredRoute = {
  readonly family: AddressFamily;
  readonly pathId: number;
} & (
  | { readonly prefix: Prefix }
  | { readonly words: PrefixWords }
  | { readonly key: Uint8Array; readonly payload: Uint8Array }
);

/** Routes behind the same head. */
interface HeadGroup<R> {
  readonly head: UpdateHead;
  readonly isWithdrawal: boolean;
  readonly routes: R[];
}

const pathIdLength = 4;
/** Room for any prefix with its path identifier. */
const routeRoomMin = 21;
const cx = { fourOctetAs: true, aigp: true };

/**
 * Whole messages, all routes being of one family; those that share attributes share messages.
 * Undefined attributes: the route is withdrawn. Messages are longer than 4096 octets only where
 * attributes are, since not every station takes them.
 */
export function encodeRoutes<R extends MonitoredRoute>(
  routes: readonly R[],
  attributesOf: (route: R) => PathAttributes | undefined,
  addPath: boolean,
): Uint8Array {
  const short = new UpdateBuilder(messageLengthMax);
  const long = new UpdateBuilder(extendedMessageLengthMax);
  for (const { head, isWithdrawal, routes: members } of headGroups(routes, attributesOf)) {
    const room = nlriRoomOf(head, messageLengthMax);
    const isShort = (route: R): boolean => lengthMaxOf(route) <= room;
    for (const [builder, group] of [
      [short, members.filter(isShort)],
      [long, members.filter((route) => !isShort(route))],
    ] as const) {
      if (group.length === 0) continue;
      builder.begin(head);
      for (const route of group) put(builder, route, addPath, isWithdrawal);
    }
  }
  return Buffer.concat([short.finish(), long.finish()]);
}

function headGroups<R extends MonitoredRoute>(
  routes: readonly R[],
  attributesOf: (route: R) => PathAttributes | undefined,
): Iterable<HeadGroup<R>> {
  const groups = new Map<string, HeadGroup<R>>();
  for (const [attributes, members] of Map.groupBy(routes, attributesOf)) {
    const { family } = must(members[0], "a group has members");
    const announced = attributes === undefined ? undefined : fittingHeadOf(family, attributes);
    const head = announced ?? withdrawHeadOf(family);
    const isWithdrawal = announced === undefined;
    const name = `${toHex(head.bytes)} ${toHex(head.tail)}`;
    const known = groups.get(name);
    if (known === undefined) groups.set(name, { head, isWithdrawal, routes: members });
    else known.routes.push(...members);
  }
  return groups.values();
}

/** RFC 4271 9.2: what fits no message cannot be told, so for the station it is not there. */
function fittingHeadOf(family: AddressFamily, attributes: PathAttributes): UpdateHead | undefined {
  const head = announceHeadOf(family, attributes);
  return nlriRoomOf(head, extendedMessageLengthMax) < routeRoomMin ? undefined : head;
}

function withdrawHeadOf(family: AddressFamily): UpdateHead {
  return family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family);
}

function announceHeadOf(family: AddressFamily, attributes: PathAttributes): UpdateHead {
  const { nextHop, linkLocalNextHop } = attributes;
  if (family === "ipv4-unicast" && typeof nextHop === "number") {
    return announceHead4(attributes, cx);
  }
  const linkLocal = typeof linkLocalNextHop === "bigint" ? linkLocalNextHop : undefined;
  return announceHeadMp(family, attributes, nextHopOf(family, nextHop), linkLocal, cx);
}

/** An IPv4 one that policy has set, or that stands for none, is told as a mapped address. */
function nextHopOf(family: AddressFamily, nextHop: Ip): Ip {
  const isWide = family !== "ipv6-unicast" || typeof nextHop === "bigint";
  return isWide ? nextHop : parseIp6(`::ffff:${formatIp(nextHop)}`);
}

/** Octets that it may take in a message. */
function lengthMaxOf(route: MonitoredRoute): number {
  if (!("key" in route)) return routeRoomMin;
  const codec = must(nlriCodecOf(route.family), "a family with keys has a codec");
  return Math.max(routeRoomMin, codec.encodedLength(route.key, route.payload) + pathIdLength);
}

function put(
  builder: UpdateBuilder,
  route: MonitoredRoute,
  addPath: boolean,
  withdrawn: boolean,
): void {
  const pathId = addPath ? route.pathId : undefined;
  if ("words" in route) putWords(builder, route.family, route.words, pathId);
  else if ("prefix" in route) putWords(builder, route.family, wordsOf(route.prefix), pathId);
  else {
    const codec = must(nlriCodecOf(route.family), "a family with keys has a codec");
    // One that fits no message was never received in one.
    builder.nlri(codec, pathId, route.key, withdrawn ? undefined : route.payload);
  }
}

function wordsOf({ address, length }: Prefix): PrefixWords {
  if (typeof address === "number") return { w0: address | 0, w1: 0, w2: 0, w3: 0, length };
  const word = (index: 0 | 1 | 2 | 3): number => wordOfIp6(address, index);
  return { w0: word(0), w1: word(1), w2: word(2), w3: word(3), length };
}

function putWords(
  builder: UpdateBuilder,
  family: AddressFamily,
  { w0, w1, w2, w3, length }: PrefixWords,
  pathId: number | undefined,
): void {
  if (family === "ipv4-unicast") {
    if (pathId === undefined) builder.prefix4(w0, length);
    else builder.pathPrefix4(pathId, w0, length);
  } else if (pathId === undefined) builder.prefix6(w0, w1, w2, w3, length);
  else builder.pathPrefix6(pathId, w0, w1, w2, w3, length);
}
