/** The route server's Prometheus metrics, read when asked for. */
import { formatIp } from "@heddle/inet";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type RouteServerParts, version } from "./parts.ts";

export class RouteServerMetrics {
  readonly #registry: Registry = new Registry();

  constructor(parts: RouteServerParts) {
    collectDefaultMetrics({ register: this.#registry, prefix: "heddle_route_server_" });
    new Gauge({
      name: "heddle_route_server_info",
      help: "Version of the route server",
      labelNames: ["version"],
      registers: [this.#registry],
    }).set({ version }, 1);
    const { speaker, ownership } = parts;
    this.#gauge(
      "heddle_route_server_owned",
      "Blocks and addresses that nodes own",
      () => ownership.entryCount,
    );
    this.#gauge(
      "heddle_route_server_owners_synced",
      "1 while the watches of the API server are well",
      () => (ownership.isSynced && ownership.lastError === undefined ? 1 : 0),
    );
    this.#gauge(
      "heddle_bgp_converged",
      "0 while it waits for its peers' tables after a restart",
      () => (speaker.isConverged ? 1 : 0),
    );
    this.#addPeers(parts);
    this.#addTables(parts);
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #addPeers({ speaker }: RouteServerParts): void {
    new Gauge({
      name: "heddle_bgp_session_up",
      help: "1 while the session is Established",
      labelNames: ["peer"],
      registers: [this.#registry],
      collect(): void {
        this.reset();
        for (const { address, state } of speaker.peers()) {
          this.set({ peer: formatIp(address) }, state === "Established" ? 1 : 0);
        }
      },
    });
    new Gauge({
      name: "heddle_bgp_peer_routes",
      help: "Routes of a peer: received, accepted of them, stale of them, and advertised to it",
      labelNames: ["peer", "family", "kind"],
      registers: [this.#registry],
      collect(): void {
        this.reset();
        for (const { address, counts } of speaker.peers()) {
          const peer = formatIp(address);
          for (const [family, { received, accepted, stale, advertised }] of counts) {
            const kinds = { received, accepted, stale, advertised };
            for (const [kind, count] of Object.entries(kinds)) {
              this.set({ peer, family, kind }, count);
            }
          }
        }
      },
    });
  }

  #addTables({ speaker }: RouteServerParts): void {
    new Gauge({
      name: "heddle_bgp_table_routes",
      help: "Distinct routes in the table of a family",
      labelNames: ["family"],
      registers: [this.#registry],
      collect(): void {
        for (const family of speaker.families) {
          this.set({ family }, speaker.rib.prefixCount(family));
        }
      },
    });
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
