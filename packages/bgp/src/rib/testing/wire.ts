/**
 * For tests: UPDATE bodies from values, and the table that a peer builds from the messages it is
 * sent.
 */
import { formatPrefix, type Prefix } from "@heddle/inet";
import { assert } from "@heddle/std";
import type { AddressFamily } from "../../packet/address-family.ts";
import type { CodecContext } from "../../packet/context.ts";
import { decodeAttributes } from "../../packet/decode-attributes.ts";
import { isProblem, routeAttributesOf } from "../../packet/decoded-attributes.ts";
import { Framer, headerLength } from "../../packet/framing.ts";
import {
  prefixFromWords4,
  prefixFromWords6,
  walkPrefixes4,
  walkPrefixes6,
} from "../../packet/nlri.ts";
import type { PathAttributes } from "../../packet/path-attributes.ts";
import {
  endOfRibOf,
  locateMp,
  newMpParts,
  newUpdateParts,
  splitUpdate,
} from "../../packet/update.ts";
import {
  announceHead4,
  announceHeadMp,
  UpdateBuilder,
  type UpdateHead,
  withdrawHead4,
  withdrawHeadMp,
} from "../../packet/update-builder.ts";
import { familyOfPrefix, wordsOf } from "../adj-rib-in.ts";

export const bothFamilies: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast"];

/** The body of one UPDATE. All prefixes are of one family. */
export function announcement(prefixes: readonly Prefix[], attributes: PathAttributes): Uint8Array {
  const family = familyOfPrefix(prefixes[0]!);
  const cx = { fourOctetAs: true };
  const { nextHop, linkLocalNextHop: linkLocal } = attributes;
  assert(typeof linkLocal !== "number", "a link-local next hop is an IPv6 address");
  const head =
    family === "ipv4-unicast"
      ? announceHead4(attributes, cx)
      : announceHeadMp(family, attributes, nextHop, linkLocal, cx);
  return body(head, prefixes);
}

/** The body of one UPDATE. All prefixes are of one family. */
export function withdrawal(prefixes: readonly Prefix[]): Uint8Array {
  const family = familyOfPrefix(prefixes[0]!);
  return body(family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family), prefixes);
}

/** The body of an End-of-RIB marker. */
export function endOfRib(family: AddressFamily): Uint8Array {
  return body(family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family), []);
}

function body(head: UpdateHead, prefixes: readonly Prefix[]): Uint8Array {
  const builder = new UpdateBuilder(4096);
  builder.begin(head);
  for (const prefix of prefixes) {
    const [w0, w1, w2, w3] = wordsOf(prefix);
    if (prefix.family === 4) builder.prefix4(w0, prefix.length);
    else builder.prefix6(w0, w1, w2, w3, prefix.length);
  }
  return builder.finish().slice(headerLength);
}

/** What a peer holds after the messages it was sent. */
export class PeerView {
  /** By prefix. */
  readonly routes: Map<Prefix, PathAttributes> = new Map();
  readonly endOfRibs: AddressFamily[] = [];
  /** Prefixes withdrawn that were not held. */
  spuriousWithdrawCount = 0;
  updateCount = 0;
  readonly #cx: CodecContext;
  readonly #framer = new Framer();

  constructor(external: boolean) {
    this.#cx = { fourOctetAs: true, external, families: bothFamilies };
  }

  /** Takes whole messages. */
  take(bytes: Uint8Array): void {
    this.#framer.push(bytes, (_type, message, start, end) => {
      this.#update(message.slice(start, end));
      return true;
    });
  }

  /** Sorted text, for comparing. */
  summary(): string[] {
    return [...this.routes].map(([p, a]) => `${formatPrefix(p)} ${attributesText(a)}`).sort();
  }

  #update(bytes: Uint8Array): void {
    this.updateCount += 1;
    const parts = splitUpdate(bytes, 0, bytes.length, newUpdateParts());
    const mp = locateMp(bytes, parts.attributesStart, parts.attributesEnd, newMpParts());
    const marker = endOfRibOf(parts, mp);
    if (marker !== undefined) {
      this.endOfRibs.push(marker);
      return;
    }
    for (const p of prefixes4(bytes, parts.withdrawnStart, parts.withdrawnEnd)) this.#withdraw(p);
    if (mp.unreachStart >= 0) {
      for (const p of prefixes6(bytes, mp.unreachNlriStart, mp.unreachEnd)) this.#withdraw(p);
    }
    const block = bytes.subarray(parts.attributesStart, parts.attributesEnd);
    const announced4 = prefixes4(bytes, parts.nlriStart, parts.nlriEnd);
    const announced6 = mp.reachStart < 0 ? [] : prefixes6(bytes, mp.reachNlriStart, mp.reachEnd);
    this.#announce(announced4, block, "nlri");
    this.#announce(announced6, block, "mp-reach");
  }

  #announce(prefixes: readonly Prefix[], block: Uint8Array, source: "nlri" | "mp-reach"): void {
    if (prefixes.length === 0) return;
    const attributes = routeAttributesOf(decodeAttributes(block, this.#cx), source);
    if (isProblem(attributes)) throw new Error(attributes.message);
    for (const prefix of prefixes) this.routes.set(prefix, attributes);
  }

  #withdraw(prefix: Prefix): void {
    if (!this.routes.delete(prefix)) this.spuriousWithdrawCount += 1;
  }
}

function prefixes4(bytes: Uint8Array, start: number, end: number): Prefix[] {
  const prefixes: Prefix[] = [];
  walkPrefixes4(bytes, start, end, (w, length) => prefixes.push(prefixFromWords4(w, length)));
  return prefixes;
}

function prefixes6(bytes: Uint8Array, start: number, end: number): Prefix[] {
  const prefixes: Prefix[] = [];
  walkPrefixes6(bytes, start, end, (w0, w1, w2, w3, length) =>
    prefixes.push(prefixFromWords6(w0, w1, w2, w3, length)),
  );
  return prefixes;
}

/** One line for what matters of attributes; equal exactly when they are. */
export function attributesText(a: PathAttributes): string {
  const path = a.asPath.map((s) => `${s.type[0]}${s.asns.join(",")}`).join("|");
  return [
    `path ${path}`,
    `origin ${a.origin}`,
    `nexthop ${a.nextHop}`,
    `med ${a.med}`,
    `pref ${a.localPref}`,
    `comm ${a.communities.join(",")}`,
    `orig ${a.originatorId}`,
    `clusters ${a.clusterList.join(",")}`,
  ].join(" ");
}
