import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, containsPrefix, type Prefix, parseIp4, parsePrefix } from "@heddle/inet";
import fc from "fast-check";
import type { AddressFamily } from "../packet/address-family.ts";
import { encodeFlowSpec } from "../packet/nlri/flowspec-route.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";
import { attributes } from "./testing/attributes.ts";
import { routeAnnouncement, routeWithdrawal, type TestRoute } from "./testing/family-view.ts";
import { announcement, withdrawal } from "./testing/wire.ts";

const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv4-flowspec"];

function flowTo(prefix: Prefix): TestRoute {
  const components = [{ type: "destination-prefix", prefix, offset: 0 }] as const;
  return { family: "ipv4-flowspec", ...encodeFlowSpec({ family: 4, components }) };
}

/** Peers 1 to 3 are external, of AS 65001 to 65003; peer 4 is internal. */
class Bench {
  readonly rib: Rib = new Rib({
    localAsn: 65000 as Asn,
    routerId: parseIp4("10.255.0.1"),
    families,
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: true },
    forwarding: false,
    hashSeed: 1,
  });
  readonly peers: PeerIndex[];

  /** `trusted` is the peer whose flow specifications need not be valid. */
  constructor(trusted?: number) {
    this.peers = [1, 2, 3, 4].map((n) => {
      const external = n < 4;
      const peer = this.rib.addPeer({
        address: parseIp4(`192.0.2.${n}`),
        asn: (external ? 65000 + n : 65000) as Asn,
        reflectorClient: false,
        importPolicy: acceptAll,
        exportPolicy: acceptAll,
        nextHop4: parseIp4("192.0.2.254"),
        nextHopSelf: false,
        ...(n === trusted ? { flowSpecValidation: false } : {}),
      });
      const cx = { fourOctetAs: true, external, families };
      const routerId = parseIp4(`10.0.0.${n}`);
      this.rib.sessionUp(peer, { cx, routerId, messageLengthMax: 4096 });
      return peer;
    });
  }

  path(n: number): number[] {
    return n < 4 ? [65000 + n] : [];
  }

  send(n: number, body: Uint8Array): void {
    this.rib.receive(this.peers[n - 1]!, body, 0, body.length);
  }

  unicast(n: number, prefix: string): void {
    this.send(n, announcement([parsePrefix(prefix)], attributes(this.path(n))));
  }

  flow(n: number, prefix: string): void {
    this.send(n, routeAnnouncement(flowTo(parsePrefix(prefix)), attributes(this.path(n))));
  }

  settle(limit = 3): void {
    while (this.rib.dirty) this.rib.flush(() => true, limit);
  }

  /** Whether the flow specification of peer `n` is eligible. */
  isValid(n: number, prefix: string): boolean | undefined {
    const paths = this.rib.lookupRoute("ipv4-flowspec", flowTo(parsePrefix(prefix)).key);
    const path = paths.find(({ peer }) => peer === this.peers[n - 1]);
    return path === undefined ? undefined : path.ineligible === undefined;
  }
}

test("RFC 8955 6 b): only who has the best route to the destination may ask for filtering", () => {
  const b = new Bench();
  b.unicast(1, "10.0.0.0/8");
  b.flow(1, "10.1.0.0/16");
  b.flow(2, "10.1.0.0/16");
  b.settle();
  assert.deepEqual([b.isValid(1, "10.1.0.0/16"), b.isValid(2, "10.1.0.0/16")], [true, false]);
  b.unicast(2, "10.1.0.0/16");
  b.settle();
  assert.deepEqual([b.isValid(1, "10.1.0.0/16"), b.isValid(2, "10.1.0.0/16")], [false, true]);
  b.send(2, withdrawal([parsePrefix("10.1.0.0/16")]));
  b.settle();
  assert.equal(b.isValid(1, "10.1.0.0/16"), true);
});

