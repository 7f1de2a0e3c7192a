/** The controller's Prometheus metrics, read when asked for. */
import type { ControllerCounts, Controllers } from "@heddle/controllers";
import type { LeaderElector } from "@heddle/kube";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

export const version = "0.1.0";

export interface MetricSources {
  readonly controllers: Controllers;
  readonly elector: LeaderElector;
}

export class ControllerMetrics {
  readonly #registry: Registry = new Registry();

  constructor({ controllers, elector }: MetricSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: "heddle_controller_" });
    new Gauge({
      name: "heddle_controller_info",
      help: "Version of the controller",
      labelNames: ["version"],
      registers,
    }).set({ version }, 1);
    this.#gauge("heddle_controller_leader", "1 while this replica leads", () =>
      elector.isLeader ? 1 : 0,
    );
    this.#gauge(
      "heddle_controller_waiting_objects",
      "Objects that wait for a look",
      () => controllers.waitingCount,
    );
    const counters: readonly (readonly [string, string, keyof ControllerCounts])[] = [
      ["looks", "Objects looked at", "lookCount"],
      ["writes", "Statuses written", "writeCount"],
      ["conflicts", "Writes refused because the object had changed", "conflictCount"],
      ["failures", "Looks that failed otherwise", "failureCount"],
    ];
    for (const [name, help, count] of counters) {
      new Counter({
        name: `heddle_controller_${name}_total`,
        help,
        registers,
        collect(): void {
          this.reset();
          this.inc(controllers.counts[count]);
        },
      });
    }
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect(): void {
        this.set(read());
      },
    });
  }
}
