/** A small cluster for tests: a store, caches that follow it, and nodes on a fake kernel. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  defaulted,
  type IPClaim,
  type IPPool,
  ipClaimKind,
  ipPoolKind,
  type KubeObject,
  type Namespace,
  namespaceKind,
  type Pod,
  podKind,
  type ResourceKind,
  type Subnet,
  subnetKind,
  type Undefaulted,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import type { AddRequest, CniResult, DelRequest, GcRequest } from "@heddle/cni";
import { formatPrefix } from "@heddle/inet";
import { MemoryStore, type Store } from "@heddle/kube";
import { type Clock, silentLog } from "@heddle/std";
import { nativeVrf, type OwnBlock } from "@heddle/vrouter";
import type { Announcer } from "../announcer.ts";
import type { ClusterObjects, ObjectCache } from "../cluster/cluster-objects.ts";
import { HeddleNode } from "../heddle-node.ts";
import { FakeKernel, type Gate } from "./fake-dataplane.ts";

export const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

class ListCache<T extends KubeObject> implements ObjectCache<T> {
  readonly objects: T[] = [];

  get(ref: { readonly name: string; readonly namespace?: string }): T | undefined {
    return this.objects.find(
      ({ metadata }) => metadata.name === ref.name && metadata.namespace === ref.namespace,
    );
  }

  list(): readonly T[] {
    return this.objects;
  }
}

/** What each node has announced, and a log of both verbs in order over all nodes. */
export class RouteTable {
  readonly byNode: Map<string, Set<string>> = new Map();
  readonly log: string[] = [];

  of(node: string): string[] {
    return [...(this.byNode.get(node) ?? [])];
  }

  announcer(node: string): Announcer {
    const routes = this.byNode.get(node) ?? new Set<string>();
    this.byNode.set(node, routes);
    return {
      announce: (block) => {
        routes.add(routeOf(block));
        this.log.push(`${node} + ${routeOf(block)}`);
      },
      withdraw: (block) => {
        routes.delete(routeOf(block));
        this.log.push(`${node} - ${routeOf(block)}`);
      },
    };
  }
}

/** `10.0.0.0/26`, in another VRF than the native one `10.0.0.0/26 vrf 7`. */
export function routeOf({ vrf, prefix }: OwnBlock): string {
  return `${formatPrefix(prefix)}${vrf === nativeVrf ? "" : ` vrf ${vrf}`}`;
}

export class TestCluster implements AsyncDisposable {
  readonly store: MemoryStore = new MemoryStore();
  readonly routes: RouteTable = new RouteTable();
  readonly kernels: Map<string, FakeKernel> = new Map();
  #directory: string | undefined;
  readonly #nodes: HeddleNode[] = [];
  readonly #subnets: ListCache<Subnet> = new ListCache();
  readonly #pools: ListCache<IPPool> = new ListCache();
  readonly #claims: ListCache<IPClaim> = new ListCache();
  readonly #vpcs: ListCache<Vpc> = new ListCache();
  readonly #namespaces: ListCache<Namespace> = new ListCache();
  readonly #pods: ListCache<Pod> = new ListCache();
  /** The informers of the nodes have listed. */
  synced = true;

  readonly objects: ClusterObjects = {
    isSynced: () => this.synced,
    subnets: this.#subnets,
    pools: this.#pools,
    vpcs: this.#vpcs,
    namespaces: this.#namespaces,
    claims: this.#claims,
    pods: this.#pods,
    nodeLabels: () => ({}),
  };

