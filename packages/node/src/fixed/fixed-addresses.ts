/**
 * Runs the fence of every fixed address that this node wants or holds (`@heddle/ipam` claim-fence).
 * The record is an IPBlock of one address; its `spec.node` is the holder.
 *
 * Waiting for another holder is polling with a growing pause, bounded by the caller's deadline: the
 * holder gives up within a DEL, which takes milliseconds, so the first polls are quick.
 */
import { formatIp, type Ip } from "@heddle/inet";
import {
  type FenceEffect,
  type FenceEvent,
  type FenceState,
  idleFence,
  stepFence,
} from "@heddle/ipam";
import type { Store } from "@heddle/kube";
import { assert, type Clock, type Log } from "@heddle/std";
import type { Announcer } from "../announcer.ts";
import {
  type ClaimOutcome,
  claimBlock,
  ownerOf,
  releaseBlock,
  takeOverBlock,
} from "../blocks/block-records.ts";
import { NodeError } from "../errors.ts";
import { addressKeyOf, type OwnedBlock, type VrfAddress } from "../journal/allocation.ts";
import { NodeLiveness } from "./node-liveness.ts";

export interface FixedAddressesOptions {
  readonly node: string;
  readonly store: Store;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly log: Log;
  /** Time after the end of a lease until the routes of that node are surely gone. */
  readonly routeGraceMs?: number;
}

/** Longest graceful restart time that leaves are configured with, with a margin. */
const defaultRouteGraceMs = 150_000;

const pollMinMs = 50;
const pollMaxMs = 1_000;
/** Pauses double, so this bounds the time that effects are tried again: minutes. */
const releaseTryCountMax = 30;

interface Fence {
  readonly ip: Ip;
  readonly block: OwnedBlock;
  state: FenceState;
  /** Resolves when the state has changed. */
  changed: PromiseWithResolvers<void>;
  /** Why the last claim failed, for the caller's error. */
  lastRefusal: string;
}

export class FixedAddresses {
  readonly #options: FixedAddressesOptions;
  readonly #liveness: NodeLiveness;
  /** By VRF and address. */
  readonly #fences = new Map<string, Fence>();

  constructor(options: FixedAddressesOptions) {
    this.#options = options;
    const { node: self, store, clock, routeGraceMs = defaultRouteGraceMs } = options;
    this.#liveness = new NodeLiveness({ self, store, clock, routeGraceMs });
  }

  /** Whether the address is one that this node holds, wants or is giving up. */
  has(address: VrfAddress): boolean {
    return this.#fences.has(addressKeyOf(address));
  }

  /** The claim, `namespace/name`, for which this node has or wants the address. */
  claimOf(address: VrfAddress): string | undefined {
    return this.#fences.get(addressKeyOf(address))?.block.claim;
  }

  /** Addresses that this node holds and announces. */
  held(): Ip[] {
    return [...this.#fences.values()]
      .filter((fence) => fence.state.kind === "held")
      .map((fence) => fence.ip);
  }

  /**
   * Resolves when the address, a block of one, is claimed by this node and announced.
   * @throws NodeError AddressConflict when it is kept for another claim, TimedOut when its holder
   * has not given it up in time; the wish is withdrawn in both cases
   */
  async acquire(block: OwnedBlock, timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const ip = block.prefix.address;
    const fence = this.#fenceOf(block);
    assert(fence.block.claim === block.claim, "one claim at a time has a fixed address");
    this.#feed(fence, { kind: "want" });
    for (
      let pollMs = pollMinMs;
      fence.state.kind !== "held";
      pollMs = Math.min(pollMs * 2, pollMaxMs)
    ) {
      if (fence.state.kind === "idle") throw conflict(ip, fence.lastRefusal);
      if (clock.nowMs() >= deadlineMs) {
        this.#feed(fence, { kind: "unwant" });
        const why = fence.lastRefusal === "" ? "the claim is on its way" : fence.lastRefusal;
        throw new NodeError(
          "TimedOut",
          `Cannot get ${formatIp(ip)} within ${timeoutMs} ms: ${why}`,
        );
      }
      await this.#waitForChange(fence, pollMs);
      if (fence.state.kind === "blocked") await this.#lookAtHolder(fence);
    }
  }

  /** Resolves when the route is withdrawn; the record follows. An address not held is no error. */
  async release(address: VrfAddress): Promise<void> {
    const fence = this.#fences.get(addressKeyOf(address));
    if (fence === undefined) return;
    this.#feed(fence, { kind: "unwant" });
    while (fence.state.kind === "withdrawing") await fence.changed.promise;
  }

  /** After a restart: the journal says that this node holds the address, so it goes on at once. */
  restore(block: OwnedBlock): void {
    const fence = this.#fenceOf(block);
    fence.state = { kind: "claiming", wanted: true };
    this.#feed(fence, { kind: "claimGranted" });
  }

  /**
   * Compares what is held with the records that name this node. An address that another node took
   * is withdrawn; a record that nothing here wants, left by a crash, is given up.
   * @throws StatusError
   */
  async reconcile(recorded: readonly OwnedBlock[]): Promise<void> {
    const known = new Set(recorded.map(keyOf));
    for (const [key, fence] of this.#fences) {
      if (fence.state.kind === "held" && !known.has(key)) await this.#recordAgain(fence);
    }
    for (const block of recorded) {
      if (this.#fences.has(keyOf(block))) continue;
      const fence = this.#fenceOf(block);
      fence.state = { kind: "releasing", wanted: false };
      await this.#release(fence);
    }
  }

  async #recordAgain(fence: Fence): Promise<void> {
    const { store, node, log } = this.#options;
    const outcome = await claimBlock(store, node, fence.block);
    if (outcome.kind === "granted") return;
    log.error("a fixed address of this node was given to another: withdrawn", {
      address: formatIp(fence.ip),
      outcome,
    });
    this.#feed(fence, { kind: "claimLost" });
  }

  #fenceOf(block: OwnedBlock): Fence {
    const ip = block.prefix.address;
    const known = this.#fences.get(keyOf(block));
    if (known !== undefined) return known;
    const changed = Promise.withResolvers<void>();
    const fence = { ip, block, state: idleFence, changed, lastRefusal: "" };
    this.#fences.set(keyOf(block), fence);
    return fence;
  }

