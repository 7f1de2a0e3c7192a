import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "@heddle/config";
import { formatIp, parseIfindex } from "@heddle/inet";
import type { SpeakerConfig } from "@heddle/speaker";
import type { RouteServerConfig } from "./config.ts";
import { formatConfig } from "./format-config.ts";
import { parseConfig as parseWith } from "./parse-config.ts";
import { speakerConfigOf } from "./speaker-config.ts";

function parseConfig(text: string): RouteServerConfig {
  return parseWith(text, (file) => assert.fail(`no ${file}`));
}

const head = `
name: rs
asn: 65000
routerId: 192.0.2.1
families: [ipv4, ipv6, ipv4-flowspec]
kubeconfig: k
tls: { certificate: c, key: k, authorities: a }
`;

const interfaces: Readonly<Record<string, number>> = { swp1: 7, eth0: 2 };

function speakerConfig(text: string): SpeakerConfig {
  return speakerConfigOf(parseConfig(`${head}${text}`), {
    tls: { certificate: "c", key: "k", authorities: "a" },
    passwordIn: (file) => (file === "empty" ? "" : `word of ${file}`),
    ifindexOf: (name) => {
      const found = interfaces[name];
      return found === undefined ? undefined : parseIfindex(found);
    },
    ownership: { mayAnnounce: () => true },
    formerPeers: [],
  });
}

test("everything that a session may say", () => {
  const { peers } = speakerConfig(`
templates:
  one: { passwordFile: pw, holdTimeSeconds: 30, keepaliveSeconds: 10, ttlSecurity: true }
peers:
  - address: fe80::1
    interface: eth0
    template: one
    asn: 65001
    otherAsns: [65002, 65010-65020]
    port: 1790
    passive: true
    enabled: false
    families: [ipv6, ipv4]
    localAddress: fe80::2
    nextHop4: 192.0.2.1
    nextHop6: "2001:db8::1"
    nextHopSelf: true
    extendedNextHop: true
    addPath: { send: true, receive: true, families: [ipv6], pathCountMax: 4 }
    delayOpenSeconds: 5
    gracefulRestart: false
    ttlSecurity: false
    bfd: { txIntervalMs: 100, rxIntervalMs: 200, detectMultiplier: 5, strict: true, hopCountMax: 2 }
    prefixCountMax: 10
    prefixWarningPercent: 80
    prefixRestartSeconds: never
    collisionDetectEstablished: true
    routeServerClient: true
    role: rs
    strictRole: true
    aigp: true
    aigpMetric: 5
    flowSpecValidation: false
    import: all
    export: none
`);
  const [peer] = peers;
  const { address, localAddress, nextHop6, importPolicy, exportPolicy, ...rest } =
    peer ?? assert.fail("a peer");
  assert.deepEqual(
    [address, localAddress ?? 0n, nextHop6 ?? 0n].map((each) => formatIp(each as typeof address)),
    ["fe80::1", "fe80::2", "2001:db8::1"],
  );
  assert.deepEqual([importPolicy?.name, exportPolicy?.name], ["accept-all", "reject-all"]);
  assert.deepEqual(rest, {
    ...{ asn: 65001, kind: "fabric", families: ["ipv6-unicast", "ipv4-unicast"], ifindex: 2 },
    otherAsns: [
      { first: 65002, last: 65002 },
      { first: 65010, last: 65020 },
    ],
    ...{ port: 1790, passive: true, automaticStart: false, nextHop4: 0xc0000201 },
    ...{ nextHopSelf: true, extendedNextHop: true, addPathSendMax: 4, delayOpenMs: 5000 },
    addPath: [{ family: "ipv6-unicast", receive: true, send: true }],
    ...{ holdTimeMs: 30_000, keepaliveMs: 10_000, gracefulRestart: false, ttlSecurity: false },
    bfd: {
      ...{ txIntervalMs: 100, rxIntervalMs: 200, detectMultiplier: 5, strict: true },
      hopCountMax: 2,
    },
    ...{ prefixCountMax: 10, prefixWarningPercent: 80, prefixRestartMs: "never" },
    ...{ collisionDetectEstablished: true, routeServerClient: true, role: "rs", strictRole: true },
    ...{ aigp: true, aigpMetric: 5, flowSpecValidation: false, md5: "word of pw" },
  });
});

