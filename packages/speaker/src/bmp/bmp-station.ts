/**
 * One monitoring station: the connection to it, what it has been told, and what it is owed.
 *
 * Every message says what is true when it is queued, so the order of a table that is being sent and
 * of what happens meanwhile does not matter. A table goes out in pages while the station takes
 * them. What happens on sessions cannot wait: a station that falls behind by more than its queue is
 * cut off, and begins anew with the tables of then.
 */
import { connect, type Socket } from "node:net";
import {
  type AddressFamily,
  addressFamilies,
  type BmpMessage,
  type BmpPeer,
  type BmpStatistic,
  bmpInformationTypes,
  bmpPeerDownReasons,
  bmpStatistics,
  bmpTerminationReasons,
  bmpTerminationTypes,
  encodeBmp,
  encodeEndOfRib,
  Framer,
  headerLength,
  messageTypes,
  type PageCursor,
} from "@heddle/bgp";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import type { MessageDirection, ObservedSession, SessionEnd } from "../observe/observer.ts";
import type { Speaker } from "../speaker.ts";
import {
  type BmpIdentity,
  type BmpStationConfig,
  type BmpView,
  defaultBmpViews,
  defaultQueueLengthMax,
  defaultStatisticsMs,
} from "./config.ts";
import { type MonitoredSession, monitoredSessionOf } from "./monitored-session.ts";
import { PostPolicyView } from "./post-policy-view.ts";
import { encodeAnnouncements } from "./route-updates.ts";

export interface BmpStationDeps {
  readonly speaker: Speaker;
  readonly identity: BmpIdentity;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** A table that the station is being told. */
interface TableDue {
  readonly monitored: MonitoredSession;
  readonly view: BmpView;
  readonly family: AddressFamily;
  cursor: PageCursor;
}

const retryMinMs = 1000;
const retryMaxMs = 60_000;
const lingerMs = 1000;
/** Octets in the queue above which no further page is made. */
const pageQueueLengthMax = 256 * 1024;
const pageRouteCount = 1000;

export class BmpStation implements AsyncDisposable {
  readonly #config: BmpStationConfig;
  readonly #deps: BmpStationDeps;
  readonly #log: Log;
  readonly #views: readonly BmpView[];
  readonly #monitored: Map<ObservedSession, MonitoredSession> = new Map();
  readonly #framer: Framer = new Framer();
  #tables: TableDue[] = [];
  #postPolicy: PostPolicyView | undefined;
  #socket: Socket | undefined;
  #retry: Timer | undefined;
  #statistics: Timer | undefined;
  #failureCount = 0;
  #cutOffCount = 0;
  #isScheduled = false;
  #closed = false;

  constructor(config: BmpStationConfig, deps: BmpStationDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#log = deps.log.with({ station: `${config.host}:${config.port}` });
    this.#views = config.views ?? defaultBmpViews;
    this.#framer.allowExtended();
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === "open";
  }

  /** Times that it was cut off because it was too slow. */
  get cutOffCount(): number {
    return this.#cutOffCount;
  }

