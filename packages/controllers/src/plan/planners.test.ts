/** What each kind's planner says, as `type status reason` and counts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, IPPool, KubeObject } from "@heddle/api";
import type { ClusterState } from "../cluster-state.ts";
import { localNameOf } from "../model.ts";
import {
  block,
  claim,
  fabric,
  link,
  node,
  peer,
  pool,
  port,
  subnet,
  switchOf,
  vpc,
} from "../testing/objects.ts";
import { stateOf } from "../testing/state.ts";
import { isPlanned, type PlannedKind, planners } from "./planners.ts";

const at = "2026-01-01T00:00:00Z";

type AnyStatus = Readonly<Record<string, unknown>> & { readonly conditions: readonly Condition[] };

function plan<K extends PlannedKind>(state: ClusterState, kind: K, local: string): AnyStatus {
  const object = state.get(kind, local);
  assert.ok(object !== undefined, `${kind} ${local}`);
  const status = planners[kind](object, state, at);
  return { conditions: [], ...status };
}

/** The plan of the first object, with all of them there. */
function planFirst(first: KubeObject, ...others: readonly KubeObject[]): AnyStatus {
  const { kind } = first;
  assert.ok(isPlanned(kind));
  return plan(stateOf(first, ...others), kind, localNameOf(first));
}

function verdicts(first: KubeObject, ...others: readonly KubeObject[]): string[] {
  return planFirst(first, ...others).conditions.map(
    ({ type, status, reason }) => `${type} ${status} ${reason}`,
  );
}

const tenant = [{ name: "tenant", vni: 1, routeTarget: "1:1", aggregates: [] }];
const dc = fabric("dc", tenant);
const leaf = switchOf("leaf1", "dc", true);
const silent = switchOf("leaf2", "dc");
const stale = switchOf("leaf3", "dc", false);
const ids = { conditions: [], vrfId: 5 };
const fixed = pool("f", { cidr: "10.244.9.0/28", allocation: "Fixed" });
const holder = { node: "n9", containerId: "c", since: at };
const bound = { conditions: [], phase: "Bound", addresses: ["10.244.9.1"] } as const;
const up = { node: "n1", state: "Established" } as const;
const down = { node: "n2", state: "Active" } as const;
const full: IPPool = pool("a", { cidr: "10.244.9.0/30" });
const fullPorts = [0, 1, 2, 3].map((n) => port(`p${n}`, [`10.244.9.${n}`]));
const v6pool = pool("v6", { cidr: "fd00::/64" });
const dual = subnet("pods", { cidrs: ["10.244.0.0/16", "fd00::/48"] });

