/**
 * Makes a running fabric a cluster: API server, objects, controllers, one agent per node, stand-ins
 * for Kubernetes. Everything is idempotent, as `labUp` is: what runs is left alone, what has died is
 * started, objects that exist are kept.
 */

import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type KubeObject,
  type Namespace,
  type Node,
  namespaceKind,
  nodeKind,
  podKind,
} from "@heddle/api";
import { formatIp, type Ip } from "@heddle/inet";
import { formatTime, HttpStore, isStatus, type Store } from "@heddle/kube";
import { systemClock } from "@heddle/system";
import { LabError } from "../errors.ts";
import { inParallel } from "../parallel.ts";
import { type LabContext, liveDevice } from "../state/context.ts";
import { isAlive } from "../state/process.ts";
import { readRecord } from "../state/process-record.ts";
import { managementDevice } from "../topology/topology.ts";
import { isAttached } from "./agent-status.ts";
import { controllerKubeconfig, ensureControllers, untilLed } from "./controllers.ts";
import { demoDeployment, demoReplicas } from "./demo.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import {
  clusterObjects,
  nodeDnsSuffix,
  nodeStatus,
  type ObjectOfKind,
  routeServerDnsName,
} from "./objects.ts";
import { createPki, issueClient, issueServer, type KeyPair, type Pki } from "./pki.ts";
import { type ClusterPrograms, findPrograms } from "./programs.ts";
import {
  bgpTlsDirectory,
  ensureRouteServers,
  installBgpTls,
  routeServerKubeconfig,
} from "./route-servers.ts";
import { ensureService, serviceDirectory, untilReady } from "./service-process.ts";

export interface ClusterOptions {
  readonly progress?: (line: string) => void;
  /** Deploys the demo and waits for its pods. */
  readonly demo?: boolean;
  /** Port of the API server on this machine's loopback, for people. */
  readonly adminPort?: number;
}

/** Nodes reach the server in the management network instead. */
const defaultAdminPort = 16_443;
const nodePort = 6443;
const readyLimitMs = 30_000;
/** Some times as long as agents wait before they dial a route server again that was away. */
const attachedLimitMs = 60_000;
const podsLimitMs = 60_000;
const pollMs = 100;

/** Labels of processes. */
const apiServerLabel = "apiserver";
const standInsLabel = "stand-ins";
export const agentLabel = "agent";

/** Kubeconfig of the administrator. */
export function adminKubeconfig(lab: LabContext): string {
  return path.join(lab.paths.stateDir, "admin.kubeconfig");
}

/** Where agents keep their journals. */
function agentStateDirectory(lab: LabContext, node: string): string {
  return path.join(lab.paths.device(node).directory, "agent");
}

const clusterPrograms = [
  "apiServer",
  "controller",
  "agent",
  "routeServer",
  "standIns",
  "cniDirectory",
] as const;
type Programs = Pick<ClusterPrograms, (typeof clusterPrograms)[number]>;

/** @throws LabError, StatusError */
export async function clusterUp(lab: LabContext, options: ClusterOptions = {}): Promise<void> {
  const { progress = () => undefined, demo = false, adminPort = defaultAdminPort } = options;
  const programs = findPrograms(clusterPrograms);
  await ensureCredentials(lab, adminPort);
  ensureApiServer(lab, programs, adminPort);
  using store = await HttpStore.fromKubeconfig(adminKubeconfig(lab));
  await untilReady(lab, apiServerLabel, readyLimitMs, () => answers(store));
  progress(`API server on 127.0.0.1:${adminPort}`);
  const created = await ensureObjects(lab, store);
  progress(`${created} objects created`);
  const { routeServers } = lab.topology.management;
  const newRouteServers = ensureRouteServers(lab, programs, pkiOf(lab));
  progress(`${routeServers.length} route servers (${newRouteServers} started)`);
  const nodes = lab.topology.devices.filter(({ role }) => role === "node");
  const started = nodes.filter(({ name }) => ensureAgent(lab, programs, name)).length;
  progress(`${nodes.length} agents (${started} started)`);
  ensureStandIns(lab, programs);
  const controllers = ensureControllers(lab, programs);
  await inParallel(nodes, nodes.length, ({ name }) => untilAttached(lab, name));
  progress("every node has its default routes from its leaves, and speaks with the route servers");
  await untilLed(lab, store);
  progress(`a controller leads (${controllers} started)`);
  if (demo) {
    await ensure(store, demoDeployment());
    await podsReady(store, demoReplicas);
    progress(`demo deployed: ${demoReplicas} pods are ready`);
  }
}

