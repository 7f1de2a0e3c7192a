/** SIGHUP: one reading of the configuration at a time, and one more if asked for meanwhile. */
import type { Log } from "@heddle/std";
import type { RouteServerConfig } from "./config/config.ts";

export class Reload {
  readonly #server: Promise<{ reconfigure(config: RouteServerConfig): Promise<void> }>;
  readonly #read: () => RouteServerConfig;
  readonly #log: Log;
  #isRunning = false;
  #isWanted = false;

  constructor(
    server: Promise<{ reconfigure(config: RouteServerConfig): Promise<void> }>,
    read: () => RouteServerConfig,
    log: Log,
  ) {
    this.#server = server;
    this.#read = read;
    this.#log = log;
  }

  request(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      const server = await this.#server;
      this.#isWanted = false;
      try {
        await server.reconfigure(this.#read());
        this.#log.info("the configuration is in force");
      } catch (error) {
        this.#log.error("the configuration is refused; the one before it stays", { error });
      }
    }
    this.#isRunning = false;
  }
}