const cases: readonly (readonly [string, readonly [KubeObject, ...KubeObject[]], string[]])[] = [
  ["the native Vpc", [vpc("default")], ["Ready True Native"]],
  ["a Vpc without id", [vpc("x")], ["Ready False VrfIdPending"]],
  ["a Vpc with an id", [vpc("x", ids)], ["Ready True VrfIdGiven"]],
  [
    "the younger of two Vpcs with one id",
    [
      vpc("a", ids, { creationTimestamp: "2026-01-02T00:00:00Z" }),
      vpc("b", ids, { creationTimestamp: "2026-01-01T00:00:00Z" }),
    ],
    ["Ready False VrfIdConflict"],
  ],
  [
    "the older of two Vpcs with one id",
    [
      vpc("b", ids, { creationTimestamp: "2026-01-01T00:00:00Z" }),
      vpc("a", ids, { creationTimestamp: "2026-01-02T00:00:00Z" }),
    ],
    ["Ready True VrfIdGiven"],
  ],
  [
    "a native Subnet with a pool",
    [subnet("pods"), pool("a")],
    ["Ready True Serving", "Exhausted False AddressesFree"],
  ],
  [
    "a Subnet without a pool of one family",
    [dual, pool("a")],
    ["Ready False PoolMissing", "Exhausted False AddressesFree"],
  ],
  [
    "a Subnet of no Vpc",
    [subnet("pods", { vpc: "x" }), pool("a")],
    ["Ready False VpcMissing", "Exhausted False AddressesFree"],
  ],
  [
    "a Subnet of a Vpc without id",
    [subnet("pods", { vpc: "x" }), pool("a"), vpc("x")],
    ["Ready False VrfIdPending", "Exhausted False AddressesFree"],
  ],
  [
    "a full Subnet",
    [subnet("pods"), full, ...fullPorts],
    ["Ready True Serving", "Exhausted True NoFreeAddress"],
  ],
  [
    "a Subnet whose only free addresses are in a disabled pool",
    [subnet("pods"), pool("a", { disabled: true })],
    ["Ready True Serving", "Exhausted True NoFreeAddress"],
  ],
  [
    "a Subnet for fixed addresses only",
    [subnet("pods"), fixed],
    ["Ready True Serving", "Exhausted False AddressesFree"],
  ],
  ["an IPPool of no Subnet", [pool("a")], ["Ready False SubnetMissing"]],
  [
    "an IPPool outside its Subnet",
    [pool("a", { cidr: "10.9.0.0/24" }), subnet("pods")],
    ["Ready False OutsideSubnet", "Exhausted True NoUsableAddress"],
  ],
  [
    "a disabled IPPool",
    [pool("a", { disabled: true }), subnet("pods")],
    ["Ready True Disabled", "Exhausted False AddressesFree"],
  ],
  [
    "an IPPool without free block",
    [pool("a", { cidr: "10.244.9.0/26" }), subnet("pods"), block("10.244.9.0/26")],
    ["Ready True Serving", "Exhausted False NoFreeBlock"],
  ],
  [
    "a full IPPool",
    [full, subnet("pods"), ...fullPorts],
    ["Ready True Serving", "Exhausted True NoFreeAddress"],
  ],
  ["a block in order", [block("10.244.0.0/26", { node: "n1" }), pool("a"), node("n1")], []],
  ["a block of nobody", [block("10.244.0.0/26"), pool("a"), node("n1")], []],
  [
    "a block of a deleted Node",
    [block("10.244.0.0/26", { node: "n9" }), pool("a"), node("n1")],
    ["Orphaned True NodeMissing"],
  ],
  ["a block where no Node is known", [block("10.244.0.0/26", { node: "n9" }), pool("a")], []],
  [
    "a block of no IPPool",
    [block("10.244.0.0/26", { node: "n1" }), node("n1")],
    ["Orphaned True PoolMissing"],
  ],
  ["an IPClaim of no Subnet", [claim("c", { subnet: "x" })], ["Ready False SubnetMissing"]],
  [
    "an IPClaim without Fixed pool",
    [claim("c", { subnet: "pods" }), subnet("pods"), pool("a")],
    ["Ready False PoolMissing"],
  ],
  [
    "an IPClaim outside the Fixed pool",
    [claim("c", { subnet: "pods", addresses: ["10.244.0.1"] }), subnet("pods"), pool("a"), fixed],
    ["Ready False AddressOutsidePools"],
  ],
  [
    "an IPClaim that a pod can have",
    [claim("c", { subnet: "pods", addresses: ["10.244.9.1"] }), subnet("pods"), fixed],
    ["Ready True Available"],
  ],
  ["an IPClaim that a pod has", [claim("c", {}, bound), node("n1")], ["Ready True Bound"]],
  [
    "an IPClaim of a deleted Node",
    [claim("c", {}, { ...bound, holder }), node("n1")],
    ["Ready False HolderMissing"],
  ],
  ["a Switch of no Fabric", [leaf], ["Ready False FabricMissing"]],
  ["a Switch that nobody reads", [silent, dc], ["Ready Unknown NotObserved"]],
  ["a Switch in sync", [leaf, dc], ["Ready True InSync"]],
  ["a Switch out of sync", [stale, dc], ["Ready False OutOfSync"]],
  ["a Fabric without Switch", [dc], ["Ready False SwitchMissing"]],
  ["a Fabric with all in sync", [dc, leaf], ["Ready True InSync"]],
  ["a Fabric with a silent Switch", [dc, leaf, silent], ["Ready Unknown NotObserved"]],
  ["a Fabric with a stale Switch", [dc, leaf, silent, stale], ["Ready False SwitchOutOfSync"]],
  [
    "a Fabric with a VRF of no Vpc",
    [
      fabric("dc", [
        { ...tenant[0], name: "t", vni: 1, routeTarget: "1:1", aggregates: [], vpc: "x" },
      ]),
      leaf,
    ],
    ["Ready False VpcMissing"],
  ],
  ["a Link of no Fabric", [link("l")], ["Ready False FabricMissing"]],
  ["a Link to no Switch", [link("l"), dc], ["Ready False SwitchMissing"]],
  ["a Link to no Node", [link("l"), dc, leaf, node("n2")], ["Ready False NodeMissing"]],
  ["a Link in no VRF", [link("l"), fabric("dc"), leaf, node("n1")], ["Ready False VrfMissing"]],
  ["a Link that nobody sees", [link("l"), dc, leaf, node("n1")], ["Ready Unknown NotObserved"]],
  [
    "a Link that is up",
    [{ ...link("l"), status: { conditions: [], state: "Up" } } as KubeObject, dc, leaf, node("n1")],
    ["Ready True Up"],
  ],
  [
    "a Link that is down",
    [{ ...link("l"), status: { conditions: [], state: "Down" } } as KubeObject, dc, leaf],
    ["Ready False Down"],
  ],
  ["a BGPPeer of no Node", [peer("p", { node: "n9" }), node("n1")], ["Ready False NodeMissing"]],
  [
    "a BGPPeer that selects no Node",
    [peer("p", { nodeSelector: { matchLabels: { x: "y" } } }), node("n1")],
    ["Ready False NodeMissing"],
  ],
  ["a BGPPeer that nobody reports", [peer("p"), node("n1")], ["Ready Unknown NotReported"]],
  ["a BGPPeer with its session", [peer("p", {}, [up]), node("n1")], ["Ready True Established"]],
  [
    "a BGPPeer with one of two",
    [peer("p", {}, [up, down]), node("n1"), node("n2")],
    ["Ready False SessionDown"],
  ],
  [
    "a BGPPeer with a silent node",
    [peer("p", {}, [up]), node("n1"), node("n3")],
    ["Ready Unknown NotReported"],
  ],
];

