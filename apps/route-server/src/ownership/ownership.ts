/**
 * Answers the RIB's question whether a peer may announce a route, from a copy of the API's objects
 * that is kept by list and watch. While the API server is away, what was known last counts.
 */
import {
  type IPBlock,
  type IPClaim,
  ipBlockKind,
  ipClaimKind,
  type KubeObject,
  type Node,
  nodeKind,
  type ResourceKind,
  type Subnet,
  subnetKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import type { AddressFamily, PeerIndex, RouteOwnership } from "@heddle/bgp";
import type { Asn, Family, Ip, RouteTarget } from "@heddle/inet";
import { Informer, type Store } from "@heddle/kube";
import type { PeerIdentity } from "@heddle/speaker";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import type { AgentIdentity } from "../config/config.ts";
import { OwnerIndex } from "./owner-index.ts";

export interface OwnershipOptions {
  /** Of the agents. */
  readonly asn: Asn;
  readonly store: Store;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Who the peer of that number is. */
  readonly identityOf: (peer: PeerIndex) => PeerIdentity | undefined;
  /** How sessions from that address are told apart; undefined for a peer that is no agent. */
  readonly agentAt: (address: Ip) => AgentIdentity | undefined;
  /** The answers may differ from now on. */
  readonly changed: () => void;
}

/** Changes that come within this time make one new index. */
const settleMs = 50;

export class Ownership implements RouteOwnership, AsyncDisposable {
  readonly #options: OwnershipOptions;
  readonly #owned: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #informers: Pick<Informer<KubeObject>, "isSynced" | "lastError" | "synced">[] = [];
  readonly #nodes: Informer<Node>;
  readonly #vpcs: Informer<Vpc>;
  readonly #subnets: Informer<Subnet>;
  readonly #blocks: Informer<IPBlock>;
  readonly #claims: Informer<IPClaim>;
  /**
   * The name of a certificate outlives its session, as the routes do that are kept for the return
   * of the peer.
   */
  readonly #lastSeen: Map<PeerIndex, PeerIdentity> = new Map();
  #index: OwnerIndex | undefined;
  #due: Timer | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#nodes = this.#informer(nodeKind);
    this.#vpcs = this.#informer(vpcKind);
    this.#subnets = this.#informer(subnetKind);
    this.#blocks = this.#informer(ipBlockKind);
    this.#claims = this.#informer(ipClaimKind);
  }

  /** Resolves when everything has been listed once. */
  get synced(): Promise<void> {
    return Promise.all(this.#informers.map(({ synced }) => synced)).then(() => undefined);
  }

  get isSynced(): boolean {
    return this.#informers.every(({ isSynced }) => isSynced);
  }

  /** Of any kind; undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#informers.find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  /** Blocks and addresses that somebody owns. */
  get entryCount(): number {
    return this.#current.entryCount;
  }

  mayAnnounce(
    peer: PeerIndex,
    family: AddressFamily,
    words: Int32Array,
    length: number,
    routeTargets: readonly RouteTarget[],
    tag: number | undefined,
    prefixFamily: Family | undefined,
  ): boolean {
    // A membership announces nothing that could be another's (RFC 4684).
    if (family === "route-target") return true;
    // Nobody has been given a security tag, and flow specifications act on what others own.
    if (tag !== undefined || family === "ipv4-flowspec" || family === "ipv6-flowspec") return false;
    const node = this.nodeOf(peer);
    if (node === undefined) return false;
    const route = { words, length, family: prefixFamily };
    const isNative = family === "ipv4-unicast" || family === "ipv6-unicast";
    const index = this.#current;
    return isNative ? index.ownsNative(node, route) : index.ownsIn(node, routeTargets, route);
  }

  /** Name of the Node that the peer speaks for; undefined for a stranger. */
  nodeOf(peer: PeerIndex): string | undefined {
    const found = this.#options.identityOf(peer);
    if (found === undefined) return undefined;
    const identity = this.#options.agentAt(found.address);
    if (identity === undefined) return undefined;
    if (identity.kind === "address") return this.#current.nodeAt(found.address);
    return nodeNameOf(this.#certificateNameOf(peer, found), identity.suffix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#due?.cancel();
    this.#due = undefined;
    await this.#owned.disposeAsync();
  }

  #certificateNameOf(peer: PeerIndex, found: PeerIdentity): string | undefined {
    if (found.certificateName !== undefined) {
      this.#lastSeen.set(peer, found);
      return found.certificateName;
    }
    // Numbers of peers are used again.
    const before = this.#lastSeen.get(peer);
    return before?.address === found.address ? before.certificateName : undefined;
  }

  get #current(): OwnerIndex {
    this.#index ??= new OwnerIndex({
      nodes: this.#nodes.list(),
      vpcs: this.#vpcs.list(),
      subnets: this.#subnets.list(),
      blocks: this.#blocks.list(),
      claims: this.#claims.list(),
      asn: this.#options.asn,
    });
    return this.#index;
  }

  #informer<T extends KubeObject>(kind: ResourceKind<T>): Informer<T> {
    const { store, clock, rng, log } = this.#options;
    const onChange = (): void => this.#touch();
    const informer = new Informer({ store, kind, clock, rng, log, onChange });
    this.#owned.use(informer);
    this.#informers.push(informer);
    return informer;
  }

  #touch(): void {
    if (this.#due !== undefined) return;
    this.#due = this.#options.clock.after(settleMs, () => {
      this.#due = undefined;
      if (!this.isSynced) return;
      this.#index = undefined;
      this.#options.changed();
    });
  }
}

/** `node-1.agents.example` with the suffix `.agents.example` is node-1. */
export function nodeNameOf(name: string | undefined, suffix: string): string | undefined {
  if (name?.endsWith(suffix) !== true || name.length === suffix.length) return undefined;
  return name.slice(0, name.length - suffix.length);
}
