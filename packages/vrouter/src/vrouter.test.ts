import assert from "node:assert/strict";
import { test } from "node:test";
import {
  familyOf,
  type Ifindex,
  type Ip,
  localMac,
  parseIfindex,
  parseIp,
  parsePrefix,
  parseVrfId,
  prefixOf,
} from "@heddle/inet";
import fc from "fast-check";
import { nativeVrf } from "./claim.ts";
import { compile } from "./compile.ts";
import {
  type DataplaneState,
  emptyDataplaneState,
  formatRoute,
  formatVif,
} from "./dataplane-state.ts";
import { type Endpoint, emptyNodeState, type NodeState, type OwnBlock } from "./node-state.ts";
import { formatOp, type Op, plan } from "./plan.ts";
import { VRouter } from "./vrouter.ts";

function endpoint(
  ifindex: number,
  vrf: number,
  addresses: readonly string[],
  infrastructureAddresses: readonly string[] = [],
): Endpoint {
  return {
    hostIfindex: parseIfindex(ifindex),
    hostIfname: `hv${ifindex}`,
    vrf: parseVrfId(vrf),
    mac: localMac(ifindex),
    hostMac: localMac(ifindex + 1000),
    addresses: addresses.map(parseIp),
    infrastructureAddresses: infrastructureAddresses.map(parseIp),
  };
}

function block(vrf: number, prefix: string): OwnBlock {
  return { vrf: parseVrfId(vrf), prefix: parsePrefix(prefix) };
}

function routesOf(state: DataplaneState): string[] {
  return [...state.routes.values()].map(formatRoute).sort();
}

test("compile() of nothing is the two default routes", () => {
  assert.deepEqual(routesOf(compile(emptyNodeState)), ["vrf 0 0.0.0.0/0 fib", "vrf 0 ::/0 fib"]);
});

test("compile() makes endpoints local and their blocks unreachable", () => {
  const state = compile({
    ...emptyNodeState,
    endpoints: [endpoint(7, 0, ["10.244.0.1", "fd00::1"])],
    hostAddresses: [parseIp("192.0.2.1")],
    blocks: [block(0, "10.244.0.0/26"), block(9, "10.244.0.0/26")],
  });
  assert.deepEqual(routesOf(state), [
    "vrf 0 0.0.0.0/0 fib",
    "vrf 0 10.244.0.0/26 stack",
    "vrf 0 10.244.0.1/32 local 7",
    "vrf 0 192.0.2.1/32 stack",
    "vrf 0 ::/0 fib",
    "vrf 0 fd00::1/128 local 7",
    "vrf 9 10.244.0.0/26 blackhole",
  ]);
  assert.deepEqual([...state.unreachable], [parsePrefix("10.244.0.0/26")]);
});

test("compile() gives an address of the host to nobody else", () => {
  const state = compile({
    ...emptyNodeState,
    endpoints: [endpoint(7, 0, ["192.0.2.1"])],
    hostAddresses: [parseIp("192.0.2.1")],
  });
  assert.ok(routesOf(state).includes("vrf 0 192.0.2.1/32 stack"));
});

test("compile() lets the interface made last have an address twice given", () => {
  const endpoints = [endpoint(9, 0, ["10.0.0.1"]), endpoint(7, 0, ["10.0.0.1"])];
  const forward = compile({ ...emptyNodeState, endpoints });
  const backward = compile({ ...emptyNodeState, endpoints: endpoints.toReversed() });
  assert.ok(routesOf(forward).includes("vrf 0 10.0.0.1/32 local 9"));
  assert.deepEqual(routesOf(forward), routesOf(backward));
});

test("compile() lets a pod win over a block that is its address", () => {
  const state = compile({
    ...emptyNodeState,
    endpoints: [endpoint(7, 0, ["10.0.0.1"])],
    blocks: [block(0, "10.0.0.1/32")],
  });
  assert.ok(routesOf(state).includes("vrf 0 10.0.0.1/32 local 7"));
});