for (const [what, [first, ...others], wanted] of cases) {
  test(`${first.kind}: ${what} is ${wanted.join(", ")}`, () => {
    assert.deepEqual(verdicts(first, ...others), wanted);
  });
}

test("planIpPool() counts addresses of pods, blocks and orphans", () => {
  const { conditions: _, ...counts } = planFirst(
    ...[pool("a"), subnet("pods", { gateways: ["10.244.0.1"] }), node("n1")],
    ...[block("10.244.0.0/26", { node: "n1" }), block("10.244.0.64/26", { node: "n9" })],
    ...[port("p", ["10.244.0.5"]), port("q", ["10.244.9.9"]), port("r", ["10.244.0.6"], "x")],
  );
  const wanted = {
    allocated: 1,
    blockCount: 2,
    orphanedBlockCount: 1,
    capacity: 254,
    free: 253,
    capacityText: "254",
    freeText: "253",
  };
  assert.deepEqual(counts, wanted);
});

test("planIpPool() takes an address that a claim keeps for one that is not free", () => {
  const { conditions: _, ...counts } = planFirst(
    ...[fixed, subnet("pods"), port("p", ["10.244.9.1"])],
    ...[block("10.244.9.1/32", { pool: "f", node: "n1" }), block("10.244.9.2/32", { pool: "f" })],
  );
  const wanted = {
    allocated: 1,
    blockCount: 2,
    orphanedBlockCount: 0,
    capacity: 16,
    free: 14,
    capacityText: "16",
    freeText: "14",
  };
  assert.deepEqual(counts, wanted);
});

