/**
 * One node: the journal, the blocks, the fixed addresses and the pods, wired together, and the
 * order in which they come to life.
 *
 * Start: what the journal and the kernel hold is adopted and announced at once, without asking
 * anybody (the API server may be down; the pods are not). When the cluster's objects are known,
 * blocks are compared with their records and ADD is served. A periodic pass keeps supply, records
 * and Ports right.
 */
import { existsSync } from "node:fs";
import { ipBlockKind } from "@heddle/api";
import type { Dataplane } from "@heddle/dataplane";
import { formatPrefix, type VrfId } from "@heddle/inet";
import type { Store } from "@heddle/kube";
import type { Clock, Log, Timer } from "@heddle/std";
import type { OwnBlock } from "@heddle/vrouter";
import type { Announcer } from "./announcer.ts";
import { BlockKeeper } from "./blocks/block-keeper.ts";
import { readBlock } from "./blocks/block-records.ts";
import { publishCounts } from "./blocks/block-status.ts";
import { OwnedBlocks } from "./blocks/owned-blocks.ts";
import { type AddressPlan, isRouted, readAddressPlan } from "./cluster/address-plan.ts";
import type { ClusterObjects } from "./cluster/cluster-objects.ts";
import { listAll } from "./cluster/list-all.ts";
import { WriteQueue } from "./cluster/write-queue.ts";
import { FixedAddresses } from "./fixed/fixed-addresses.ts";
import { PodClaims } from "./fixed/pod-claims.ts";
import { heldBy } from "./journal/allocation.ts";
import { Journal, type JournalState } from "./journal/journal.ts";
import { PodAddresses } from "./pods/pod-addresses.ts";
import { PodEvents } from "./pods/pod-events.ts";
import { PodDirectory } from "./pods/pod-identity.ts";
import { PodNetwork } from "./pods/pod-network.ts";
import { PortWriter } from "./pods/port-writer.ts";
import { recover } from "./recovery/recover.ts";

export interface HeddleNodeOptions {
  /** Name of the Node object. */
  readonly name: string;
  /** Directory of the journal, on local disk. */
  readonly stateDirectory: string;
  readonly store: Store;
  readonly objects: ClusterObjects;
  readonly dataplane: Dataplane;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly log: Log;
  /** MTU of pods whose network configuration does not say. */
  readonly mtu: number;
  /**
   * Called with all own blocks after they changed: unassigned addresses of them are unreachable.
   */
  readonly onBlocks?: (blocks: readonly OwnBlock[]) => void;
  /** Faults that reach existing pods too (STATUS code 51). */
  readonly limitations?: () => readonly string[];
  /** Whether a network namespace path exists; the file system's answer by default. */
  readonly namespaceExists?: (path: string) => boolean;
  /** Pause between two passes of {@link HeddleNode.maintain}. */
  readonly maintainEveryMs?: number;
  /** Pause between two comparisons of records and Ports with the truth. */
  readonly compareEveryMs?: number;
  /** How long a block stays empty before it is given back. */
  readonly blockRestMs?: number;
  readonly handOverTimeoutMs?: number;
}

const defaultMaintainEveryMs = 5_000;

/** Two lists a minute from every node is what a large cluster's API server should have to bear. */
const defaultCompareEveryMs = 60_000;

export class HeddleNode implements AsyncDisposable {
  readonly #options: HeddleNodeOptions;
  readonly #journal: Journal;
  readonly #blocks = new OwnedBlocks();
  readonly #queue: WriteQueue;
  readonly #keeper: BlockKeeper;
  readonly #fixed: FixedAddresses;
  readonly #addresses: PodAddresses;
  readonly #ports: PortWriter;
  #plan: AddressPlan = { subnets: new Map(), problems: [] };
  /** Blocks and held addresses are in memory: addresses may be given. */
  #hasStock = false;
  #comparedAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #passing: Promise<void> | undefined;
  #closed = false;
  /** What the CNI server serves. */
  readonly network: PodNetwork;

  private constructor(options: HeddleNodeOptions, journal: Journal) {
    const { name: node, store, objects, announcer, clock, log, dataplane } = options;
    this.#options = options;
    this.#journal = journal;
    const onChange = (own: readonly OwnBlock[]): void => options.onBlocks?.(own.map(ownBlockOf));
    const queue = new WriteQueue({ clock, log });
    const blocks = this.#blocks;
    const keeper = new BlockKeeper({
      ...{ node, store, journal, blocks, announcer, clock, log, onChange },
      ...(options.blockRestMs === undefined ? {} : { restMs: options.blockRestMs }),
      onLow: () => void this.maintain(),
    });
    const fixed = new FixedAddresses({ node, store, announcer, clock, log });
    const directory = new PodDirectory({ store, objects, clock });
    const claims = new PodClaims({ node, store, objects, directory, queue, clock });
    const { handOverTimeoutMs } = options;
    const addresses = new PodAddresses({
      ...{ keeper, fixed, claims },
      ...(handOverTimeoutMs === undefined ? {} : { handOverTimeoutMs }),
    });
    const ports = new PortWriter({ node, store, queue, clock });
    const events = new PodEvents(node, store, queue, clock);
    this.network = new PodNetwork({
      ...{ journal, dataplane, addresses, keeper, claims, directory, ports, events, clock, log },
      mtu: options.mtu,
      plan: () => this.#plan,
      notReady: () => this.#notReady(),
      limitations: options.limitations ?? (() => []),
    });
    this.#queue = queue;
    this.#keeper = keeper;
    this.#fixed = fixed;
    this.#addresses = addresses;
    this.#ports = ports;
  }

