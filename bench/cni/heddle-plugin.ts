/** Ours: the executable, and what the node has of a pod. */
import path from "node:path";
import type { Fd } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import { assert } from "@heddle/std";
import type { Agent } from "./agent.ts";
import type { Cluster } from "./cluster.ts";
import { podNameOf, podNamespace } from "./cluster-objects.ts";
import type { Plugin } from "./contestant.ts";

/** Entries in the maps of a pod with both families: its interface, and a route of each. */
const entriesPerPod = 3;

export interface HeddlePluginOptions {
  readonly node: Fd;
  readonly agent: Agent;
  readonly cluster: Cluster;
  /** Directory of the executable. */
  readonly directory: string;
}

export function heddlePlugin({ node, agent, cluster, directory }: HeddlePluginOptions): Plugin {
  return {
    name: "ours",
    program: path.join(directory, "heddle-cni"),
    node,
    config: { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" },
    environment: (index) => ({
      HEDDLE_CNI_SOCKET: agent.socketPath,
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${podNamespace};K8S_POD_NAME=${podNameOf(index)}`,
    }),
    async verifyState(given: ReadonlyMap<string, number>): Promise<void> {
      const podCount = new Set(given.values()).size;
      const allocatedCount = await agent.allocatedCount();
      assert(allocatedCount === given.size, `the journal has ${allocatedCount} addresses`);
      await cluster.verifyPorts(given);
      using rtnetlink = new Rtnetlink(node);
      const pods = rtnetlink.links().filter(({ name }) => name.startsWith("hv"));
      assert(pods.length === podCount, `the node has ${pods.length} interfaces of pods`);
      const entryCount = agent.podEntryCount();
      assert(entryCount === entriesPerPod * podCount, `the maps have ${entryCount} entries`);
    },
  };
}
