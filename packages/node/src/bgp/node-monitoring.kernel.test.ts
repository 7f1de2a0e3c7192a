/** A station on the loopback that watches the speakers of a node. */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { bgpConfigurationKind, defaulted, type MonitoringStation, type Node } from "@heddle/api";
import { BmpFramer, type BmpMessage, bmpInformationTypes, decodeBmp } from "@heddle/bgp";
import { formatIp, parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { noFib, type SpeakerConfig } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { stationConfigOf } from "./node-monitoring.ts";
import { NodeSpeaker } from "./node-speaker.ts";
import { planNodeBgp } from "./plan-node-bgp.ts";

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

class Station implements AsyncDisposable {
  readonly messages: BmpMessage[] = [];
  connectionCount = 0;
  readonly #sockets: Socket[] = [];
  readonly #server: Server = createServer((socket) => {
    this.connectionCount += 1;
    this.#sockets.push(socket);
    const framer = new BmpFramer();
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Uint8Array) => {
      framer.push(chunk, (message) => this.messages.push(decodeBmp(message)));
    });
  });

  static async start(): Promise<Station> {
    const station = new Station();
    await new Promise<void>((resolve) => station.#server.listen(0, "127.0.0.1", resolve));
    return station;
  }

  /** As the API has it, with its defaults. */
  object(views?: MonitoringStation["views"]): MonitoringStation {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const station = { address: "127.0.0.1", port, ...(views === undefined ? {} : { views }) };
    const { spec } = defaulted(bgpConfigurationKind, {
      ...{ apiVersion: "heddle.io/v1alpha1", kind: "BGPConfiguration" },
      ...{ metadata: { name: "default" }, spec: { asn: 65203, monitoringStations: [station] } },
    });
    return spec.monitoringStations?.[0] ?? assert.fail("the station is kept");
  }

  of<Kind extends BmpMessage["kind"]>(kind: Kind): Extract<BmpMessage, { kind: Kind }>[] {
    return this.messages.filter(
      (message): message is Extract<BmpMessage, { kind: Kind }> => message.kind === kind,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function configOf(routerId: string): SpeakerConfig {
  return {
    ...{ asn: parseAsn(65203), routerId: parseIp4(routerId), families: ["ipv4-unicast"] },
    ...{ listen: [], peers: [] },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
  };
}

test("stationConfigOf() names views and times as the speaker does", async () => {
  await using station = await Station.start();
  const { port, ...plain } = stationConfigOf(station.object());
  assert.equal(port, station.object().port);
  assert.deepEqual(plain, { host: "127.0.0.1", views: ["pre-policy"], statisticsMs: 60_000 });
  const all = station.object(["PrePolicy", "PostPolicy", "LocRib", "AdjRibOut"]);
  assert.deepEqual(stationConfigOf(all).views, [
    ...["pre-policy", "post-policy", "loc-rib", "adj-rib-out"],
  ]);
});

test("a node plans the stations of the configuration that selects it", async () => {
  await using station = await Station.start();
  const monitoringStations = [station.object(["AdjRibOut"])];
  const node: Node = {
    ...{ apiVersion: "v1", kind: "Node", metadata: { name: "node1" }, spec: {} },
    status: { addresses: [{ type: "InternalIP", address: "192.0.2.2" }] },
  };
  const configuration = (name: string, spec: object) =>
    defaulted(bgpConfigurationKind, {
      ...{ apiVersion: "heddle.io/v1alpha1", kind: "BGPConfiguration", metadata: { name } },
      spec: { asn: 65203, ...spec },
    });
  const topology = { node, links: [], fabrics: [], peers: [], vpcs: [] };
  const stationsOf = (...configurations: ReturnType<typeof configuration>[]) =>
    planNodeBgp({ ...topology, configurations }).bgp?.monitoringStations;
  const all = configuration("z", { monitoringStations });
  const none = configuration("a", {});
  assert.deepEqual(stationsOf(all), monitoringStations);
  assert.deepEqual(stationsOf(all, none), [], "the first by name counts");
});

test("stations follow the node's speakers, and change without one that stays noticing", async () => {
  await using station = await Station.start();
  await using other = await Station.start();
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  const { monitoring } = node;
  const identity = { sysName: "node1", sysDescr: "heddle-agent test" };
  monitoring.setStations([station.object(["LocRib"])], identity);
  assert.deepEqual(monitoring.status, [], "nobody to watch");
  await node.configure(configOf("192.0.2.2"));
  node.announce(parsePrefix("10.244.0.0/26"));
  const routes = (of: Station) =>
    of.of("route-monitoring").filter(({ update }) => update.length > 23);
  await until("the route at the station", () => routes(station).length === 1);
  const [initiation] = station.of("initiation");
  assert.deepEqual(
    initiation?.information.map(({ type, value }) => [type, new TextDecoder().decode(value)]),
    [
      [bmpInformationTypes.sysDescr, "heddle-agent test"],
      [bmpInformationTypes.sysName, "node1"],
    ],
  );
  monitoring.setStations([station.object(["LocRib"]), other.object(["LocRib"])], identity);
  await until("the route at the other one", () => routes(other).length === 1);
  assert.deepEqual(
    monitoring.status.map(({ connected }) => connected),
    [true, true],
  );
  assert.equal(station.connectionCount, 1);
  await node.configure(configOf("192.0.2.3"));
  await until("the next speaker", () => routes(station).length === 2 && routes(other).length === 2);
  assert.deepEqual(
    station.of("peer-up").map(({ peer: { routerId } }) => formatIp(routerId)),
    ["192.0.2.2", "192.0.2.3"],
  );
  assert.deepEqual([station.connectionCount, station.of("termination").length], [2, 1]);
  monitoring.setStations([], identity);
  await until("no station any more", () => other.of("termination").length === 2);
  assert.deepEqual(monitoring.status, []);
});
