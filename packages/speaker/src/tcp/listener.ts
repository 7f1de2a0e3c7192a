/**
 * Accepts connections from configured peers on one address. MD5 keys and the TTL check live on the
 * listening socket, so the kernel refuses strangers before this process sees them where it can.
 */
import { createServer, type Server, type Socket } from "node:net";
import { ceaseSubcodes, encodeNotification, errorCodes } from "@heddle/bgp";
import { familyOf, type Ip, parseIp } from "@heddle/inet";
import { Fd, listenIn, localPort, setMinTtl, setTcpMd5, setTtl } from "@heddle/native";
import type { ListenAddress } from "../config.ts";
import { SpeakerError } from "../errors.ts";
import { Connection, type MessageStream } from "./connection.ts";
import { controlTrafficClass, md5Key, ttlOfDirectPeer, withDescriptor } from "./dial.ts";

/** What the listener must know of a peer before it accepts it. */
export interface ListenPeer {
  readonly address: Ip;
  readonly md5: string | undefined;
  readonly ttlSecurity: boolean;
}

/** Takes a connection from `peer`, paused and owned by the callee. */
export type Accept = (peer: Ip, connection: Connection) => void;

export class Listener implements AsyncDisposable {
  readonly address: Ip;
  readonly port: number;
  readonly #server: Server;
  /** Shared with the server, which closes it. */
  readonly #fd: Fd;
  #peers: ReadonlyMap<Ip, ListenPeer> = new Map();

  private constructor(at: ListenAddress, server: Server, fd: Fd) {
    this.address = at.address;
    this.port = localPort(fd);
    this.#server = server;
    this.#fd = fd;
  }

  /** @throws SystemError EADDRINUSE, EADDRNOTAVAIL, EACCES */
  static async open(
    at: ListenAddress,
    netns: Fd | undefined,
    accept: Accept,
    refused: (remote: string) => void,
  ): Promise<Listener> {
    using socket = listenIn(at, {
      ...(netns === undefined ? {} : { netns }),
      trafficClass: controlTrafficClass,
    });
    const fd = new Fd(socket.take());
    const server = createServer({ pauseOnConnect: true });
    const listener = new Listener(at, server, fd);
    server.on("connection", (accepted) => listener.#accept(accepted, accept, refused));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ fd: fd.number }, resolve);
    await promise;
    return listener;
  }

  /** Replaces the set of peers that may connect. @throws SystemError when a key cannot be set */
  setPeers(peers: readonly ListenPeer[]): void {
    const family = familyOf(this.address);
    const own = new Map(
      peers.filter((p) => familyOf(p.address) === family).map((p) => [p.address, p]),
    );
    this.#setKeys(own);
    this.#setTtl([...own.values()]);
    this.#peers = own;
  }

  #setKeys(next: ReadonlyMap<Ip, ListenPeer>): void {
    for (const { address, md5 } of this.#peers.values()) {
      const gone = md5 !== undefined && next.get(address)?.md5 === undefined;
      if (gone) setTcpMd5(this.#fd, md5Key(address, ""));
    }
    for (const { address, md5 } of next.values()) {
      if (md5 !== undefined) setTcpMd5(this.#fd, md5Key(address, md5));
    }
  }

  /**
   * With every peer secured, not even a SYN from afar gets in; else the check begins with the
   * connection.
   */
  #setTtl(peers: readonly ListenPeer[]): void {
    const family = familyOf(this.address);
    const secured = peers.filter((peer) => peer.ttlSecurity);
    if (secured.length > 0) setTtl(this.#fd, family, ttlOfDirectPeer);
    const all = secured.length > 0 && secured.length === peers.length;
    setMinTtl(this.#fd, family, all ? ttlOfDirectPeer : 0);
  }

  #accept(socket: Socket, accept: Accept, refused: (remote: string) => void): void {
    const remote = String(socket.remoteAddress);
    const peer = this.#peerOf(remote);
    if (peer === undefined) {
      // RFC 4486 4.
      rejectConnection(new Connection(socket));
      refused(remote);
      return;
    }
    try {
      if (peer.ttlSecurity) {
        withDescriptor(socket, (fd) => setMinTtl(fd, familyOf(peer.address), ttlOfDirectPeer));
      }
    } catch (error) {
      if (!(error instanceof SpeakerError)) throw error;
      // Closed by the peer before it was accepted.
      socket.destroy();
      return;
    }
    accept(peer.address, new Connection(socket));
  }

  #peerOf(remote: string): ListenPeer | undefined {
    // The zone of a link-local address says where it came from, not who it is; absent when already
    // closed.
    const text = remote.split("%")[0] as string;
    return /^[0-9a-f.:]+$/i.test(text) ? this.#peers.get(parseIp(text)) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fd.take();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

/** Tells the other side that it may not connect (now), and closes. */
export function rejectConnection(connection: MessageStream): void {
  connection.send(
    encodeNotification({
      code: errorCodes.cease,
      subcode: ceaseSubcodes.connectionRejected,
      data: new Uint8Array(0),
    }),
  );
  connection.close();
}
