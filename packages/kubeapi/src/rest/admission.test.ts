import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaulted,
  type IPBlock,
  ipBlockKind,
  ipPoolKind,
  type KubeObject,
  subnetKind,
} from "@heddle/api";
import type { AdmissionView } from "@heddle/kube";
import { StatusError } from "@heddle/kube";
import { admit } from "./admission.ts";

const apiVersion = "heddle.io/v1alpha1" as const;
const cidr = "10.0.0.0/24";

const subnet = defaulted(subnetKind, {
  ...{ apiVersion, kind: "Subnet" },
  metadata: { name: "red-pods" },
  spec: { vpc: "red", cidrs: [cidr] },
});
const pool = defaulted(ipPoolKind, {
  ...{ apiVersion, kind: "IPPool" },
  metadata: { name: "red4" },
  spec: { subnet: "red-pods", cidr },
});

/** A store with one Subnet of Vpc red and its pool. */
const view: AdmissionView = {
  get: (_kind, { name }) => [subnet, pool].find((object) => object.metadata.name === name),
  list: (kind) => (kind === subnetKind ? [subnet] : kind === ipPoolKind ? [pool] : []),
};

function block(name: string, vpc?: string): IPBlock {
  return defaulted(ipBlockKind, {
    ...{ apiVersion, kind: "IPBlock" },
    metadata: { name },
    spec: {
      ...{ pool: "red4", subnet: "red-pods", cidr: "10.0.0.0/26", node: "node1" },
      ...(vpc === undefined ? {} : { vpc }),
    },
  });
}

function create(object: IPBlock): KubeObject {
  return admit({ kind: ipBlockKind, operation: "create", object, previous: undefined }, view);
}

test("admit() refuses a block under the name of another Vpc, which could be claimed twice", () => {
  assert.equal(create(block("10-0-0-0-26.red", "red")).metadata.name, "10-0-0-0-26.red");
  for (const [name, vpc] of [
    ["10-0-0-0-26", undefined],
    ["10-0-0-0-26.blue", "blue"],
  ] as const) {
    assert.throws(
      () => create(block(name, vpc)),
      (error) =>
        error instanceof StatusError &&
        error.message.includes('want the Vpc of the pool: Subnet "red-pods" is in Vpc "red"'),
    );
  }
});
