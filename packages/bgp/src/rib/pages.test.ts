import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, formatPrefix, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { acceptAll } from "../policy/presets.ts";
import type { PageCursor } from "./pages.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";
import { announcement, withdrawal } from "./testing/wire.ts";

const families = ["ipv4-unicast"] as const;

function newRib(): { readonly rib: Rib; readonly peers: readonly PeerIndex[] } {
  const rib = new Rib({
    ...{ localAsn: 65000 as Asn, routerId: parseIp4("10.255.0.1"), families, hashSeed: 1 },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
  });
  const peers = [1, 2].map((n) => {
    const index = rib.addPeer({
      ...{ address: parseIp(`192.0.2.${n}`), asn: (65000 + n) as Asn },
      ...{ reflectorClient: false, nextHopSelf: false, nextHop4: parseIp4("192.0.2.254") },
      ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
    });
    const cx = { fourOctetAs: true, external: true, families };
    rib.sessionUp(index, { cx, routerId: parseIp4(`10.0.0.${n}`), messageLengthMax: 4096 });
    return index;
  });
  return { rib, peers };
}

/** `asnCount` is the length of the AS path. */
function announce(rib: Rib, peer: PeerIndex, prefix: string, asnCount: number): void {
  const asns = Array.from({ length: asnCount }, () => (65000 + peer) as Asn);
  const body = announcement([parsePrefix(prefix)], {
    ...{ origin: 0, nextHop: parseIp("192.0.2.9"), atomicAggregate: false },
    asPath: [{ type: "sequence", asns }],
    ...{ communities: [], extendedCommunities: [], largeCommunities: [], clusterList: [] },
    unknown: [],
  });
  rib.receive(peer, body, 0, body.length);
}

function settle(rib: Rib, peers: readonly PeerIndex[]): void {
  while (rib.dirty) rib.flush(() => true);
  for (const peer of peers) while (rib.pull(peer) !== undefined);
}

test("pages have every route once, also while others come and go between them", () => {
  const { rib, peers } = newRib();
  const [left, right] = peers as [PeerIndex, PeerIndex];
  for (let i = 0; i < 100; i += 1) announce(rib, left, `10.0.${i}.0/24`, 1);
  for (let i = 0; i < 100; i += 2) announce(rib, right, `10.0.${i}.0/24`, 2);
  settle(rib, peers);
  const seen: string[] = [];
  let cursor: PageCursor | undefined = 0;
  let turn = 0;
  while (cursor !== undefined) {
    const page: ReturnType<Rib["pathPage"]> = rib.pathPage(
      "ipv4-unicast",
      {},
      { cursor, routeCountMax: 7 },
    );
    assert.ok(page.routes.length <= 8, "routes of one key stay together");
    for (const path of page.routes) {
      if ("prefix" in path) seen.push(`${formatPrefix(path.prefix)} ${path.peer}`);
    }
    cursor = page.next;
    turn += 1;
    announce(rib, left, `172.16.${turn}.0/24`, 1);
    if (turn === 3) {
      const gone = withdrawal([parsePrefix("172.16.1.0/24")]);
      rib.receive(left, gone, 0, gone.length);
    }
    settle(rib, peers);
  }
  const stable = seen.filter((text) => text.startsWith("10.0."));
  assert.deepEqual([stable.length, new Set(stable).size], [150, 150]);
});

test("a path says by which rule it lost, and of how many it is one", () => {
  const { rib, peers } = newRib();
  const [left, right] = peers as [PeerIndex, PeerIndex];
  announce(rib, left, "10.0.0.0/24", 2);
  announce(rib, right, "10.0.0.0/24", 1);
  announce(rib, left, "10.0.1.0/24", 1);
  settle(rib, peers);
  const { routes } = rib.pathPage("ipv4-unicast");
  assert.deepEqual(
    routes.map(({ peer, best, lostBy, pathCount }) => [peer, best, lostBy, pathCount]),
    [
      [right, true, undefined, 2],
      [left, false, "as-path-length", 2],
      [left, true, undefined, 1],
    ],
  );
  assert.deepEqual(rib.comparedPaths(parsePrefix("10.0.0.0/24")), routes.slice(0, 2));
  assert.deepEqual(rib.comparedPaths(parsePrefix("10.0.9.0/24")), []);
  const inside = rib.pathPage("ipv4-unicast", { within: parsePrefix("10.0.1.0/24") });
  assert.deepEqual([inside.routes.length, inside.next], [1, undefined]);
});

test("pages of Adj-RIBs hold what the generators give", () => {
  const { rib, peers } = newRib();
  const [left, right] = peers as [PeerIndex, PeerIndex];
  for (let i = 0; i < 20; i += 1) announce(rib, left, `10.0.${i}.0/24`, 1);
  settle(rib, peers);
  assert.deepEqual(rib.adjRibInPage(left, "ipv4-unicast").routes, [
    ...rib.adjRibIn(left, "ipv4-unicast"),
  ]);
  assert.equal(rib.adjRibInPage(left, "ipv4-unicast").routes.length, 20);
  const first = rib.adjRibOutPage(right, "ipv4-unicast", { routeCountMax: 15 });
  const cursor = first.next ?? assert.fail("there is more");
  const second = rib.adjRibOutPage(right, "ipv4-unicast", { cursor });
  assert.deepEqual([...first.routes, ...second.routes], [...rib.adjRibOut(right, "ipv4-unicast")]);
  assert.deepEqual([first.routes.length, second.next], [15, undefined]);
  assert.equal(rib.adjRibOutPage(left, "ipv4-unicast").routes.length, 0);
});
