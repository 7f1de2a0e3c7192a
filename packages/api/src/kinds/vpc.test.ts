import assert from "node:assert/strict";
import { test } from "node:test";
import { defaulted, formatFieldError, type Vpc, validateUpdate, vpcKind } from "../mod.ts";

function vpc(status?: Omit<NonNullable<Vpc["status"]>, "conditions">): Vpc {
  const made = defaulted(vpcKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Vpc",
    metadata: { name: "x" },
    spec: {},
  });
  return status === undefined ? made : { ...made, status: { conditions: [], ...status } };
}

for (const [what, previous, next, wanted] of [
  ["gets its VRF id", vpc(), vpc({ vrfId: 7 }), []],
  ["keeps its VRF id", vpc({ vrfId: 7 }), vpc({ vrfId: 7, subnetCount: 1 }), []],
  [
    "gets another VRF id",
    vpc({ vrfId: 7 }),
    vpc({ vrfId: 8 }),
    ["status.vrfId: Invalid value: 8: is 7, want it kept"],
  ],
  [
    "loses its VRF id",
    vpc({ vrfId: 7 }),
    vpc({}),
    ["status.vrfId: Invalid value: is 7, want it kept"],
  ],
  ["raises the next VRF id", vpc({ nextVrfId: 8 }), vpc({ nextVrfId: 9 }), []],
  [
    "lowers the next VRF id",
    vpc({ nextVrfId: 8 }),
    vpc({ nextVrfId: 7 }),
    ["status.nextVrfId: Invalid value: 7: want at least 8"],
  ],
  [
    "forgets the next VRF id",
    vpc({ nextVrfId: 8 }),
    vpc(),
    ["status.nextVrfId: Invalid value: want at least 8"],
  ],
] as const) {
  test(`validateUpdate() of a Vpc that ${what}`, () => {
    assert.deepEqual(validateUpdate(vpcKind, next, previous).map(formatFieldError), wanted);
  });
}
