/** For tests: a monitoring station that rebuilds the tables which it is told. */
import { createServer, type Server, type Socket } from "node:net";
import {
  type AddressFamily,
  addressFamilyOf,
  BmpFramer,
  type BmpMessage,
  type BmpPeer,
  bmpPeerTypes,
  decodeAttributes,
  decodeBmp,
  endOfRibOf,
  headerLength,
  isProblem,
  locateMp,
  type MpParts,
  newMpParts,
  newUpdateParts,
  nlriCodecOf,
  type PathAttributes,
  prefixFromWords4,
  prefixFromWords6,
  routeAttributesOf,
  splitUpdate,
  type UpdateParts,
  walkPathPrefixes4,
  walkPathPrefixes6,
  walkPrefixes4,
  walkPrefixes6,
} from "@heddle/bgp";
import { formatIp, formatPrefix } from "@heddle/inet";
import type { BmpView } from "../config.ts";

/** By route, one line of its attributes. */
export type StationTable = Map<string, string>;

export class Station implements AsyncDisposable {
  /** All but those of Route Monitoring, which are counted. */
  readonly messages: BmpMessage[] = [];
  routeMonitoringCount = 0;
  /** By view and peer, of the connection in hand. */
  readonly tables: Map<string, StationTable> = new Map();
  /** View, peer and family of each End-of-RIB. */
  readonly endOfRibs: string[] = [];
  connectionCount = 0;
  /** The first thing that could not be read. */
  problem: unknown;
  /** Addresses of peers that send path identifiers (RFC 7911), and of those that are sent them. */
  readonly addPath: { readonly receive: Set<string>; readonly send: Set<string> };
  #isReading = true;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(addPathPeers: readonly string[]) {
    this.addPath = { receive: new Set(addPathPeers), send: new Set(addPathPeers) };
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(addPathPeers: readonly string[] = []): Promise<Station> {
    const station = new Station(addPathPeers);
    await new Promise<void>((resolve) => station.#server.listen(0, "127.0.0.1", resolve));
    return station;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  table(view: BmpView, peer: string): StationTable {
    const name = `${view} ${peer}`;
    const known = this.tables.get(name) ?? new Map();
    this.tables.set(name, known);
    return known;
  }

  of<Kind extends BmpMessage["kind"]>(kind: Kind): Extract<BmpMessage, { kind: Kind }>[] {
    return this.messages.filter(
      (message): message is Extract<BmpMessage, { kind: Kind }> => message.kind === kind,
    );
  }

  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    for (const socket of this.#sockets) {
      if (isReading) socket.resume();
      else socket.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.connectionCount += 1;
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    const framer = new BmpFramer();
    socket.on("data", (chunk: Uint8Array) => {
      try {
        framer.push(chunk, (message) => this.#take(decodeBmp(message)));
      } catch (error) {
        this.problem ??= error;
        socket.destroy();
      }
    });
    if (!this.#isReading) socket.pause();
  }

  #take(message: BmpMessage): void {
    if (message.kind !== "route-monitoring") this.messages.push(message);
    if (message.kind === "initiation") {
      this.tables.clear();
      this.endOfRibs.length = 0;
    } else if (message.kind === "peer-down") {
      const peer = peerOf(message.peer);
      for (const name of this.tables.keys()) {
        if (name.endsWith(` ${peer}`)) this.tables.delete(name);
      }
    } else if (message.kind === "route-monitoring") {
      this.routeMonitoringCount += 1;
      this.#update(message.peer, message.update);
    }
  }

  #update(of: BmpPeer, update: Uint8Array): void {
    const peer = peerOf(of);
    const view = viewOf(of);
    const body = update.subarray(headerLength);
    const parts = splitUpdate(body, 0, body.length, newUpdateParts());
    const mp = locateMp(body, parts.attributesStart, parts.attributesEnd, newMpParts());
    const marker = endOfRibOf(parts, mp);
    if (marker !== undefined) {
      this.endOfRibs.push(`${view} ${peer} ${marker}`);
      return;
    }
    const hasPaths = view === "adj-rib-out" ? this.addPath.send : this.addPath.receive;
    const table = this.table(view, peer);
    const addPath = view !== "loc-rib" && hasPaths.has(peer);
    for (const { name, isWithdrawn, line } of routesOf(body, parts, mp, addPath)) {
      if (isWithdrawn) table.delete(name);
      else table.set(name, line);
    }
  }
}

function viewOf({ type, postPolicy, adjRibOut }: BmpPeer): BmpView {
  if (type === bmpPeerTypes.locRib) return "loc-rib";
  if (adjRibOut) return "adj-rib-out";
  return postPolicy ? "post-policy" : "pre-policy";
}

function peerOf({ address }: BmpPeer): string {
  return formatIp(address);
}

interface Told {
  readonly name: string;
  readonly isWithdrawn: boolean;
  readonly line: string;
}

function routesOf(body: Uint8Array, parts: UpdateParts, mp: MpParts, addPath: boolean): Told[] {
  const told: Told[] = [];
  const block = body.subarray(parts.attributesStart, parts.attributesEnd);
  const add = (
    family: AddressFamily,
    [start, end]: readonly [number, number],
    source?: "nlri" | "mp-reach",
  ): void => {
    if (start === end) return;
    const found =
      source === undefined
        ? undefined
        : routeAttributesOf(
            decodeAttributes(block, {
              ...{ fourOctetAs: true, external: false, aigp: true, families: [family] },
            }),
            source,
          );
    if (found !== undefined && isProblem(found)) throw new Error(found.message);
    const isWithdrawn = found === undefined;
    const line = found === undefined ? "" : lineOf(found);
    walk(body, start, end, family, { addPath, isWithdrawn }, (key, payload) =>
      told.push({ name: `${family} ${key}`, isWithdrawn, line: `${line}${payload}` }),
    );
  };
  add("ipv4-unicast", [parts.withdrawnStart, parts.withdrawnEnd]);
  const gone = mp.unreachStart < 0 ? undefined : addressFamilyOf(mp.unreachAfi, mp.unreachSafi);
  if (gone !== undefined) add(gone, [mp.unreachNlriStart, mp.unreachEnd]);
  add("ipv4-unicast", [parts.nlriStart, parts.nlriEnd], "nlri");
  const come = mp.reachStart < 0 ? undefined : addressFamilyOf(mp.reachAfi, mp.reachSafi);
  if (come !== undefined) add(come, [mp.reachNlriStart, mp.reachEnd], "mp-reach");
  return told;
}

function walk(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: AddressFamily,
  { addPath, isWithdrawn }: { readonly addPath: boolean; readonly isWithdrawn: boolean },
  visit: (key: string, payload: string) => void,
): void {
  const codec = nlriCodecOf(family);
  if (codec !== undefined) {
    codec.walk(bytes, start, end, { addPath, withdrawn: isWithdrawn }, (c) => {
      const key = Buffer.from(c.key.subarray(0, c.keyLength)).toString("hex");
      const payload = Buffer.from(c.payload.subarray(0, c.payloadLength)).toString("hex");
      visit(`${key}#${c.pathId}`, payload);
    });
    return;
  }
  const take4 = (pathId: number, word: number, length: number): void =>
    visit(`${formatPrefix(prefixFromWords4(word, length))}#${pathId}`, "");
  const take6 = (pathId: number, ...words: [number, number, number, number, number]): void =>
    visit(`${formatPrefix(prefixFromWords6(...words))}#${pathId}`, "");
  if (family === "ipv4-unicast") {
    if (addPath) walkPathPrefixes4(bytes, start, end, take4);
    else walkPrefixes4(bytes, start, end, (word, length) => take4(0, word, length));
  } else if (addPath) walkPathPrefixes6(bytes, start, end, take6);
  else walkPrefixes6(bytes, start, end, (...words) => take6(0, ...words));
}

/** One line for what tests vary of attributes. */
export function lineOf(attributes: PathAttributes): string {
  const { origin, asPath, nextHop, med, localPref, communities } = attributes;
  const { extendedCommunities, originatorId, clusterList } = attributes;
  const path = asPath.map(({ type, asns }) => `${type} ${asns.join(" ")}`).join(", ");
  return [
    ...[origin, path, BigInt(nextHop), med, localPref, communities.slice(0, 4).join(" ")],
    ...[extendedCommunities.join(" "), originatorId, clusterList.join(" ")],
  ].join("; ");
}
