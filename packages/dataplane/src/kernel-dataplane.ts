/**
 * The data plane of the namespace that the thread is in: links, programs, tables and routes as one.
 * Synchronous; runs in the kernel worker, or in the test's own thread.
 *
 * Invariants: the tables equal what the compiler makes of the endpoints and blocks, or `#isDirty`
 * says that they must be compared as a whole before the next change. Nothing here is undone when
 * the process ends: programs, maps and filters are held by pins and by the kernel. The table of
 * interfaces is also the record from which a restarted process learns its endpoints; of these, it
 * keeps those whose interface still exists.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { type BpfProgram, ensureBpfFs, requireKernel } from "@heddle/ebpf";
import type { Ifindex, Ip } from "@heddle/inet";
import { Rtnetlink } from "@heddle/netlink";
import { must } from "@heddle/std";
import {
  compile,
  type DataplaneState,
  type Endpoint,
  emptyNodeState,
  equalTargets,
  equalVifs,
  formatVif,
  type Op,
  plan,
  type VifEntry,
  VRouter,
} from "@heddle/vrouter";
import type {
  AttachedPod,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "./dataplane.ts";
import { DataplaneError } from "./dataplane-error.ts";
import { loadGeneration } from "./generations.ts";
import { enableForwarding } from "./links/node-sysctls.ts";
import { PodLinks } from "./links/pod-links.ts";
import type { PodBlocks } from "./links/pod-requests.ts";
import { readObjectFile } from "./object-file.ts";
import { Tables } from "./tables.ts";
import { deleteUnreachable, observeUnreachable, putUnreachable } from "./unreachable-routes.ts";
import { preferredAttachment, type UplinkAttachment, Uplinks } from "./uplinks.ts";

/**
 * Helpers and attributes that the programs and the appliers need, all of them older: Debian 12's
 * kernel is tested.
 */
const kernelMinimum = "6.1";

/** Numbers of the shared tc blocks, "hd" and a number: unlikely to be another's. */
const podBlocks: PodBlocks = { ingress: 0x68640001, egress: 0x68640002 };

export interface KernelDataplaneOptions {
  /** A directory on which a bpf file system is, or can be, mounted. */
  readonly bpffsPath: string;
  /** Default: what the kernel offers. */
  readonly uplinkAttachment?: UplinkAttachment;
}

export class KernelDataplane implements Disposable {
  readonly #options: KernelDataplaneOptions;
  readonly #owned = new DisposableStack();
  readonly #rtnetlink: Rtnetlink;
  readonly #links: PodLinks;
  readonly #vrouter = new VRouter();
  readonly #endpoints = new Map<Ifindex, Endpoint>();
  #nodeAddresses: readonly Ip[] = [];
  #loaded: { readonly tables: Tables; readonly uplinks: Uplinks } | undefined;
  #isDirty = true;

  /** @throws SystemError */
  constructor(options: KernelDataplaneOptions) {
    this.#options = options;
    this.#rtnetlink = this.#owned.use(new Rtnetlink());
    this.#links = this.#owned.use(new PodLinks());
  }

  /** Ends the process's part; what forwards goes on. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  /** @throws DataplaneError, UnsupportedKernelError and what the packages below throw */
  setNode(node: NodeInterfaces): void {
    const { uplinks, blocks = [], nodeAddresses = [] } = node;
    const ops = [
      ...this.#vrouter.setBlocks(blocks),
      ...this.#vrouter.setNodeAddresses(nodeAddresses),
    ];
    this.#nodeAddresses = nodeAddresses;
    try {
      if (this.#loaded === undefined) {
        this.#load(uplinks);
      } else {
        this.#change(ops);
        this.#loaded.uplinks.set(uplinks);
      }
    } finally {
      // A missing uplink does not part the node from its pods.
      this.#links.setNodeAddresses(nodeAddresses, [...this.#endpoints.values()]);
    }
  }

