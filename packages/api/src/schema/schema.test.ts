import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatFieldError } from "../field-error.ts";
import type { JsonSchema } from "../kind.ts";
import { integer, intOrString, list, listByKey, mapOf, object, opaque, text } from "./build.ts";
import { withDefaults } from "./defaults.ts";
import { formats } from "./formats.ts";
import { sameJson } from "./json.ts";
import { duplicateKeys } from "./list-keys.ts";
import { nearest } from "./nearest.ts";
import { structuralErrors } from "./structure.ts";
import { prune, unknownFields } from "./unknown-fields.ts";

const item = object("", { name: text(""), weight: integer("", [1, 9], { default: 5 }) }, ["name"]);
const schema: JsonSchema = object(
  "",
  {
    size: integer("", [0, 10], { default: 3 }),
    limits: object("", { soft: integer("", [0, 9], { default: 1 }) }, [], { default: {} }),
    items: listByKey("", "name", item, 4),
    labels: mapOf("", text("")),
    port: intOrString(""),
    raw: opaque(""),
    names: list("", text("", { maxLength: 3 }), 2, { "x-kubernetes-list-type": "set" }),
  },
  ["size"],
);

test("withDefaults() fills at every depth and keeps what is there", () => {
  assert.deepEqual(withDefaults(schema, { items: [{ name: "a" }] }), {
    items: [{ name: "a", weight: 5 }],
    size: 3,
    limits: { soft: 1 },
  });
  const full = { size: 1, limits: { soft: 2 } };
  assert.equal(withDefaults(schema, full), full);
});

test("withDefaults() treats a null as absent and leaves opaque parts alone", () => {
  assert.deepEqual(withDefaults(schema, { size: null, limits: { soft: 0 }, labels: null }), {
    size: 3,
    limits: { soft: 0 },
  });
  const raw = { size: 1, limits: { soft: 1 }, raw: { deep: null } };
  assert.equal(withDefaults(schema, raw), raw);
});

test("withDefaults() is idempotent and never throws on any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const once = withDefaults<unknown>(schema, value);
      assert.equal(withDefaults(schema, once), once);
    }),
  );
});

test("a field named __proto__ stays an ordinary field", () => {
  const value: unknown = JSON.parse('{"labels":{"__proto__":"x"},"size":null}');
  const filled = withDefaults<unknown>(schema, value);
  assert.equal(JSON.stringify(filled), '{"labels":{"__proto__":"x"},"size":3,"limits":{"soft":1}}');
});

test("unknownFields() finds fields at every depth and suggests the nearest name", () => {
  const value = { sise: 1, items: [{ name: "a", wait: 1 }], raw: { any: 1 }, labels: { any: "" } };
  assert.deepEqual(unknownFields(schema, value).map(formatFieldError), [
    'sise: Forbidden: unknown field "sise", did you mean "size"',
    'items[0].wait: Forbidden: unknown field "wait"',
  ]);
  assert.deepEqual(prune(schema, value), {
    items: [{ name: "a" }],
    raw: { any: 1 },
    labels: { any: "" },
  });
});

test("nearest() suggests misspellings only", () => {
  const names = ["gateways", "cidrs", "namespaces"];
  assert.equal(nearest("gatways", names), "gateways");
  assert.equal(nearest("cidr", names), "cidrs");
  assert.equal(nearest("Namespaces", names), "namespaces");
  assert.equal(nearest("transport", names), undefined);
});

test("structuralErrors() says what is wrong where", () => {
  const rows: readonly (readonly [unknown, readonly string[]])[] = [
    [{ size: 11 }, ["size: Invalid value: 11: want 0 to 10"]],
    [{ size: 1.5 }, ["size: Invalid value: 1.5: is a number, want integer"]],
    [{}, ["size: Required value: is missing"]],
    [{ size: 1, items: {} }, ["items: Invalid value: {}: is object, want array"]],
    [{ size: 1, items: [{}] }, ["items[0].name: Required value: is missing"]],
    [
      { size: 1, labels: { "a/b": 1 } },
      ["labels[a/b]: Invalid value: 1: is a number, want string"],
    ],
    [{ size: 1, port: [] }, ["port: Invalid value: []: is array, want integer or string"]],
    [{ size: 1, names: ["a", "a"] }, ['names[1]: Duplicate value: "a"']],
    [{ size: 1, names: ["abcd"] }, ['names[0]: Invalid value: "abcd": want at most 3 characters']],
    [{ size: 1, port: "http", raw: {} }, []],
  ];
  for (const [value, errors] of rows) {
    assert.deepEqual(structuralErrors(schema, value).map(formatFieldError), errors);
  }
});

test("structuralErrors() is bounded and never throws on any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.ok(structuralErrors(schema, value).length <= 20);
    }),
  );
});

test("duplicateKeys() compares the keys of arrays that are maps", () => {
  const value = { items: [{ name: "a" }, { name: "b" }, { name: "a" }] };
  assert.deepEqual(duplicateKeys(schema, value).map(formatFieldError), [
    'items[2]: Duplicate value: {"name":"a"}',
  ]);
});

test("formats refuse what their parser refuses, with its reason", () => {
  const rows = [
    ["ip", "10.0.0.1", undefined],
    ["ip", "10.0.0.256", 'not an IPv4 address: octet "256", want 0 to 255'],
    ["ip", "fe80::1%eth0", 'not an IPv6 address: group "1%eth0", want 1 to 4 hexadecimal digits'],
    ["cidr", "fd00::/129", "not a prefix: length 129, want 0 to 128"],
    ["ip-or-cidr", "10.0.0.0/8", undefined],
    ["interface-address", "10.0.0.1/8", undefined],
    ["mac", "02:00:00:00:00:01", undefined],
    ["community", "65535:65535", undefined],
    ["community", "1:2:4294967295", undefined],
    [
      "community",
      "no-export",
      "not a community: want two numbers up to 65535 or three up to 4294967295, joined by colons",
    ],
    ["date-time", "2026-01-02T03:04:05.123456Z", undefined],
    [
      "date-time",
      "2026-13-02T03:04:05Z",
      "not an RFC 3339 time: want the form 2006-01-02T15:04:05Z",
    ],
    ["interface-name", "eth0", undefined],
  ] as const;
  for (const [format, value, reason] of rows) {
    assert.equal(formats.get(format)?.(value), reason, `${format} ${value}`);
  }
});

test("sameJson() ignores the order of fields, not that of elements", () => {
  assert.equal(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }), true);
  assert.equal(sameJson([1, 2], [2, 1]), false);
  assert.equal(sameJson({ a: undefined }, { b: undefined }), false);
  assert.equal(sameJson({}, []), false);
});
