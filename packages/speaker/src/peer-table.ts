/**
 * The peers of a speaker: those of its configuration, and those that came from a configured range
 * and are forgotten when they have been away for long enough.
 */
import { ceaseSubcodes, type PeerIndex } from "@heddle/bgp";
import { containsIp, formatIp, hostPrefix, type Ifindex, type Ip } from "@heddle/inet";
import type { Timer } from "@heddle/std";
import {
  type DynamicPeersConfig,
  defaultDynamicIdleTimeMs,
  type PeerConfig,
  type SpeakerConfig,
  type UnnumberedPeerConfig,
} from "./config.ts";
import type { FoundNeighbor } from "./discovery/unnumbered-peers.ts";
import { cease } from "./peer/failure.ts";
import { Peer } from "./peer/peer.ts";
import type { PeerContext } from "./peer/peer-context.ts";
import { type PeerKey, peerKeyOf, peerNameOf } from "./peer/peer-key.ts";
import { ribPeerOf } from "./peer/session-facts.ts";
import { isSame } from "./same-config.ts";
import type { MessageStream } from "./tcp/connection.ts";
import { type ListenPeer, rejectConnection } from "./tcp/listener.ts";

/** How often peers by range are looked at, as a share of the shortest idle time. */
const idleChecksPerTime = 4;
/** What connects from a range and never becomes a session is forgotten sooner. */
const strangerTimeMsMax = 30_000;

export class PeerTable implements Iterable<Peer> {
  readonly #cx: PeerContext;
  readonly #peers: Map<PeerKey, Peer> = new Map();
  readonly #byIndex: Map<PeerIndex, Peer> = new Map();
  readonly #listen: (peers: readonly ListenPeer[]) => void;
  #config: SpeakerConfig | undefined;
  #ranges: readonly DynamicPeersConfig[] = [];
  #idleCheck: Timer | undefined;

  /** `listen` is told who may connect, before anybody of them is started. */
  constructor(cx: PeerContext, listen: (peers: readonly ListenPeer[]) => void) {
    this.#cx = cx;
    this.#listen = listen;
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#peers.values();
  }

  get(address: Ip, ifindex?: Ifindex): Peer | undefined {
    return this.#peers.get(peerKeyOf(address, ifindex));
  }

  byIndex(index: PeerIndex): Peer | undefined {
    return this.#byIndex.get(index);
  }