  /** Recovers and starts the periodic pass. CNI requests may be served as soon as it resolves. */
  static async start(options: HeddleNodeOptions): Promise<HeddleNode> {
    const journal = await Journal.open(options.stateDirectory, options.log);
    const node = new HeddleNode(options, journal);
    const { dataplane, announcer, log, namespaceExists = existsSync } = options;
    const addresses = node.#addresses;
    await recover({ journal, dataplane, announcer, addresses, log, namespaceExists });
    options.onBlocks?.([...journal.state.blocks.values()].map(ownBlockOf));
    await node.maintain();
    node.#schedule();
    return node;
  }

  /** Live view of what is on disk. */
  get state(): JournalState {
    return this.#journal.state;
  }

  /** Resolves when no write to the API waits. */
  async settled(): Promise<void> {
    await this.#queue.idle();
  }

  /** Stops serving; what forwards stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#passing;
    this.#queue.close();
    await this.#journal[Symbol.asyncDispose]();
  }

  /**
   * One pass: reads the cluster's objects again, claims blocks ahead of need, gives empty ones
   * back, and compares records and Ports with the truth. Never rejects: what fails is tried in the
   * next pass.
   */
  async maintain(): Promise<void> {
    this.#passing ??= this.#pass().finally(() => {
      this.#passing = undefined;
    });
    await this.#passing;
  }

  async #pass(): Promise<void> {
    const { objects, log } = this.#options;
    if (!objects.isSynced() || this.#closed) return;
    this.#readPlan();
    try {
      if (!this.#hasStock) await this.#takeStock();
      else if (this.#isCompareDue()) await this.#compare();
      await this.#supply();
      await this.#keeper.returnEmpty();
    } catch (error) {
      log.warn("maintenance could not finish; the next pass tries again", { error });
    }
  }

  #isCompareDue(): boolean {
    const { clock, compareEveryMs = defaultCompareEveryMs } = this.#options;
    return clock.nowMs() - this.#comparedAtMs >= compareEveryMs;
  }

  #schedule(): void {
    const everyMs = this.#options.maintainEveryMs ?? defaultMaintainEveryMs;
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(everyMs, () => {
      void this.maintain().then(() => this.#schedule());
    });
  }

  #notReady(): string | undefined {
    if (!this.#options.objects.isSynced()) return "subnets and pools are not known yet";
    return this.#hasStock ? undefined : "blocks are not compared with the API server yet";
  }

  #readPlan(): void {
    const plan = readAddressPlan(this.#options.objects);
    if (plan.problems.join() !== this.#plan.problems.join()) {
      this.#options.log.warn("objects of the address plan are not usable", {
        problems: plan.problems,
      });
    }
    this.#plan = plan;
  }

  /** Blocks and addresses in memory become what the journal, the store and the kernel say. */
  async #takeStock(): Promise<void> {
    const { clock, log } = this.#options;
    const { blocks, allocations, strangers } = this.#journal.state;
    for (const block of blocks.values()) {
      if (block.claim !== undefined) continue;
      const subnet = this.#plan.subnets.get(block.subnet);
      const isKept = subnet !== undefined && (!isRouted(subnet) || subnet.vrf === block.vrf);
      const reservation = isKept ? subnet.reservations.get(block.prefix.family) : undefined;
      if (reservation !== undefined) this.#blocks.add(block, reservation, clock.nowMs());
      else log.warn("block of a subnet that is gone found", { prefix: formatPrefix(block.prefix) });
    }
    await this.#compare();
    for (const attachment of [...allocations.values(), ...strangers.values()]) {
      for (const address of heldBy(attachment)) this.#blocks.hold(address);
    }
    this.#hasStock = true;
  }

  /** Records and Ports against the truth; one list of each. @throws StatusError */
  async #compare(): Promise<void> {
    const { store, name, clock } = this.#options;
    const objects = await listAll(store, ipBlockKind, { fieldSelector: `spec.node=${name}` });
    const vrfOf = (subnet: string): VrfId | undefined => this.#plan.subnets.get(subnet)?.vrf;
    const recorded = objects
      .map((object) => readBlock(object, vrfOf))
      .filter((block) => block !== undefined);
    const ofPools = recorded.filter((block) => block.claim === undefined);
    const ofClaims = recorded.filter((block) => block.claim !== undefined);
    await this.#keeper.reconcile(this.#plan.subnets, ofPools);
    await this.#fixed.reconcile(ofClaims);
    await this.#ports.reconcile(this.#journal.state.allocations.values());
    this.#comparedAtMs = clock.nowMs();
  }

  async #supply(): Promise<void> {
    await this.#keeper.reviewExhaustions(this.#plan.subnets);
    for (const subnet of [...this.#plan.subnets.values()].filter(isRouted)) {
      for (const family of subnet.reservations.keys()) {
        if (this.#keeper.needsBlock(subnet, family)) await this.#keeper.claimAhead(subnet, family);
      }
    }
    publishCounts(this.#options.store, this.#queue, this.#blocks);
  }
}

function ownBlockOf({ vrf, prefix }: OwnBlock): OwnBlock {
  return { vrf, prefix };
}
