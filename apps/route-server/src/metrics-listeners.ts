/** Where metrics can be asked for over TCP, kept equal to what the configuration says. */
import { MetricsServer, type MetricsSource } from "@heddle/admin";
import { formatIp } from "@heddle/inet";
import type { Log } from "@heddle/std";
import type { MetricsAddress } from "./config/config.ts";

export class MetricsListeners implements AsyncDisposable {
  readonly #metrics: MetricsSource;
  readonly #log: Log;
  #servers: ReadonlyMap<string, MetricsServer> = new Map();

  constructor(metrics: MetricsSource, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** What does not change goes on. @throws the error of listen(2); then nothing has changed */
  async set(addresses: readonly MetricsAddress[]): Promise<void> {
    const next = new Map<string, MetricsServer>();
    await using opened = new AsyncDisposableStack();
    for (const { address, port } of addresses) {
      const key = `${formatIp(address)} ${port}`;
      const options = { address: formatIp(address), port, metrics: this.#metrics, log: this.#log };
      const known = this.#servers.get(key) ?? next.get(key);
      next.set(key, known ?? opened.use(await MetricsServer.start(options)));
    }
    opened.move();
    const gone = [...this.#servers].filter(([key]) => !next.has(key));
    this.#servers = next;
    await Promise.all(gone.map(([, server]) => server[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.set([]);
  }
}
