/**
 * What import policy makes of the routes that a session touches. An UPDATE only notes which routes
 * it is about; in later turns they are looked up, a bounded number at a time, and told as they are
 * then.
 */
import type { RibReader } from "@heddle/bgp";
import { toHex } from "@heddle/codec";
import { formatPrefix } from "@heddle/inet";
import type { MonitoredSession } from "./monitored-session.ts";
import { encodeAnnouncements, encodeWithdrawal, type MonitoredRoute } from "./route-updates.ts";
import { visitTouchedRoutes } from "./touched-routes.ts";

export interface PostPolicyEvents {
  /** `updates` are whole messages. */
  update(monitored: MonitoredSession, updates: Uint8Array): void;
  /** More routes are touched than may be noted; nothing more is told. */
  overflowed(): void;
}

const touchedCountMax = 100_000;
/** Routes looked up per turn: some milliseconds. */
const turnCountMax = 500;

export class PostPolicyView implements Disposable {
  readonly #rib: RibReader;
  readonly #events: PostPolicyEvents;
  readonly #touched: Map<MonitoredSession, Map<string, MonitoredRoute>> = new Map();
  #touchedCount = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(rib: RibReader, events: PostPolicyEvents) {
    this.#rib = rib;
    this.#events = events;
  }

  /** `body` is of an UPDATE that the RIB takes in this turn; borrowed. */
  touch(monitored: MonitoredSession, body: Uint8Array): void {
    let routes = this.#touched.get(monitored);
    if (routes === undefined) {
      routes = new Map();
      this.#touched.set(monitored, routes);
    }
    const before = routes.size;
    const known = routes;
    visitTouchedRoutes(body, monitored.addPath, (route) => known.set(keyOf(route), route));
    this.#touchedCount += routes.size - before;
    if (this.#touchedCount > touchedCountMax) {
      this[Symbol.dispose]();
      this.#events.overflowed();
    } else {
      this.#turn ??= setImmediate(() => this.#tell());
    }
  }

  forget(monitored: MonitoredSession): void {
    this.#touchedCount -= this.#touched.get(monitored)?.size ?? 0;
    this.#touched.delete(monitored);
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#touched.clear();
    this.#touchedCount = 0;
  }

  #tell(): void {
    this.#turn = undefined;
    let left = turnCountMax;
    for (const [monitored, routes] of this.#touched) {
      for (const [key, route] of routes) {
        if (left === 0) break;
        left -= 1;
        routes.delete(key);
        this.#touchedCount -= 1;
        this.#events.update(monitored, this.#updateOf(monitored, route));
      }
      if (routes.size === 0) this.#touched.delete(monitored);
    }
    if (this.#touchedCount > 0) this.#turn ??= setImmediate(() => this.#tell());
  }

  #updateOf({ index, addPath }: MonitoredSession, route: MonitoredRoute): Uint8Array {
    const hasPaths = addPath.has(route.family);
    const paths =
      "prefix" in route
        ? this.#rib.comparedPaths(route.prefix)
        : isKeyed(route.family)
          ? this.#rib.comparedRoutes(route.family, route.key)
          : [];
    const found = paths.find(
      ({ peer, pathId, ineligible }) =>
        peer === index && ineligible === undefined && (!hasPaths || pathId === route.pathId),
    );
    return found === undefined
      ? encodeWithdrawal(route, hasPaths)
      : encodeAnnouncements([found], hasPaths);
  }
}

type Keyed = Parameters<RibReader["comparedRoutes"]>[0];

function isKeyed(family: MonitoredRoute["family"]): family is Keyed {
  return family !== "ipv4-unicast" && family !== "ipv6-unicast";
}

function keyOf(route: MonitoredRoute): string {
  const name = "prefix" in route ? formatPrefix(route.prefix) : toHex(route.key);
  return `${route.family} ${route.pathId} ${name}`;
}
