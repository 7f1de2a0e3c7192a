/**
 * A process with a node's data plane, for tests that kill it. Arguments: the descriptor path of the
 * node's namespace, the bpf file system, and pods as JSON. Prints one line of JSON when it is
 * ready: what it found on adopting, before it attached the pods.
 */
import { enterNetns, openNetns } from "@heddle/native";
import type { PodInterface } from "../dataplane.ts";
import { WorkerDataplane } from "../worker-dataplane.ts";
import { nodeInterfaces } from "./topology.ts";

export interface Report {
  /** Names of the interfaces that were there. */
  readonly adopted: readonly string[];
  /** Of the pods that were there. */
  readonly differences: readonly string[];
}

async function main(netnsPath: string, bpffsPath: string, podsText: string): Promise<void> {
  using netns = openNetns(netnsPath);
  enterNetns(netns);
  const pods: PodInterface[] = JSON.parse(podsText, (_, value) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  );
  const dataplane = new WorkerDataplane({ bpffsPath });
  await dataplane.setNode(nodeInterfaces);
  const adopted = (await dataplane.observePods()).map(({ hostIfname }) => hostIfname);
  const differences: string[] = [];
  for (const pod of pods) {
    if (adopted.includes(pod.hostIfname)) differences.push(...(await dataplane.checkPod(pod)));
  }
  for (const pod of pods) await dataplane.attachPod(pod);
  const report: Report = { adopted, differences };
  console.log(JSON.stringify(report));
  process.stdin.resume();
  process.stdin.on("end", () => void dataplane[Symbol.asyncDispose]());
}

const [netnsPath = "", bpffsPath = "", podsText = ""] = process.argv.slice(2);
await main(netnsPath, bpffsPath, podsText);
