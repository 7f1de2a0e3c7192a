/**
 * Kernel routes through rtnetlink, in the thread that calls. A call takes as long as the kernel
 * holds its lock: mostly under a millisecond per batch, at times tens of milliseconds.
 */
import { type Ifindex, type Ip, type Prefix, prefixOf } from "@heddle/inet";
import type { Fd } from "@heddle/native";
import {
  deleteRoute,
  IFF_UP,
  isAbsent,
  type MonitorEvents,
  monitor,
  type NetlinkError,
  newRoute,
  type Request,
  type Route,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  RTPROT_BGP,
  Rtnetlink,
  type RtnetlinkEvent,
} from "@heddle/netlink";
import type { Log } from "@heddle/std";
import type {
  FibHint,
  FibNexthop,
  FibOperation,
  FibOutcome,
  FibRoute,
  RouteKernel,
} from "./route-kernel.ts";

export interface NetlinkRoutesConfig {
  /** Default: main. */
  readonly table?: number;
  /** Borrowed for the call; default: the namespace of the calling thread. */
  readonly netns?: Fd;
}

const unreachableCodes: ReadonlySet<string> = new Set([
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENODEV",
]);

export class NetlinkRoutes implements RouteKernel {
  readonly #table: number;
  readonly #rtnetlink: Rtnetlink;
  readonly #monitor: Disposable;

  /** Hints come from now on, so an `observe` afterwards misses nothing. @throws SystemError */
  constructor(config: NetlinkRoutesConfig, log: Log, hint: (hint: FibHint) => void) {
    this.#table = config.table ?? RT_TABLE_MAIN;
    this.#rtnetlink = new Rtnetlink(config.netns);
    const events: MonitorEvents = {
      changes: (changes) => {
        for (const change of changes) this.#forward(change, hint);
      },
      overrun: () => hint({ kind: "lost" }),
      failed: (error) =>
        log.error("route monitor failed: changes by others go unnoticed", { error }),
      undecodable: (error) => log.debug("cannot decode a netlink message", { error }),
    };
    this.#monitor = monitor(["route", "link"], events, config.netns);
  }

  [Symbol.dispose](): void {
    this.#monitor[Symbol.dispose]();
    this.#rtnetlink[Symbol.dispose]();
  }

  async observe(): Promise<readonly FibRoute[]> {
    const routes: FibRoute[] = [];
    for (const family of [4, 6] as const) {
      const filter = { family, table: this.#table, protocol: RTPROT_BGP };
      // Kernels without strict checking of dumps ignore the filter.
      for (const route of this.#rtnetlink.routes(filter)) {
        if (this.#isOwn(route)) routes.push(fibRoute(route));
      }
    }
    return routes;
  }

  async submit(operations: readonly FibOperation[]): Promise<readonly FibOutcome[]> {
    const outcomes = this.#rtnetlink.submit(operations.map((op) => this.#request(op)));
    return operations.map((op, i) => outcomeOf(op, outcomes[i]));
  }

  async usable(nexthops: readonly FibNexthop[]): Promise<readonly FibNexthop[]> {
    const up = new Set<Ifindex>();
    for (const link of this.#rtnetlink.links()) {
      if ((link.flags & IFF_UP) !== 0 && link.carrier) up.add(link.ifindex);
    }
    const connected: Prefix[] = [];
    for (const address of this.#rtnetlink.addresses()) {
      // Of a point-to-point address, the connected prefix is that of the other end.
      if (up.has(address.ifindex)) connected.push(prefixOf(address.peer, address.prefixLength));
    }
    const isConnected = (via: Ip): boolean =>
      connected.some(
        (prefix) => typeof via === typeof prefix.address && prefixOf(via, prefix.length) === prefix,
      );
    return nexthops.filter((hop) =>
      hop.ifindex === undefined ? isConnected(hop.via) : up.has(hop.ifindex),
    );
  }

  #request({ kind, route }: FibOperation): Request {
    const { prefix, metric, nexthops } = route;
    const named = { prefix, metric, table: this.#table, protocol: RTPROT_BGP };
    if (kind === "delete") return deleteRoute(named);
    return newRoute({ ...named, nexthops }, kind);
  }

  #isOwn(route: Route): boolean {
    return (
      route.protocol === RTPROT_BGP && route.table === this.#table && route.type === RTN_UNICAST
    );
  }

  #forward(event: RtnetlinkEvent, hint: (hint: FibHint) => void): void {
    if (event.object === "link") {
      hint({ kind: "link", ifindex: event.link.ifindex });
    } else if (event.object === "route" && this.#isOwn(event.route)) {
      const route = event.change === "new" ? fibRoute(event.route) : undefined;
      hint({ kind: "route", prefix: event.route.prefix, route });
    }
  }
}

function fibRoute(route: Route): FibRoute {
  const nexthops: FibNexthop[] = [];
  for (const { via, ifindex } of route.nexthops)
    if (via !== undefined) nexthops.push({ via, ifindex });
  return { prefix: route.prefix, metric: route.metric, nexthops };
}

function outcomeOf(op: FibOperation, error: NetlinkError | undefined): FibOutcome {
  if (error === undefined || (op.kind === "delete" && isAbsent(error))) return { result: "ok" };
  if (op.kind === "create" && error.code === "EEXIST") return { result: "occupied", error };
  // IPv6 says EINVAL for a next hop that is on no link.
  const isUnreachable =
    unreachableCodes.has(error.code) || (op.kind !== "delete" && error.code === "EINVAL");
  return { result: isUnreachable ? "unreachable" : "failed", error };
}
