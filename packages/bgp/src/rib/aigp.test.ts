/** AIGP (RFC 7311) from peer to peer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp4, parsePrefix } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { PeerIndex } from "./peer.ts";
import { attributes } from "./testing/attributes.ts";
import { key4, type TestRoute } from "./testing/family-view.ts";
import { RibBench } from "./testing/rib-bench.ts";

const ten: TestRoute = {
  family: "ipv4-unicast",
  key: key4(0x0a000000, 8),
  payload: new Uint8Array(0),
};
const prefix = parsePrefix("10.0.0.0/8");
const aigp = { cx: { aigp: true } } as const;

function withAigp(metric: bigint, path: number[] = []): PathAttributes {
  return attributes(path, { aigp: metric });
}

/** What the peer was told as AIGP of the route; undefined without. */
function told(b: RibBench, peer: PeerIndex): string | undefined {
  const [text] = b.views.get(peer)!.routes.values();
  return / aigp (\d+)/.exec(text ?? "")?.[1];
}

test("AIGP stays with the next hop, grows by the peer's metric without it, and ends where it is off", () => {
  const b = new RibBench();
  const from = b.peer(1, {}, aigp);
  const inside = b.peer(2, {}, aigp);
  const none = b.peer(3);
  const outside = b.peer(4, { asn: 65004 as Asn, aigpMetric: 10 }, aigp);
  const outsideDefault = b.peer(5, { asn: 65005 as Asn }, aigp);
  const stranger = b.peer(6, { asn: 65006 as Asn });
  b.announce(from, ten, withAigp(100n));
  b.settle();
  const all = [inside, none, outside, outsideDefault, stranger];
  assert.deepEqual(
    all.map((peer) => told(b, peer)),
    ["100", undefined, "110", "101", undefined],
  );
  assert.equal(b.held(stranger, "ipv4-unicast").length, 1);
  const sentTo = (peer: PeerIndex): PathAttributes | undefined =>
    [...b.rib.adjRibOut(peer, "ipv4-unicast")][0]?.attributes;
  assert.deepEqual([sentTo(outside)?.aigp, sentTo(stranger)?.aigp], [110n, undefined]);
  b.announce(from, ten, withAigp(2n ** 64n - 2n));
  b.settle();
  // RFC 7311 3.4.3: no wrap; and 3.2: what is as high as that counts as malformed.
  const highest = told(b, outside);
  assert.deepEqual([sentTo(outside)?.aigp, highest], [2n ** 64n - 1n, undefined]);
});

test("AIGP of a session that has it off is as if it had never come", () => {
  const b = new RibBench();
  const off = b.peer(1, { asn: 65001 as Asn });
  const to = b.peer(2, {}, aigp);
  b.announce(off, ten, withAigp(5n, [65001]));
  b.settle();
  assert.equal(told(b, to), undefined);
  assert.equal(b.rib.lookup(prefix)[0]?.attributes.aigp, undefined);
});

test("the lowest AIGP is the best path, explain() says so, and multipath wants equal ones", () => {
  const multipath = { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: true };
  const b = new RibBench({ multipath, forwarding: true });
  const [a, c, d] = [b.peer(1, {}, aigp), b.peer(2, {}, aigp), b.peer(3, {}, aigp)];
  b.announce(a, ten, { ...withAigp(20n), nextHop: parseIp4("192.0.2.71") });
  b.announce(c, ten, { ...withAigp(10n, [7, 8]), nextHop: parseIp4("192.0.2.72") });
  b.announce(d, ten, { ...attributes([]), nextHop: parseIp4("192.0.2.73") });
  b.settle();
  const paths = (): [number | undefined, string | undefined][] =>
    b.rib.explain(prefix)!.paths.map(({ path, lostBy }) => [path.peer, lostBy]);
  assert.deepEqual(paths(), [
    [c, undefined],
    [a, "aigp"],
    [d, "aigp"],
  ]);
  assert.equal(b.rib.lookup(prefix).filter(({ multipath: shares }) => shares).length, 1);
  // The last AIGP goes, and the AS path decides again.
  b.announce(c, ten, { ...attributes([7, 8]), nextHop: parseIp4("192.0.2.72") });
  b.announce(a, ten, { ...attributes([7]), nextHop: parseIp4("192.0.2.71") });
  b.settle();
  assert.deepEqual(paths()[0], [d, undefined]);
  assert.deepEqual(paths().slice(1).sort(), [
    [a, "as-path-length"],
    [c, "as-path-length"],
  ]);
  assert.equal(b.rib.lookup(prefix).filter(({ multipath: shares }) => shares).length, 1);
});

test("a metric of 0 is refused: AIGP must grow (RFC 7311 3.4.3)", () => {
  const b = new RibBench();
  assert.throws(() => b.peer(1, { aigpMetric: 0 }), BgpError);
});
