import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf, ipBlockKind, ipClaimKind, type KubeObject, portKind } from "@heddle/api";
import type { Attributes, Verb } from "./attributes.ts";
import { authorize, authorizePath, formatRefusal } from "./authorize.ts";
import { anonymousUser, type User } from "./user.ts";

const group = "heddle.io";
const users: Readonly<Record<string, User>> = {
  admin: { name: "root", groups: ["system:masters"] },
  controller: { name: "controller", groups: ["heddle:controllers"] },
  agent: { name: "heddle:agent:node1", groups: ["heddle:agents"] },
  kubelet: { name: "system:node:node1", groups: ["system:nodes"] },
  nameless: { name: "somebody", groups: ["heddle:agents"] },
  viewer: { name: "watcher", groups: ["heddle:viewers"] },
  nobody: anonymousUser,
};

function port(node: string): KubeObject {
  return objectOf(portKind, "p", { spec: { node } });
}
function block(node?: string): KubeObject {
  return objectOf(ipBlockKind, "b", { spec: node === undefined ? {} : { node } });
}
function claim(node?: string): KubeObject {
  return objectOf(ipClaimKind, "c", node === undefined ? {} : { status: { holder: { node } } });
}
function sessions(nodes: Readonly<Record<string, string>>): KubeObject {
  const list = Object.entries(nodes).map(([node, state]) => ({ node, state }));
  return objectOf(portKind, "x", { status: { sessions: list } });
}
function objectOf(
  kind: { group: string; version: string; kind: string },
  name: string,
  body: object,
): KubeObject {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, ...body };
}

function request(verb: Verb, resource: string, more: Partial<Attributes> = {}): Attributes {
  const [plural, subresource] = resource.split("/") as [string, string | undefined];
  const part = subresource === undefined ? {} : { subresource };
  return { verb, group, resource: plural, ...part, ...more };
}

const core = { group: "" };
const leases = { group: "coordination.k8s.io", namespace: "kube-node-lease" };

type Row = readonly [user: string, attributes: Attributes, allowed: boolean];

const table: readonly Row[] = [
  ["admin", request("deletecollection", "secrets", core), true],
  ["controller", request("delete", "subnets"), true],
  ["controller", request("list", "pods", core), true],
  ["controller", request("list", "secrets", core), false],
  ["controller", request("get", "secrets", { ...core, name: "s" }), true],
  ["controller", request("delete", "pods", core), false],
  ["viewer", request("watch", "ports"), true],
  ["viewer", request("get", "secrets", { ...core, name: "s" }), false],
  ["viewer", request("patch", "ports"), false],
  ["nobody", request("get", "subnets", { name: "a" }), false],
  ["nameless", request("list", "subnets"), false],
  ["kubelet", request("list", "subnets"), true],
  ["agent", request("watch", "pods", core), true],
  ["agent", request("create", "subnets", { object: port("node1") }), false],
  ["agent", request("get", "secrets", { ...core, namespace: "heddle", name: "bgp" }), true],
  ["agent", request("get", "secrets", { ...core, namespace: "heddle" }), false],
  ["agent", request("list", "secrets", { ...core, name: "bgp" }), false],
  ["agent", request("update", "leases", { ...leases, name: "node1" }), true],
  ["agent", request("list", "leases", leases), true],
  ["agent", request("list", "leases", { group: leases.group }), false],
  [
    "agent",
    request("create", "leases", { ...leases, object: objectOf(portKind, "node1", {}) }),
    true,
  ],
  ["agent", request("update", "leases", { ...leases, name: "node2" }), false],
  ["agent", request("update", "leases", { ...leases, namespace: "default", name: "node1" }), false],
  ["agent", request("patch", "nodes/status", { ...core, name: "node1" }), true],
  ["agent", request("patch", "nodes/status", { ...core, name: "node2" }), false],
  ["agent", request("delete", "nodes", { ...core, name: "node1" }), false],
  ["agent", request("create", "ports", { object: port("node1") }), true],
  ["agent", request("create", "ports", { object: port("node2") }), false],
  ["agent", request("create", "ports"), false],
  [
    "agent",
    request("update", "ports/status", { object: port("node1"), previous: port("node1") }),
    true,
  ],
  [
    "agent",
    request("update", "ports/status", { object: port("node1"), previous: port("node2") }),
    false,
  ],
  ["agent", request("update", "ports/status", { object: port("node1") }), false],
  ["agent", request("patch", "ports", { object: port("node2"), previous: port("node1") }), false],
  ["agent", request("delete", "ports", { previous: port("node1") }), true],
  ["agent", request("delete", "ports", { previous: port("node2") }), false],
  ["agent", request("delete", "ports"), false],
  ["agent", request("deletecollection", "ports"), false],
  ["agent", request("create", "ipblocks", { object: block("node1") }), true],
  ["agent", request("create", "ipblocks", { object: block("node2") }), false],
  ["agent", request("update", "ipblocks", { object: block("node1"), previous: block() }), true],
  ["agent", request("update", "ipblocks", { object: block(), previous: block("node1") }), true],
  [
    "agent",
    request("update", "ipblocks", { object: block("node1"), previous: block("node2") }),
    false,
  ],
  [
    "agent",
    request("update", "ipblocks", { object: block("node2"), previous: block("node1") }),
    false,
  ],
  ["agent", request("delete", "ipblocks", { previous: block() }), false],
  ["agent", request("delete", "ipblocks", { previous: block("node1") }), true],
  ["agent", request("create", "ipclaims", { object: claim() }), true],
  ["agent", request("create", "ipclaims", { object: claim("node1") }), false],
  [
    "agent",
    request("update", "ipclaims/status", { object: claim("node1"), previous: claim() }),
    true,
  ],
  [
    "agent",
    request("update", "ipclaims/status", { object: claim(), previous: claim("node1") }),
    true,
  ],
  [
    "agent",
    request("update", "ipclaims/status", { object: claim("node1"), previous: claim("node2") }),
    false,
  ],
  [
    "agent",
    request("update", "ipclaims/status", { object: claim("node2"), previous: claim("node1") }),
    false,
  ],
  ["agent", request("update", "ipclaims", { object: claim(), previous: claim() }), false],
  [
    "agent",
    request("patch", "bgppeers/status", {
      object: sessions({ node1: "Established", node2: "Idle" }),
      previous: sessions({ node1: "Idle", node2: "Idle" }),
    }),
    true,
  ],
  [
    "agent",
    request("patch", "bgppeers/status", {
      object: sessions({ node2: "Established" }),
      previous: sessions({ node2: "Idle" }),
    }),
    false,
  ],
];

