/** A table of IPv4 prefixes like the Internet's, and how each sender announces it. */
import { assert, type Rng, seededRng } from "@heddle/std";
import { localAddress, localAsn, sender as senderOf } from "./addresses.ts";
import { describeAttributes, encodeAttributes, type RouteAttributes } from "./attributes.ts";
import { exported, imported, preferred } from "./policy.ts";
import { UpdateStream } from "./update-stream.ts";

/** Prefixes in runs that share an attribute set, as a full table has them. */
export interface Table {
  /** As int32; no two prefixes share their first 24 bits. */
  readonly address: Int32Array;
  readonly length: Uint8Array;
  /** Attribute set by prefix. */
  readonly set: Int32Array;
  readonly setCount: number;
  readonly runs: readonly TableRun[];
}

export interface TableRun {
  readonly start: number;
  readonly end: number;
}

/** Reserved or private in part; nothing of the table is in them. */
const reservedOctets: ReadonlySet<number> = new Set([0, 10, 100, 127, 169, 172, 192, 198]);

export function makeTable(count: number, setCount: number, rng: Rng): Table {
  const address = new Int32Array(count);
  const length = new Uint8Array(count);
  const set = new Int32Array(count);
  const taken = new Uint8Array(1 << 24);
  for (let i = 0; i < count; ) {
    const bits = rng.uint32() % 100 < 60 ? 24 : 16 + (rng.uint32() % 8);
    const word = rng.uint32() & (-1 << (32 - bits));
    const high = word >>> 24;
    if (reservedOctets.has(high) || high > 223 || taken[word >>> 8] === 1) continue;
    taken[word >>> 8] = 1;
    address[i] = word;
    length[i] = bits;
    i += 1;
  }
  const runs: TableRun[] = [];
  for (let start = 0; start < count; ) {
    const end = Math.min(count, start + 5 + (rng.uint32() % 16));
    set.fill(rng.uint32() % setCount, start, end);
    runs.push({ start, end });
    start = end;
  }
  return { address, length, set, setCount, runs };
}

/** The sender with the shortest path of a set; the paths of the others are one longer. */
export function bestSender(set: number, senderCount: number): number {
  return set % senderCount;
}

export function attributesOf(set: number, sender: number, senderCount: number): RouteAttributes {
  const rng = seededRng(set * 7919 + 13);
  const { address, asn } = senderOf(sender);
  const hops = Array.from({ length: 1 + (rng.uint32() % 5) }, () => 1000 + (rng.uint32() % 20_000));
  const detour = 30_000 + (rng.uint32() % 30_000);
  const prepended = rng.uint32() % 8 === 0 ? 2 : 0;
  // The last AS names the set, so that no two sets look the same.
  const origin = 100_000 + set;
  const others = Array.from({ length: rng.uint32() % 7 }, () => rng.uint32() & 0x7fffffff);
  const isPreferred = rng.uint32() % 4 === 0;
  const isBest = bestSender(set, senderCount) === sender;
  const path = [...hops, ...Array<number>(1 + prepended).fill(origin)];
  return {
    origin: rng.uint32() % 10 === 0 ? 2 : 0,
    asns: isBest ? [asn, ...path] : [asn, detour, ...path],
    nextHop: address,
    ...(rng.uint32() % 3 === 0 ? { med: rng.uint32() % 200 } : {}),
    communities: isPreferred ? [...others, preferred.value] : others,
    extendedCommunities: [],
    largeCommunities: rng.uint32() % 20 === 0 ? [[200_000, set, 7]] : [],
    clusterList: [],
  };
}

/** What the receiver must see of each set, by {@link describeAttributes}. */
export function expectedSets(setCount: number, senderCount: number): Map<string, number> {
  const expected = new Map<string, number>();
  for (let set = 0; set < setCount; set += 1) {
    const sent = attributesOf(set, bestSender(set, senderCount), senderCount);
    const passed = exported(imported(sent));
    const seen = { ...passed, asns: [localAsn, ...sent.asns], nextHop: localAddress };
    expected.set(describeAttributes(seen), set);
  }
  assert(expected.size === setCount, "every set looks different");
  return expected;
}

/** One UPDATE per run, in an order of the sender's own. `runs` are those of the table, or some. */
export function encodeTable(
  table: Table,
  runs: readonly TableRun[],
  sender: number,
  senderCount: number,
): Uint8Array {
  const blocks = new Map<number, Uint8Array>();
  const stream = new UpdateStream();
  for (const run of shuffled(runs, seededRng(1000 + sender))) {
    const set = table.set[run.start] as number;
    const block = blocks.get(set) ?? encodeAttributes(attributesOf(set, sender, senderCount), true);
    blocks.set(set, block);
    stream.announce(block);
    for (let i = run.start; i < run.end; i += 1) encodePrefix(stream, table, i);
    stream.end();
  }
  return stream.take();
}

/** Withdraws routes `start` to `end` in full messages. */
export function encodeWithdrawals(table: Table, start: number, end: number): Uint8Array {
  const stream = new UpdateStream();
  for (let i = start; i < end; ) {
    stream.withdraw();
    for (; i < end && stream.hasRoom(5); i += 1) encodePrefix(stream, table, i);
    stream.end();
  }
  return stream.take();
}

function encodePrefix({ writer }: UpdateStream, table: Table, index: number): void {
  const length = table.length[index] as number;
  const address = table.address[index] as number;
  writer.u8(length).u8(address >>> 24);
  if (length > 8) writer.u8((address >>> 16) & 0xff);
  if (length > 16) writer.u8((address >>> 8) & 0xff);
  if (length > 24) writer.u8(address & 0xff);
}

function shuffled<T>(values: readonly T[], rng: Rng): T[] {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i -= 1) {
    const j = rng.uint32() % (i + 1);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
