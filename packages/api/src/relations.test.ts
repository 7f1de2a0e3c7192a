import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrefix, prefixOf } from "@heddle/inet";
import fc from "fast-check";
import {
  blockLengthOf,
  blockNameOf,
  checkBlockInPool,
  checkBlockInVpc,
  checkPoolInSubnet,
  defaulted,
  findOverlaps,
  findPoolOverlaps,
  findSecondDefault,
  formatFieldError,
  type IPBlock,
  type IPPool,
  ipBlockKind,
  ipPoolKind,
  labelProblem,
  type Subnet,
  subdomainProblem,
  subnetKind,
  validate,
} from "./mod.ts";

function subnet(name: string, cidrs: readonly string[], vpc = "default"): Subnet {
  return defaulted(subnetKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Subnet",
    metadata: { name },
    spec: { vpc, cidrs },
  });
}

function pool(name: string, cidr: string, blockLength?: number): IPPool {
  return defaulted(ipPoolKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "IPPool",
    metadata: { name },
    spec: { subnet: "a", cidr, ...(blockLength === undefined ? {} : { blockLength }) },
  });
}

function block(cidr: string): IPBlock {
  return defaulted(ipBlockKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "IPBlock",
    metadata: { name: blockNameOf(parsePrefix(cidr)) },
    spec: { pool: "p", subnet: "a", cidr },
  });
}

test("findOverlaps() names the prefix and the Subnet of the same Vpc", () => {
  const others = [
    subnet("a", ["10.0.0.0/16"]),
    subnet("b", ["10.1.0.0/16", "fd00::/48"]),
    subnet("c", ["10.0.0.0/8"], "blue"),
  ];
  assert.deepEqual(findOverlaps(subnet("a", ["10.0.0.0/16"]), others), []);
  assert.deepEqual(findOverlaps(subnet("d", ["10.2.0.0/16"]), others), []);
  const wide = subnet("d", ["10.0.0.0/15", "fd00:0:0:1::/64"]);
  assert.deepEqual(findOverlaps(wide, others).map(formatFieldError), [
    'spec.cidrs[0]: Invalid value: "10.0.0.0/15": overlaps 10.0.0.0/16 of Subnet "a" in Vpc "default"',
    'spec.cidrs[0]: Invalid value: "10.0.0.0/15": overlaps 10.1.0.0/16 of Subnet "b" in Vpc "default"',
    'spec.cidrs[1]: Invalid value: "fd00:0:0:1::/64": overlaps fd00::/48 of Subnet "b" in Vpc "default"',
  ]);
});

test("findSecondDefault() names the Subnet that is the default already", () => {
  const usual = (name: string): Subnet => {
    const plain = subnet(name, ["10.0.0.0/16"]);
    return { ...plain, spec: { ...plain.spec, default: true } };
  };
  const others = [usual("a"), subnet("b", ["10.1.0.0/16"])];
  assert.deepEqual(findSecondDefault(usual("a"), others), []);
  assert.deepEqual(findSecondDefault(subnet("c", ["10.2.0.0/16"]), others), []);
  assert.deepEqual(findSecondDefault(usual("c"), others).map(formatFieldError), [
    'spec.default: Invalid value: true: Subnet "a" is the default already, want one at most',
  ]);
});

test("checkPoolInSubnet() wants a part of the subnet", () => {
  const a = subnet("a", ["10.0.0.0/16", "fd00::/48"]);
  assert.deepEqual(checkPoolInSubnet(pool("p", "10.0.128.0/17"), a), []);
  assert.deepEqual(checkPoolInSubnet(pool("p", "fd00::/64"), a), []);
  assert.deepEqual(checkPoolInSubnet(pool("p", "10.0.0.0/15"), a).map(formatFieldError), [
    'spec.cidr: Invalid value: "10.0.0.0/15": outside Subnet "a", want a part of 10.0.0.0/16 or fd00::/48',
  ]);
  assert.deepEqual(checkPoolInSubnet(pool("p", "10.0.0.0/16"), undefined).map(formatFieldError), [
    'spec.subnet: Invalid value: "a": there is no Subnet of this name',
  ]);
});

