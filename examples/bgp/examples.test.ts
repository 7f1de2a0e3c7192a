/** Every example runs, and prints what its documents say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AddressFamily,
  CompiledPolicy,
  checkPolicy,
  formatPolicy,
  origins,
  type PathAttributes,
  type Policy,
} from "@heddle/bgp";
import { parseAsn, parseIp4, parsePrefix, parseRouteTarget } from "@heddle/inet";
import { runCodecs } from "./codecs.ts";
import { runEngine } from "./engine.ts";
import { all, customerImport, providerExport, providerImport, tenantExport } from "./policies.ts";
import { runSessions } from "./sessions.ts";

test("engine: the marked path wins, and the loser is told", () => {
  assert.deepEqual(runEngine(), [
    "to peer 1: 203.0.113.0/24 path 64512 64502 64999 via 192.0.2.254",
    "to peer 1: End-of-RIB",
    "to peer 2: End-of-RIB",
    "to peer 1: withdraws 203.0.113.0/24",
    "to peer 2: 203.0.113.0/24 path 64512 64501 64700 64999 via 192.0.2.254",
    "kernel: 203.0.113.0/24 via 192.0.2.1",
    "policy prefer-marked\n" +
      "  term 0 marked: communities any of 64501:90: set local preference 200, accept\n" +
      "  otherwise accept",
    "path of peer 1 is the best; import policy decided by 0",
    "path of peer 2 lost by local-pref; import policy decided by otherwise",
    "peer 1 is not told: split-horizon",
    "peer 2 is told",
  ]);
});

test("sessions: a route crosses, keepalives hold the session, silence ends it", () => {
  assert.deepEqual(runSessions(), [
    "b: Idle -> Connect by AutomaticStart",
    "b: Connect -> OpenSent by TcpConnectionConfirmed",
    "b: OpenSent -> OpenConfirm by BGPOpen",
    "b: OpenConfirm -> Established by KeepAliveMsg",
    "b: Established -> Idle by HoldTimer_Expires",
    "b has 203.0.113.0/24",
    "after 30 s: Established, Established",
    "after 9 s of silence: Idle, 0 routes",
  ]);
});

test("codecs: bytes, values and text", () => {
  assert.deepEqual(runCodecs(), [
    "OPEN of AS 4200000001, hold time 9 s: multiprotocol multiprotocol route-refresh " +
      "enhanced-route-refresh extended-message four-octet-as",
    "192.0.2.1:7 [2]:[0]:[48]:[02:00:00:00:00:07]:[32]:[10.0.0.7] " +
      "esi 00:00:00:00:00:00:00:00:00:00 label 10007; the key alone reads back: true",
    "rt:64512:7 is 0x0002fc0000000007",
    "Cease/Administrative Shutdown (6/2): ticket 4711",
  ]);
});

test("policies: all are accepted, and read as text", () => {
  for (const policy of all) checkPolicy(policy);
  assert.equal(
    formatPolicy(customerImport),
    `policy customer-import
  term 0: prefix 203.0.113.0/24 ge 24 le 26, AS path 64510+ [65100-65199]*: \
set local preference 200, accept
  term 1 blackhole: prefix 203.0.113.0/24 ge 32, communities any of 65535:666: \
add communities 65535:65281, \
set next hop 192.0.2.1, accept
  otherwise reject`,
  );
});

/** The verdict on an IPv4 route, the term that decided, and what changed. */
function decide(
  policy: Policy,
  route: string,
  asns: number[],
  more: Partial<PathAttributes> = {},
  family: AddressFamily = "ipv4-unicast",
  routeType?: number,
): string {
  const { address, length } = parsePrefix(route);
  const attributes: PathAttributes = {
    origin: origins.igp,
    asPath: asns.length === 0 ? [] : [{ type: "sequence", asns: asns.map(parseAsn) }],
    nextHop: parseIp4("192.0.2.9"),
    atomicAggregate: false,
    communities: [],
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
    ...more,
  };
  const compiled = new CompiledPolicy(policy, family);
  const words = Int32Array.of(Number(address) | 0, 0, 0, 0);
  const { verdict, decidedBy, changes } = compiled.trace(attributes, words, length, 4, routeType);
  const changed = changes.map(({ attribute, after }) => `${attribute} ${after}`);
  return [`${verdict} by ${decidedBy}`, ...changed].join(", ");
}

test("policies: they do what docs/bgp.md says of them", () => {
  const communities = (...texts: readonly [number, number][]) => ({
    communities: texts.map(([high, low]) => ((high << 16) | low) >>> 0),
  });
  assert.deepEqual(
    [
      decide(providerImport, "198.51.100.0/24", [64501]),
      decide(providerImport, "203.0.113.0/25", [64501]),
      decide(providerImport, "203.0.113.0/24", [64501], communities([64501, 80])),
      decide(providerImport, "203.0.113.0/24", [64501]),
      decide(providerExport, "203.0.113.0/24", [64501], communities([64512, 70])),
      decide(providerExport, "198.51.100.0/24", []),
      decide(providerExport, "203.0.113.0/24", [64510]),
      decide(providerExport, "203.0.113.0/24", [64501]),
      decide(customerImport, "203.0.113.0/25", [64510, 64510, 65150]),
      decide(customerImport, "203.0.113.0/25", [64510, 64511]),
      decide(customerImport, "203.0.113.7/32", [64510], communities([65535, 666])),
    ],
    [
      "reject by 0",
      "reject by 1",
      "accept by 3, LOCAL_PREF 80, COMMUNITIES 64501:80 64512:70",
      "accept by otherwise, COMMUNITIES 64512:70",
      "reject by 0",
      "accept by 1, MULTI_EXIT_DISC 50",
      "accept by 2, AS_PATH 64512 64512 64510",
      "reject by otherwise",
      "accept by 0, LOCAL_PREF 200",
      "reject by otherwise",
      "accept by 1, NEXT_HOP 192.0.2.1, COMMUNITIES 65535:666 65535:65281",
    ],
  );
  const red = { extendedCommunities: [BigInt(parseRouteTarget("64512:7"))] };
  const asEvpn = (more: Partial<PathAttributes>, routeType: number): string =>
    decide(tenantExport, "10.0.0.0/24", [], more, "evpn", routeType);
  assert.deepEqual(
    [asEvpn(red, 5), asEvpn(red, 4), asEvpn({}, 5), decide(tenantExport, "10.0.0.0/24", [], red)],
    ["accept by 1", "reject by 0", "reject by otherwise", "reject by otherwise"],
  );
});
