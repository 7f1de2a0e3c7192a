/** `/metrics` over TCP, for a Prometheus on another machine. It shows numbers and takes nothing. */
import http from "node:http";
import type { Log } from "@heddle/std";

/** The Prometheus text. */
export type MetricsSource = () => Promise<{ readonly contentType: string; readonly text: string }>;

export interface MetricsServerOptions {
  /** As text, without a zone. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly metrics: MetricsSource;
  readonly log: Log;
}

const connectionCountMax = 16;
const requestTimeoutMs = 5000;

export class MetricsServer implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #options: MetricsServerOptions;

  private constructor(options: MetricsServerOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = connectionCountMax;
    this.#server.requestTimeout = requestTimeoutMs;
    this.#server.headersTimeout = requestTimeoutMs;
  }

  /** @throws the error of listen(2) */
  static async start(options: MetricsServerOptions): Promise<MetricsServer> {
    const metrics = new MetricsServer(options);
    const { address: host, port } = options;
    await new Promise<void>((resolve, reject) => {
      metrics.#server.once("error", reject);
      // Without ipv6Only an IPv6 wildcard would take the IPv4 one, which may be wanted as well.
      metrics.#server.listen({ host, port, ipv6Only: true }, resolve);
    });
    return metrics;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const [path] = (request.url ?? "/").split("?", 1);
    const isAsked = path === "/metrics" && (request.method === "GET" || request.method === "HEAD");
    if (!isAsked) {
      response.writeHead(404, { "content-type": "text/plain" }).end("want GET /metrics\n");
      return;
    }
    try {
      const { contentType, text } = await this.#options.metrics();
      response.writeHead(200, { "content-type": contentType }).end(text);
    } catch (error) {
      this.#options.log.error("cannot read the metrics", { error });
      response.writeHead(500, { "content-type": "text/plain" }).end("see the log\n");
    }
  }
}