for (const [name, attributes, allowed] of table) {
  const { verb, resource, subresource, object, previous } = attributes;
  const what = `${verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}`;
  const detail = JSON.stringify({ name: attributes.name, object, previous });
  test(`${name} ${allowed ? "may" : "may not"} ${what} ${detail}`, () => {
    const decision = authorize(users[name] as User, attributes);
    assert.equal(decision.allowed, allowed, decision.reason);
    assert.notEqual(decision.reason, "");
  });
}

test("an agent takes blocks and claims of a node only when that node is gone", () => {
  const facts = { isNodeGone: (node: string): boolean => node === "dead" };
  const take = (resource: string, object: KubeObject, previous: KubeObject): boolean => {
    const attributes = request("update", resource, { object, previous });
    return authorize(users["agent"] as User, attributes, facts).allowed;
  };
  assert.equal(take("ipblocks", block("node1"), block("dead")), true);
  assert.equal(take("ipblocks", block("node1"), block("node2")), false);
  assert.equal(take("ipblocks", block("dead"), block("node1")), false);
  assert.equal(take("ipblocks/status", block("dead"), block("dead")), false);
  assert.equal(take("ports", port("node1"), port("dead")), false);
  assert.equal(take("ipclaims/status", claim("node1"), claim("dead")), true);
  assert.equal(take("ipclaims/status", claim("dead"), claim("dead")), false);
  const attributes = request("delete", "ipblocks", { previous: block("dead") });
  assert.equal(authorize(users["agent"] as User, attributes, facts).allowed, false);
});

test("authorize() refuses an agent objects of any shape without throwing", () => {
  for (const spec of [null, 1, "x", [], { node: 1 }, { node: { toString: "node1" } }]) {
    const object = objectOf(portKind, "p", { spec });
    const attributes = request("update", "ports", { object, previous: object });
    assert.equal(authorize(users["agent"] as User, attributes).allowed, false);
  }
});

test("formatRefusal() speaks as kube-apiserver does", () => {
  const user = users["viewer"] as User;
  const attributes = request("update", "ports/status", { namespace: "prod", name: "web" });
  assert.equal(
    formatRefusal(user, attributes, "no rule of a role allows it"),
    'ports.heddle.io "web" is forbidden: User "watcher" cannot update resource "ports/status" in API group "heddle.io" in the namespace "prod": no rule of a role allows it',
  );
});

test("authorizePath() opens health to all, discovery to known users, the rest to admins", () => {
  const known: User = { name: "x", groups: ["system:authenticated"] };
  assert.equal(authorizePath(anonymousUser, "/readyz").allowed, true);
  assert.equal(authorizePath(anonymousUser, "/openapi/v2").allowed, false);
  assert.equal(authorizePath(known, "/openapi/v2").allowed, true);
  assert.equal(authorizePath(known, "/metrics").allowed, false);
  assert.equal(authorizePath(users["admin"] as User, "/metrics").allowed, true);
  assert.equal(authorizePath(anonymousUser, "/versions").allowed, false);
});
