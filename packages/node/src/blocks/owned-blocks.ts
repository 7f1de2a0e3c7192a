/**
 * The blocks of this node in memory, and who may take from them.
 *
 * Invariant: an address of an owned block is held here exactly while an allocation, or an
 * attachment that is being made or undone, has it.
 */
import { containsIp, type Ip, type Prefix } from "@heddle/inet";
import { AddressBlock, type SubnetReservation } from "@heddle/ipam";
import type { OwnedBlock } from "../journal/allocation.ts";

export interface BlockEntry extends OwnedBlock {
  readonly addresses: AddressBlock;
  /** Being given back: nothing is taken from it any more. */
  isClosing: boolean;
  /** When the last address was given back; undefined while addresses are held. */
  emptySinceMs: number | undefined;
}

export class OwnedBlocks {
  readonly #entries = new Map<Prefix, BlockEntry>();

  list(): BlockEntry[] {
    return [...this.#entries.values()];
  }

  prefixes(): Prefix[] {
    return [...this.#entries.keys()];
  }

  get(prefix: Prefix): BlockEntry | undefined {
    return this.#entries.get(prefix);
  }

  /** Adds a block with no address held; a block that is here already stays as it is. */
  add(block: OwnedBlock, reservation: SubnetReservation, nowMs: number): BlockEntry {
    const known = this.#entries.get(block.prefix);
    if (known !== undefined) return known;
    const addresses = new AddressBlock(block.prefix, reservation);
    const entry = { ...block, addresses, isClosing: false, emptySinceMs: nowMs };
    this.#entries.set(block.prefix, entry);
    return entry;
  }

  remove(prefix: Prefix): void {
    this.#entries.delete(prefix);
  }

  /** Blocks of the pool that addresses may be taken from. */
  open(pool: string): BlockEntry[] {
    return this.list().filter((entry) => entry.pool === pool && !entry.isClosing);
  }

  find(ip: Ip): BlockEntry | undefined {
    for (const entry of this.#entries.values()) {
      if (containsIp(entry.prefix, ip)) return entry;
    }
    return undefined;
  }

  /**
   * Marks an address as held, whatever its block's rules say today; false when no own block has it.
   */
  hold(ip: Ip): boolean {
    const entry = this.find(ip);
    if (entry === undefined) return false;
    if (entry.addresses.stateOf(ip) === "free") entry.addresses.take(ip);
    entry.emptySinceMs = undefined;
    return true;
  }

  /** Gives an address back; an address of no own block, or not held, is no error. */
  release(ip: Ip, nowMs: number): void {
    const entry = this.find(ip);
    if (entry === undefined || entry.addresses.stateOf(ip) !== "held") return;
    entry.addresses.release(ip);
    if (entry.addresses.count("held") === 0) entry.emptySinceMs = nowMs;
  }
}
