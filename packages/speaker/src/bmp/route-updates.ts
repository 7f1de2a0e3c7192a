/** UPDATEs that say what is in a table, for those who were not there when it came to be. */
import {
  type AddressFamily,
  announceHead4,
  announceHeadMp,
  BgpError,
  extendedMessageLengthMax,
  nlriCodecOf,
  type PathAttributes,
  UpdateBuilder,
  type UpdateHead,
  withdrawHead4,
  withdrawHeadMp,
  wordOfIp6,
} from "@heddle/bgp";
import type { Prefix } from "@heddle/inet";
import { must } from "@heddle/std";

/** A route by what names it. */
export type MonitoredRoute = {
  readonly family: AddressFamily;
  readonly pathId: number;
} & ({ readonly prefix: Prefix } | { readonly key: Uint8Array; readonly payload: Uint8Array });

export type AnnouncedRoute = MonitoredRoute & { readonly attributes: PathAttributes };

const cx = { fourOctetAs: true };

/** Whole messages, all routes being of one family; those that share attributes share messages. */
export function encodeAnnouncements(
  routes: readonly AnnouncedRoute[],
  addPath: boolean,
): Uint8Array {
  const builder = new UpdateBuilder(extendedMessageLengthMax);
  const byAttributes = Map.groupBy(routes, ({ attributes }) => attributes);
  for (const [attributes, group] of byAttributes) {
    const { family } = must(group[0], "a group has members");
    if (!begins(builder, announceHeadOf(family, attributes))) continue;
    for (const route of group) put(builder, route, addPath, false);
  }
  return builder.finish().slice();
}

/** False for attributes that leave no room for a route: it is left out (RFC 4271 9.2). */
function begins(builder: UpdateBuilder, head: UpdateHead): boolean {
  try {
    builder.begin(head);
    return true;
  } catch (error) {
    if (error instanceof BgpError) return false;
    throw error;
  }
}

export function encodeWithdrawal(route: MonitoredRoute, addPath: boolean): Uint8Array {
  const builder = new UpdateBuilder(extendedMessageLengthMax);
  const { family } = route;
  builder.begin(family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family));
  put(builder, route, addPath, true);
  return builder.finish().slice();
}

function announceHeadOf(family: AddressFamily, attributes: PathAttributes): UpdateHead {
  const { nextHop, linkLocalNextHop } = attributes;
  if (family === "ipv4-unicast" && typeof nextHop === "number") {
    return announceHead4(attributes, cx);
  }
  const linkLocal = typeof linkLocalNextHop === "bigint" ? linkLocalNextHop : undefined;
  return announceHeadMp(family, attributes, nextHop, linkLocal, cx);
}

function put(
  builder: UpdateBuilder,
  route: MonitoredRoute,
  addPath: boolean,
  withdrawn: boolean,
): void {
  const pathId = addPath ? route.pathId : undefined;
  if ("prefix" in route) {
    putPrefix(builder, route.prefix, pathId);
    return;
  }
  const codec = must(nlriCodecOf(route.family), "a family with keys has a codec");
  // One that fits no message was never received in one.
  builder.nlri(codec, pathId, route.key, withdrawn ? undefined : route.payload);
}

function putPrefix(
  builder: UpdateBuilder,
  { address, length }: Prefix,
  pathId: number | undefined,
): void {
  if (typeof address === "number") {
    if (pathId === undefined) builder.prefix4(address | 0, length);
    else builder.pathPrefix4(pathId, address | 0, length);
    return;
  }
  const words = [0, 1, 2, 3] as const;
  const [w0, w1, w2, w3] = words.map((i) => wordOfIp6(address, i)) as [
    ...[number, number, number, number],
  ];
  if (pathId === undefined) builder.prefix6(w0, w1, w2, w3, length);
  else builder.pathPrefix6(pathId, w0, w1, w2, w3, length);
}
