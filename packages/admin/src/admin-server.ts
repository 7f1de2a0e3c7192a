/**
 * An admin socket: JSON over HTTP on a Unix socket that only its owner can open, for the CLI and
 * for a metrics scraper on the machine. GET changes nothing; what does is a POST.
 */
import { rmSync } from "node:fs";
import http from "node:http";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Log } from "@heddle/std";
import { AdminRequestError, AdminStream } from "./answer.ts";
import type { MetricsSource } from "./metrics-server.ts";

/**
 * Answers one path. The query is that of the request; what it returns is sent as JSON, or as the
 * stream that it is.
 */
export type AdminRoute = (query: URLSearchParams) => unknown;

export interface AdminServerOptions {
  readonly socketPath: string;
  /** Of GET, by path. */
  readonly routes: Readonly<Record<string, AdminRoute>>;
  /** Of POST, by path; what they take is in the query. */
  readonly actions?: Readonly<Record<string, AdminRoute>>;
  /** The Prometheus text for `/metrics`. */
  readonly metrics: MetricsSource;
  readonly log: Log;
}

const connectionCountMax = 64;

export class AdminServer implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #options: AdminServerOptions;

  private constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = connectionCountMax;
    this.#server.requestTimeout = 5000;
    this.#server.headersTimeout = 5000;
  }

  /** Replaces a socket file that a killed process left behind. @throws the error of listen(2) */
  static async start(options: AdminServerOptions): Promise<AdminServer> {
    const admin = new AdminServer(options);
    rmSync(options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      admin.#server.once("error", reject);
      // The file is made inside listen(); with these modes nobody else can open it even then.
      const before = process.umask(0o177);
      try {
        admin.#server.listen(options.socketPath, resolve);
      } finally {
        process.umask(before);
      }
    });
    return admin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    // A target such as `//` is no URL; nothing a client sends may end the process.
    const url = URL.parse(request.url === undefined ? "/" : request.url, "http://admin");
    if (url === null) return sendJson(response, 400, { message: "the request target is no URL" });
    try {
      if (url.pathname === "/metrics" && request.method === "GET") {
        const { contentType, text } = await this.#options.metrics();
        response.writeHead(200, { "content-type": contentType }).end(text);
        return;
      }
      const answer = await this.#answer(request.method, url);
      if (answer instanceof AdminStream) await this.#stream(response, answer);
      else sendJson(response, 200, answer);
    } catch (error) {
      if (error instanceof AdminRequestError) {
        return sendJson(response, error.status, { message: error.message });
      }
      this.#options.log.error("admin request failed", { path: url.pathname, error });
      sendJson(response, 500, { message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @throws AdminRequestError, and whatever the route throws */
  async #answer(method: string | undefined, { pathname, searchParams }: URL): Promise<unknown> {
    const { routes, actions = {} } = this.#options;
    const table = method === "GET" ? routes : method === "POST" ? actions : undefined;
    const route =
      table !== undefined && Object.hasOwn(table, pathname) ? table[pathname] : undefined;
    if (route !== undefined) return await route(searchParams);
    const known = [...Object.keys(routes), ...Object.keys(actions).map((name) => `POST ${name}`)];
    const asked = method === "GET" ? pathname : `${method} ${pathname}`;
    throw new AdminRequestError(`no ${asked} here, want one of: ${known.join(" ")}`, 404);
  }

  /** A client that goes away ends the stream, which is no fault. */
  async #stream(response: http.ServerResponse, stream: AdminStream): Promise<void> {
    response.writeHead(200, { "content-type": stream.contentType });
    try {
      await pipeline(Readable.from(stream.chunks, { objectMode: false }), response);
    } catch (error) {
      this.#options.log.debug("an answer broke off", { error });
      response.destroy();
    }
  }
}

function sendJson(response: http.ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint" ? item.toString() : item,
  );
  response.writeHead(status, { "content-type": "application/json" }).end(`${text}\n`);
}
