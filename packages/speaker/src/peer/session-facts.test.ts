import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, openOf } from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { defaultGracefulRestart, type PeerTemplate } from "../config.ts";
import {
  expectedAsnOf,
  localSideOf,
  restartSideOf,
  ribPeerOf,
  ribSessionOf,
} from "./session-facts.ts";

const routerId = parseIp4("192.0.2.1");
const alone = { asn: parseAsn(65000), routerId };
const member = { ...alone, confederation: { identifier: parseAsn(64000) } };
const template: PeerTemplate = {
  ...{ asn: parseAsn(65001), kind: "fabric", families: ["ipv4-unicast"] },
};

test("expectedAsnOf() is what an OPEN says where the peer may have that AS", () => {
  const otherAsns = [
    { first: parseAsn(65100), last: parseAsn(65199) },
    { first: parseAsn(4_200_000_000), last: parseAsn(4_200_000_000) },
  ];
  const cases: readonly (readonly [Partial<PeerTemplate>, number, number])[] = [
    [{}, 65002, 65001],
    [{ otherAsns }, 65001, 65001],
    [{ otherAsns }, 65100, 65100],
    [{ otherAsns }, 65199, 65199],
    [{ otherAsns }, 65200, 65001],
    [{ otherAsns }, 4_200_000_000, 4_200_000_000],
    [{ otherAsns: "external" }, 1, 1],
    [{ otherAsns: "external" }, 65000, 65001],
  ];
  for (const [fields, said, expected] of cases) {
    assert.equal(expectedAsnOf(alone, { ...template, ...fields }, said), expected, `${said}`);
  }
  const external: PeerTemplate = { ...template, otherAsns: "external" };
  assert.equal(expectedAsnOf(member, external, 64000), 65001);
  assert.equal(expectedAsnOf(member, external, 65000), 65001);
  assert.equal(expectedAsnOf(member, external, 64001), 64001);
});

test("ribSessionOf() enables AIGP inside the AS, elsewhere where it is configured", () => {
  const families = ["ipv4-unicast"] as const;
  const sessionWith = (asn: number, aigp: boolean | undefined) => {
    const fields = aigp === undefined ? {} : { aigp };
    const peer = { ...template, asn: parseAsn(asn), families, ...fields };
    const side = { holdTimeMs: 9000, families };
    const open = openOf({ ...side, asn: parseAsn(asn), routerId: parseIp4("192.0.2.2") });
    const negotiated = negotiate({ ...side, ...alone }, parseAsn(asn), open);
    return ribSessionOf(peer, negotiated);
  };
  const enabled = ([asn, aigp]: readonly [number, boolean | undefined]): boolean =>
    sessionWith(asn, aigp).cx.aigp === true;
  const cases = [
    [65000, undefined],
    [65000, false],
    [65001, undefined],
    [65001, true],
  ] as const;
  assert.deepEqual(cases.map(enabled), [true, false, false, true]);
  assert.equal(sessionWith(65001, true).asn, 65001);
});

test("ribPeerOf() hands on what the RIB wants to know of flow specifications and AIGP", () => {
  const peer = { ...template, address: parseIp4("192.0.2.2") };
  const plain = ribPeerOf(peer);
  assert.deepEqual([plain.flowSpecValidation, plain.aigpMetric], [undefined, undefined]);
  const more = ribPeerOf({ ...peer, flowSpecValidation: false, aigpMetric: 7 });
  assert.deepEqual([more.flowSpecValidation, more.aigpMetric], [false, 7]);
});

test("RFC 9494 5: who does not forward always says that its forwarding goes on", () => {
  const restarting = { ...defaultGracefulRestart, restarting: true };
  const bit = (...args: Parameters<typeof restartSideOf>): boolean =>
    restartSideOf(...args).forwarding;
  assert.equal(bit(defaultGracefulRestart, alone, false, true), false);
  assert.equal(bit(defaultGracefulRestart, alone, true, true), true);
  assert.equal(bit(restarting, alone, false, true), true);
  assert.equal(bit(defaultGracefulRestart, { ...alone, forwarding: false }, false, true), true);
  assert.equal(restartSideOf(restarting, alone, false, false).restarting, true);
  assert.equal(restartSideOf(restarting, alone, false, true).restarting, false);
});

test("RFC 7313 is offered but to a peer that does not answer", () => {
  const peer = { ...template, address: parseIp4("192.0.2.2") };
  for (const enhancedRouteRefresh of [true, false]) {
    const offer = { gracefulRestart: undefined, enhancedRouteRefresh };
    const { capabilities } = openOf(localSideOf(alone, peer, offer));
    const kinds = capabilities.map(({ kind }) => kind);
    assert.equal(kinds.includes("enhanced-route-refresh"), enhancedRouteRefresh);
    assert.ok(kinds.includes("route-refresh"));
  }
});
