/**
 * All addresses of one attachment, taken together or not at all: one of each family of the subnet,
 * from the pod's claim where it has one, else from the node's blocks; outside the native VRF an
 * infrastructure address for each of them besides, from the blocks of the native subnet.
 */
import type { IPClaim } from "@heddle/api";
import { CniError } from "@heddle/cni";
import { type Family, familyOf, formatIp, type Ip } from "@heddle/inet";
import type { BlockKeeper } from "../blocks/block-keeper.ts";
import type { RoutedSubnet } from "../cluster/address-plan.ts";
import { NodeError } from "../errors.ts";
import type { FixedAddresses } from "../fixed/fixed-addresses.ts";
import type { PodClaims } from "../fixed/pod-claims.ts";
import {
  addressKeyOf,
  heldBy,
  type OwnedBlock,
  type Stranger,
  type VrfAddress,
} from "../journal/allocation.ts";

export interface TakenAddresses {
  readonly addresses: readonly Ip[];
  readonly infrastructureAddresses: readonly Ip[];
  /** The blocks of one address among them. */
  readonly fixed: readonly OwnedBlock[];
}

/** What a pod is to have addresses of. */
export interface AddressWish {
  /** Identity of the attachment. */
  readonly key: string;
  readonly subnet: RoutedSubnet;
  /** Where infrastructure addresses come from; undefined in the native VRF. */
  readonly infrastructure: RoutedSubnet | undefined;
  readonly claim: IPClaim | undefined;
}

/** The addresses of an attachment in their VRFs. */
export type Held = Pick<Stranger, "vrf" | "addresses" | "infrastructureAddresses">;

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
  readonly #fixedUsers = new Map<string, string>();

  constructor(options: PodAddressesOptions) {
    this.#options = { handOverTimeoutMs: defaultHandOverTimeoutMs, ...options };
  }

  /** @throws NodeError, CniError, StatusError; nothing is held then */
  async take({ key, subnet, infrastructure, claim }: AddressWish): Promise<TakenAddresses> {
    const { keeper } = this.#options;
    const addresses: Ip[] = [];
    const infrastructureAddresses: Ip[] = [];
    const fixed: OwnedBlock[] = [];
    try {
      for (const family of subnet.reservations.keys()) {
        const block = await this.#fixedOf(key, subnet, claim, family);
        if (block !== undefined) fixed.push(block);
        addresses.push(
          block === undefined ? await keeper.take(subnet, family) : block.prefix.address,
        );
      }
      if (infrastructure !== undefined) {
        const { reservations } = infrastructure;
        for (const family of addresses.map(familyOf).filter((each) => reservations.has(each))) {
          infrastructureAddresses.push(await keeper.take(infrastructure, family));
        }
      }
      return { addresses, infrastructureAddresses, fixed };
    } catch (error) {
      await this.give({ vrf: subnet.vrf, addresses, infrastructureAddresses });
      throw error;
    }
  }

  /** Takes note of the fixed addresses of an attachment that a restart found. */
  restore(key: string, fixed: readonly OwnedBlock[]): void {
    for (const block of fixed) {
      this.#fixedUsers.set(addressKeyOf(addressOf(block)), key);
      this.#options.fixed.restore(block);
    }
  }

  /** Resolves when the routes of the fixed addresses are withdrawn; the pod may still have them. */
  async withdraw(held: Held): Promise<void> {
    const { fixed } = this.#options;
    for (const address of heldBy(held)) if (fixed.has(address)) await fixed.release(address);
  }

  /** Gives everything back; the pod no longer has the addresses. */
  async give(held: Held): Promise<void> {
    await this.withdraw(held);
    for (const address of heldBy(held)) {
      const wasFixed = this.#fixedUsers.delete(addressKeyOf(address));
      if (!wasFixed) this.#options.keeper.release(address);
    }
  }

  async #fixedOf(
    key: string,
    subnet: RoutedSubnet,
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
    const address = addressOf(block);
    const { ip } = address;
    const claim = this.#options.fixed.claimOf(address);
    if (claim !== undefined && claim !== block.claim) {
      const why = `it is in use by claim ${claim}`;
      throw new NodeError("AddressConflict", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
    }
    const user = this.#fixedUsers.get(addressKeyOf(address));
    if (user !== undefined && user !== key) {
      const why = `container ${user} of this node still has it`;
      throw new CniError("TryAgainLater", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
    }
    this.#fixedUsers.set(addressKeyOf(address), key);
    try {
      await this.#options.fixed.acquire(block, this.#options.handOverTimeoutMs);
    } catch (error) {
      this.#fixedUsers.delete(addressKeyOf(address));
      throw error;
    }
  }
}

function addressOf({ vrf, prefix }: OwnedBlock): VrfAddress {
  return { vrf, ip: prefix.address };
}
