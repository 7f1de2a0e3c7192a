/** Everybody who looks at the sessions of a speaker, and every session that there is to look at. */
import type { Clock } from "@heddle/std";
import type { PeerName } from "../peer/peer-name.ts";
import type { MessageStream } from "../tcp/connection.ts";
import { ObservedStream, type Onlookers } from "./observed-stream.ts";
import type { MessageDirection, ObservedSession, SessionEnd, SpeakerObserver } from "./observer.ts";

export class Observers implements Onlookers {
  readonly #clock: Clock;
  readonly #all: Set<SpeakerObserver> = new Set();
  readonly #established: Set<ObservedSession> = new Set();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until it is disposed of. */
  add(observer: SpeakerObserver): Disposable {
    this.#all.add(observer);
    return {
      [Symbol.dispose]: () => {
        this.#all.delete(observer);
      },
    };
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  get establishedSessions(): Iterable<ObservedSession> {
    return this.#established;
  }

  /** The connection to use in place of `stream`. */
  wrap(peer: PeerName, stream: MessageStream): MessageStream {
    return new ObservedStream(peer, stream, this, this.#clock);
  }

  message(session: ObservedSession, direction: MessageDirection, bytes: Uint8Array): void {
    for (const observer of this.#all) observer.message?.(session, direction, bytes);
  }

  established(session: ObservedSession): void {
    this.#established.add(session);
    for (const observer of this.#all) observer.established?.(session);
  }

  ended(session: ObservedSession, end: SessionEnd): void {
    this.#established.delete(session);
    for (const observer of this.#all) observer.ended?.(session, end);
  }
}