  /**
   * The interface first, closed because the tables do not know it; then its entries, which open it.
   * A new interface that cannot be entered is removed again.
   */
  attachPod(pod: PodInterface): AttachedPod {
    this.#ready();
    const attached = this.#links.attach(pod, podBlocks);
    const endpoint = endpointOf(attached);
    const isNew = !this.#endpoints.has(endpoint.hostIfindex);
    try {
      this.#change([...this.#forget(endpoint), ...this.#remember(endpoint)]);
    } catch (error) {
      // What of it the tables hold goes with the next change, which compares everything.
      if (isNew) this.#drop(endpoint.hostIfindex);
      if (isNew) this.#links.detach(pod.hostIfname);
      throw error;
    }
    return attached;
  }

  /** Routes first, so that what is under way is answered as unreachable; then the interface. */
  detachPod(hostIfname: string): void {
    this.#ready();
    this.#removeEndpoints(hostIfname);
    this.#links.detach(hostIfname);
  }

  checkPod(pod: PodInterface): readonly string[] {
    const { tables } = this.#ready();
    const sentences = [...this.#links.check(pod, podBlocks)];
    const link = this.#rtnetlink.link({ name: pod.hostIfname });
    if (link === undefined) return sentences;
    const attached = { ...pod, hostIfindex: link.ifindex, podIfindex: link.ifindex };
    const nodeAddresses = this.#nodeAddresses;
    const wanted = compile({ ...emptyNodeState, endpoints: [endpointOf(attached)], nodeAddresses });
    const vif = must(wanted.vifs.get(link.ifindex), "an endpoint has an interface entry");
    sentences.push(...differencesOfVif(vif, tables.vif(link.ifindex)));
    for (const { vrf, prefix, target } of wanted.routes.values()) {
      if (target.action === "fib") continue;
      const found = tables.target(vrf, prefix);
      if (found !== undefined && equalTargets(found, target)) continue;
      sentences.push(`route to ${pod.hostIfname} is missing or leads elsewhere`);
    }
    return sentences;
  }

  observePods(): readonly ObservedPod[] {
    return this.#links.observe();
  }

  drops(): readonly DropCount[] {
    return this.#ready().tables.drops();
  }

  #ready(): { readonly tables: Tables; readonly uplinks: Uplinks } {
    if (this.#loaded !== undefined) return this.#loaded;
    const message =
      "Cannot use the data plane: the node's part is not set up, want setNode() first";
    throw new DataplaneError("no-node", message);
  }

  /**
   * Loads or adopts. The tables are right before any program that reads them is attached; programs
   * of an earlier process forward until theirs are replaced.
   */
  #load(uplinkNames: readonly string[]): void {
    requireKernel("the data plane", kernelMinimum);
    enableForwarding();
    ensureBpfFs(this.#options.bpffsPath);
    const root = path.join(this.#options.bpffsPath, "heddle");
    mkdirSync(root, { recursive: true, mode: 0o700 });
    using undo = new DisposableStack();
    const generation = loadGeneration(root, readObjectFile());
    using object = generation.object;
    const tables = undo.use(new Tables(object));
    using fromPod = object.takeProgram("from_pod");
    using toPod = object.takeProgram("to_pod");
    const fromUplink = undo.use(object.takeProgram("from_uplink"));
    this.#adopt(tables);
    this.#synchronize(tables);
    this.#attachPrograms(fromPod, toPod);
    const attachment = this.#options.uplinkAttachment ?? preferredAttachment();
    const linksFolder = path.join(root, "links");
    const uplinks = new Uplinks(this.#rtnetlink, fromUplink, linksFolder, attachment);
    this.#loaded = { tables, uplinks };
    this.#owned.use(undo.move());
    try {
      uplinks.set(uplinkNames);
    } finally {
      // An uplink that is missing has no program that could hold on to the earlier tables.
      generation.settle();
    }
  }

  #attachPrograms(fromPod: BpfProgram, toPod: BpfProgram): void {
    this.#links.ensureBlocks(podBlocks);
    const { ingress, egress } = podBlocks;
    this.#links.ensureBlockFilter(ingress, fromPod.fd.number, "heddle/from_pod");
    this.#links.ensureBlockFilter(egress, toPod.fd.number, "heddle/to_pod");
  }

  /** Endpoints of an earlier process whose interface still exists under the same index and name. */
  #adopt(tables: Tables): void {
    const names = new Map<Ifindex, string>();
    for (const pod of this.#links.observe()) names.set(pod.hostIfindex, pod.hostIfname);
    for (const vif of tables.observe().vifs.values()) {
      if (names.get(vif.ifindex) === vif.hostIfname) this.#remember(endpointOfVif(vif));
    }
  }

  #remember(endpoint: Endpoint): Op[] {
    this.#endpoints.set(endpoint.hostIfindex, endpoint);
    return this.#vrouter.putEndpoint(endpoint);
  }

  /** Entries of the interfaces that had the endpoint's name before: theirs is gone. */
  #forget(endpoint: Endpoint): Op[] {
    return this.#named(endpoint.hostIfname)
      .filter(({ hostIfindex }) => hostIfindex !== endpoint.hostIfindex)
      .flatMap(({ hostIfindex }) => this.#drop(hostIfindex));
  }

  #removeEndpoints(hostIfname: string): void {
    this.#change(this.#named(hostIfname).flatMap(({ hostIfindex }) => this.#drop(hostIfindex)));
  }

