/** What is counted of routes that RFC 7606 throws away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@heddle/codec";
import { type Asn, parsePrefix } from "@heddle/inet";
import { RibBench } from "./testing/rib-bench.ts";

const origin = "400101 00";
const asPath = "400206 02 01 0000fde9";
const nextHop = "400304 c0000201";

/** The body of an UPDATE that announces 10.1.0.0/16 and 10.2.0.0/16. */
function update(...attributeTexts: string[]): Uint8Array {
  const attributes = attributeTexts.join("").replaceAll(" ", "");
  const length = (attributes.length / 2).toString(16).padStart(4, "0");
  return fromHex(`0000${length}${attributes}100a01100a02`);
}

function external(): { b: RibBench; peer: number } {
  const b = new RibBench();
  return { b, peer: b.peer(1, { asn: 65001 as Asn }) };
}

const none = { unknownRouteTypes: 0, treatedAsWithdrawn: 0, withoutAttribute: 0 };

test("routes with malformed attributes are counted each time that they come", () => {
  const { b, peer } = external();
  const malformed = update(origin, asPath, nextHop, "c00803 000000");
  for (let i = 0; i < 2; i += 1) b.send(peer, malformed);
  assert.deepEqual(b.rib.discardCounts(peer), { ...none, treatedAsWithdrawn: 4 });
  assert.equal(b.rib.counts(peer, "ipv4-unicast").received, 0);
});

test("routes that lack a discarded attribute are taken, and counted, known block or not", () => {
  const { b, peer } = external();
  const lacking = update(origin, asPath, nextHop, "400601 00");
  for (let i = 0; i < 3; i += 1) b.send(peer, lacking);
  b.send(peer, update(origin, asPath, nextHop));
  assert.deepEqual(b.rib.discardCounts(peer), { ...none, withoutAttribute: 6 });
  assert.equal(b.rib.lookup(parsePrefix("10.1.0.0/16")).length, 1);
});

test("EVPN routes of unknown types are counted, the others beside them taken", () => {
  const b = new RibBench();
  const peer = b.peer(1);
  const unknown = "63 02 0102";
  const multicast = `03 11 0001c00002010001 00000000 20 c0000201`;
  const nlri = `${unknown}${multicast}${unknown}`.replaceAll(" ", "");
  const value = `0019 46 04 c0000201 00 ${nlri}`.replaceAll(" ", "");
  const reach = `800e${(value.length / 2).toString(16)}${value}`;
  const local = "400200 400504 00000064";
  const attributes = `${origin}${local}${reach}`.replaceAll(" ", "");
  const length = (attributes.length / 2).toString(16).padStart(4, "0");
  b.send(peer, fromHex(`0000${length}${attributes}`));
  assert.deepEqual(b.rib.discardCounts(peer), { ...none, unknownRouteTypes: 2 });
  assert.equal(b.rib.counts(peer, "evpn").received, 1);
});

test("counts() says what keeps routes out, by reason", () => {
  const b = new RibBench();
  const peer = b.peer(1, { asn: 65001 as Asn });
  b.send(peer, update(origin, "40020a 02 02 0000fde9 0000fde8", nextHop));
  const { accepted, notUsed, received } = b.rib.counts(peer, "ipv4-unicast");
  assert.deepEqual([received, accepted, [...notUsed]], [2, 0, [["as-loop", 2]]]);
});
