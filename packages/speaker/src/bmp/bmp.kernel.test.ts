/** The exporter over the loopback, with a station that reads with the decoder of @heddle/bgp. */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import {
  acceptAll,
  BmpFramer,
  type BmpMessage,
  decodeAttributes,
  decodeBmp,
  isProblem,
  newUpdateParts,
  type Policy,
  prefixFromWords4,
  routeAttributesOf,
  splitUpdate,
  walkPrefixes4,
} from "@heddle/bgp";
import {
  formatPrefix,
  ip4FromNumber,
  parseAsn,
  parseIp,
  parseIp4,
  parsePrefix,
} from "@heddle/inet";
import { silentLog } from "@heddle/std";
import type { PeerConfig, SpeakerConfig } from "../config.ts";
import { noFib } from "../fib-sink.ts";
import { Speaker } from "../speaker.ts";
import { BmpExporter } from "./bmp-exporter.ts";
import type { BmpStationConfig } from "./config.ts";

const centre = parseIp("127.22.0.1");
const remote = parseIp("127.22.0.2");
const preferring: Policy = {
  name: "prefer",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.9.0.0/16"), le: 32 }] }, verdict: "reject" },
  ],
  otherwise: "accept",
};

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a station knows: per view, the routes that were announced and not withdrawn. */
class Station implements AsyncDisposable {
  readonly messages: BmpMessage[] = [];
  readonly tables = {
    pre: new Map<string, number | undefined>(),
    post: new Map<string, number | undefined>(),
  };
  connectionCount = 0;
  isReading = true;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  private constructor() {
    this.#server = createServer((socket) => {
      this.connectionCount += 1;
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      const framer = new BmpFramer();
      if (!this.isReading) socket.pause();
      socket.on("data", (chunk: Uint8Array) => {
        framer.push(chunk, (message) => this.#take(decodeBmp(message)));
      });
      if (!this.isReading) socket.pause();
    });
  }

  static async start(): Promise<Station> {
    const station = new Station();
    await new Promise<void>((resolve) => station.#server.listen(0, "127.0.0.1", resolve));
    return station;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  count(kind: BmpMessage["kind"]): number {
    return this.messages.filter((message) => message.kind === kind).length;
  }

  readOn(): void {
    this.isReading = true;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(message: BmpMessage): void {
    this.messages.push(message);
    if (message.kind === "initiation") {
      this.tables.pre.clear();
      this.tables.post.clear();
    }
    if (message.kind !== "route-monitoring") return;
    const table = message.peer.postPolicy ? this.tables.post : this.tables.pre;
    const body = message.update.subarray(19);
    const parts = splitUpdate(body, 0, body.length, newUpdateParts());
    walkPrefixes4(body, parts.withdrawnStart, parts.withdrawnEnd, (address, length) => {
      table.delete(formatPrefix(prefixFromWords4(address, length)));
    });
    if (parts.nlriStart === parts.nlriEnd) return;
    const { attributesStart, attributesEnd } = parts;
    const block = body.subarray(attributesStart, attributesEnd);
    const cx = { fourOctetAs: true, external: true, families: ["ipv4-unicast"] as const };
    const decoded = decodeAttributes(block, cx);
    const found = routeAttributesOf(decoded, "nlri");
    const med = isProblem(found) ? undefined : found.med;
    walkPrefixes4(body, parts.nlriStart, parts.nlriEnd, (address, length) => {
      table.set(formatPrefix(prefixFromWords4(address, length)), med);
    });
  }
}

function configOf(asn: number, routerId: string, more: Partial<SpeakerConfig>): SpeakerConfig {
  return {
    ...{ asn: parseAsn(asn), routerId: parseIp4(routerId), listen: [], peers: [] },
    families: ["ipv4-unicast"],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { idleHoldMinMs: 20, idleHoldMaxMs: 50, connectRetryMs: 100 },
    forwarding: false,
    ...more,
  };
}

const both: Pick<PeerConfig, "kind" | "families" | "exportPolicy" | "importPolicy"> = {
  ...{ kind: "fabric", families: ["ipv4-unicast"], exportPolicy: acceptAll },
  importPolicy: preferring,
};

/** The monitored speaker, a peer of it, and an exporter to the station. */
async function setUp(owned: AsyncDisposableStack, to: BmpStationConfig) {
  const start = async (config: SpeakerConfig): Promise<Speaker> =>
    owned.use(await Speaker.start(config, { fib: noFib, log: silentLog }));
  const passive: PeerConfig = {
    ...{ ...both, address: remote, localAddress: centre, asn: parseAsn(65002), passive: true },
    nextHop4: parseIp4("192.0.2.1"),
  };
  const speaker = await start(
    configOf(65001, "192.0.2.1", { listen: [{ address: centre, port: 0 }], peers: [passive] }),
  );
  const port = speaker.listening[0]?.port ?? assert.fail("nobody listens");
  const active: PeerConfig = {
    ...{ ...both, address: centre, localAddress: remote, asn: parseAsn(65001), port },
    nextHop4: parseIp4("192.0.2.2"),
  };
  const peer = await start(configOf(65002, "192.0.2.2", { peers: [active] }));
  await until("established", () => speaker.peers()[0]?.state === "Established");
  const identity = { sysName: "rs1", sysDescr: "heddle" };
  const exporter = owned.use(new BmpExporter([to], { speaker, identity, log: silentLog }));
  return { speaker, peer, exporter };
}

test("a station learns peers and routes, those of before it came and those of after", async () => {
  await using owned = new AsyncDisposableStack();
  const station = owned.use(await Station.start());
  const to = { host: "127.0.0.1", port: station.port, statisticsMs: 200 };
  const { speaker, peer, exporter } = await setUp(owned, {
    ...{ ...to, views: ["pre-policy", "post-policy"] },
  });
  for (let i = 0; i < 3000; i += 1) {
    peer.announce(parsePrefix(`20.${i >> 8}.${i & 0xff}.0/24`), { med: i % 7 });
  }
  peer.announce(parsePrefix("10.9.1.0/24"));
  const { pre, post } = station.tables;
  await until("all before policy", () => pre.size === 3001);
  await until("all after policy", () => post.size === 3000);
  assert.deepEqual(
    [
      pre.get("20.0.5.0/24"),
      post.get("20.0.5.0/24"),
      pre.has("10.9.1.0/24"),
      post.has("10.9.1.0/24"),
    ],
    [5, 5, true, false],
  );
  peer.withdraw(parsePrefix("20.0.5.0/24"));
  peer.announce(parsePrefix("20.0.6.0/24"), { med: 99 });
  await until("the withdrawal", () => !pre.has("20.0.5.0/24") && !post.has("20.0.5.0/24"));
  await until("the change", () => pre.get("20.0.6.0/24") === 99 && post.get("20.0.6.0/24") === 99);
  const statistics = (): readonly (readonly [number, bigint])[] => {
    const report = station.messages.findLast(({ kind }) => kind === "statistics-report");
    if (report?.kind !== "statistics-report") return [];
    return report.statistics.map(({ type, value }) => [type, value]);
  };
  await until("statistics", () => statistics()[0]?.[1] === 3000n);
  assert.deepEqual(statistics(), [
    [7, 3000n],
    [15, 0n],
    [9, 3000n],
  ]);
  const up = station.messages.find(({ kind }) => kind === "peer-up");
  assert.ok(up?.kind === "peer-up");
  assert.deepEqual(
    [up.peer.address, up.peer.asn, up.peer.routerId, up.localAddress, up.localPort],
    [remote, 65002, ip4FromNumber(0xc0000202), centre, speaker.listening[0]?.port],
  );
  assert.equal(station.messages[0]?.kind, "initiation");
  peer.shutdownPeer({ address: centre }, "bye");
  await until("the end of the peer", () => station.count("peer-down") === 1);
  const down = station.messages.findLast(({ kind }) => kind === "peer-down");
  assert.ok(down?.kind === "peer-down" && down.reason === 3 && down.data[18] === 3);
  peer.enablePeer({ address: centre });
  await until("the peer again", () => station.count("peer-up") === 2);
  await exporter[Symbol.asyncDispose]();
  await until("the termination", () => station.count("termination") === 1);
});

test("a station that does not read is cut off, and told all again when it does", async () => {
  await using owned = new AsyncDisposableStack();
  const station = owned.use(await Station.start());
  station.isReading = false;
  const to = { host: "127.0.0.1", port: station.port, queueLengthMax: 64 * 1024 };
  const { speaker, peer, exporter } = await setUp(owned, to);
  await until("connected", () => exporter.status[0]?.connected === true);
  let i = 0;
  await until("cut off", () => {
    for (let n = 0; n < 2000; n += 1, i += 1) {
      peer.announce(parsePrefix(`${20 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}.0/24`), {
        med: i,
      });
    }
    return (exporter.status[0]?.cutOffCount ?? 0) > 0;
  });
  await until("all routes", () => [...speaker.routes({ bestOnly: true })].length === i);
  assert.equal(speaker.peers()[0]?.establishedCount, 1, "the session did not suffer");
  station.readOn();
  await until("all routes at the station", () => station.tables.pre.size === i);
  assert.ok(station.connectionCount >= 2);
  console.log(`cut off with ${i} routes of ${i} attribute sets, told again`);
});
