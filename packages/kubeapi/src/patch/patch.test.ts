import assert from "node:assert/strict";
import { test } from "node:test";
import { deploymentKind, type KubeObject, podKind, serviceKind } from "@heddle/api";
import fc from "fast-check";
import { applyPatch, type PatchType, parsePatchType } from "./apply-patch.ts";
import { jsonPatch } from "./json-patch.ts";
import { isJsonObject } from "./json-value.ts";
import { mergePatch } from "./merge-patch.ts";
import { PatchError } from "./patch-error.ts";
import { strategicMergePatch } from "./strategic-merge-patch.ts";

test("mergePatch() does every example of RFC 7386 appendix A", () => {
  const rows: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of rows) assert.deepEqual(mergePatch(target, patch), result);
});

test("mergePatch() keeps a field named __proto__ a field", () => {
  const result = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
  assert.equal(JSON.stringify(result), '{"__proto__":{"polluted":true}}');
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
});

test("jsonPatch() applies operations and leaves its arguments alone", () => {
  const target = { a: 1, b: [1, 2] };
  const patch = [
    { op: "test", path: "/a", value: 1 },
    { op: "add", path: "/b/-", value: 3 },
    { op: "remove", path: "/b/0" },
    { op: "copy", from: "/b", path: "/c" },
    { op: "move", from: "/a", path: "/d" },
    { op: "replace", path: "/c/0", value: { x: null } },
  ];
  assert.deepEqual(jsonPatch(target, patch), { b: [2, 3], c: [{ x: null }, 3], d: 1 });
  assert.deepEqual(target, { a: 1, b: [1, 2] });
});

