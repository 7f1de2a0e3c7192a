/** RFC 7854: takes the connection of a monitored router and keeps what it reports. */
import { createServer, type Server } from "node:net";
import {
  decodeAttributes,
  newUpdateParts,
  type PathAttributes,
  prefixFromWords4,
  routeAttributesOf,
  splitUpdate,
  walkPrefixes4,
} from "@heddle/bgp";
import { Reader } from "@heddle/codec";
import { formatIp, formatPrefix, type Ip, ip4FromNumber, parseIp } from "@heddle/inet";
import { listenIn, openNetns } from "@heddle/native";
import type { Host } from "./lan.ts";

export const bmpPort = 5000;
const bmpVersion = 3;
const bmpHeaderLength = 6;
const lengthMax = 1 << 20;
const types = { routeMonitoring: 0, peerUp: 3, initiation: 4 } as const;
/**
 * Type (1), flags (1) and distinguisher (8) of a peer; its address (16), of which IPv4 is the end,
 * and AS (4) follow, then its identifier (4) and the time (8).
 */
const beforeAddress = 10;
const afterAs = 12;
const bgpHeaderLength = 19;

export interface MonitoredRoute {
  /** Of the peer that the route is from. */
  readonly peer: string;
  readonly peerAsn: number;
  readonly prefix: string;
  readonly attributes: PathAttributes;
}

export class BmpCollector implements Disposable {
  readonly #server: Server;
  readonly routes: MonitoredRoute[] = [];
  /** Types of all messages, in the order they came. */
  readonly messageTypes: number[] = [];
  /** The first thing that could not be read. */
  problem: unknown;

  constructor(host: Host) {
    this.#server = createServer((socket) => {
      let rest = Buffer.alloc(0);
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk) => {
        rest = Buffer.concat([rest, Buffer.from(chunk)]);
        try {
          rest = this.#take(rest);
        } catch (error) {
          this.problem ??= error;
          socket.destroy();
        }
      });
    });
    using netns = openNetns(host.path);
    using fd = listenIn({ address: parseIp(host.ip4), port: bmpPort }, { netns });
    this.#server.listen({ fd: fd.take() });
  }

  /** Version (1), length with this header (4), type (1). */
  #take(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    let at = 0;
    while (bytes.length - at >= bmpHeaderLength) {
      const r = new Reader(bytes.subarray(at));
      const version = r.u8();
      const length = r.u32();
      const type = r.u8();
      if (version !== bmpVersion || length > lengthMax) {
        throw new Error(`BMP version ${version}, length ${length}`);
      }
      if (bytes.length - at < length) break;
      this.messageTypes.push(type);
      const body = bytes.subarray(at + bmpHeaderLength, at + length);
      if (type === types.routeMonitoring) this.#routes(body);
      at += length;
    }
    return bytes.subarray(at);
  }

  #routes(body: Uint8Array): void {
    const r = new Reader(body);
    r.skip(beforeAddress + 12);
    const peer = formatIp(ip4FromNumber(r.u32()) as Ip);
    const peerAsn = r.u32();
    r.skip(afterAs);
    const message = r.rest();
    const parts = splitUpdate(message, bgpHeaderLength, message.length, newUpdateParts());
    const block = message.subarray(parts.attributesStart, parts.attributesEnd);
    const families = ["ipv4-unicast"] as const;
    const decoded = decodeAttributes(block, { fourOctetAs: true, external: true, families });
    walkPrefixes4(message, parts.nlriStart, parts.nlriEnd, (word, length) => {
      const attributes = routeAttributesOf(decoded, "nlri");
      if (!("asPath" in attributes)) throw new Error("a route without its attributes");
      const prefix = formatPrefix(prefixFromWords4(word, length));
      this.routes.push({ peer, peerAsn, prefix, attributes });
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}
