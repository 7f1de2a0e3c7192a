import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchema } from "./kind.ts";
import {
  apiVersionOf,
  coreKinds,
  defaulted,
  formatFieldError,
  type KubeObject,
  kinds,
  matchesLabels,
  type ResourceKind,
  setCondition,
  validate,
  validateUpdate,
} from "./mod.ts";
import { formats } from "./schema/formats.ts";

function kindNamed(name: string): ResourceKind {
  const found = coreKinds.find((kind) => kind.kind === name);
  assert.ok(found !== undefined, name);
  return found;
}

function object(name: string, body: object, metadata: object = {}): KubeObject {
  const kind = kindNamed(name);
  const scope = kind.namespaced ? { namespace: "default" } : {};
  return defaulted(kind, {
    apiVersion: apiVersionOf(kind),
    kind: name,
    metadata: { name: "x", ...scope, ...metadata },
    ...body,
  });
}

const container = { name: "c", image: "i" };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
const reference = { kind: "Pod", name: "x" };

const good: readonly (readonly [string, object])[] = [
  ["Namespace", {}],
  ["Node", { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } }],
  [
    "Pod",
    {
      spec: {
        containers: [{ ...container, resources: { limits: { cpu: 0.5, memory: "1Gi" } } }],
        volumes: [{ name: "t", emptyDir: {} }],
      },
    },
  ],
  ["Service", { spec: { ports: [{ port: 53 }, { port: 53, protocol: "UDP" }] } }],
  ["ConfigMap", { data: { a: "b" } }],
  ["Secret", { data: { a: "Yg==" } }],
  ["Event", { involvedObject: reference, reason: "X" }],
  ["EndpointSlice", { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }] }],
  ["Lease", { spec: { holderIdentity: "me", renewTime: "2026-01-01T00:00:00.000000Z" } }],
  ["Deployment", { spec: { selector: { matchLabels: { app: "web" } }, template } }],
  ["NetworkPolicy", { spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] } }],
  ["Ingress", { spec: { rules: [{ host: "a.b" }] } }],
];

for (const [name, body] of good) {
  test(`${name}: a good object is valid, and so is writing it again`, () => {
    const value = object(name, body);
    assert.deepEqual(validate(kindNamed(name), value).map(formatFieldError), []);
    assert.deepEqual(validateUpdate(kindNamed(name), value, value), []);
  });
}

