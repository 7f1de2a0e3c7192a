import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf, defaulted, type KubeObject } from "@heddle/api";
import { servedKinds } from "../core-kinds/served-kinds.ts";
import { formatAge, formatDuration } from "./age.ts";
import type { TableView } from "./columns.ts";
import { findValues, JsonPathError, parseJsonPath } from "./json-path.ts";
import { parseIncludeObject, renderTable } from "./table.ts";

const nowMs = Date.parse("2026-01-02T00:00:00Z");

test("formatDuration() writes two units at most, as kubectl does", () => {
  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;
  const rows = [
    [-5, "<invalid>"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [9 * minute + 5, "9m5s"],
    [10 * minute + 5, "10m"],
    [179 * minute, "179m"],
    [3 * hour, "3h"],
    [7 * hour + 59 * minute, "7h59m"],
    [8 * hour + 59 * minute, "8h"],
    [47 * hour, "47h"],
    [48 * hour, "2d"],
    [7 * day + 5 * hour, "7d5h"],
    [8 * day + 5 * hour, "8d"],
    [729 * day, "729d"],
    [730 * day, "2y"],
    [731 * day, "2y1d"],
    [9 * 365 * day, "9y"],
  ] as const;
  for (const [seconds, text] of rows) assert.equal(formatDuration(seconds * 1000), text);
  assert.equal(formatAge(undefined, nowMs), "<unknown>");
  assert.equal(formatAge("2026-01-01T23:59:00Z", nowMs), "60s");
});

test("findValues() follows fields, indexes, wildcards and filters", () => {
  const root = {
    a: [
      { type: "x", n: 1 },
      { type: "Ready", n: 2 },
    ],
    "k.v": "dotted",
    m: { one: 1, two: 2 },
  };
  const rows = [
    [".a[0].n", [1]],
    [".a[*].n", [1, 2]],
    ['.a[?(@.type=="Ready")].n', [2]],
    [".k\\.v", ["dotted"]],
    ["['k.v']", ["dotted"]],
    [".m[*]", [1, 2]],
    [".a[9].n", []],
    [".toString", []],
    [".a.b.c", []],
  ] as const;
  for (const [path, values] of rows)
    assert.deepEqual(findValues(parseJsonPath(path), root), values);
  for (const bad of ["a", ".a[", ".a[?(@.b>1)]", ".."]) {
    assert.throws(() => parseJsonPath(bad), JsonPathError);
  }
});

function viewOf(kind: string): TableView {
  const served = servedKinds.find((each) => each.kind.kind === kind);
  assert.ok(served !== undefined);
  return served.view;
}

function object(name: string, body: object, metadata: object = {}): KubeObject {
  const served = servedKinds.find((each) => each.kind.kind === name);
  assert.ok(served !== undefined);
  return defaulted(served.kind, {
    apiVersion: apiVersionOf(served.kind),
    kind: name,
    metadata: { name: "x", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
    ...body,
  });
}

const spec = {
  containers: [
    { name: "a", image: "i" },
    { name: "b", image: "j" },
  ],
};
const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };

const cells: readonly (readonly [string, object, object, readonly unknown[]])[] = [
  [
    "Subnet",
    {
      spec: { cidrs: ["10.0.0.0/8", "fd00::/8"], default: true },
      status: { portCount: 3, conditions: [{ type: "Ready", status: "True" }] },
    },
    {},
    ["x", "default", "10.0.0.0/8,fd00::/8", "native", true, 3, "True", "", "", "", "", "24h"],
  ],
  [
    "Pod",
    { spec },
    {},
    ["x", "0/2", "Pending", "0", "24h", "<none>", "<none>", "<none>", "<none>"],
  ],
  [
    "Pod",
    {
      spec: { ...spec, nodeName: "node1" },
      status: {
        phase: "Running",
        podIPs: [{ ip: "10.0.0.1" }],
        containerStatuses: [
          { name: "a", ready: true, restartCount: 1, state: running },
          {
            name: "b",
            ready: false,
            restartCount: 2,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T23:59:30Z" } },
          },
        ],
      },
    },
    {},
    ["x", "1/2", "CrashLoopBackOff", "3 (30s ago)", "24h", "10.0.0.1", "node1", "<none>", "<none>"],
  ],
  [
    "Pod",
    { spec, status: { phase: "Running" } },
    { deletionTimestamp: "2026-01-01T23:59:30Z" },
    ["x", "0/2", "Terminating", "0", "24h", "<none>", "<none>", "<none>", "<none>"],
  ],
  [
    "Pod",
    {
      spec: { ...spec, initContainers: [{ name: "i", image: "i" }] },
      status: { phase: "Pending", initContainerStatuses: [{ name: "i", state: running }] },
    },
    {},
    ["x", "0/2", "Init:0/1", "0", "24h", "<none>", "<none>", "<none>", "<none>"],
  ],
  [
    "Node",
    {
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [{ type: "InternalIP", address: "198.18.0.11" }],
        nodeInfo: { kubeletVersion: "v1", osImage: "Debian", kernelVersion: "6.18" },
      },
    },
    { labels: { "node-role.kubernetes.io/worker": "" } },
    [
      "x",
      "Ready,SchedulingDisabled",
      "worker",
      "24h",
      "v1",
      "198.18.0.11",
      "<none>",
      "Debian",
      "6.18",
      "<unknown>",
    ],
  ],
  [
    "Service",
    {
      spec: {
        clusterIP: "10.96.0.1",
        ports: [{ port: 53, nodePort: 30053 }],
        selector: { a: "b" },
      },
    },
    {},
    ["x", "ClusterIP", "10.96.0.1", "<none>", "53:30053/TCP", "24h", "a=b"],
  ],
  [
    "EndpointSlice",
    {
      addressType: "IPv4",
      ports: [{ port: 80 }],
      endpoints: ["1", "2", "3", "4"].map((last) => ({ addresses: [`10.0.0.${last}`] })),
    },
    {},
    ["x", "IPv4", "80", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...", "24h"],
  ],
  [
    "Event",
    {
      involvedObject: { kind: "Pod", name: "web" },
      lastTimestamp: "2026-01-01T23:59:00Z",
      type: "Warning",
      reason: "NoAddress",
      message: "pool is exhausted\n",
      source: { component: "agent", host: "node1" },
    },
    {},
    [
      "60s",
      "Warning",
      "NoAddress",
      "pod/web",
      "",
      "agent, node1",
      "pool is exhausted",
      "<unknown>",
      1,
      "x",
    ],
  ],
  ["Secret", { data: { a: "", b: "" } }, {}, ["x", "Opaque", 2, "24h"]],
  [
    "NetworkPolicy",
    {
      spec: {
        podSelector: { matchExpressions: [{ key: "a", operator: "In", values: ["b", "c"] }] },
      },
    },
    {},
    ["x", "a in (b,c)", "24h"],
  ],
];

for (const [kind, body, metadata, wanted] of cells) {
  test(`${kind}: cells of ${JSON.stringify(body).slice(0, 60)}`, () => {
    const view = viewOf(kind);
    const found = view.cells(object(kind, body, metadata), nowMs);
    assert.deepEqual(found, wanted);
    assert.equal(found.length, view.columns.length);
  });
}

test("every served kind has as many cells as columns, and one column named Name", () => {
  for (const { kind, view } of servedKinds) {
    const template = { spec: { containers: [] } };
    const body = { spec: { template, selector: {}, podSelector: {}, containers: [] } };
    const bare = object(kind.kind, { ...body, involvedObject: {}, addressType: "IPv4" });
    assert.equal(view.cells(bare, nowMs).length, view.columns.length, kind.kind);
    assert.equal(view.columns.filter(({ format }) => format === "name").length, 1, kind.kind);
  }
});

test("renderTable() includes of each object what was asked for", () => {
  const secret = object("Secret", { data: { a: "" } });
  const options = {
    version: "v1",
    headers: true,
    nowMs,
    metadata: { resourceVersion: "7" },
  } as const;
  const table = renderTable(viewOf("Secret"), [secret], { ...options, includeObject: "Metadata" });
  assert.deepEqual(table, {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "7" },
    columnDefinitions: viewOf("Secret").columns,
    rows: [
      {
        cells: ["x", "Opaque", 1, "24h"],
        object: {
          kind: "PartialObjectMetadata",
          apiVersion: "meta.k8s.io/v1",
          metadata: secret.metadata,
        },
      },
    ],
  });
  const view = viewOf("Secret");
  const full = renderTable(view, [secret], { ...options, includeObject: "Object", headers: false });
  assert.equal(full.rows[0]?.object, secret);
  assert.deepEqual(full.columnDefinitions, []);
  const none = renderTable(view, [secret], { ...options, includeObject: "None" });
  assert.equal(none.rows[0]?.object, undefined);
  assert.equal(parseIncludeObject(null), "Metadata");
  assert.equal(parseIncludeObject("All"), undefined);
});
