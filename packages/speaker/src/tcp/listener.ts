/**
 * Accepts connections from configured peers on one address. MD5 keys and the TTL check live on the
 * listening socket, so the kernel refuses strangers before this process sees them where it can.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket, Server as TlsServer } from "node:tls";
import { ceaseSubcodes, encodeNotification, errorCodes } from "@heddle/bgp";
import { familyOf, formatIp, type Ifindex, type Ip, type Prefix, prefixOf } from "@heddle/inet";
import {
  Fd,
  listenIn,
  localPort,
  peerOf,
  SystemError,
  setMinTtl,
  setTcpMd5,
  setTtl,
} from "@heddle/native";
import type { ListenAddress } from "../config.ts";
import { SpeakerError } from "../errors.ts";
import { Connection, type MessageStream } from "./connection.ts";
import { controlTrafficClass, md5Key, ttlOfDirectPeer, withDescriptor } from "./dial.ts";
import { checkPeer, createTlsServer, setTls, type TlsConfig, type TlsPeerConfig } from "./tls.ts";

/** What the listener must know of a peer, or of a range of peers, before it accepts it. */
export interface ListenPeer {
  readonly prefix: Prefix;
  readonly md5: string | undefined;
  readonly ttlSecurity: boolean;
  /** Present: over TLS and not otherwise. */
  readonly tls: TlsPeerConfig | undefined;
}

/** A connection of a peer that may come. */
interface Admitted {
  readonly address: Ip;
  readonly scope: Ifindex | undefined;
  readonly peer: ListenPeer;
}

/** Takes a connection from `peer`, which is in one of the prefixes; paused, owned by the callee. */
export type Accept = (peer: Ip, scope: Ifindex | undefined, connection: Connection) => void;

export class Listener implements AsyncDisposable {
  readonly address: Ip;
  readonly port: number;
  readonly #server: Server;
  /** Shared with the server, which closes it. */
  readonly #fd: Fd;
  /** Makes the handshakes of the connections that it is handed; undefined over plain TCP. */
  readonly #secure: TlsServer | undefined;
  #peers: ReadonlyMap<Prefix, ListenPeer> = new Map();
  /** Lengths of their prefixes, longest first. */
  #lengths: readonly number[] = [];

  private constructor(at: ListenAddress, server: Server, fd: Fd, secure: TlsServer | undefined) {
    this.address = at.address;
    this.port = localPort(fd);
    this.#server = server;
    this.#fd = fd;
    this.#secure = secure;
  }