test("planIpPool() says 2^53-1 for a pool of IPv6", () => {
  const { capacity, free, capacityText, freeText } = planFirst(v6pool, dual);
  assert.deepEqual([capacity, free], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
  assert.deepEqual([capacityText, freeText], ["~2^64", "~2^64"]);
});

test("planSubnet() sums its pools by family", () => {
  const { conditions: _, ...counts } = planFirst(
    ...[dual, pool("a", { cidr: "10.244.1.0/24" }), pool("b", { cidr: "10.244.2.0/24" })],
    ...[fixed, pool("c", { cidr: "10.244.3.0/24", disabled: true }), v6pool],
    ...[port("p", ["10.244.1.1", "fd00::1"]), port("q", ["10.244.9.1"])],
  );
  const most = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(counts, {
    portCount: 2,
    poolCount: 5,
    addresses: [
      { family: "IPv4", capacity: 3 * 256 + 16, allocated: 2, free: 2 * 256 - 1, freeText: "511" },
      { family: "IPv6", capacity: most, allocated: 1, free: most, freeText: "~2^64" },
    ],
  });
});

test("planVpc() counts subnets and Ports, and the native one has id 0", () => {
  const { vrfId, subnetCount, portCount } = planFirst(
    ...[vpc("default"), subnet("pods"), subnet("x", { vpc: "x" }), port("p", ["10.244.0.5"])],
  );
  assert.deepEqual([vrfId, subnetCount, portCount], [0, 1, 1]);
});

test("planFabric() counts ready Switches only when one has been read", () => {
  const count = (...switches: KubeObject[]): unknown => {
    const { switchCount, readySwitchCount } = planFirst(dc, ...switches);
    return [switchCount, readySwitchCount];
  };
  assert.deepEqual(count(silent), [1, undefined]);
  assert.deepEqual(count(silent, leaf, stale), [3, 1]);
});

test("planBgpPeer() counts sessions only when one is reported", () => {
  assert.equal(planFirst(peer("p"), node("n1"))["establishedCount"], undefined);
  assert.equal(planFirst(peer("p", {}, [up, down]), node("n1"))["establishedCount"], 1);
});

test("a plan keeps conditions of others, and the time of a status that stays", () => {
  const foreign = { type: "Audited", status: "True", reason: "X", message: "" } as const;
  const before = "2025-01-01T00:00:00Z";
  const ready = { type: "Ready", status: "True", reason: "Old", message: "" } as const;
  const conditions = [
    { ...foreign, lastTransitionTime: before },
    { ...ready, lastTransitionTime: before },
  ];
  const object = { ...vpc("x", { conditions, vrfId: 5 }), metadata: { name: "x", generation: 7 } };
  const planned = planFirst(object);
  assert.deepEqual(planned.conditions, [
    conditions[0],
    {
      ...{ type: "Ready", status: "True", reason: "VrfIdGiven", message: "its VRF id is 5" },
      ...{ observedGeneration: 7, lastTransitionTime: before },
    },
  ]);
  // The plan of what was planned is the same: nothing is written again.
  const again = { ...object, status: { vrfId: 5, ...planned } };
  assert.deepEqual(planFirst(again), planned);
});

test("an orphan that is in order again says so", () => {
  const orphan = block("10.244.0.0/26", { node: "n1" });
  const conditions = [
    {
      ...{ type: "Orphaned", status: "True", reason: "NodeMissing", message: "" },
      lastTransitionTime: "2025-01-01T00:00:00Z",
    },
  ];
  const found = { ...orphan, status: { conditions, allocated: 3 } } as KubeObject;
  const { conditions: now, allocated } = planFirst(found, pool("a"), node("n1"));
  assert.deepEqual(
    [now[0]?.status, now[0]?.reason, now[0]?.lastTransitionTime, allocated],
    ["False", "OwnerPresent", at, 3],
  );
});
