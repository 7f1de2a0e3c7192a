/**
 * The engine alone: two providers offer the same prefix, policy decides, the loser is told. Bytes
 * in, bytes out; no socket and no timer. `node examples/bgp/engine.ts` prints what it returns.
 */
import {
  announceHead4,
  decodeAttributes,
  Framer,
  formatAsPath,
  formatPolicy,
  headerLength,
  isProblem,
  newUpdateParts,
  origins,
  type PathAttributes,
  type PeerIndex,
  type Policy,
  prefixFromWords4,
  Rib,
  routeAttributesOf,
  splitUpdate,
  UpdateBuilder,
  walkPrefixes4,
} from "@heddle/bgp";
import {
  type Asn,
  formatIp,
  formatPrefix,
  type Ip4,
  parseAsn,
  parseIp4,
  parsePrefix,
} from "@heddle/inet";

const localAsn = parseAsn(64512);
const offered = parsePrefix("203.0.113.0/24");
const cx = { fourOctetAs: true, external: true, families: ["ipv4-unicast"] } as const;

/** Routes of this provider are preferred, whatever their path, when it marks them 64501:90. */
const preferMarked: Policy = {
  name: "prefer-marked",
  terms: [
    {
      name: "marked",
      match: { communities: { anyOf: [[64501, 90]] } },
      verdict: "accept",
      actions: { localPref: 200 },
    },
  ],
  otherwise: "accept",
};

const announce: Policy = {
  name: "announce",
  terms: [
    {
      name: "not-too-long",
      match: { prefixes: [{ prefix: parsePrefix("0.0.0.0/0"), le: 24 }] },
      verdict: "accept",
      actions: { removeCommunities: [[64501, "any"]] },
    },
  ],
  otherwise: "reject",
};

export function runEngine(): string[] {
  const lines: string[] = [];
  const rib = new Rib({
    localAsn,
    routerId: parseIp4("192.0.2.254"),
    families: ["ipv4-unicast"],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: true,
    hashSeed: 1,
  });
  const one = establish(rib, parseAsn(64501), parseIp4("192.0.2.1"));
  const two = establish(rib, parseAsn(64502), parseIp4("192.0.2.2"));

  // What the providers send: the first has the longer path, but marks it.
  receive(rib, two, updateOf([64502, 64999], parseIp4("192.0.2.2")));
  turn(rib, [one, two], lines);
  receive(rib, one, updateOf([64501, 64700, 64999], parseIp4("192.0.2.1"), [(64501 << 16) | 90]));
  turn(rib, [one, two], lines);

  for (const { prefix, nextHops } of rib.takeChanges()) {
    const via = nextHops.map(({ address }) => formatIp(address)).join(" ");
    lines.push(`kernel: ${formatPrefix(prefix)} via ${via}`);
  }
  lines.push(formatPolicy(preferMarked), ...explain(rib));
  return lines;
}

/** A peer whose session is Established, as `step` would say it (`sessions.ts`). */
function establish(rib: Rib, asn: Asn, address: Ip4): PeerIndex {
  const peer = rib.addPeer({
    address,
    asn,
    importPolicy: preferMarked,
    exportPolicy: announce,
    nextHop4: parseIp4("192.0.2.254"),
    reflectorClient: false,
    nextHopSelf: false,
  });
  rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
  return peer;
}

/** One turn of the event loop: what changed goes to peers in sync, the rest comes by `pull`. */
function turn(rib: Rib, peers: readonly PeerIndex[], lines: string[]): void {
  const deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
    for (const line of messagesOf(bytes)) lines.push(`to peer ${peer}: ${line}`);
    return true;
  };
  while (rib.dirty) rib.flush(deliver);
  for (const peer of peers) {
    for (let bytes = rib.pull(peer); bytes !== undefined; bytes = rib.pull(peer)) {
      deliver(peer, bytes);
    }
  }
}

function receive(rib: Rib, peer: PeerIndex, message: Uint8Array): void {
  const { problems } = rib.receive(peer, message, headerLength, message.length);
  if (problems.length > 0) throw new Error(problems.join("; "));
}

function updateOf(asns: number[], nextHop: Ip4, communities: number[] = []): Uint8Array {
  const attributes: PathAttributes = {
    origin: origins.igp,
    asPath: [{ type: "sequence", asns: asns.map(parseAsn) }],
    nextHop,
    atomicAggregate: false,
    communities: communities.map((community) => community >>> 0),
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
  };
  const builder = new UpdateBuilder(4096);
  builder.begin(announceHead4(attributes, cx));
  builder.prefix4(Number(offered.address), offered.length);
  return builder.finish().slice();
}

/** What is in whole UPDATE messages; nothing in both fields is the End-of-RIB marker. */
function messagesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  new Framer().push(bytes, (_type, message, start, end) => {
    const parts = splitUpdate(message, start, end, newUpdateParts());
    const withdrawn: string[] = [];
    walkPrefixes4(message, parts.withdrawnStart, parts.withdrawnEnd, (word, length) => {
      withdrawn.push(formatPrefix(prefixFromWords4(word, length)));
    });
    const announced: string[] = [];
    walkPrefixes4(message, parts.nlriStart, parts.nlriEnd, (word, length) => {
      announced.push(formatPrefix(prefixFromWords4(word, length)));
    });
    if (withdrawn.length > 0) lines.push(`withdraws ${withdrawn.join(" ")}`);
    else if (announced.length === 0) lines.push("End-of-RIB");
    if (announced.length === 0) return true;
    const block = message.slice(parts.attributesStart, parts.attributesEnd);
    const attributes = routeAttributesOf(decodeAttributes(block, cx), "nlri");
    if (isProblem(attributes)) throw new Error(attributes.message);
    const { asPath, nextHop } = attributes;
    lines.push(`${announced.join(" ")} path ${formatAsPath(asPath)} via ${formatIp(nextHop)}`);
    return true;
  });
  return lines;
}

function explain(rib: Rib): string[] {
  const explanation = rib.explain(offered);
  if (explanation === undefined) return [];
  const { paths, exports } = explanation;
  const heard = paths.map(({ path, lostBy, policy }) => {
    const why = lostBy === undefined ? "is the best" : `lost by ${lostBy}`;
    return `path of peer ${path.peer} ${why}; import policy decided by ${policy?.decidedBy}`;
  });
  const told = exports.map(({ peer, notSent }) => {
    return `peer ${peer} is ${notSent === undefined ? "told" : `not told: ${notSent}`}`;
  });
  return [...heard, ...told];
}

if (import.meta.main) console.log(runEngine().join("\n"));
