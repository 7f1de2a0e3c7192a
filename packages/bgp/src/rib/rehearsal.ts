/**
 * A table that comes and goes between RIBs of their own, before the first real one: a program that
 * is about to be sent full tables has its loops compiled by then, and takes the first hundred
 * thousand routes in half the time. For each family it costs some tenths of a second of CPU time,
 * and nothing of it stays but compiled code.
 */
import {
  type Asn,
  type Ip4,
  localMac,
  type Prefix,
  parseAsn,
  parseEsi,
  parseIp4,
  parseIp6,
  parseRouteDistinguisher,
  parseRouteTarget,
} from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { headerLength } from "../packet/framing.ts";
import { encodeEvpnRoute } from "../packet/nlri/evpn-route.ts";
import { encodeVpnRoute } from "../packet/nlri/vpn.ts";
import { prefixFromWords4, prefixFromWords6 } from "../packet/nlri.ts";
import type { EncodedNlri } from "../packet/nlri-codec.ts";
import { origins } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import type { LocalAttributes } from "./local-route.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";

/** So much that the loops are worth the best compiler. */
const routeCount = 8192;
/** The routes of VRFs are objects while they are rehearsed, which would stay with the heap. */
const labeledCount = 2048;
const roundCount = 3;
/** Routes that come alone: what is done once per UPDATE, or once per turn. */
const singleCount = 800;
/** Routes one behind the other that share attributes, as in a table of the Internet. */
const routesPerSet = 8;
const setCount = 256;

interface Speaker {
  readonly asn: Asn;
  readonly host: number;
}

interface Cast {
  readonly source: Speaker;
  /** Sends the same routes as `source`, so that there is something to decide. */
  readonly rival: Speaker;
  readonly middle: Speaker;
  readonly observer: Speaker;
}

function castOf(sourceAsn: number, middleAsn: number, observerAsn: number): Cast {
  const [source, middle, observer] = [sourceAsn, middleAsn, observerAsn].map(parseAsn) as [
    Asn,
    Asn,
    Asn,
  ];
  return {
    source: { asn: source, host: 1 },
    rival: { asn: source, host: 2 },
    middle: { asn: middle, host: 3 },
    observer: { asn: observer, host: 4 },
  };
}

/** A transit router, and a reflector with its clients. */
const transit = castOf(64_512, 64_513, 64_514);
const reflection = castOf(64_513, 64_513, 64_513);
/** Where the routes come from. */
const beyondAsn = parseAsn(64_515);
const addressOf = (host: number): Ip4 => parseIp4(`192.0.2.${host}`);
const community = 0xfc00_0001;

/** As operators write them: a community is looked for, attributes are set. */
const policy: Policy = {
  name: "rehearsal",
  terms: [
    { match: { communities: [community] }, verdict: "accept", actions: { localPref: 200, med: 1 } },
  ],
  otherwise: "accept",
};

/** A family, with routes of it by number. */
interface Part {
  readonly family: AddressFamily;
  readonly cast: Cast;
  readonly routeCount: number;
  announce(rib: Rib, index: number, attributes: LocalAttributes): void;
  withdraw(rib: Rib, index: number): void;
}

type PlainFamily = Extract<AddressFamily, "ipv4-unicast" | "ipv6-unicast">;
type LabeledFamily = Extract<AddressFamily, "ipv4-vpn" | "evpn">;

function plain(family: PlainFamily): Part {
  const prefixes = indicesOf(routeCount).map((i) => prefixOf(family, i));
  return {
    ...{ family, cast: transit, routeCount },
    announce: (rib, i, attributes) => rib.originate(prefixes[i]!, attributes),
    withdraw: (rib, i) => void rib.withdraw(prefixes[i]!),
  };
}

/** Routes of VRFs, with the route targets by which peers want them. */
function labeled(family: LabeledFamily): Part {
  const routes = indicesOf(labeledCount).map(family === "evpn" ? evpnRoute : vpnRoute);
  return {
    ...{ family, cast: reflection, routeCount: labeledCount },
    announce: (rib, i, attributes) => {
      const { key, payload } = routes[i]!;
      const extendedCommunities = [routeTargets[i % vrfCount]!];
      rib.originateRoute(family, key, payload, { ...attributes, extendedCommunities });
    },
    withdraw: (rib, i) => void rib.withdrawRoute(family, routes[i]!.key),
  };
}

/** What is left out is small, or takes the ways of one that is here. */
const parts: ReadonlyMap<AddressFamily, () => Part> = new Map([
  ["ipv4-unicast", () => plain("ipv4-unicast")],
  ["ipv6-unicast", () => plain("ipv6-unicast")],
  ["ipv4-vpn", () => labeled("ipv4-vpn")],
  ["evpn", () => labeled("evpn")],
]);

/** Takes 0.3 s or so for each of these families. Returns how many routes were passed on. */
export function rehearse(families: readonly AddressFamily[]): number {
  let count = 0;
  for (const family of families) {
    const part = parts.get(family)?.();
    if (part === undefined) continue;
    const messages = messagesOf(part);
    for (let round = 0; round < roundCount; round += 1) count += exchange(messages, part);
  }
  return count;
}

