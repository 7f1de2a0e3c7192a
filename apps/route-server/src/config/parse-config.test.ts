import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { formatPrefix } from "@heddle/inet";
import { ConfigError } from "./field.ts";
import { parseConfig } from "./parse-config.ts";

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
  const rules = Array.isArray(peer?.export) ? peer.export : assert.fail("a list of prefixes");
  assert.deepEqual(
    rules.map(({ prefix, le }) => [formatPrefix(prefix), le]),
    [["10.244.0.0/16", 32]],
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
  assert.deepEqual(config.gracefulRestart, { restartTimeMs: 120_000, deferralMs: 30_000 });
  assert.deepEqual([config.peers[0]?.import, config.peers[0]?.export], ["none", "none"]);
  assert.equal(config.agents[0]?.peerCountMax, 1000);
});

const refusals = [
  ["name: rs", /^Cannot read asn: missing, want a whole number from 1 to 4294967295/],
  [`${minimal}extra: 1`, /^Cannot read extra: unknown field, want one of name, asn/],
  [`${minimal}families: [ipv4, ipv4]`, /^Cannot read families: a family twice/],
  [`${minimal}families: [ipv5]`, /^Cannot read families\[0\]: "ipv5", want one of ipv4-unicast/],
  [`${minimal}listen: [{address: x}]`, /^Cannot read listen\[0\]\.address: Cannot parse IP/],
  [`${minimal}listen: [{address: 0.0.0.0, tls: true}]`, /listen\[0\]\.tls: true without tls/],
  [
    `${minimal}agents: [{name: a, prefix: 10.0.0.0/8, identity: {by: certificate}}]`,
    /^Cannot read agents\[0\]\.identity\.by: certificate without tls/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 65203}]`,
    /^Cannot read peers\[0\]\.asn: 65203 is our own/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, import: some}]`,
    /^Cannot read peers\[0\]\.import: "some", want one of all, none, default-only/,
  ],
  [
    `${minimal}peers: [{address: 192.0.2.9, asn: 1, export: [{prefix: 10.0.0.0/8, le: 7}]}]`,
    /^Cannot read peers\[0\]\.export\[0\]\.le: 7, want a whole number from 8 to 32/,
  ],
  ["a: [", /^Cannot read the configuration: /],
  ["- 1", /^Cannot read the configuration: \[1\], want a mapping/],
] as const;

for (const [text, message] of refusals) {
  test(`parseConfig() refuses ${JSON.stringify(text.replace(minimal, ""))}`, () => {
    assert.throws(
      () => parseConfig(text),
      (error: unknown) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
