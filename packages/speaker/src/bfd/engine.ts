/**
 * All BFD sessions of one namespace, single-hop and multihop: sockets (RFC 5881 4, RFC 5883 5),
 * the TTL check and demultiplexing (RFC 5880 6.3, RFC 5883 4). It runs in a thread of its own, and
 * works in any.
 */
import { type Family, familyOf, formatIp, type Ip, type Ip4, type Ip6 } from "@heddle/inet";
import { DatagramSocket, type Fd, type ReceivedDatagram, SystemError } from "@heddle/native";
import type { Clock, Rng } from "@heddle/std";
import { SpeakerError } from "../errors.ts";
import { type PeerKey, peerKeyOf } from "../peer/peer-key.ts";
import { controlTrafficClass, ttlOfDirectPeer } from "../tcp/dial.ts";
import { type BfdPacket, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";
import type { BfdPeer, BfdReport } from "./protocol.ts";
import { BfdSession } from "./session.ts";

/** RFC 5881 4. */
export const bfdPort = 3784;
/** RFC 5883 5. */
export const bfdMultihopPort = 4784;
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
  /** Where a packet belongs that does not name a session yet. */
  readonly #byPath: Map<PathKey, Entry> = new Map();
  readonly #receivers: Map<`${Family} ${number}`, DatagramSocket> = new Map();
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
      this.#listen(familyOf(peer.local), portOf(peer));
      const entry = this.#open(peer);
      this.#byId.set(peer.id, entry);
      this.#byPath.set(pathOf(peer), entry);
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
    const path = pathOf(entry.peer);
    if (this.#byPath.get(path) === entry) this.#byPath.delete(path);
    entry.session[Symbol.dispose]();
    entry.socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#byId.keys()]) this.remove(id);
    for (const receiver of this.#receivers.values()) receiver[Symbol.dispose]();
    this.#receivers.clear();
  }

  #listen(family: Family, port: number): void {
    const key = `${family} ${port}` as const;
    if (this.#receivers.has(key)) return;
    const address = family === 4 ? (0 as Ip4) : (0n as Ip6);
    const receiver = new DatagramSocket({ address, port }, this.#options());
    receiver.receive({
      data: (datagram) => this.#receive(datagram, port === bfdMultihopPort),
      failed: (error) => {
        this.#report({ kind: "failed", id: undefined, message: error.message });
      },
    });
    this.#receivers.set(key, receiver);
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
      const to = { address: peer.remote, port: portOf(peer), scope: peer.ifindex };
      socket.send(encodeBfdPacket(packet), to);
    } catch (error) {
      // A link that is down refuses packets (ENETUNREACH); what BFD makes of lost packets is its
      // purpose.
      if (!(error instanceof SystemError)) throw error;
    }
  }

  #receive(datagram: ReceivedDatagram, isMultihop: boolean): void {
    const { bytes, source, destination, ttl, ifindex } = datagram;
    // RFC 5881 5: with any other TTL it has come through a router.
    if (!isMultihop && ttl !== ttlOfDirectPeer) return;
    const packet = decoded(bytes);
    if (packet === undefined) return;
    const path = isMultihop ? multihopPath(destination, source) : peerKeyOf(source, ifindex);
    const entry =
      packet.yourDiscriminator === 0
        ? this.#byPath.get(path)
        : this.#byId.get(packet.yourDiscriminator);
    if (entry === undefined || entry.peer.remote !== source) return;
    const { peer, session } = entry;
    const { hopCountMax } = peer;
    if ((hopCountMax !== undefined) !== isMultihop) return;
    if (hopCountMax !== undefined && ttl <= ttlOfDirectPeer - hopCountMax) return;
    if (!isMultihop && peer.ifindex !== undefined && peer.ifindex !== ifindex) return;
    session.receive(packet);
  }
}

/** By the peer on a link; by both addresses across routers (RFC 5883 4). */
type PathKey = PeerKey | `${string}>${string}`;

function pathOf({ local, remote, ifindex, hopCountMax }: BfdPeer): PathKey {
  return hopCountMax === undefined ? peerKeyOf(remote, ifindex) : multihopPath(local, remote);
}

function multihopPath(local: Ip, remote: Ip): PathKey {
  return `${formatIp(local)}>${formatIp(remote)}`;
}

function portOf({ hopCountMax }: BfdPeer): number {
  return hopCountMax === undefined ? bfdPort : bfdMultihopPort;
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
