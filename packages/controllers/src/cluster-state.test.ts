/** The copy of the model: what is said to be dirty, and that sums equal a full count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "@heddle/api";
import fc from "fast-check";
import type { ClusterState } from "./cluster-state.ts";
import { localNameOf, splitKey } from "./model.ts";
import { isPlanned, type PlannedKind, planners } from "./plan/planners.ts";
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
} from "./testing/objects.ts";
import { drop, put, stateOf } from "./testing/state.ts";

const at = "2026-01-01T00:00:00Z";

test("a Port wakes its subnet, its VPC and the pools of the subnet, and nothing else", () => {
  const state = stateOf(
    ...[vpc("default"), subnet("pods"), pool("a"), subnet("other"), block("10.244.0.0/26")],
    ...[pool("b", { cidr: "10.244.1.0/24" }), pool("c", { subnet: "other" }), node("n1")],
  );
  const keys = [...put(state, port("p", ["10.244.0.5"]))].filter((key) => !key.startsWith("Port/"));
  assert.deepEqual(keys.sort(), ["IPPool/a", "IPPool/b", "Subnet/pods", "Vpc/default"]);
});

test("a write of a status wakes nobody but the object", () => {
  const status = { conditions: [], allocated: 3 };
  const state = stateOf(subnet("pods"), pool("a"), block("10.244.0.0/26"));
  assert.deepEqual([...put(state, { ...pool("a"), status } as KubeObject)], ["IPPool/a"]);
});

test("a Node that goes wakes its blocks, their pools, its links, claims and peers", () => {
  const holder = { node: "n1", containerId: "c", since: at };
  const state = stateOf(
    ...[node("n1"), node("n2"), pool("a"), block("10.244.0.0/26", { node: "n1" }), link("l")],
    ...[block("10.244.0.64/26", { node: "n2", pool: "b" }), peer("p", { node: "n1" }), peer("q")],
    claim("c", {}, { conditions: [], phase: "Bound", addresses: [], holder }),
  );
  const keys = [...drop(state, node("n1"))].filter((key) => key !== "Node/n1").sort();
  const block1 = "IPBlock/10-244-0-0-26";
  const peers = ["BGPPeer/p", "BGPPeer/q"];
  assert.deepEqual(keys, [...peers, block1, "IPClaim/default/c", "IPPool/a", "Link/l"]);
});

const names = ["a", "b"] as const;
const name = fc.constantFrom(...names);
const nodeName = fc.constantFrom("n1", "n2", "n3");
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** Objects of few names, so that events meet; references may lead nowhere. */
const anyObject: fc.Arbitrary<KubeObject> = fc.oneof(
  fc
    .tuple(name, maybe(fc.integer({ min: 1, max: 2 })))
    .map(([each, vrfId]) => vpc(each, vrfId === undefined ? undefined : { conditions: [], vrfId })),
  fc.tuple(name, name, fc.boolean()).map(([each, of, isDual]) =>
    subnet(each, {
      vpc: of === "a" ? "default" : of,
      cidrs: isDual ? ["10.244.0.0/16", "fd00::/64"] : ["10.244.0.0/16"],
    }),
  ),
  fc.tuple(fc.nat(3), name, fc.boolean(), fc.boolean()).map(([i, of, isFixed, disabled]) =>
    pool(`p${i}`, {
      subnet: of,
      disabled,
      cidr: i === 3 ? "fd00::/120" : `10.244.${i}.0/28`,
      ...(i === 3 ? {} : { blockLength: 30 }),
      allocation: isFixed ? "Fixed" : "Dynamic",
    }),
  ),
  fc.tuple(fc.nat(2), fc.nat(3), maybe(nodeName)).map(([p, i, owner]) =>
    block(`10.244.${p}.${4 * i}/30`, {
      pool: `p${p}`,
      ...(owner === undefined ? {} : { node: owner }),
    }),
  ),
  fc
    .tuple(fc.nat(5), name, fc.nat(2), fc.nat(15), maybe(fc.nat(15)))
    .map(([i, of, p, host, infrastructure]) =>
      port(`port${i}`, [`10.244.${p}.${host}`, `fd00::${host}`], of, {
        vpc: infrastructure === undefined ? "default" : "b",
        infrastructureAddresses: infrastructure === undefined ? [] : [`10.244.0.${infrastructure}`],
      }),
    ),
  fc.tuple(nodeName, fc.boolean()).map(([each, x]) => node(each, x ? { x: "y" } : {})),
  fc.tuple(name, maybe(name), maybe(nodeName), fc.nat(2)).map(([each, of, holder, p]) =>
    claim(
      each,
      { ...(of === undefined ? {} : { subnet: of }), addresses: [`10.244.${p}.1`] },
      holder === undefined
        ? undefined
        : {
            ...{ conditions: [], phase: "Bound", addresses: [] },
            holder: { node: holder, containerId: "c", since: at },
          },
    ),
  ),
  fc
    .tuple(name, name)
    .map(([each, of]) =>
      fabric(each, [{ name: "tenant", vni: 1, routeTarget: "1:1", aggregates: [], vpc: of }]),
    ),
  fc.tuple(name, name, maybe(fc.boolean())).map(([each, of, inSync]) => switchOf(each, of, inSync)),
  fc.tuple(name, name, name, nodeName).map(([each, of, leaf, host]) =>
    link(each, {
      fabric: of,
      a: { switch: leaf, interface: "eth1", addresses: [] },
      b: { node: host, interface: "eth0", addresses: [] },
    }),
  ),
  fc
    .tuple(name, maybe(nodeName), fc.boolean())
    .map(([each, host, x]) =>
      peer(each, host !== undefined ? { node: host } : x ? { nodeSelector: {} } : {}),
    ),
);

