/** For tests: a RIB with peers of all kinds of families, and what each of them holds. */
import { type Asn, type Ip4, parseIp4 } from "@heddle/inet";
import type { AddressFamily } from "../../packet/address-family.ts";
import type { CodecContext } from "../../packet/context.ts";
import type { PathAttributes } from "../../packet/path-attributes.ts";
import { acceptAll } from "../../policy/presets.ts";
import type { RibConfig } from "../config.ts";
import type { PeerIndex, RibPeer, RibSession } from "../peer.ts";
import { Rib } from "../rib.ts";
import { attributes } from "./attributes.ts";
import { FamilyView, routeAnnouncement, type TestRoute } from "./family-view.ts";
import { membership, routeTarget } from "./routes.ts";
import { endOfRib } from "./wire.ts";

export const localAsn: Asn = 65000 as Asn;
export const families: readonly AddressFamily[] = [
  "ipv4-unicast",
  "route-target",
  "ipv4-vpn",
  "evpn",
];

export function targeted(...targets: number[]): PathAttributes {
  return attributes([], { extendedCommunities: targets.map(routeTarget) });
}

type SessionOptions = Partial<Omit<RibSession, "cx">> & { readonly cx?: Partial<CodecContext> };

/** A RIB whose peers record what they are sent. */
export class RibBench {
  readonly rib: Rib;
  readonly views: Map<PeerIndex, FamilyView> = new Map();

  constructor(config: Partial<RibConfig> = {}) {
    this.rib = new Rib({
      localAsn,
      routerId: parseIp4("10.255.0.1"),
      families,
      multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: true },
      forwarding: false,
      hashSeed: 1,
      ...config,
    });
  }

  /** An iBGP client of a reflector unless `config` says otherwise; `n` makes the addresses. */
  peer(n: number, config: Partial<RibPeer> = {}, session: SessionOptions = {}): PeerIndex {
    const asn = config.asn ?? localAsn;
    const peer = this.rib.addPeer({
      address: parseIp4(`192.0.2.${n}`),
      asn,
      reflectorClient: asn === localAsn,
      importPolicy: acceptAll,
      exportPolicy: acceptAll,
      nextHop4: parseIp4("192.0.2.254"),
      nextHopSelf: false,
      ...config,
    });
    const cx = { fourOctetAs: true, external: asn !== localAsn, families, ...session.cx };
    const addPathReceive = session.addPathSend ?? [];
    this.views.set(peer, new FamilyView({ ...cx, addPathReceive }));
    const common = { routerId: this.routerIdOf(n), messageLengthMax: 4096 };
    this.rib.sessionUp(peer, { ...common, ...session, cx });
    this.settle();
    return peer;
  }

  /** Of the session of `peer(n)`. */
  routerIdOf(n: number): Ip4 {
    return parseIp4(`10.0.0.${n}`);
  }

  /** An iBGP client whose memberships are complete. */
  member(n: number, ...targets: number[]): PeerIndex {
    const peer = this.peer(n);
    for (const target of targets) {
      this.announce(peer, membership(96, localAsn, routeTarget(target)), attributes([]));
    }
    this.send(peer, endOfRib("route-target"));
    this.settle();
    return peer;
  }

  send(peer: PeerIndex, body: Uint8Array): void {
    this.rib.receive(peer, body, 0, body.length);
  }

  announce(peer: PeerIndex, route: TestRoute, a: PathAttributes, pathId?: number): void {
    this.send(peer, routeAnnouncement(route, a, pathId));
  }

  settle(): Set<ArrayBufferLike> {
    const buffers = new Set<ArrayBufferLike>();
    const deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
      buffers.add(bytes.buffer);
      this.views.get(peer)!.take(bytes);
      return true;
    };
    while (this.rib.dirty) this.rib.flush(deliver);
    for (const [peer, view] of this.views) {
      for (let b = this.rib.pull(peer); b !== undefined; b = this.rib.pull(peer)) view.take(b);
    }
    return buffers;
  }

  /** Keys of the family that the peer holds, with their path identifiers. */
  held(peer: PeerIndex, family: AddressFamily): string[] {
    const names = [...this.views.get(peer)!.routes.keys()];
    return names.filter((name) => name.startsWith(family)).sort();
  }
}
