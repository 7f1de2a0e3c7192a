/** The peers of a case, as configuration and as the oracle sees their sessions. */
import { type Asn, type Ip4, parseAsn, parseIp4, parseIp6, parsePrefix } from "@heddle/inet";
import type { LocalSide } from "../../src/fsm/offer.ts";
import { openOf } from "../../src/fsm/offer.ts";
import { type AddressFamily, addressFamilyNames } from "../../src/packet/address-family.ts";
import { encodeKeepalive } from "../../src/packet/keepalive.ts";
import { encodeOpen } from "../../src/packet/open.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { RibConfig } from "../../src/rib/config.ts";
import type { RibPeer } from "../../src/rib/peer.ts";
import type { OracleSession } from "./oracle.ts";
import { concat } from "./wire.ts";

/** All that the speaker carries. */
export const families: readonly AddressFamily[] = addressFamilyNames;

export const localAsn: Asn = parseAsn(65000);
export const localRouterId: Ip4 = parseIp4("10.255.0.1");

export const ribConfig: RibConfig = {
  localAsn,
  routerId: localRouterId,
  families,
  multipath: { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: false },
  forwarding: true,
  hashSeed: 7,
};

export interface FuzzPeer {
  readonly asn: Asn;
  readonly rib: RibPeer;
  /** Our side of the session, and the peer's. */
  readonly local: LocalSide;
  readonly remote: LocalSide;
  /** The peer knows neither four-octet AS numbers nor extended messages. */
  readonly isOld: boolean;
}

/** Splits routes by prefix and community and changes them on the way: residues are used. */
const importPolicy: Policy = {
  name: "fuzz-import",
  terms: [
    {
      match: { prefixes: [{ prefix: parsePrefix("10.1.0.0/16"), le: 32 }] },
      verdict: "continue",
      actions: { addCommunities: [0xfde80001], med: { add: 3 } },
    },
    { match: { evpnRouteTypes: [4, 200] }, verdict: "reject" },
    {
      match: { communities: { anyOf: [[65001, "any"]] } },
      verdict: "continue",
      actions: { tag: 7 },
    },
    {
      match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 24 }], med: { min: 3, max: 8 } },
      verdict: "reject",
    },
    {
      match: { asPath: { kind: "repeat", item: { kind: "any" }, min: 3 } },
      verdict: "accept",
      actions: { localPref: 90 },
    },
  ],
  otherwise: "accept",
};

const exportPolicy: Policy = {
  name: "fuzz-export",
  terms: [
    {
      match: { prefixes: [{ prefix: parsePrefix("2001:db8:1::/48"), le: 128 }] },
      verdict: "reject",
    },
    {
      match: { tag: { min: 7, max: 7 } },
      verdict: "accept",
      actions: { prepend: { asn: localAsn, count: 2 }, removeCommunities: [["any", 1]] },
    },
  ],
  otherwise: "accept",
};

function peerOf(
  n: number,
  asn: Asn,
  some: { isOld?: boolean; isClient?: boolean; own?: readonly AddressFamily[]; wide?: boolean },
): FuzzPeer {
  const { isOld = false, isClient = false, own = families, wide = false } = some;
  const external = asn !== localAsn;
  const offers = wide
    ? {
        addPath: own.map((family) => ({ family, receive: true, send: true })),
        extendedNextHop: own.filter((f) => f === "ipv4-unicast" || f === "ipv4-vpn"),
      }
    : {};
  const side = { holdTimeMs: 90_000, families: own, ...offers };
  return {
    asn,
    isOld,
    local: { ...side, asn: localAsn, routerId: localRouterId },
    remote: { ...side, asn, routerId: parseIp4(`10.255.1.${n}`) },
    rib: {
      address: parseIp4(`192.0.2.${100 + n}`),
      asn,
      reflectorClient: isClient,
      nextHopSelf: false,
      nextHop4: parseIp4("192.0.2.254"),
      nextHop6: parseIp6("2001:db8:ffff::254"),
      ...(external ? { importPolicy, exportPolicy } : {}),
    },
  };
}

const noTargets = families.filter((family) => family !== "route-target");

/** Those that send. */
export const senders: readonly FuzzPeer[] = [
  peerOf(1, parseAsn(65001), {}),
  peerOf(2, parseAsn(65002), { isOld: true }),
  peerOf(3, localAsn, { isClient: true }),
  peerOf(4, parseAsn(4200000000), { wide: true }),
];

/** Those that only hear what becomes of it; without constraints on route targets they hear all. */
export const observers: readonly FuzzPeer[] = [
  peerOf(5, localAsn, { isClient: true, own: noTargets }),
  peerOf(6, parseAsn(65100), { own: noTargets }),
  peerOf(7, localAsn, { isClient: true, own: noTargets, wide: true }),
];

/** OPEN and KEEPALIVE of the peer. */
export function greeting(peer: FuzzPeer): Uint8Array {
  const open = openOf(peer.remote);
  const capabilities = peer.isOld
    ? open.capabilities.filter(
        ({ kind }) => kind !== "four-octet-as" && kind !== "extended-message",
      )
    : open.capabilities;
  return concat([encodeOpen({ ...open, capabilities }), encodeKeepalive()]);
}

export function oracleSessionOf(peer: FuzzPeer): OracleSession {
  const { families: own, addPath, extendedNextHop } = peer.remote;
  const external = peer.asn !== localAsn;
  return {
    external,
    fourOctetAs: !peer.isOld,
    families: own,
    addPath: (addPath ?? []).map(({ family }) => family),
    extendedNextHop: extendedNextHop ?? [],
    firstAsn: external ? peer.asn : undefined,
  };
}
