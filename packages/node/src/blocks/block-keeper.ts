/**
 * Keeps the node supplied with addresses: claims blocks ahead of need, so that an ADD takes an
 * address without asking anybody; gives empty blocks back after a rest.
 *
 * Order of a claim: record in the store, journal, memory, announcement. Order of a return: no more
 * takes, withdrawal, journal, record in the store. So a block is announced only while it is
 * recorded as ours, and a crash anywhere leaves a block that is recorded as ours and is adopted at
 * the restart.
 */
import { type IPBlock, ipBlockKind } from "@heddle/api";
import {
  type Family,
  formatPrefix,
  type Ip,
  type Prefix,
  parsePrefix,
  type VrfId,
} from "@heddle/inet";
import {
  type AddressBlock,
  type AllocationPlan,
  type ForeignBlock,
  type Pool,
  type PoolView,
  planAllocation,
} from "@heddle/ipam";
import { isStatus, type Store } from "@heddle/kube";
import type { Clock, Log } from "@heddle/std";
import { nativeVrf } from "@heddle/vrouter";
import type { Announcer } from "../announcer.ts";
import {
  isRouted,
  type PoolPlan,
  type RoutedSubnet,
  type SubnetPlan,
} from "../cluster/address-plan.ts";
import { listAll } from "../cluster/list-all.ts";
import { NodeError } from "../errors.ts";
import { blockKeyOf, type OwnedBlock, type VrfAddress } from "../journal/allocation.ts";
import type { Journal } from "../journal/journal.ts";
import { claimBlock, deleteBlock } from "./block-records.ts";
import type { BlockEntry, OwnedBlocks } from "./owned-blocks.ts";

export interface BlockKeeperOptions {
  readonly node: string;
  readonly store: Store;
  readonly journal: Journal;
  readonly blocks: OwnedBlocks;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after the set of own blocks has changed. */
  readonly onChange: (blocks: readonly OwnedBlock[]) => void;
  /** Called when free addresses run low. */
  readonly onLow: () => void;
  /** How long a block stays empty before it is given back. */
  readonly restMs?: number;
}

const defaultRestMs = 60_000;

/** Tries of a claim before the pool's blocks are listed. */
const candidateCountMax = 8;

/** Rounds of claiming for one address; each ends with a block of ours or with a better picture. */
const roundCountMax = 16;

/** How long a full list of the pool's blocks is believed when it says that nothing is left. */
const exhaustedForMs = 1_000;

export class BlockKeeper {
  readonly #options: BlockKeeperOptions;
  /** Blocks of other nodes by pool, from the last listing. */
  readonly #foreign = new Map<string, { atMs: number; blocks: readonly ForeignBlock[] }>();
  /** One claim at a time for each pool; others wait for its outcome. */
  readonly #claims = new Map<string, Promise<void>>();
  /** Subnets and families that were out of addresses at the last try, with the reason. */
  readonly #exhausted = new Map<string, string>();

  constructor(options: BlockKeeperOptions) {
    this.#options = options;
  }

