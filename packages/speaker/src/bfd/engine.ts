/**
 * All BFD sessions of one namespace: sockets (RFC 5881 4), the TTL check (5) and demultiplexing
 * (RFC 5880 6.3). It runs in a thread of its own, and works in any.
 */
import { type Family, familyOf, type Ip, type Ip4, type Ip6 } from "@heddle/inet";
import { DatagramSocket, type Fd, type ReceivedDatagram, SystemError } from "@heddle/native";
import type { Clock, Rng } from "@heddle/std";
import { SpeakerError } from "../errors.ts";
import { controlTrafficClass, ttlOfDirectPeer } from "../tcp/dial.ts";
import { type BfdPacket, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";
import type { BfdPeer, BfdReport } from "./protocol.ts";
import { BfdSession } from "./session.ts";

/** RFC 5881 4. */
export const bfdPort = 3784;
const sourcePortMin = 49152;
const sourcePortMax = 65535;
/** Sessions of one node: far more than it has leaves. */
const sessionCountMax = 1024;

interface Entry {
  readonly peer: BfdPeer;
  readonly session: BfdSession;
  readonly socket: DatagramSocket;
}

export class BfdEngine implements Disposable {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #netns: Fd | undefined;
  readonly #report: (report: BfdReport) => void;
  readonly #byId: Map<number, Entry> = new Map();
  readonly #byRemote: Map<Ip, Entry> = new Map();
  readonly #receivers: Map<Family, DatagramSocket> = new Map();
  #sourcePort = sourcePortMin;

  constructor(clock: Clock, rng: Rng, netns: Fd | undefined, report: (report: BfdReport) => void) {
    this.#clock = clock;
    this.#rng = rng;
    this.#netns = netns;
    this.#report = report;
  }

  /** A session that cannot be made is reported. */
  add(peer: BfdPeer): void {
    this.remove(peer.id);
    try {
      if (this.#byId.size >= sessionCountMax) {
        throw new SpeakerError("config", `Cannot add BFD session: there are ${sessionCountMax}`);
      }
      this.#listen(familyOf(peer.local));
      const entry = this.#open(peer);
      this.#byId.set(peer.id, entry);
      this.#byRemote.set(peer.remote, entry);
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof SpeakerError)) throw error;
      this.#report({ kind: "failed", id: peer.id, message: error.message });
    }
  }

  remove(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    entry.session.disable();
    this.#byId.delete(id);
    if (this.#byRemote.get(entry.peer.remote) === entry) this.#byRemote.delete(entry.peer.remote);
    entry.session[Symbol.dispose]();
    entry.socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#byId.keys()]) this.remove(id);
    for (const receiver of this.#receivers.values()) receiver[Symbol.dispose]();
    this.#receivers.clear();
  }

  #listen(family: Family): void {
    if (this.#receivers.has(family)) return;
    const address = family === 4 ? (0 as Ip4) : (0n as Ip6);
    const receiver = new DatagramSocket({ address, port: bfdPort }, this.#options());
    receiver.receive({
      data: (datagram) => this.#receive(datagram),
      failed: (error) => {
        this.#report({ kind: "failed", id: undefined, message: error.message });
      },
    });
    this.#receivers.set(family, receiver);
  }

  #options(): { trafficClass: number; ttl: number; netns?: Fd } {
    const options = { trafficClass: controlTrafficClass, ttl: ttlOfDirectPeer };
    return this.#netns === undefined ? options : { ...options, netns: this.#netns };
  }

  #open(peer: BfdPeer): Entry {
    const socket = this.#openSource(peer);
    const config = {
      discriminator: peer.id,
      txIntervalMs: peer.txIntervalMs,
      rxIntervalMs: peer.rxIntervalMs,
      detectMultiplier: peer.detectMultiplier,
    };
    const session = new BfdSession(config, this.#clock, this.#rng, {
      send: (packet) => this.#send(peer, socket, packet),
      changed: (change) => this.#report({ kind: "changed", id: peer.id, change }),
    });
    return { peer, session, socket };
  }

  /** RFC 5881 4: a source port of the dynamic range, of its own per session. */
  #openSource(peer: BfdPeer): DatagramSocket {
    for (let tried = 0; tried < sessionCountMax; tried += 1) {
      const port = this.#sourcePort;
      this.#sourcePort = port === sourcePortMax ? sourcePortMin : port + 1;
      try {
        const local = { address: peer.local, port, scope: peer.ifindex };
        return new DatagramSocket(local, this.#options());
      } catch (error) {
        if (!(error instanceof SystemError) || error.code !== "EADDRINUSE") throw error;
      }
    }
    throw new SpeakerError("config", "Cannot add BFD session: no source port is free");
  }

  #send(peer: BfdPeer, socket: DatagramSocket, packet: BfdPacket): void {
    try {
      const to = { address: peer.remote, port: bfdPort, scope: peer.ifindex };
      socket.send(encodeBfdPacket(packet), to);
    } catch (error) {
      // A link that is down refuses packets (ENETUNREACH); what BFD makes of lost packets is its
      // purpose.
      if (!(error instanceof SystemError)) throw error;
    }
  }

  #receive(datagram: ReceivedDatagram): void {
    // RFC 5881 5: with any other TTL it has come through a router.
    if (datagram.ttl !== ttlOfDirectPeer) return;
    const packet = decoded(datagram.bytes);
    if (packet === undefined) return;
    const entry =
      packet.yourDiscriminator === 0
        ? this.#byRemote.get(datagram.source)
        : this.#byId.get(packet.yourDiscriminator);
    if (entry === undefined || entry.peer.remote !== datagram.source) return;
    const { ifindex } = entry.peer;
    if (ifindex !== undefined && ifindex !== datagram.ifindex) return;
    entry.session.receive(packet);
  }
}

/** Undefined for what is not BFD: anybody can send it, so it is not worth a line in the log. */
function decoded(bytes: Uint8Array): BfdPacket | undefined {
  try {
    return decodeBfdPacket(bytes);
  } catch (error) {
    if (!(error instanceof SpeakerError)) throw error;
    return undefined;
  }
}
