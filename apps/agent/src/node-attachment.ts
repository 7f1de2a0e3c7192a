/**
 * The node's attachment to the fabric: uplinks of the data plane and BGP sessions, kept equal to
 * what the topology and the node's own blocks say. Changes that come while one is applied are
 * applied together afterwards.
 *
 * Invariant: no BGP session before the node's blocks are known. A restarted speaker that sent
 * End-of-RIB before it announces them would make its peers drop the routes that they have kept for
 * it (RFC 4724 4.2).
 */
import type { Dataplane } from "@heddle/dataplane";
import { type Family, familyOf, type Ip } from "@heddle/inet";
import type { Store } from "@heddle/kube";
import {
  announceOptionsOf,
  BgpPasswords,
  type NodePlan,
  type NodeSpeaker,
  type NodeTopology,
  planNodeBgp,
  speakerConfigOf,
  writeTopology,
} from "@heddle/node";
import type { ListenAddress } from "@heddle/speaker";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import { nativeVrf, type OwnBlock } from "@heddle/vrouter";
import type { Interfaces } from "./interfaces.ts";
import { chooseNodeAddresses } from "./node-addresses.ts";

export interface NodeAttachmentOptions {
  readonly dataplane: Dataplane;
  readonly speaker: NodeSpeaker;
  readonly store: Store;
  readonly interfaces: Interfaces;
  readonly stateDir: string;
  /** The data plane forwarded while no agent ran. */
  readonly isRestart: boolean;
  readonly listen: readonly ListenAddress[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** After a failure, before the same is tried again. */
const retryDelayMs = 2000;

/** Between two looks at the addresses from which the node speaks to pods of VPCs. */
const addressCheckDelayMs = 5000;

export class NodeAttachment implements Disposable {
  readonly #options: NodeAttachmentOptions;
  readonly #passwords: BgpPasswords;
  #topology: NodeTopology | undefined;
  /** Undefined until they are known; empty is known, too. */
  #blocks: readonly OwnBlock[] | undefined;
  #plan: NodePlan = { bgp: undefined, uplinks: [], problems: [] };
  #applying: Promise<void> | undefined;
  #isDue = false;
  #retry: Timer | undefined;
  #addressCheck: Timer | undefined;
  #problem: string | undefined;
  /** Of peers that wait for their Secret. */
  #passwordProblems: readonly string[] = [];
  /** From which the node speaks to pods of VPCs. */
  #nodeAddresses: readonly Ip[] = [];
  #closed = false;

  constructor(options: NodeAttachmentOptions) {
    this.#options = options;
    const { store, clock, rng } = options;
    this.#passwords = new BgpPasswords(store, clock, rng, () => void this.#schedule());
  }

  get plan(): NodePlan {
    return this.#plan;
  }

  /** What is not as it should be, for people. */
  get problems(): readonly string[] {
    const failure = this.#problem === undefined ? [] : [this.#problem];
    const families = unreachedFamilies(this.#ownBlocks, this.#nodeAddresses);
    const unreached = families.map(
      (family) =>
        `the node has no IPv${family} address: it cannot reach pods of VPCs by IPv${family}`,
    );
    return [...this.#plan.problems, ...this.#passwordProblems, ...unreached, ...failure];
  }

  get #ownBlocks(): readonly OwnBlock[] {
    return this.#blocks === undefined ? [] : this.#blocks;
  }

  /** Resolves when it has been applied, or has failed once (it is tried again). */
  setTopology(topology: NodeTopology): Promise<void> {
    this.#topology = topology;
    return this.#schedule();
  }

  /**
   * Own blocks in their VRFs; those of the native one have been announced: the data plane answers
   * for addresses of them that nobody has, and BGP may begin.
   */
  setBlocks(blocks: readonly OwnBlock[]): Promise<void> {
    this.#blocks = blocks;
    return this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#addressCheck?.cancel();
    this.#passwords[Symbol.dispose]();
  }

  #schedule(): Promise<void> {
    this.#isDue = true;
    this.#applying ??= this.#run().finally(() => {
      this.#applying = undefined;
    });
    return this.#applying;
  }

