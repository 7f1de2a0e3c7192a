/**
 * A netlink socket in a chosen namespace.
 *
 * Transactions are synchronous: the kernel handles a request inside send(2), so its answers are
 * there when send returns and there is nothing to wait for asynchronously. A thread that must not
 * block for the length of the kernel's RTNL lock keeps these sockets in a Worker. Does not know any
 * netlink family: payloads are bytes.
 */
import { Reader } from "@heddle/codec";
import { assert } from "@heddle/std";
import { loadAddon, type Result } from "./binding.ts";
import { Fd } from "./fd.ts";
import {
  type NetlinkMessage,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  splitMessages,
} from "./netlink-frame.ts";
import { Poll } from "./poll.ts";
import { check, errnoName, SystemError } from "./system-error.ts";

interface NetlinkBinding {
  netlinkOpen(netns: number, protocol: number, receiveBytes: number, timeoutMs: number): Result;
  netlinkJoin(fd: number, group: number): Result;
  netlinkSend(fd: number, bytes: Uint8Array): Result;
  netlinkReceive(fd: number, buffer: Uint8Array, wait: boolean): Result;
}

const native = loadAddon<NetlinkBinding>();

/** `NETLINK_ROUTE` of linux/netlink.h. */
export const NETLINK_ROUTE = 0;

/**
 * Most requests of one transaction. Their acknowledgements, about 1 KiB of socket memory each, all
 * wait in the receive queue before the first is read.
 */
export const transactionCountMax = 256;

const transactReceiveBytes = 1 << 20;
const monitorReceiveBytes = 8 << 20;
const timeoutMs = 5000;

/** Dumps interrupted by changes are asked for again, this often at most. */
const dumpAttemptsMax = 8;

/**
 * Longer than any datagram that the kernel makes: 32 KiB for dumps, and single messages grow with
 * what they hold. One per thread; nothing borrowed from it survives a call.
 */
const receiveBuffer = new Uint8Array(256 << 10);

/**
 * Datagrams that one wake-up of a monitor reads at most, so that a flood does not starve the event
 * loop.
 */
const monitorDatagramsMax = 64;
const monitorBytesMax = 192 << 10;

/**
 * How long a monitor waits for more before it reads. Changes come in bursts (a new pod is a dozen
 * messages), and whoever causes them has more urgent work on the same event loop.
 */
const monitorGatherMs = 5;

/**
 * One request failed (errno > 0), or the kernel says something about one that succeeded (errno 0).
 */
export interface NetlinkAck {
  readonly sequence: number;
  /** Positive; 0 is success. */
  readonly errno: number;
  readonly flags: number;
  /**
   * After the errno: the request's header, its payload unless capped, and extended ACK attributes.
   * Owned.
   */
  readonly rest: Uint8Array;
}

/** All that the kernel answered to one transaction. */
export interface NetlinkReply {
  /** In the order of the requests: of each that failed, and of the last unless it is a dump. */
  readonly acks: readonly NetlinkAck[];
  /** Everything that is not an acknowledgement, in order of arrival. Owned. */
  readonly messages: readonly NetlinkMessage[];
}

export interface NetlinkMonitorEvents {
  /** The messages of some milliseconds, back to back. Owned by the receiver. */
  readonly data: (messages: Uint8Array) => void;
  /** The kernel dropped messages: what was learned from them is stale, dump again. */
  readonly overrun: () => void;
  /** The socket is broken and the monitor closed. */
  readonly failed: (error: SystemError) => void;
}

export interface NetlinkSocketOptions {
  /** Default: the namespace of the calling thread. Borrowed for the call. */
  readonly netns?: Fd | undefined;
  /** Default: `NETLINK_ROUTE`. */
  readonly protocol?: number;
  /**
   * Size of the receive queue; the kernel allows itself twice that. Default: 1 MiB, 8 MiB of a
   * monitor.
   */
  readonly receiveBytes?: number;
}

function open(options: NetlinkSocketOptions, defaultReceiveBytes: number): Fd {
  const netns = options.netns === undefined ? -1 : options.netns.number;
  const { protocol = NETLINK_ROUTE, receiveBytes = defaultReceiveBytes } = options;
  const fd = native.netlinkOpen(netns, protocol, receiveBytes, timeoutMs);
  return new Fd(check(fd, "socket", "open a netlink socket"));
}

/** A socket for requests. Extended ACKs and strict checking of requests are on. */
export class NetlinkSocket implements Disposable {
  readonly #fd: Fd;

  /** @throws SystemError */
  constructor(options: NetlinkSocketOptions = {}) {
    this.#fd = open(options, transactReceiveBytes);
  }

  /**
   * Sends `request`, which holds `messageCount` requests with sequence numbers that count up from
   * `firstSequence`, in one send, and reads until the last, which has NLM_F_ACK, is acknowledged.
   * The kernel goes on after a request that fails. A dump is a transaction of its own: it ends with
   * NLMSG_DONE and is repeated when the table changed under it.
   * @throws SystemError ENOBUFS when answers were lost, EAGAIN when they did not come in 5 s, EINTR
   *   when a dump was interrupted again and again; in the first two cases the requests may have
   *   been done
   */
  transact(request: Uint8Array, firstSequence: number, messageCount: number): NetlinkReply {
    assert(messageCount >= 1 && messageCount <= transactionCountMax, "a transaction is bounded");
    for (let attempt = 0; attempt < dumpAttemptsMax; attempt += 1) {
      this.#send(request);
      const { reply, interrupted } = this.#receive(firstSequence, messageCount);
      if (!interrupted) return reply;
    }
    throw new SystemError("dump a table that keeps changing", "recv", interruptedErrno);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }

