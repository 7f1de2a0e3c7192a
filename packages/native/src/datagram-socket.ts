/**
 * A UDP socket that tells for each datagram what BFD needs to know (RFC 5881): the TTL it came
 * with, the local address it was sent to and the interface it arrived on. Works in any thread;
 * receiving is driven by that thread's event loop, with a budget per wake-up.
 */
import {
  type Family,
  familyOf,
  type Ifindex,
  type Ip,
  ipFromBytes,
  ipToBytes,
  parseIfindex,
} from "@heddle/inet";
import { loadAddon, type Result } from "./binding.ts";
import { Fd } from "./fd.ts";
import { Poll } from "./poll.ts";
import {
  bindSocket,
  bindToDevice,
  type Endpoint,
  localPort,
  requestArrivalInfo,
  setTrafficClass,
  setTtl,
  socketIn,
} from "./socket.ts";
import { check, SystemError } from "./system-error.ts";

interface NativeDatagram {
  readonly length: number;
  readonly source: Uint8Array;
  readonly sourcePort: number;
  readonly destination: Uint8Array;
  readonly ttl: number;
  readonly ifindex: number;
}

interface DatagramBinding {
  datagramReceive(fd: number, buffer: Uint8Array): NativeDatagram | Result;
  datagramSend(
    fd: number,
    bytes: Uint8Array,
    address: Uint8Array,
    port: number,
    scope: number,
  ): Result;
}

const native = loadAddon<DatagramBinding>();

/** Datagrams that one wake-up reads at most. */
const receiveCountMax = 64;
/** The largest UDP payload. */
const receiveBuffer = new Uint8Array(65535);

export interface ReceivedDatagram {
  /** Borrowed until the callback returns. */
  readonly bytes: Uint8Array;
  readonly source: Ip;
  readonly sourcePort: number;
  /** The local address that the datagram was sent to. */
  readonly destination: Ip;
  /** TTL or hop limit on arrival. */
  readonly ttl: number;
  /** Where it arrived. */
  readonly ifindex: Ifindex;
}

export interface DatagramSocketOptions {
  /** Default: the namespace of the calling thread. Borrowed for the call. */
  readonly netns?: Fd | undefined;
  /** Name of the interface that the socket is bound to. */
  readonly device?: string | undefined;
  /** TTL or hop limit of what is sent; default 255. */
  readonly ttl?: number;
  /** The TOS or traffic-class octet of what is sent; default 0. */
  readonly trafficClass?: number;
}

export interface DatagramEvents {
  readonly data: (datagram: ReceivedDatagram) => void;
  /** A reported error of the network, for example ECONNREFUSED; the socket goes on. */
  readonly failed: (error: SystemError) => void;
}

export class DatagramSocket implements Disposable {
  readonly family: Family;
  readonly #fd: Fd;
  #poll: Poll | undefined;

  /** Binds to `local`; port 0 lets the kernel choose. @throws SystemError */
  constructor(local: Endpoint, options: DatagramSocketOptions = {}) {
    this.family = familyOf(local.address);
    using socket = socketIn(options.netns, this.family, "datagram");
    if (options.device !== undefined) bindToDevice(socket, options.device);
    setTtl(socket, this.family, options.ttl ?? 255);
    if (options.trafficClass !== undefined) {
      setTrafficClass(socket, this.family, options.trafficClass);
    }
    requestArrivalInfo(socket, this.family);
    bindSocket(socket, local);
    this.#fd = new Fd(socket.take());
  }

  /** The local port. @throws SystemError */
  get port(): number {
    return localPort(this.#fd);
  }

  /**
   * Sends one datagram, now or never.
   * @throws SystemError EAGAIN when the send queue is full, ENETUNREACH, EMSGSIZE and so on
   */
  send(bytes: Uint8Array, to: Endpoint): void {
    sendDatagram(this.#fd, bytes, to);
  }

  /**
   * Starts to deliver datagrams on the event loop of the calling thread. Once. @throws SystemError
   */
  receive(events: DatagramEvents): void {
    this.#poll?.[Symbol.dispose]();
    this.#poll = new Poll(this.#fd, "readable", () => readDatagrams(this.#fd, events));
  }

  [Symbol.dispose](): void {
    this.#poll?.[Symbol.dispose]();
    this.#fd.close();
  }
}

/** @throws SystemError */
export function sendDatagram(socket: Fd, bytes: Uint8Array, to: Endpoint): void {
  const { address, port, scope = 0 } = to;
  const result = native.datagramSend(socket.number, bytes, ipToBytes(address), port, scope);
  check(result, "sendto", `send a datagram to port ${port}`);
}

/** Delivers what one wake-up may read. The receiver may close `socket` in the middle. */
export function readDatagrams(socket: Fd, events: DatagramEvents): void {
  for (let count = 0; count < receiveCountMax && socket.isOpen; count += 1) {
    const received = native.datagramReceive(socket.number, receiveBuffer);
    if (typeof received !== "number") {
      events.data(describe(received));
      continue;
    }
    const error = new SystemError("receive a datagram", "recvmsg", -received);
    if (error.code === "EAGAIN") return;
    events.failed(error);
  }
}

function describe(received: NativeDatagram): ReceivedDatagram {
  return {
    bytes: receiveBuffer.subarray(0, received.length),
    source: ipFromBytes(received.source),
    sourcePort: received.sourcePort,
    destination: ipFromBytes(received.destination),
    ttl: received.ttl,
    ifindex: parseIfindex(received.ifindex),
  };
}
