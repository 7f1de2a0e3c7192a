import assert from "node:assert/strict";
import { test } from "node:test";
import { defaulted, type Vpc, vpcKind } from "@heddle/api";
import {
  formatMac,
  formatPrefix,
  formatRouteDistinguisher,
  formatRouteTarget,
  parseAsn,
  parseIp4,
  parsePrefix,
  parseVrfId,
} from "@heddle/inet";
import { planVrfs } from "./plan-vrfs.ts";

const node = { asn: parseAsn(65203), routerId: parseIp4("198.18.0.11") };

function vpc(name: string, vrfId: number, spec: Partial<Vpc["spec"]> = {}): Vpc {
  const metadata = { name };
  const made = defaulted(vpcKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Vpc",
    metadata,
    spec,
  });
  return { ...made, status: { conditions: [], vrfId } };
}

function own(...entries: readonly (readonly [vrfId: number, ...prefixes: string[]])[]) {
  return new Map(
    entries.map(([id, ...texts]) => [parseVrfId(id), new Set(texts.map(parsePrefix))] as const),
  );
}

test("planVrfs() gives each VPC that the node holds addresses of a VRF", () => {
  const vpcs = [vpc("red", 7), vpc("blue", 8), vpc("default", 0)];
  const plan = planVrfs(vpcs, own([7, "10.0.0.0/26", "10.9.0.1/32"]), node);
  assert.deepEqual(plan.problems, []);
  const [red, ...others] = plan.vrfs;
  assert.deepEqual(others, []);
  assert.ok(red !== undefined);
  assert.deepEqual(
    [red.name, red.vrfId, formatRouteDistinguisher(red.rd), red.l3?.vni],
    ["red", 7, "198.18.0.11:7", 7],
  );
  assert.equal(formatMac(red.l3?.routerMac ?? assert.fail()), "02:0e:c6:12:00:0b");
  assert.deepEqual(red.importTargets.map(formatRouteTarget), ["65203:7"]);
  assert.deepEqual(
    plan.prefixes.map(({ vrf, prefix }) => `${vrf} ${formatPrefix(prefix)}`),
    ["red 10.0.0.0/26", "red 10.9.0.1/32"],
  );
});

test("planVrfs() takes what the Vpc says of itself", () => {
  const spec = {
    routeDistinguisher: "65000:9",
    importRouteTargets: ["65000:1"],
    exportRouteTargets: ["65000:2"],
  };
  const [red] = planVrfs([vpc("red", 7, spec)], own([7, "10.0.0.0/26"]), node).vrfs;
  assert.ok(red !== undefined);
  assert.equal(formatRouteDistinguisher(red.rd), "65000:9");
  assert.deepEqual(red.importTargets.map(formatRouteTarget), ["65203:7", "65000:1"]);
  assert.deepEqual(red.exportTargets.map(formatRouteTarget), ["65203:7", "65000:2"]);
});

test("planVrfs() leaves out what makes no sense and names it", () => {
  const rd = { routeDistinguisher: "65000:9" };
  const vpcs = [vpc("a", 1, rd), vpc("b", 2, rd), vpc("c", 65_536), vpc("d", 3)];
  const held = own([1, "10.0.0.0/26"], [2, "10.0.0.0/26"], [65_536, "10.0.0.0/26"], [9, "::/64"]);
  const plan = planVrfs(vpcs, held, node);
  assert.deepEqual(
    plan.vrfs.map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(
    plan.prefixes.map(({ vrf }) => vrf),
    ["a"],
  );
  assert.deepEqual(plan.problems, [
    "Vpc b: its route distinguisher is that of Vpc a",
    "addresses of VRF 9 are not announced: no Vpc has it",
    'Vpc c: Cannot parse route distinguisher "198.18.0.11:65536": number 65536, want at most 65535',
  ]);
});