  message(session: ObservedSession, direction: MessageDirection, bytes: Uint8Array): void {
    if (direction !== "received" || bytes[headerLength - 1] !== messageTypes.update) return;
    const monitored = this.#monitored.get(session);
    if (monitored === undefined) return;
    const { twoOctetAs } = monitored;
    if (this.#views.includes("pre-policy")) {
      const peer = { ...this.#peerOf(monitored, "pre-policy"), twoOctetAs };
      this.#write({ kind: "route-monitoring", peer, update: bytes });
    }
    this.#postPolicy?.touch(monitored, bytes.subarray(headerLength));
  }

  established(session: ObservedSession): void {
    if (!this.isConnected) return;
    this.#peerUp(session);
    this.#schedule();
  }

  ended(session: ObservedSession, end: SessionEnd): void {
    const monitored = this.#monitored.get(session);
    if (monitored === undefined) return;
    this.#monitored.delete(session);
    this.#tables = this.#tables.filter((table) => table.monitored !== monitored);
    this.#postPolicy?.forget(monitored);
    const peer = this.#peerOf(monitored, "pre-policy");
    this.#write({ kind: "peer-down", peer, ...peerDownOf(end) });
  }

  /** Import policy or ownership changed: what is after policy is told anew. */
  reevaluated(): void {
    if (this.#views.includes("post-policy") && this.isConnected) {
      this.#socket?.destroy(new Error("the routes after policy changed"));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const socket = this.#socket;
    if (socket === undefined) return;
    const { administrativelyClosed } = bmpTerminationReasons;
    const value = Uint8Array.of(0, administrativelyClosed);
    const information = [{ type: bmpTerminationTypes.reason, value }];
    if (this.isConnected) this.#write({ kind: "termination", information });
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("close", resolve);
    const timer = this.#deps.clock.after(lingerMs, () => socket.destroy());
    socket.end();
    await promise;
    timer.cancel();
  }

  #connect(): void {
    const { host, port } = this.#config;
    const socket = connect({ host, port, keepAlive: true, noDelay: true });
    this.#socket = socket;
    socket.once("connect", () => this.#begin());
    socket.on("error", (error) => this.#log.warn("BMP station lost", { error }));
    socket.on("drain", () => this.#schedule());
    // A station has nothing to say (RFC 7854 3.2).
    socket.resume();
    socket.once("close", () => this.#lost());
  }

  #begin(): void {
    const { speaker, identity } = this.#deps;
    this.#failureCount = 0;
    this.#log.info("BMP station connected");
    const text = (type: number, value: string) => ({
      type,
      value: new TextEncoder().encode(value),
    });
    const { sysDescr, sysName } = bmpInformationTypes;
    const information = [text(sysDescr, identity.sysDescr), text(sysName, identity.sysName)];
    this.#write({ kind: "initiation", information });
    if (this.#views.includes("post-policy")) {
      this.#postPolicy = new PostPolicyView(speaker.rib, {
        update: (monitored, update) => this.#update(monitored, "post-policy", update),
        overflowed: () => this.#cutOff("more routes changed than it was told in time"),
      });
    }
    for (const session of speaker.sessions) this.#peerUp(session);
    this.#scheduleStatistics();
    this.#schedule();
  }

  #lost(): void {
    this.#socket = undefined;
    this.#statistics?.cancel();
    this.#monitored.clear();
    this.#tables = [];
    this.#postPolicy?.[Symbol.dispose]();
    this.#postPolicy = undefined;
    if (this.#closed) return;
    const { clock, rng } = this.#deps;
    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failureCount, 10));
    this.#failureCount += 1;
    const jitter = 0.75 + (rng.uint32() / 2 ** 32) * 0.25;
    this.#retry = clock.after(delayMs * jitter, () => this.#connect());
  }