test("jsonPatch() names the operation that fails", () => {
  const rows = [
    [{}, "malformed", /want an array of operations/],
    [[{ op: "jump", path: "/a" }], "malformed", /operation 0, want op, path/],
    [[{ op: "add", path: "a", value: 1 }], "malformed", /operation 0/],
    [[{ op: "add", path: "/a" }], "malformed", /operation 0/],
    [[{ op: "test", path: "/a", value: 2 }], "test-failed", /operation 0 \(test \/a\)/],
    [[{ op: "remove", path: "/x" }], "not-applicable", /operation 0 \(remove \/x\)/],
    [[{ op: "add", path: "/b/9", value: 1 }], "not-applicable", /operation 0/],
    [[{ op: "add", path: "/__proto__/x", value: 1 }], "not-applicable", /operation 0/],
    [new Array(10_001).fill({ op: "test", path: "/a", value: 1 }), "too-large", /10001 operations/],
  ] as const;
  for (const [patch, code, message] of rows) {
    assert.throws(
      () => jsonPatch({ a: 1, b: [] }, patch),
      (error: unknown) => {
        assert.ok(error instanceof PatchError);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("jsonPatch() stops copies that double what they copy", () => {
  const double = [
    { op: "copy", from: "/a", path: "/a/x" },
    { op: "copy", from: "/a", path: "/a/y" },
  ];
  const bomb = Array.from({ length: 40 }, () => double).flat();
  assert.throws(() => jsonPatch({ a: { z: "0123456789" } }, bomb), /copies more than 3145728/);
});

const deployment: KubeObject & { readonly spec: object } = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", finalizers: ["a", "b"], labels: { x: "1" } },
  spec: {
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
    template: {
      spec: {
        containers: [
          { name: "a", image: "a:1", env: [{ name: "E", value: "1" }] },
          { name: "b", image: "b:1", args: ["x"] },
        ],
        tolerations: [{ key: "t" }],
      },
    },
  },
};

/** The containers after a strategic patch of the pod template. */
function patchedContainers(spec: object): unknown {
  const type = "application/strategic-merge-patch+json";
  const result = applyPatch(type, deploymentKind, deployment, { spec: { template: { spec } } });
  return at(result, "spec", "template", "spec", "containers");
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value);
}

const [a, b] = [
  { name: "a", image: "a:1", env: [{ name: "E", value: "1" }] },
  { name: "b", image: "b:1", args: ["x"] },
];

test("strategicMergePatch() merges arrays by their key", () => {
  assert.deepEqual(patchedContainers({ containers: [{ name: "b", image: "b:2" }] }), [
    a,
    { ...b, image: "b:2" },
  ]);
  assert.deepEqual(patchedContainers({ containers: [{ name: "c", image: "c" }] }), [
    a,
    b,
    { name: "c", image: "c" },
  ]);
  const env = [{ name: "F", value: "2" }];
  assert.deepEqual(patchedContainers({ containers: [{ name: "a", env }] }), [
    { ...a, env: [...a.env, ...env] },
    b,
  ]);
});

test("strategicMergePatch() obeys $patch", () => {
  assert.deepEqual(patchedContainers({ containers: [{ name: "a", $patch: "delete" }] }), [b]);
  const replaced = [{ $patch: "replace" }, { name: "z", image: "z" }];
  assert.deepEqual(patchedContainers({ containers: replaced }), [{ name: "z", image: "z" }]);
  const spec = strategicMergePatch(
    deploymentKind.schema,
    { ...deployment },
    {
      spec: { strategy: { $patch: "replace", type: "Recreate" } },
    },
  );
  assert.deepEqual(at(spec, "spec", "strategy"), { type: "Recreate" });
  const retained = strategicMergePatch(
    deploymentKind.schema,
    { ...deployment },
    {
      spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    },
  );
  assert.deepEqual(at(retained, "spec", "strategy"), { type: "Recreate" });
  const deleted = strategicMergePatch(
    deploymentKind.schema,
    { ...deployment },
    {
      spec: { strategy: { $patch: "delete" } },
    },
  );
  assert.deepEqual(at(deleted, "spec", "strategy"), {});
});

test("strategicMergePatch() obeys $setElementOrder", () => {
  const order = [{ name: "b" }, { name: "c" }, { name: "a" }];
  const containers = [{ name: "c", image: "c" }];
  const result = patchedContainers({ "$setElementOrder/containers": order, containers });
  assert.deepEqual(result, [b, { name: "c", image: "c" }, a]);
  const alone = patchedContainers({
    "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
  });
  assert.deepEqual(alone, [b, a]);
});

test("strategicMergePatch() replaces unmarked arrays and merges primitive ones", () => {
  const result = applyPatch("application/strategic-merge-patch+json", deploymentKind, deployment, {
    metadata: { finalizers: ["c", "a"], "$deleteFromPrimitiveList/finalizers": ["b"] },
    spec: { template: { spec: { tolerations: [{ key: "u" }] } } },
  });
  assert.deepEqual(result.metadata.finalizers, ["a", "c"]);
  assert.deepEqual(at(result, "spec", "template", "spec", "tolerations"), [{ key: "u" }]);
});

test("strategicMergePatch() leaves no directive and no null in new parts", () => {
  const result = strategicMergePatch(
    podKind.schema,
    {},
    {
      spec: {
        $patch: "merge",
        nodeName: null,
        containers: [{ name: "a", image: null, ports: [{ containerPort: 1, $patch: "delete" }] }],
      },
    },
  );
  assert.deepEqual(result, { spec: { containers: [{ name: "a", ports: [] }] } });
});

test("strategicMergePatch() names what is malformed", () => {
  const rows = [
    [{ spec: { ports: [{ name: "x" }] } }, /spec\.ports: an element has no port/],
    [{ spec: { ports: ["x"] } }, /spec\.ports: an element is no object/],
    [{ spec: { $patch: "jump" } }, /spec: \$patch "jump", want replace, merge or delete/],
    [{ spec: { "$setElementOrder/ports": 1, ports: [] } }, /spec\.ports: \$setElementOrder/],
    [{ metadata: { "$deleteFromPrimitiveList/finalizers": 1 } }, /want an array/],
    [{ spec: { $retainKeys: {} } }, /\$retainKeys, want an array/],
  ] as const;
  for (const [patch, message] of rows) {
    assert.throws(() => strategicMergePatch(serviceKind.schema, {}, patch), message);
  }
});

test("applyPatch() throws nothing but PatchError on any patch", () => {
  const types: readonly PatchType[] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
  ];
  const name = fc.constantFrom(
    "spec",
    "metadata",
    "containers",
    "template",
    "name",
    "$patch",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/finalizers",
    "$retainKeys",
    "finalizers",
    "op",
    "path",
    "from",
    "__proto__",
  );
  const { value } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.constant(null),
      fc.constantFrom("a", "/a", "replace", "delete", "add"),
      fc.nat(),
    ),
    value: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      tie("leaf"),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(name, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.constantFrom(...types), value, (type, patch) => {
      const before = JSON.stringify(deployment);
      try {
        const result = applyPatch(type, deploymentKind, deployment, patch);
        assert.equal(typeof result.kind, "string");
      } catch (error) {
        assert.ok(error instanceof PatchError, String(error));
      }
      assert.equal(JSON.stringify(deployment), before);
    }),
    { numRuns: 2000 },
  );
});

test("applyPatch() refuses a result that is no object of the API", () => {
  const patch = [{ op: "remove", path: "/metadata" }];
  const type = "application/json-patch+json";
  assert.throws(() => applyPatch(type, deploymentKind, deployment, patch), PatchError);
});

test("parsePatchType() ignores parameters and case", () => {
  assert.equal(
    parsePatchType("application/JSON-patch+json; charset=utf-8"),
    "application/json-patch+json",
  );
  assert.equal(parsePatchType("application/apply-patch+yaml"), undefined);
  assert.equal(parsePatchType(""), undefined);
});