  /** State of the nodes; made when first asked for. */
  get directory(): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), "heddle-node-"));
    return this.#directory;
  }

  async addSubnet(name: string, spec: Partial<Subnet["spec"]>): Promise<void> {
    await this.#add(this.#subnets, subnetKind, {
      apiVersion: "heddle.io/v1alpha1",
      kind: "Subnet",
      metadata: { name },
      spec,
    });
  }

  /** Without a VRF id it is as before the controller has seen it. */
  addVpc(name: string, vrfId?: number): void {
    const status = { conditions: [], ...(vrfId === undefined ? {} : { vrfId }) };
    const known = this.#vpcs.objects.findIndex(({ metadata }) => metadata.name === name);
    const wanted = { apiVersion: "heddle.io/v1alpha1", kind: "Vpc", metadata: { name } } as const;
    const vpc = { ...defaulted(vpcKind, { ...wanted, spec: {} }), status };
    if (known >= 0) this.#vpcs.objects.splice(known, 1);
    this.#vpcs.objects.push(vpc);
  }

  async addPool(name: string, spec: Partial<IPPool["spec"]>): Promise<void> {
    await this.#add(this.#pools, ipPoolKind, {
      apiVersion: "heddle.io/v1alpha1",
      kind: "IPPool",
      metadata: { name },
      spec,
    });
  }

  async addClaim(namespace: string, name: string, spec: Partial<IPClaim["spec"]>): Promise<void> {
    await this.#add(this.#claims, ipClaimKind, {
      apiVersion: "heddle.io/v1alpha1",
      kind: "IPClaim",
      metadata: { name, namespace },
      spec,
    });
  }

  async addNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    const metadata = { name, labels };
    const namespace = defaulted(namespaceKind, { apiVersion: "v1", kind: "Namespace", metadata });
    this.#namespaces.objects.push(await this.store.create(namespaceKind, namespace));
  }

  async addPod(namespace: string, name: string, annotations = {}): Promise<Pod> {
    const metadata = { name, namespace, annotations };
    const spec = { containers: [{ name: "main", image: "main" }] };
    const wanted = defaulted(podKind, { apiVersion: "v1", kind: "Pod", metadata, spec });
    const pod = await this.store.create(podKind, wanted);
    this.#pods.objects.push(pod);
    return pod;
  }

  kernel(node: string): FakeKernel {
    const kernel = this.kernels.get(node) ?? new FakeKernel();
    this.kernels.set(node, kernel);
    return kernel;
  }

  /** Starts a node, or starts it again on what its last life left. */
  async startNode(
    name: string,
    options: {
      readonly gate?: Gate;
      readonly store?: Store;
      readonly handOverTimeoutMs?: number;
      readonly blockRestMs?: number;
    } = {},
  ): Promise<HeddleNode> {
    const kernel = this.kernel(name);
    const node = await HeddleNode.start({
      name,
      stateDirectory: join(this.directory, name),
      store: options.store ?? this.store,
      objects: this.objects,
      dataplane: kernel.dataplane(options.gate),
      announcer: this.routes.announcer(name),
      clock: realClock,
      log: silentLog,
      mtu: 9000,
      namespaceExists: (path) => kernel.namespaces.has(path),
      maintainEveryMs: 3_600_000,
      handOverTimeoutMs: options.handOverTimeoutMs ?? 2_000,
      compareEveryMs: 0,
      blockRestMs: options.blockRestMs ?? 3_600_000,
    });
    this.#nodes.push(node);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true });
  }

  async #add<T extends KubeObject>(
    cache: ListCache<T>,
    kind: ResourceKind<T>,
    object: Undefaulted<T> & KubeObject,
  ): Promise<void> {
    cache.objects.push(await this.store.create(kind, defaulted(kind, object)));
  }
}

/**
 * A dual-stack default subnet with small blocks, and the namespace `default`. The pool is the whole
 * subnet, or its lower half, which leaves the upper one to a pool of fixed addresses.
 */
export async function newCluster(cidr = "10.0.0.0/16", blockLength = 26): Promise<TestCluster> {
  const cluster = new TestCluster();
  await cluster.addNamespace("default");
  const subnet = cidr === "10.0.0.0/17" ? "10.0.0.0/16" : cidr;
  await cluster.addSubnet("pods", { cidrs: [subnet, "fd00::/48"], default: true });
  await cluster.addPool("pods4", { subnet: "pods", cidr, blockLength });
  await cluster.addPool("pods6", { subnet: "pods", cidr: "fd00::/48", blockLength: 122 });
  return cluster;
}

const config = { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" } as const;

export function addRequest(pod: Pod, containerId: string = pod.metadata.name): AddRequest {
  const { name, namespace, uid } = pod.metadata;
  return {
    command: "ADD",
    containerId,
    ifname: "eth0",
    netns: `/run/netns/${containerId}`,
    args: {
      podName: name,
      ...(namespace === undefined ? {} : { podNamespace: namespace }),
      ...(uid === undefined ? {} : { podUid: uid }),
    },
    config,
  };
}

export function delRequest(containerId: string): DelRequest {
  return { command: "DEL", containerId, ifname: "eth0", netns: undefined, args: {}, config };
}

export function gcRequest(containerIds: readonly string[]): GcRequest {
  const validAttachments = containerIds.map((containerId) => ({ containerId, ifname: "eth0" }));
  return { command: "GC", config, validAttachments };
}

/** Makes the sandbox and adds it, as a runtime does. */
export async function addPod(
  cluster: TestCluster,
  node: HeddleNode,
  nodeName: string,
  pod: Pod,
  containerId: string = pod.metadata.name,
): Promise<CniResult> {
  const request = addRequest(pod, containerId);
  cluster.kernel(nodeName).namespaces.add(request.netns);
  return await node.network.add(request);
}

export function addressesOf(result: CniResult): string[] {
  return (result.ips ?? []).map((ip) => ip.address);
}