test("findPoolOverlaps() compares pools of one subnet", () => {
  const others = [pool("p", "10.0.0.0/17"), pool("q", "10.0.128.0/17")];
  assert.deepEqual(findPoolOverlaps(pool("p", "10.0.0.0/17"), others), []);
  assert.deepEqual(findPoolOverlaps(pool("r", "10.0.192.0/18"), others).map(formatFieldError), [
    'spec.cidr: Invalid value: "10.0.192.0/18": overlaps 10.0.128.0/17 of IPPool "q"',
  ]);
});

test("blockLengthOf() defaults by family and never exceeds the pool", () => {
  assert.equal(blockLengthOf(pool("p", "10.0.0.0/16")), 26);
  assert.equal(blockLengthOf(pool("p", "fd00::/48")), 122);
  assert.equal(blockLengthOf(pool("p", "10.0.0.0/28")), 28);
  assert.equal(blockLengthOf(pool("p", "10.0.0.0/16", 24)), 24);
});

test("checkBlockInPool() wants a block of the pool's length inside the pool", () => {
  const p = pool("p", "10.0.0.0/16");
  assert.deepEqual(checkBlockInPool(block("10.0.3.64/26"), p), []);
  for (const cidr of ["10.1.0.0/26", "10.0.0.0/25"]) {
    assert.deepEqual(checkBlockInPool(block(cidr), p).map(formatFieldError), [
      `spec.cidr: Invalid value: "${cidr}": want a /26 of IPPool "p", 10.0.0.0/16`,
    ]);
  }
  assert.equal(checkBlockInPool(block("10.0.0.0/26"), undefined).length, 1);
});

test("checkBlockInVpc() wants the Vpc of the pool's Subnet", () => {
  const [native, red] = [subnet("a", ["10.0.0.0/16"]), subnet("a", ["10.0.0.0/16"], "red")];
  const plain = block("10.0.3.64/26");
  const ofRed = { ...plain, spec: { ...plain.spec, vpc: "red" } };
  assert.deepEqual(checkBlockInVpc(plain, native), []);
  assert.deepEqual(checkBlockInVpc(ofRed, red), []);
  assert.deepEqual(checkBlockInVpc(ofRed, native).map(formatFieldError), [
    'spec.vpc: Invalid value: "red": want the Vpc of the pool: Subnet "a" is in Vpc "default"',
  ]);
  assert.equal(checkBlockInVpc(plain, red).length, 1);
  assert.deepEqual(checkBlockInVpc(plain, undefined), []);
});

test("an IPBlock is named after its prefix and its Vpc", () => {
  const plain = block("10.0.3.64/26");
  const ofRed = { ...plain, spec: { ...plain.spec, vpc: "red" } };
  assert.deepEqual(validate(ipBlockKind, plain), []);
  assert.deepEqual(validate(ipBlockKind, ofRed).map(formatFieldError), [
    'metadata.name: Invalid value: "10-0-3-64-26": want 10-0-3-64-26.red for 10.0.3.64/26 of Vpc "red"',
  ]);
  const name = blockNameOf(parsePrefix("10.0.3.64/26"), "red");
  assert.deepEqual(validate(ipBlockKind, { ...ofRed, metadata: { name } }), []);
});

test("blockNameOf() gives each prefix a DNS name of its own", () => {
  for (const [prefix, name] of [
    ["10.244.0.64/26", "10-244-0-64-26"],
    ["fd00:10:244::40/122", "fd00-10-244--40-122"],
    ["fd00::/122", "fd00---122"],
  ] as const) {
    assert.equal(blockNameOf(parsePrefix(prefix)), name);
  }
  const anyPrefix = fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 32 }))
      .map(([address, length]) => prefixOf(address as Parameters<typeof prefixOf>[0], length)),
    fc
      .tuple(
        fc.array(fc.constantFrom(0, 1, 0xffff, 0x10), { minLength: 7, maxLength: 7 }),
        fc.integer({ min: 0, max: 128 }),
      )
      .map(([groups, length]) => {
        const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0xfd00n);
        return prefixOf(value as Parameters<typeof prefixOf>[0], length);
      }),
  );
  const seen = new Map<string, unknown>();
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      const name = blockNameOf(prefix);
      assert.equal(subdomainProblem(name), undefined);
      assert.equal(labelProblem(name), undefined);
      assert.equal(seen.get(name) ?? prefix, prefix);
      seen.set(name, prefix);
    }),
    { numRuns: 2000 },
  );
});
