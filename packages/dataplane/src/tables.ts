/**
 * The eBPF tables as a resource: read them whole, apply operations to them. Writers are one thread;
 * the programs read.
 */
import type { BpfMap, BpfObject, BpfPerCpuArray } from "@heddle/ebpf";
import type { Ifindex, Prefix } from "@heddle/inet";
import {
  type DataplaneState,
  type Op,
  type RouteEntry,
  type RouteKey,
  type RouteTarget,
  routeKey,
  type VifEntry,
} from "@heddle/vrouter";
import type { DropCount } from "./dataplane.ts";
import {
  type Counter,
  dropReason,
  dropsMap,
  type Route,
  type Route4Key,
  type Route6Key,
  routes4Map,
  routes6Map,
  type Vif,
  vifsMap,
} from "./gen/heddle.gen.ts";
import {
  fromRoute4,
  fromRoute6,
  fromTarget,
  fromVif,
  toRoute4Key,
  toRoute6Key,
  toTarget,
  toVif,
} from "./table-codec.ts";

/** Operations on the eBPF tables. */
export type TableOp = Exclude<Op, { op: "put-unreachable" | "delete-unreachable" }>;

export class Tables implements Disposable {
  readonly #owned = new DisposableStack();
  readonly #vifs: BpfMap<number, Vif>;
  readonly #routes4: BpfMap<Route4Key, Route>;
  readonly #routes6: BpfMap<Route6Key, Route>;
  readonly #drops: BpfPerCpuArray<Counter>;

  /** Takes the maps out of `object`. @throws SystemError */
  constructor(object: BpfObject) {
    this.#vifs = this.#owned.use(object.takeMap(vifsMap));
    this.#routes4 = this.#owned.use(object.takeMap(routes4Map));
    this.#routes6 = this.#owned.use(object.takeMap(routes6Map));
    this.#drops = this.#owned.use(object.takePerCpuArray(dropsMap));
  }

  /**
   * What the programs see now. An entry that this version cannot read is deleted. @throws
   * SystemError
   */
  observe(): Pick<DataplaneState, "vifs" | "routes"> {
    const vifs = new Map<Ifindex, VifEntry>();
    for (const [ifindex, vif] of this.#vifs.entries()) {
      const entry = fromVif(ifindex, vif);
      vifs.set(entry.ifindex, entry);
    }
    const routes = new Map<RouteKey, RouteEntry>();
    const add = (entry: RouteEntry): void => {
      routes.set(routeKey(entry.vrf, entry.prefix), entry);
    };
    for (const [key, route] of this.#routes4.entries()) {
      const entry = fromRoute4(key, route);
      if (entry === undefined) this.#routes4.delete(key);
      else add(entry);
    }
    for (const [key, route] of this.#routes6.entries()) {
      const entry = fromRoute6(key, route);
      if (entry === undefined) this.#routes6.delete(key);
      else add(entry);
    }
    return { vifs, routes };
  }

  /** Idempotent. @throws SystemError E2BIG when a table is full */
  apply(op: TableOp): void {
    switch (op.op) {
      case "put-vif":
        this.#vifs.set(op.vif.ifindex, toVif(op.vif));
        break;
      case "delete-vif":
        this.#vifs.delete(op.ifindex);
        break;
      case "put-route":
        this.#putRoute(op.route);
        break;
      case "delete-route":
        this.#deleteRoute(op.route);
        break;
    }
  }

  /** @throws SystemError */
  vif(ifindex: Ifindex): VifEntry | undefined {
    const vif = this.#vifs.get(ifindex);
    return vif === undefined ? undefined : fromVif(ifindex, vif);
  }

  /**
   * What decides for the first address of `prefix`: its own entry, or else the longest shorter one.
   * @throws SystemError
   */
  target(vrf: RouteEntry["vrf"], prefix: Prefix): RouteTarget | undefined {
    const route =
      prefix.family === 4
        ? this.#routes4.get(toRoute4Key(vrf, prefix))
        : this.#routes6.get(toRoute6Key(vrf, prefix));
    return route === undefined ? undefined : fromTarget(route);
  }

  /** Every reason, also those that did not occur. @throws SystemError */
  drops(): DropCount[] {
    return Object.entries(dropReason).map(([reason, index]) => {
      let [packets, bytes] = [0n, 0n];
      for (const counter of this.#drops.get(index)) {
        packets += counter.packets;
        bytes += counter.bytes;
      }
      return { reason, packets, bytes };
    });
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  #putRoute({ vrf, prefix, target }: RouteEntry): void {
    const route = toTarget(target);
    if (prefix.family === 4) this.#routes4.set(toRoute4Key(vrf, prefix), route);
    else this.#routes6.set(toRoute6Key(vrf, prefix), route);
  }

  #deleteRoute({ vrf, prefix }: RouteEntry): void {
    if (prefix.family === 4) this.#routes4.delete(toRoute4Key(vrf, prefix));
    else this.#routes6.delete(toRoute6Key(vrf, prefix));
  }
}
