/**
 * The node's part in the VPNs of the VPCs: what it holds of each is announced by EVPN type 5 routes
 * (RFC 9136 4.4.1) over VXLAN, what its VRFs import is asked for (RFC 4684), and what comes is
 * imported. The result is shown; no program forwards by it.
 *
 * Invariants: a VRF exists here exactly while one of its prefixes is announced; one route more or
 * less gives what a plan of everything would give; the import holds what the speaker that runs has
 * told, and nothing of an earlier one.
 */
import type { Vpc } from "@heddle/api";
import type { MultipathConfig, RouteChange } from "@heddle/bgp";
import type { Ip, Prefix, VrfId } from "@heddle/inet";
import type { RouteSink } from "@heddle/speaker";
import type { Clock } from "@heddle/std";
import {
  ImportTable,
  membershipRoutes,
  membershipsOf,
  type OriginatedRoute,
  originate,
  pathIdOf,
  plan,
  prefixRoutes,
  type Vrf,
  type VrfRoute,
  type Vtep,
} from "@heddle/vpn";
import type { OwnBlock } from "@heddle/vrouter";
import type { Announcer } from "../announcer.ts";
import { planVrfs, type VrfNode, vrfIdOf } from "./plan-vrfs.ts";

/** Originates routes of the VPN families; the node's speaker. */
export interface VpnSpeaker {
  announceRoute(route: OriginatedRoute): void;
  withdrawRoute(route: OriginatedRoute): void;
}

export interface NodeVpnOptions {
  readonly speaker: VpnSpeaker;
  readonly clock: Clock;
  /** Called when the node has got its first addresses of a VPC, or given up its last. */
  readonly onVrfs?: () => void;
}

/** What the node is in its VPNs. */
export interface VpnSettings extends VrfNode {
  /** Where the tunnels of other nodes end here. */
  readonly address: Ip;
  readonly vpcs: readonly Vpc[];
  readonly multipath: MultipathConfig;
}

/** A VRF with what is known in it. */
export interface NodeVrf {
  readonly vrf: Vrf;
  readonly address: Ip;
  /** Announced by this node. */
  readonly own: ReadonlySet<Prefix>;
  /** Of other nodes, and of VRFs that leak into this one. */
  readonly routes: Iterable<VrfRoute>;
}

export class NodeVpn implements Announcer, RouteSink {
  readonly #options: NodeVpnOptions;
  readonly #own: Map<VrfId, Set<Prefix>> = new Map();
  /** By the ids of the routes. */
  readonly #originated: Map<string, OriginatedRoute> = new Map();
  /** The last word of the speaker about each route, for a table that is made anew. */
  readonly #received: Map<string, RouteChange> = new Map();
  #settings: VpnSettings | undefined;
  #vrfs: ReadonlyMap<VrfId, Vrf> = new Map();
  #imports: ImportTable | undefined;
  #problems: readonly string[] = [];
  #settling: Promise<void> | undefined;

  constructor(options: NodeVpnOptions) {
    this.#options = options;
  }