function pkiOf(lab: LabContext): Pki {
  const folder = path.join(serviceDirectory(lab), "pki");
  return { folder, caFile: path.join(folder, "ca.crt") };
}

async function ensureCredentials(lab: LabContext, adminPort: number): Promise<void> {
  if (existsSync(adminKubeconfig(lab))) return;
  const directory = serviceDirectory(lab);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pki = await createPki(path.join(directory, "pki"));
  const address = formatIp(lab.topology.management.address);
  const names = ["IP:127.0.0.1", `IP:${address}`, "DNS:localhost", "DNS:kubernetes.default.svc"];
  await issueServer(pki, "apiserver", names);
  const management = `https://${address}:${nodePort}`;
  const nodes = lab.topology.devices.filter(({ role }) => role === "node");
  await inParallel(nodes, 2, async ({ name }) => {
    const user = { user: `heddle:agent:${name}`, group: "heddle:agents" };
    const names = [`DNS:${name}${nodeDnsSuffix}`];
    const keyPair = await writeClient(pki, agentKubeconfig(lab, name), management, user, names);
    installBgpTls(lab, name, pki, keyPair);
  });
  await inParallel(lab.topology.management.routeServers, 2, async ({ name }) => {
    await issueServer(pki, name, [`DNS:${routeServerDnsName(name)}`]);
    const user = { user: `heddle:route-server:${name}`, group: "heddle:viewers" };
    await writeClient(pki, routeServerKubeconfig(lab, name), management, user);
  });
  const local = `https://127.0.0.1:${adminPort}`;
  const controller = { user: "heddle:controller", group: "heddle:controllers" };
  await writeClient(pki, controllerKubeconfig(lab), local, controller);
  const viewer = { user: "viewer", group: "heddle:viewers" };
  await writeClient(pki, path.join(directory, "viewer.kubeconfig"), local, viewer);
  // Last: its presence says that all the others are there.
  await writeClient(pki, adminKubeconfig(lab), local, { user: "admin", group: "heddle:admins" });
}

/** Returns the pair that is in the kubeconfig; its certificate bears `altNames`, too. */
async function writeClient(
  pki: Pki,
  file: string,
  server: string,
  { user, group }: { readonly user: string; readonly group: string },
  altNames: readonly string[] = [],
): Promise<KeyPair> {
  const keyPair = await issueClient(pki, user.replaceAll(":", "-"), user, [group], altNames);
  await writeKubeconfig(file, pki, { server, user, keyPair });
  return keyPair;
}

function agentKubeconfig(lab: LabContext, node: string): string {
  return path.join(serviceDirectory(lab), `agent-${node}.kubeconfig`);
}

function ensureApiServer(lab: LabContext, programs: Programs, adminPort: number): void {
  const { management } = lab.topology;
  const directory = serviceDirectory(lab);
  const pki = (name: string): string => path.join(pkiOf(lab).folder, name);
  const bridge = `/proc/${liveDevice(lab, managementDevice).holder.pid}/ns/net`;
  ensureService(lab, {
    label: apiServerLabel,
    argv: [
      ...programs.apiServer,
      ...["--data-dir", path.join(directory, "objects")],
      ...["--listen", `127.0.0.1:${adminPort}`],
      ...["--listen", `${formatIp(management.address)}:${nodePort}@${bridge}`],
      ...["--tls-cert", pki("apiserver.crt"), "--tls-key", pki("apiserver.key")],
      ...["--client-ca", pki("ca.crt")],
    ],
  });
}

