/**
 * One monitoring station: the connection to it, and what it is told.
 *
 * Every message says what is true when it is queued, so the order of a table that is being told and
 * of what happens meanwhile does not matter. Tables and their changes go out in pieces while the
 * station takes them. Sessions that come and go, and what peers are sent, cannot wait: a station
 * that falls behind by more than its queue is cut off, and begins anew with the tables of then.
 */
import { connect, type Socket } from "node:net";
import {
  type BmpMessage,
  type BmpPeer,
  bmpInformationTypes,
  bmpPeerDownReasons,
  bmpTerminationReasons,
  bmpTerminationTypes,
  encodeBmp,
  Framer,
  headerLength,
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
import { FeedViews, type RouteAge, type ViewEvents } from "./feed-views.ts";
import { type LocRibInstance, locRibHeader, locRibPeerUp } from "./loc-rib-instance.ts";
import { type MonitoredSession, monitoredSessionOf, type PeerHeader } from "./monitored-session.ts";
import { SentView } from "./sent-view.ts";
import { locRibStatistics, sessionStatistics } from "./statistics.ts";

export interface BmpStationDeps {
  readonly speaker: Speaker;
  readonly identity: BmpIdentity;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

const retryMinMs = 1000;
const retryMaxMs = 60_000;
const lingerMs = 1000;
/** Octets in the queue above which no further piece is made. */
const pieceQueueLengthMax = 256 * 1024;

export class BmpStation implements AsyncDisposable {
  readonly #config: BmpStationConfig;
  readonly #deps: BmpStationDeps;
  readonly #log: Log;
  readonly #views: readonly BmpView[];
  readonly #monitored: Map<ObservedSession, MonitoredSession> = new Map();
  readonly #framer: Framer = new Framer();
  /** What a report is due of; `undefined` stands for the Loc-RIB. */
  #reportsDue: (MonitoredSession | undefined)[] = [];
  #feeds: FeedViews | undefined;
  #sent: SentView | undefined;
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
    if (direction !== "sent" || this.#sent === undefined) return;
    const monitored = this.#monitored.get(session);
    if (monitored !== undefined) this.#sent.sent(monitored, bytes);
  }

  established(session: ObservedSession): void {
    if (this.isConnected) this.#peerUp(session, true);
  }

  ended(session: ObservedSession, end: SessionEnd): void {
    const monitored = this.#monitored.get(session);
    if (monitored === undefined) return;
    this.#monitored.delete(session);
    this.#reportsDue = this.#reportsDue.filter((due) => due !== monitored);
    this.#feeds?.end(monitored);
    this.#sent?.end(monitored);
    const peer = this.#now(monitored.header);
    this.#write({ kind: "peer-down", peer, ...peerDownOf(end), information: [] });
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
    const instance = this.#locRib;
    if (this.#views.includes("loc-rib")) this.#write(locRibPeerUp(instance, this.#wallUs));
    const events: ViewEvents = {
      tell: (of, updates, age) => this.#update(of, updates, age),
      wake: () => this.#schedule(),
      lost: () => this.#cutOff("more routes went than it was told in time"),
    };
    const { rib } = speaker;
    const header = locRibHeader(instance);
    this.#feeds = new FeedViews(rib, instance.families, this.#views, header, events);
    if (this.#views.includes("adj-rib-out")) this.#sent = new SentView(rib, events);
    for (const session of speaker.sessions) this.#peerUp(session, false);
    this.#scheduleStatistics();
    this.#schedule();
  }

  get #locRib(): LocRibInstance {
    const { asn, routerId, families } = this.#deps.speaker;
    return { asn, routerId, families };
  }

  #lost(): void {
    this.#socket = undefined;
    this.#forget();
    if (this.#closed) return;
    const { clock, rng } = this.#deps;
    const delayMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failureCount, 10));
    this.#failureCount += 1;
    const jitter = 0.75 + (rng.uint32() / 2 ** 32) * 0.25;
    this.#retry = clock.after(delayMs * jitter, () => this.#connect());
  }

  /** Nothing more is told on this connection. */
  #forget(): void {
    this.#statistics?.cancel();
    this.#monitored.clear();
    this.#reportsDue = [];
    this.#feeds?.[Symbol.dispose]();
    this.#feeds = undefined;
    this.#sent = undefined;
  }

  #peerUp(session: ObservedSession, isNew: boolean): void {
    const index = this.#deps.speaker.indexOf(session.peer);
    const monitored = index === undefined ? undefined : monitoredSessionOf(session, index);
    const { sentOpen, receivedOpen, local, remote } = session;
    if (monitored === undefined || sentOpen === undefined || receivedOpen === undefined) return;
    this.#monitored.set(session, monitored);
    this.#write({
      ...{ kind: "peer-up", peer: this.#now(monitored.header), sentOpen, receivedOpen },
      ...{ localAddress: local.address, localPort: local.port, remotePort: remote.port },
      information: [],
    });
    this.#feeds?.begin(monitored);
    this.#sent?.begin(monitored, isNew);
  }

  #now(header: PeerHeader): BmpPeer {
    return { ...header, atUs: this.#wallUs };
  }

  get #wallUs(): bigint {
    return BigInt(Math.round(this.#deps.clock.wallMs() * 1000));
  }

  /** One Route Monitoring message per message of `updates`. */
  #update(of: PeerHeader, updates: Uint8Array, age: RouteAge): void {
    const peer = { ...of, atUs: age === "now" ? this.#wallUs : 0n };
    this.#framer.push(updates, (_type, bytes, start, end) => {
      const update = bytes.subarray(start - headerLength, end);
      this.#write({ kind: "route-monitoring", peer, update });
      return true;
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#step();
    });
  }

  /** The next piece, while there is room. */
  #step(): void {
    const socket = this.#socket;
    if (socket === undefined || socket.writableLength > pieceQueueLengthMax) return;
    const hasReported = this.#report();
    const hasFed = this.#feeds?.step() === true;
    const hasSent = this.#sent?.step() === true;
    if (hasReported || hasFed || hasSent) this.#schedule();
  }

  #scheduleStatistics(): void {
    const { statisticsMs = defaultStatisticsMs } = this.#config;
    if (statisticsMs === 0) return;
    this.#statistics = this.#deps.clock.after(statisticsMs, () => {
      const locRib = this.#views.includes("loc-rib") ? [undefined] : [];
      // Those that are due still were not taken in all the time.
      this.#reportsDue = [...locRib, ...this.#monitored.values()];
      this.#schedule();
      this.#scheduleStatistics();
    });
  }

  /** The next report that is due; counting takes time. */
  #report(): boolean {
    if (this.#reportsDue.length === 0) return false;
    const monitored = this.#reportsDue.shift();
    const { rib } = this.#deps.speaker;
    const instance = this.#locRib;
    const [header, statistics] =
      monitored === undefined
        ? [locRibHeader(instance), locRibStatistics(rib, instance.families)]
        : [monitored.header, sessionStatistics(rib, monitored)];
    this.#write({ kind: "statistics-report", peer: this.#now(header), statistics });
    return true;
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
    this.#forget();
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
