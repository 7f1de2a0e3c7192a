/**
 * The agent's side of the CNI executable: a Unix socket, one request per connection.
 *
 * Request: one line of JSON ({@link Envelope}). Reply: a line `0` (success) or `1` (error), then
 * the bytes that the executable prints, then the end of the stream. Whatever arrives gets a reply;
 * nothing that arrives stops the server. Everything is bounded: bytes of a request, time to send
 * it, time to answer it, requests at once.
 *
 * A handler that misses the deadline is not stopped (kernel calls cannot be): the runtime is told
 * to try again and repeats the verb, which is idempotent.
 */
import { chmodSync, existsSync, unlinkSync } from "node:fs";
import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import type { Clock, Log } from "@heddle/std";
import { CniError, formatCniError } from "./errors.ts";
import { findCniVersion } from "./network-config.ts";
import {
  type AddRequest,
  type CheckRequest,
  type CniRequest,
  type DelRequest,
  decodeEnvelope,
  type Envelope,
  type GcRequest,
  parseRequest,
  type StatusRequest,
} from "./request.ts";
import { RequestLine } from "./request-line.ts";
import { type CniResult, formatResult } from "./result.ts";
import { newestCniVersion } from "./version.ts";

/** What the node does for each verb. A rejection other than {@link CniError} is a fault of ours. */
export interface CniHandler {
  add(request: AddRequest): Promise<CniResult>;
  del(request: DelRequest): Promise<void>;
  check(request: CheckRequest): Promise<void>;
  status(request: StatusRequest): Promise<void>;
  gc(request: GcRequest): Promise<void>;
}

export interface CniServerOptions {
  readonly socketPath: string;
  readonly handler: CniHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** Largest request in bytes. */
  readonly requestBytesMax?: number;
  /** Time for the whole request line to arrive. */
  readonly receiveTimeoutMs?: number;
  /** Time for the handler; below the executable's 60 s. */
  readonly answerTimeoutMs?: number;
  /** Connections at once; more are told to try again. */
  readonly connectionCountMax?: number;
}

const defaults = {
  requestBytesMax: 1024 * 1024,
  receiveTimeoutMs: 5_000,
  answerTimeoutMs: 55_000,
  connectionCountMax: 256,
} as const;

const lingerMs = 5_000;

interface Reply {
  readonly status: 0 | 1;
  readonly document: object | undefined;
}

export class CniServer implements AsyncDisposable {
  readonly #options: Required<CniServerOptions>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: CniServerOptions) {
    this.#options = { ...defaults, ...options };
    // allowHalfOpen: a client may shut its sending side down before the answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /**
   * Listens with mode 0600. A socket file that a dead agent left is replaced.
   * @throws CniError NotAvailable when another agent is serving there
   */
  static async listen(options: CniServerOptions): Promise<CniServer> {
    await removeStaleSocket(options.socketPath);
    const cni = new CniServer(options);
    await new Promise<void>((resolve, reject) => {
      cni.#server.once("error", reject);
      // bind(2) happens inside listen(), before it returns: the file is never open to others.
      const umask = process.umask(0o177);
      cni.#server.listen(options.socketPath, resolve);
      process.umask(umask);
    });
    cni.#server.removeAllListeners("error");
    chmodSync(options.socketPath, 0o600);
    cni.#server.on("error", (error) => options.log.error("CNI socket failed", { error }));
    return cni;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Stops accepting, ends open connections and removes the socket file. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { clock, log, connectionCountMax, receiveTimeoutMs } = this.#options;
    socket.on("error", (error) => log.debug("CNI connection failed", { error }));
    if (this.#sockets.size >= connectionCountMax) {
      const error = new CniError("TryAgainLater", `Cannot serve: ${connectionCountMax} requests`);
      send(socket, { status: 1, document: formatCniError(error, newestCniVersion) });
      this.#linger(socket);
      return;
    }
    this.#sockets.add(socket);
    const timer = clock.after(receiveTimeoutMs, () => line.expire());
    const line = new RequestLine(this.#options.requestBytesMax, (received) => {
      timer.cancel();
      void this.#serve(received).then((reply) => {
        send(socket, reply);
        this.#linger(socket);
      });
    });
    socket.on("data", (chunk: Buffer) => line.push(chunk));
    socket.on("end", () => line.end());
    socket.on("close", () => {
      timer.cancel();
      this.#sockets.delete(socket);
    });
  }

  /** Gives the client time to read the reply and close; then cuts it off. */
  #linger(socket: Socket): void {
    socket.resume();
    const timer = this.#options.clock.after(lingerMs, () => socket.destroy());
    socket.on("close", () => timer.cancel());
  }

  async #serve(received: Uint8Array | CniError): Promise<Reply> {
    let cniVersion: string = newestCniVersion;
    try {
      if (received instanceof CniError) throw received;
      const envelope = decodeEnvelope(received);
      cniVersion = findCniVersion(envelope.config) ?? newestCniVersion;
      return await this.#answer(envelope);
    } catch (error) {
      const known = error instanceof CniError ? error : this.#fault(error);
      return { status: 1, document: formatCniError(known, cniVersion) };
    }
  }

  async #answer(envelope: Envelope): Promise<Reply> {
    const request = parseRequest(envelope);
    const result = await this.#inTime(request.command, this.#dispatch(request));
    const document =
      result === undefined ? undefined : formatResult(result, request.config.cniVersion);
    return { status: 0, document };
  }

  async #dispatch(request: CniRequest): Promise<CniResult | undefined> {
    const { handler } = this.#options;
    switch (request.command) {
      case "ADD":
        return await handler.add(request);
      case "DEL":
        await handler.del(request);
        return undefined;
      case "CHECK":
        await handler.check(request);
        return undefined;
      case "STATUS":
        await handler.status(request);
        return undefined;
      case "GC":
        await handler.gc(request);
        return undefined;
    }
  }

  async #inTime<T>(command: string, work: Promise<T>): Promise<T> {
    const { clock, answerTimeoutMs } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.after(answerTimeoutMs, () => {
      const why = `Cannot finish ${command}: no result after ${answerTimeoutMs} ms`;
      reject(new CniError("TryAgainLater", why));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer.cancel();
    }
  }

  #fault(error: unknown): CniError {
    this.#options.log.error("CNI request failed by a fault of the agent", { error });
    const why = error instanceof Error ? error.message : String(error);
    return new CniError("Internal", `Cannot serve: ${why}`, { cause: error });
  }
}

/**
 * The client's half stays open until it has read the reply: closing with unread input would reset
 * the stream.
 */
function send(socket: Socket, reply: Reply): void {
  const body = reply.document === undefined ? "" : JSON.stringify(reply.document);
  socket.end(`${reply.status}\n${body}`);
}

async function removeStaleSocket(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = netConnect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) {
    throw new CniError("NotAvailable", `Cannot listen on ${path}: another agent serves it`);
  }
  unlinkSync(path);
}
