/**
 * The handle on one namespace's links, addresses, routes and so on. Every call is synchronous and
 * returns when the kernel has done it; the kernel's RTNL lock may make that take tens of
 * milliseconds, so a thread that must not block keeps its handles in a Worker.
 */
import type { Writer } from "@heddle/codec";
import type { Family, Ifindex } from "@heddle/inet";
import { type Fd, type NetlinkMessage, NetlinkSocket, transactionCountMax } from "@heddle/native";
import { assert } from "@heddle/std";
import { type Address, decodeAddress } from "./address.ts";
import { Attributes, putU32 } from "./attributes.ts";
import { encodeBatch } from "./batch.ts";
import { decodeFilter, type Filter, type FilterHook, putFilterHook } from "./filter.ts";
import { decodeLink, getLink, type Link, type LinkRef } from "./link.ts";
import {
  decodeNeighbor,
  type Neighbor,
  type NeighborFilter,
  putNeighborFilter,
} from "./neighbor.ts";
import { decoding, NetlinkError, requestError } from "./netlink-error.ts";
import { decodeQdisc, putTcmsg, type Qdisc } from "./qdisc.ts";
import { afOf, type Request } from "./request.ts";
import { decodeRoute, putRouteFilter, type Route, type RouteFilter } from "./route.ts";
import { decodeRule, type Rule } from "./rule.ts";
import {
  NETNSA_FD,
  NETNSA_NSID,
  NETNSA_NSID_NOT_ASSIGNED,
  NLM_F_DUMP,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETNSID,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_GETTFILTER,
} from "./uapi/rtnetlink.ts";

/** What became of a request: undefined is success. */
export type Outcome = NetlinkError | undefined;

/** Codes by which the kernel says that the asked-for object does not exist. */
const absentCodes: ReadonlySet<string> = new Set(["ENODEV", "ENOENT", "ESRCH"]);

/**
 * True when a request failed because what it names does not exist: a deletion may take it for
 * success.
 */
export function isAbsent(error: unknown): error is NetlinkError {
  return error instanceof NetlinkError && absentCodes.has(error.code);
}

export class Rtnetlink implements Disposable {
  readonly #socket: NetlinkSocket;
  #sequence = 1;