interface Event {
  readonly object: KubeObject;
  readonly isGone: boolean;
}

const anyEvent: fc.Arbitrary<Event> = fc.record({ object: anyObject, isGone: fc.boolean() });

/**
 * The generation tells specs apart, as a store does it; only a Port that changes is another one.
 */
function stamped({ object, isGone }: Event, i: number): Event {
  const { spec = {} } = object as KubeObject & { readonly spec?: object };
  const text = JSON.stringify(spec);
  const generation = generations.get(text) ?? generations.size + 1;
  generations.set(text, generation);
  const uid = object.kind === "Port" ? `uid-${i}` : "uid";
  return { object: { ...object, metadata: { ...object.metadata, generation, uid } }, isGone };
}

const generations = new Map<string, number>();

function planOf<K extends PlannedKind>(state: ClusterState, kind: K, local: string): unknown {
  const object = state.get(kind, local);
  return object === undefined ? undefined : planners[kind](object, state, at);
}

/** What every object's status should be. */
function allPlans(state: ClusterState): Map<string, string> {
  const plans = new Map<string, string>();
  for (const key of state.keys()) {
    const [kind, local] = splitKey(key);
    if (isPlanned(kind)) plans.set(key, JSON.stringify(planOf(state, kind, local)));
  }
  return plans;
}

test("after any events the plans are those of a state that is made at once, in any order", () => {
  const property = fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
    const state = stateOf();
    const left = new Map<string, KubeObject>();
    for (const { object, isGone } of events.map(stamped)) {
      if (isGone) drop(state, object);
      else put(state, object);
      const key = `${object.kind}/${localNameOf(object)}`;
      if (isGone) left.delete(key);
      else left.set(key, object);
      // A question in between makes sums that later events must keep right.
      state.usage.ofPool("p0");
    }
    const sorted = (plans: Map<string, string>) => [...plans].sort(([a], [b]) => (a < b ? -1 : 1));
    const wanted = sorted(allPlans(stateOf(...left.values())));
    assert.deepEqual(sorted(allPlans(state)), wanted);
    assert.deepEqual(sorted(allPlans(stateOf(...[...left.values()].reverse()))), wanted);
  });
  fc.assert(property, { numRuns: 600 });
});

test("whatever changes a plan is among what the change wakes", () => {
  const property = fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
    const state = stateOf();
    let before = allPlans(state);
    for (const { object, isGone } of events.map(stamped)) {
      const woken = new Set<string>(isGone ? drop(state, object) : put(state, object));
      const after = allPlans(state);
      for (const [key, plan] of after) {
        if (plan !== before.get(key)) {
          assert.ok(woken.has(key), `${object.kind} ${isGone} changed ${key} to ${plan}`);
        }
      }
      before = after;
    }
  });
  fc.assert(property, { numRuns: 600 });
});

test("sums equal a count of all Ports and blocks", () => {
  const property = fc.property(fc.array(anyEvent, { maxLength: 80 }), (events) => {
    const state = stateOf();
    for (const { object, isGone } of events.map(stamped)) {
      if (isGone) drop(state, object);
      else put(state, object);
      state.usage.ofPool("p1");
    }
    for (const { metadata, spec } of state.list("IPPool")) {
      const blocks = [...state.list("IPBlock")].filter((each) => each.spec.pool === metadata.name);
      const orphans = blocks.filter(
        ({ spec: { node: owner } }) => owner !== undefined && state.isNodeMissing(owner),
      );
      const start = spec.cidr.replace(/0?\/\d+$/, "");
      const isNative = state.get("Subnet", spec.subnet)?.spec.vpc === "default";
      const allocated = [...state.list("Port")]
        .flatMap((each) => [
          ...(each.spec.subnet === spec.subnet ? each.spec.addresses : []),
          ...(isNative && each.spec.vpc !== "default" ? each.spec.infrastructureAddresses : []),
        ])
        .filter((address) => address.startsWith(start)).length;
      assert.deepEqual(state.usage.ofPool(metadata.name), {
        allocated,
        blockCount: blocks.length,
        orphanedBlockCount: orphans.length,
      });
    }
    for (const { metadata } of state.list("Subnet")) {
      const ports = [...state.list("Port")].filter((each) => each.spec.subnet === metadata.name);
      assert.equal(state.usage.portCountOfSubnet(metadata.name), ports.length);
    }
  });
  fc.assert(property, { numRuns: 600 });
});
