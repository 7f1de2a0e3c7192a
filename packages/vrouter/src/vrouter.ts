/**
 * The compiler for changes: keeps what every part of the node's state claims, and answers each
 * change with the operations for the keys it touches. Its state always equals {@link compile} of
 * the node's state; a test holds it to that.
 */
import type { Ifindex, Ip, Prefix } from "@heddle/inet";
import {
  type Claim,
  claimOfBlock,
  claimOfHostAddress,
  claimsOfEndpoint,
  defaultClaims,
  strongest,
  vifOf,
} from "./claim.ts";
import { unreachablePrefixes } from "./compile.ts";
import {
  type DataplaneState,
  equalTargets,
  equalVifs,
  type RouteEntry,
  type RouteKey,
  routeKey,
  type VifEntry,
} from "./dataplane-state.ts";
import type { Endpoint, OwnBlock } from "./node-state.ts";
import { type Op, sortOps } from "./plan.ts";

/** Who claims: an endpoint by its ifindex, or one of the sets that are replaced as a whole. */
type Owner = Ifindex | "blocks" | "host" | "default";

export class VRouter {
  readonly #endpoints = new Map<Ifindex, Endpoint>();
  readonly #vifs = new Map<Ifindex, VifEntry>();
  readonly #routes = new Map<RouteKey, RouteEntry>();
  #unreachable: ReadonlySet<Prefix> = new Set();
  #nodeAddresses: readonly Ip[] = [];
  /** By key, then by owner; an owner claims a key at most once. */
  readonly #claims = new Map<RouteKey, Map<Owner, Claim>>();
  readonly #keysByOwner = new Map<Owner, readonly RouteKey[]>();

  constructor() {
    this.#claim("default", defaultClaims);
  }

  /** A view of the current state: it changes with the next call. */
  get state(): DataplaneState {
    return { vifs: this.#vifs, routes: this.#routes, unreachable: this.#unreachable };
  }

  /** Adds an endpoint, or replaces the one on the same interface. */
  putEndpoint(endpoint: Endpoint): Op[] {
    const ops = this.#claim(endpoint.hostIfindex, claimsOfEndpoint(endpoint));
    this.#endpoints.set(endpoint.hostIfindex, endpoint);
    return sortOps([...ops, ...this.#enter(endpoint)]);
  }

  /** Does nothing for an interface that is no endpoint. */
  removeEndpoint(hostIfindex: Ifindex): Op[] {
    const ops = this.#claim(hostIfindex, []);
    this.#endpoints.delete(hostIfindex);
    if (this.#vifs.delete(hostIfindex)) ops.push({ op: "delete-vif", ifindex: hostIfindex });
    return sortOps(ops);
  }

  setHostAddresses(addresses: readonly Ip[]): Op[] {
    return sortOps(this.#claim("host", addresses.map(claimOfHostAddress)));
  }

  /** What the gateway of pods of other VRFs stands for; at most one of each family. */
  setNodeAddresses(addresses: readonly Ip[]): Op[] {
    this.#nodeAddresses = addresses;
    return sortOps([...this.#endpoints.values()].flatMap((endpoint) => this.#enter(endpoint)));
  }

  setBlocks(blocks: readonly OwnBlock[]): Op[] {
    const ops = this.#claim("blocks", blocks.map(claimOfBlock));
    const wanted = unreachablePrefixes(blocks);
    for (const prefix of wanted) {
      if (!this.#unreachable.has(prefix)) ops.push({ op: "put-unreachable", prefix });
    }
    for (const prefix of this.#unreachable) {
      if (!wanted.has(prefix)) ops.push({ op: "delete-unreachable", prefix });
    }
    this.#unreachable = wanted;
    return sortOps(ops);
  }

  /** Makes the entry of the endpoint's interface what it has to be now. */
  #enter(endpoint: Endpoint): Op[] {
    const vif = vifOf(endpoint, this.#nodeAddresses);
    const current = this.#vifs.get(vif.ifindex);
    this.#vifs.set(vif.ifindex, vif);
    return current !== undefined && equalVifs(current, vif) ? [] : [{ op: "put-vif", vif }];
  }

  /** Replaces all claims of `owner` and returns what that changes in the routes. */
  #claim(owner: Owner, claims: readonly Claim[]): Op[] {
    const before = this.#keysByOwner.get(owner);
    const touched = new Set(before);
    for (const key of touched) this.#claims.get(key)?.delete(owner);
    const keys: RouteKey[] = [];
    for (const claim of claims) {
      const key = routeKey(claim.route.vrf, claim.route.prefix);
      const byOwner = this.#claims.get(key);
      if (byOwner === undefined) this.#claims.set(key, new Map([[owner, claim]]));
      else byOwner.set(owner, claim);
      touched.add(key);
      keys.push(key);
    }
    if (keys.length > 0) this.#keysByOwner.set(owner, keys);
    else this.#keysByOwner.delete(owner);
    return [...touched].flatMap((key) => this.#settle(key));
  }

  /** Makes the winner of `key` its route. */
  #settle(key: RouteKey): Op[] {
    const claims = this.#claims.get(key);
    const winner = claims === undefined ? undefined : strongest(claims.values());
    const current = this.#routes.get(key);
    if (winner !== undefined) {
      this.#routes.set(key, winner.route);
      const same = current !== undefined && equalTargets(current.target, winner.route.target);
      return same ? [] : [{ op: "put-route", route: winner.route }];
    }
    this.#claims.delete(key);
    if (current === undefined) return [];
    this.#routes.delete(key);
    return [{ op: "delete-route", route: current }];
  }
}