  /** Reasons why an ADD would be refused now; empty when none is known. */
  exhaustions(): string[] {
    return [...this.#exhausted.values()];
  }

  /**
   * Takes an address of the family. Answers at once from own blocks; claims one when they are used
   * up.
   * @throws NodeError Exhausted
   * @throws StatusError when a block is needed and the store cannot be reached
   */
  async take(subnet: RoutedSubnet, family: Family): Promise<Ip> {
    const key = `${subnet.name}/${family}`;
    for (let round = 0; round < roundCountMax; round += 1) {
      const plan = this.#plan(subnet, family);
      if (plan.kind === "take") {
        this.#exhausted.delete(key);
        plan.block.take(plan.address);
        this.#markHeld(subnet, plan.block);
        if (this.needsBlock(subnet, family)) this.#options.onLow();
        return plan.address;
      }
      if (plan.kind === "claim") {
        await this.#claimOnce(subnet, plan.pool, plan.candidates);
      } else if (this.#pictureIsFresh(subnet, family)) {
        const reason = plan.kind === "exhausted" ? plan.reason : "every address has been given";
        const text = `Cannot allocate an IPv${family} address in subnet ${subnet.name}: ${reason}`;
        this.#exhausted.set(key, text);
        throw new NodeError("Exhausted", text);
      } else {
        await this.#lookAround(subnet, family);
      }
    }
    const why = `no block after ${roundCountMax} rounds, other nodes are faster`;
    throw new NodeError("Exhausted", `Cannot allocate an IPv${family} address: ${why}`);
  }

  /**
   * Looks again whether what was exhausted still is: a runtime that is told so by STATUS sends no
   * ADD that would find out. @throws StatusError
   */
  async reviewExhaustions(subnets: ReadonlyMap<string, SubnetPlan>): Promise<void> {
    for (const key of [...this.#exhausted.keys()]) {
      const [name, family] = key.split("/") as [string, "4" | "6"];
      const subnet = subnets.get(name);
      const isPlanned = subnet !== undefined && isRouted(subnet);
      if (!isPlanned || (await this.#hasSupply(subnet, family === "4" ? 4 : 6))) {
        this.#exhausted.delete(key);
      }
    }
  }

  async #hasSupply(subnet: RoutedSubnet, family: Family): Promise<boolean> {
    await this.#lookAround(subnet, family);
    const { kind } = this.#plan(subnet, family);
    return kind === "take" || kind === "claim";
  }

  /** Gives an address back to its block. */
  release(address: VrfAddress): void {
    this.#options.blocks.release(address, this.#options.clock.nowMs());
    this.#exhausted.clear();
  }

  /**
   * Own blocks of the subnet have fewer free addresses of the family than a quarter of a block. A
   * node without any block wants one only for the default subnet: others are claimed when a pod
   * asks.
   */
  needsBlock(subnet: RoutedSubnet, family: Family): boolean {
    const pools = openPools(subnet, family);
    const own = pools.flatMap(({ pool }) => this.#options.blocks.open(pool.name, subnet.vrf));
    const first = own[0];
    if (first === undefined) return subnet.subnet.spec.default && pools.length > 0;
    const free = own.reduce((sum, entry) => sum + entry.addresses.count("free"), 0);
    return free < first.addresses.usableCount / 4;
  }

  /** Claims one more block for the subnet and the family, if there is one. @throws StatusError */
  async claimAhead(subnet: RoutedSubnet, family: Family): Promise<void> {
    for (const { pool } of openPools(subnet, family)) {
      const { foreign = [], own, ...view } = this.#view(pool, true, subnet.vrf);
      const used = own.map(({ prefix }) => ({ prefix, node: this.#options.node, freeCount: 0 }));
      const views = [{ ...view, own: [], foreign: [...foreign, ...used] }];
      const plan = planAllocation(views, this.#request(subnet));
      if (plan.kind === "claim") return await this.#claimOnce(subnet, pool, plan.candidates);
    }
  }

  /**
   * Gives back blocks that have been empty for a while, as long as half a block stays free
   * elsewhere in the pool: twice what makes the node claim one more, so it does not claim it back
   * at once. The last one goes where it is a VPC's: a node without its pods takes no part in it.
   */
  async returnEmpty(): Promise<void> {
    const { blocks, clock } = this.#options;
    const restMs = this.#options.restMs ?? defaultRestMs;
    for (const entry of blocks.list()) {
      const { emptySinceMs, addresses } = entry;
      const isRested = emptySinceMs !== undefined && clock.nowMs() - emptySinceMs >= restMs;
      const isUnused = addresses.count("held") + addresses.count("lent") === 0;
      const others = blocks.open(entry.pool, entry.vrf).filter((other) => other !== entry);
      const free = others.reduce((sum, other) => sum + other.addresses.count("free"), 0);
      const isSpare =
        others.length === 0 ? entry.vrf !== nativeVrf : free >= addresses.usableCount / 2;
      if (isUnused && (entry.isClosing || (isRested && isSpare))) await this.#giveBack(entry);
    }
  }

  /**
   * Makes the node's blocks equal to the store's records: blocks recorded as ours are used, blocks
   * of ours that are not recorded are recorded again, and a block that belongs to another node is
   * left.
   * @throws StatusError
   */
  async reconcile(
    subnets: ReadonlyMap<string, SubnetPlan>,
    recorded: readonly OwnedBlock[],
  ): Promise<void> {
    const { blocks } = this.#options;
    for (const block of recorded) {
      const subnet = subnets.get(block.subnet);
      if (subnet !== undefined && blocks.get(block) === undefined) await this.#own(subnet, block);
    }
    const keys = new Set(recorded.map(blockKeyOf));
    for (const entry of blocks.list()) {
      if (!keys.has(blockKeyOf(entry)) && !entry.isClosing) await this.#recordAgain(entry);
    }
  }

  async #recordAgain(entry: BlockEntry): Promise<void> {
    const { store, node, log, announcer } = this.#options;
    const { prefix } = entry;
    const outcome = await claimBlock(store, node, recordOf(entry));
    if (outcome.kind === "granted") return;
    log.error("a block of this node belongs to another node: it is no longer used here", {
      prefix: formatPrefix(prefix),
      outcome,
    });
    entry.isClosing = true;
    await announcer.withdraw(entry);
  }

  #plan(subnet: RoutedSubnet, family: Family): AllocationPlan {
    const views = dynamicPools(subnet, family).map(({ pool, isOpen }) =>
      this.#view(pool, isOpen, subnet.vrf),
    );
    return planAllocation(views, this.#request(subnet));
  }

  #request(subnet: SubnetPlan): { node: string; subnet: string; candidateCountMax: number } {
    return { node: this.#options.node, subnet: subnet.name, candidateCountMax };
  }

  #view(pool: Pool, isOpen: boolean, vrf: VrfId): PoolView {
    const own = this.#options.blocks.open(pool.name, vrf).map((entry) => entry.addresses);
    const seen = this.#foreign.get(pool.name);
    // Loans are answered by the lender's agent; until one offers, nothing is on offer.
    const foreign = seen?.blocks.map((block) => ({ ...block, freeCount: 0 }));
    return { pool, disabled: !isOpen, own, foreign };
  }

  #markHeld({ vrf }: RoutedSubnet, { prefix }: AddressBlock): void {
    const entry = this.#options.blocks.get({ vrf, prefix });
    if (entry !== undefined) entry.emptySinceMs = undefined;
  }

  #pictureIsFresh(subnet: SubnetPlan, family: Family): boolean {
    const { clock } = this.#options;
    return openPools(subnet, family).every(({ pool }) => {
      const seen = this.#foreign.get(pool.name);
      return seen !== undefined && clock.nowMs() - seen.atMs < exhaustedForMs;
    });
  }

  async #lookAround(subnet: SubnetPlan, family: Family): Promise<void> {
    for (const { pool } of openPools(subnet, family)) await this.#list(pool);
  }

  async #list(pool: Pool): Promise<void> {
    const { store, node, clock } = this.#options;
    const objects = await listAll(store, ipBlockKind, { fieldSelector: `spec.pool=${pool.name}` });
    const blocks = objects.flatMap((object) => readForeign(object, node));
    this.#foreign.set(pool.name, { atMs: clock.nowMs(), blocks });
  }

  async #claimOnce(subnet: RoutedSubnet, pool: Pool, candidates: readonly Prefix[]): Promise<void> {
    const running = this.#claims.get(pool.name);
    if (running !== undefined) return await running;
    const claim = this.#claim(subnet, pool, candidates);
    this.#claims.set(pool.name, claim);
    try {
      await claim;
    } finally {
      this.#claims.delete(pool.name);
    }
  }

