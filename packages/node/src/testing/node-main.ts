/**
 * A node in a process of its own, for tests that kill it: real kernel, real journal, real CNI
 * socket, a store in memory. It runs in the network and mount namespaces that it is started in.
 * Arguments: state directory, CNI socket, bpffs directory, number of pods that exist.
 */

import { CniServer } from "@heddle/cni";
import { WorkerDataplane } from "@heddle/dataplane";
import { parsePrefix } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { systemClock } from "@heddle/system";
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
const dataplane = new WorkerDataplane({ bpffsPath });
await dataplane.setNode({ uplinks: [], podPrefixes: [parsePrefix("10.0.0.0/16")] });
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
});
await CniServer.listen({ socketPath, handler: node.network, clock: systemClock, log: silentLog });
process.stdout.write("ready\n");
