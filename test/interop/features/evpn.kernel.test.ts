/** RFC 7432, 8365, 9135, 9136: the five route types through the control plane. */
import assert from "node:assert/strict";
import type { EvpnRoute } from "@heddle/bgp";
import {
  parseEsi,
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
} from "@heddle/inet";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, keyedPaths, requireKeyed } from "../harness/keyed-routes.ts";
import { only } from "../harness/only.ts";
import { establishedPair, reflectedPair } from "../harness/pair.ts";

const asn = 65000;
const families = ["evpn"] as const;
const rd = parseRouteDistinguisher("65000:1");
const segment = parseEsi("00:11:22:33:44:55:66:77:88:99");
const noSegment = parseEsi("00:00:00:00:00:00:00:00:00:00");
const mac = parseMac("02:aa:00:00:00:01");
const encap = ["rt:65000:9", "encap:8"];

/** One of each type, its text, and its extended communities. */
const routes: readonly (readonly [EvpnRoute, string, readonly string[]])[] = [
  [
    { kind: "ethernet-auto-discovery", rd, esi: segment, ethernetTag: 0, label: 100 },
    "65000:1 [1]:[0]:[00:11:22:33:44:55:66:77:88:99] label 100",
    [...encap, "esi-label:0"],
  ],
  [
    {
      ...{ kind: "mac-ip", rd, ethernetTag: 0, mac, ip: parseIp("10.5.0.1") },
      ...{ esi: noSegment, label: 100, label2: 200 },
    },
    "65000:1 [2]:[0]:[48]:[02:aa:00:00:00:01]:[32]:[10.5.0.1]" +
      " esi 00:00:00:00:00:00:00:00:00:00 label 100/200",
    [...encap, "router-mac:02:00:00:00:00:01", "mac-mobility:sticky:3"],
  ],
  [
    { kind: "inclusive-multicast", rd, ethernetTag: 0, originator: parseIp4("10.9.0.1") },
    "65000:1 [3]:[0]:[32]:[10.9.0.1]",
    encap,
  ],
  [
    { kind: "ethernet-segment", rd, esi: segment, originator: parseIp4("10.9.0.1") },
    "65000:1 [4]:[00:11:22:33:44:55:66:77:88:99]:[32]:[10.9.0.1]",
    ["es-import:11:22:33:44:55:66"],
  ],
  [
    {
      ...{ kind: "ip-prefix", rd, ethernetTag: 0, prefix: parsePrefix("fd06::/48") },
      ...{ esi: noSegment, gateway: parseIp("::"), label: 300 },
    },
    "65000:1 [5]:[0]:[48]:[fd06::] esi 00:00:00:00:00:00:00:00:00:00 gateway :: label 300",
    [...encap, "router-mac:02:00:00:00:00:01"],
  ],
];

feature(
  "7432/9136 EVPN types 1-5, reflected by them",
  { bird: "has none", exabgp: "keeps no table; another row has what it decodes" },
  async (bed) => {
    const { us } = bed;
    const { speaker, client: receiver } = await reflectedPair(bed, asn, families);
    const tunnelId = Uint8Array.from([10, 9, 0, 1]);
    const pmsiTunnel = { flags: 0, tunnelType: 6, label: 100, tunnelId };
    for (const [route, , extended] of routes) {
      const more = route.kind === "inclusive-multicast" ? { pmsiTunnel } : {};
      announceKeyed(speaker, "evpn", route, extended, more);
    }
    for (const [route, sent, extended] of routes) {
      // FRR 8.4 forgets the label of an Ethernet auto-discovery route that it passes on.
      const text = bed.daemonName === "frr" ? sent.replace(/99\] label 100/, "99] label 0") : sent;
      await eventually(`${text} reflected`, () => {
        const path = requireKeyed(receiver, "evpn", text);
        assert.deepEqual(only(path, "extendedCommunities", "originatorId", "nextHop"), {
          extendedCommunities: [...extended].sort(),
          ...{ originatorId: us.ip4, nextHop: us.ip4 },
        });
        if (route.kind !== "inclusive-multicast") return;
        const [found] = receiver.rib.keyedRoutes({ family: "evpn" }).filter((r) => r.text === text);
        assert.deepEqual(found?.attributes.pmsiTunnel, pmsiTunnel);
      });
    }
  },
);

