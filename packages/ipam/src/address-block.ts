/**
 * The addresses of one block that this node owns: which are free, held, lent or never usable.
 *
 * Invariants: an address is in exactly one state; only a free address can be taken or lent; the
 * counts equal the table. A freed address rests: the search starts after the address taken last, so
 * it comes back only when the whole block has been walked, and peers' neighbour caches and
 * connections in TIME_WAIT have had time to forget it.
 *
 * It does not know who holds an address (the journal does) and does not keep anything on disk.
 */
import {
  addToIp,
  containsIp,
  formatIp,
  formatPrefix,
  type Ip,
  type Prefix,
  sizeOf,
} from "@heddle/inet";
import { assert } from "@heddle/std";
import { IpamError } from "./errors.ts";
import { isReserved, type SubnetReservation } from "./reserved.ts";

const states = { free: 0, held: 1, lent: 2, reserved: 3 } as const;

export type AddressState = keyof typeof states;

const stateNames: readonly AddressState[] = ["free", "held", "lent", "reserved"];

export class AddressBlock {
  readonly prefix: Prefix;
  readonly #table: Uint8Array;
  readonly #counts: Record<AddressState, number> = { free: 0, held: 0, lent: 0, reserved: 0 };
  #cursor = 0;

  constructor(prefix: Prefix, reservation: SubnetReservation) {
    const size = Number(sizeOf(prefix));
    assert(size <= 65536, "a block has at most 2^16 addresses");
    this.prefix = prefix;
    this.#table = new Uint8Array(size);
    for (let offset = 0; offset < size; offset += 1) {
      const reserved = isReserved(reservation, addToIp(prefix.address, offset));
      this.#table[offset] = reserved ? states.reserved : states.free;
      this.#counts[reserved ? "reserved" : "free"] += 1;
    }
  }

  /** Number of addresses in the state. */
  count(state: AddressState): number {
    return this.#counts[state];
  }

  /** Addresses that can serve an endpoint: all but the reserved ones. */
  get usableCount(): number {
    return this.#table.length - this.#counts.reserved;
  }

  /** @throws IpamError NotInBlock */
  stateOf(ip: Ip): AddressState {
    return stateNames[this.#table[this.#offsetOf(ip)] as number] as AddressState;
  }

  /** Free addresses, in the order in which {@link takeNext} takes them. */
  *freeAddresses(): Generator<Ip> {
    const size = this.#table.length;
    for (let i = 0; i < size; i += 1) {
      const offset = (this.#cursor + i) % size;
      if (this.#table[offset] === states.free) yield addToIp(this.prefix.address, offset);
    }
  }

  /** The free address that {@link takeNext} would take; undefined when none is free. */
  peekNext(): Ip | undefined {
    if (this.#counts.free === 0) return undefined;
    for (const ip of this.freeAddresses()) return ip;
    return undefined;
  }

  /** Takes the next free address after the one taken last; undefined when none is free. */
  takeNext(): Ip | undefined {
    const ip = this.peekNext();
    if (ip !== undefined) this.take(ip);
    return ip;
  }

  /** Takes one address. @throws IpamError NotFree, NotInBlock */
  take(ip: Ip): void {
    this.#move(ip, "free", "held");
    this.#cursor = (this.#offsetOf(ip) + 1) % this.#table.length;
  }

  /** Gives a held address back. @throws IpamError NotHeld, NotInBlock */
  release(ip: Ip): void {
    this.#move(ip, "held", "free");
  }

  /**
   * Masks a free address, because another node is going to use it. @throws IpamError NotFree,
   * NotInBlock
   */
  lend(ip: Ip): void {
    this.#move(ip, "free", "lent");
  }

  /** Takes a lent address back. @throws IpamError NotHeld, NotInBlock */
  endLoan(ip: Ip): void {
    this.#move(ip, "lent", "free");
  }

  #move(ip: Ip, from: AddressState, to: AddressState): void {
    const offset = this.#offsetOf(ip);
    const current = stateNames[this.#table[offset] as number] as AddressState;
    if (current !== from) {
      throw new IpamError(
        from === "free" ? "NotFree" : "NotHeld",
        `Cannot make ${formatIp(ip)} ${to}: it is ${current}, want ${from}`,
      );
    }
    this.#table[offset] = states[to];
    this.#counts[from] -= 1;
    this.#counts[to] += 1;
  }

  #offsetOf(ip: Ip): number {
    if (!containsIp(this.prefix, ip)) {
      throw new IpamError(
        "NotInBlock",
        `Cannot find ${formatIp(ip)}: not an address of block ${formatPrefix(this.prefix)}`,
      );
    }
    return Number(BigInt(ip) - BigInt(this.prefix.address));
  }
}
