/** The exporter over the loopback, with stations that read with the decoder of @heddle/bgp. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AddressFamily,
  acceptAll,
  type BmpMessage,
  decodeOpen,
  encodeVpnRoute,
  type Policy,
  type RibReader,
} from "@heddle/bgp";
import {
  formatIp,
  formatPrefix,
  type Ip,
  parseAsn,
  parseIp,
  parseIp4,
  parseIp6,
  parsePrefix,
  parseRouteDistinguisher,
} from "@heddle/inet";
import { seededRng, silentLog } from "@heddle/std";
import type { PeerConfig, SpeakerConfig } from "../config.ts";
import { noFib } from "../fib-sink.ts";
import { Speaker } from "../speaker.ts";
import { BmpExporter } from "./bmp-exporter.ts";
import { type BmpStationConfig, bmpViews } from "./config.ts";
import { withNextHop } from "./loc-rib-instance.ts";
import { lineOf, Station } from "./testing/station.ts";

const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast", "ipv4-vpn"];
const centre = parseIp("127.22.0.1");
/** The second one sends and takes several paths per prefix (RFC 7911). */
const remotes = [parseIp("127.22.0.2"), parseIp("127.22.0.3")] as const;
const addPathPeer = formatIp(remotes[1]);
const locRibPeer = "0.0.0.0";
const routerId = parseIp4("192.0.2.1");
const preferring: Policy = {
  name: "prefer",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.9.0.0/16"), le: 32 }] }, verdict: "reject" },
    { match: {}, verdict: "accept", actions: { localPref: 200 } },
  ],
  otherwise: "accept",
};

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

function configOf(asn: number, routerId: string, peers: readonly PeerConfig[]): SpeakerConfig {
  return {
    ...{ asn: parseAsn(asn), routerId: parseIp4(routerId), listen: [], peers, families },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { idleHoldMinMs: 20, idleHoldMaxMs: 50, connectRetryMs: 100 },
    forwarding: false,
  };
}

function peerOf(
  n: 0 | 1,
  asn: number,
  local: Ip,
  remote: Ip,
  more: Partial<PeerConfig>,
): PeerConfig {
  return {
    ...{ kind: "fabric", families, exportPolicy: acceptAll, importPolicy: acceptAll },
    ...{ address: remote, localAddress: local, asn: parseAsn(asn), holdTimeMs: 90_000 },
    ...{ nextHop4: parseIp4("192.0.2.9"), nextHop6: parseIp6("2001:db8::9") },
    ...(n === 1
      ? { addPath: families.map((family) => ({ family, receive: true, send: true })) }
      : {}),
    ...more,
  };
}

/** The monitored speaker in the centre, and two peers. */
class Bed implements AsyncDisposable {
  readonly speaker: Speaker;
  readonly peers: readonly [Speaker, Speaker];
  readonly #owned: AsyncDisposableStack;

  private constructor(speaker: Speaker, peers: [Speaker, Speaker], owned: AsyncDisposableStack) {
    this.speaker = speaker;
    this.peers = peers;
    this.#owned = owned;
  }

  static config(importPolicy: Policy): SpeakerConfig {
    const passive = { passive: true, importPolicy };
    return {
      ...configOf(65001, "192.0.2.1", [
        peerOf(0, 65002, centre, remotes[0], passive),
        peerOf(1, 65003, centre, remotes[1], passive),
      ]),
      listen: [{ address: centre, port: 0 }],
    };
  }

  static async start(): Promise<Bed> {
    const owned = new AsyncDisposableStack();
    const start = async (config: SpeakerConfig): Promise<Speaker> =>
      owned.use(await Speaker.start(config, { fib: noFib, log: silentLog }));
    const speaker = await start(Bed.config(preferring));
    const port = speaker.listening[0]?.port ?? assert.fail("nobody listens");
    const startPeer = (n: 0 | 1): Promise<Speaker> =>
      start(
        configOf(65002 + n, `192.0.2.${2 + n}`, [
          peerOf(n, 65001, remotes[n], centre, {
            ...{ port, nextHop4: parseIp4(`192.0.2.${12 + n}`) },
            nextHop6: parseIp6(`2001:db8::${12 + n}`),
          }),
        ]),
      );
    const bed = new Bed(speaker, [await startPeer(0), await startPeer(1)], owned);
    await until("established", () => speaker.peers().every(({ state }) => state === "Established"));
    return bed;
  }

