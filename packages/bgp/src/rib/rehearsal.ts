/**
 * A table that comes and goes between RIBs of their own, before the first real one: a program that
 * is about to be sent full tables has its loops compiled by then, and takes the first hundred
 * thousand routes in half the time. It costs some tenths of a second of CPU time, and nothing of it
 * stays but compiled code.
 */
import { type Asn, type Ip4, type Prefix, parseAsn, parseIp4, parseIp6 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { headerLength } from "../packet/framing.ts";
import { prefixFromWords4, prefixFromWords6 } from "../packet/nlri.ts";
import { origins } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import type { LocalAttributes } from "./local-route.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";

/** So much that the loops are worth the best compiler. */
const routeCount = 8192;
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

const sourceAsn = parseAsn(64_512);
const source: Speaker = { asn: sourceAsn, host: 1 };
/** Sends the same routes as `source`, so that there is something to decide. */
const rival: Speaker = { asn: sourceAsn, host: 2 };
const middle: Speaker = { asn: parseAsn(64_513), host: 3 };
const observer: Speaker = { asn: parseAsn(64_514), host: 4 };
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

type PlainFamily = Extract<AddressFamily, "ipv4-unicast" | "ipv6-unicast">;

const plainFamilies: readonly PlainFamily[] = ["ipv4-unicast", "ipv6-unicast"];

/**
 * Takes 0.2 s or so for each of the plain unicast families; others are left out, as their tables
 * are small. Returns how many routes were passed on.
 */
export function rehearse(families: readonly AddressFamily[]): number {
  let count = 0;
  for (const family of plainFamilies) {
    if (!families.includes(family)) continue;
    const messages = messagesOf(family);
    for (let round = 0; round < roundCount; round += 1) count += exchange(messages, family);
  }
  return count;
}

/** Of `source`: the table, then routes that change one by one, then the end of all. */
interface Messages {
  readonly table: readonly Uint8Array[];
  readonly singles: readonly Uint8Array[];
  readonly withdrawals: readonly Uint8Array[];
}

function messagesOf(family: PlainFamily): Messages {
  const rib = newRib(source, family);
  addPeer(rib, source, middle, family);
  const sent = (): Uint8Array[] => {
    const messages: Uint8Array[] = [];
    const deliver = (_peer: PeerIndex, bytes: Uint8Array): boolean => messages.push(bytes) > 0;
    while (rib.dirty) rib.flush(deliver);
    return messages;
  };
  const attributes = Array.from({ length: setCount }, (_, set) => attributesOf(set));
  const prefixes = prefixesOf(family);
  for (const [i, prefix] of prefixes.entries()) {
    rib.originate(prefix, attributes[Math.floor(i / routesPerSet) % setCount]);
  }
  const table = sent();
  const singles = prefixes.slice(0, singleCount).flatMap((prefix, i) => {
    rib.originate(prefix, attributes[(i + 1) % setCount]);
    return sent();
  });
  for (const prefix of prefixes) rib.withdraw(prefix);
  return { table, singles, withdrawals: sent() };
}

/** Returns how many routes the observer was told of. */
function exchange({ table, singles, withdrawals }: Messages, family: PlainFamily): number {
  const rib = newRib(middle, family);
  const senders = [source, rival].map((sender) => addPeer(rib, middle, sender, family));
  const receiver = addPeer(rib, middle, observer, family);
  const take = (messages: readonly Uint8Array[]): void => {
    for (const bytes of messages) {
      for (const sender of senders) receiveAll(rib, sender, bytes);
      while (rib.dirty) rib.flush(() => true);
    }
  };
  take(table);
  take(singles);
  const { advertised } = rib.counts(receiver, family);
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
    largeCommunities: set % 20 === 0 ? [[sourceAsn, set, 1]] : [],
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

function newRib({ asn, host }: Speaker, family: PlainFamily): Rib {
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
function addPeer(rib: Rib, local: Speaker, remote: Speaker, family: PlainFamily): PeerIndex {
  const address = addressOf(remote.host);
  const peer = rib.addPeer({
    ...{ address, asn: remote.asn, reflectorClient: false, nextHopSelf: false },
    ...{ importPolicy: policy, exportPolicy: policy },
    nextHop4: addressOf(local.host),
    nextHop6: parseIp6(`2001:db8::${local.host}`),
  });
  const cx = { fourOctetAs: true, external: true, families: [family] };
  rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
  while (rib.pull(peer) !== undefined);
  return peer;
}

function prefixesOf(family: PlainFamily): Prefix[] {
  return Array.from({ length: routeCount }, (_, i) =>
    family === "ipv4-unicast"
      ? prefixFromWords4((20 << 24) | (i << 8), 24)
      : prefixFromWords6(0x2001_0000 | (i >>> 8), i << 24, 0, 0, 40),
  );
}