  /** @throws SystemError EADDRINUSE, EADDRNOTAVAIL, EACCES */
  static async open(
    at: ListenAddress,
    netns: Fd | undefined,
    tls: TlsConfig | undefined,
    accept: Accept,
    refused: (remote: string, why: string) => void,
  ): Promise<Listener> {
    using socket = listenIn(at, {
      ...(netns === undefined ? {} : { netns }),
      trafficClass: controlTrafficClass,
    });
    const fd = new Fd(socket.take());
    const secure = tls === undefined ? undefined : createTlsServer(tls);
    const server = createServer({ pauseOnConnect: true });
    const listener = new Listener(at, server, fd, secure);
    if (secure === undefined) {
      server.on("connection", (accepted) => listener.#accept(accepted, accept, refused));
    } else {
      server.on("connection", (accepted) => listener.#screen(accepted, secure, refused));
      secure.on("secureConnection", (accepted) => listener.#acceptTls(accepted, accept, refused));
      secure.on("tlsClientError", (error, accepted) => {
        const remote = remoteOf(accepted);
        refused(remote === undefined ? "unknown" : formatIp(remote.address), error.message);
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ fd: fd.number }, resolve);
    await promise;
    return listener;
  }

  /** New handshakes use `tls`; nothing over plain TCP. */
  setTls(tls: TlsConfig): void {
    if (this.#secure !== undefined) setTls(this.#secure, tls);
  }

  /**
   * Replaces the set of peers that may connect; of two prefixes that hold an address, the longer
   * counts. @throws SystemError when a key cannot be set
   */
  setPeers(peers: readonly ListenPeer[]): void {
    const family = familyOf(this.address);
    const own = new Map(peers.filter((p) => p.prefix.family === family).map((p) => [p.prefix, p]));
    this.#setKeys(own);
    this.#setTtl([...own.values()]);
    this.#peers = own;
    const lengths = new Set([...own.keys()].map(({ length }) => length));
    this.#lengths = [...lengths].sort((a, b) => b - a);
  }

  #setKeys(next: ReadonlyMap<Prefix, ListenPeer>): void {
    for (const { prefix, md5 } of this.#peers.values()) {
      const gone = md5 !== undefined && next.get(prefix)?.md5 === undefined;
      if (gone) setTcpMd5(this.#fd, md5Key(prefix, ""));
    }
    for (const { prefix, md5 } of next.values()) {
      if (md5 !== undefined) setTcpMd5(this.#fd, md5Key(prefix, md5));
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

  #accept(socket: Socket, accept: Accept, refused: (remote: string, why: string) => void): void {
    const known = this.#admit(socket, refused);
    if (known === undefined) return;
    const { address, scope, peer } = known;
    try {
      if (peer.ttlSecurity) {
        withDescriptor(socket, (fd) => setMinTtl(fd, familyOf(address), ttlOfDirectPeer));
      }
    } catch (error) {
      if (!(error instanceof SpeakerError)) throw error;
      // Closed by the peer before it was accepted.
      socket.destroy();
      return;
    }
    accept(address, scope, new Connection(socket));
  }

  /** What is no peer over TLS costs no handshake, and nothing can be said to it without one. */
  #screen(socket: Socket, secure: TlsServer, refused: (remote: string, why: string) => void): void {
    const remote = remoteOf(socket);
    const peer = remote === undefined ? undefined : this.#peerOf(remote.address);
    if (remote !== undefined && peer?.tls !== undefined) {
      secure.emit("connection", socket);
      return;
    }
    socket.destroy();
    if (remote !== undefined) refused(formatIp(remote.address), whyRefused(peer, true));
  }

  #acceptTls(
    socket: TLSSocket,
    accept: Accept,
    refused: (remote: string, why: string) => void,
  ): void {
    const known = this.#admit(socket, refused);
    if (known?.peer.tls === undefined) return;
    try {
      const connection = new Connection(socket, checkPeer(socket, known.peer.tls));
      accept(known.address, known.scope, connection);
    } catch (error) {
      if (!(error instanceof SpeakerError)) throw error;
      rejectConnection(new Connection(socket));
      refused(formatIp(known.address), error.message);
    }
  }

  /** The peer whose connection it is, if it may come this way; else it is turned away. */
  #admit(socket: Socket, refused: (remote: string, why: string) => void): Admitted | undefined {
    const remote = remoteOf(socket);
    if (remote === undefined) {
      // Closed by the peer before it was accepted.
      socket.destroy();
      return undefined;
    }
    const { address, scope } = remote;
    const peer = this.#peerOf(address);
    const isSecure = this.#secure !== undefined;
    if (peer !== undefined && (peer.tls !== undefined) === isSecure) {
      return { address, scope, peer };
    }
    // RFC 4486 4.
    rejectConnection(new Connection(socket));
    refused(formatIp(address), whyRefused(peer, isSecure));
    return undefined;
  }

  #peerOf(address: Ip): ListenPeer | undefined {
    for (const length of this.#lengths) {
      const peer = this.#peers.get(prefixOf(address, length));
      if (peer !== undefined) return peer;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fd.take();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

function whyRefused(peer: ListenPeer | undefined, isSecure: boolean): string {
  if (peer === undefined) return "its address is unknown";
  return isSecure ? "it is no peer over TLS" : "it is no peer over plain TCP";
}

/**
 * Who is at the other end; undefined when the connection is closed. The kernel is asked, since
 * node:net writes the name of its interface into a link-local address, which in another namespace
 * than the process's throws.
 */
function remoteOf(socket: Socket): { address: Ip; scope?: Ifindex | undefined } | undefined {
  try {
    return withDescriptor(socket, peerOf);
  } catch (error) {
    if (error instanceof SpeakerError || error instanceof SystemError) return undefined;
    throw error;
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
