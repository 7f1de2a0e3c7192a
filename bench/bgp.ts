/**
 * Throughput of the BGP engine in process, without sockets: UPDATEs of 1 and 5 senders through
 * split, import with policy and RFC 7606 checks, decision process, and the encoding of what a
 * receiver and the senders are sent. Every run checks that each prefix's best path came from the
 * right sender, that the receiver was sent every prefix, and that withdrawing everything leaves
 * nothing.
 *
 * Arguments: lists of prefix counts and of numbers of distinct attribute sets per sender.
 */
import { parseArgs } from "node:util";
import {
  type AsPathSegment,
  acceptAll,
  announceHead4,
  type PathAttributes,
  type PeerIndex,
  prefixFromWords4,
  Rib,
  UpdateBuilder,
  withdrawHead4,
} from "@heddle/bgp";
import { type Asn, type Ip4, parseIp4 } from "@heddle/inet";
import { assert, type Rng, seededRng } from "@heddle/std";
import { median } from "./harness/stats.ts";

const localAsn = 65000 as Asn;
const chunkBytes = 256 * 1024;
const headerLength = 19;
const cx = { fourOctetAs: true, external: true, families: ["ipv4-unicast"] } as const;

/** Prefixes in runs that share an attribute set, as a full table has them. */
interface Table {
  readonly address: Int32Array;
  readonly length: Uint8Array;
  /** Attribute set by prefix. */
  readonly set: Int32Array;
  readonly runs: readonly { readonly start: number; readonly end: number }[];
}

function makeTable(count: number, setCount: number, rng: Rng): Table {
  const address = new Int32Array(count);
  const length = new Uint8Array(count);
  const set = new Int32Array(count);
  const taken = new Uint8Array(1 << 24);
  for (let i = 0; i < count; ) {
    const bits = rng.uint32() % 100 < 60 ? 24 : 16 + (rng.uint32() % 8);
    const word = rng.uint32() & (-1 << (32 - bits));
    const high = word >>> 24;
    if (high === 0 || high === 10 || high === 127 || high > 223 || taken[word >>> 8] === 1)
      continue;
    taken[word >>> 8] = 1;
    address[i] = word;
    length[i] = bits;
    i += 1;
  }
  const runs: { start: number; end: number }[] = [];
  for (let start = 0; start < count; ) {
    const end = Math.min(count, start + 5 + (rng.uint32() % 16));
    set.fill(rng.uint32() % setCount, start, end);
    runs.push({ start, end });
    start = end;
  }
  return { address, length, set, runs };
}

/**
 * Sender `set % senderCount` has the shortest path of a set; the paths of the others are one
 * longer.
 */
function attributesOf(set: number, sender: number, senderCount: number): PathAttributes {
  const rng = seededRng(set * 7919 + 13);
  const tail = Array.from({ length: 2 + (rng.uint32() % 5) }, () => 1000 + (rng.uint32() % 400000));
  const detour = set % senderCount === sender ? [] : [3000 + (rng.uint32() % 50000)];
  const asns = [65001 + sender, ...detour, ...tail] as Asn[];
  const asPath: AsPathSegment[] = [{ type: "sequence", asns }];
  const communityCount = rng.uint32() % 10 < 6 ? 1 + (rng.uint32() % 6) : 0;
  return {
    origin: rng.uint32() % 10 === 0 ? 2 : 0,
    asPath,
    nextHop: (parseIp4("10.99.1.0") + sender + 1) as Ip4,
    ...(rng.uint32() % 3 === 0 ? { med: rng.uint32() % 200 } : {}),
    atomicAggregate: false,
    communities: Array.from({ length: communityCount }, () => rng.uint32() & 0x7fffffff),
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
  };
}