  /**
   * In `netns`, borrowed for the call; by default in the calling thread's namespace. @throws
   * SystemError
   */
  constructor(netns?: Fd) {
    this.#socket = new NetlinkSocket({ netns });
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /**
   * Sends the requests in one message (in chunks of 256 when there are more) and returns what
   * became of each. The kernel goes on after one that fails.
   * @throws SystemError when the outcome is not known, NetlinkError MALFORMED
   */
  submit(requests: readonly Request[]): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    for (let start = 0; start < requests.length; start += transactionCountMax) {
      outcomes.push(...this.#submitChunk(requests.slice(start, start + transactionCountMax)));
    }
    return outcomes;
  }

  /**
   * Like {@link submit}, for requests that must all succeed. @throws NetlinkError of the first that
   * failed
   */
  execute(requests: readonly Request[]): void {
    const failed = this.submit(requests).find((outcome) => outcome !== undefined);
    if (failed !== undefined) throw failed;
  }

  links(): readonly Link[] {
    return this.#dump("links", RTM_GETLINK, (w) => void w.zeros(16), decodeLink);
  }

  /** Undefined when there is none. @throws NetlinkError */
  link(ref: LinkRef): Link | undefined {
    try {
      const [message] = this.#transact(getLink(ref));
      assert(message !== undefined, "the kernel answers with the link");
      return decodeLink(message.payload);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  addresses(filter: { family?: Family; ifindex?: Ifindex } = {}): readonly Address[] {
    const encode = (w: Writer): void => {
      w.u8(filter.family === undefined ? 0 : afOf(filter.family)).zeros(3);
      w.u32Le(filter.ifindex ?? 0);
    };
    return this.#dump("addresses", RTM_GETADDR, encode, decodeAddress);
  }

  /** An absent table means every table. */
  routes(filter: RouteFilter): readonly Route[] {
    return this.#dump("routes", RTM_GETROUTE, (w) => putRouteFilter(w, filter), decodeRoute);
  }

  rules(family: Family): readonly Rule[] {
    const encode = (w: Writer): void => void w.u8(afOf(family)).zeros(11);
    return this.#dump("rules", RTM_GETRULE, encode, decodeRule);
  }

  neighbors(filter: NeighborFilter = {}): readonly Neighbor[] {
    const encode = (w: Writer): void => putNeighborFilter(w, filter);
    return this.#dump("neighbors", RTM_GETNEIGH, encode, decodeNeighbor);
  }

  qdiscs(ifindex?: Ifindex): readonly Qdisc[] {
    const encode = (w: Writer): void =>
      putTcmsg(w, { ifindex: ifindex ?? 0, handle: 0, parent: 0, info: 0 });
    const all = this.#dump("qdiscs", RTM_GETQDISC, encode, decodeQdisc);
    // The kernel does not narrow this dump.
    return ifindex === undefined ? all : all.filter((qdisc) => qdisc.ifindex === ifindex);
  }

  /** Empty also when the block or the qdisc does not exist. */
  filters(hook: FilterHook): readonly Filter[] {
    try {
      const encode = (w: Writer): void => putFilterHook(w, hook);
      const all = this.#dump("filters", RTM_GETTFILTER, encode, decodeFilter);
      return all.filter((filter) => filter.handle !== 0);
    } catch (error) {
      if (isAbsent(error) || isNoBlock(error)) return [];
      throw error;
    }
  }

  /** The number that `Link.linkNetnsId` uses for a namespace; undefined when it has none here. */
  netnsId(netns: Fd): number | undefined {
    const [message] = this.#transact({
      type: RTM_GETNSID,
      flags: 0,
      doing: "read the number of a network namespace",
      encode: (w) => {
        w.zeros(4);
        putU32(w, NETNSA_FD, netns.number);
      },
    });
    assert(message !== undefined, "the kernel answers with the number");
    const id = decoding("network namespace number", () =>
      Attributes.decode(message.payload.subarray(4)).i32(NETNSA_NSID),
    );
    return id === NETNSA_NSID_NOT_ASSIGNED ? undefined : id;
  }

  #submitChunk(requests: readonly Request[]): readonly Outcome[] {
    const first = this.#takeSequences(requests.length);
    const reply = this.#socket.transact(encodeBatch(requests, first), first, requests.length);
    const outcomes = new Array<Outcome>(requests.length).fill(undefined);
    for (const ack of reply.acks) {
      const index = (ack.sequence - first) >>> 0;
      const request = requests[index];
      if (ack.errno === 0 || request === undefined) continue;
      outcomes[index] = requestError(request.doing, ack, { index, count: requests.length });
    }
    return outcomes;
  }

  #transact(request: Request): readonly NetlinkMessage[] {
    const first = this.#takeSequences(1);
    const { acks, messages } = this.#socket.transact(encodeBatch([request], first), first, 1);
    const failed = acks.find((ack) => ack.errno !== 0);
    if (failed !== undefined) throw requestError(request.doing, failed, { index: 0, count: 1 });
    return messages;
  }

  #dump<T>(
    what: string,
    type: number,
    encode: (w: Writer) => void,
    decode: (payload: Uint8Array) => T,
  ): readonly T[] {
    const doing = `dump ${what}`;
    const messages = this.#transact({ type, flags: NLM_F_DUMP, doing, encode });
    return messages.map(({ payload }) => decode(payload));
  }

  #takeSequences(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) >>> 0;
    return first;
  }
}

/** The kernel says EINVAL for a shared block that no qdisc refers to. */
function isNoBlock(error: unknown): boolean {
  return error instanceof NetlinkError && error.code === "EINVAL";
}
