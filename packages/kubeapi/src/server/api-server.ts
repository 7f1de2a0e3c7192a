/**
 * The API over HTTPS, on any number of sockets. Everything that a client can make the server hold
 * is bounded: headers, bodies, connections, requests at work, watches, and the time of each part of
 * a request.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { Duplex } from "node:stream";
import { StatusError } from "@heddle/kube";
import type { Log } from "@heddle/std";
import type { TokenTable } from "../auth/authenticate.ts";
import type { Api } from "../rest/api.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "../rest/api-request.ts";
import { Query } from "../rest/query.ts";
import { failureStatus, refusalOf } from "../rest/status-body.ts";
import { userOf } from "./authentication.ts";
import { formatHostPort, type ListenTarget, listen } from "./listen-target.ts";
import { discardRest, readRequestBody } from "./request-body.ts";
import { sendReply } from "./send-reply.ts";

export interface ServerLimits {
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  readonly connectionCountMax: number;
  /** Requests at work, without watches. */
  readonly requestCountMax: number;
  readonly watchCountMax: number;
  /** From the first byte of a request to its last. */
  readonly requestMsMax: number;
  /** A stopping server gives requests at work this long. */
  readonly stopMsMax: number;
}

export const defaultServerLimits: ServerLimits = {
  bodyBytesMax: 3 * 1024 * 1024,
  headerBytesMax: 64 * 1024,
  connectionCountMax: 10_000,
  requestCountMax: 600,
  watchCountMax: 20_000,
  requestMsMax: 60_000,
  stopMsMax: 5_000,
};

export interface TlsMaterial {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM of the authority that signs client certificates; without one only tokens are accepted. */
  readonly clientAuthority?: string;
}

export interface ApiServerOptions {
  readonly api: Api;
  readonly tls: TlsMaterial;
  readonly tokens: TokenTable;
  readonly log: Log;
  readonly limits?: Partial<ServerLimits>;
}

/** A connection that sent garbage has this long to take the answer. */
const lingerMs = 1_000;

export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #limits: ServerLimits;
  readonly #servers: Server[] = [];
  readonly #stop: AbortController = new AbortController();
  #requestCount = 0;
  #watchCount = 0;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultServerLimits, ...options.limits };
  }

  /** Opens a socket; may be called again for more. Resolves with `host:port`. */
  async listen(target: ListenTarget): Promise<string> {
    const server = createServer(this.#serverOptions(), (request, response) => {
      void this.#serve(request, response);
    });
    server.maxConnections = this.#limits.connectionCountMax;
    server.on("clientError", (error, socket) => refuseGarbage(error, socket));
    server.on("tlsClientError", (error) => {
      this.#options.log.debug("a client could not make a TLS connection", { error });
    });
    const address = await listen(server, target);
    this.#servers.push(server);
    return address;
  }

  /**
   * Takes no new connections, ends watches, gives requests at work some time, closes all sockets.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#servers.map((server) => this.#close(server)));
  }

  async #close(server: Server): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), this.#limits.stopMsMax);
    await closed;
    clearTimeout(timer);
  }

  #serverOptions(): ServerOptions {
    const { certificate, key, clientAuthority } = this.#options.tls;
    const { headerBytesMax, requestMsMax } = this.#limits;
    return {
      cert: certificate,
      key,
      ...(clientAuthority === undefined
        ? {}
        : { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }),
      minVersion: "TLSv1.2",
      handshakeTimeout: 10_000,
      maxHeaderSize: headerBytesMax,
      headersTimeout: 10_000,
      requestTimeout: requestMsMax,
      keepAliveTimeout: 90_000,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    response.on("error", (error) => this.#options.log.debug("a client is gone", { error }));
    try {
      const signal = AbortSignal.any([gone.signal, this.#stop.signal]);
      const reply = await this.#answer(request, signal);
      if (!request.complete) await discardRest(request);
      await this.#send(response, reply);
    } catch (error) {
      const { method, url } = request;
      this.#options.log.error("a reply could not be sent", { method, url, error });
      response.destroy();
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<ApiReply> {
    if (this.#requestCount >= this.#limits.requestCountMax) {
      const why = `${this.#limits.requestCountMax} requests are at work`;
      return failure(new StatusError("TooManyRequests", `Cannot answer: ${why}, want fewer`));
    }
    this.#requestCount += 1;
    try {
      return await this.#options.api.answer(this.#apiRequest(request, signal));
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      return failure(refusal);
    } finally {
      this.#requestCount -= 1;
    }
  }

  async #send(response: ServerResponse, reply: ApiReply): Promise<void> {
    if (typeof reply.body === "string" || reply.body instanceof Uint8Array) {
      await sendReply(response, reply);
      return;
    }
    if (this.#watchCount >= this.#limits.watchCountMax) {
      const why = `${this.#limits.watchCountMax} watches are open`;
      const refusal = new StatusError("TooManyRequests", `Cannot watch: ${why}, want fewer`);
      await sendReply(response, failure(refusal));
      return;
    }
    this.#watchCount += 1;
    try {
      await sendReply(response, reply);
    } finally {
      this.#watchCount -= 1;
    }
  }

  /** @throws StatusError */
  #apiRequest(request: IncomingMessage, signal: AbortSignal): ApiRequest {
    const { method = "", url = "/", headers, socket } = request;
    const question = url.indexOf("?");
    const path = question < 0 ? url : url.slice(0, question);
    return {
      method,
      path: path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path,
      query: new Query(new URLSearchParams(question < 0 ? "" : url.slice(question + 1))),
      accept: headers.accept,
      contentType: headers["content-type"],
      user: userOf(request, this.#options.tokens),
      signal,
      localAddress: formatHostPort(socket.localAddress, socket.localPort),
      readBody: () => readRequestBody(request, this.#limits.bodyBytesMax),
    };
  }
}

function failure(refusal: StatusError): ApiReply {
  const reply = jsonReply(failureStatus(refusal), refusal.status);
  return refusal.reason === "TooManyRequests"
    ? { ...reply, headers: { "retry-after": "1" } }
    : reply;
}

/** Bytes that are no HTTP get a short answer, and the connection ends. */
function refuseGarbage(error: Error & { readonly code?: string }, socket: Duplex): void {
  // Each further piece of the same garbage is reported again.
  if (socket.writableEnded) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  // Bytes that nobody has read would turn the end into a reset, and the answer would be lost.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
