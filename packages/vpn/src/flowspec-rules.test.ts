import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ExtendedCommunity,
  encodeExtendedCommunity,
  formatFlowSpec,
  parseFlowSpec,
} from "@heddle/bgp";
import { parseRouteTarget } from "@heddle/inet";
import fc from "fast-check";
import { type FlowSpecRoute, flowspecRules, formatFlowSpecRule } from "./flowspec-rules.ts";
import { vrfOf } from "./testing/nodes.ts";

function route(
  text: string,
  actions: readonly ExtendedCommunity[] = [],
  family: 4 | 6 = 4,
): FlowSpecRoute {
  return {
    flowSpec: parseFlowSpec(family, text),
    extendedCommunities: actions.map(encodeExtendedCommunity),
  };
}

/** RFC 8955 5.1, from the first to the last. */
const ordered = [
  "destination-prefix 10.1.0.0/16 source-prefix 192.0.2.0/24",
  "destination-prefix 10.1.0.0/16 ip-protocol =6",
  "destination-prefix 10.1.0.0/16 ip-protocol =17",
  "destination-prefix 10.1.0.0/16",
  "destination-prefix 10.0.0.0/8",
  "destination-prefix 11.0.0.0/24",
  "destination-prefix 12.0.0.0/8",
  "source-prefix 10.0.0.0/8",
  "ip-protocol =6 destination-port =80,=443",
  "ip-protocol =6 destination-port =80",
  "ip-protocol =6 destination-port =443",
  "ip-protocol =6",
  "tcp-flags 0x2",
];

const order = (routes: readonly FlowSpecRoute[]): string[] =>
  flowspecRules(routes).map(({ flowSpec }) => formatFlowSpec(flowSpec));

test("RFC 8955 5.1: rules are in their order, however the routes come", () => {
  const routes = ordered.map((text) => route(text));
  fc.assert(
    fc.property(fc.shuffledSubarray(routes, { minLength: routes.length }), (shuffled) => {
      assert.deepEqual(order(shuffled), ordered);
    }),
    { numRuns: 200 },
  );
});

test("RFC 8956 4: in IPv6 a lower offset goes first", () => {
  const texts = [
    "destination-prefix 2001:db8::/48",
    "destination-prefix 2001:db8::/32",
    "destination-prefix ::1:0:0:0/64-80",
  ];
  const routes = texts.map((text) => route(text, [], 6));
  assert.deepEqual(order(routes.toReversed()), texts);
});

test("RFC 8955 7: actions are told as numbers; what contradicts is resolved downwards", () => {
  const vrfs = [vrfOf(1, 3), vrfOf(1, 2), vrfOf(1, 1)];
  const first = (actions: readonly ExtendedCommunity[]): string =>
    formatFlowSpecRule(flowspecRules([route("ip-protocol =6", actions)], vrfs)[0]!);
  const redirect = (text: string): ExtendedCommunity => ({
    kind: "redirect",
    routeTarget: parseRouteTarget(text),
  });
  assert.equal(first([]), "ip-protocol =6: stop");
  assert.equal(
    first([{ kind: "traffic-rate-bytes", asn: 65000, rate: 0 }]),
    "ip-protocol =6: bytes/s 0; stop",
  );
  assert.equal(
    first([
      { kind: "traffic-rate-bytes", asn: 1, rate: 1e6 },
      { kind: "traffic-rate-bytes", asn: 2, rate: 1000 },
      { kind: "traffic-rate-packets", asn: 1, rate: 50 },
      redirect("65000:3"),
      redirect("65000:2"),
      { kind: "traffic-marking", dscp: 46 },
      { kind: "traffic-action", sample: true, terminal: true },
    ]),
    "ip-protocol =6: bytes/s 1000; packets/s 50; redirect vrf 2; dscp 46; sample; continue",
  );
  const rates = [-5, Number.NaN].map((rate) =>
    first([{ kind: "traffic-rate-bytes", asn: 1, rate } as const]),
  );
  assert.deepEqual(rates, ["ip-protocol =6: bytes/s 0; stop", "ip-protocol =6: stop"]);
  assert.equal(first([redirect("65000:99")]), "ip-protocol =6: stop", "no VRF imports it");
});
