/**
 * Finds the router at the other end of a link, and lets it find us, by Router Advertisements (RFC
 * 4861 6): what unnumbered sessions need to begin. Clock, randomness and the wire are arguments.
 */
import { type Ifindex, type Ip6, parseIp6 } from "@heddle/inet";
import { type DatagramEvents, type ReceivedDatagram, SystemError } from "@heddle/native";
import type { Clock, Rng, Timer } from "@heddle/std";
import { isLinkLocal } from "../peer/peer-key.ts";
import { encodeAdvertisement, encodeSolicitation, routerMessageOf } from "./router-messages.ts";

const allNodes = parseIp6("ff02::1");
const allRouters = parseIp6("ff02::2");
/** RFC 4861 6.1: from a neighbour, not from afar. */
const hopLimitOfNeighbor = 255;
/** RFC 4861 10. */
const solicitationIntervalMs = 4000;
const solicitationCountMax = 3;
const minDelayBetweenAdvertisementsMs = 3000;
const advertisementDelayMsMax = 500;

/** An `Icmp6Socket`; tests bring their own. */
export interface RouterWire extends Disposable {
  /** @throws SystemError */
  send(bytes: Uint8Array, to: Ip6): void;
  receive(events: DatagramEvents): void;
}

export class RouterDiscovery implements Disposable {
  readonly #ifindex: Ifindex;
  readonly #wire: RouterWire;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #intervalMs: number;
  readonly #found: (router: Ip6) => void;
  #advertise: Timer | undefined;
  #advertiseDueMs = 0;
  #advertisedAtMs = Number.NEGATIVE_INFINITY;
  #solicit: Timer | undefined;
  #isKnown = false;

  /**
   * Takes ownership of `wire`. `found` is called with every advertisement; one is sent each
   * `intervalMs`, jittered.
   */
  constructor(
    ifindex: Ifindex,
    wire: RouterWire,
    clock: Clock,
    rng: Rng,
    intervalMs: number,
    found: (router: Ip6) => void,
    failed: (error: SystemError) => void,
  ) {
    this.#ifindex = ifindex;
    this.#wire = wire;
    this.#clock = clock;
    this.#rng = rng;
    this.#intervalMs = intervalMs;
    this.#found = found;
    wire.receive({ data: (datagram) => this.#receive(datagram), failed });
    this.#sendSolicitation(solicitationCountMax);
    this.#advertiseAfter(0);
  }

  [Symbol.dispose](): void {
    this.#advertise?.cancel();
    this.#solicit?.cancel();
    this.#wire[Symbol.dispose]();
  }

  #receive({ bytes, source, ttl, ifindex }: ReceivedDatagram): void {
    // A raw socket hears all interfaces of its namespace.
    if (ifindex !== this.#ifindex || ttl !== hopLimitOfNeighbor) return;
    const message = routerMessageOf(bytes);
    if (message === "solicitation") this.#answer();
    if (message !== "advertisement" || typeof source !== "bigint" || !isLinkLocal(source)) return;
    this.#isKnown = true;
    this.#solicit?.cancel();
    this.#found(source);
  }

  /** RFC 4861 6.2.6: soon, but multicast advertisements keep their distance. */
  #answer(): void {
    const sinceMs = this.#clock.nowMs() - this.#advertisedAtMs;
    const waitMs = Math.max(0, minDelayBetweenAdvertisementsMs - sinceMs);
    this.#advertiseAfter(waitMs + this.#random() * advertisementDelayMsMax);
  }

  /** Unless one is due earlier. */
  #advertiseAfter(delayMs: number): void {
    const dueMs = this.#clock.nowMs() + delayMs;
    if (this.#advertise !== undefined && this.#advertiseDueMs <= dueMs) return;
    this.#advertise?.cancel();
    this.#advertiseDueMs = dueMs;
    this.#advertise = this.#clock.after(delayMs, () => {
      this.#advertise = undefined;
      this.#advertisedAtMs = this.#clock.nowMs();
      this.#send(encodeAdvertisement(), allNodes);
      this.#advertiseAfter(this.#intervalMs * (0.75 + this.#random() * 0.25));
    });
  }

  #sendSolicitation(countLeft: number): void {
    if (this.#isKnown || countLeft === 0) return;
    this.#send(encodeSolicitation(), allRouters);
    this.#solicit = this.#clock.after(solicitationIntervalMs, () =>
      this.#sendSolicitation(countLeft - 1),
    );
  }

  #send(bytes: Uint8Array, to: Ip6): void {
    try {
      this.#wire.send(bytes, to);
    } catch (error) {
      // The link is down, or its address is not there yet: the next message comes anyway.
      if (!(error instanceof SystemError)) throw error;
    }
  }

  #random(): number {
    return this.#rng.uint32() / 2 ** 32;
  }
}
