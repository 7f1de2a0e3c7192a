/** For tests: UPDATE bodies of every family, and what a peer of all of them holds. */
import { assert } from "@heddle/std";
import { type AddressFamily, addressFamilyOf } from "../../packet/address-family.ts";
import type { CodecContext } from "../../packet/context.ts";
import { decodeAttributes } from "../../packet/decode-attributes.ts";
import { isProblem, routeAttributesOf } from "../../packet/decoded-attributes.ts";
import { Framer, headerLength } from "../../packet/framing.ts";
import { nlriCodecOf } from "../../packet/nlri/nlri-codecs.ts";
import { walkPathPrefixes4, walkPrefixes4 } from "../../packet/nlri.ts";
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
import { attributesText } from "./wire.ts";

/** A route of any family but `ipv6-unicast`; of `ipv4-unicast`, `key` is length and address. */
export interface TestRoute {
  readonly family: AddressFamily;
  readonly key: Uint8Array;
  readonly payload: Uint8Array;
}

/** The body of one UPDATE; `pathId` where the session has identifiers. */
export function routeAnnouncement(
  route: TestRoute,
  attributes: PathAttributes,
  pathId?: number,
): Uint8Array {
  const cx = { fourOctetAs: true, aigp: true };
  const { nextHop } = attributes;
  const head =
    route.family === "ipv4-unicast"
      ? announceHead4(attributes, cx)
      : announceHeadMp(route.family, attributes, nextHop, undefined, cx);
  return body(head, route, pathId, true);
}

export function routeWithdrawal(route: TestRoute, pathId?: number): Uint8Array {
  const { family } = route;
  const head = family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family);
  return body(head, route, pathId, false);
}

function body(
  head: UpdateHead,
  { family, key, payload }: TestRoute,
  pathId: number | undefined,
  announced: boolean,
): Uint8Array {
  const builder = new UpdateBuilder(4096);
  builder.begin(head);
  const codec = nlriCodecOf(family);
  if (codec !== undefined) builder.nlri(codec, pathId, key, announced ? payload : undefined);
  else {
    const [length, word] = wordOfKey(key);
    if (pathId === undefined) builder.prefix4(word, length);
    else builder.pathPrefix4(pathId, word, length);
  }
  return builder.finish().slice(headerLength);
}

function wordOfKey(key: Uint8Array): [number, number] {
  return [key[0]!, new DataView(key.buffer, key.byteOffset).getInt32(1)];
}

/** Key of an IPv4 prefix as {@link TestRoute} has it. */
export function key4(word: number, length: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = length;
  new DataView(key.buffer).setInt32(1, word);
  return key;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** One line for what matters of a route; equal exactly when it is. */
export function routeText(attributes: PathAttributes, payload: Uint8Array): string {
  const { aigp, extendedCommunities, onlyToCustomer } = attributes;
  return [
    attributesText(attributes),
    `ext ${extendedCommunities.join(",")}`,
    `otc ${onlyToCustomer}`,
    ...(aigp === undefined ? [] : [`aigp ${aigp}`]),
    `payload ${hex(payload)}`,
  ].join(" ");
}

/** What a peer holds after the messages it was sent. */
export class FamilyView {
  /** By family, key and path identifier. */
  readonly routes: Map<string, string> = new Map();
  readonly endOfRibs: AddressFamily[] = [];
  /** Routes withdrawn that were not held. */
  spuriousWithdrawCount = 0;
  announceCount = 0;
  readonly #cx: CodecContext;
  readonly #framer = new Framer();

  /** `cx` as the peer sees the session: what it receives has identifiers in `addPathReceive`. */
  constructor(cx: CodecContext) {
    this.#cx = cx;
  }

  /** Takes whole messages. */
  take(bytes: Uint8Array): void {
    this.#framer.push(bytes, (_type, message, start, end) => {
      this.#update(message.slice(start, end));
      return true;
    });
  }

  /** Sorted `family key text`, without the identifiers. */
  summary(): string[] {
    return [...this.routes].map(([name, text]) => `${name.replace(/#\d+$/, "")} ${text}`).sort();
  }

  #update(bytes: Uint8Array): void {
    const parts = splitUpdate(bytes, 0, bytes.length, newUpdateParts());
    const mp = locateMp(bytes, parts.attributesStart, parts.attributesEnd, newMpParts());
    const marker = endOfRibOf(parts, mp);
    if (marker !== undefined) {
      this.endOfRibs.push(marker);
      return;
    }
    const v4 = "ipv4-unicast";
    for (const { name } of this.#walk(bytes, parts.withdrawnStart, parts.withdrawnEnd, v4, true)) {
      this.#withdraw(name);
    }
    if (mp.unreachStart >= 0) {
      const family = addressFamilyOf(mp.unreachAfi, mp.unreachSafi)!;
      const gone = this.#walk(bytes, mp.unreachNlriStart, mp.unreachEnd, family, true);
      for (const { name } of gone) this.#withdraw(name);
    }
    const block = bytes.subarray(parts.attributesStart, parts.attributesEnd);
    this.#announce(this.#walk(bytes, parts.nlriStart, parts.nlriEnd, v4, false), block, "nlri");
    if (mp.reachStart < 0) return;
    const family = addressFamilyOf(mp.reachAfi, mp.reachSafi)!;
    const come = this.#walk(bytes, mp.reachNlriStart, mp.reachEnd, family, false);
    this.#announce(come, block, "mp-reach");
  }

  #announce(routes: readonly Walked[], block: Uint8Array, source: "nlri" | "mp-reach"): void {
    if (routes.length === 0) return;
    const attributes = routeAttributesOf(decodeAttributes(block, this.#cx), source);
    if (isProblem(attributes)) throw new Error(attributes.message);
    this.announceCount += routes.length;
    for (const { name, payload } of routes) {
      this.routes.set(name, routeText(attributes, payload));
    }
  }

  #withdraw(name: string): void {
    if (!this.routes.delete(name)) this.spuriousWithdrawCount += 1;
  }

  #walk(
    bytes: Uint8Array,
    start: number,
    end: number,
    family: AddressFamily,
    withdrawn: boolean,
  ): Walked[] {
    const addPath = this.#cx.addPathReceive?.includes(family) === true;
    const walked: Walked[] = [];
    const add = (key: Uint8Array, pathId: number, payload: Uint8Array): void => {
      assert(!addPath || pathId > 0, "identifiers count from 1");
      walked.push({ name: `${family} ${hex(key)}#${pathId}`, payload });
    };
    const codec = nlriCodecOf(family);
    const none = new Uint8Array(0);
    if (codec !== undefined) {
      codec.walk(bytes, start, end, { addPath, withdrawn }, (c) =>
        add(c.key.slice(0, c.keyLength), c.pathId, c.payload.slice(0, c.payloadLength)),
      );
    } else if (addPath) {
      walkPathPrefixes4(bytes, start, end, (id, w, length) => add(key4(w, length), id, none));
    } else {
      walkPrefixes4(bytes, start, end, (w, length) => add(key4(w, length), 0, none));
    }
    return walked;
  }
}

interface Walked {
  readonly name: string;
  readonly payload: Uint8Array;
}
