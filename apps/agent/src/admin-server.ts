/**
 * The agent's admin socket: JSON over HTTP on a Unix socket that only root can open. It is for the
 * CLI and for a metrics scraper on the node; it changes nothing.
 */
import { chmodSync, rmSync } from "node:fs";
import http from "node:http";
import type { Log } from "@heddle/std";

/** Answers one path. The query is that of the request; what it returns is sent as JSON. */
export type AdminRoute = (query: URLSearchParams) => unknown;

/** A request that the route refuses: status 400 with this message. */
export class AdminRequestError extends Error {
  override readonly name = "AdminRequestError";
}

export interface AdminServerOptions {
  readonly socketPath: string;
  readonly routes: Readonly<Record<string, AdminRoute>>;
  /** The Prometheus text for `/metrics`. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly log: Log;
}

export class AdminServer implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #options: AdminServerOptions;

  private constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = 64;
    this.#server.requestTimeout = 5000;
    this.#server.headersTimeout = 5000;
  }

  /** @throws the error of listen(2). A socket file that a killed agent left behind is replaced. */
  static async start(options: AdminServerOptions): Promise<AdminServer> {
    const admin = new AdminServer(options);
    rmSync(options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      admin.#server.once("error", reject);
      admin.#server.listen(options.socketPath, resolve);
    });
    chmodSync(options.socketPath, 0o600);
    return admin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    // A target such as `//` is no URL; nothing a client sends may end the agent.
    const url = URL.parse(request.url === undefined ? "/" : request.url, "http://agent");
    if (url === null) return sendJson(response, 400, { message: "the request target is no URL" });
    try {
      if (request.method !== "GET")
        return sendJson(response, 405, { message: "only GET is served" });
      if (url.pathname === "/metrics") {
        const { contentType, text } = await this.#options.metrics();
        response.writeHead(200, { "content-type": contentType }).end(text);
        return;
      }
      const route = this.#options.routes[url.pathname];
      if (route === undefined) {
        const known = Object.keys(this.#options.routes).join(" ");
        return sendJson(response, 404, {
          message: `no ${url.pathname} here, want one of: ${known}`,
        });
      }
      sendJson(response, 200, await route(url.searchParams));
    } catch (error) {
      if (error instanceof AdminRequestError) {
        return sendJson(response, 400, { message: error.message });
      }
      this.#options.log.error("admin request failed", { path: url.pathname, error });
      sendJson(response, 500, { message: error instanceof Error ? error.message : String(error) });
    }
  }
}

function sendJson(response: http.ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint" ? item.toString() : item,
  );
  response.writeHead(status, { "content-type": "application/json" }).end(`${text}\n`);
}