feature(
  "7432/9136 EVPN types 1-5, decoded by them",
  {
    ...{ frr: "the row of the reflected ones says more", gobgp: "as FRR", heddle: "as FRR" },
    bird: "has none",
  },
  async (bed) => {
    const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
    for (const [route, , extended] of routes) announceKeyed(speaker, "evpn", route, extended);
    assert.ok(daemon instanceof Exabgp);
    await eventually("all five there", () => {
      const heard = daemon
        .events()
        .flatMap(({ neighbor }) =>
          Object.values(neighbor?.message?.update?.announce?.["l2vpn evpn"] ?? {}).flat(),
        )
        .map(({ code, rd: shown, mac: address, esi, ip, iplen }) =>
          [code, shown, address, esi, ip, iplen].filter((field) => field !== undefined).join(" "),
        );
      assert.deepEqual(heard.sort(), [
        "1 65000:1 00:11:22:33:44:55:66:77:88:99",
        "2 65000:1 02:AA:00:00:00:01 - 10.5.0.1",
        "3 65000:1 10.9.0.1",
        "4 65000:1 00:11:22:33:44:55:66:77:88:99 10.9.0.1",
        "5 65000:1 - fd06:: 48",
      ]);
    });
  },
);

feature(
  "7432/9136 EVPN types 1-5, theirs",
  {
    frr: "originates from the kernel; see the data plane",
    bird: "has none",
    exabgp: "its interface for announcements has no EVPN",
    heddle: "the row of the reflected ones says it",
  },
  async (bed) => {
    const { them } = bed;
    const { daemon, speaker } = await establishedPair(bed, { ourPeer: { families } });
    assert.ok(daemon instanceof Gobgp);
    const add = (...words: string[]): Promise<string> =>
      daemon.run("global", "rib", "add", "-a", "evpn", ...words, "nexthop", them.ip4);
    const target = ["rd", "65002:1", "rt", "65002:9", "encap", "vxlan"];
    const esi = ["esi", "ARBITRARY", "11:22:33:44:55:66:77:88:99"];
    await add("a-d", ...esi, "etag", "0", "label", "100", ...target);
    const macRoute = ["macadv", "02:bb:00:00:00:01", "10.5.0.2", "etag", "0", "label", "100"];
    await add(...macRoute, ...target);
    await add("multicast", them.ip4, "etag", "0", ...target);
    await add("esi", them.ip4, ...esi, "rd", "65002:1", "rt", "65002:9");
    const prefixRoute = ["prefix", "10.7.0.0/16", "etag", "0", "gw", "10.5.0.9", "label", "300"];
    await add(...prefixRoute, ...target);
    await eventually("all five here", () => {
      assert.deepEqual([...keyedPaths(speaker, "evpn").keys()].sort(), [
        "65002:1 [1]:[0]:[00:11:22:33:44:55:66:77:88:99] label 100",
        "65002:1 [2]:[0]:[48]:[02:bb:00:00:00:01]:[32]:[10.5.0.2]" +
          " esi 00:00:00:00:00:00:00:00:00:00 label 100",
        `65002:1 [3]:[0]:[32]:[${them.ip4}]`,
        `65002:1 [4]:[00:11:22:33:44:55:66:77:88:99]:[32]:[${them.ip4}]`,
        "65002:1 [5]:[0]:[16]:[10.7.0.0]" +
          " esi 00:00:00:00:00:00:00:00:00:00 gateway 10.5.0.9 label 300",
      ]);
    });
    for (const { text, extendedCommunities, nextHop } of keyedPaths(speaker, "evpn").values()) {
      assert.ok(extendedCommunities.includes("rt:65002:9"), `${text}: ${extendedCommunities}`);
      assert.equal(nextHop, them.ip4, text);
    }
  },
);
