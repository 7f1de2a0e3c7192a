/**
 * Records what passes on the sessions of a speaker, for a packet analyser. The reader sets the
 * pace; what it has not taken is bounded, and what does not fit is left out whole and counted.
 */
import type { Clock, Timer } from "@heddle/std";
import { systemClock } from "@heddle/system";
import type { MessageDirection, ObservedSession } from "../observe/observer.ts";
import type { PeerName } from "../peer/peer-name.ts";
import type { Speaker } from "../speaker.ts";
import { CaptureStream, encodeCaptureHead } from "./pcapng.ts";

export interface CaptureOptions {
  /** Only this peer; default: all. */
  readonly peer?: PeerName;
  /** How long it takes. */
  readonly durationMs: number;
  /** It ends before the file becomes longer. */
  readonly octetsMax: number;
  /** Default: real time. */
  readonly clock?: Clock;
}

/** Octets that may wait for the reader. */
const queueLengthMax = 4 * 1024 * 1024;

interface Directions {
  readonly received: CaptureStream;
  readonly sent: CaptureStream;
}

export class Capture implements Disposable {
  readonly #options: CaptureOptions;
  readonly #clock: Clock;
  readonly #observation: Disposable;
  readonly #timer: Timer;
  readonly #streams: WeakMap<ObservedSession, Directions> = new WeakMap();
  #queue: Uint8Array[] = [encodeCaptureHead()];
  #queueLength = 0;
  #octetsLeft: number;
  #lostCount = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(speaker: Speaker, options: CaptureOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#octetsLeft = options.octetsMax;
    this.#timer = this.#clock.after(options.durationMs, () => this[Symbol.dispose]());
    this.#observation = speaker.observe({
      message: (session, direction, bytes) => this.#take(session, direction, bytes),
    });
  }

  /** Writes that were left out because the reader was too slow. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** The file, piece by piece; the capture ends when the reader does. Once. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const queue = this.#queue;
        this.#queue = [];
        this.#queueLength = 0;
        yield* queue;
        if (this.#queue.length > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Nothing more is recorded; what waits can still be read. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer.cancel();
    this.#observation[Symbol.dispose]();
    this.#wake?.();
  }

  #take(session: ObservedSession, direction: MessageDirection, bytes: Uint8Array): void {
    if (this.#ended || !this.#isWanted(session)) return;
    const { received, sent } = this.#directionsOf(session);
    const [own, other] = direction === "sent" ? [sent, received] : [received, sent];
    const blocks = own.encode(bytes, this.#clock.wallMs(), other.sequence);
    const length = blocks.reduce((sum, block) => sum + block.length, 0);
    if (length > this.#octetsLeft) {
      this[Symbol.dispose]();
    } else if (this.#queueLength + length > queueLengthMax) {
      this.#lostCount += 1;
    } else {
      this.#octetsLeft -= length;
      this.#queueLength += length;
      this.#queue.push(...blocks);
      this.#wake?.();
    }
  }

  #isWanted({ peer: { address, ifindex } }: ObservedSession): boolean {
    const { peer } = this.#options;
    if (peer === undefined) return true;
    return peer.address === address && (peer.ifindex === undefined || peer.ifindex === ifindex);
  }

  #directionsOf(session: ObservedSession): Directions {
    const known = this.#streams.get(session);
    if (known !== undefined) return known;
    const { local, remote } = session;
    const made = {
      received: new CaptureStream(remote, local),
      sent: new CaptureStream(local, remote),
    };
    this.#streams.set(session, made);
    return made;
  }
}
