/**
 * Bytes and values written from RFCs or captured from other speakers, both ways. `source` says which:
 * captures are of GoBGP 3.10.0 and FRR 8.4.4.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex, Writer } from "@heddle/codec";
import type { Ip, Ip6 } from "@heddle/inet";
import {
  type AddressFamily,
  addressFamilies,
  addressFamilyNames,
} from "../../src/packet/address-family.ts";
import type { CodecContext } from "../../src/packet/context.ts";
import { decodeAttributes } from "../../src/packet/decode-attributes.ts";
import { isProblem, routeAttributesOf } from "../../src/packet/decoded-attributes.ts";
import { encodeSharedAttributes } from "../../src/packet/encode-attributes.ts";
import { headerLength } from "../../src/packet/framing.ts";
import { decodeNextHop, encodeNextHop } from "../../src/packet/next-hop.ts";
import {
  decodeEvpnKey,
  decodeEvpnRoute,
  type EvpnRoute,
  encodeEvpnRoute,
} from "../../src/packet/nlri/evpn-route.ts";
import {
  decodeFlowSpec,
  encodeFlowSpec,
  type FlowSpec,
} from "../../src/packet/nlri/flowspec-route.ts";
import { nlriCodecOf } from "../../src/packet/nlri/nlri-codecs.ts";
import {
  decodeRouteTargetConstraint,
  encodeRouteTargetConstraint,
  type RouteTargetConstraint,
} from "../../src/packet/nlri/route-target-constraint.ts";
import { decodeVpnRoute, encodeVpnRoute, type VpnRoute } from "../../src/packet/nlri/vpn.ts";
import type { EncodedNlri, NlriCodec } from "../../src/packet/nlri-codec.ts";
import { decodeOpen, encodeOpen, type Open } from "../../src/packet/open.ts";
import type { PathAttributes } from "../../src/packet/path-attributes.ts";
import { locateMp, newMpParts, newUpdateParts, splitUpdate } from "../../src/packet/update.ts";
import { announceHeadMp, UpdateBuilder } from "../../src/packet/update-builder.ts";
import { readVectors } from "./read-vectors.ts";

interface Vector<T> {
  readonly name: string;
  readonly source: string;
  readonly hex: string;
  readonly value: T;
}

type Route = EvpnRoute | VpnRoute | FlowSpec | RouteTargetConstraint;

function codecOf(family: AddressFamily): NlriCodec {
  const codec = nlriCodecOf(family);
  assert.ok(codec !== undefined, family);
  return codec;
}

function decodeRoute(family: AddressFamily, key: Uint8Array, payload: Uint8Array): Route {
  switch (family) {
    case "evpn":
      return decodeEvpnRoute(key, payload);
    case "ipv4-vpn":
    case "ipv6-vpn":
      return decodeVpnRoute(family === "ipv4-vpn" ? 4 : 6, key, payload);
    case "route-target":
      return decodeRouteTargetConstraint(key);
    default:
      return decodeFlowSpec(family === "ipv4-flowspec" ? 4 : 6, key);
  }
}

function encodeRoute(route: Route): EncodedNlri {
  if ("kind" in route) return encodeEvpnRoute(route);
  if ("labels" in route) return encodeVpnRoute(route);
  return "components" in route ? encodeFlowSpec(route) : encodeRouteTargetConstraint(route);
}

function routesOf(family: AddressFamily, bytes: Uint8Array, start: number, end: number): Route[] {
  const routes: Route[] = [];
  const options = { addPath: false, withdrawn: false };
  codecOf(family).walk(bytes, start, end, options, (cursor) => {
    const key = cursor.key.slice(0, cursor.keyLength);
    routes.push(decodeRoute(family, key, cursor.payload.slice(0, cursor.payloadLength)));
  });
  return routes;
}

function encodeRoutes(family: AddressFamily, routes: readonly Route[]): Uint8Array {
  const codec = codecOf(family);
  const chunks = routes.map((route) => {
    const { key, payload } = encodeRoute(route);
    const bytes = new Uint8Array(codec.encodedLength(key, payload));
    codec.encode(bytes, 0, key, payload);
    return bytes;
  });
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

for (const family of addressFamilyNames.filter((name) => nlriCodecOf(name) !== undefined)) {
  for (const { name, hex, value } of readVectors<Vector<Route[]>>(`nlri-${family}.json`)) {
    test(`NLRI of ${family}: ${name}, both ways`, () => {
      const bytes = fromHex(hex);
      assert.deepEqual(routesOf(family, bytes, 0, bytes.length), value);
      assert.equal(toHex(encodeRoutes(family, value)), toHex(bytes));
    });
  }
}

test("a withdrawn EVPN route has the key of the announced one and nothing else", () => {
  const codec = codecOf("evpn");
  for (const { value } of readVectors<Vector<EvpnRoute[]>>("nlri-evpn.json")) {
    for (const route of value) {
      const { key } = encodeEvpnRoute(route);
      const bytes = new Uint8Array(codec.encodedLength(key, undefined));
      assert.equal(codec.encode(bytes, 0, key, undefined), bytes.length);
      const seen: unknown[] = [];
      const options = { addPath: false, withdrawn: true };
      codec.walk(bytes, 0, bytes.length, options, ({ key: walked, keyLength, payloadLength }) => {
        seen.push(decodeEvpnKey(walked.slice(0, keyLength)), payloadLength);
      });
      assert.deepEqual(seen, [decodeEvpnKey(key), 0]);
    }
  }
});

const cx: CodecContext = {
  fourOctetAs: true,
  external: true,
  families: addressFamilyNames,
  extendedNextHop: ["ipv4-unicast", "ipv4-vpn"],
  aigp: true,
};

/** ORIGIN IGP and an empty AS_PATH. */
const mandatory = "40010100 400200";

