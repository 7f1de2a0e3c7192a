/** The generator's side of one BGP session: as little of RFC 4271 as keeps a peer Established. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addressFamilies,
  bgpPort,
  encodeKeepalive,
  encodeOpen,
  Framer,
  messageTypes,
} from "@heddle/bgp";
import { formatIp4 } from "@heddle/inet";
import { localAddress, textOf } from "./addresses.ts";
import { Recording } from "./recording.ts";
import type { Endpoint } from "./workload.ts";

const holdTimeS = 90;
const keepaliveEveryMs = 20_000;
const attemptCountMax = 100;
const attemptEveryMs = 200;
/** For what a sender is sent back. */
const scratch = new Uint8Array(64 * 1024);
const keepalive = encodeKeepalive();

export class GeneratorSession implements Disposable {
  readonly endpoint: Endpoint;
  readonly recording: Recording;
  readonly #framer = new Framer();
  readonly #socket: Socket;
  readonly #up = Promise.withResolvers<void>();
  #isEstablished = false;
  #keepaliveTimer: NodeJS.Timeout | undefined;
  /** Why the session ended. */
  lost: string | undefined;

  /** Tries until the session is Established. @throws Error with the last failure */
  static async establish(endpoint: Endpoint): Promise<GeneratorSession> {
    for (let attempt = 1; ; attempt += 1) {
      const session = new GeneratorSession(endpoint);
      try {
        await session.#up.promise;
        return session;
      } catch (error) {
        session[Symbol.dispose]();
        if (attempt === attemptCountMax) throw error;
        await sleep(attemptEveryMs);
      }
    }
  }

  private constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.recording = new Recording(this.#framer);
    this.#socket = connect({
      host: formatIp4(localAddress),
      port: bgpPort,
      localAddress: textOf(endpoint.neighbor),
      noDelay: true,
      onread: {
        buffer: () => (endpoint.wanted === undefined ? scratch : this.recording.room()),
        callback: (length, bytes) => {
          this.#take(length, bytes);
          return true;
        },
      },
    });
    this.#socket.on("connect", () => this.#socket.write(this.#open()));
    this.#socket.on("error", (error) => this.#lose(error.message));
    this.#socket.on("close", () => this.#lose("the connection was closed"));
  }

  /** Resolves when the kernel has all of `bytes`. @throws Error when the session is lost */
  async send(bytes: Uint8Array): Promise<void> {
    const sent = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => {
      if (error instanceof Error) sent.reject(error);
      else sent.resolve();
    });
    await sent.promise;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#keepaliveTimer);
    this.#socket.destroy();
  }

  #take(length: number, bytes: Uint8Array): void {
    if (!this.#isEstablished) this.#shakeHands(bytes.slice(0, length));
    else if (this.endpoint.wanted !== undefined) this.recording.take(length);
  }

  #shakeHands(bytes: Uint8Array): void {
    this.#framer.push(bytes, (type, body, start, end) => {
      if (type === messageTypes.open) this.#socket.write(keepalive);
      else if (type === messageTypes.keepalive) this.#establish();
      else if (type === messageTypes.notification) {
        this.#lose(`NOTIFICATION ${body.slice(start, end).toHex()}`);
      }
      return true;
    });
  }

  #establish(): void {
    if (this.#isEstablished) return;
    this.#isEstablished = true;
    this.#keepaliveTimer = setInterval(() => this.#socket.write(keepalive), keepaliveEveryMs);
    this.#socket.write(this.endpoint.greeting);
    this.#up.resolve();
  }

  #lose(why: string): void {
    this.lost ??= why;
    this.#up.reject(new Error(`${textOf(this.endpoint.neighbor)}: ${why}`));
  }

  #open(): Uint8Array {
    const { neighbor, families } = this.endpoint;
    return encodeOpen({
      asn: neighbor.asn,
      holdTimeS,
      routerId: neighbor.address,
      capabilities: [
        ...families.map((family) => ({
          kind: "multiprotocol" as const,
          ...addressFamilies[family],
        })),
        { kind: "route-refresh" },
        { kind: "four-octet-as", asn: neighbor.asn },
      ],
    });
  }
}
