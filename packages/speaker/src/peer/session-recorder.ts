/**
 * Records what the sessions of a peer take, in the form that `replay` of @heddle/bgp reads. Where
 * the lines go is the caller's; how many octets there may be is bounded.
 */
import { formatRecord, type SessionEvent, type SessionRecord } from "@heddle/bgp";
import { formatIp, type Ip } from "@heddle/inet";
import type { Clock } from "@heddle/std";
import type { Session } from "./session.ts";
import type { SessionSide } from "./session-pair.ts";

export interface RecordingOptions {
  /** Takes one line, with its line feed. */
  write(line: string): void;
  /** Called once when nothing more comes: the recording is full, or the peer is gone. */
  ended?(): void;
  /** Default 16 MiB. */
  readonly octetsMax?: number;
}

const octetsMaxDefault = 16 * 1024 * 1024;

export class SessionRecorder {
  readonly #clock: Clock;
  readonly #options: RecordingOptions;
  readonly #startedAtMs: number;
  readonly #ids: WeakMap<Session, number> = new WeakMap();
  #idCount = 0;
  #octetsLeft: number;
  #ended = false;

  constructor(peer: Ip, clock: Clock, options: RecordingOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#startedAtMs = clock.nowMs();
    this.#octetsLeft = options.octetsMax ?? octetsMaxDefault;
    this.#write({ kind: "start", peer: formatIp(peer), startedAtWallMs: clock.wallMs() });
  }

  /** `session`, which is in its state of before, takes `event`; `message` is borrowed. */
  take(
    side: SessionSide,
    session: Session,
    event: SessionEvent,
    message: Uint8Array | undefined,
  ): void {
    if (this.#ended) return;
    const atMs = this.#clock.nowMs() - this.#startedAtMs;
    this.#write({
      kind: "event",
      session: this.#idOf(side, session),
      atMs,
      event,
      ...(message === undefined ? {} : { message }),
    });
  }

  /** Nothing more is written. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.ended?.();
  }

  #idOf(side: SessionSide, session: Session): number {
    const known = this.#ids.get(session);
    if (known !== undefined) return known;
    this.#idCount += 1;
    const id = this.#idCount;
    this.#ids.set(session, id);
    const { state, options } = session;
    this.#write({ kind: "session", session: id, side, state, options });
    return id;
  }

  #write(record: SessionRecord): void {
    if (this.#ended) return;
    const line = formatRecord(record);
    if (line.length > this.#octetsLeft) {
      this.#options.write(formatRecord({ kind: "full" }));
      this.end();
      return;
    }
    this.#octetsLeft -= line.length;
    this.#options.write(line);
  }
}
