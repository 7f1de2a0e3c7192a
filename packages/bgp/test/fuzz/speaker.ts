/**
 * A RIB with its sessions, and for each observer the RIB of the router that it is: what the one
 * sends, the other has to be able to read.
 */
import { Framer } from "../../src/packet/framing.ts";
import { messageTypes } from "../../src/packet/iana.ts";
import { acceptAll } from "../../src/policy/presets.ts";
import type { PeerIndex } from "../../src/rib/peer.ts";
import { Rib } from "../../src/rib/rib.ts";
import { type FuzzPeer, families, greeting, observers, ribConfig, senders } from "./peers.ts";
import { FuzzSession } from "./session.ts";
import { toHex } from "./wire.ts";

/** The router at the other end of an observer's session. */
class Mirror {
  readonly rib: Rib;
  readonly #framer = new Framer();
  /** The session carries several paths per route. */
  readonly isWide: boolean;
  readonly #peer: PeerIndex;

  constructor(observer: FuzzPeer) {
    const { remote, local, asn } = observer;
    this.isWide = remote.addPath !== undefined;
    this.rib = new Rib({ ...ribConfig, localAsn: asn, routerId: remote.routerId });
    this.#peer = this.rib.addPeer({
      address: observer.rib.address,
      asn: local.asn,
      reflectorClient: false,
      nextHopSelf: false,
      importPolicy: acceptAll,
    });
    const external = asn !== local.asn;
    this.rib.sessionUp(this.#peer, {
      cx: {
        fourOctetAs: true,
        external,
        families: remote.families,
        ...(this.isWide ? { addPathReceive: remote.families } : {}),
        ...(remote.extendedNextHop === undefined
          ? {}
          : { extendedNextHop: remote.extendedNextHop }),
        ...(external ? { firstAsn: local.asn } : {}),
      },
      routerId: local.routerId,
      messageLengthMax: 4096,
    });
    this.#framer.allowExtended();
  }

  take(bytes: Uint8Array): void {
    this.#framer.push(bytes, (type, whole, start, end) => {
      if (type !== messageTypes.update) throw new Error(`the RIB sends a message of type ${type}`);
      const { problems } = this.rib.receive(this.#peer, whole, start, end);
      if (problems.length > 0) {
        throw new Error(`what is sent is malformed: ${problems.join("; ")}`);
      }
      return true;
    });
  }
}

export class FuzzSpeaker {
  readonly rib: Rib = new Rib(ribConfig);
  readonly #indices: readonly PeerIndex[];
  readonly #sessions: (FuzzSession | undefined)[] = senders.map(() => undefined);
  readonly #mirrors: Map<PeerIndex, Mirror> = new Map();

  constructor() {
    this.#indices = senders.map((sender) => this.rib.addPeer(sender.rib));
    for (const observer of observers) {
      const index = this.rib.addPeer(observer.rib);
      this.#mirrors.set(index, new Mirror(observer));
      const session = new FuzzSession(this.rib, index, observer.local, observer.asn);
      session.push(greeting(observer));
      if (!session.isEstablished) throw new Error(`no session: ${session.ending}`);
    }
  }

  /** The session of a sender, made anew when there is none. */
  sessionOf(sender: number): FuzzSession {
    const known = this.#sessions[sender];
    if (known?.isEstablished === true) return known;
    const peer = senders[sender] as FuzzPeer;
    const index = this.#indices[sender] as PeerIndex;
    const session = new FuzzSession(this.rib, index, peer.local, peer.asn);
    session.push(greeting(peer));
    if (!session.isEstablished) throw new Error(`no session: ${session.ending}`);
    // What a peer is sent is compared, so it must not depend on when its End-of-RIB came.
    this.rib.stopAwaitingMemberships(index);
    this.#sessions[sender] = session;
    return session;
  }

  isUp(sender: number): boolean {
    return this.#sessions[sender]?.isEstablished === true;
  }

  /** Sends what is due, at most `limit` keys at a time; `isSlow` has an observer stop now and then. */
  flush(limit: number, isSlow: () => boolean): void {
    this.rib.flush((peer, bytes) => {
      this.#mirrors.get(peer)?.take(bytes);
      return !isSlow();
    }, limit);
  }

  /** Until every peer holds what it is owed. */
  settle(): void {
    for (let more = true; more; ) {
      more = this.rib.flush((peer, bytes) => {
        this.#mirrors.get(peer)?.take(bytes);
        return true;
      });
      for (const index of [...this.#indices, ...this.#mirrors.keys()]) {
        for (let part = this.rib.pull(index); part !== undefined; part = this.rib.pull(index)) {
          this.#mirrors.get(index)?.take(part);
          more = true;
        }
      }
      while (this.rib.changesPending) this.rib.takeChanges();
    }
    for (const { rib } of this.#mirrors.values()) {
      while (rib.flush(() => true));
      while (rib.changesPending) rib.takeChanges();
    }
  }

  /** Everything that is held here and by the observers, as sorted text. */
  snapshot(): string[] {
    const lines = routesText(this.rib, "local", {});
    // What the observers are sent is in their own RIBs.
    for (const index of this.#indices) {
      for (const family of families) {
        for (const route of this.rib.adjRibOut(index, family)) {
          lines.push(`to ${index} ${textOf({ ...route, pathId: 0 })}`);
        }
      }
    }
    for (const [index, { rib, isWide }] of this.#mirrors) {
      lines.push(...routesText(rib, `peer ${index}`, isWide ? anyPathId : {}));
    }
    return lines.sort();
  }

  /** All senders' connections end; what is left then is a leak. */
  closeAll(): string[] {
    for (const session of this.#sessions) session?.close();
    this.settle();
    const left = this.snapshot().filter((line) => !line.endsWith(" 0 keys"));
    const ribs = [this.rib, ...[...this.#mirrors.values()].map(({ rib }) => rib)];
    for (const rib of ribs) {
      for (const family of families) {
        const held = rib.prefixCount(family) + rib.attributeCount(family);
        if (held > 0) left.push(`${family}: ${held} keys and blocks`);
      }
    }
    return left;
  }
}

/**
 * Which identifier stands for a path depends on what came before, and so does which of equal paths
 * is best.
 */
const anyPathId = { pathId: 0, best: false, multipath: false };

/** `same` are fields that do not count. */
function routesText(rib: Rib, where: string, same: object): string[] {
  const counts = families.map((family) => `${where} ${family}: ${rib.prefixCount(family)} keys`);
  const paths = [...rib.routes(), ...rib.keyedRoutes()];
  return [...counts, ...paths.map((path) => `${where} ${textOf({ ...path, ...same })}`)];
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => {
    if (typeof v === "bigint") return `${v}n`;
    return v instanceof Uint8Array ? toHex(v) : v;
  });
}