  /** What is not announced, and why. */
  get problems(): readonly string[] {
    if (this.#settings !== undefined || this.#own.size === 0) return this.#problems;
    return ["addresses of VPCs are not announced: the node has no address or no BGP of its own"];
  }

  /** Whether the node holds addresses of the VPC. */
  holds(vpc: Vpc): boolean {
    const id = vrfIdOf(vpc);
    return id !== undefined && this.#own.has(id);
  }

  /** Whether the node holds addresses of any VPC. */
  get isUsed(): boolean {
    return this.#own.size > 0;
  }

  /** Undefined: nothing is announced. */
  configure(settings: VpnSettings | undefined): void {
    const before = this.#settings;
    this.#settings = settings;
    if (settings === undefined) this.#imports = undefined;
    else if (before?.address !== settings.address || before.routerId !== settings.routerId) {
      this.#imports = newTable(settings, this.#received.values());
    }
    this.#replan();
  }

  announce({ vrf, prefix }: OwnBlock): void {
    const own = this.#own.get(vrf);
    if (own === undefined) {
      this.#own.set(vrf, new Set([prefix]));
      this.#replan();
      this.#options.onVrfs?.();
      return;
    }
    own.add(prefix);
    for (const route of this.#routesOf(vrf, prefix)) this.#announce(route);
  }

  withdraw({ vrf, prefix }: OwnBlock): void {
    const own = this.#own.get(vrf);
    if (own?.delete(prefix) !== true) return;
    if (own.size > 0) {
      for (const route of this.#routesOf(vrf, prefix)) this.#withdraw(route);
      return;
    }
    this.#own.delete(vrf);
    this.#replan();
    this.#options.onVrfs?.();
  }

  /** Best routes of the VPN families, from the speaker. */
  async apply(changes: readonly RouteChange[]): Promise<void> {
    for (const change of changes) {
      const id = pathIdOf(change);
      if (change.best === undefined) this.#received.delete(id);
      else this.#received.set(id, change);
      this.#imports?.update(change);
    }
    await this.#settle();
  }

  /** A new speaker begins, which tells all that it learns. */
  reset(): void {
    this.#received.clear();
    if (this.#settings !== undefined) this.#imports = newTable(this.#settings, []);
    this.#replan();
  }

  /** By name; read it before control returns to the event loop. */
  vrfs(): NodeVrf[] {
    const [settings, imports] = [this.#settings, this.#imports];
    if (settings === undefined || imports === undefined) return [];
    const { address } = settings;
    return [...this.#vrfs.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((vrf) => {
        const own = this.#own.get(vrf.vrfId) ?? new Set<Prefix>();
        return { vrf, address, own, routes: imports.routes(vrf.name) };
      });
  }

  #replan(): void {
    const settings = this.#settings;
    const desired = new Map<string, OriginatedRoute>();
    if (settings === undefined) {
      this.#vrfs = new Map();
    } else {
      const { vrfs, prefixes, problems } = planVrfs(settings.vpcs, this.#own, settings);
      const vtep = vtepOf(settings);
      const local = { vrfs, prefixes, segments: [], endpoints: [] };
      for (const [id, route] of originate(vtep, local)) desired.set(id, route);
      const wanted = membershipRoutes(vtep, membershipsOf(settings.asn, vrfs));
      for (const [id, route] of wanted) desired.set(id, route);
      this.#vrfs = new Map(vrfs.map((vrf) => [vrf.vrfId, vrf]));
      this.#problems = problems;
      this.#imports?.configure(vrfs);
    }
    for (const { op, route } of plan(desired, this.#originated)) {
      if (op === "announce") this.#announce(route);
      else this.#withdraw(route);
    }
    void this.#settle();
  }

  /** Empty when there is nothing to announce the prefix by. */
  #routesOf(id: VrfId, prefix: Prefix): OriginatedRoute[] {
    const [settings, vrf] = [this.#settings, this.#vrfs.get(id)];
    if (settings === undefined || vrf === undefined) return [];
    return prefixRoutes(vtepOf(settings), [vrf], { vrf: vrf.name, prefix });
  }

  #announce(route: OriginatedRoute): void {
    this.#originated.set(route.id, route);
    this.#options.speaker.announceRoute(route);
  }

  #withdraw(route: OriginatedRoute): void {
    this.#originated.delete(route.id);
    this.#options.speaker.withdrawRoute(route);
  }

  /** Works out what the import has pending, a piece per turn of the event loop. */
  #settle(): Promise<void> {
    if (this.#settling !== undefined) return this.#settling;
    if (this.#imports?.changesPending !== true) return Promise.resolve();
    this.#settling = this.#takeChanges();
    return this.#settling;
  }

  /** In one step with the last look at what is pending it says that it has ended. */
  async #takeChanges(): Promise<void> {
    while (this.#imports?.changesPending === true) {
      this.#imports.takeChanges();
      await new Promise<void>((resolve) => this.#options.clock.after(0, resolve));
    }
    this.#settling = undefined;
  }
}

function newTable(settings: VpnSettings, received: Iterable<RouteChange>): ImportTable {
  const table = new ImportTable({ vtep: vtepOf(settings), multipath: settings.multipath });
  for (const change of received) table.update(change);
  return table;
}

function vtepOf({ address, routerId }: VpnSettings): Vtep {
  return { address, routerId, encapsulations: ["vxlan"] };
}
