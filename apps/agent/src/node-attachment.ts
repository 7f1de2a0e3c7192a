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
import { type Prefix, parseVrfId } from "@heddle/inet";
import type { Store } from "@heddle/kube";
import {
  announceOptionsOf,
  type NodePlan,
  type NodeSpeaker,
  type NodeTopology,
  planNodeBgp,
  speakerConfigOf,
  writeTopology,
} from "@heddle/node";
import type { ListenAddress } from "@heddle/speaker";
import type { Clock, Log, Timer } from "@heddle/std";
import type { Interfaces } from "./interfaces.ts";
import { readPasswords } from "./passwords.ts";

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
  readonly log: Log;
}

/** After a failure, before the same is tried again. */
const retryDelayMs = 2000;

/** Blocks of other VRFs are not in the kernel's main table, so nothing bounces there. */
const nativeVrf = parseVrfId(0);

export class NodeAttachment implements Disposable {
  readonly #options: NodeAttachmentOptions;
  #topology: NodeTopology | undefined;
  /** Undefined until they are known; empty is known, too. */
  #blocks: readonly Prefix[] | undefined;
  #plan: NodePlan = { bgp: undefined, uplinks: [], problems: [] };
  #applying: Promise<void> | undefined;
  #isDue = false;
  #retry: Timer | undefined;
  #problem: string | undefined;
  #closed = false;

  constructor(options: NodeAttachmentOptions) {
    this.#options = options;
  }

  get plan(): NodePlan {
    return this.#plan;
  }

  /** What is not as it should be, for people. */
  get problems(): readonly string[] {
    return this.#problem === undefined
      ? this.#plan.problems
      : [...this.#plan.problems, this.#problem];
  }

  /** Resolves when it has been applied, or has failed once (it is tried again). */
  setTopology(topology: NodeTopology): Promise<void> {
    this.#topology = topology;
    return this.#schedule();
  }

  /**
   * Own blocks, which have been announced: the data plane answers for addresses of them that nobody
   * has, and BGP may begin.
   */
  setBlocks(blocks: readonly Prefix[]): Promise<void> {
    this.#blocks = blocks;
    return this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#retry?.cancel();
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

  /** One retry is due at a time, however many attempts have failed. */
  #retryLater(): void {
    this.#retry?.cancel();
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(retryDelayMs, () => void this.#schedule());
  }

  async #apply(): Promise<void> {
    const { dataplane, speaker, store, interfaces, isRestart, listen, stateDir } = this.#options;
    const topology = this.#topology;
    if (topology === undefined) return;
    const plan = planNodeBgp(topology);
    if (plan.problems.join() !== this.#plan.problems.join()) {
      this.#options.log.warn("objects of the fabric are not usable", { problems: plan.problems });
    }
    this.#plan = plan;
    const prefixes = this.#blocks === undefined ? [] : this.#blocks;
    const blocks = prefixes.map((prefix) => ({ vrf: nativeVrf, prefix }));
    await dataplane.setNode({ uplinks: plan.uplinks, podPrefixes: prefixes, blocks });
    if (plan.bgp !== undefined && this.#blocks !== undefined) {
      speaker.setAnnounceOptions(announceOptionsOf(plan.bgp));
      const passwords = await readPasswords(store, plan.bgp);
      const facts = { restarting: isRestart, ifindexOf: interfaces.indexOf, passwords, listen };
      await speaker.configure(speakerConfigOf(plan.bgp, facts));
      if (speaker.lastError !== undefined) throw speaker.lastError;
    }
    await writeTopology(stateDir, topology);
  }
}
