/** Ours: the executable and the agent, on a node with one uplink. */
import path from "node:path";
import { BpfMap, type MapSpec } from "@heddle/ebpf";
import { createNetns, type Fd, getPinnedBpf } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import { assert, must } from "@heddle/std";
import {
  heddleObject,
  type Route,
  routeAction,
  routes4Map,
  routes6Map,
  vifsMap,
} from "../../packages/dataplane/src/gen/heddle.gen.ts";
import { batch } from "../../packages/dataplane/src/testing/topology.ts";
import type { AgentProcess } from "./agent-process.ts";
import { podNameOf, podNamespace } from "./cluster-seed.ts";
import type { Plugin } from "./contestant.ts";

export const uplink = "up0";

const program = path.resolve(import.meta.dirname, "../../cni/build/heddle-cni");

/** Gives the node an uplink to a leaf, which the caller owns, and addresses to ping from. */
export function attachNode(node: Fd): Fd {
  const leaf = createNetns();
  const peer = `/proc/${process.pid}/fd/${leaf.number}`;
  batch(node, [
    "link set lo up",
    "addr add 192.0.2.1/32 dev lo",
    "addr add fd00:2::1/128 dev lo nodad",
    `link add ${uplink} type veth peer name ${uplink} netns ${peer}`,
    `link set ${uplink} up`,
  ]);
  batch(leaf, [`link set ${uplink} up`]);
  return leaf;
}

export function heddlePlugin(node: Fd, agent: AgentProcess): Plugin {
  return {
    name: "ours",
    program,
    node,
    config: { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" },
    environment: (index) => ({
      HEDDLE_CNI_SOCKET: agent.socketPath,
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${podNamespace};K8S_POD_NAME=${podNameOf(index)}`,
    }),
    async verifyEmpty(): Promise<void> {
      const { allocationCount, portCount, interfaceCount } = await agent.state();
      assert(allocationCount === 0, `the journal keeps ${allocationCount} allocations`);
      assert(portCount === 0, `the store keeps ${portCount} Ports`);
      assert(interfaceCount === 0, `the agent sees ${interfaceCount} interfaces`);
      using rtnetlink = new Rtnetlink(node);
      const pods = rtnetlink.links().filter(({ name }) => name.startsWith("hv"));
      assert(pods.length === 0, `the node keeps ${pods.length} interfaces`);
      const entryCount = podEntryCount(agent);
      assert(entryCount === 0, `the maps keep ${entryCount} entries of pods`);
    },
  };
}

/** Entries that stand for a pod, in all maps: three for a pod with both families. */
export function podEntryCount(agent: AgentProcess): number {
  const isLocal = (route: Route): boolean => route.action === routeAction.local;
  return (
    valuesOf(agent, vifsMap).length +
    valuesOf(agent, routes4Map).filter(isLocal).length +
    valuesOf(agent, routes6Map).filter(isLocal).length
  );
}

function valuesOf<K, V>(agent: AgentProcess, spec: MapSpec<K, V>): V[] {
  const pin = path.join(agent.bpffsPath, "heddle", heddleObject.layoutHash, spec.name);
  using map = new BpfMap(spec, must(getPinnedBpf(pin), `map ${spec.name} is pinned`));
  return [...map.entries()].map(([, value]) => value);
}