  async #run(): Promise<void> {
    while (this.#isDue && !this.#closed) {
      this.#isDue = false;
      this.#retry?.cancel();
      try {
        await this.#apply();
        this.#problem = undefined;
      } catch (error) {
        this.#problem = error instanceof Error ? error.message : String(error);
        this.#options.log.error("cannot apply the node's attachment; it is tried again", { error });
        this.#retryLater();
      }
    }
  }

  #chooseAddresses({ node }: NodeTopology): readonly Ip[] {
    const own = this.#options.interfaces.routedAddresses();
    return chooseNodeAddresses(node, this.#plan.uplinks, own);
  }

  /** Addresses of the node come and go without a word from the API server. */
  #checkAddressesLater(topology: NodeTopology): void {
    this.#addressCheck?.cancel();
    if (this.#closed || this.#ownBlocks.every(isNative)) return;
    this.#addressCheck = this.#options.clock.after(addressCheckDelayMs, () => {
      if (this.#hasOtherAddresses(topology)) void this.#schedule();
      else this.#checkAddressesLater(topology);
    });
  }

  #hasOtherAddresses(topology: NodeTopology): boolean {
    try {
      return this.#chooseAddresses(topology).join() !== this.#nodeAddresses.join();
    } catch (error) {
      this.#options.log.warn("cannot read the node's addresses; all is applied again", { error });
      return true;
    }
  }

  /** One retry is due at a time, however many attempts have failed. */
  #retryLater(): void {
    this.#retry?.cancel();
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(retryDelayMs, () => void this.#schedule());
  }

  async #apply(): Promise<void> {
    const { dataplane, speaker, interfaces, isRestart, listen, stateDir } = this.#options;
    const topology = this.#topology;
    if (topology === undefined) return;
    const plan = planNodeBgp(topology);
    if (plan.problems.join() !== this.#plan.problems.join()) {
      this.#options.log.warn("objects of the fabric are not usable", { problems: plan.problems });
    }
    this.#plan = plan;
    const { uplinks } = plan;
    const blocks = this.#ownBlocks;
    const podPrefixes = blocks.filter(isNative).map(({ prefix }) => prefix);
    const nodeAddresses = this.#chooseAddresses(topology);
    this.#nodeAddresses = nodeAddresses;
    this.#checkAddressesLater(topology);
    await dataplane.setNode({ uplinks, podPrefixes, blocks, nodeAddresses });
    if (plan.bgp !== undefined && this.#blocks !== undefined) {
      speaker.setAnnounceOptions(announceOptionsOf(plan.bgp));
      const known = await this.#passwords.load(plan.bgp);
      const facts = { restarting: isRestart, ifindexOf: interfaces.indexOf, listen, ...known };
      this.#passwordProblems = [...known.passwordProblems.values()];
      await speaker.configure(speakerConfigOf(plan.bgp, facts));
      if (speaker.lastError !== undefined) throw speaker.lastError;
    }
    await writeTopology(stateDir, topology);
  }
}

function isNative({ vrf }: OwnBlock): boolean {
  return vrf === nativeVrf;
}

/** Families in which pods of VPCs have infrastructure addresses and the node has no address. */
function unreachedFamilies(blocks: readonly OwnBlock[], nodeAddresses: readonly Ip[]): Family[] {
  const familiesOf = (some: readonly OwnBlock[]): Set<Family> =>
    new Set(some.map(({ prefix }) => prefix.family));
  const native = familiesOf(blocks.filter(isNative));
  const others = familiesOf(blocks.filter((block) => !isNative(block)));
  const reached = new Set(nodeAddresses.map(familyOf));
  return [...native.intersection(others).difference(reached)];
}