  use<T extends AsyncDisposable>(value: T): T {
    return this.#owned.use(value);
  }

  async station(): Promise<Station> {
    return this.use(await Station.start([addPathPeer]));
  }

  exporter(...stations: readonly BmpStationConfig[]): BmpExporter {
    const { speaker } = this;
    const identity = { sysName: "rs1", sysDescr: "heddle" };
    return this.use(new BmpExporter(stations, { speaker, identity, log: silentLog }));
  }

  index(n: 0 | 1): number {
    return this.speaker.indexOf({ address: remotes[n] }) ?? assert.fail("the peer is known");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

const all = { host: "127.0.0.1", views: bmpViews, statisticsMs: 0 } as const;

type Listed = { readonly family: AddressFamily; readonly pathId: number } & Pick<
  Parameters<typeof lineOf>[0] extends infer A ? { attributes: A } : never,
  "attributes"
> &
  (
    | { readonly prefix: Parameters<typeof formatPrefix>[0] }
    | { readonly key: Uint8Array; readonly payload: Uint8Array }
  );

/** As the station names and writes them. */
function entriesOf(routes: Iterable<Listed>, hasPaths: boolean): [string, string][] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return [...routes]
    .map((route): [string, string] => {
      const key = "prefix" in route ? formatPrefix(route.prefix) : hex(route.key);
      const payload = "prefix" in route ? "" : hex(route.payload);
      const pathId = hasPaths ? route.pathId : 0;
      return [`${route.family} ${key}#${pathId}`, `${lineOf(route.attributes)}${payload}`];
    })
    .sort();
}

/** The same four tables, as the RIB shows them to an operator. */
function tablesOf(rib: RibReader, bed: Bed): Map<string, [string, string][]> {
  const tables = new Map<string, [string, string][]>();
  const paths = families.flatMap((family) => rib.pathPage(family, {}, pageOfAll).routes);
  const best = paths.filter((path) => path.best);
  const told = best.map((path) => {
    const { attributes, family } = path;
    const isOwn6 = path.peer === undefined && family === "ipv6-unicast";
    const nextHop = parseIp6("::ffff:192.0.2.1");
    return {
      ...path,
      attributes: isOwn6 ? { ...attributes, nextHop } : withNextHop({ routerId }, attributes),
    };
  });
  tables.set(`loc-rib ${locRibPeer}`, entriesOf(told, false));
  for (const n of [0, 1] as const) {
    const peer = formatIp(remotes[n]);
    const index = bed.index(n);
    const hasPaths = n === 1;
    const received = families.flatMap((family) => [...rib.adjRibIn(index, family)]);
    const sent = families.flatMap((family) => [...rib.adjRibOut(index, family)]);
    const accepted = paths.filter((p) => p.peer === index && p.ineligible === undefined);
    tables.set(`pre-policy ${peer}`, entriesOf(received, hasPaths));
    tables.set(`post-policy ${peer}`, entriesOf(accepted, hasPaths));
    tables.set(`adj-rib-out ${peer}`, entriesOf(sent, hasPaths));
  }
  return tables;
}

const pageOfAll = { routeCountMax: 1_000_000 };

/** The station knows what the RIB shows, in those views. */
function isEqual(station: Station, bed: Bed, views = bmpViews): boolean {
  if (station.problem !== undefined) throw station.problem;
  for (const [name, wanted] of tablesOf(bed.speaker.rib, bed)) {
    if (!views.some((view) => name.startsWith(view))) continue;
    const known = [...(station.tables.get(name) ?? [])].sort();
    if (JSON.stringify(known) !== JSON.stringify(wanted)) return false;
  }
  return true;
}

test("a station learns peers, the Loc-RIB and routes, those of before it came and of after", async () => {
  await using bed = await Bed.start();
  const station = await bed.station();
  const [peer] = bed.peers;
  const { speaker } = bed;
  const count = 3000;
  const half = count / 2;
  const announce = (i: number): void =>
    peer.announce(parsePrefix(`20.${i >> 8}.${i & 0xff}.0/24`), { med: i % 7 });
  for (let i = 0; i < half; i += 1) announce(i);
  peer.announce(parsePrefix("10.9.1.0/24"));
  const held = (): number => speaker.rib.prefixCount("ipv4-unicast");
  await until("the first half", () => held() === half + 1);
  const exporter = bed.exporter({ ...all, port: station.port, statisticsMs: 200 });
  for (let i = half; i < count; i += 1) announce(i);
  speaker.announce(parsePrefix("172.20.0.0/16"));
  speaker.announce(parsePrefix("2001:db8:1::/48"));
  await until("all of it", () => held() === count + 2 && isEqual(station, bed));
  const first = formatIp(remotes[0]);
  assert.deepEqual(
    ["pre-policy", "post-policy"].map((view) => station.tables.get(`${view} ${first}`)?.size),
    [count + 1, count],
  );
  assert.equal(station.tables.get(`loc-rib ${locRibPeer}`)?.size, count + 2);
  assert.equal(station.tables.get(`adj-rib-out ${addPathPeer}`)?.size, count + 2);
  const [initiation, locRibUp] = station.messages;
  assert.equal(initiation?.kind, "initiation");
  assertLocRibUp(locRibUp);
  const ups = station.of("peer-up").filter(({ peer: { type } }) => type === 0);
  assert.deepEqual(
    ups.map(({ peer: { address, asn }, localAddress }) => [address, asn, localAddress]),
    [
      [remotes[0], 65002, centre],
      [remotes[1], 65003, centre],
    ],
  );
  await until("each table is told to be complete once", () => {
    const views = [`loc-rib ${locRibPeer}`];
    for (const remote of remotes) {
      for (const view of bmpViews)
        if (view !== "loc-rib") views.push(`${view} ${formatIp(remote)}`);
    }
    const wanted = views.flatMap((view) => families.map((family) => `${view} ${family}`));
    return JSON.stringify([...station.endOfRibs].sort()) === JSON.stringify(wanted.sort());
  });
  await assertStatistics(station, count);
  peer.shutdownPeer({ address: centre }, "bye");
  await until("the end of the peer", () => station.of("peer-down").length === 1);
  const down = station.of("peer-down")[0];
  assert.ok(down?.reason === 3 && down.data[18] === 3);
  peer.enablePeer({ address: centre });
  await until("the peer again", () => station.of("peer-up").length === 4);
  await until("its routes again", () => held() === count + 2 && isEqual(station, bed));
  await exporter[Symbol.asyncDispose]();
  await until("the termination", () => station.of("termination").length === 1);
});

/** RFC 9069 5.2. */
function assertLocRibUp(message: BmpMessage | undefined): void {
  assert.ok(message?.kind === "peer-up");
  const { peer, sentOpen, receivedOpen, information, localPort, remotePort } = message;
  assert.deepEqual(
    [peer.type, peer.address, peer.asn, peer.routerId, localPort, remotePort],
    [3, 0, 65001, parseIp4("192.0.2.1"), 0, 0],
  );
  assert.deepEqual(sentOpen, receivedOpen);
  const { capabilities } = decodeOpen(sentOpen.subarray(19));
  assert.deepEqual(
    capabilities.flatMap((c) => (c.kind === "multiprotocol" ? [`${c.afi}/${c.safi}`] : [])),
    ["1/1", "2/1", "1/128"],
  );
  assert.ok(capabilities.some(({ kind }) => kind === "four-octet-as"));
  assert.deepEqual(
    information.map(({ type, value }) => [type, new TextDecoder().decode(value)]),
    [[3, "global"]],
  );
}

async function assertStatistics(station: Station, count: number): Promise<void> {
  const gauges = (address: Ip, type: number): (readonly [number, bigint])[] => {
    const report = station
      .of("statistics-report")
      .findLast(({ peer }) => peer.address === address && peer.type === type);
    const statistics = report?.statistics ?? [];
    return statistics.filter(({ family }) => family === undefined).map((s) => [s.type, s.value]);
  };
  const n = BigInt(count);
  const wanted = [
    [7, n + 1n],
    [18, n + 1n],
    [20, n],
    [15, 2n],
  ] as const;
  const areAllIn = (): boolean =>
    gauges(remotes[0], 0).some(([type, value]) => type === 20 && value === n) &&
    gauges(parseIp(locRibPeer), 3).some(([, value]) => value === n + 2n);
  await until("statistics of all routes", areAllIn);
  assert.deepEqual(gauges(remotes[0], 0), wanted);
  assert.deepEqual(gauges(parseIp(locRibPeer), 3), [[8, n + 2n]]);
  const rejected = station
    .of("statistics-report")
    .findLast(({ peer: { address } }) => address === remotes[0])
    ?.statistics.filter(({ type }) => type === 22);
  assert.deepEqual(
    rejected?.map(({ family, value }) => [family?.afi, family?.safi, value]),
    [
      [1, 1, 1n],
      [2, 1, 0n],
      [1, 128, 0n],
    ],
  );
}

/** Announces and withdraws at random, in all families. */
function disturb(bed: Bed, rng: { uint32(): number }, steps: number): void {
  const rd = parseRouteDistinguisher("192.0.2.1:7");
  const below = (n: number): number => rng.uint32() % n;
  for (let step = 0; step < steps; step += 1) {
    const from = below(5) === 0 ? bed.speaker : (bed.peers[below(2)] ?? bed.speaker);
    const prefix = parsePrefix(`10.${below(12)}.${below(20)}.0/24`);
    const prefix6 = parsePrefix(`2001:db8:${below(50)}::/48`);
    const vpn = encodeVpnRoute({ rd, prefix, labels: [16 + below(3)] });
    const options = { med: below(4), communities: [below(3)] };
    const isWithdrawal = below(3) === 0;
    const family = below(3);
    if (family === 0) {
      if (isWithdrawal) from.withdraw(prefix);
      else from.announce(prefix, options);
    } else if (family === 1) {
      if (isWithdrawal) from.withdraw(prefix6);
      else from.announce(prefix6, options);
    } else if (isWithdrawal) from.withdrawRoute("ipv4-vpn", vpn.key);
    else {
      const nextHop = { nextHop: parseIp4("192.0.2.9") };
      from.announceRoute("ipv4-vpn", vpn.key, vpn.payload, { ...options, ...nextHop });
    }
  }
}

test("whatever happens, stations end with the tables that the RIB shows", async () => {
  await using bed = await Bed.start();
  const steady = await bed.station();
  const slow = await bed.station();
  const late = await bed.station();
  const rng = seededRng(20_261_121);
  const to = [steady, slow, late].map(({ port }) => ({ ...all, port }));
  const exporter = bed.exporter(...to.slice(0, 2));
  for (let round = 0; round < 12; round += 1) {
    slow.setReading(round % 3 !== 1);
    disturb(bed, rng, 400);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (round === 4) exporter.reconfigure(to);
    if (round % 4 === 2) bed.speaker.reconfigure(Bed.config(round === 2 ? acceptAll : preferring));
    if (round % 5 === 3) bed.peers[round % 2]?.resetPeer({ address: centre });
    const [state] = bed.speaker.peers().map((peer) => peer.state);
    if (state === "Established") bed.speaker.softResetOut({ address: remotes[0] });
  }
  slow.setReading(true);
  await until("all is quiet", () => {
    const { rib } = bed.speaker;
    return bed.speaker.peers().every(({ state }) => state === "Established") && !isBusy(rib, bed);
  });
  for (const [name, station] of Object.entries({ steady, slow, late })) {
    await until(`${name} knows the same`, () => isEqual(station, bed));
  }
  const sizes = [...tablesOf(bed.speaker.rib, bed).values()].map(({ length }) => length);
  assert.ok(Math.min(...sizes) > 100, `the tables are not small: ${sizes}`);
});

/** Peers still send: the centre does not hold what they originate. */
function isBusy(rib: RibReader, bed: Bed): boolean {
  return ([0, 1] as const).some((n) => {
    const origin = bed.peers[n].rib;
    return families.some((family) => {
      const own = origin.pathPage(family, {}, pageOfAll).routes.filter((p) => p.peer === undefined);
      const held = [...rib.adjRibIn(bed.index(n), family)];
      return (
        held.filter(({ attributes }) => attributes.asPath[0]?.asns.length === 1).length < own.length
      );
    });
  });
}

test("a station that does not read is cut off at 8 MiB or told less, and no other one notices", async () => {
  await using bed = await Bed.start();
  const { speaker } = bed;
  const [peer] = bed.peers;
  const mirroring = await bed.station();
  const following = await bed.station();
  const steady = await bed.station();
  for (const station of [mirroring, following]) station.setReading(false);
  const exporter = bed.exporter(
    { ...all, views: ["adj-rib-out"], port: mirroring.port },
    { ...all, views: ["pre-policy"], port: following.port },
    { ...all, port: steady.port },
  );
  await until("connected", () => exporter.status.every(({ connected }) => connected));
  const routeCount = 1300;
  const roundCount = 5;
  const lastPrefix = parsePrefix(`20.${(routeCount - 1) >> 8}.${(routeCount - 1) & 0xff}.0/24`);
  // More than three kilobytes each.
  const communities = Array.from({ length: 800 }, (_, i) => 0x10000 + i);
  for (let round = 0; round < roundCount; round += 1) {
    for (let i = 0; i < routeCount; i += 1) {
      const prefix = parsePrefix(`20.${i >> 8}.${i & 0xff}.0/24`);
      peer.announce(prefix, { med: round * routeCount + i, communities });
    }
    const last = (round + 1) * routeCount - 1;
    await until(
      "the round is over",
      () => speaker.rib.lookup(lastPrefix)[0]?.attributes.med === last,
    );
  }
  await until("cut off", () => (exporter.status[0]?.cutOffCount ?? 0) > 0);
  await until("the steady one knows all", () => isEqual(steady, bed));
  assert.deepEqual(
    [...speaker.peers().map(({ establishedCount }) => establishedCount), steady.connectionCount],
    [1, 1, 1],
    "no session and no other station suffered",
  );
  for (const station of [mirroring, following]) station.setReading(true);
  await until("told all again", () => isEqual(mirroring, bed, ["adj-rib-out"]));
  await until("told what is left", () => isEqual(following, bed, ["pre-policy"]));
  assert.deepEqual(
    exporter.status.map(({ cutOffCount }) => cutOffCount > 0),
    [true, false, false],
  );
  const toldCount = following.routeMonitoringCount;
  assert.ok(toldCount < (roundCount - 1) * routeCount, `${toldCount} messages, states left out`);
});

test("other stations and policies take effect without a word to the stations that stay", async () => {
  await using bed = await Bed.start();
  const [peer] = bed.peers;
  const [staying, changing, going, coming] = [
    ...[await bed.station(), await bed.station(), await bed.station(), await bed.station()],
  ] as [Station, Station, Station, Station];
  const stay = { ...all, port: staying.port };
  const exporter = bed.exporter({ ...all, views: ["pre-policy"], port: changing.port }, stay, {
    ...all,
    port: going.port,
  });
  peer.announce(parsePrefix("10.9.1.0/24"));
  await until("both know", () => isEqual(staying, bed) && isEqual(changing, bed, ["pre-policy"]));
  assert.equal(staying.tables.get(`post-policy ${formatIp(remotes[0])}`)?.size ?? 0, 0);
  bed.speaker.reconfigure(Bed.config(acceptAll));
  await until("accepted now", () => {
    const accepted = staying.tables.get(`post-policy ${formatIp(remotes[0])}`)?.size;
    return accepted === 1 && isEqual(staying, bed);
  });
  exporter.reconfigure([
    { ...all, port: coming.port },
    { ...stay },
    { ...all, views: ["post-policy"], port: changing.port },
  ]);
  await until(
    "the others know",
    () => isEqual(coming, bed) && isEqual(changing, bed, ["post-policy"]),
  );
  await until("told of the end", () => going.of("termination").length === 1);
  assert.deepEqual(
    [staying, changing, going, coming].map(({ connectionCount }) => connectionCount),
    [1, 2, 1, 1],
  );
  assert.deepEqual(
    [staying, changing].map((station) => station.of("termination").length),
    [0, 1],
  );
  assert.deepEqual(
    exporter.status.map(({ port }) => port),
    [...[coming.port, staying.port, changing.port]],
  );
});
