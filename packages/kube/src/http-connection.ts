/**
 * Requests to a Kubernetes-style API server: keep-alive connections, deadlines, bounded answers.
 * Whatever goes wrong is a StatusError. It knows JSON and nothing of objects.
 */
import http from "node:http";
import https from "node:https";
import type { ClusterAccess } from "./kubeconfig.ts";
import { parseRefusal } from "./refusal.ts";
import { StatusError } from "./status-error.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the server's URL, encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
}

export interface HttpLimits {
  readonly requestTimeoutMs: number;
  readonly answerBytesMax: number;
  readonly connectionCountMax: number;
  /** A watch that has brought nothing for so long is taken for dead; servers send bookmarks. */
  readonly watchIdleMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestTimeoutMs: 15_000,
  answerBytesMax: 256 * 1024 * 1024,
  connectionCountMax: 16,
  watchIdleMs: 180_000,
};

/** Watches are few and long: each has a connection of its own beside those of requests. */
const watchCountMax = 64;

export class HttpConnection implements Disposable {
  readonly #access: ClusterAccess;
  readonly #limits: HttpLimits;
  readonly #module: typeof http | typeof https;
  readonly #requests: http.Agent;
  readonly #watches: http.Agent;

  constructor(access: ClusterAccess, limits: HttpLimits = defaultHttpLimits) {
    this.#access = access;
    this.#limits = limits;
    const isTls = access.server.protocol === "https:";
    this.#module = isTls ? https : http;
    const newAgent = (maxSockets: number): http.Agent => {
      const options = { keepAlive: true, maxSockets };
      return isTls ? new https.Agent({ ...options, ...tlsOf(access) }) : new http.Agent(options);
    };
    this.#requests = newAgent(limits.connectionCountMax);
    this.#watches = newAgent(watchCountMax);
  }

  get server(): string {
    return this.#access.server.href;
  }

  [Symbol.dispose](): void {
    this.#requests.destroy();
    this.#watches.destroy();
  }

  /**
   * The JSON of the answer. A GET whose kept connection turns out to be dead is sent once more; a
   * write never is, since it may have been carried out.
   * @throws StatusError
   */
  async send(request: HttpRequest): Promise<unknown> {
    try {
      return await this.#sendOnce(request);
    } catch (error) {
      const isDead = error instanceof StatusError && error.cause instanceof DeadConnection;
      if (request.method !== "GET" || !isDead) throw error;
      return await this.#sendOnce(request);
    }
  }

  /** The stream of a watch, once the server has accepted it. @throws StatusError */
  open(path: string, query: URLSearchParams, signal: AbortSignal): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.#request({ method: "GET", path, query }, this.#watches, signal);
      const { requestTimeoutMs } = this.#limits;
      const timer = setTimeout(() => request.destroy(timeout(requestTimeoutMs)), requestTimeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error instanceof StatusError ? error : this.#unreachable(error, request));
      };
      request.on("error", fail);
      request.on("response", (response) => {
        if (response.statusCode === 200) {
          clearTimeout(timer);
          this.#endWhenIdle(response);
          return resolve(response);
        }
        this.#collect(response).then((bytes) => fail(refusalOf(response, bytes)), fail);
      });
      request.end();
    });
  }

  /** The peer may be gone without a word; the caller's stream then fails instead of waiting. */
  #endWhenIdle(response: http.IncomingMessage): void {
    const { watchIdleMs } = this.#limits;
    const { socket } = response;
    const end = (): void => {
      response.destroy(new Error(`nothing came in ${watchIdleMs} ms`));
    };
    socket.setTimeout(watchIdleMs, end);
    response.once("close", () => socket.setTimeout(0, end));
  }

  #sendOnce(request: HttpRequest): Promise<unknown> {
    const { requestTimeoutMs } = this.#limits;
    return new Promise((resolve, reject) => {
      const text = request.body === undefined ? undefined : JSON.stringify(request.body);
      const outgoing = this.#request(request, this.#requests, undefined, text);
      const timer = setTimeout(() => outgoing.destroy(timeout(requestTimeoutMs)), requestTimeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error instanceof StatusError ? error : this.#unreachable(error, outgoing));
      };
      outgoing.on("error", fail);
      outgoing.on("response", (response) => {
        this.#collect(response)
          .then((bytes) => {
            clearTimeout(timer);
            resolve(answerOf(response, bytes));
          }, fail)
          .catch(reject);
      });
      outgoing.end(text);
    });
  }

  #request(
    request: HttpRequest,
    agent: http.Agent,
    signal?: AbortSignal,
    text?: string,
  ): http.ClientRequest {
    const { server, token } = this.#access;
    const url = new URL(server);
    url.pathname = `${url.pathname.replace(/\/$/, "")}${request.path}`;
    if (request.query !== undefined) url.search = request.query.toString();
    return this.#module.request(url, {
      method: request.method,
      agent,
      headers: {
        accept: "application/json",
        ...(text === undefined ? {} : bodyHeaders(text)),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #collect(response: http.IncomingMessage): Promise<Buffer> {
    const { answerBytesMax } = this.#limits;
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > answerBytesMax) {
        const message = `Cannot read the answer: more than ${answerBytesMax} bytes, want no more`;
        throw new StatusError("RequestEntityTooLarge", message);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #unreachable(error: Error, request: http.ClientRequest): StatusError {
    const code = "code" in error ? error.code : undefined;
    const isDead = request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");
    const message = `Cannot reach ${this.#access.server.origin}: ${error.message}`;
    const cause = isDead ? new DeadConnection(error.message, { cause: error }) : error;
    return new StatusError("ServiceUnavailable", message, { cause });
  }
}

/**
 * A kept connection that the server had closed before the request reached it, as far as one can
 * tell.
 */
class DeadConnection extends Error {
  override readonly name = "DeadConnection";
}

function tlsOf({ ca, cert, key, serverName }: ClusterAccess): https.AgentOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** Node sends the body of a DELETE without its length unless told. */
function bodyHeaders(text: string): http.OutgoingHttpHeaders {
  return { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
}

function timeout(ms: number): Error {
  return new Error(`no answer in ${ms} ms`);
}

function answerOf(response: http.IncomingMessage, bytes: Buffer): unknown {
  const { statusCode } = response;
  if (statusCode === undefined || statusCode < 200 || statusCode > 299) {
    throw refusalOf(response, bytes);
  }
  return parseJson(bytes);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch (cause) {
    const shown = JSON.stringify(bytes.toString("utf8", 0, 80));
    throw new StatusError("InternalError", `Cannot read the answer ${shown}: want JSON`, { cause });
  }
}

function refusalOf(response: http.IncomingMessage, bytes: Buffer): StatusError {
  return parseRefusal(response.statusCode ?? 0, bytes.toString());
}
