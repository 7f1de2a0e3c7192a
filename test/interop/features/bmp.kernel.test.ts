/** RFC 7854: what a daemon reports to a collector of ours. */
import assert from "node:assert/strict";
import { type BmpMessage, bmpPeerTypes, decodeOpen, headerLength } from "@heddle/bgp";
import { formatIp, parsePrefix } from "@heddle/inet";
import type { DaemonName } from "../daemon.ts";
import { Frr } from "../frr/frr.ts";
import { BmpCollector } from "../harness/bmp-collector.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { communityOf, pathOf } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";

const port = 5000;
const noStation = {
  bird: "has none",
  exabgp: "has none",
  heddle: "reports from the namespace of its process, see packages/speaker/src/bmp",
};

/** FRR keeps the OPENs only of sessions that come up when it has a station already. */
const stations: Partial<Record<DaemonName, (address: string) => string[]>> = {
  frr: (address) => [
    "router bgp 65002",
    " bmp targets collector",
    "  bmp stats interval 1000",
    "  bmp monitor ipv4 unicast post-policy",
    `  bmp connect ${address} port ${port} min-retry 100 max-retry 500`,
    " exit",
    "exit",
  ],
  gobgp: (address) => gobgpStation(address, "pre-policy"),
};

function gobgpStation(address: string, policy: "pre-policy" | "local-rib"): string[] {
  return [
    "[[bmp-servers]]",
    "[bmp-servers.config]",
    `address = "${address}"`,
    `port = ${port}`,
    `route-monitoring-policy = "${policy}"`,
  ];
}

feature("7854 BMP, theirs: sessions, routes, statistics", noStation, async (bed) => {
  const { us } = bed;
  const collector = bed.use(BmpCollector.listen(us, port));
  const more = stations[bed.daemonName]?.(us.ip4) ?? [];
  const { daemon, speaker } = await establishedPair(bed, { theirs: { more: more.join("\n") } });
  speaker.announce(parsePrefix("10.1.0.0/16"), {
    med: 12,
    communities: [communityOf("65001:5")],
  });
  // FRR 8.4 writes its own AS into the path of a route that it received.
  const asPath = daemon instanceof Frr ? "65002 65001" : "65001";
  await eventually("our route in a Route Monitoring message", () => {
    if (collector.problem !== undefined) throw collector.problem;
    const found = collector.routes.find(({ prefix }) => prefix === "10.1.0.0/16");
    if (found === undefined) throw new Error(`messages: ${kindsOf(collector)}`);
    assert.deepEqual([formatIp(found.peer.address), found.peer.asn], [us.ip4, 65001]);
    assert.deepEqual(only(pathOf(found.attributes, false), "asPath", "med", "communities"), {
      ...{ asPath, med: 12, communities: ["65001:5"] },
    });
  });
  // Initiation comes first, and a Peer Up before the routes (RFC 7854 4.3, 4.10).
  const kinds = kindsOf(collector);
  assert.equal(kinds[0], "initiation");
  assert.ok(kinds.indexOf("peer-up") < kinds.indexOf("route-monitoring"));
  const { sentOpen, receivedOpen } = messageOf(collector, "peer-up");
  assert.deepEqual([sentOpen, receivedOpen].map(asnOf), [65002, 65001]);
  if (daemon instanceof Frr) {
    await eventually("statistics", () => messageOf(collector, "statistics-report"));
    assert.equal(messageOf(collector, "statistics-report").peer.asn, 65001);
  }
  await daemon.shutdownPeer(us.ip4, "enough");
  await eventually("Peer Down", () => {
    if (collector.problem !== undefined) throw collector.problem;
    assert.equal(formatIp(messageOf(collector, "peer-down").peer.address), us.ip4);
  });
});

const noLocRib = {
  ...noStation,
  frr: "none of its Loc-RIB in FRR 8.4",
};

feature("9069 BMP of the Loc-RIB, theirs", noLocRib, async (bed) => {
  const { us } = bed;
  const collector = bed.use(BmpCollector.listen(us, port));
  const more = gobgpStation(us.ip4, "local-rib").join("\n");
  const { speaker } = await establishedPair(bed, { theirs: { more } });
  speaker.announce(parsePrefix("10.1.0.0/16"), { med: 12 });
  await eventually("our route as one of the Loc-RIB", () => {
    if (collector.problem !== undefined) throw collector.problem;
    const found = collector.routes.find(({ prefix }) => prefix === "10.1.0.0/16");
    if (found === undefined) throw new Error(`messages: ${kindsOf(collector)}`);
    assert.equal(found.peer.type, bmpPeerTypes.locRib);
    assert.deepEqual(only(pathOf(found.attributes, false), "asPath", "med"), {
      ...{ asPath: "65001", med: 12 },
    });
  });
});

const kindsOf = ({ messages }: BmpCollector): string[] => messages.map(({ kind }) => kind);

/** The first of the kind. */
function messageOf<K extends BmpMessage["kind"]>(
  { messages }: BmpCollector,
  kind: K,
): Extract<BmpMessage, { readonly kind: K }> {
  const is = (message: BmpMessage): message is Extract<BmpMessage, { readonly kind: K }> =>
    message.kind === kind;
  const found = messages.find(is);
  if (found === undefined) throw new Error(`no ${kind} in ${messages.map((m) => m.kind)}`);
  return found;
}

const asnOf = (open: Uint8Array): number => decodeOpen(open.subarray(headerLength)).asn;
