import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { LabError } from "../errors.ts";
import { parseLabDefinition } from "./parse.ts";

const example = readFileSync(
  path.resolve(import.meta.dirname, "../../../../examples/lab.yaml"),
  "utf8",
);

test("parseLabDefinition() reads examples/lab.yaml", () => {
  const lab = parseLabDefinition(example);
  assert.equal(lab.devices.length, 11);
  assert.equal(lab.links.length, 15);
  assert.deepEqual(
    lab.links.filter(({ to }) => to === "node1").map(({ from, vrf }) => `${from} ${vrf}`),
    ["leaf1 tenant", "leaf2 tenant"],
  );
});

const broken: readonly (readonly [string, string, string])[] = [
  ["asn: 65201", "asn: none", 'fabric.asn: "none", want a whole number from 1 to 4294967295'],
  ["mtu: 9100", "mtu: 900", "fabric.mtu: 900, want a whole number from 1500 to 65535"],
  [
    "loopbacks: 10.255.0.0/24",
    "loopbacks: 10.255.0.1/24",
    'fabric.loopbacks: Cannot parse prefix "10.255.0.1/24": host bits are set, want 10.255.0.0/24',
  ],
  ["loopbacks: 10.255.0.0/24", 'loopbacks: "fd00::/64"', "fabric.loopbacks: want an IPv4 prefix"],
  [
    "spine1: { role: spine }",
    "spine1: { role: spline }",
    'devices.spine1.role: "spline", want one of spine, leaf, border, node, server, external',
  ],
  [
    "spine1: { role: spine }",
    "spine1: { role: spine, colour: red }",
    "devices.spine1.colour: unknown field, want one of role, rack",
  ],
  [
    "spine1: { role: spine }",
    "Spine_1: { role: spine }",
    "devices.Spine_1: bad name, want at most 12 of a-z 0-9 -, a letter first",
  ],
  ["to: node3, vrf: tenant", "to: node9, vrf: tenant", 'links[6].to: no device "node9"'],
  ["to: node3, vrf: tenant", "to: node3", "links[6].vrf: missing, want one of tenant"],
  [
    "{ from: leaf1, to: [spine1, spine2] }",
    "{ from: node1, to: [spine1, spine2] }",
    "links[0].from: node1 is a node, want a switch",
  ],
  [
    "{ from: leaf1, to: [spine1, spine2] }",
    "{ from: leaf1, to: [spine1], vrf: tenant }",
    "links[0].vrf: a link between switches is in no VRF",
  ],
  [
    'to: [192.168.50.10/24, "fd00:192:168:50::10/64"]',
    "to: [192.168.51.10/24]",
    "links[7].addresses.to: addresses in other subnets, want those of the switch",
  ],
  ["underlay: [172.17.0.0/16]", "underlay: []", "fabric.links.underlay: no IPv4 prefix, want one"],
];

for (const [from, to, message] of broken) {
  test(`parseLabDefinition() refuses ${to}`, () => {
    assert.ok(example.includes(from));
    assert.throws(
      () => parseLabDefinition(example.replace(from, to)),
      (error) => {
        assert.ok(error instanceof LabError);
        assert.equal(error.message.replace(/ \(line \d+\)/, ""), `Cannot read ${message}`);
        return error.code === "definition";
      },
    );
  });
}

test("parseLabDefinition() names the line", () => {
  const line = example.split("\n").findIndex((each) => each.includes("mtu: 9100")) + 1;
  assert.throws(
    () => parseLabDefinition(example.replace("mtu: 9100", "mtu: 900")),
    new RegExp(`^LabError: Cannot read fabric\\.mtu \\(line ${line}\\): 900, want`),
  );
});

test("parseLabDefinition() refuses what is no YAML, no mapping, or nothing", () => {
  assert.throws(() => parseLabDefinition("a: [b"), /^LabError: Cannot read the lab file: /);
  assert.throws(
    () => parseLabDefinition("- a"),
    /Cannot read the lab file: \["a"\], want a mapping/,
  );
  assert.throws(() => parseLabDefinition(""), /Cannot read the lab file: missing, want a mapping/);
});

test("parseLabDefinition() throws nothing but LabError, whatever the text", () => {
  const lines = example.split("\n");
  const mutation = fc.tuple(fc.nat(lines.length - 1), fc.string({ maxLength: 40 }));
  fc.assert(
    fc.property(mutation, ([at, text]) => {
      const mutated = lines.map((line, i) => (i === at ? text : line)).join("\n");
      try {
        parseLabDefinition(mutated);
      } catch (error) {
        assert.ok(error instanceof LabError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
