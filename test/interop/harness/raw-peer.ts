/** A peer that sends whatever bytes a test wants, right or wrong, and keeps what it hears. */
import { Socket } from "node:net";
import {
  decodeNotification,
  encodeHeader,
  encodeKeepalive,
  encodeOpen,
  Framer,
  formatNotification,
  headerLength,
  messageLengthMax,
  messageTypes,
  type Open,
} from "@heddle/bgp";
import { Writer } from "@heddle/codec";
import { parseAsn, parseIp, parseIp4 } from "@heddle/inet";
import { connectIn, openNetns } from "@heddle/native";
import { eventually } from "./eventually.ts";
import type { Host } from "./lan.ts";

export class RawPeer implements Disposable {
  readonly #socket: Socket;
  /** What came as NOTIFICATION, or why the connection ended. */
  ended: string | undefined;
  #openCount = 0;
  #keepaliveCount = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const framer = new Framer();
    socket.on("data", (chunk: Uint8Array) =>
      framer.push(chunk, (type, data, at, end) => {
        if (type === messageTypes.open) this.#openCount += 1;
        if (type === messageTypes.keepalive) this.#keepaliveCount += 1;
        if (type === messageTypes.notification) {
          this.ended ??= formatNotification(decodeNotification(data.subarray(at, end)));
        }
        return true;
      }),
    );
    socket.on("error", (error) => {
      this.ended ??= error.message;
    });
    socket.on("close", () => {
      this.ended ??= "closed";
    });
  }

  /** Connects from `host`, and has an Established session when the promise is fulfilled. */
  static async connect(
    host: Host,
    to: Host,
    asn: number,
    capabilities: Open["capabilities"],
  ): Promise<RawPeer> {
    using netns = openNetns(host.path);
    const local = { address: parseIp4(host.ip4), port: 0 };
    using fd = await connectIn({ address: parseIp(to.ip4), port: 179 }, { netns, local });
    const peer = new RawPeer(new Socket({ fd: fd.take() }));
    const open = { asn: parseAsn(asn), holdTimeS: 90, routerId: parseIp4(host.ip4), capabilities };
    peer.#socket.write(encodeOpen(open));
    await peer.#heard("OPEN", () => peer.#openCount);
    peer.#socket.write(encodeKeepalive());
    await peer.#heard("KEEPALIVE", () => peer.#keepaliveCount);
    return peer;
  }

  /** @throws Error when the connection has ended before */
  async #heard(what: string, count: () => number): Promise<void> {
    await eventually(what, () => {
      if (count() === 0 && this.ended === undefined) throw new Error("nothing");
    });
    if (count() > 0) return;
    this.#socket.destroy();
    throw new Error(`no ${what}: ${this.ended}`);
  }

  /** An UPDATE of withdrawn routes, path attributes and NLRI, each as bytes. */
  update(attributes: Uint8Array, nlri: Uint8Array): void {
    const length = headerLength + 4 + attributes.length + nlri.length;
    const w = new Writer(messageLengthMax, length).zeros(headerLength);
    const bytes = w.u16(0).u16(attributes.length).bytes(attributes).bytes(nlri).copy();
    encodeHeader(bytes, 0, length, messageTypes.update);
    this.#socket.write(bytes);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
