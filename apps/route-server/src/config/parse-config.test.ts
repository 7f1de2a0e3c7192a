import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { formatPolicy } from "@heddle/bgp";
import { ConfigError } from "@heddle/config";
import { help } from "../help.ts";
import type { RouteServerConfig } from "./config.ts";
import { parseConfig as parseWith } from "./parse-config.ts";

function parseConfig(text: string): RouteServerConfig {
  return parseWith(text, (file) => assert.fail(`no ${file}`));
}

const root = path.resolve(import.meta.dirname, "../../../..");
const example = readFileSync(path.join(root, "examples/route-server.yaml"), "utf8");

const minimal = `
name: rs
asn: 65203
routerId: 192.0.2.1
kubeconfig: k
`;

test("parseConfig() reads the example", () => {
  const config = parseConfig(example);
  assert.deepEqual(
    [config.name, config.asn, config.families.length, config.listen.map(({ tls }) => tls)],
    ["rs1", 65203, 6, [true, false]],
  );
  const [group] = config.agents;
  assert.deepEqual(group?.identity, { kind: "certificate", suffix: ".agents.heddle" });
  const [peer] = config.peers;
  assert.equal(
    formatPolicy(peer?.template.exportPolicy ?? assert.fail("a policy")),
    `policy export
  term 0 keep-next-hop: any route: set next hop unchanged, continue
  term 1 listed: prefix 10.244.0.0/16 le 32: accept
  otherwise reject`,
  );
});

test("parseConfig() fills in what is not said", () => {
  const config = parseConfig(`${minimal}
listen: [{ address: "::" }]
agents: [{ name: a, prefix: 10.0.0.0/8, identity: { by: address } }]
peers: [{ address: 192.0.2.9, asn: 65001 }]
`);
  assert.deepEqual(config.listen, [{ address: 0n, port: 179, tls: false }]);
  assert.equal(config.families.length, 8);
  assert.deepEqual(config.gracefulRestart, {
    ...{ restartTimeMs: 120_000, deferralMs: 30_000, staleTimeMs: 180_000 },
  });
  const { importPolicy, exportPolicy } = config.peers[0]?.template ?? assert.fail("a peer");
  assert.deepEqual([importPolicy?.otherwise, exportPolicy?.otherwise], ["reject", "reject"]);
  assert.equal(config.agents[0]?.peerCountMax, 1000);
});

const refusals = [
  ["name: rs", /^Cannot read asn \(line 1\): missing, want a whole number from 1 to 4294967295/],
  [`${minimal}extra: 1`, /^Cannot read extra \(line 6\): unknown field, want one of name, asn/],
  [`${minimal}famlies: 1`, /^Cannot read famlies \(line 6\): unknown field, want families$/],
  [`${minimal}families: [ipv4, ipv4]`, /^Cannot read families \(line 6\): a family twice/],
  [`${minimal}families: [ipv5]`, /families\[0\] \(line 6\): "ipv5", want one of ipv4-unicast/],
  [`${minimal}listen: [{address: x}]`, /^Cannot read listen\[0\]\.address .*: Cannot parse IP/],
  [`${minimal}listen: [{address: 0.0.0.0, tls: true}]`, /listen\[0\]\.tls .*: true without tls/],
  [
    `${minimal}agents: [{name: a, prefix: 10.0.0.0/8, identity: {by: certificate}}]`,
    /^Cannot read agents\[0\]\.identity\.by \(line 6\): certificate without tls/,
  ],
  [
    "name: rs\nasn: 1\nrouterId: 192.0.2.1\n" +
      "listen: [{address: 0.0.0.0}]\nagents: [{name: a, prefix: 10.0.0.0/8, identity: {by: address}}]",
    /^Cannot read kubeconfig \(line 1\): missing, want it where there are agents/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, import: some}]`,
    /^Cannot read peers\[0\]\.import \(line 6\): "some", want one of all, none, default-only/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, export: [{prefix: 10.0.0.0/8, le: 7}]}]`,
    /^Cannot read peers\[0\]\.export\[0\]\.le .*: 7, want a whole number from 8 to 32/,
  ],
  [`${minimal}peers: [{address: 192.0.2.9}]`, /^Cannot read peers\[0\]\.asn .*: missing/],
  [
    `${minimal}peers: [{address: 192.0.2.9, template: a}]`,
    /^Cannot read peers\[0\]\.template .*: "a", want one of none/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, holdTimeSeconds: 2}]`,
    /holdTimeSeconds .*: 2, want 0, or from 3 to 65535/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, addPath: {}}]`,
    /addPath .*: neither send nor receive is true/,
  ],
  [
    `${minimal}originate: [{prefix: 10.0.0.0/8}, {prefix: 10.0.0.0/8}]`,
    /^Cannot read originate\[1\]\.prefix .*: 10\.0\.0\.0\/8 twice, want it once/,
  ],
  [
    `${minimal}originate: [{prefix: 10.0.0.0/8, communities: ["1:*"]}]`,
    /communities .*: a pattern or an AS over 65535, want whole communities only/,
  ],
  [
    `${minimal}listen: [{address: "::", port: 1}]
dynamicPeers: [{name: a, prefix: 10.0.0.0/8, peerCountMax: 1, asn: 1, tls: true}]
tls: {certificate: c, key: k, authorities: a}`,
    /^Cannot read listen \(line 6\): no address for a to connect to, want one with tls: true$/,
  ],
  [
    `${minimal}originate: [{prefix: 10.0.0.0/8, communities: ["0:peer"]}]`,
    /originate\[0\] .*: has a community of a peer, want none/,
  ],
  [`${minimal}bmp: [{host: a, port: 1}, {host: a, port: 1}]`, /bmp\[1\] .*: a port 1 twice/],
  [`${minimal}timers: {idleHoldMinSeconds: 60}`, /timers .*: idleHoldMinSeconds over idleHoldMax/],
  [
    `${minimal}gracefulRestart: {longLived: [{staleSeconds: 1}, {staleSeconds: 2}]}`,
    /longLived\[1\] .*: ipv4-unicast twice, want it once/,
  ],
  ["a: [", /^Cannot read the configuration: /],
  ["- 1", /^Cannot read the configuration: \[1\], want a mapping/],
] as const;

for (const [text, message] of refusals) {
  test(`parseConfig() refuses ${JSON.stringify(text.replace(minimal, ""))}`, () => {
    assert.throws(
      () => parseConfig(text),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("--help names every field", () => {
  const known = (text: string): string[] => {
    try {
      parseConfig(text);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return (/want one of (.*)$/.exec(error.message)?.[1] ?? "").split(", ");
    }
    return [];
  };
  const names = [
    ...known(`${minimal}x: 1`),
    ...known(`${minimal}peers: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}dynamicPeers: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}unnumberedPeers: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}agents: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}timers: { zzzzzz: 1 }`),
    ...known(`${minimal}gracefulRestart: { zzzzzz: 1 }`),
    ...known(`${minimal}originate: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}bmp: [{ zzzzzz: 1 }]`),
    ...known(`${minimal}sets: { zzzzzz: 1 }`),
  ];
  assert.ok(names.length > 130, String(names.length));
  assert.deepEqual(
    names.filter((name) => !new RegExp(`\\b${name}\\b`).test(help)),
    [],
  );
});
