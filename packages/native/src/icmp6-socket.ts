/**
 * A raw ICMPv6 socket for router discovery on one interface (RFC 4861): it hears Router
 * Solicitations and Advertisements and nothing else, with the hop limit they came with, and sends
 * with hop limit 255. The kernel makes and checks the checksum. Needs CAP_NET_RAW.
 */
import type { Ifindex, Ip6 } from "@heddle/inet";
import { loadAddon, type Result } from "./binding.ts";
import { type DatagramEvents, readDatagrams, sendDatagram } from "./datagram-socket.ts";
import { Fd } from "./fd.ts";
import { Poll } from "./poll.ts";
import { check } from "./system-error.ts";

interface Icmp6Binding {
  icmp6Open(netns: number, ifindex: number): Result;
}

const native = loadAddon<Icmp6Binding>();

export class Icmp6Socket implements Disposable {
  readonly #ifindex: Ifindex;
  readonly #fd: Fd;
  #poll: Poll | undefined;

  /** `netns` is borrowed for the call; default: that of the calling thread. @throws SystemError */
  constructor(ifindex: Ifindex, netns?: Fd) {
    this.#ifindex = ifindex;
    const fd = native.icmp6Open(netns === undefined ? -1 : netns.number, ifindex);
    this.#fd = new Fd(check(fd, "socket", "open an ICMPv6 socket"));
  }

  /**
   * Sends one message, from the interface's link-local address when `to` is link-local.
   * @throws SystemError EAGAIN, ENETDOWN, EADDRNOTAVAIL while the interface has no such address
   */
  send(bytes: Uint8Array, to: Ip6): void {
    sendDatagram(this.#fd, bytes, { address: to, port: 0, scope: this.#ifindex });
  }

  /** Delivers messages, also of other interfaces, on the event loop of the calling thread. */
  receive(events: DatagramEvents): void {
    this.#poll?.[Symbol.dispose]();
    this.#poll = new Poll(this.#fd, "readable", () => readDatagrams(this.#fd, events));
  }

  [Symbol.dispose](): void {
    this.#poll?.[Symbol.dispose]();
    this.#fd.close();
  }
}