test("compile() enters infrastructure addresses in the native VRF, each with the node's own", () => {
  const state = compile({
    ...emptyNodeState,
    endpoints: [
      endpoint(7, 5, ["10.0.0.1", "fd00::1"], ["10.244.0.1", "fd00:10:244::1"]),
      endpoint(8, 6, ["10.0.0.1"], ["10.244.0.2"]),
    ],
    nodeAddresses: [parseIp("192.0.2.1")],
  });
  assert.deepEqual(routesOf(state), [
    "vrf 0 0.0.0.0/0 fib",
    "vrf 0 10.244.0.1/32 infrastructure",
    "vrf 0 10.244.0.2/32 infrastructure",
    "vrf 0 ::/0 fib",
    "vrf 0 fd00:10:244::1/128 infrastructure",
    "vrf 5 10.0.0.1/32 local 7",
    "vrf 5 fd00::1/128 local 7",
    "vrf 6 10.0.0.1/32 local 8",
  ]);
  assert.deepEqual([...state.vifs.values()].map(formatVif), [
    "hv7 (7) vrf 5 mac 02:00:00:00:00:07 10.0.0.1 fd00::1 10.244.0.1 from 192.0.2.1 " +
      "fd00:10:244::1 from nobody",
    "hv8 (8) vrf 6 mac 02:00:00:00:00:08 10.0.0.1 10.244.0.2 from 192.0.2.1",
  ]);
});

test("compile() lets a native pod win over an infrastructure address", () => {
  const endpoints = [endpoint(9, 5, ["10.0.0.1"], ["10.244.0.1"]), endpoint(7, 0, ["10.244.0.1"])];
  for (const order of [endpoints, endpoints.toReversed()]) {
    const state = compile({ ...emptyNodeState, endpoints: order });
    assert.ok(routesOf(state).includes("vrf 0 10.244.0.1/32 local 7"));
  }
});

test("compile() refuses a translation to another family, and one in the native VRF", () => {
  for (const wrong of [
    endpoint(7, 5, ["10.0.0.1"], ["fd00::1"]),
    endpoint(7, 0, ["10.0.0.1"], ["10.0.0.1"]),
  ]) {
    assert.throws(() => compile({ ...emptyNodeState, endpoints: [wrong] }), /native|family/);
  }
});

test("plan() puts what is referred to first and deletes it last", () => {
  const before = compile({
    ...emptyNodeState,
    endpoints: [endpoint(7, 0, ["10.0.0.1"])],
    blocks: [block(0, "10.0.0.0/26")],
  });
  const after = compile({
    ...emptyNodeState,
    endpoints: [endpoint(8, 0, ["10.0.1.1"])],
    blocks: [block(0, "10.0.1.0/26")],
  });
  assert.deepEqual(plan(after, before).map(formatOp), [
    "put-unreachable 10.0.1.0/26",
    "put-vif hv8 (8) vrf 0 mac 02:00:00:00:00:08 10.0.1.1",
    "put-route vrf 0 10.0.1.0/26 stack",
    "put-route vrf 0 10.0.1.1/32 local 8",
    "delete-route vrf 0 10.0.0.0/26 stack",
    "delete-route vrf 0 10.0.0.1/32 local 7",
    "delete-vif 7",
    "delete-unreachable 10.0.0.0/26",
  ]);
});

test("plan() of equal states is empty", () => {
  const state = compile({ ...emptyNodeState, endpoints: [endpoint(7, 3, ["10.0.0.1"])] });
  assert.deepEqual(plan(state, state), []);
});

/** Applies operations to a state, as an applier does to the kernel. */
function applyOps(state: DataplaneState, ops: readonly Op[]): DataplaneState {
  const vifs = new Map(state.vifs);
  const routes = new Map(state.routes);
  const unreachable = new Set(state.unreachable);
  for (const op of ops) {
    if (op.op === "put-vif") vifs.set(op.vif.ifindex, op.vif);
    else if (op.op === "delete-vif") vifs.delete(op.ifindex);
    else if (op.op === "put-route") routes.set(keyOf(op.route), op.route);
    else if (op.op === "delete-route") routes.delete(keyOf(op.route));
    else if (op.op === "put-unreachable") unreachable.add(op.prefix);
    else unreachable.delete(op.prefix);
  }
  return { vifs, routes, unreachable };
}

function keyOf(route: {
  vrf: number;
  prefix: Parameters<typeof formatRoute>[0]["prefix"];
}): string {
  const [vrf, prefix] = formatRoute({
    vrf: parseVrfId(route.vrf),
    prefix: route.prefix,
    target: { action: "fib" },
  })
    .slice("vrf ".length)
    .split(" ");
  return `${vrf} ${prefix}`;
}

type Change =
  | { readonly kind: "put"; readonly endpoint: Endpoint }
  | { readonly kind: "remove"; readonly ifindex: Ifindex }
  | { readonly kind: "blocks"; readonly blocks: readonly OwnBlock[] }
  | { readonly kind: "host"; readonly addresses: readonly Ip[] }
  | { readonly kind: "node"; readonly addresses: readonly Ip[] };

/** Few values, so that collisions are the rule. */
const addressArbitrary = fc
  .constantFrom("10.0.0.0", "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2")
  .map(parseIp);
