/**
 * A node in a process of its own, for tests that kill it: real kernel, real journal, real CNI
 * socket, a store in memory. It runs in the network and mount namespaces that it is started in.
 * Arguments: state directory, CNI socket, bpffs directory, number of pods that exist.
 */

import { CniServer } from "@heddle/cni";
import { WorkerDataplane } from "@heddle/dataplane";
import { parseIp } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { systemClock } from "@heddle/system";
import type { OwnBlock } from "@heddle/vrouter";
import { HeddleNode } from "../heddle-node.ts";
import { newCluster } from "./test-cluster.ts";

const [stateDirectory, socketPath, bpffsPath, podCount] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];

const cluster = await newCluster();
for (let i = 0; i < Number(podCount); i += 1) await cluster.addPod("default", `p-${i}`);
// Two VPCs with the prefixes of the native network, each with pods of the same names.
for (const [vpc, vrfId] of [
  ["red", 7],
  ["blue", 8],
] as const) {
  cluster.addVpc(vpc, vrfId);
  await cluster.addNamespace(vpc);
  const cidrs = ["10.0.0.0/16", "fd00::/48"];
  await cluster.addSubnet(vpc, { vpc, cidrs, namespaces: [vpc] });
  await cluster.addPool(`${vpc}4`, { subnet: vpc, cidr: "10.0.0.0/26", blockLength: 26 });
  await cluster.addPool(`${vpc}6`, { subnet: vpc, cidr: "fd00::/122", blockLength: 122 });
  for (let i = 0; i < 3; i += 1) await cluster.addPod(vpc, `${vpc}-${i}`);
}
const dataplane = new WorkerDataplane({ bpffsPath });
const nodeAddresses = [parseIp("192.0.2.1"), parseIp("fd00:2::1")];
const setBlocks = (blocks: readonly OwnBlock[]): Promise<void> =>
  dataplane.setNode({ uplinks: [], podPrefixes: [], blocks, nodeAddresses });
await setBlocks([]);
const node = await HeddleNode.start({
  name: "node1",
  stateDirectory,
  store: cluster.store,
  objects: cluster.objects,
  dataplane,
  announcer: cluster.routes.announcer("node1"),
  clock: systemClock,
  log: silentLog,
  mtu: 1500,
  onBlocks: (blocks) => void setBlocks(blocks),
});
await CniServer.listen({ socketPath, handler: node.network, clock: systemClock, log: silentLog });
process.stdout.write("ready\n");
