/**
 * One BFD session in asynchronous mode (RFC 5880 6.8): timers, poll sequences and detection around
 * the state table. Clock, randomness and the wire are arguments. No echo function, no demand mode
 * of our own, no authentication.
 */
import type { Clock, Rng, Timer } from "@heddle/std";
import { type BfdPacket, type BfdState, bfdDiagnostics } from "./packet.ts";
import { type BfdEvent, bfdTable, remoteEvents } from "./state.ts";

export interface BfdSessionConfig {
  /** bfd.LocalDiscr: unique in this system, not 0. */
  readonly discriminator: number;
  readonly txIntervalMs: number;
  readonly rxIntervalMs: number;
  readonly detectMultiplier: number;
}

export interface BfdSessionEvents {
  send(packet: BfdPacket): void;
  changed(change: BfdChange): void;
}

export interface BfdChange {
  readonly state: BfdState;
  readonly before: BfdState;
  /** bfd.LocalDiag. */
  readonly diagnostic: number;
  readonly remoteState: BfdState;
  /** The peer set the C bit. */
  readonly remoteIndependent: boolean;
}

/** RFC 5880 6.8.3: not faster than this while the session is not Up. */
const slowTxIntervalMs = 1000;
const graceMs = 1;

export class BfdSession implements Disposable {
  readonly #config: BfdSessionConfig;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #events: BfdSessionEvents;
  #state: BfdState = "Down";
  #diagnostic: number = bfdDiagnostics.none;
  #remoteState: BfdState = "Down";
  #remoteDiscriminator = 0;
  #remoteIndependent = false;
  /** The last report said that the peer's operator has turned the session off. */
  #toldDisabled = false;
  #remoteDemand = false;
  // RFC 5880 6.8.1: 1 until the first packet.
  #remoteMinRxMs = 0.001;
  #remoteTxMs = 0;
  #remoteMultiplier = 0;
  #polling = false;
  #transmit: Timer | undefined;
  #sentAtMs: number;
  #detect: Timer | undefined;
  #heardAtMs = 0;
  #watchedUntilMs = 0;

  constructor(config: BfdSessionConfig, clock: Clock, rng: Rng, events: BfdSessionEvents) {
    this.#config = config;
    this.#clock = clock;
    this.#rng = rng;
    this.#events = events;
    this.#sentAtMs = clock.nowMs();
    this.#sendPeriodic();
  }

  get state(): BfdState {
    return this.#state;
  }

  get discriminator(): number {
    return this.#config.discriminator;
  }

