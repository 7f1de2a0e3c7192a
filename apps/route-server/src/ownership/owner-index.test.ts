import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaulted,
  type IPBlock,
  type IPClaim,
  ipBlockKind,
  ipClaimKind,
  type Node,
  nodeKind,
  type Subnet,
  subnetKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import { ipToBytes, parseAsn, parseIp, parsePrefix, parseRouteTarget } from "@heddle/inet";
import { type OwnedRoute, OwnerIndex } from "./owner-index.ts";
import { nodeNameOf } from "./ownership.ts";

const apiVersion = "heddle.io/v1alpha1" as const;

function node(name: string, ...addresses: readonly string[]): Node {
  const status = { addresses: addresses.map((address) => ({ type: "InternalIP", address })) };
  return { ...defaulted(nodeKind, { apiVersion: "v1", kind: "Node", metadata: { name } }), status };
}

function vpc(name: string, ...exportRouteTargets: readonly string[]): Vpc {
  const spec = { exportRouteTargets };
  return defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata: { name }, spec });
}

function withVrf(made: Vpc, vrfId: number): Vpc {
  return { ...made, status: { conditions: [], vrfId } };
}

function subnet(name: string, of: string): Subnet {
  const spec = { cidrs: ["10.0.0.0/8"], vpc: of };
  return defaulted(subnetKind, { apiVersion, kind: "Subnet", metadata: { name }, spec });
}

function block(
  cidr: string,
  owner: string | undefined,
  more: Partial<IPBlock["spec"]> = {},
): IPBlock {
  const metadata = { name: cidr };
  const spec = { pool: "p", subnet: "s", cidr, ...(owner === undefined ? {} : { node: owner }) };
  return defaulted(ipBlockKind, {
    apiVersion,
    kind: "IPBlock",
    metadata,
    spec: { ...spec, ...more },
  });
}

function claim(address: string, holder: string, of: string | undefined, phase = "Bound"): IPClaim {
  const metadata = { name: "c", namespace: "default" };
  const spec = of === undefined ? {} : { subnet: of };
  const made = defaulted(ipClaimKind, { apiVersion, kind: "IPClaim", metadata, spec });
  const held = { node: holder, containerId: "c", since: "2026-01-01T00:00:00Z" };
  const status = { conditions: [], addresses: [address], holder: held };
  return { ...made, status: { ...status, phase: phase as "Bound" } };
}

function route(text: string): OwnedRoute {
  const prefix = parsePrefix(text);
  const bytes = ipToBytes(prefix.address);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const words = new Int32Array(4);
  for (let i = 0; i < bytes.length / 4; i += 1) words[i] = view.getInt32(4 * i);
  return { words, length: prefix.length, family: prefix.family };
}

const noPrefix: OwnedRoute = { words: new Int32Array(4), length: -1, family: undefined };

const index = new OwnerIndex({
  nodes: [node("a", "192.0.2.1", "2001:db8::1"), node("b", "192.0.2.2"), node("c", "no address")],
  vpcs: [
    withVrf(vpc("default"), 0),
    withVrf(vpc("red", "65203:1", "65203:9"), 101),
    vpc("blue", "65203:2", "65203:9"),
  ],
  subnets: [subnet("native", "default"), subnet("reds", "red")],
  blocks: [
    block("10.244.0.0/26", "a", { lent: [{ address: "10.244.0.7", node: "b" }] }),
    block("fd00:10:244::40/122", "a"),
    block("10.244.0.64/26", undefined),
    block("10.1.0.0/26", "a", { vpc: "red" }),
    block("10.1.0.0/26", "b", { vpc: "blue" }),
  ],
  claims: [
    claim("10.244.9.9", "b", "native"),
    claim("10.244.9.10", "b", undefined),
    claim("10.1.9.9", "b", "reds", "Released"),
  ],
  asn: parseAsn(4_200_000_007),
});

const native: readonly (readonly [node: string, prefix: string, isOwned: boolean])[] = [
  ["a", "10.244.0.0/26", true],
  ["a", "10.244.0.32/27", true],
  ["a", "10.244.0.5/32", true],
  ["a", "10.244.0.0/25", false],
  ["a", "0.0.0.0/0", false],
  ["a", "10.244.0.7/32", false],
  ["b", "10.244.0.7/32", true],
  ["b", "10.244.0.0/26", false],
  ["a", "fd00:10:244::40/122", true],
  ["a", "fd00:10:244::41/128", true],
  ["a", "fd00:10:244::80/128", false],
  ["a", "10.244.0.64/26", false],
  ["a", "10.1.0.0/26", false],
  ["b", "10.244.9.9/32", true],
  ["b", "10.244.9.10/32", false],
  ["c", "10.244.0.0/26", false],
];

test("a node owns the parts of its blocks, what is lent to it, and what its claims hold", () => {
  for (const [name, prefix, isOwned] of native) {
    assert.equal(index.ownsNative(name, route(prefix)), isOwned, `${name} ${prefix}`);
  }
  assert.equal(index.entryCount, 6);
});

test("route targets say of which VPC a route is", () => {
  const targets = (...texts: readonly string[]) => texts.map(parseRouteTarget);
  const owns = (name: string, ...texts: readonly string[]): boolean =>
    index.ownsIn(name, targets(...texts), route("10.1.0.0/26"));
  assert.deepEqual(
    [owns("a", "65203:1"), owns("b", "65203:2"), owns("a", "65203:9"), owns("b", "65203:9")],
    [true, true, true, true],
  );
  assert.deepEqual(
    [owns("a", "65203:2"), owns("a", "65203:1", "65203:2"), owns("a"), owns("a", "65203:7")],
    [false, false, false, false],
  );
  // The VPC's own target: the lower half of the AS number, and the VRF id.
  assert.deepEqual(
    [owns("a", "59911:101"), owns("a", "59911:101", "65203:1"), owns("b", "59911:101")],
    [true, true, false],
  );
  assert.deepEqual([owns("a", "59911:0"), owns("a", "59911:101", "65203:2")], [false, false]);
  assert.equal(index.ownsIn("a", targets("65203:1"), noPrefix), true);
  assert.equal(index.ownsIn("b", targets("65203:1"), noPrefix), false);
});

test("a Node is known by its InternalIP, and by the name of a certificate", () => {
  assert.deepEqual(
    [index.nodeAt(parseIp("192.0.2.2")), index.nodeAt(parseIp("2001:db8::1"))],
    ["b", "a"],
  );
  assert.equal(index.nodeAt(parseIp("192.0.2.9")), undefined);
  assert.deepEqual(
    [nodeNameOf("a.agents", ".agents"), nodeNameOf(".agents", ".agents"), nodeNameOf("a", ".x")],
    ["a", undefined, undefined],
  );
  assert.deepEqual([nodeNameOf("a", ""), nodeNameOf(undefined, "")], ["a", undefined]);
});
