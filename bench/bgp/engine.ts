/**
 * The BGP engine in process, without sockets: UPDATEs of the senders through import with policy and
 * RFC 7606 checks, decision process, and the encoding of what receiver and senders are sent. Every
 * run checks that each prefix's best path came from the right sender, that the receiver was sent
 * every prefix, and that withdrawing everything leaves nothing. One more run, under the profiler,
 * shows what the time went to.
 *
 *     make bench B=bgp-engine          node --expose-gc bench/run.ts bgp-engine --prefixes 1000000
 */
import os from "node:os";
import { parseArgs } from "node:util";
import { headerLength, type PeerIndex, prefixFromWords4, Rib } from "@heddle/bgp";
import { parseAsn } from "@heddle/inet";
import { assert, seededRng } from "@heddle/std";
import { median } from "../harness/stats.ts";
import { localAddress, localAsn, type Neighbor, receiver, sender } from "./addresses.ts";
import { Phases } from "./phases.ts";
import { importPolicy, transitExportPolicy } from "./policy.ts";
import { bestSender, encodeTable, encodeWithdrawals, makeTable, type Table } from "./table.ts";

/** As a socket of Node reads. */
const chunkLength = 64 * 1024;
/** Prefixes per flush, as the speaker does it. */
const flushCountMax = 8192;
const cx = { fourOctetAs: true, external: true, families: ["ipv4-unicast"] } as const;

class Device {
  readonly rib: Rib = new Rib({
    localAsn: parseAsn(localAsn),
    routerId: localAddress,
    families: ["ipv4-unicast"],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
    hashSeed: 0x5eed,
  });
  readonly senders: readonly PeerIndex[];
  readonly #receiver: PeerIndex;
  /** Octets for the receiver. */
  outLength = 0;
  /** The longest time that a session or a timer would have waited. */
  worstTurnMs = 0;

  constructor(senderCount: number) {
    this.senders = Array.from({ length: senderCount }, (_, i) => this.#addPeer(sender(i)));
    this.#receiver = this.#addPeer(receiver);
    for (const peer of [...this.senders, this.#receiver]) while (this.rib.pull(peer) !== undefined);
  }

  /** Takes the senders' streams in turns of a chunk each, and flushes after every round. */
  run(streams: readonly Uint8Array[]): void {
    const offsets = streams.map(() => 0);
    for (let live = true; live; ) {
      live = false;
      for (const [i, bytes] of streams.entries()) {
        this.#turn(() => {
          offsets[i] = this.#take(this.senders[i] as PeerIndex, bytes, offsets[i] as number);
        });
        if ((offsets[i] as number) < bytes.length) live = true;
      }
      for (let more = true; more; ) {
        this.#turn(() => {
          more = this.rib.flush((peer, bytes) => this.#deliver(peer, bytes), flushCountMax);
        });
      }
    }
  }

  /** Prefixes that the receiver holds. */
  get advertised(): number {
    return this.rib.counts(this.#receiver, "ipv4-unicast").advertised;
  }

  #turn(work: () => void): void {
    const startMs = performance.now();
    work();
    this.worstTurnMs = Math.max(this.worstTurnMs, performance.now() - startMs);
  }

  #take(peer: PeerIndex, bytes: Uint8Array, start: number): number {
    const stop = Math.min(bytes.length, start + chunkLength);
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
    if (peer === this.#receiver) this.outLength += bytes.length;
    return true;
  }

  #addPeer({ address, asn }: Neighbor): PeerIndex {
    const peer = this.rib.addPeer({
      ...{ address, asn: parseAsn(asn), reflectorClient: false, nextHopSelf: false },
      ...{ importPolicy, exportPolicy: transitExportPolicy, nextHop4: localAddress },
    });
    this.rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
    return peer;
  }
}

interface Sample {
  readonly announceMs: number;
  readonly withdrawMs: number;
  readonly worstTurnMs: number;
  readonly bytesPerPrefix: number;
  readonly outLength: number;
}

function measure(table: Table, streams: readonly Uint8Array[], withdrawals: Uint8Array): Sample {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const device = new Device(streams.length);
  const announceMs = timed(() => device.run(streams));
  globalThis.gc?.();
  const after = process.memoryUsage();
  const grown = after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed;
  checkBest(table, device);
  const { outLength } = device;
  const withdrawMs = timed(() => device.run(streams.map(() => withdrawals)));
  assert(device.rib.prefixCount("ipv4-unicast") === 0, "nothing is left after withdrawing all");
  assert(device.rib.attributeCount("ipv4-unicast") === 0, "no attributes are left either");
  const bytesPerPrefix = grown / table.address.length;
  return { announceMs, withdrawMs, worstTurnMs: device.worstTurnMs, bytesPerPrefix, outLength };
}

function timed(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

function checkBest(table: Table, device: Device): void {
  const count = table.address.length;
  assert(device.advertised === count, `the receiver has ${device.advertised} of ${count} prefixes`);
  const step = Math.max(1, Math.floor(count / 20_000));
  for (let i = 0; i < count; i += step) {
    const prefix = prefixFromWords4(table.address[i] as number, table.length[i] as number);
    const [best] = device.rib.lookup(prefix);
    const expected = device.senders[bestSender(table.set[i] as number, device.senders.length)];
    assert(best?.best === true && best.peer === expected, "the shortest path is the best");
  }
}

function runCase(count: number, setCount: number, senderCount: number, runCount: number): void {
  const table = makeTable(count, setCount, seededRng(42));
  const streams = Array.from({ length: senderCount }, (_, index) =>
    encodeTable(table, table.runs, index, senderCount),
  );
  const withdrawals = encodeWithdrawals(table, 0, count);
  const samples = Array.from({ length: runCount }, () => measure(table, streams, withdrawals));
  const of = (key: keyof Sample): number => median(samples.map((sample) => sample[key]));
  const rate = (ms: number): string => `${((count * senderCount) / ms / 1000).toFixed(2)} M/s`;
  const first = samples[0] as Sample;
  console.log(
    `${String(count).padStart(8)} x ${senderCount}, ${setCount} sets: ` +
      `announce ${of("announceMs").toFixed(0)} ms ${rate(of("announceMs"))} ` +
      `(first run ${first.announceMs.toFixed(0)} ms), ` +
      `withdraw ${of("withdrawMs").toFixed(0)} ms ${rate(of("withdrawMs"))}, ` +
      `worst turn ${of("worstTurnMs").toFixed(1)} ms, ` +
      `${of("bytesPerPrefix").toFixed(0)} B/prefix, out ${of("outLength")} B, n=${runCount}`,
  );
  const phases = new Phases(() => new Device(senderCount).run(streams));
  console.log(`         ${phases.text(count * senderCount)}`);
}

/** Reads the arguments of `bench/run.ts`. */
export function main(): void {
  const { values } = parseArgs({
    args: process.argv.slice(3),
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
  console.log(`load ${os.loadavg().map((value) => value.toFixed(2))}`);
}