  #peerUp(session: ObservedSession): void {
    const index = this.#deps.speaker.indexOf(session.peer);
    const monitored = index === undefined ? undefined : monitoredSessionOf(session, index);
    const { sentOpen, receivedOpen, local, remote } = session;
    if (monitored === undefined || sentOpen === undefined || receivedOpen === undefined) return;
    this.#monitored.set(session, monitored);
    this.#write({
      ...{ kind: "peer-up", peer: this.#peerOf(monitored, "pre-policy"), sentOpen, receivedOpen },
      ...{ localAddress: local.address, localPort: local.port, remotePort: remote.port },
      information: [],
    });
    for (const view of this.#views) {
      for (const family of monitored.families) {
        this.#tables.push({ monitored, view, family, cursor: 0 });
      }
    }
  }

  #peerOf({ header }: MonitoredSession, view: BmpView): BmpPeer {
    const atUs = BigInt(Math.round(this.#deps.clock.wallMs() * 1000));
    return { ...header, atUs, twoOctetAs: false, postPolicy: view === "post-policy" };
  }

  /** One Route Monitoring message per message of `updates`. */
  #update(monitored: MonitoredSession, view: BmpView, updates: Uint8Array): void {
    const peer = this.#peerOf(monitored, view);
    this.#framer.push(updates, (_type, bytes, start, end) => {
      const update = bytes.subarray(start - headerLength, end);
      this.#write({ kind: "route-monitoring", peer, update });
      return true;
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#tables.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#page();
    });
  }

  /** The next piece of the table in hand, while there is room. */
  #page(): void {
    const [table] = this.#tables;
    const socket = this.#socket;
    if (table === undefined || socket === undefined) return;
    if (socket.writableLength > pageQueueLengthMax) return;
    const { monitored, view, family, cursor } = table;
    const { routes, next } = this.#pageOf(table, cursor);
    if (routes.length > 0) {
      const updates = encodeAnnouncements(routes, monitored.addPath.has(family));
      this.#update(monitored, view, updates);
    }
    if (next === undefined) {
      this.#update(monitored, view, encodeEndOfRib(family));
      this.#tables.shift();
    } else {
      table.cursor = next;
    }
    this.#schedule();
  }

  #pageOf({ monitored: { index }, view, family }: TableDue, cursor: PageCursor) {
    const { rib } = this.#deps.speaker;
    const options = { cursor, routeCountMax: pageRouteCount };
    if (view === "pre-policy") return rib.adjRibInPage(index, family, options);
    const { routes, next } = rib.pathPage(family, { peer: index }, options);
    return { routes: routes.filter(({ ineligible }) => ineligible === undefined), next };
  }

  #scheduleStatistics(): void {
    const { statisticsMs = defaultStatisticsMs } = this.#config;
    if (statisticsMs === 0) return;
    this.#statistics = this.#deps.clock.after(statisticsMs, () => {
      for (const monitored of this.#monitored.values()) this.#report(monitored);
      this.#scheduleStatistics();
    });
  }

  #report(monitored: MonitoredSession): void {
    const { rib } = this.#deps.speaker;
    const { index, families } = monitored;
    const byFamily = families.map((family) => ({ family, ...rib.counts(index, family) }));
    const received = byFamily.reduce((sum, counts) => sum + counts.received, 0);
    const advertised = byFamily.reduce((sum, counts) => sum + counts.advertised, 0);
    const statistics: BmpStatistic[] = [
      { type: bmpStatistics.adjRibInRoutes, value: BigInt(received) },
      { type: bmpStatistics.adjRibOutRoutes, value: BigInt(advertised) },
      ...byFamily.map((counts) => ({
        type: bmpStatistics.adjRibInRoutesOfFamily,
        value: BigInt(counts.received),
        family: addressFamilies[counts.family],
      })),
    ];
    const peer = this.#peerOf(monitored, "pre-policy");
    this.#write({ kind: "statistics-report", peer, statistics });
  }

  #write(message: BmpMessage): void {
    const socket = this.#socket;
    if (socket?.writable !== true) return;
    socket.write(encodeBmp(message));
    const { queueLengthMax = defaultQueueLengthMax } = this.#config;
    if (socket.writableLength > queueLengthMax) {
      this.#cutOff(`${socket.writableLength} octets wait for it, want at most ${queueLengthMax}`);
    }
  }

  #cutOff(why: string): void {
    this.#cutOffCount += 1;
    this.#monitored.clear();
    this.#socket?.destroy(new Error(`Cannot keep up the BMP station: ${why}`));
  }
}

function peerDownOf({ by, notification }: SessionEnd): { reason: number; data: Uint8Array } {
  const isLocal = by === "sent";
  if (notification !== undefined) {
    const { localNotification, remoteNotification } = bmpPeerDownReasons;
    return { reason: isLocal ? localNotification : remoteNotification, data: notification };
  }
  const { localWithoutNotification, remoteWithoutNotification } = bmpPeerDownReasons;
  // Of a close without NOTIFICATION no event of RFC 4271 is known: 0 (RFC 7854 4.9).
  return isLocal
    ? { reason: localWithoutNotification, data: Uint8Array.of(0, 0) }
    : { reason: remoteWithoutNotification, data: new Uint8Array(0) };
}
