/**
 * Tells the API how the sessions of the node's BGPPeers are. What people wait for (up, down, why)
 * is written when it is seen, counts now and then: each write is one of an object that all nodes
 * share.
 */
import { type BGPPeer, type BGPPeerSession, bgpPeerKind } from "@heddle/api";
import type { Ip } from "@heddle/inet";
import { isStatus, type Store } from "@heddle/kube";
import type { Clock, Log, Timer } from "@heddle/std";
import { WriteQueue } from "../cluster/write-queue.ts";
import type { NodeBgp, NodePlan } from "./plan-node-bgp.ts";
import {
  isNews,
  type ReportedPeer,
  sessionOf,
  withoutSession,
  withSession,
} from "./session-report.ts";

export interface SessionReporterOptions {
  readonly node: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** What the speaker knows of its peers. */
  readonly peers: () => readonly ReportedPeer[];
  /** The sessions that are wanted, and the objects that make none. */
  readonly plan: () => Pick<NodePlan, "bgp" | "refused">;
  /** The objects as they are known here. */
  readonly objects: () => readonly BGPPeer[];
}

interface Told {
  readonly session: BGPPeerSession;
  readonly atMs: number;
}

const lookEveryMs = 1000;

/** Between two writes of counts by one node, and by all nodes to one object. */
const countsEveryMs = 30_000;
const objectCountsEveryMs = 3000;

/** BGPPeer objects make origins of this form. */
const originPrefix = "bgppeer/";

export class SessionReporter implements Disposable {
  readonly #options: SessionReporterOptions;
  readonly #queue: WriteQueue;
  /** By the name of the BGPPeer. */
  readonly #told: Map<string, Told> = new Map();
  /** Entries in the status of each BGPPeer, those of other nodes too. */
  readonly #entryCounts: Map<string, number> = new Map();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: SessionReporterOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#queue = new WriteQueue({ clock, log });
    this.#lookLater();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#queue.close();
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const { plan, objects, node } = this.#options;
    const { bgp, refused } = plan();
    if (bgp === undefined) return;
    const names = this.#tellWanted(bgp);
    for (const [origin, why] of refused) {
      const name = nameIn(origin);
      if (name === undefined) continue;
      names.add(name);
      this.#tell(name, withoutSession(why));
    }
    this.#entryCounts.clear();
    for (const { metadata, status } of objects()) {
      const { name } = metadata;
      this.#entryCounts.set(name, status?.sessions.length ?? 0);
      const isListed = status?.sessions.some((session) => session.node === node) === true;
      if (names.has(name) || !isListed) continue;
      this.#told.delete(name);
      this.#queue.put(name, () => this.#write(name, undefined));
    }
  }

  /** Returns the names of the BGPPeers whose sessions are the node's. */
  #tellWanted({ peers: planned }: NodeBgp): Set<string> {
    const names = new Set<string>();
    const known = new Map<Ip, ReportedPeer>();
    for (const peer of this.#options.peers()) known.set(peer.address, peer);
    for (const { origin, address } of planned) {
      const name = nameIn(origin);
      if (name === undefined) continue;
      names.add(name);
      const peer = known.get(address);
      if (peer !== undefined) this.#tell(name, peer);
    }
    return names;
  }

  #tell(name: string, peer: Omit<ReportedPeer, "address">): void {
    const { clock, node } = this.#options;
    const nowMs = clock.nowMs();
    const before = this.#told.get(name);
    const session = sessionOf(node, peer, this.#sinceOf(peer, before?.session));
    if (before !== undefined && !isNews(session, before.session)) {
      const entryCount = this.#entryCounts.get(name) ?? 0;
      const everyMs = Math.max(countsEveryMs, entryCount * objectCountsEveryMs);
      const isDue = nowMs - before.atMs >= everyMs;
      if (!isDue || JSON.stringify(session) === JSON.stringify(before.session)) return;
    }
    this.#told.set(name, { session, atMs: nowMs });
    this.#queue.put(name, () => this.#write(name, session));
  }

  /** When the session came up, or when it was first seen without one, in wall-clock time. */
  #sinceOf(
    { state, uptimeMs }: Pick<ReportedPeer, "state" | "uptimeMs">,
    told: BGPPeerSession | undefined,
  ): number {
    const isUp = state === "Established";
    if (told?.since !== undefined && (told.state === "Established") === isUp) {
      return Date.parse(told.since);
    }
    return this.#options.clock.wallMs() - (isUp ? uptimeMs : 0);
  }

  /** @throws StatusError; the queue tries again */
  async #write(name: string, session: BGPPeerSession | undefined): Promise<void> {
    const { store, node } = this.#options;
    try {
      const peer = await store.get(bgpPeerKind, { name });
      await store.updateStatus(bgpPeerKind, withSession(peer, node, session));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}

/** Of the BGPPeer behind a session; undefined when it is of another kind. */
function nameIn(origin: string): string | undefined {
  return origin.startsWith(originPrefix) ? origin.slice(originPrefix.length) : undefined;
}
