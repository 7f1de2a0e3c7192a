/**
 * One TCP connection as a stream of BGP messages. It knows framing, the limit of its write queue
 * and an orderly close, and nothing of the state machine.
 */
import type { Socket } from "node:net";
import { DecodeError, Framer, type MessageVisitor } from "@heddle/bgp";
import { type Ip, parseIp } from "@heddle/inet";
import { readingTurn } from "./reading-turn.ts";

/** Octets queued above which the next `send` asks its caller to stop. */
export const writeQueueLengthMax: number = 512 * 1024;

/** Octets taken before the clock is looked at: a millisecond's worth of routes. */
const pieceLength = 8 * 1024;
const nothing = new Uint8Array(0);

/** How long a closed connection may take to deliver its last message. */
const lingerMs = 2000;

export interface ConnectionEvents {
  readonly message: MessageVisitor;
  /** The stream is not BGP; nothing more is read. */
  malformed(error: DecodeError): void;
  /** The peer or the network ended it. Not called after `close`. */
  lost(message: string): void;
  /** The write queue is empty again after `send` returned false. */
  drained(): void;
}

/** Both ends of a TCP connection. */
export interface Endpoints {
  readonly local: { readonly address: Ip; readonly port: number };
  readonly remote: { readonly address: Ip; readonly port: number };
}

/** A connection as sessions see it; tests bring their own. */
export interface MessageStream {
  /** Undefined where it is not known. */
  readonly endpoints?: Endpoints | undefined;
  /** What the peer's certificate calls it; undefined over plain TCP. */
  readonly peerName: string | undefined;
  /** Octets written that the peer has not taken. */
  readonly queuedLength: number;
  /** Starts to read. Once. */
  open(events: ConnectionEvents): void;
  /** Both sides announced extended messages (RFC 8654). */
  allowExtended(): void;
  /** Queues `bytes`, which must not change afterwards. False: stop until `drained`. */
  send(bytes: Uint8Array): boolean;
  /** Delivers what was sent, then closes; no event comes any more. */
  close(): void;
}

export class Connection implements MessageStream {
  readonly peerName: string | undefined;
  readonly endpoints: Endpoints | undefined;
  readonly #socket: Socket;
  readonly #framer = new Framer();
  #events: ConnectionEvents | undefined;
  /** What was read and waits for the next turn, with the socket paused: at most one read. */
  #unread: Uint8Array = nothing;
  /** What is sent waits for more. */
  #corked = false;
  /** Octets that were queued before that. */
  #untakenLength = 0;

  /** Takes ownership of a connected socket, which must be paused. */
  constructor(socket: Socket, peerName?: string) {
    this.#socket = socket;
    this.peerName = peerName;
    this.endpoints = endpointsOf(socket);
    socket.setNoDelay(true);
    // Without a listener an error would end the process; before `open` and after `close` nobody is
    // there to tell.
    socket.on("error", (error) => this.#lose(error.message));
    socket.on("close", () => this.#lose("the connection was closed"));
  }

  open(events: ConnectionEvents): void {
    this.#events = events;
    const socket = this.#socket;
    if (socket.destroyed) {
      this.#lose("the connection was closed");
      return;
    }
    socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    socket.on("end", () => this.#lose("the peer closed the connection"));
    socket.on("drain", () => this.#events?.drained());
    socket.resume();
  }

  allowExtended(): void {
    this.#framer.allowExtended();
  }

  /**
   * What is sent until the caller's call stack is empty is one write: split horizon leaves a
   * reflector's client two pieces of every flush, and system calls are a fifth of its time. The
   * peer is judged by what it had not taken before: it has had no chance to take that write.
   */
  send(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket.writable) return this.queuedLength <= writeQueueLengthMax;
    if (!this.#corked) {
      this.#corked = true;
      this.#untakenLength = this.queuedLength;
      socket.cork();
      queueMicrotask(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(bytes);
    return this.#untakenLength <= writeQueueLengthMax;
  }

  get queuedLength(): number {
    return this.#socket.writableLength;
  }

  /**
   * What still arrives is read and dropped: closing with unread data would make the kernel send a
   * reset, which can overtake the NOTIFICATION.
   */
  close(): void {
    this.#events = undefined;
    const socket = this.#socket;
    socket.end();
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => clearTimeout(timer));
  }

  #read(chunk: Uint8Array): void {
    if (this.#events === undefined) return;
    // A plain view: a Buffer's slice() would not copy, whatever the engine believes of it.
    this.#unread = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    if (readingTurn.isOver) this.#wait();
    else this.#take();
  }

  #wait(): void {
    this.#socket.pause();
    readingTurn.wait(() => {
      this.#take();
      if (this.#unread.length === 0) this.#socket.resume();
    });
  }

  #take(): void {
    while (this.#unread.length > 0) {
      this.#takePiece();
      if (this.#unread.length > 0 && readingTurn.isOver) {
        this.#wait();
        return;
      }
    }
  }

  #takePiece(): void {
    const piece = this.#unread.subarray(0, pieceLength);
    this.#unread = this.#unread.subarray(piece.length);
    readingTurn.count(piece.length);
    const events = this.#events;
    if (events === undefined) return;
    try {
      this.#framer.push(piece, events.message);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#unread = nothing;
      events.malformed(error);
    }
  }

  #lose(message: string): void {
    // What came before comes first: there may be a NOTIFICATION in it.
    while (this.#unread.length > 0) this.#takePiece();
    const events = this.#events;
    this.#events = undefined;
    this.#socket.destroy();
    events?.lost(message);
  }
}

/** Undefined of a socket that is closed already. */
function endpointsOf(socket: Socket): Endpoints | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return undefined;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return {
    local: { address: parseIp(withoutScope(localAddress)), port: localPort },
    remote: { address: parseIp(withoutScope(remoteAddress)), port: remotePort },
  };
}

function withoutScope(address: string): string {
  return address.replace(/%.*$/, "");
}
