/** The agent's Prometheus metrics, read when asked for. */
import { formatIp } from "@heddle/inet";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AgentParts } from "./parts.ts";
import type { CniDuration } from "./timed-cni.ts";
import { version } from "./version.ts";

/** From an ADD that finds all it needs to one that waits for another node; the limit is 55 s. */
const cniSecondsBuckets = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
];

export class AgentMetrics {
  readonly #registry: Registry = new Registry();
  readonly #cniDurations: Histogram<"verb" | "outcome"> = new Histogram({
    name: "heddle_cni_duration_seconds",
    help: "Time from a CNI request to its result, by verb and outcome: ok or the error's name",
    labelNames: ["verb", "outcome"],
    buckets: cniSecondsBuckets,
    registers: [this.#registry],
  });

  constructor(parts: AgentParts) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: "heddle_agent_" });
    new Gauge({
      name: "heddle_agent_info",
      help: "Version of the agent",
      labelNames: ["version"],
      registers,
    }).set({ version }, 1);
    new Gauge({
      name: "heddle_pods",
      help: "Pod interfaces of this node",
      registers,
      collect(): void {
        this.set(parts.node.state.allocations.size);
      },
    });
    new Gauge({
      name: "heddle_ip_blocks",
      help: "Address blocks of this node",
      registers,
      collect(): void {
        this.set(parts.node.state.blocks.size);
      },
    });
    this.#addBgp(parts);
    this.#addDataplane(parts);
  }

  observeCni({ verb, outcome, durationMs }: CniDuration): void {
    this.#cniDurations.observe({ verb, outcome }, durationMs / 1000);
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #addBgp({ speaker, fib }: AgentParts): void {
    const registers = [this.#registry];
    new Gauge({
      name: "heddle_bgp_session_up",
      help: "1 while the session is Established",
      labelNames: ["peer"],
      registers,
      collect(): void {
        this.reset();
        for (const peer of speaker.peers()) {
          this.set({ peer: formatIp(peer.address) }, peer.state === "Established" ? 1 : 0);
        }
      },
    });
    new Gauge({
      name: "heddle_bgp_kernel_routes",
      help: "Routes that BGP has installed in the kernel",
      registers,
      collect(): void {
        this.set(fib.status().installedCount);
      },
    });
    new Gauge({
      name: "heddle_bmp_station_up",
      help: "1 while the monitoring station is connected",
      labelNames: ["station"],
      registers,
      collect(): void {
        this.reset();
        for (const { host, port, connected } of speaker.monitoring.status) {
          this.set({ station: `${host}:${port}` }, connected ? 1 : 0);
        }
      },
    });
  }

  #addDataplane({ dataplane }: AgentParts): void {
    new Gauge({
      name: "heddle_dropped_packets",
      help: "Packets that the data plane dropped, by reason, since its maps were made",
      labelNames: ["reason"],
      registers: [this.#registry],
      async collect(): Promise<void> {
        for (const { reason, packets } of await dataplane.drops())
          this.set({ reason }, Number(packets));
      },
    });
  }
}
