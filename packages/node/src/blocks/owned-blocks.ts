/**
 * The blocks of this node in memory, and who may take from them.
 *
 * Invariant: an address of an owned block is held here exactly while an allocation, or an
 * attachment that is being made or undone, has it.
 */
import { containsIp, type VrfId } from "@heddle/inet";
import { AddressBlock, type SubnetReservation } from "@heddle/ipam";
import type { OwnBlock } from "@heddle/vrouter";
import { blockKeyOf, type OwnedBlock, type VrfAddress } from "../journal/allocation.ts";

export interface BlockEntry extends OwnedBlock {
  readonly addresses: AddressBlock;
  /** Being given back: nothing is taken from it any more. */
  isClosing: boolean;
  /** When the last address was given back; undefined while addresses are held. */
  emptySinceMs: number | undefined;
}

export class OwnedBlocks {
  /** By VRF and prefix. */
  readonly #entries = new Map<string, BlockEntry>();

  list(): BlockEntry[] {
    return [...this.#entries.values()];
  }

  get(block: OwnBlock): BlockEntry | undefined {
    return this.#entries.get(blockKeyOf(block));
  }

  /** Adds a block with no address held; a block that is here already stays as it is. */
  add(block: OwnedBlock, reservation: SubnetReservation, nowMs: number): BlockEntry {
    const known = this.get(block);
    if (known !== undefined) return known;
    const addresses = new AddressBlock(block.prefix, reservation);
    const entry = { ...block, addresses, isClosing: false, emptySinceMs: nowMs };
    this.#entries.set(blockKeyOf(block), entry);
    return entry;
  }

  remove(block: OwnBlock): void {
    this.#entries.delete(blockKeyOf(block));
  }

  /**
   * Blocks of the pool that addresses may be taken from. A block of an earlier Vpc of the same name
   * has another VRF.
   */
  open(pool: string, vrf: VrfId): BlockEntry[] {
    return this.list().filter(
      (entry) => entry.pool === pool && entry.vrf === vrf && !entry.isClosing,
    );
  }

  find({ vrf, ip }: VrfAddress): BlockEntry | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.vrf === vrf && containsIp(entry.prefix, ip)) return entry;
    }
    return undefined;
  }

  /**
   * Marks an address as held, whatever its block's rules say today; false when no own block has it.
   */
  hold(address: VrfAddress): boolean {
    const entry = this.find(address);
    if (entry === undefined) return false;
    const { ip } = address;
    if (entry.addresses.stateOf(ip) === "free") entry.addresses.take(ip);
    entry.emptySinceMs = undefined;
    return true;
  }

  /** Gives an address back; an address of no own block, or not held, is no error. */
  release(address: VrfAddress, nowMs: number): void {
    const entry = this.find(address);
    const { ip } = address;
    if (entry === undefined || entry.addresses.stateOf(ip) !== "held") return;
    entry.addresses.release(ip);
    if (entry.addresses.count("held") === 0) entry.emptySinceMs = nowMs;
  }
}
