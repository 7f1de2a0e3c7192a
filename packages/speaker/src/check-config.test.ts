import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptAll, type Policy } from "@heddle/bgp";
import { parseAsn, parseIfindex, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { checkConfig } from "./check-config.ts";
import type { PeerConfig, PeerTemplate, SpeakerConfig } from "./config.ts";
import { SpeakerError } from "./errors.ts";

const template: PeerTemplate = {
  ...{ asn: parseAsn(65001), kind: "fabric", families: ["ipv4-unicast"] },
};
const peer: PeerConfig = { ...template, address: parseIp("10.0.0.1") };
const base: SpeakerConfig = {
  asn: parseAsn(65000),
  routerId: parseIp4("10.0.0.9"),
  families: ["ipv4-unicast", "ipv6-unicast"],
  listen: [],
  peers: [peer],
  multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
};
const range = { name: "r", prefix: parsePrefix("10.1.0.0/16"), template, peerCountMax: 10 };
const link = { name: "eth1", ifindex: parseIfindex(3), template };
const badPolicy: Policy = {
  name: "bad",
  terms: [{ match: { evpnRouteTypes: [300] }, verdict: "reject" }],
  otherwise: "accept",
};
const graceful = { restartTimeMs: 1000, restarting: false, deferralMs: 1, staleTimeMs: 1 };

test("checkConfig() takes what is right", () => {
  const confederation = { identifier: parseAsn(64999) };
  const member = { ...peer, confederationMember: true };
  const good: readonly SpeakerConfig[] = [
    base,
    { ...base, dynamicPeers: [range], unnumberedPeers: [link], hostname: "node1" },
    {
      ...base,
      dynamicPeers: [{ ...range, template: { ...template, bfd: { hopCountMax: 3 } } }],
      unnumberedPeers: [{ ...link, template: { ...template, bfd: {} } }],
    },
    { ...base, confederation, peers: [member] },
    { ...base, confederation, peers: [{ ...peer, asn: parseAsn(65000), kind: "reflector" }] },
    { ...base, peers: [{ ...peer, role: "customer", strictRole: true, routeServerClient: true }] },
    { ...base, peers: [{ ...peer, prefixCountMax: 9, prefixRestartMs: "never" }] },
  ];
  for (const config of good) assert.doesNotThrow(() => checkConfig(config));
});

const wrong: readonly (readonly [Partial<SpeakerConfig>, RegExp])[] = [
  [{ routerId: parseIp4("0.0.0.0") }, /routerId 0\.0\.0\.0, want an address/],
  [{ families: [] }, /families empty/],
  [{ hostname: "x".repeat(65) }, /hostname of 65 octets, want 1 to 64/],
  [{ confederation: { identifier: parseAsn(65000) } }, /confederation\.identifier 65000/],
  [{ peers: [peer, peer] }, /peer 10\.0\.0\.1 twice/],
  [{ gracefulRestart: { ...graceful, restartTimeMs: 1500 } }, /restartTimeMs 1500, want whole/],
  [
    {
      gracefulRestart: {
        ...graceful,
        longLived: [{ family: "ipv4-unicast", staleTimeMs: 2 ** 24 * 1000 }],
      },
    },
    /longLived ipv4-unicast: staleTimeMs 16777216000, want whole seconds below/,
  ],
  [{ gracefulRestart: { ...graceful, longLived: [{ family: "evpn", staleTimeMs: 0 }] } }, /evpn/],
  [{ listen: [{ address: parseIp("0.0.0.0"), port: 1, tls: true }] }, /listen with tls without/],
  [{ dynamicPeers: [range, range] }, /dynamic peers r twice/],
  [
    { dynamicPeers: [range, { ...range, name: "s", prefix: parsePrefix("10.1.2.0/24") }] },
    /dynamic peers s: prefix 10\.1\.2\.0\/24 overlaps 10\.1\.0\.0\/16/,
  ],
  [{ dynamicPeers: [{ ...range, peerCountMax: 0 }] }, /peerCountMax 0, want 1 to 10000/],
  [{ peers: [{ ...peer, bfd: {} }] }, /bfd without localAddress, want both/],
  [
    { dynamicPeers: [{ ...range, template: { ...template, bfd: { txIntervalMs: 5 } } }] },
    /dynamic peers r: bfd interval 5 ms, want 10 to 60000/,
  ],
  [
    { unnumberedPeers: [{ ...link, template: { ...template, bfd: { hopCountMax: 2 } } }] },
    /unnumbered peer eth1: bfd\.hopCountMax 2, want none/,
  ],
  [
    { peers: [{ ...peer, importPolicy: { ...acceptAll, name: "" } }] },
    /peer 10\.0\.0\.1: importPolicy: .*name is empty, want a text/,
  ],
  [
    { dynamicPeers: [{ ...range, template: { ...template, exportPolicy: badPolicy } }] },
    /dynamic peers r: exportPolicy: .*policy "bad": term 0, .*is 300/,
  ],
  [{ peers: [{ ...peer, aigpMetric: 0 }] }, /aigpMetric 0, want 1 to 4294967295/],
  [{ peers: [{ ...peer, aigp: false, aigpMetric: 5 }] }, /aigpMetric without aigp, want both/],
  [
    { peers: [{ ...peer, otherAsns: [{ first: parseAsn(64990), last: parseAsn(65010) }] }] },
    /otherAsns 64990 to 65010, want a range without our own 65000/,
  ],
  [{ unnumberedPeers: [link, link] }, /ifindex 3 twice/],
  [
    { unnumberedPeers: [{ ...link, template: { ...template, nextHop4: parseIp4("10.0.0.1") } }] },
    /unnumbered peer eth1: addresses, ifindex or heldDown given/,
  ],
  [{ unnumberedPeers: [{ ...link, advertisementIntervalMs: 1 }] }, /advertisementIntervalMs 1,/],
];
for (const [fields, why] of wrong) {
  test(`checkConfig() says ${why}`, () => {
    assert.throws(
      () => checkConfig({ ...base, ...fields }),
      (error) =>
        error instanceof SpeakerError && error.code === "config" && why.test(error.message),
    );
  });
}

test("RFC 9234 needs another AS, not one AS: a role goes with otherAsns", () => {
  checkConfig({ ...base, peers: [{ ...peer, otherAsns: "external", role: "peer" }] });
});
