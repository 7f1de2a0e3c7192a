import assert from "node:assert/strict";
import { test } from "node:test";
import {
  blockNameOf,
  defaulted,
  type IPBlock,
  ipBlockKind,
  ipPoolKind,
  type KubeObject,
  subnetKind,
  vpcKind,
} from "@heddle/api";
import { parsePrefix } from "@heddle/inet";
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

const refuses = (text: string) => (error: unknown) =>
  error instanceof StatusError && error.message.includes(text);

test("admit() keeps the native VPC from being deleted, and no other", () => {
  const remove = (name: string): KubeObject => {
    const object = defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata: { name }, spec: {} });
    return admit({ kind: vpcKind, operation: "delete", object, previous: object }, view);
  };
  assert.equal(remove("red").metadata.name, "red");
  assert.throws(
    () => remove("default"),
    refuses('vpcs.heddle.io "default" is forbidden: the native VPC may not be deleted'),
  );
});

test("admit() refuses a Vpc whose blocks could not be named", () => {
  const make = (length: number): KubeObject => {
    const metadata = { name: "v".repeat(length) };
    const object = defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata, spec: {} });
    return admit({ kind: vpcKind, operation: "create", object, previous: undefined }, view);
  };
  const { name } = make(209).metadata;
  const longest = parsePrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
  assert.equal(blockNameOf(longest, name).length, 253);
  assert.throws(() => make(210), refuses("must be no more than 209 bytes"));
});

test("admit() wants the default Subnet in the native VPC", () => {
  const make = (vpc: string): KubeObject => {
    const spec = { vpc, cidrs: ["10.9.0.0/24"], default: true };
    const metadata = { name: "pods" };
    const object = defaulted(subnetKind, { apiVersion, kind: "Subnet", metadata, spec });
    return admit({ kind: subnetKind, operation: "create", object, previous: undefined }, view);
  };
  assert.equal(make("default").metadata.name, "pods");
  assert.throws(() => make("red"), refuses('the Subnet is of Vpc "red", want a Subnet of Vpc'));
});