function encodeTable(table: Table, sender: number, senderCount: number, rng: Rng): Uint8Array {
  const order = table.runs.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = rng.uint32() % (i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  const builder = new UpdateBuilder(4096);
  const heads = new Map<number, ReturnType<typeof announceHead4>>();
  for (const index of order) {
    const run = table.runs[index] as Table["runs"][number];
    const set = table.set[run.start] as number;
    const head = heads.get(set) ?? announceHead4(attributesOf(set, sender, senderCount), cx);
    heads.set(set, head);
    builder.begin(head);
    for (let i = run.start; i < run.end; i += 1) {
      builder.prefix4(table.address[i] as number, table.length[i] as number);
    }
  }
  return builder.finish().slice();
}

function encodeWithdrawals(table: Table): Uint8Array {
  const builder = new UpdateBuilder(4096);
  builder.begin(withdrawHead4());
  for (const [i, word] of table.address.entries()) builder.prefix4(word, table.length[i] as number);
  return builder.finish().slice();
}

class Device {
  readonly rib: Rib = new Rib({
    localAsn,
    routerId: parseIp4("10.99.0.1"),
    families: ["ipv4-unicast"],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
    hashSeed: 0x5eed,
  });
  readonly senders: readonly PeerIndex[];
  readonly #receiver: PeerIndex;
  /** Octets for the receiver. */
  outBytes = 0;

  constructor(senderCount: number) {
    this.senders = Array.from({ length: senderCount }, (_, i) => this.#addPeer(i + 1));
    this.#receiver = this.#addPeer(200);
    for (const peer of [...this.senders, this.#receiver]) while (this.rib.pull(peer) !== undefined);
  }

  /** Takes the senders' streams in turns of 256 KiB, flushing after each round. */
  run(streams: readonly Uint8Array[]): void {
    const offsets = streams.map(() => 0);
    for (let live = true; live; ) {
      live = false;
      for (const [i, bytes] of streams.entries()) {
        const at = this.#take(this.senders[i] as PeerIndex, bytes, offsets[i] as number);
        offsets[i] = at;
        if (at < bytes.length) live = true;
      }
      while (this.rib.flush((peer, bytes) => this.#deliver(peer, bytes)));
    }
  }

  /** Prefixes that the receiver holds. */
  get advertised(): number {
    return this.rib.counts(this.#receiver, "ipv4-unicast").advertised;
  }

  #take(peer: PeerIndex, bytes: Uint8Array, start: number): number {
    const stop = Math.min(bytes.length, start + chunkBytes);
    let at = start;
    while (at < stop) {
      const end = at + (((bytes[at + 16] as number) << 8) | (bytes[at + 17] as number));
      const { problems } = this.rib.receive(peer, bytes, at + headerLength, end);
      assert(problems.length === 0, "the generator makes valid UPDATEs");
      at = end;
    }
    return at;
  }

  #deliver(peer: PeerIndex, bytes: Uint8Array): boolean {
    if (peer === this.#receiver) this.outBytes += bytes.length;
    return true;
  }

  #addPeer(number: number): PeerIndex {
    const address = (parseIp4("10.99.1.0") + number) as Ip4;
    const peer = this.rib.addPeer({
      address,
      asn: (65000 + number) as Asn,
      reflectorClient: false,
      importPolicy: acceptAll,
      exportPolicy: acceptAll,
      nextHop4: parseIp4("10.99.0.1"),
      nextHopSelf: false,
    });
    this.rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
    return peer;
  }
}

interface Sample {
  readonly announceMs: number;
  readonly withdrawMs: number;
  readonly bytesPerPrefix: number;
  readonly outBytes: number;
}

function measure(table: Table, streams: readonly Uint8Array[], withdrawals: Uint8Array): Sample {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const device = new Device(streams.length);
  const start = performance.now();
  device.run(streams);
  const announceMs = performance.now() - start;
  globalThis.gc?.();
  const after = process.memoryUsage();
  const grown = after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed;
  checkBest(table, device);
  const { outBytes } = device;
  const mid = performance.now();
  device.run(streams.map(() => withdrawals));
  const withdrawMs = performance.now() - mid;
  assert(device.rib.prefixCount("ipv4-unicast") === 0, "nothing is left after withdrawing all");
  assert(device.rib.attributeCount("ipv4-unicast") === 0, "no attributes are left either");
  return { announceMs, withdrawMs, bytesPerPrefix: grown / table.address.length, outBytes };
}

function checkBest(table: Table, device: Device): void {
  const count = table.address.length;
  assert(device.advertised === count, `the receiver has ${device.advertised} of ${count} prefixes`);
  const step = Math.max(1, Math.floor(count / 20000));
  for (let i = 0; i < count; i += step) {
    const prefix = prefixFromWords4(table.address[i] as number, table.length[i] as number);
    const [best] = device.rib.lookup(prefix);
    const expected = device.senders[(table.set[i] as number) % device.senders.length];
    assert(best?.best === true && best.peer === expected, "the shortest path is the best");
  }
}

function runCase(count: number, setCount: number, senderCount: number, runCount: number): void {
  const rng = seededRng(42);
  const table = makeTable(count, setCount, rng);
  const streams = Array.from({ length: senderCount }, (_, sender) =>
    encodeTable(table, sender, senderCount, rng),
  );
  const withdrawals = encodeWithdrawals(table);
  const samples = Array.from({ length: runCount }, () => measure(table, streams, withdrawals));
  const of = (key: keyof Sample): number => median(samples.map((sample) => sample[key]));
  const rate = (ms: number): string => `${((count * senderCount) / ms / 1000).toFixed(2)} M/s`;
  const first = samples[0] as Sample;
  console.log(
    `${String(count).padStart(8)} x ${senderCount}, ${setCount} sets: ` +
      `announce ${of("announceMs").toFixed(0)} ms ${rate(of("announceMs"))} ` +
      `(first run ${first.announceMs.toFixed(0)} ms), ` +
      `withdraw ${of("withdrawMs").toFixed(0)} ms ${rate(of("withdrawMs"))}, ` +
      `${of("bytesPerPrefix").toFixed(0)} B/prefix, out ${of("outBytes")} B, n=${runCount}`,
  );
}

const { values } = parseArgs({
  args: process.argv.slice(process.argv[1]?.endsWith("run.ts") ? 3 : 2),
  options: {
    prefixes: { type: "string", default: "100000,500000" },
    sets: { type: "string", default: "800" },
    runs: { type: "string", default: "3" },
  },
});
if (globalThis.gc === undefined) console.log("without --expose-gc, B/prefix includes garbage");
for (const count of values.prefixes.split(",").map(Number)) {
  for (const setCount of values.sets.split(",").map(Number)) {
    for (const senderCount of [1, 5]) runCase(count, setCount, senderCount, Number(values.runs));
  }
}
