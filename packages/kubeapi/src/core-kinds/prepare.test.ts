import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiVersionOf,
  type KubeObject,
  namespaceKind,
  podKind,
  type ResourceKind,
  secretKind,
  serviceKind,
  subnetKind,
} from "@heddle/api";
import { prepare } from "./prepare.ts";

function prepared(kind: ResourceKind, body: object): object {
  const object = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: "x" },
    ...body,
  };
  const once = prepare(kind, object as KubeObject);
  assert.deepEqual(prepare(kind, once), once);
  const { apiVersion: _version, kind: _kind, ...rest } = once;
  return rest;
}

test("prepare() labels a Namespace with its name and gives it a phase", () => {
  assert.deepEqual(prepared(namespaceKind, {}), {
    metadata: { name: "x", labels: { "kubernetes.io/metadata.name": "x" } },
    status: { phase: "Active" },
  });
});

test("prepare() moves stringData of a Secret into data", () => {
  assert.deepEqual(prepared(secretKind, { data: { a: "YQ==" }, stringData: { b: "b" } }), {
    metadata: { name: "x" },
    data: { a: "YQ==", b: "Yg==" },
  });
});

test("prepare() gives ports of a Service their target, but not of a headless one", () => {
  const spec = { ports: [{ port: 80 }, { port: 81, targetPort: "web" }] };
  assert.deepEqual(prepared(serviceKind, { spec }), {
    metadata: { name: "x" },
    spec: {
      ports: [
        { port: 80, targetPort: 80 },
        { port: 81, targetPort: "web" },
      ],
    },
  });
  const headless = { spec: { clusterIP: "None", ports: [{ port: 80 }] } };
  assert.deepEqual(prepared(serviceKind, headless), { metadata: { name: "x" }, ...headless });
});

test("prepare() computes the QoS class of a Pod", () => {
  const classOf = (resources: readonly object[]): unknown => {
    const containers = resources.map((each, i) => ({ name: `c${i}`, resources: each }));
    return Reflect.get(prepared(podKind, { spec: { containers } }), "status").qosClass;
  };
  const full = { limits: { cpu: "1", memory: "1Gi" } };
  assert.equal(classOf([{}]), "BestEffort");
  assert.equal(classOf([full, full]), "Guaranteed");
  assert.equal(classOf([full, {}]), "Burstable");
  assert.equal(classOf([{ ...full, requests: { cpu: "500m" } }]), "Burstable");
});

test("prepare() leaves other kinds and misshapen objects alone", () => {
  assert.deepEqual(prepared(subnetKind, { spec: 1 }), { metadata: { name: "x" }, spec: 1 });
  assert.deepEqual(prepared(podKind, { spec: { containers: [1] } }), {
    metadata: { name: "x" },
    spec: { containers: [1] },
  });
  assert.deepEqual(prepared(secretKind, { stringData: 1 }), {
    metadata: { name: "x" },
    stringData: 1,
  });
});