  #drop(hostIfindex: Ifindex): Op[] {
    this.#endpoints.delete(hostIfindex);
    return this.#vrouter.removeEndpoint(hostIfindex);
  }

  #named(hostIfname: string): Endpoint[] {
    return [...this.#endpoints.values()].filter((known) => known.hostIfname === hostIfname);
  }

  /** Applies what the compiler says; after a failure the next change compares everything. */
  #change(ops: readonly Op[]): void {
    const { tables } = this.#ready();
    if (this.#isDirty) {
      this.#synchronize(tables);
      return;
    }
    this.#isDirty = true;
    for (const op of ops) this.#apply(tables, op);
    this.#isDirty = false;
  }

  /** Makes tables and routes equal to what the compiler wants. */
  #synchronize(tables: Tables): void {
    this.#isDirty = true;
    const actual: DataplaneState = {
      ...tables.observe(),
      unreachable: observeUnreachable(this.#rtnetlink),
    };
    for (const op of plan(this.#vrouter.state, actual)) this.#apply(tables, op);
    this.#isDirty = false;
  }

  #apply(tables: Tables, op: Op): void {
    if (op.op === "put-unreachable") putUnreachable(this.#rtnetlink, op.prefix);
    else if (op.op === "delete-unreachable") deleteUnreachable(this.#rtnetlink, op.prefix);
    else tables.apply(op);
  }
}

function endpointOf(pod: AttachedPod): Endpoint {
  const { hostIfindex, hostIfname, vrf, mac, hostMac, addresses, infrastructureAddresses } = pod;
  return { hostIfindex, hostIfname, vrf, mac, hostMac, addresses, infrastructureAddresses };
}

function endpointOfVif(vif: VifEntry): Endpoint {
  const { ifindex: hostIfindex, hostIfname, vrf, mac, hostMac, address4, address6 } = vif;
  const translated = [vif.infrastructure4?.address, vif.infrastructure6?.address];
  return {
    ...{ hostIfindex, hostIfname, vrf, mac, hostMac },
    addresses: [address4, address6].filter((address) => address !== undefined),
    infrastructureAddresses: translated.filter((address) => address !== undefined),
  };
}

function differencesOfVif(want: VifEntry, found: VifEntry | undefined): string[] {
  if (found !== undefined && equalVifs(want, found)) return [];
  const shown = found === undefined ? "missing" : formatVif(found);
  return [`interface entry is ${shown}, want ${formatVif(want)}`];
}
