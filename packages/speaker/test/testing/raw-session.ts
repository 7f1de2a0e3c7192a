/** A peer that sends what it is told to, byte for byte, and notes what comes back. */
import { Socket } from "node:net";
import {
  decodeNotification,
  encodeHeader,
  encodeKeepalive,
  encodeOpen,
  Framer,
  formatNotification,
  messageTypes,
  type Open,
} from "@heddle/bgp";
import { fromHex } from "@heddle/codec";
import type { Ip } from "@heddle/inet";
import { connectIn, openNetns } from "@heddle/native";

export class RawSession implements Disposable {
  /** NOTIFICATIONs as text, other messages by type. */
  readonly heard: string[] = [];
  readonly #socket: Socket;
  readonly #framer = new Framer();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", (error) => this.heard.push(error.message));
    socket.on("data", (chunk: Uint8Array) =>
      this.#framer.push(chunk, (type, data, at, end) => {
        const isNotification = type === messageTypes.notification;
        const cause = isNotification ? decodeNotification(data.subarray(at, end)) : undefined;
        this.heard.push(cause === undefined ? `type ${type}` : formatNotification(cause));
        return true;
      }),
    );
  }

  /** Connects to the BGP port of `to` and sends OPEN and KEEPALIVE. */
  static async start(netnsPath: string, from: Ip, to: Ip, open: Open): Promise<RawSession> {
    using netns = openNetns(netnsPath);
    const local = { address: from, port: 0 };
    using fd = await connectIn({ address: to, port: 179 }, { netns, local });
    const session = new RawSession(new Socket({ fd: fd.take() }));
    session.send(encodeOpen(open));
    session.send(encodeKeepalive());
    return session;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** An UPDATE of attributes and NLRI in hexadecimal, spaces allowed; lengths as they really are. */
export function rawUpdate(attributes: string, nlri = ""): Uint8Array {
  const block = fromHex(attributes.replaceAll(" ", ""));
  const routes = fromHex(nlri.replaceAll(" ", ""));
  const bytes = new Uint8Array(19 + 4 + block.length + routes.length);
  bytes.set([0, 0, block.length >> 8, block.length & 255], 19);
  bytes.set(block, 23);
  bytes.set(routes, 23 + block.length);
  encodeHeader(bytes, 0, bytes.length, messageTypes.update);
  return bytes;
}