  /** Makes the peers equal to those of `config`. */
  set(config: SpeakerConfig): void {
    const wanted = new Map(config.peers.map((peer) => [keyOf(peer), peer]));
    for (const peer of [...this.#peers.values()]) {
      const next = wanted.get(peer.key);
      if (peer.range === undefined) this.#update(peer, next);
      else this.#update(peer, next === undefined ? templated(config, peer) : undefined);
    }
    this.#config = config;
    this.#ranges = config.dynamicPeers ?? [];
    this.#tellListeners(config);
    for (const peer of config.peers) {
      if (!this.#peers.has(keyOf(peer))) this.#add(peer, undefined);
    }
    this.#cx.driver.schedule();
  }

  /**
   * A neighbour was found on an interface with unnumbered sessions. It takes the place of another
   * that has no session.
   */
  found(config: UnnumberedPeerConfig, { address, own }: FoundNeighbor): void {
    const speaker = this.#config;
    if (speaker === undefined || this.get(address, config.ifindex) !== undefined) return;
    const range = rangeOf(config);
    for (const peer of [...this.#peers.values()]) {
      if (peer.range !== range) continue;
      if (peer.idleSinceMs === undefined) return;
      this.#remove(peer, ceaseSubcodes.peerDeconfigured);
    }
    const peer = this.#make(unnumberedConfig(config, { address, own }), range);
    this.#tellListeners(speaker);
    peer.start();
  }

  #tellListeners(config: SpeakerConfig): void {
    const found = [...this.#peers.values()].filter(({ key }) => typeof key === "string");
    this.#listen([...listenPeersOf(config), ...found.map((peer) => listenPeerOf(peer.config))]);
  }

  /** A connection from an address that the listener lets in. */
  accept(address: Ip, scope: Ifindex | undefined, connection: MessageStream): void {
    const own = connection.endpoints?.local.address;
    const peer = this.get(address, scope) ?? this.#admit(address, own);
    if (peer === undefined) rejectConnection(connection);
    else peer.accept(this.#cx.observers.wrap(peerNameOf(peer.config), connection));
  }

  /** Ends all for good. */
  stop(cause: ReturnType<typeof cease>, silent: boolean): void {
    this.#idleCheck?.cancel();
    this.#idleCheck = undefined;
    for (const peer of this.#peers.values()) peer.stop(cause, silent);
  }

  #update(peer: Peer, next: PeerConfig | undefined): void {
    if (next === undefined) {
      this.#remove(peer, ceaseSubcodes.peerDeconfigured);
    } else if (isSame(sessionPartOf(next), sessionPartOf(peer.config))) {
      if (!isSame(next, peer.config)) peer.takeConfig(next);
    } else {
      this.#remove(peer, ceaseSubcodes.otherConfigurationChange);
    }
  }

  #admit(address: Ip, own: Ip | undefined): Peer | undefined {
    const group = this.#ranges.find(({ prefix }) => containsIp(prefix, address));
    if (group === undefined) return undefined;
    const { name, peerCountMax } = group;
    const count = [...this.#peers.values()].filter(({ range }) => range === name).length;
    if (count >= peerCountMax) {
      const fields = { peer: formatIp(address), range: name, peerCountMax };
      this.#cx.log.warn("BGP connection refused: its range is full", fields);
      return undefined;
    }
    const peer = this.#add(configIn(group, address, own), name);
    this.#watchIdle();
    return peer;
  }

  /** One timer for all peers by range. */
  #watchIdle(): void {
    if (this.#idleCheck !== undefined || this.#ranges.length === 0) return;
    const times = this.#ranges.map(({ idleTimeMs = defaultDynamicIdleTimeMs }) => idleTimeMs);
    const delayMs = Math.min(...times, strangerTimeMsMax) / idleChecksPerTime;
    this.#idleCheck = this.#cx.clock.after(delayMs, () => {
      this.#idleCheck = undefined;
      if (this.#forgetIdle() > 0) this.#watchIdle();
    });
  }

  /** How many peers by range are left. */
  #forgetIdle(): number {
    const nowMs = this.#cx.clock.nowMs();
    let left = 0;
    for (const peer of [...this.#peers.values()]) {
      const group = this.#ranges.find(({ name }) => name === peer.range);
      if (group === undefined) continue;
      const { idleTimeMs = defaultDynamicIdleTimeMs } = group;
      const since = peer.idleSinceMs;
      const timeMs = peer.hasBeenUp ? idleTimeMs : Math.min(idleTimeMs, strangerTimeMsMax);
      const isIdle = since !== undefined && nowMs - since >= timeMs;
      // Routes that are kept for its return are a reason to know it.
      if (isIdle && !peer.keepsRoutes) this.#remove(peer, ceaseSubcodes.peerDeconfigured);
      else left += 1;
    }
    return left;
  }

  #add(config: PeerConfig, range: string | undefined): Peer {
    const peer = this.#make(config, range);
    peer.start();
    return peer;
  }

  #make(config: PeerConfig, range: string | undefined): Peer {
    const index = this.#cx.rib.addPeer(ribPeerOf(config));
    const peer = new Peer(config, index, range, this.#cx);
    this.#peers.set(peer.key, peer);
    this.#byIndex.set(index, peer);
    return peer;
  }

  #remove(peer: Peer, subcode: number): void {
    const { rib, selection, sweep } = this.#cx;
    peer.stop(cease(subcode), false);
    rib.removePeer(peer.index);
    this.#peers.delete(peer.key);
    this.#byIndex.delete(peer.index);
    // Who was found was not waited for by its name; another may come in its place.
    if (peer.range !== undefined) return;
    selection.forget(peer.key);
    sweep.forget(peer.key);
  }
}

function keyOf({ address, ifindex }: PeerConfig): PeerKey {
  return peerKeyOf(address, ifindex);
}

/** `own` is our address that the peer has connected to, between which and its own BFD runs. */
function configIn({ template }: DynamicPeersConfig, address: Ip, own: Ip | undefined): PeerConfig {
  const localAddress = template.localAddress ?? (template.bfd === undefined ? undefined : own);
  const config = { ...template, address, passive: true };
  return localAddress === undefined ? config : { ...config, localAddress };
}

function listenPeersOf(config: SpeakerConfig): ListenPeer[] {
  const ranges = (config.dynamicPeers ?? []).map(({ prefix, template }) => ({
    prefix,
    md5: template.md5,
    ttlSecurity: template.ttlSecurity === true,
    tls: template.tls,
  }));
  return [...ranges, ...config.peers.map(listenPeerOf)];
}

function listenPeerOf({ address, md5, ttlSecurity, tls }: PeerConfig): ListenPeer {
  return { prefix: hostPrefix(address), md5, ttlSecurity: ttlSecurity === true, tls };
}

/** What a found peer is to be by `config`; undefined: nothing there asks for it any more. */
function templated(config: SpeakerConfig, peer: Peer): PeerConfig | undefined {
  const { address, nextHop6, localAddress } = peer.config;
  const { unnumberedPeers = [], dynamicPeers = [] } = config;
  const link = unnumberedPeers.find((candidate) => rangeOf(candidate) === peer.range);
  if (link !== undefined && typeof address === "bigint" && nextHop6 !== undefined) {
    return unnumberedConfig(link, { address, own: nextHop6 });
  }
  const group = dynamicPeers.find(({ name }) => name === peer.range);
  const stays = group !== undefined && containsIp(group.prefix, address);
  return stays ? configIn(group, address, localAddress) : undefined;
}

function rangeOf({ name, ifindex }: UnnumberedPeerConfig): string {
  return `interface ${name} (${ifindex})`;
}

function unnumberedConfig(
  { ifindex, template }: UnnumberedPeerConfig,
  { address, own }: FoundNeighbor,
): PeerConfig {
  return { ...template, address, ifindex, nextHop6: own };
}

/** What cannot change without a new session. */
function sessionPartOf(config: PeerConfig): Partial<PeerConfig> {
  const {
    importPolicy: _import,
    exportPolicy: _export,
    keepaliveMs: _keepalive,
    delayOpenMs: _delayOpen,
    automaticStart: _start,
    collisionDetectEstablished: _collision,
    prefixCountMax: _count,
    prefixWarningPercent: _warning,
    prefixRestartMs: _restart,
    ...rest
  } = config;
  return rest;
}