async function answers(store: Store): Promise<boolean> {
  try {
    await store.get(namespaceKind, { name: "default" });
    return true;
  } catch (error) {
    if (isStatus(error, "ServiceUnavailable") || isStatus(error, "NotFound")) return false;
    throw error;
  }
}

/** Returns how many were not there. */
async function ensureObjects(lab: LabContext, store: Store): Promise<number> {
  let created = await ensure(store, leaseNamespace);
  for (const object of clusterObjects(lab.topology)) created += await ensure(store, object);
  for (const { name, managementAddress } of lab.topology.devices) {
    if (managementAddress !== undefined) await reportNode(store, name, managementAddress);
  }
  return created;
}

const leaseNamespace: ObjectOfKind<Namespace> = {
  kind: namespaceKind,
  object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-node-lease" }, spec: {} },
};

/** Returns 1 when the object was not there, 0 when it was. */
async function ensure<T extends KubeObject>(
  store: Store,
  { kind, object }: ObjectOfKind<T>,
): Promise<number> {
  try {
    await store.create(kind, object);
    return 1;
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) return 0;
    throw error;
  }
}

async function reportNode(store: Store, name: string, address: Ip): Promise<void> {
  const node: Node = await store.get(nodeKind, { name });
  if (node.status?.conditions !== undefined) return;
  const at = formatTime(systemClock.wallMs());
  await store.updateStatus(nodeKind, nodeStatus(node, address, at));
}

/** True when it was not running. @throws LabError */
export function ensureAgent(lab: LabContext, programs: Programs, node: string): boolean {
  const device = liveDevice(lab, node);
  const known = readRecord(device.paths.processes, agentLabel);
  if (known !== undefined && isAlive(known)) return false;
  const options = [
    ...["--node", node, "--kubeconfig", agentKubeconfig(lab, node)],
    ...["--bgp-tls-dir", bgpTlsDirectory(lab, node)],
  ];
  device.spawn([...programs.agent, ...options, "--state-dir", agentStateDirectory(lab, node)], {
    label: agentLabel,
    logFile: path.join(device.paths.logs, "agent.log"),
  });
  return true;
}

/** @throws LabError `timeout` */
async function untilAttached(lab: LabContext, node: string): Promise<void> {
  const deadline = performance.now() + attachedLimitMs;
  while (!(await isAttached(lab, node))) {
    if (performance.now() >= deadline) {
      const log = path.join(lab.paths.device(node).logs, "agent.log");
      const what = "no default routes from every leaf, or no session with every route server";
      const why = `${what} in ${attachedLimitMs} ms, see ${log}`;
      throw new LabError("timeout", `Cannot attach ${node} to the fabric: ${why}`);
    }
    await sleep(pollMs);
  }
}

function ensureStandIns(lab: LabContext, programs: Programs): void {
  ensureService(lab, {
    label: standInsLabel,
    argv: [
      ...programs.standIns,
      ...["--state-dir", lab.paths.stateDir],
      ...["--kubeconfig", adminKubeconfig(lab), "--cni-path", programs.cniDirectory],
    ],
  });
}

/** @throws LabError `timeout` that says what the pods wait for */
async function podsReady(store: Store, count: number): Promise<void> {
  const deadline = performance.now() + podsLimitMs;
  for (;;) {
    const { items } = await store.list(podKind, { namespace: "default", labelSelector: "app=web" });
    const ready = items.filter(isReady).length;
    if (ready >= count) return;
    if (performance.now() >= deadline) {
      const waiting = items.find((pod) => !isReady(pod));
      const states = waiting?.status?.containerStatuses?.map(
        ({ state }) => state?.waiting?.message,
      );
      const why = states?.find((message) => message !== undefined);
      const first =
        waiting === undefined ? "" : `; ${waiting.metadata.name}: ${why ?? "no reason"}`;
      throw new LabError(
        "timeout",
        `Cannot deploy the demo: ${ready} of ${count} pods ready${first}`,
      );
    }
    await sleep(pollMs);
  }
}

function isReady(pod: {
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "True";
}