  #send(request: Uint8Array): void {
    const sent = check(native.netlinkSend(this.#fd.number, request), "send", "send to the kernel");
    assert(sent === request.length, "netlink sends whole datagrams");
  }

  #receive(firstSequence: number, messageCount: number): ReceivedReply {
    const acks: NetlinkAck[] = [];
    const messages: NetlinkMessage[] = [];
    let interrupted = false;
    const last = (firstSequence + messageCount - 1) >>> 0;
    for (let isDone = false; !isDone; ) {
      for (const message of splitMessages(this.#datagram())) {
        // Answers to a transaction that timed out may still come.
        if ((message.sequence - firstSequence) >>> 0 >= messageCount) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0 && message.type !== NLMSG_ERROR) {
          interrupted = true;
        }
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          isDone ||= message.sequence === last;
          const ack = decodeAck(message);
          if (message.type === NLMSG_ERROR || ack.errno !== 0) acks.push(ack);
        } else if (message.type !== NLMSG_NOOP) {
          messages.push({ ...message, payload: message.payload.slice() });
        }
      }
    }
    return { reply: { acks, messages }, interrupted };
  }

  #datagram(): Uint8Array {
    const received = native.netlinkReceive(this.#fd.number, receiveBuffer, true);
    return receiveBuffer.subarray(0, check(received, "recv", "receive from the kernel"));
  }
}

interface ReceivedReply {
  readonly reply: NetlinkReply;
  readonly interrupted: boolean;
}

/** EINTR on Linux. */
const interruptedErrno = 4;

/** NLMSG_ERROR and NLMSG_DONE both begin with a negative errno; a DONE without one is a success. */
function decodeAck(message: NetlinkMessage): NetlinkAck {
  const reader = new Reader(message.payload);
  const errno = reader.left >= 4 ? -reader.i32Le() : 0;
  const { sequence, flags } = message;
  return { sequence, errno: errno === 0 ? 0 : errno, flags, rest: reader.rest().slice() };
}

/** A subscription to multicast groups, driven by the event loop of the thread that made it. */
export class NetlinkMonitor implements Disposable {
  readonly #fd: Fd;
  readonly #poll: Poll;
  readonly #events: NetlinkMonitorEvents;
  #timer: NodeJS.Timeout | undefined;
  #isReferenced = true;
  /** The last reading was ended by its bounds, not by the end of what was there. */
  #isBehind = false;

  /**
   * `groups` are numbers (`RTNLGRP_*`), not bits. Subscribed when the constructor returns: a dump
   * made after it misses nothing.
   * @throws SystemError
   */
  constructor(
    groups: readonly number[],
    events: NetlinkMonitorEvents,
    options: NetlinkSocketOptions = {},
  ) {
    this.#events = events;
    using opened = open(options, monitorReceiveBytes);
    for (const group of groups) {
      check(native.netlinkJoin(opened.number, group), "setsockopt", `join netlink group ${group}`);
    }
    this.#fd = new Fd(opened.take());
    this.#poll = new Poll(this.#fd, "readable", () => this.#wake());
  }

  /** Lets the process or Worker end while this is open. */
  unref(): this {
    this.#isReferenced = false;
    this.#poll.unref();
    this.#timer?.unref();
    return this;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#poll[Symbol.dispose]();
    this.#fd.close();
  }

  /** Polling pauses while more is gathered. Who is behind reads at once. */
  #wake(): void {
    if (this.#isBehind) {
      this.#read();
      return;
    }
    this.#poll.pause();
    this.#timer = setTimeout(() => {
      this.#poll.resume();
      this.#read();
    }, monitorGatherMs);
    if (!this.#isReferenced) this.#timer.unref();
  }

  #read(): void {
    let length = 0;
    let outcome: "empty" | "overrun" | SystemError | undefined;
    const room = receiveBuffer.length - monitorBytesMax;
    for (let count = 0; count < monitorDatagramsMax && length < monitorBytesMax; count += 1) {
      const free = receiveBuffer.subarray(length, length + room);
      const received = native.netlinkReceive(this.#fd.number, free, false);
      if (received < 0) {
        outcome = classify(received);
        break;
      }
      length += received;
    }
    this.#isBehind = outcome === undefined;
    if (length > 0) this.#events.data(receiveBuffer.slice(0, length));
    if (outcome === "overrun") this.#events.overrun();
    if (outcome instanceof SystemError) {
      this[Symbol.dispose]();
      this.#events.failed(outcome);
    }
  }
}

function classify(result: Result): "empty" | "overrun" | SystemError {
  const code = errnoName(-result);
  if (code === "EAGAIN") return "empty";
  if (code === "ENOBUFS" || code === "EMSGSIZE") return "overrun";
  return new SystemError("receive from the kernel", "recv", -result);
}