/** Of `source`: the table, then routes that change one by one, then the end of all. */
interface Messages {
  readonly table: readonly Uint8Array[];
  readonly singles: readonly Uint8Array[];
  readonly withdrawals: readonly Uint8Array[];
}

function messagesOf(part: Part): Messages {
  const { source, middle } = part.cast;
  const rib = newRib(source, part);
  addPeer(rib, source, middle, part);
  const sent = (): Uint8Array[] => {
    const messages: Uint8Array[] = [];
    const deliver = (_peer: PeerIndex, bytes: Uint8Array): boolean => messages.push(bytes) > 0;
    while (rib.dirty) rib.flush(deliver);
    return messages;
  };
  const indices = indicesOf(part.routeCount);
  const attributes = Array.from({ length: setCount }, (_, set) => attributesOf(set));
  for (const i of indices) {
    part.announce(rib, i, attributes[Math.floor(i / routesPerSet) % setCount]!);
  }
  const table = sent();
  const singles = indices.slice(0, singleCount).flatMap((i) => {
    part.announce(rib, i, attributes[(i + 1) % setCount]!);
    return sent();
  });
  for (const i of indices) part.withdraw(rib, i);
  return { table, singles, withdrawals: sent() };
}

/** Returns how many routes the observer was told of. */
function exchange({ table, singles, withdrawals }: Messages, part: Part): number {
  const { source, rival, middle, observer } = part.cast;
  const rib = newRib(middle, part);
  const senders = [source, rival].map((sender) => addPeer(rib, middle, sender, part));
  const receiver = addPeer(rib, middle, observer, part);
  const take = (messages: readonly Uint8Array[]): void => {
    for (const bytes of messages) {
      for (const sender of senders) receiveAll(rib, sender, bytes);
      while (rib.dirty) rib.flush(() => true);
    }
  };
  take(table);
  take(singles);
  const { advertised } = rib.counts(receiver, part.family);
  take(withdrawals);
  return advertised;
}

/** With and without the attributes that some routes have, as each way is compiled by itself. */
function attributesOf(set: number): LocalAttributes {
  return {
    origin: set % 10 === 0 ? origins.incomplete : origins.igp,
    asPath: [{ type: "sequence", asns: Array.from({ length: 1 + (set % 5) }, () => beyondAsn) }],
    ...(set % 3 === 0 ? { med: set } : {}),
    communities: Array.from({ length: set % 7 }, (_, i) => (i === 0 ? community : set)),
    largeCommunities: set % 20 === 0 ? [[beyondAsn, set, 1]] : [],
    ...(set % 50 === 0 ? { aggregator: { asn: beyondAsn, address: addressOf(5) } } : {}),
  };
}

function receiveAll(rib: Rib, peer: PeerIndex, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; ) {
    const end = start + ((bytes[start + 16]! << 8) | bytes[start + 17]!);
    rib.receive(peer, bytes, start + headerLength, end);
    start = end;
  }
}

function newRib({ asn, host }: Speaker, { family }: Part): Rib {
  return new Rib({
    localAsn: asn,
    routerId: addressOf(host),
    families: [family],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
    hashSeed: 1,
  });
}

/** Registers `remote` with the RIB of `local` and brings its session in sync. */
function addPeer(rib: Rib, local: Speaker, remote: Speaker, { family, cast }: Part): PeerIndex {
  const address = addressOf(remote.host);
  const external = local.asn !== remote.asn;
  const peer = rib.addPeer({
    ...{ address, asn: remote.asn, nextHopSelf: false },
    reflectorClient: !external && local === cast.middle,
    ...{ importPolicy: policy, exportPolicy: policy },
    nextHop4: addressOf(local.host),
    nextHop6: parseIp6(`2001:db8::${local.host}`),
  });
  const cx = { fourOctetAs: true, external, families: [family] };
  rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
  while (rib.pull(peer) !== undefined);
  return peer;
}

function indicesOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function prefixOf(family: PlainFamily, i: number): Prefix {
  return family === "ipv4-unicast"
    ? prefixFromWords4((20 << 24) | (i << 8), 24)
    : prefixFromWords6(0x2001_0000 | (i >>> 8), i << 24, 0, 0, 40);
}

const vrfCount = 16;
const rds = indicesOf(vrfCount).map((vrf) => parseRouteDistinguisher(`64513:${vrf}`));
const routeTargets = indicesOf(vrfCount).map((vrf) => parseRouteTarget(`64513:${vrf}`));
const noSegment = parseEsi("00:00:00:00:00:00:00:00:00:00");

function vpnRoute(i: number): EncodedNlri {
  const rd = rds[i % vrfCount]!;
  return encodeVpnRoute({ rd, prefix: prefixOf("ipv4-unicast", i), labels: [16 + (i % vrfCount)] });
}

function evpnRoute(i: number): EncodedNlri {
  return encodeEvpnRoute({
    ...{ kind: "mac-ip", rd: rds[i % vrfCount]!, ethernetTag: 0, esi: noSegment },
    ...{
      mac: localMac(i),
      ip: parseIp4(`198.18.${i >>> 8}.${i & 255}`),
      label: 1 + (i % vrfCount),
    },
  });
}
