/** RFC 7854: takes the connection of a monitored router and keeps what it reports. */
import { createServer, type Server } from "node:net";
import {
  BmpFramer,
  type BmpMessage,
  type BmpPeer,
  decodeAttributes,
  decodeBmp,
  headerLength,
  newUpdateParts,
  type PathAttributes,
  prefixFromWords4,
  routeAttributesOf,
  splitUpdate,
  walkPrefixes4,
} from "@heddle/bgp";
import { formatPrefix, parseIp } from "@heddle/inet";
import { listenIn, openNetns } from "@heddle/native";
import type { Host } from "./lan.ts";

export interface MonitoredRoute {
  /** That the route is from. */
  readonly peer: BmpPeer;
  readonly prefix: string;
  readonly attributes: PathAttributes;
}

export class BmpCollector implements Disposable {
  readonly #server: Server;
  readonly routes: MonitoredRoute[] = [];
  /** All of them, in the order they came. */
  readonly messages: BmpMessage[] = [];
  /** The first thing that could not be read. */
  problem: unknown;

  private constructor() {
    this.#server = createServer((socket) => {
      const framer = new BmpFramer();
      socket.on("error", () => socket.destroy());
      socket.on("data", (chunk: Uint8Array) => {
        try {
          framer.push(chunk, (message) => this.#take(decodeBmp(message)));
        } catch (error) {
          this.problem ??= error;
          socket.destroy();
        }
      });
    });
  }

  static listen(host: Host, port: number): BmpCollector {
    const collector = new BmpCollector();
    using netns = openNetns(host.path);
    using fd = listenIn({ address: parseIp(host.ip4), port }, { netns });
    collector.#server.listen({ fd: fd.take() });
    return collector;
  }

  #take(message: BmpMessage): void {
    this.messages.push(message);
    if (message.kind === "route-monitoring") this.#takeRoutes(message.peer, message.update);
  }

  #takeRoutes(peer: BmpPeer, update: Uint8Array): void {
    const parts = splitUpdate(update, headerLength, update.length, newUpdateParts());
    const block = update.subarray(parts.attributesStart, parts.attributesEnd);
    const families = ["ipv4-unicast"] as const;
    const fourOctetAs = !peer.twoOctetAs;
    const decoded = decodeAttributes(block, { fourOctetAs, external: true, families });
    walkPrefixes4(update, parts.nlriStart, parts.nlriEnd, (word, length) => {
      const attributes = routeAttributesOf(decoded, "nlri");
      if (!("asPath" in attributes)) throw new Error("a route without its attributes");
      const prefix = formatPrefix(prefixFromWords4(word, length));
      this.routes.push({ peer, prefix, attributes });
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}
