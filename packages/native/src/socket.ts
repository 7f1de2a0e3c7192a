/**
 * Internet sockets made in a chosen namespace, with the options that routing protocols need and
 * node:net does not offer. The results are descriptors that `net.Server.listen({ fd })` and `new
 * net.Socket({ fd })` take, so one process can serve in several namespaces.
 */
import {
  type Family,
  familyOf,
  type Ifindex,
  type Ip,
  ipFromBytes,
  ipToBytes,
  type Prefix,
  parseIfindex,
} from "@heddle/inet";
import { loadAddon, type Result } from "./binding.ts";
import { Fd } from "./fd.ts";
import { Poll } from "./poll.ts";
import { check, SystemError } from "./system-error.ts";

interface SocketBinding {
  readonly AF_INET: number;
  readonly AF_INET6: number;
  readonly SOCK_STREAM: number;
  readonly SOCK_DGRAM: number;
  readonly SOL_SOCKET: number;
  readonly SO_REUSEADDR: number;
  readonly SO_PRIORITY: number;
  readonly IPPROTO_IP: number;
  readonly IPPROTO_TCP: number;
  readonly IPPROTO_UDP: number;
  readonly IPPROTO_IPV6: number;
  readonly IP_TTL: number;
  readonly IP_TOS: number;
  readonly IP_MINTTL: number;
  readonly IP_RECVTTL: number;
  readonly IP_PKTINFO: number;
  readonly IPV6_V6ONLY: number;
  readonly IPV6_TCLASS: number;
  readonly IPV6_UNICAST_HOPS: number;
  readonly IPV6_MINHOPCOUNT: number;
  readonly IPV6_RECVHOPLIMIT: number;
  readonly IPV6_RECVPKTINFO: number;
  socketOpen(netns: number, family: number, type: number, protocol: number): Result;
  socketBind(fd: number, address: Uint8Array, port: number, scope: number): Result;
  socketConnect(fd: number, address: Uint8Array, port: number, scope: number): Result;
  socketListen(fd: number, backlog: number): Result;
  socketError(fd: number): Result;
  socketPort(fd: number): Result;
  socketPeer(
    fd: number,
  ): { readonly address: Uint8Array; readonly port: number; readonly scope: number } | Result;
  socketSetInt(fd: number, level: number, name: number, value: number): Result;
  socketBindToDevice(fd: number, name: string): Result;
  tcpMd5(fd: number, address: Uint8Array, prefixLength: number, key: Uint8Array): Result;
}

const native = loadAddon<SocketBinding>();

export type SocketType = "stream" | "datagram";

/** An address and a port; `scope` is the interface of a link-local IPv6 address. */
export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
  readonly scope?: Ifindex | undefined;
}

/** An RFC 2385 key for the peers in `prefix`: 1 to 80 bytes. */
export interface Md5Key {
  readonly prefix: Prefix;
  readonly key: Uint8Array;
}

/** Options of a TCP socket that take effect before its first segment. */
export interface TcpOptions {
  /** Default: the namespace of the calling thread. Borrowed for the call. */
  readonly netns?: Fd | undefined;
  /** Name of the interface that the socket is bound to. */
  readonly device?: string | undefined;
  /** TTL or hop limit of what is sent, 1 to 255. */
  readonly ttl?: number | undefined;
  /** Drop what arrives with less: 255 is GTSM for a direct neighbour (RFC 5082). */
  readonly minTtl?: number | undefined;
  /** The whole TOS or traffic-class octet; 0xc0 is CS6, network control. */
  readonly trafficClass?: number | undefined;
  readonly md5?: readonly Md5Key[];
}

export interface ListenOptions extends TcpOptions {
  /** Default 128. */
  readonly backlog?: number;
}