  #feed(fence: Fence, event: FenceEvent): void {
    const step = stepFence(fence.state, event);
    fence.state = step.state;
    for (const effect of step.effects) void this.#perform(fence, effect);
    if (fence.state.kind === "idle") this.#fences.delete(keyOf(fence.block));
    fence.changed.resolve();
    fence.changed = Promise.withResolvers<void>();
  }

  async #perform(fence: Fence, effect: FenceEffect): Promise<void> {
    const { announcer, node, store } = this.#options;
    const { block } = fence;
    switch (effect.kind) {
      case "announce":
        await announcer.announce(block);
        break;
      case "withdraw":
        await announcer.withdraw(block);
        this.#feed(fence, { kind: "withdrawn" });
        break;
      case "claim":
        await this.#claim(fence, () => claimBlock(store, node, block));
        break;
      case "takeOver":
        await this.#claim(fence, () => takeOverBlock(store, node, block, effect.holder));
        break;
      case "release":
        await this.#release(fence);
        break;
    }
  }

  async #claim(fence: Fence, attempt: () => Promise<ClaimOutcome>): Promise<void> {
    try {
      const outcome = await attempt();
      if (outcome.kind === "granted") {
        this.#feed(fence, { kind: "claimGranted" });
      } else if (outcome.kind === "taken") {
        fence.lastRefusal = `node ${outcome.node} holds it`;
        this.#feed(fence, { kind: "claimRefused", holder: outcome.node, expired: false });
      } else {
        fence.lastRefusal = `it is kept for claim ${outcome.claim}`;
        this.#abandon(fence);
      }
    } catch (error) {
      fence.lastRefusal = error instanceof Error ? error.message : String(error);
      this.#feed(fence, { kind: "claimUnknown" });
    }
  }

  /** Nobody will give the address up: it is not a matter of waiting. */
  #abandon(fence: Fence): void {
    this.#feed(fence, { kind: "unwant" });
    this.#feed(fence, { kind: "claimRefused", holder: "", expired: false });
  }

  async #lookAtHolder(fence: Fence): Promise<void> {
    const { store, node } = this.#options;
    try {
      const owner = await ownerOf(store, fence.block);
      if (owner === undefined || owner === node) {
        this.#feed(fence, { kind: "holderGone" });
      } else if (await this.#liveness.isGone(owner)) {
        this.#feed(fence, { kind: "claimRefused", holder: owner, expired: true });
      } else {
        fence.lastRefusal = `node ${owner} holds it`;
      }
    } catch (error) {
      fence.lastRefusal = error instanceof Error ? error.message : String(error);
    }
  }

  /** The route is gone; the record has to follow, or no other node can have the address. */
  async #release(fence: Fence): Promise<void> {
    const { store, node, log } = this.#options;
    let pauseMs = pollMinMs;
    for (let tries = 1; ; tries += 1) {
      try {
        await releaseBlock(store, node, fence.block);
        break;
      } catch (error) {
        if (tries === releaseTryCountMax) {
          log.error("a fixed address could not be released in the store; a new claim does it", {
            address: formatIp(fence.ip),
            error,
          });
          break;
        }
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, 30_000);
      }
    }
    this.#feed(fence, { kind: "released" });
  }

  async #waitForChange(fence: Fence, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(timeoutMs, resolve);
    await Promise.race([fence.changed.promise, promise]);
    timer.cancel();
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#options.clock.after(ms, resolve));
  }
}

function keyOf({ vrf, prefix }: OwnedBlock): string {
  return addressKeyOf({ vrf, ip: prefix.address });
}

function conflict(ip: Ip, why: string): NodeError {
  return new NodeError("AddressConflict", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
}