  async #claim(subnet: RoutedSubnet, pool: Pool, candidates: readonly Prefix[]): Promise<void> {
    const { name, vpc, vrf } = subnet;
    for (const prefix of candidates) {
      const block = { prefix, pool: pool.name, subnet: name, vpc, vrf, claim: undefined };
      const outcome = await this.#tryClaim(block);
      if (outcome) return await this.#own(subnet, block);
    }
    await this.#list(pool);
  }

  async #tryClaim(block: OwnedBlock): Promise<boolean> {
    const { store, node } = this.#options;
    try {
      return (await claimBlock(store, node, block)).kind === "granted";
    } catch (error) {
      // Somebody was faster.
      if (isStatus(error, "Conflict") || isStatus(error, "NotFound")) return false;
      throw error;
    }
  }

  async #own(subnet: SubnetPlan, block: OwnedBlock): Promise<void> {
    const { journal, blocks, announcer, clock, log, onChange } = this.#options;
    const reservation = subnet.reservations.get(block.prefix.family);
    if (reservation === undefined) return;
    await journal.append({ op: "own", block });
    blocks.add(block, reservation, clock.nowMs());
    onChange(blocks.list());
    await announcer.announce(block);
    log.info("block claimed", { prefix: formatPrefix(block.prefix), pool: block.pool });
  }

  async #giveBack(entry: BlockEntry): Promise<void> {
    const { journal, blocks, announcer, store, node, log, onChange } = this.#options;
    entry.isClosing = true;
    await announcer.withdraw(entry);
    await journal.append({ op: "disown", vrf: entry.vrf, prefix: entry.prefix });
    await deleteBlock(store, node, entry);
    blocks.remove(entry);
    onChange(blocks.list());
    log.info("empty block given back", { prefix: formatPrefix(entry.prefix), pool: entry.pool });
  }
}

/** What of an entry is on record. */
function recordOf({ prefix, pool, subnet, vpc, vrf, claim }: OwnedBlock): OwnedBlock {
  return { prefix, pool, subnet, vpc, vrf, claim };
}

function dynamicPools(subnet: SubnetPlan, family: Family): PoolPlan[] {
  return subnet.pools.filter(({ pool, isFixed }) => !isFixed && pool.prefix.family === family);
}

function openPools(subnet: SubnetPlan, family: Family): PoolPlan[] {
  return dynamicPools(subnet, family).filter(({ isOpen }) => isOpen);
}

function readForeign(object: IPBlock, node: string): ForeignBlock[] {
  const owner = object.spec.node;
  if (owner === undefined || owner === node) return [];
  const { capacity, allocated } = object.status ?? {};
  const freeCount = capacity === undefined || allocated === undefined ? 0 : capacity - allocated;
  return [{ prefix: parsePrefix(object.spec.cidr), node: owner, freeCount }];
}
