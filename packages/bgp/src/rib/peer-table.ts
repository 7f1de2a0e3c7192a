/** The peers of the RIB by index, with what is derived from all of them. */

import type { Ip, Ip4 } from "@heddle/inet";
import { must } from "@heddle/std";
import { peerTypeOf } from "./classes.ts";
import type { RibConfig } from "./config.ts";
import { noDiscards } from "./discards.ts";
import type { RouteOrigin } from "./export.ts";
import { localPeer, type PeerIndex, type RibPeer } from "./peer.ts";
import type { PeerState } from "./peer-state.ts";

export class PeerTable {
  readonly #config: RibConfig;
  readonly #peers: (PeerState | undefined)[] = [];
  /** Own addresses of the sessions, with the number of peers that use them. */
  readonly #ownAddresses: Map<Ip, number> = new Map();
  readonly #isInUse: (index: PeerIndex) => boolean;

  /** `isInUse` says whether routes still refer to a peer that was removed. */
  constructor(config: RibConfig, isInUse: (index: PeerIndex) => boolean) {
    this.#config = config;
    this.#isInUse = isInUse;
    const local: RibPeer = {
      address: config.routerId,
      asn: config.localAsn,
      reflectorClient: false,
      nextHopSelf: false,
    };
    this.#peers.push(newState(localPeer, local, false, config.routerId));
  }

  /** @throws AssertionError when there is no such peer */
  get(index: PeerIndex): PeerState {
    return must(this.#peers[index], `peer ${index} is known`);
  }

  *all(): Generator<PeerState> {
    for (const state of this.#peers) if (state !== undefined && !state.removed) yield state;
  }

  add(peer: RibPeer): PeerState {
    const index = this.#freeIndex();
    const isExternal = peerTypeOf(peer, this.#config.localAsn) === "external";
    const state = newState(index, peer, isExternal, 0 as Ip4);
    this.#peers[index] = state;
    this.#countAddresses(peer, 1);
    return state;
  }

  remove(state: PeerState): void {
    state.removed = true;
    this.#countAddresses(state.config, -1);
  }

  setRouterId(state: PeerState, routerId: Ip4): void {
    state.routerId = routerId;
    state.traits = { ...state.traits, routerId };
  }

  isOwnAddress(address: Ip): boolean {
    return this.#ownAddresses.has(address);
  }

  originOf(index: PeerIndex): Omit<RouteOrigin, "longLived"> {
    const { config, routerId } = this.get(index);
    const type = index === localPeer ? "local" : peerTypeOf(config, this.#config.localAsn);
    return { type, routerId };
  }

  /** The lowest index that nothing refers to. */
  #freeIndex(): PeerIndex {
    const free = this.#peers.findIndex(
      (s) => s === undefined || (s.removed && !this.#isInUse(s.index)),
    );
    return free < 0 ? this.#peers.length : free;
  }

  #countAddresses(peer: RibPeer, step: 1 | -1): void {
    for (const address of [peer.nextHop4, peer.nextHop6]) {
      if (address === undefined) continue;
      const count = (this.#ownAddresses.get(address) ?? 0) + step;
      if (count === 0) this.#ownAddresses.delete(address);
      else this.#ownAddresses.set(address, count);
    }
  }
}

function newState(index: PeerIndex, config: RibPeer, external: boolean, routerId: Ip4): PeerState {
  return {
    index,
    config,
    traits: { external, peerAddress: config.address, routerId },
    routerId,
    session: undefined,
    cx: undefined,
    families: new Map(),
    inSync: false,
    discards: noDiscards(),
    removed: false,
  };
}