test("ranges, agents, links and members of a confederation", () => {
  const config = speakerConfig(`
confederation: { identifier: 64512 }
listen: [{ address: "::", tls: true }]
agents:
  - { name: nodes, prefix: 10.0.0.0/24, identity: { by: certificate, suffix: .x }, bfd: true }
dynamicPeers:
  - { name: others, prefix: 10.1.0.0/24, peerCountMax: 5, idleSeconds: 60, otherAsns: external,
      tls: true, import: default-only }
unnumberedPeers:
  - { interface: swp1, otherAsns: external, advertisementIntervalSeconds: 5 }
  - { interface: swp9, otherAsns: external }
peers:
  - { address: 192.0.2.2, asn: 65000, reflectorClient: true }
  - { address: 192.0.2.3, asn: 65003, confederationMember: true, export: all }
`);
  const [nodes, others] = config.dynamicPeers ?? [];
  assert.deepEqual(
    [nodes?.template.kind, nodes?.template.reflectorClient, nodes?.template.ownRoutesOnly],
    ["reflector", true, true],
  );
  assert.deepEqual([nodes?.template.tls, nodes?.template.bfd, nodes?.peerCountMax], [{}, {}, 1000]);
  assert.equal(nodes?.template.importPolicy, undefined);
  assert.deepEqual(
    [others?.template.asn, others?.template.otherAsns, others?.idleTimeMs, others?.template.tls],
    [23_456, "external", 60_000, {}],
  );
  assert.equal(others?.template.exportPolicy?.otherwise, "reject");
  // The interface that is not there waits; of the other one IPv4 needs IPv6 next hops.
  assert.deepEqual(
    config.unnumberedPeers?.map(({ name, ifindex, template, advertisementIntervalMs }) => [
      ...[name, ifindex, template.extendedNextHop, advertisementIntervalMs],
    ]),
    [["swp1", 7, true, 5000]],
  );
  const [inside, member] = config.peers;
  assert.deepEqual([inside?.kind, inside?.importPolicy], ["reflector", undefined]);
  assert.deepEqual([member?.kind, member?.exportPolicy?.terms], ["fabric", []]);
  assert.deepEqual(config.confederation, { identifier: 64_512 });
});

test("what is of the process as a whole", () => {
  const config = speakerConfig(`
gracefulRestart:
  restartSeconds: 60
  deferralSeconds: 5
  staleSeconds: 90
  longLived: { families: [ipv4-flowspec], staleSeconds: 3600 }
  longLivedSecondsMax: 7200
  longLivedPartial: true
timers: { connectRetrySeconds: 3, membershipWaitSeconds: 9 }
multipath: { ebgpCountMax: 4, relaxAsPath: true }
`);
  assert.deepEqual(config.gracefulRestart, {
    ...{ restartTimeMs: 60_000, deferralMs: 5000, staleTimeMs: 90_000, restarting: true },
    formerPeers: [],
    longLived: [{ family: "ipv4-flowspec", staleTimeMs: 3_600_000 }],
    ...{ longLivedTimeMsMax: 7_200_000, longLivedPartial: true },
  });
  assert.deepEqual(config.timers, { connectRetryMs: 3000, membershipWaitMs: 9000 });
  assert.deepEqual(config.multipath, { ebgpCountMax: 4, ibgpCountMax: 1, relaxAsPath: true });
  assert.deepEqual([config.forwarding, config.hostname], [false, "rs"]);
  const router = speakerConfig("gracefulRestart: false\nkernelRoutes: {}\n");
  assert.deepEqual(
    [router.forwarding, router.gracefulRestart, router.multipath.ebgpCountMax],
    [true, undefined, 64],
  );
});

test("next hops: a router puts its own, a route server leaves them", () => {
  const peer = "peers: [{ address: 192.0.2.2, asn: 65001, export: all }]\n";
  const termsOf = (text: string): (string | undefined)[] =>
    (speakerConfig(text).peers[0]?.exportPolicy?.terms ?? []).map(({ name }) => name);
  assert.deepEqual(termsOf(peer), ["keep-next-hop"]);
  assert.deepEqual(termsOf(`${peer}kernelRoutes: {}\n`), []);
  assert.deepEqual(termsOf(peer.replace("export:", "nextHopSelf: true, export:")), []);
  assert.deepEqual(termsOf(peer.replace("export:", "routeServerClient: true, export:")), []);
});

const refusals: readonly (readonly [string, RegExp])[] = [
  [
    "peers: [{ address: 192.0.2.9, asn: 65001, bfd: true }]",
    /^Cannot read peers\[0\] \(line 8\): peer 192\.0\.2\.9: bfd without localAddress, want both$/,
  ],
  [
    "peers: [{ address: 192.0.2.9, asn: 65000, routeServerClient: true }]",
    /^Cannot read peers\[0\] \(line 8\): .*routeServerClient in our AS, want one in another$/,
  ],
  [
    "peers: [{ address: 192.0.2.9, asn: 1, passwordFile: empty }]",
    /^Cannot read peers\[0\] \(line 8\): no password in empty, want one$/,
  ],
  [
    "peers: [{ address: 192.0.2.9, asn: 1 }, { address: 192.0.2.9, asn: 2 }]",
    /^Cannot read the configuration: peer 192\.0\.2\.9 twice, want it once$/,
  ],
  [
    "listen: [{ address: '::' }]\ndynamicPeers:\n  - { name: a, prefix: 10.0.0.0/8, peerCountMax: 1, asn: 1, otherAsns: [65000] }",
    /^Cannot read dynamicPeers\[0\] \(line 10\): .*otherAsns 65000 to 65000, want a range without/,
  ],
];

for (const [text, message] of refusals) {
  test(`speakerConfigOf() refuses ${text}`, () => {
    assert.throws(
      () => speakerConfig(text),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("formatConfig() shows defaults, and no password", () => {
  const text = formatConfig(
    parseConfig(`${head}peers: [{ address: 192.0.2.2, asn: 65001, passwordFile: /secret }]
originate: [{ prefix: 10.0.0.0/8, nextHop: 192.0.2.9, aigp: 7, extendedCommunities: ["rt:1:2"] }]
`),
  );
  for (const line of [
    "  holdTimeMs: 9000",
    "  passwordFile: /secret",
    "  restartTimeMs: 120000",
    "    nextHop: 192.0.2.9",
    '    aigp: "7"',
    "      - rt:1:2",
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
  }
});
