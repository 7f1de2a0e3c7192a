/**
 * All addresses of one attachment, taken together or not at all: one of each family of the subnet,
 * from the pod's claim where it has one, else from the node's blocks.
 */
import type { IPClaim } from "@heddle/api";
import { CniError } from "@heddle/cni";
import { type Family, formatIp, type Ip } from "@heddle/inet";
import type { BlockKeeper } from "../blocks/block-keeper.ts";
import type { SubnetPlan } from "../cluster/address-plan.ts";
import { NodeError } from "../errors.ts";
import type { FixedAddresses } from "../fixed/fixed-addresses.ts";
import type { PodClaims } from "../fixed/pod-claims.ts";
import type { OwnedBlock } from "../journal/allocation.ts";

export interface TakenAddresses {
  readonly addresses: readonly Ip[];
  /** The blocks of one address among them. */
  readonly fixed: readonly OwnedBlock[];
}

export interface PodAddressesOptions {
  readonly keeper: BlockKeeper;
  readonly fixed: FixedAddresses;
  readonly claims: PodClaims;
  /** How long an ADD waits for another node to give a fixed address up. */
  readonly handOverTimeoutMs?: number;
}

/** Longer than a DEL takes, short enough for the runtime's patience. */
const defaultHandOverTimeoutMs = 20_000;

export class PodAddresses {
  readonly #options: Required<PodAddressesOptions>;
  /** Fixed addresses in use by an attachment of this node; an address serves one at a time. */
  readonly #fixedUsers = new Map<Ip, string>();

  constructor(options: PodAddressesOptions) {
    this.#options = { handOverTimeoutMs: defaultHandOverTimeoutMs, ...options };
  }

  /** @throws NodeError, CniError, StatusError; nothing is held then */
  async take(key: string, subnet: SubnetPlan, claim: IPClaim | undefined): Promise<TakenAddresses> {
    const addresses: Ip[] = [];
    const fixed: OwnedBlock[] = [];
    try {
      for (const family of subnet.reservations.keys()) {
        const block = await this.#fixedOf(key, subnet, claim, family);
        if (block !== undefined) fixed.push(block);
        addresses.push(
          block === undefined
            ? await this.#options.keeper.take(subnet, family)
            : block.prefix.address,
        );
      }
      return { addresses, fixed };
    } catch (error) {
      await this.give({ addresses });
      throw error;
    }
  }

  /** Takes note of the fixed addresses of an attachment that a restart found. */
  restore(key: string, fixed: readonly OwnedBlock[]): void {
    for (const block of fixed) {
      this.#fixedUsers.set(block.prefix.address, key);
      this.#options.fixed.restore(block);
    }
  }

  /** Resolves when the routes of the fixed addresses are withdrawn; the pod may still have them. */
  async withdraw(addresses: readonly Ip[]): Promise<void> {
    for (const ip of addresses) {
      if (this.#options.fixed.has(ip)) await this.#options.fixed.release(ip);
    }
  }

  /** Gives everything back; the pod no longer has the addresses. */
  async give({ addresses }: Pick<TakenAddresses, "addresses">): Promise<void> {
    await this.withdraw(addresses);
    for (const ip of addresses) {
      if (!this.#fixedUsers.delete(ip)) this.#options.keeper.release(ip);
    }
  }

  async #fixedOf(
    key: string,
    subnet: SubnetPlan,
    claim: IPClaim | undefined,
    family: Family,
  ): Promise<OwnedBlock | undefined> {
    if (claim === undefined) return undefined;
    const candidates = this.#options.claims.candidates(claim, subnet, family);
    let refusal: unknown;
    for (const block of candidates) {
      try {
        await this.#acquire(key, block);
        return block;
      } catch (error) {
        // Somebody else's: with a free choice the next one may do.
        if (!(error instanceof NodeError) || error.code !== "AddressConflict") throw error;
        refusal = error;
      }
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  async #acquire(key: string, block: OwnedBlock): Promise<void> {
    const ip = block.prefix.address;
    const claim = this.#options.fixed.claimOf(ip);
    if (claim !== undefined && claim !== block.claim) {
      const why = `it is in use by claim ${claim}`;
      throw new NodeError("AddressConflict", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
    }
    const user = this.#fixedUsers.get(ip);
    if (user !== undefined && user !== key) {
      const why = `container ${user} of this node still has it`;
      throw new CniError("TryAgainLater", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
    }
    this.#fixedUsers.set(ip, key);
    try {
      await this.#options.fixed.acquire(block, this.#options.handOverTimeoutMs);
    } catch (error) {
      this.#fixedUsers.delete(ip);
      throw error;
    }
  }
}