export interface ConnectOptions extends TcpOptions {
  readonly local?: Endpoint | undefined;
  /** Ends the attempt: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A non-blocking socket of the family in `netns`, undefined being the calling thread's. @throws
 * SystemError
 */
export function socketIn(netns: Fd | undefined, family: Family, type: SocketType): Fd {
  const domain = family === 4 ? native.AF_INET : native.AF_INET6;
  const kind = type === "stream" ? native.SOCK_STREAM : native.SOCK_DGRAM;
  const fd = native.socketOpen(netns === undefined ? -1 : netns.number, domain, kind, 0);
  const socket = new Fd(check(fd, "socket", `open an IPv${family} ${type} socket`));
  // One socket per family: an IPv6 socket that also takes IPv4 reports mapped addresses.
  if (family === 6) setInt(socket, native.IPPROTO_IPV6, native.IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  return socket;
}

function setInt(socket: Fd, level: number, name: number, value: number, shown: string): void {
  const result = native.socketSetInt(socket.number, level, name, value);
  check(result, "setsockopt", `set ${shown} to ${value}`);
}

/** TTL or hop limit of what the socket sends, 1 to 255. @throws SystemError */
export function setTtl(socket: Fd, family: Family, ttl: number): void {
  if (family === 4) setInt(socket, native.IPPROTO_IP, native.IP_TTL, ttl, "IP_TTL");
  else setInt(socket, native.IPPROTO_IPV6, native.IPV6_UNICAST_HOPS, ttl, "IPV6_UNICAST_HOPS");
}

/**
 * The kernel drops segments that arrive with a lower TTL or hop limit. TCP only. @throws
 * SystemError
 */
export function setMinTtl(socket: Fd, family: Family, ttl: number): void {
  if (family === 4) setInt(socket, native.IPPROTO_IP, native.IP_MINTTL, ttl, "IP_MINTTL");
  else setInt(socket, native.IPPROTO_IPV6, native.IPV6_MINHOPCOUNT, ttl, "IPV6_MINHOPCOUNT");
}

/** The TOS octet, or the traffic class of IPv6. @throws SystemError */
export function setTrafficClass(socket: Fd, family: Family, value: number): void {
  if (family === 4) setInt(socket, native.IPPROTO_IP, native.IP_TOS, value, "IP_TOS");
  else setInt(socket, native.IPPROTO_IPV6, native.IPV6_TCLASS, value, "IPV6_TCLASS");
}

/** Sends and receives on the interface only. @throws SystemError ENODEV */
export function bindToDevice(socket: Fd, name: string): void {
  const result = native.socketBindToDevice(socket.number, name);
  check(result, "setsockopt", `bind a socket to interface ${name}`);
}

/**
 * Requires RFC 2385 signatures from the peers in the prefix and signs what is sent to them; an
 * empty key takes the requirement away. On a listening socket it counts for the connections that it
 * accepts.
 * @throws SystemError ENOENT when a key is taken away that is not there
 */
export function setTcpMd5(socket: Fd, { prefix, key }: Md5Key): void {
  const result = native.tcpMd5(socket.number, ipToBytes(prefix.address), prefix.length, key);
  check(result, "setsockopt", "set a TCP MD5 key");
}

/** Ask for the TTL and the destination of each datagram. @throws SystemError */
export function requestArrivalInfo(socket: Fd, family: Family): void {
  if (family === 4) {
    setInt(socket, native.IPPROTO_IP, native.IP_RECVTTL, 1, "IP_RECVTTL");
    setInt(socket, native.IPPROTO_IP, native.IP_PKTINFO, 1, "IP_PKTINFO");
  } else {
    setInt(socket, native.IPPROTO_IPV6, native.IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT");
    setInt(socket, native.IPPROTO_IPV6, native.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
  }
}

/** @throws SystemError EADDRINUSE, EADDRNOTAVAIL */
export function bindSocket(socket: Fd, local: Endpoint): void {
  const { address, port, scope = 0 } = local;
  const result = native.socketBind(socket.number, ipToBytes(address), port, scope);
  check(result, "bind", `bind port ${port}`);
}

/** The local port, for a socket that was bound to port 0. @throws SystemError */
export function localPort(socket: Fd): number {
  return check(native.socketPort(socket.number), "getsockname", "read the local port");
}

/** Address and port of the other end; `scope` of a link-local address. @throws SystemError */
export function peerOf(socket: Fd): Endpoint {
  const peer = native.socketPeer(socket.number);
  if (typeof peer === "number") {
    throw new SystemError("read the address of a peer", "getpeername", -peer);
  }
  const { address, port, scope } = peer;
  return {
    address: ipFromBytes(address),
    port,
    ...(scope === 0 ? {} : { scope: parseIfindex(scope) }),
  };
}

function applyTcpOptions(socket: Fd, family: Family, options: TcpOptions): void {
  if (options.device !== undefined) bindToDevice(socket, options.device);
  if (options.ttl !== undefined) setTtl(socket, family, options.ttl);
  if (options.minTtl !== undefined) setMinTtl(socket, family, options.minTtl);
  if (options.trafficClass !== undefined) setTrafficClass(socket, family, options.trafficClass);
  const { md5 = [] } = options;
  for (const key of md5) setTcpMd5(socket, key);
}

/**
 * A listening TCP socket for `server.listen({ fd: fd.take() })`.
 * @throws SystemError EADDRINUSE, EADDRNOTAVAIL, ENODEV
 */
export function listenIn(local: Endpoint, options: ListenOptions = {}): Fd {
  const family = familyOf(local.address);
  using socket = socketIn(options.netns, family, "stream");
  setInt(socket, native.SOL_SOCKET, native.SO_REUSEADDR, 1, "SO_REUSEADDR");
  applyTcpOptions(socket, family, options);
  bindSocket(socket, local);
  check(native.socketListen(socket.number, options.backlog ?? 128), "listen", "listen");
  return new Fd(socket.take());
}

/**
 * Connects and resolves with a descriptor for `new net.Socket({ fd: fd.take() })`. There is no
 * timeout but the kernel's (about two minutes): give a signal.
 * @throws SystemError ECONNREFUSED, ENETUNREACH, ETIMEDOUT and so on, or the reason of the signal
 */
export async function connectIn(remote: Endpoint, options: ConnectOptions = {}): Promise<Fd> {
  options.signal?.throwIfAborted();
  const family = familyOf(remote.address);
  using socket = socketIn(options.netns, family, "stream");
  applyTcpOptions(socket, family, options);
  if (options.local !== undefined) {
    setInt(socket, native.SOL_SOCKET, native.SO_REUSEADDR, 1, "SO_REUSEADDR");
    bindSocket(socket, options.local);
  }
  if (!startConnect(socket, remote)) {
    await untilWritable(socket, options.signal);
    check(native.socketError(socket.number), "connect", connectDoing(remote));
  }
  return new Fd(socket.take());
}

function connectDoing(remote: Endpoint): string {
  return `connect to port ${remote.port}`;
}

/** True when the connection is made already, as on loopback it may be. */
function startConnect(socket: Fd, remote: Endpoint): boolean {
  const { address, port, scope = 0 } = remote;
  const result = native.socketConnect(socket.number, ipToBytes(address), port, scope);
  if (result >= 0) return true;
  const error = new SystemError(connectDoing(remote), "connect", -result);
  if (error.code !== "EINPROGRESS") throw error;
  return false;
}

function untilWritable(socket: Fd, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const poll = new Poll(socket, "writable", resolve);
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  return promise.finally(() => {
    poll[Symbol.dispose]();
    signal?.removeEventListener("abort", abort);
  });
}