const vrfArbitrary = fc.constantFrom(0, 1).map(parseVrfId);
const ifindexArbitrary = fc.integer({ min: 2, max: 5 }).map(parseIfindex);
const blockArbitrary = fc.record({
  vrf: vrfArbitrary,
  prefix: fc
    .tuple(addressArbitrary, fc.integer({ min: 24, max: 32 }))
    .map(([address, length]) => prefixOf(address, length)),
});
const endpointArbitrary = fc
  .tuple(
    ifindexArbitrary,
    vrfArbitrary,
    addressArbitrary,
    fc.integer({ min: 1, max: 2 }),
    fc.array(addressArbitrary, { maxLength: 1 }),
  )
  .map(
    ([hostIfindex, vrf, address, mac, infrastructure]): Endpoint => ({
      hostIfindex,
      hostIfname: `hv${hostIfindex}`,
      vrf,
      mac: localMac(mac),
      hostMac: localMac(9),
      addresses: [address],
      infrastructureAddresses: infrastructure.filter(
        (other) => vrf !== nativeVrf && familyOf(other) === familyOf(address),
      ),
    }),
  );
const changeArbitrary: fc.Arbitrary<Change> = fc.oneof(
  endpointArbitrary.map((value): Change => ({ kind: "put", endpoint: value })),
  ifindexArbitrary.map((ifindex): Change => ({ kind: "remove", ifindex })),
  fc.array(blockArbitrary, { maxLength: 3 }).map((blocks): Change => ({ kind: "blocks", blocks })),
  fc
    .array(addressArbitrary, { maxLength: 2 })
    .map((addresses): Change => ({ kind: "host", addresses })),
  fc
    .array(addressArbitrary, { maxLength: 1 })
    .map((addresses): Change => ({ kind: "node", addresses })),
);

function changeNode(node: NodeState, change: Change): NodeState {
  const others = (ifindex: Ifindex): Endpoint[] =>
    node.endpoints.filter(({ hostIfindex }) => hostIfindex !== ifindex);
  if (change.kind === "put") {
    const { endpoint: added } = change;
    return { ...node, endpoints: [...others(added.hostIfindex), added] };
  }
  if (change.kind === "remove") return { ...node, endpoints: others(change.ifindex) };
  if (change.kind === "blocks") return { ...node, blocks: change.blocks };
  if (change.kind === "node") return { ...node, nodeAddresses: change.addresses };
  return { ...node, hostAddresses: change.addresses };
}

function changeVRouter(vrouter: VRouter, change: Change): Op[] {
  if (change.kind === "put") return vrouter.putEndpoint(change.endpoint);
  if (change.kind === "remove") return vrouter.removeEndpoint(change.ifindex);
  if (change.kind === "blocks") return vrouter.setBlocks(change.blocks);
  if (change.kind === "node") return vrouter.setNodeAddresses(change.addresses);
  return vrouter.setHostAddresses(change.addresses);
}

test("VRouter equals compile() after every change, and its operations lead there", () => {
  fc.assert(
    fc.property(fc.array(changeArbitrary, { maxLength: 30 }), (changes) => {
      const vrouter = new VRouter();
      let node = emptyNodeState;
      let applied = compile(emptyNodeState);
      for (const change of changes) {
        node = changeNode(node, change);
        const ops = changeVRouter(vrouter, change);
        const full = compile(node);
        assert.deepEqual(plan(full, vrouter.state), []);
        assert.deepEqual(ops, plan(full, applied));
        applied = applyOps(applied, ops);
        assert.deepEqual(plan(full, applied), []);
      }
    }),
  );
});

test("plan() from any state leads to the wanted one", () => {
  const stateArbitrary = fc
    .array(changeArbitrary, { maxLength: 10 })
    .map((changes) => compile(changes.reduce(changeNode, emptyNodeState)));
  fc.assert(
    fc.property(stateArbitrary, stateArbitrary, (desired, actual) => {
      const applied = applyOps(actual, plan(desired, actual));
      assert.deepEqual(plan(desired, applied), []);
      assert.equal(applied.routes.size, desired.routes.size);
    }),
  );
});

test("plan() from an empty kernel creates everything", () => {
  const desired = compile({ ...emptyNodeState, endpoints: [endpoint(7, 0, ["10.0.0.1"])] });
  assert.deepEqual(plan(desired, emptyDataplaneState).map(formatOp), [
    "put-vif hv7 (7) vrf 0 mac 02:00:00:00:00:07 10.0.0.1",
    "put-route vrf 0 0.0.0.0/0 fib",
    "put-route vrf 0 10.0.0.1/32 local 7",
    "put-route vrf 0 ::/0 fib",
  ]);
});
