/** A connection of a session that others look at; it changes nothing of what passes. */
import { type DecodeError, headerLength, messageTypes } from "@heddle/bgp";
import type { Ip4 } from "@heddle/inet";
import type { Clock } from "@heddle/std";
import type { PeerName } from "../peer/peer-name.ts";
import type { ConnectionEvents, MessageStream } from "../tcp/connection.ts";
import type { Endpoint, MessageDirection, ObservedSession, SessionEnd } from "./observer.ts";

/** Who is told. */
export interface Onlookers {
  /** Nobody is there to be told of messages. */
  readonly isEmpty: boolean;
  message(session: ObservedSession, direction: MessageDirection, bytes: Uint8Array): void;
  established(session: ObservedSession): void;
  ended(session: ObservedSession, end: SessionEnd): void;
}

const unknownEndpoint: Endpoint = { address: 0 as Ip4, port: 0 };

export class ObservedStream implements MessageStream, ObservedSession {
  readonly peer: PeerName;
  readonly #inner: MessageStream;
  readonly #onlookers: Onlookers;
  readonly #clock: Clock;
  #sentOpen: Uint8Array | undefined;
  #receivedOpen: Uint8Array | undefined;
  #establishedAtWallMs: number | undefined;
  #end: SessionEnd | undefined;
  #isOver = false;

  constructor(peer: PeerName, inner: MessageStream, onlookers: Onlookers, clock: Clock) {
    this.peer = peer;
    this.#inner = inner;
    this.#onlookers = onlookers;
    this.#clock = clock;
  }

  get local(): Endpoint {
    return this.#inner.endpoints?.local ?? unknownEndpoint;
  }

  get remote(): Endpoint {
    return this.#inner.endpoints?.remote ?? unknownEndpoint;
  }

  get sentOpen(): Uint8Array | undefined {
    return this.#sentOpen;
  }

  get receivedOpen(): Uint8Array | undefined {
    return this.#receivedOpen;
  }

  get establishedAtWallMs(): number | undefined {
    return this.#establishedAtWallMs;
  }

  get peerName(): string | undefined {
    return this.#inner.peerName;
  }

  get queuedLength(): number {
    return this.#inner.queuedLength;
  }

  open(events: ConnectionEvents): void {
    this.#inner.open({
      message: (type, bytes, start, end) => {
        // With nobody looking, an UPDATE costs this comparison and no more.
        if (type !== messageTypes.update || !this.#onlookers.isEmpty) {
          this.#received(type, bytes.subarray(start - headerLength, end));
        }
        const goesOn = events.message(type, bytes, start, end);
        if (type === messageTypes.keepalive && goesOn) this.#confirmed();
        return goesOn;
      },
      malformed: (error: DecodeError) => events.malformed(error),
      lost: (message) => {
        events.lost(message);
        this.#over("received");
      },
      drained: () => events.drained(),
    });
  }

  allowExtended(): void {
    this.#inner.allowExtended();
  }

  send(bytes: Uint8Array): boolean {
    const type = bytes[headerLength - 1];
    if (type === messageTypes.open) this.#sentOpen = bytes.slice();
    if (type === messageTypes.notification) {
      this.#end = { by: "sent", notification: bytes.slice() };
    }
    this.#onlookers.message(this, "sent", bytes);
    return this.#inner.send(bytes);
  }

  close(): void {
    this.#inner.close();
    this.#over("sent");
  }

  #received(type: number, message: Uint8Array): void {
    if (type === messageTypes.open) this.#receivedOpen = message.slice();
    if (type === messageTypes.notification) {
      this.#end = { by: "received", notification: message.slice() };
    }
    this.#onlookers.message(this, "received", message);
  }

  /** RFC 4271 8.2.2: a KEEPALIVE in OpenConfirm makes the session Established. */
  #confirmed(): void {
    const hasOpens = this.#sentOpen !== undefined && this.#receivedOpen !== undefined;
    if (this.#establishedAtWallMs !== undefined || !hasOpens || this.#isOver) return;
    this.#establishedAtWallMs = this.#clock.wallMs();
    this.#onlookers.established(this);
  }

  #over(by: MessageDirection): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onlookers.ended(this, this.#end ?? { by, notification: undefined });
  }
}
