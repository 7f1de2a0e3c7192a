import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp4, parsePrefix } from "@heddle/inet";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import { Rib } from "./rib.ts";
import { announcement } from "./testing/wire.ts";

const family = "ipv4-unicast";
const notTen: Policy = {
  name: "not-ten",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 32 }] }, verdict: "reject" },
  ],
  otherwise: "accept",
};

function attributesOf(asns: readonly number[]): PathAttributes {
  return {
    ...{ origin: 0, asPath: [{ type: "sequence", asns: asns as Asn[] }] },
    ...{ nextHop: parseIp4("192.0.2.9"), atomicAggregate: false, communities: [] },
    ...{ extendedCommunities: [], largeCommunities: [], clusterList: [], unknown: [] },
  };
}

test("routeStates() tells what policy rejects from loops, and what is stale in either way", () => {
  const localAsn = 65000 as Asn;
  const rib = new Rib({
    ...{ localAsn, routerId: parseIp4("10.255.0.1"), families: [family], forwarding: false },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: true },
    hashSeed: 3,
  });
  const peer = rib.addPeer({
    ...{ address: parseIp4("192.0.2.1"), asn: 65001 as Asn, reflectorClient: false },
    ...{ importPolicy: notTen, nextHopSelf: false },
  });
  const cx = { fourOctetAs: true, external: true, families: [family] } as const;
  rib.sessionUp(peer, { cx, routerId: parseIp4("10.0.0.1"), messageLengthMax: 4096 });
  const receive = (prefixes: readonly string[], asns: readonly number[]): void => {
    const body = announcement(prefixes.map(parsePrefix), attributesOf(asns));
    rib.receive(peer, body, 0, body.length);
  };
  receive(["10.1.0.0/16", "10.2.0.0/16", "20.1.0.0/16"], [65001]);
  receive(["20.2.0.0/16"], [65001, 65000]);
  const states = () => rib.routeStates(peer, family);
  assert.deepEqual(states(), { rejected: 2, stale: 0, longLivedStale: 0 });
  rib.sessionDown(peer, [family]);
  assert.deepEqual(states(), { rejected: 2, stale: 1, longLivedStale: 0 });
  rib.longLivedStale(peer, [family]);
  while (rib.dirty) rib.flush(() => true);
  assert.deepEqual(states(), { rejected: 2, stale: 0, longLivedStale: 1 });
  rib.sweepStale(peer);
  assert.deepEqual(states(), { rejected: 0, stale: 0, longLivedStale: 0 });
});
