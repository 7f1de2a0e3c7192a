import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigError } from "./config-error.ts";
import type { ConfigField } from "./config-field.ts";
import { readDocument } from "./document.ts";
import { nearestName } from "./nearest.ts";

const text = `# a comment
name: rs
defaults: &defaults
  hold: 9
  famlies: [a]
peers:
  - address: 192.0.2.1
    asn: x
  - { address: 192.0.2.2, asn: 1 }
other: *defaults
empty:
`;

const root = (): ConfigField => readDocument(text, "the file");

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "nothing refused";
}

const top = ["name", "defaults", "peers", "other", "empty"] as const;

test("fields(): values, absent ones, and their lines", () => {
  const { name, peers, empty } = root().fields(...top);
  assert.deepEqual([name.text(), name.where], ["rs", "name (line 2)"]);
  assert.deepEqual(
    [empty.isPresent, empty.where, empty.maybe(() => 1)],
    [false, "empty (line 11)", undefined],
  );
  const [first, second] = peers.items(2);
  assert.equal(
    refusal(() => first?.fields("address", "asn").asn.integer(1, 9)),
    'Cannot read peers[0].asn (line 8): "x", want a whole number from 1 to 9',
  );
  assert.equal(second?.fields("address", "asn").asn.integer(1, 9), 1);
  assert.equal(
    refusal(() => second?.fields("address", "asn", "port").port.text()),
    "Cannot read peers[1].port (line 9): missing, want text",
  );
});

test("fields() refuses what is not known, and names the nearest that is", () => {
  const fields = root().fields(...top);
  const { defaults } = fields;
  assert.equal(
    refusal(() => defaults.fields("hold", "families")),
    "Cannot read defaults.famlies (line 5): unknown field, want families",
  );
  assert.equal(
    refusal(() => defaults.fields("hold")),
    "Cannot read defaults.famlies (line 5): unknown field, want one of hold",
  );
  assert.equal(
    refusal(() => fields.other.fields("hold", "families")),
    "Cannot read other.famlies (line 5): unknown field, want families",
  );
  assert.equal(
    refusal(() => fields.name.fields("a")),
    'Cannot read name (line 2): "rs", want a mapping',
  );
});

test("items(), entries() and find()", () => {
  const { peers, defaults, name } = root().fields(...top);
  assert.equal(
    refusal(() => peers.items(1)),
    "Cannot read peers (line 7): 2 items, want at most 1",
  );
  assert.deepEqual(
    defaults.entries(2).map(([key, { path }]) => [key, path]),
    [
      ["hold", "defaults.hold"],
      ["famlies", "defaults.famlies"],
    ],
  );
  assert.match(
    refusal(() => defaults.entries(1)),
    /2 entries, want at most 1$/,
  );
  assert.deepEqual(
    name.itemOrItems(1).map((field) => field.text()),
    ["rs"],
  );
  assert.equal(root().find("peers[1].asn").where, "peers[1].asn (line 9)");
  assert.equal(root().find("peers[1].nothing[3]").where, "peers[1] (line 9)");
});

test("readDocument() refuses what is no YAML, or says things twice", () => {
  const read = (from: string) => refusal(() => readDocument(from, "the file").fields("a"));
  assert.match(read("a: ["), /^Cannot read the file: .* at line 1/);
  assert.match(read("a: 1\na: 2"), /^Cannot read the file: Map keys must be unique at line 2/);
  assert.match(read("a: !!nonsense 1"), /^Cannot read the file: Unresolved tag/);
  assert.match(read("a: 1\n---\na: 2"), /multiple documents/);
  assert.equal(read(""), "Cannot read the file: missing, want a mapping");
  assert.equal(read("[1]"), "Cannot read the file: [1], want a mapping");
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [name, before] of ["ba", "cb", "dc", "ed", "fe"]) {
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
  }
  assert.match(read(bomb.join("\n")), /^Cannot read the file: Excessive alias count/);
});

test("nothing but ConfigError comes, whatever the text", () => {
  const pieces = fc.constantFrom("a", "&x ", "*x", ": ", "\n", "- ", "{", "}", "[", "]", ", ", "1");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
      refusal(() => {
        const { a } = readDocument(parts.join(""), "the file").fields("a");
        for (const item of a.itemOrItems(5)) item.fields("a").a.text();
      });
    }),
    { numRuns: 500 },
  );
});

test("nearestName() takes typing errors, not other words", () => {
  const known = ["import", "importPolicy", "holdTimeSeconds", "asn", "role"];
  assert.deepEqual(
    ["improt", "holdtimeseconds", "holdTimeSecond", "ans", "rule", "bfd", "x".repeat(99)].map(
      (name) => nearestName(name, known) ?? "-",
    ),
    ["import", "holdTimeSeconds", "holdTimeSeconds", "asn", "role", "-", "-"],
  );
});
