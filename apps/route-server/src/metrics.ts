/** The route server's Prometheus metrics, read when asked for. */
import { peerNameOf } from "@heddle/admin";
import type { BmpExporter, KernelFib, PeerStatus } from "@heddle/speaker";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type RouteServerParts, version } from "./parts.ts";

/** Of them there are numbers, too. */
export interface MeasuredParts extends RouteServerParts {
  readonly bmp: BmpExporter;
  /** Undefined where no routes go to the kernel. */
  readonly fib: KernelFib | undefined;
}

export class RouteServerMetrics {
  readonly #registry: Registry = new Registry();
  readonly #parts: MeasuredParts;
  readonly #peers: PeerMetrics;

  constructor(parts: MeasuredParts) {
    this.#parts = parts;
    this.#peers = new PeerMetrics(this.#registry);
    collectDefaultMetrics({ register: this.#registry, prefix: "heddle_route_server_" });
    const registers = [this.#registry];
    const info = { name: "heddle_route_server_info", help: "Version of the route server" };
    new Gauge({ ...info, labelNames: ["version"], registers }).set({ version }, 1);
    const { speaker, owners, fib } = parts;
    this.#gauge(
      "heddle_bgp_converged",
      "0 while it waits for its peers' tables after a restart",
      () => (speaker.isConverged ? 1 : 0),
    );
    if (owners !== undefined) this.#addOwners(owners);
    if (fib !== undefined) {
      const help = "Routes that BGP has installed in the kernel";
      this.#gauge("heddle_bgp_kernel_routes", help, () => fib.status().installedCount);
    }
    this.#addTables(parts);
    this.#addStations(parts);
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    // Asked once for all of them: with thousands of peers that takes a while.
    this.#peers.set(this.#parts.speaker.peers());
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #addOwners({ ownership }: NonNullable<RouteServerParts["owners"]>): void {
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
  }

  #addTables({ speaker }: RouteServerParts): void {
    const labelNames = ["family"] as const;
    const registers = [this.#registry];
    new Gauge({
      ...{ name: "heddle_bgp_table_routes", help: "Distinct routes in the table of a family" },
      ...{ labelNames, registers },
      collect(): void {
        for (const family of speaker.families) {
          this.set({ family }, speaker.rib.prefixCount(family));
        }
      },
    });
    new Gauge({
      name: "heddle_bgp_table_attribute_blocks",
      help: "Distinct attribute blocks in the table of a family",
      ...{ labelNames, registers },
      collect(): void {
        for (const family of speaker.families) {
          this.set({ family }, speaker.rib.attributeCount(family));
        }
      },
    });
  }

  #addStations({ bmp }: MeasuredParts): void {
    const labelNames = ["station"] as const;
    const registers = [this.#registry];
    new Gauge({
      name: "heddle_bmp_station_up",
      help: "1 while the monitoring station is connected",
      ...{ labelNames, registers },
      collect(): void {
        this.reset();
        for (const { host, port, connected } of bmp.status) {
          this.set({ station: `${host}:${port}` }, connected ? 1 : 0);
        }
      },
    });
    new Counter({
      name: "heddle_bmp_station_cut_offs_total",
      help: "Times that the monitoring station was cut off because it was too slow",
      ...{ labelNames, registers },
      collect(): void {
        this.reset();
        for (const { host, port, cutOffCount } of bmp.status) {
          this.inc({ station: `${host}:${port}` }, cutOffCount);
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

/** Of sessions; a peer that is gone is in none of them. */
class PeerMetrics {
  readonly #up: Gauge<"peer" | "as">;
  readonly #state: Gauge<"peer" | "state">;
  readonly #uptime: Gauge<"peer">;
  readonly #established: Counter<"peer">;
  readonly #routes: Gauge<"peer" | "family" | "kind">;
  readonly #notUsed: Gauge<"peer" | "family" | "reason">;
  readonly #discarded: Counter<"peer" | "reason">;
  readonly #messages: Counter<"peer" | "direction" | "type">;
  readonly #updateOctets: Counter<"peer">;
  readonly #queue: Gauge<"peer">;

  constructor(registry: Registry) {
    const gauge = <Label extends string>(name: string, help: string, ...labels: Label[]) =>
      new Gauge({ name: `heddle_bgp_${name}`, help, labelNames: labels, registers: [registry] });
    const counter = <Label extends string>(name: string, help: string, ...labels: Label[]) =>
      new Counter({ name: `heddle_bgp_${name}`, help, labelNames: labels, registers: [registry] });
    this.#up = gauge("session_up", "1 while the session is Established", "peer", "as");
    this.#state = gauge("session_state", "1 for the state of the session", "peer", "state");
    this.#uptime = gauge("session_uptime_seconds", "Since the session is Established", "peer");
    this.#established = counter(
      "sessions_established_total",
      "Times that the session became Established",
      "peer",
    );
    this.#routes = gauge(
      "peer_routes",
      "Routes of a peer: received, accepted of them, stale of them, and advertised to it",
      ...(["peer", "family", "kind"] as const),
    );
    this.#notUsed = gauge(
      "peer_routes_not_used",
      "Routes of a peer that take no part in the decision, by what keeps them out",
      ...(["peer", "family", "reason"] as const),
    );
    this.#discarded = counter(
      "discarded_routes_total",
      "Routes of a peer that were thrown away for their form (RFC 7606), by reason",
      ...(["peer", "reason"] as const),
    );
    this.#messages = counter(
      "messages_total",
      "Messages from (received) and to (sent) a peer, by type",
      ...(["peer", "direction", "type"] as const),
    );
    this.#updateOctets = counter("sent_update_octets_total", "Octets of UPDATEs to a peer", "peer");
    this.#queue = gauge("send_queue_octets", "Octets that the peer has not taken", "peer");
  }

  set(peers: readonly PeerStatus[]): void {
    const gauges = [this.#up, this.#state, this.#uptime, this.#routes, this.#notUsed, this.#queue];
    const counters = [this.#established, this.#discarded, this.#messages, this.#updateOctets];
    for (const metric of [...gauges, ...counters]) metric.reset();
    for (const status of peers) this.#add(peerNameOf(status), status);
  }

  #add(peer: string, status: PeerStatus): void {
    const { state, messages } = status;
    this.#up.set({ peer, as: String(status.asn) }, state === "Established" ? 1 : 0);
    this.#state.set({ peer, state }, 1);
    this.#uptime.set({ peer }, status.uptimeMs / 1000);
    this.#established.inc({ peer }, status.establishedCount);
    this.#queue.set({ peer }, status.sendQueueLength);
    for (const [reason, count] of Object.entries(status.discards)) {
      this.#discarded.inc({ peer, reason }, count);
    }
    for (const [family, { received, accepted, stale, advertised, notUsed }] of status.counts) {
      for (const [reason, count] of notUsed) this.#notUsed.set({ peer, family, reason }, count);
      const kinds = { received, accepted, stale, advertised };
      for (const [kind, count] of Object.entries(kinds)) {
        this.#routes.set({ peer, family, kind }, count);
      }
    }
    const { updateOctets, ...sent } = messages.sent;
    this.#updateOctets.inc({ peer }, updateOctets);
    for (const [direction, counts] of Object.entries({ received: messages.received, sent })) {
      for (const [type, count] of Object.entries(counts)) {
        this.#messages.inc({ peer, direction, type }, count);
      }
    }
  }
}
