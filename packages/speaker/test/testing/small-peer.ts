/** A peer that is next to nothing: one connection, a few routes, a count of what it was sent. */
import { Socket } from "node:net";
import {
  encodeHeader,
  encodeKeepalive,
  encodeOpen,
  Framer,
  messageTypes,
  newUpdateParts,
  splitUpdate,
  walkPrefixes4,
} from "@heddle/bgp";
import type { Ip4 } from "@heddle/inet";
import { connectIn, type Fd } from "@heddle/native";

export interface SmallPeerOptions {
  readonly from: Ip4;
  readonly to: Ip4;
  readonly port: number;
  readonly asn: number;
  readonly routerId: Ip4;
  /** Host routes that `announce` sends, with `routerId` as next hop. */
  readonly routes: readonly Ip4[];
}

export class SmallPeer implements Disposable {
  /** Prefixes announced to it, each counted once per announcement. */
  announcedCount = 0;
  notificationCount = 0;
  readonly #socket: Socket;
  readonly #framer = new Framer();
  readonly #parts = newUpdateParts();
  readonly #options: SmallPeerOptions;
  #keepalives: NodeJS.Timeout | undefined;

  private constructor(fd: Fd, options: SmallPeerOptions) {
    const { asn, routerId } = options;
    this.#options = options;
    this.#socket = new Socket({ fd: fd.take() });
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    const open = { asn, holdTimeS: 30, routerId, capabilities: [] };
    this.#socket.write(encodeOpen(open));
  }

  /** Connects from inside `netns`, and sends its OPEN. */
  static async connect(netns: Fd, options: SmallPeerOptions): Promise<SmallPeer> {
    const { from, to, port } = options;
    const local = { address: from, port: 0 };
    using fd = await connectIn({ address: to, port }, { netns, local });
    return new SmallPeer(fd, options);
  }

  announce(): void {
    const { routerId, routes } = this.#options;
    this.#socket.write(updateOf(routerId, routes));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#keepalives);
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#framer.push(bytes, (type, data, start, end) => {
      if (type === messageTypes.open) this.#answer();
      else if (type === messageTypes.notification) this.notificationCount += 1;
      else if (type === messageTypes.update) {
        const { nlriStart, nlriEnd } = splitUpdate(data, start, end, this.#parts);
        walkPrefixes4(data, nlriStart, nlriEnd, () => {
          this.announcedCount += 1;
        });
      }
      return true;
    });
  }

  #answer(): void {
    this.#socket.write(encodeKeepalive());
    this.#keepalives = setInterval(() => this.#socket.write(encodeKeepalive()), 3000);
  }
}

/** An UPDATE inside an AS: IGP, empty path, next hop, LOCAL_PREF 100. */
function updateOf(nextHop: Ip4, routes: readonly Ip4[]): Uint8Array {
  const hop = [nextHop >>> 24, (nextHop >>> 16) & 255, (nextHop >>> 8) & 255, nextHop & 255];
  const attributes = [64, 1, 1, 0, 64, 2, 0, 64, 3, 4, ...hop, 64, 5, 4, 0, 0, 0, 100];
  const nlri = routes.flatMap((address) => [
    ...[32, address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255],
  ]);
  const body = [0, 0, 0, attributes.length, ...attributes, ...nlri];
  const bytes = new Uint8Array(19 + body.length);
  bytes.set(body, 19);
  encodeHeader(bytes, 0, bytes.length, messageTypes.update);
  return bytes;
}