const bad: readonly (readonly [string, object, string])[] = [
  ["Pod", { spec: { containers: [] } }, "spec.containers: Required value: want at least 1"],
  [
    "Pod",
    { spec: { containers: [{ name: "c" }] } },
    "spec.containers[0].image: Required value: is missing",
  ],
  [
    "Pod",
    { spec: { containers: [{ ...container, imagee: "x" }] } },
    'spec.containers[0].imagee: Forbidden: unknown field "imagee", did you mean "image"',
  ],
  [
    "Pod",
    { spec: { containers: [{ ...container, resources: { limits: { cpu: "much" } } }] } },
    'spec.containers[0].resources.limits.cpu: Invalid value: "much": not a quantity: want a number with an optional suffix, such as 250m or 1Gi',
  ],
  [
    "Deployment",
    { spec: { selector: { matchLabels: { app: "db" } }, template } },
    'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ],
  ["Secret", { data: { a: "b" } }, "data[a]: Invalid value: not base64"],
  ["Service", { spec: {} }, "spec.ports: Required value: is missing"],
  [
    "Service",
    { spec: { ports: [{ port: 53 }, { port: 53 }] } },
    'spec.ports[1]: Duplicate value: {"port":53,"protocol":"TCP"}',
  ],
  [
    "NetworkPolicy",
    {
      spec: {
        podSelector: {},
        egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/8"] } }] }],
      },
    },
    'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": want a part of 10.0.0.0/8',
  ],
];

for (const [name, body, error] of bad) {
  test(`${name}: ${error}`, () => {
    const errors = validate(kindNamed(name), object(name, body)).map(formatFieldError);
    assert.deepEqual(errors, [error]);
  });
}

test("a Pod keeps its spec but for images, tolerations and the first node", () => {
  const kind = kindNamed("Pod");
  const pod = (spec: object): KubeObject =>
    object("Pod", { spec: { containers: [container], ...spec } });
  assert.deepEqual(validateUpdate(kind, pod({ nodeName: "node1" }), pod({})), []);
  const patched = pod({ containers: [{ ...container, image: "j" }], tolerations: [{ key: "a" }] });
  assert.deepEqual(validateUpdate(kind, patched, pod({})), []);
  const moved = validateUpdate(kind, pod({ nodeName: "node2" }), pod({ nodeName: "node1" }));
  assert.deepEqual(moved.map(formatFieldError), [
    "spec.nodeName: Forbidden: pod updates may not change this field",
  ]);
});

test("metadata is validated for every kind", () => {
  const rows = [
    [{ labels: { "a b": "c" } }, /^metadata\.labels: Invalid value: "a b": want name or prefix/],
    [{ labels: { a: "b c" } }, /^metadata\.labels\[a\]: Invalid value: "b c": want at most 63/],
    [{ labels: { a: 1 } }, /^metadata\.labels\.a: Invalid value: 1: is a number, want string$/],
    [{ lables: {} }, /^metadata\.lables: Forbidden: unknown field "lables", did you mean "labels"/],
    [{ finalizers: ["a b"] }, /^metadata\.finalizers\[0\]: Invalid value: "a b"/],
    [{ name: "" }, /^metadata\.name: Required value: name or generateName is required$/],
    [{ annotations: { a: "x".repeat(262_144) } }, /^metadata\.annotations: Too many: 262145 bytes/],
  ] as const;
  for (const [metadata, error] of rows) {
    const errors = validate(kindNamed("ConfigMap"), object("ConfigMap", {}, metadata));
    assert.match(errors.map(formatFieldError).join("\n"), error);
  }
  const nulls = object("ConfigMap", {}, { creationTimestamp: null });
  assert.deepEqual(validate(kindNamed("ConfigMap"), nulls), []);
});

test("every field has a description and a known format, and every list is bounded", () => {
  const walk = (schema: JsonSchema, path: string, check: (at: string, s: JsonSchema) => void) => {
    check(path, schema);
    if (schema.items !== undefined) walk(schema.items, `${path}[]`, check);
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      walk(field, `${path}.${name}`, check);
    }
  };
  for (const kind of [...kinds, ...coreKinds]) {
    walk(kind.schema, kind.kind, (at, schema) => {
      assert.notEqual(schema.description ?? "", "", at);
      if (schema.type === "array") assert.notEqual(schema.maxItems, undefined, at);
      const { format } = schema;
      const known =
        format === undefined || formats.has(format) || /^(int32|int64|byte)$/.test(format);
      assert.ok(known, `${at}: format ${format}`);
    });
  }
});

test("keys of lists that are maps are required or have a default, as apiextensions wants", () => {
  const walk = (schema: JsonSchema, path: string): void => {
    for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
      const known =
        schema.items?.required?.includes(key) === true ||
        schema.items?.properties?.[key]?.default !== undefined;
      assert.ok(known, `${path}: ${key}`);
    }
    if (schema.items !== undefined) walk(schema.items, `${path}[]`);
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      walk(field, `${path}.${name}`);
    }
  };
  for (const kind of kinds) walk(kind.schema, kind.kind);
});

test("matchesLabels() wants every part of the selector", () => {
  const labels = { app: "web", tier: "front" };
  assert.equal(matchesLabels({}, undefined), true);
  assert.equal(matchesLabels({ matchLabels: { app: "web" } }, labels), true);
  assert.equal(matchesLabels({ matchLabels: { app: "web", tier: "back" } }, labels), false);
  const rows = [
    ["In", "tier", ["front"], true],
    ["In", "none", ["front"], false],
    ["NotIn", "tier", ["back"], true],
    ["NotIn", "none", ["back"], true],
    ["Exists", "app", [], true],
    ["DoesNotExist", "app", [], false],
  ] as const;
  for (const [operator, key, values, matches] of rows) {
    const selector = { matchExpressions: [{ key, operator, values }] };
    assert.equal(matchesLabels(selector, labels), matches, `${key} ${operator}`);
  }
});

test("setCondition() moves lastTransitionTime only with status, and returns the same list otherwise", () => {
  const ready = { type: "Ready", status: "False", reason: "A", message: "a" } as const;
  const first = setCondition([], ready, "2026-01-01T00:00:00Z");
  assert.equal(first[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
  assert.equal(setCondition(first, ready, "2026-01-01T00:00:01Z"), first);
  const reworded = setCondition(first, { ...ready, message: "b" }, "2026-01-01T00:00:02Z");
  assert.equal(reworded[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
  const done = setCondition(reworded, { ...ready, status: "True" }, "2026-01-01T00:00:03Z");
  assert.deepEqual(done, [
    { ...ready, status: "True", lastTransitionTime: "2026-01-01T00:00:03Z" },
  ]);
});
