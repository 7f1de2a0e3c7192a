/** Only to Customer where the OPEN says which AS the peer has (RFC 9234 5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parsePrefix } from "@heddle/inet";
import { attributes } from "./testing/attributes.ts";
import { key4, type TestRoute } from "./testing/family-view.ts";
import { families, RibBench } from "./testing/rib-bench.ts";

const ten: TestRoute = {
  family: "ipv4-unicast",
  key: key4(0x0a000000, 8),
  payload: new Uint8Array(0),
};
const prefix = parsePrefix("10.0.0.0/8");

test("the AS of the session is what OTC is compared with and set to", () => {
  const b = new RibBench();
  const asn = 65077 as Asn;
  const config = { asn: 65001 as Asn, role: "peer" } as const;
  const peer = b.peer(1, config, { asn });
  const seen = (): unknown => {
    const [path] = b.rib.lookup(prefix);
    return [path?.ineligible, path?.attributes.onlyToCustomer];
  };
  b.announce(peer, ten, attributes([65077]));
  assert.deepEqual(seen(), [undefined, 65077]);
  b.announce(peer, ten, attributes([65077], { onlyToCustomer: asn }));
  assert.deepEqual(seen(), [undefined, 65077]);
  b.announce(peer, ten, attributes([65077], { onlyToCustomer: 65001 as Asn }));
  assert.deepEqual(seen(), ["route-leak", 65001]);
});

test("stale routes do not outlive a change of the peer's AS", () => {
  const b = new RibBench();
  const cx = { fourOctetAs: true, external: true, families };
  const session = { cx, routerId: b.routerIdOf(1), messageLengthMax: 4096 };
  for (const [asn, count] of [
    [65077, 1],
    [65078, 0],
  ] as const) {
    const peer = b.peer(1, { asn: 65001 as Asn, role: "customer" }, { asn: 65077 as Asn });
    b.announce(peer, ten, attributes([65077]));
    b.rib.sessionDown(peer, families);
    b.rib.sessionUp(peer, { ...session, asn: asn as Asn });
    b.settle();
    assert.equal(b.rib.counts(peer, "ipv4-unicast").received, count);
    b.rib.removePeer(peer);
    b.views.delete(peer);
    b.settle();
  }
});
