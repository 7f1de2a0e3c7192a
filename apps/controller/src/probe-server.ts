/** `/healthz`, `/readyz` and `/metrics` over plain HTTP; it changes nothing. */
import http from "node:http";
import type { Log } from "@heddle/std";
import type { ListenAddress } from "./config.ts";

export interface ProbeServerOptions {
  readonly listen: ListenAddress;
  /** Why this replica could not do a leader's work; undefined when it could. */
  readonly notReady: () => string | undefined;
  /** The Prometheus text. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly log: Log;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export class ProbeServer implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #options: ProbeServerOptions;

  private constructor(options: ProbeServerOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = 64;
    this.#server.requestTimeout = 5000;
    this.#server.headersTimeout = 5000;
  }

  /** @throws the error of listen(2) */
  static async start(options: ProbeServerOptions): Promise<ProbeServer> {
    const probes = new ProbeServer(options);
    const { host, port } = options.listen;
    await new Promise<void>((resolve, reject) => {
      probes.#server.once("error", reject);
      probes.#server.listen(port, host, resolve);
    });
    return probes;
  }

  /** `127.0.0.1:9741`, `[::1]:9741`. */
  get address(): string {
    const at = this.#server.address();
    if (at === null || typeof at === "string") return "";
    return at.family === "IPv6" ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      this.#options.log.error("a probe failed", { path: request.url, error });
      answer = plain(500, error instanceof Error ? error.message : String(error));
    }
    const { status, contentType, text } = answer;
    response.writeHead(status, { "content-type": contentType }).end(text);
  }

  async #answer({ method, url = "/" }: http.IncomingMessage): Promise<Answer> {
    if (method !== "GET") return plain(405, "only GET is served");
    switch (url.split("?", 1)[0]) {
      case "/healthz":
        return plain(200, "ok");
      case "/readyz": {
        const why = this.#options.notReady();
        return why === undefined ? plain(200, "ok") : plain(503, why);
      }
      case "/metrics":
        return { status: 200, ...(await this.#options.metrics()) };
      default:
        return plain(404, "want /healthz, /readyz or /metrics");
    }
  }
}

function plain(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", text: `${text}\n` };
}
