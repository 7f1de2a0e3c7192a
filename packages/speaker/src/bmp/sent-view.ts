/**
 * Adj-RIBs-Out for a station (RFC 8671): the UPDATEs themselves, as the peers are sent them. For
 * sessions that were there before the station came, first what they were sent until then.
 */
import {
  type AddressFamily,
  encodeEndOfRib,
  endOfRibOf,
  Framer,
  headerLength,
  locateMp,
  messageTypes,
  newMpParts,
  newUpdateParts,
  type PageCursor,
  type RibReader,
  splitUpdate,
} from "@heddle/bgp";
import type { ViewEvents } from "./feed-views.ts";
import type { MonitoredSession, PeerHeader } from "./monitored-session.ts";
import { encodeRoutes } from "./route-updates.ts";

/** A table that the station is being told. */
interface TableDue {
  readonly monitored: MonitoredSession;
  readonly family: AddressFamily;
  cursor: PageCursor;
}

const pageRouteCount = 1000;

export class SentView {
  readonly #rib: RibReader;
  readonly #events: ViewEvents;
  readonly #framer: Framer = new Framer();
  #tables: TableDue[] = [];
  /**
   * Families whose table is on its way to the peer: part of it went before the station came. A
   * route that goes before it is sent is never taken back, so the station is told the table when
   * the peer has been sent it.
   */
  readonly #underWay: Map<MonitoredSession, Set<AddressFamily>> = new Map();

  constructor(rib: RibReader, events: ViewEvents) {
    this.#rib = rib;
    this.#events = events;
    this.#framer.allowExtended();
  }

  /** `isNew`: nothing has been sent yet. */
  begin(monitored: MonitoredSession, isNew: boolean): void {
    if (isNew) return;
    const { families, index } = monitored;
    const isSent = (family: AddressFamily) => this.#rib.isInitialTableSent(index, family);
    for (const family of families) if (isSent(family)) this.#due(monitored, family);
    const rest = families.filter((family) => !isSent(family));
    if (rest.length > 0) this.#underWay.set(monitored, new Set(rest));
  }

  end(monitored: MonitoredSession): void {
    this.#underWay.delete(monitored);
    this.#tables = this.#tables.filter((table) => table.monitored !== monitored);
  }

  /** `bytes` are whole messages of one write; borrowed. */
  sent(monitored: MonitoredSession, bytes: Uint8Array): void {
    const of = { ...headerOf(monitored), twoOctetAs: monitored.twoOctetAs };
    this.#framer.push(bytes, (type, message, start, end) => {
      if (type !== messageTypes.update) return true;
      this.#events.tell(of, message.subarray(start - headerLength, end), "now");
      if (this.#underWay.size > 0) this.#lookForEnd(monitored, message, start, end);
      return true;
    });
  }

  /** Tells the next piece of the table in hand; false when there is none. */
  step(): boolean {
    const [table] = this.#tables;
    if (table === undefined) return false;
    const { monitored, family, cursor } = table;
    const options = { cursor, routeCountMax: pageRouteCount };
    const { routes, next } = this.#rib.adjRibOutPage(monitored.index, family, options);
    const addPath = monitored.addPathSend.has(family);
    const of = headerOf(monitored);
    this.#events.tell(
      of,
      encodeRoutes(routes, (route) => route.attributes, addPath),
      "unknown",
    );
    if (next === undefined) {
      this.#events.tell(of, encodeEndOfRib(family), "now");
      this.#tables.shift();
    } else {
      table.cursor = next;
    }
    return true;
  }

  #lookForEnd(monitored: MonitoredSession, message: Uint8Array, start: number, end: number): void {
    const parts = splitUpdate(message, start, end, newUpdateParts());
    const mp = locateMp(message, parts.attributesStart, parts.attributesEnd, newMpParts());
    const family = endOfRibOf(parts, mp);
    const underWay = this.#underWay.get(monitored);
    if (family === undefined || underWay?.delete(family) !== true) return;
    if (underWay.size === 0) this.#underWay.delete(monitored);
    this.#due(monitored, family);
  }

  #due(monitored: MonitoredSession, family: AddressFamily): void {
    this.#tables.push({ monitored, family, cursor: 0 });
    this.#events.wake();
  }
}

/** After policy; AS numbers have four octets where the messages are not the peer's. */
function headerOf({ header }: MonitoredSession): PeerHeader {
  return { ...header, adjRibOut: true, postPolicy: true };
}