for (const vector of readVectors<Vector<Partial<PathAttributes>>>("attributes.json")) {
  const { name, hex, value } = vector;
  test(`attribute ${name}, both ways`, () => {
    const decoded = decodeAttributes(fromHex(mandatory + hex), cx);
    assert.deepEqual(decoded.problems, []);
    const { origin: _o, asPath: _a, ...rest } = decoded.attributes;
    const none = {
      atomicAggregate: false,
      communities: [],
      extendedCommunities: [],
      largeCommunities: [],
      clusterList: [],
      unknown: [],
    };
    assert.deepEqual(rest, { ...none, ...value });
    const w = new Writer(65535);
    encodeSharedAttributes(w, decoded.attributes, cx);
    assert.equal(toHex(w.view()), toHex(fromHex(mandatory + hex)));
  });
}

interface NextHopVector extends Vector<{ nextHop: Ip; linkLocalNextHop?: Ip6 }> {
  readonly family: AddressFamily;
}

for (const { name, family, hex, value } of readVectors<NextHopVector>("next-hops.json")) {
  test(`next hop of ${family}: ${name}, both ways`, () => {
    assert.deepEqual(decodeNextHop(family, fromHex(hex), true), value);
    const encoded = encodeNextHop(family, value.nextHop, value.linkLocalNextHop);
    assert.equal(toHex(encoded), toHex(fromHex(hex)));
  });
}

for (const { name, source, hex, value } of readVectors<Vector<Open>>("open.json")) {
  test(`OPEN ${name} (${source})`, () => {
    const bytes = fromHex(hex);
    assert.deepEqual(decodeOpen(bytes.subarray(headerLength)), value);
    // Others may put each capability into a parameter of its own.
    assert.deepEqual(decodeOpen(encodeOpen(value).subarray(headerLength)), value);
  });
}

interface CapturedUpdate {
  readonly family: AddressFamily;
  readonly routes: readonly Route[];
  readonly attributes: PathAttributes;
}

for (const { name, source, hex, value } of readVectors<Vector<CapturedUpdate>>("update.json")) {
  test(`UPDATE ${name} (${source}), and ours of the same routes`, () => {
    const { family, routes, attributes } = value;
    assert.deepEqual(decodeUpdate(fromHex(hex)), value);
    const { nextHop, linkLocalNextHop, ...shared } = attributes;
    const builder = new UpdateBuilder(4096);
    builder.begin(announceHeadMp(family, shared, nextHop, linkLocalNextHop as Ip6 | undefined, cx));
    for (const route of routes) {
      const { key, payload } = encodeRoute(route);
      assert.ok(builder.nlri(codecOf(family), undefined, key, payload));
    }
    assert.deepEqual(decodeUpdate(builder.finish()), value);
  });
}

function decodeUpdate(message: Uint8Array): CapturedUpdate {
  const parts = splitUpdate(message, headerLength, message.length, newUpdateParts());
  const block = message.subarray(parts.attributesStart, parts.attributesEnd);
  const mp = locateMp(block, 0, block.length, newMpParts());
  const decoded = decodeAttributes(block, cx);
  assert.deepEqual(decoded.problems, []);
  const attributes = routeAttributesOf(decoded, "mp-reach");
  const family = decoded.mpReach?.family;
  assert.ok(!isProblem(attributes) && family !== undefined);
  assert.equal(addressFamilies[family].afi, mp.reachAfi);
  return { family, routes: routesOf(family, block, mp.reachNlriStart, mp.reachEnd), attributes };
}
