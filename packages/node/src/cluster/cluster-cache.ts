/**
 * What an agent keeps of the cluster: one informer per kind that it reads. Two parties want to know
 * of changes: whoever plans addresses (subnets, pools, VPCs) and whoever plans the attachment to
 * the fabric (links, fabrics, BGP, the node, VPCs).
 */
import {
  type BGPConfiguration,
  type BGPPeer,
  bgpConfigurationKind,
  bgpPeerKind,
  type Fabric,
  fabricKind,
  type IPClaim,
  type IPPool,
  ipClaimKind,
  ipPoolKind,
  type KubeObject,
  type Link,
  linkKind,
  type Namespace,
  type Node,
  namespaceKind,
  nodeKind,
  type Pod,
  podKind,
  type ResourceKind,
  type Subnet,
  subnetKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import { Informer, type InformerChange, type Store } from "@heddle/kube";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import type { NodeTopology } from "../bgp/plan-node-bgp.ts";
import type { ClusterObjects, ObjectCache } from "./cluster-objects.ts";

export interface ClusterCacheOptions {
  /** Name of this node's Node object. */
  readonly node: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** Changes that come within this time are told once. */
const settleMs = 50;

type Interest = "addresses" | "topology";

export class ClusterCache implements ClusterObjects, AsyncDisposable {
  readonly #options: ClusterCacheOptions;
  readonly #owned: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #informers: {
    isSynced: boolean;
    lastError: Error | undefined;
    synced: Promise<void>;
  }[] = [];
  readonly #listeners: Record<Interest, (() => void)[]> = { addresses: [], topology: [] };
  readonly #due: Map<Interest, Timer> = new Map();
  readonly subnets: ObjectCache<Subnet>;
  readonly pools: ObjectCache<IPPool>;
  readonly vpcs: ObjectCache<Vpc>;
  readonly namespaces: ObjectCache<Namespace>;
  readonly claims: ObjectCache<IPClaim>;
  readonly pods: ObjectCache<Pod>;
  readonly #nodes: ObjectCache<Node>;
  readonly #links: ObjectCache<Link>;
  readonly #fabrics: ObjectCache<Fabric>;
  readonly #configurations: ObjectCache<BGPConfiguration>;
  readonly #peers: ObjectCache<BGPPeer>;

  constructor(options: ClusterCacheOptions) {
    this.#options = options;
    const touchAddresses = (): void => this.#touch("addresses");
    const touchTopology = (): void => this.#touch("topology");
    this.subnets = this.#informer(subnetKind, ignoringStatus(touchAddresses));
    this.pools = this.#informer(ipPoolKind, ignoringStatus(touchAddresses));
    this.vpcs = this.#informer(
      vpcKind,
      ignoringStatus(
        () => {
          touchAddresses();
          touchTopology();
        },
        ({ status }) => status?.vrfId,
      ),
    );
    this.namespaces = this.#informer(namespaceKind);
    this.claims = this.#informer(ipClaimKind);
    this.pods = this.#informer(podKind, undefined, `spec.nodeName=${options.node}`);
    this.#nodes = this.#informer(nodeKind, touchTopology, `metadata.name=${options.node}`);
    this.#links = this.#informer(linkKind, touchTopology);
    this.#fabrics = this.#informer(fabricKind, touchTopology);
    this.#configurations = this.#informer(bgpConfigurationKind, touchTopology);
    this.#peers = this.#informer(bgpPeerKind, ignoringStatus(touchTopology));
  }

  /** Resolves when everything has been listed once. */
  get synced(): Promise<void> {
    return Promise.all(this.#informers.map(({ synced }) => synced)).then(() => undefined);
  }

  isSynced(): boolean {
    return this.#informers.every(({ isSynced }) => isSynced);
  }

  /** Of any kind; undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#informers.find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  nodeLabels(): Readonly<Record<string, string>> {
    const labels = this.#nodes.get({ name: this.#options.node })?.metadata.labels;
    return labels === undefined ? {} : labels;
  }

  topology(): NodeTopology {
    const { node: name } = this.#options;
    const node = this.#nodes.get({ name });
    return {
      node: node ?? { apiVersion: "v1", kind: "Node", metadata: { name }, spec: {} },
      links: this.#links.list(),
      fabrics: this.#fabrics.list(),
      configurations: this.#configurations.list(),
      peers: this.#peers.list(),
      vpcs: this.vpcs.list(),
    };
  }

  /** Called after the topology has changed, once everything is synced. */
  onTopologyChange(listener: () => void): void {
    this.#listeners.topology.push(listener);
    if (this.isSynced()) this.#touch("topology");
  }

  /** Called after subnets, pools or VPCs have changed, once everything is synced. */
  onAddressPlanChange(listener: () => void): void {
    this.#listeners.addresses.push(listener);
    if (this.isSynced()) this.#touch("addresses");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
    for (const timer of this.#due.values()) timer.cancel();
  }

  #informer<T extends KubeObject>(
    kind: ResourceKind<T>,
    onChange?: (change: InformerChange<T>) => void,
    fieldSelector?: string,
  ): Informer<T> {
    const { store, clock, rng, log } = this.#options;
    const informer = new Informer({
      ...{ store, kind, clock, rng, log },
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(onChange === undefined ? {} : { onChange }),
      // The last one to be listed completes the picture for all.
      onSynced: () => {
        this.#touch("topology");
        this.#touch("addresses");
      },
    });
    this.#owned.use(informer);
    this.#informers.push(informer);
    return informer;
  }

  #touch(interest: Interest): void {
    if (this.#due.has(interest)) return;
    const timer = this.#options.clock.after(settleMs, () => {
      this.#due.delete(interest);
      if (!this.isSynced()) return;
      for (const listener of this.#listeners[interest]) listener();
    });
    this.#due.set(interest, timer);
  }
}

/**
 * Leaves out updates of an object's status, which controllers write at every change of a count, but
 * for what `read` gives of it. The generation counts changes of the rest.
 */
function ignoringStatus<T extends KubeObject>(
  touch: () => void,
  read: (object: T) => unknown = () => undefined,
): (change: InformerChange<T>) => void {
  return (change) => {
    if (change.type === "updated") {
      const { object, previous } = change;
      const isSame = (field: "uid" | "generation"): boolean =>
        object.metadata[field] === previous.metadata[field];
      if (isSame("uid") && isSame("generation") && read(object) === read(previous)) return;
    }
    touch();
  };
}