  /** A packet that was demultiplexed to this session and passed the TTL check. */
  receive(packet: BfdPacket): void {
    this.#remoteDiscriminator = packet.myDiscriminator;
    this.#remoteState = packet.state;
    this.#remoteDemand = packet.demand;
    this.#remoteIndependent = packet.controlPlaneIndependent;
    this.#remoteTxMs = packet.desiredMinTxUs / 1000;
    this.#remoteMultiplier = packet.detectMultiplier;
    if (packet.final) this.#polling = false;
    const rxMs = packet.requiredMinRxUs / 1000;
    const rxChanged = rxMs !== this.#remoteMinRxMs;
    this.#remoteMinRxMs = rxMs;
    this.#restartDetection();
    this.#take(remoteEvents[packet.state]);
    // Without a running timer, RFC 5880 6.8.7 begins to send when the peer wants packets again.
    if (rxChanged) this.#restartTransmission();
    if (packet.poll && this.#state !== "AdminDown") this.#send(true);
  }

  /** The operator takes the session down: the peer learns that this is no failure. */
  disable(): void {
    this.#take("AdminDisable");
    this.#send(false);
  }

  [Symbol.dispose](): void {
    this.#transmit?.cancel();
    this.#detect?.cancel();
  }

  #take(event: BfdEvent): void {
    const before = this.#state;
    const { next, diagnostic } = bfdTable[before][event];
    if (diagnostic !== undefined) this.#diagnostic = diagnostic;
    if (event === "DetectionTimer_Expires") this.#forgetRemote();
    if (next === before) {
      // Whoever waits for Up does not wait for a peer whose operator has turned BFD off.
      if ((this.#remoteState === "AdminDown") !== this.#toldDisabled) this.#report(before);
      return;
    }
    this.#state = next;
    // RFC 5880 6.8.3: the transmit interval changes with Up, and only a poll sequence makes it
    // known.
    this.#polling = next === "Up";
    this.#report(before);
    this.#send(false);
    this.#restartTransmission();
  }

  #report(before: BfdState): void {
    this.#toldDisabled = this.#remoteState === "AdminDown";
    this.#events.changed({
      state: this.#state,
      before,
      diagnostic: this.#diagnostic,
      remoteState: this.#remoteState,
      remoteIndependent: this.#remoteIndependent,
    });
  }

  /** RFC 5880 6.8.1: a discriminator not confirmed for a detection time is void. */
  #forgetRemote(): void {
    this.#remoteDiscriminator = 0;
    this.#remoteState = "Down";
  }

  get #txIntervalMs(): number {
    const own = this.#config.txIntervalMs;
    return this.#state === "Up" ? own : Math.max(own, slowTxIntervalMs);
  }

  #send(final: boolean): void {
    this.#sentAtMs = this.#clock.nowMs();
    this.#events.send({
      diagnostic: this.#diagnostic,
      state: this.#state,
      // RFC 5880 6.5: never both.
      poll: this.#polling && !final,
      final,
      // This process is the control plane.
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: this.#config.detectMultiplier,
      myDiscriminator: this.#config.discriminator,
      yourDiscriminator: this.#remoteDiscriminator,
      desiredMinTxUs: this.#txIntervalMs * 1000,
      requiredMinRxUs: this.#config.rxIntervalMs * 1000,
      requiredMinEchoRxUs: 0,
    });
  }

  #sendPeriodic(): void {
    const wanted = this.#remoteMinRxMs !== 0;
    const demanded = this.#remoteDemand && this.#state === "Up" && this.#remoteState === "Up";
    if (wanted && (!demanded || this.#polling)) this.#send(false);
    else this.#sentAtMs = this.#clock.nowMs();
    this.#restartTransmission();
  }

  /**
   * The next packet is due an interval after the last one, whatever has changed meanwhile (RFC 5880
   * 6.8.3): a peer that asks for another pace with every packet must not keep us from sending.
   */
  #restartTransmission(): void {
    this.#transmit?.cancel();
    const intervalMs = Math.max(this.#txIntervalMs, this.#remoteMinRxMs);
    const dueMs = this.#sentAtMs + this.#jittered(intervalMs);
    const delayMs = Math.max(0, dueMs - this.#clock.nowMs());
    this.#transmit = this.#clock.after(delayMs, () => this.#sendPeriodic());
  }

  /** RFC 5880 6.8.7: 75 to 100 percent; to 90 percent with a detect multiplier of 1. */
  #jittered(intervalMs: number): number {
    const span = this.#config.detectMultiplier === 1 ? 0.15 : 0.25;
    return intervalMs * (0.75 + (this.#rng.uint32() / 2 ** 32) * span);
  }

  /** RFC 5880 6.8.4. */
  get #detectionTimeMs(): number {
    return this.#remoteMultiplier * Math.max(this.#config.rxIntervalMs, this.#remoteTxMs);
  }

  /**
   * A packet costs no timer unless the detection time got shorter than what is being waited for.
   */
  #restartDetection(): void {
    this.#heardAtMs = this.#clock.nowMs();
    const dueMs = this.#heardAtMs + this.#detectionTimeMs;
    if (this.#detect === undefined || dueMs < this.#watchedUntilMs) {
      this.#watch(this.#detectionTimeMs, false);
    }
  }

  /**
   * When the time is over, one short turn of grace passes before the session is taken down: after a
   * stall of this thread, packets may lie unread in the socket.
   */
  #watch(delayMs: number, grace: boolean): void {
    this.#detect?.cancel();
    this.#watchedUntilMs = this.#clock.nowMs() + delayMs;
    this.#detect = this.#clock.after(delayMs, () => {
      this.#detect = undefined;
      const leftMs = this.#heardAtMs + this.#detectionTimeMs - this.#clock.nowMs();
      if (leftMs > 0) this.#watch(leftMs, false);
      else if (!grace) this.#watch(graceMs, true);
      else this.#take("DetectionTimer_Expires");
    });
  }
}