test("RFC 8955 6 c): a more specific route of another AS makes it invalid", () => {
  const b = new Bench();
  b.unicast(1, "10.0.0.0/8");
  b.unicast(1, "10.2.0.0/16");
  b.flow(1, "10.0.0.0/8");
  b.settle();
  assert.equal(b.isValid(1, "10.0.0.0/8"), true);
  b.unicast(2, "10.3.3.0/24");
  b.settle();
  assert.equal(b.isValid(1, "10.0.0.0/8"), false);
  b.rib.sessionDown(b.peers[1]!);
  b.settle();
  assert.equal(b.isValid(1, "10.0.0.0/8"), true);
});

test("RFC 9117 4.1: one that originates inside the AS needs no route from its originator", () => {
  const b = new Bench();
  b.unicast(1, "10.0.0.0/8");
  b.flow(4, "10.0.0.0/8");
  b.settle();
  assert.equal(b.isValid(4, "10.0.0.0/8"), true);
});

const prefixes = [
  "10.0.0.0/8",
  "10.0.0.0/9",
  "10.1.0.0/16",
  "10.1.1.0/24",
  "10.1.1.1/32",
  "0.0.0.0/0",
];

test("validity follows unicast routing as a naive check of all routes does", () => {
  const op = fc.record({
    kind: fc.constantFrom("unicast", "unicast", "flow", "flush"),
    add: fc.boolean(),
    peer: fc.integer({ min: 1, max: 4 }),
    prefix: fc.constantFrom(...prefixes),
  });
  fc.assert(
    fc.property(fc.array(op, { minLength: 5, maxLength: 60, size: "max" }), (ops) => {
      const b = new Bench();
      for (const { kind, add, peer, prefix } of ops) {
        if (kind === "flush") b.rib.flush(() => true, 2);
        else if (kind === "unicast" && add) b.unicast(peer, prefix);
        else if (kind === "unicast") b.send(peer, withdrawal([parsePrefix(prefix)]));
        else if (add) b.flow(peer, prefix);
        else b.send(peer, routeWithdrawal(flowTo(parsePrefix(prefix))));
      }
      b.settle();
      const best = [...b.rib.routes({ bestOnly: true })];
      for (const text of prefixes) {
        const target = parsePrefix(text);
        const covering = best.filter(({ prefix }) => containsPrefix(prefix, target));
        covering.sort((x, y) => y.prefix.length - x.prefix.length);
        const [match] = covering;
        const inside = best.filter(
          ({ prefix }) => prefix.length > target.length && containsPrefix(target, prefix),
        );
        const sameAs = inside.every((r) => asOf(r) === (match === undefined ? NaN : asOf(match)));
        for (const [i, peer] of b.peers.entries()) {
          const found = b.isValid(i + 1, text);
          if (found === undefined) continue;
          const isInside = i === 3;
          const wanted =
            match === undefined ? isInside : (isInside || match.peer === peer) && sameAs;
          assert.equal(found, wanted, `${text} of peer ${i + 1}`);
        }
      }
      for (const peer of b.peers) b.rib.removePeer(peer);
      b.settle();
      assert.equal(b.rib.prefixCount("ipv4-flowspec"), 0);
    }),
    { numRuns: 300 },
  );
});

function asOf({ attributes: { asPath } }: { readonly attributes: PathAttributes }): number {
  return asPath[0]?.asns[0] ?? 0;
}

test("flow specifications of a peer without validation are used wherever traffic goes", () => {
  const b = new Bench(2);
  b.unicast(1, "10.0.0.0/8");
  for (const n of [2, 3]) b.flow(n, "10.1.0.0/16");
  b.flow(2, "192.0.2.0/24");
  b.settle();
  assert.deepEqual([b.isValid(2, "10.1.0.0/16"), b.isValid(3, "10.1.0.0/16")], [true, false]);
  assert.equal(b.isValid(2, "192.0.2.0/24"), true);
  b.unicast(3, "10.1.2.0/24");
  b.settle();
  assert.equal(b.isValid(2, "10.1.0.0/16"), true);
});
