import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRouteTarget, parseAsn } from "@heddle/inet";
import { defaulted } from "../validate.ts";
import { vpcKind } from "./vpc.ts";
import { routeTargetsOf } from "./vpc-route-targets.ts";

function shown(
  asn: number,
  imports: readonly string[],
  exports: readonly string[],
  vrfId: number | null = 70_000,
): string[][] {
  const spec = { importRouteTargets: imports, exportRouteTargets: exports };
  const metadata = { name: "red" };
  const made = defaulted(vpcKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Vpc",
    metadata,
    spec,
  });
  const status = { conditions: [], ...(vrfId === null ? {} : { vrfId }) };
  const targets = routeTargetsOf({ ...made, status }, parseAsn(asn));
  return [targets.imports.map(formatRouteTarget), targets.exports.map(formatRouteTarget)];
}

test("routeTargetsOf() puts the VPC's own target before those of the spec", () => {
  assert.deepEqual(shown(65203, ["65000:1", "65203:70000"], []), [
    ["65203:70000", "65000:1"],
    ["65203:70000"],
  ]);
});

test("routeTargetsOf() takes the lower half of an AS number of four octets", () => {
  assert.deepEqual(shown(4_200_000_007, [], ["192.0.2.1:9"]), [
    ["59911:70000"],
    ["59911:70000", "192.0.2.1:9"],
  ]);
});

test("routeTargetsOf() gives no own target to the native VPC, nor before there is a VRF id", () => {
  for (const vrfId of [0, null]) assert.deepEqual(shown(65203, [], ["1:2"], vrfId), [[], ["1:2"]]);
});
