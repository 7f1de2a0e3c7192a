/**
 * When a started speaker has heard its peers out (RFC 4724 4.1): every peer has sent End-of-RIB for
 * every family of its session, or need not be waited for, or the deferral timer has run out. There
 * are two such moments: when routes may be selected and sent, and, not earlier, when the kernel's
 * left-over routes may go.
 */
import type { AddressFamily, Negotiated } from "@heddle/bgp";
import { containsIp, type Ip } from "@heddle/inet";
import type { Clock, Timer } from "@heddle/std";
import type { SpeakerConfig } from "./config.ts";
import { linkKeyOf, type PeerKey, peerKeyOf } from "./peer/peer-key.ts";

export type ConvergenceReason = "end-of-rib" | "deferral-timer";

/**
 * Which peers are waited for. Selection must not wait for a peer that is restarting, too, since
 * that one waits for us, nor for one without graceful restart, which may send no End-of-RIB.
 * Left-over routes wait for all.
 */
export type ConvergenceRule = "selection" | "sweep";

/** Whose tables a started speaker waits for. */
export function awaitedPeersOf({
  peers,
  dynamicPeers = [],
  unnumberedPeers = [],
  gracefulRestart,
}: SpeakerConfig): PeerKey[] {
  const { restarting = false, formerPeers = [] } = gracefulRestart ?? {};
  const mayConnect = (address: Ip): boolean =>
    dynamicPeers.some(({ prefix }) => containsIp(prefix, address));
  return [
    ...peers.map(({ address, ifindex }) => peerKeyOf(address, ifindex)),
    ...unnumberedPeers.map(({ ifindex }) => linkKeyOf(ifindex)),
    ...(restarting ? formerPeers.filter(mayConnect) : []),
  ];
}

export class Convergence {
  /** Per peer, the families still awaited; undefined: its session is. */
  readonly #awaited: Map<PeerKey, Set<AddressFamily> | undefined>;
  readonly #rule: ConvergenceRule;
  readonly #done: (reason: ConvergenceReason) => void;
  #timer: Timer | undefined;

  /** Calls `done` once, never from inside the constructor. */
  constructor(
    rule: ConvergenceRule,
    peers: readonly PeerKey[],
    clock: Clock,
    deferralMs: number,
    done: (reason: ConvergenceReason) => void,
  ) {
    this.#rule = rule;
    this.#awaited = new Map(peers.map((peer) => [peer, undefined]));
    this.#done = done;
    this.#timer = clock.after(peers.length === 0 ? 0 : deferralMs, () =>
      this.#finish("deferral-timer"),
    );
  }

  get isOver(): boolean {
    return this.#timer === undefined;
  }

  sessionUp(peer: PeerKey, negotiated: Negotiated): void {
    if (!this.#awaited.has(peer)) return;
    const graceful = negotiated.peerGracefulRestart;
    const excluded = graceful === undefined || graceful.restarting;
    if (excluded && this.#rule === "selection") this.forget(peer);
    else this.#awaited.set(peer, new Set(negotiated.families));
  }

  /** The session is gone before it was heard out: it is awaited again. */
  sessionDown(peer: PeerKey): void {
    if (this.#awaited.has(peer)) this.#awaited.set(peer, undefined);
  }

  endOfRib(peer: PeerKey, family: AddressFamily): void {
    const families = this.#awaited.get(peer);
    families?.delete(family);
    if (families?.size === 0) this.forget(peer);
  }

  /** The peer need not be waited for. */
  forget(peer: PeerKey): void {
    this.#awaited.delete(peer);
    if (this.#awaited.size === 0) this.#finish("end-of-rib");
  }

  /** No call of `done` comes any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #finish(reason: ConvergenceReason): void {
    if (this.isOver) return;
    this.stop();
    this.#done(reason);
  }
}
