/**
 * What an agent may do: read what every node needs, write only what belongs to its own node. A
 * check returns why a request is refused. Objects come from the network, so nothing about their
 * shape is taken for granted.
 */
import type { KubeObject } from "@heddle/api";
import { isJsonObject } from "../patch/json-value.ts";
import type { Attributes, ClusterFacts } from "./attributes.ts";
import type { Rule } from "./roles.ts";

export interface AgentRule extends Rule {
  /** Why not; undefined when the request is allowed. */
  readonly check?: (
    node: string,
    attributes: Attributes,
    facts: ClusterFacts,
  ) => string | undefined;
}

/** Where the Leases of nodes are. */
export const nodeLeaseNamespace = "kube-node-lease";

const read = ["get", "list", "watch"] as const;
const write = ["create", "update", "patch"] as const;

export const agentRules: readonly AgentRule[] = [
  {
    verbs: read,
    group: "heddle.io",
    resources: "*",
  },
  {
    verbs: read,
    group: "",
    resources: ["namespaces", "nodes", "pods", "services", "configmaps"],
  },
  { verbs: read, group: "discovery.k8s.io", resources: ["endpointslices"] },
  { verbs: read, group: "networking.k8s.io", resources: ["networkpolicies"] },
  { verbs: ["get"], group: "", resources: ["secrets"], check: oneByName },
  { verbs: read, group: "coordination.k8s.io", resources: ["leases"], check: nodeLeases },
  { verbs: write, group: "coordination.k8s.io", resources: ["leases"], check: ownLease },
  { verbs: ["create"], group: "", resources: ["nodes"], check: ownName },
  { verbs: ["update", "patch"], group: "", resources: ["nodes", "nodes/status"], check: ownName },
  { verbs: ["update", "patch"], group: "", resources: ["pods/status"], check: ownPod },
  { verbs: write, group: "", resources: ["events"] },
  {
    verbs: [...write, "delete"],
    group: "heddle.io",
    resources: ["ports", "ports/status"],
    check: ownSpecNode,
  },
  {
    verbs: [...write, "delete"],
    group: "heddle.io",
    resources: ["ipblocks", "ipblocks/status"],
    check: ownSpecNode,
  },
  { verbs: ["create"], group: "heddle.io", resources: ["ipclaims"], check: withoutHolder },
  {
    verbs: ["update", "patch"],
    group: "heddle.io",
    resources: ["ipclaims/status"],
    check: ownHolder,
  },
  {
    verbs: ["update", "patch"],
    group: "heddle.io",
    resources: ["bgppeers/status"],
    check: ownSession,
  },
];

function oneByName(_node: string, { name }: Attributes): string | undefined {
  return name === undefined ? "an agent reads Secrets one by one, by name" : undefined;
}

/** Whether a node lives decides who may take what it owned. */
function nodeLeases(_node: string, { namespace }: Attributes): string | undefined {
  return namespace === nodeLeaseNamespace ? undefined : `want namespace ${nodeLeaseNamespace}`;
}

function ownLease(node: string, { namespace, name, object }: Attributes): string | undefined {
  const wanted = name === undefined ? object?.metadata.name : name;
  return namespace === nodeLeaseNamespace && wanted === node
    ? undefined
    : `want the Lease ${JSON.stringify(node)} in namespace ${nodeLeaseNamespace}`;
}

function ownName(node: string, { name, object }: Attributes): string | undefined {
  const wanted = name === undefined ? object?.metadata.name : name;
  return wanted === node ? undefined : `want the agent's own Node ${JSON.stringify(node)}`;
}

function ownPod(node: string, { object, previous }: Attributes): string | undefined {
  const bound = [object, previous].every(
    (each) => each === undefined || textAt(each, "spec", "nodeName") === node,
  );
  return bound && previous !== undefined ? undefined : `want a Pod bound to node ${node}`;
}

/** Neither takes an object from a living node nor makes one for it, and deletes only its own. */
function ownSpecNode(
  node: string,
  attributes: Attributes,
  facts: ClusterFacts,
): string | undefined {
  const { verb, object, previous } = attributes;
  if (previous === undefined && verb !== "create") return "the stored object is not known";
  if (object === undefined && verb !== "delete") return "the object is not known";
  return notOwn(node, attributes, previous, facts) ?? notOwn(node, attributes, object, undefined);
}

/** A block without an owner is free for any node to take, and one's own may be given up. */
function notOwn(
  node: string,
  { verb, resource, subresource }: Attributes,
  object: KubeObject | undefined,
  facts: ClusterFacts | undefined,
): string | undefined {
  const owner = object === undefined ? node : textAt(object, "spec", "node");
  if (owner === node) return undefined;
  const mayChangeHands = resource === "ipblocks" && subresource === undefined && verb !== "delete";
  if (owner === undefined) return mayChangeHands ? undefined : `want spec.node ${node}`;
  if (mayChangeHands && facts?.isNodeGone(owner) === true) return undefined;
  return `it belongs to node ${owner}`;
}

function withoutHolder(_node: string, { object }: Attributes): string | undefined {
  return object !== undefined && textAt(object, "status", "holder", "node") === undefined
    ? undefined
    : "want a claim without holder";
}

/** An agent takes a claim that no living node holds, and gives up or changes one that it holds. */
function ownHolder(
  node: string,
  { object, previous }: Attributes,
  facts: ClusterFacts,
): string | undefined {
  if (object === undefined || previous === undefined) return "the object is not known";
  const holder = (each: KubeObject): string | undefined => textAt(each, "status", "holder", "node");
  const before = holder(previous);
  if (before !== undefined && before !== node && !facts.isNodeGone(before)) {
    return `node ${before} holds the claim`;
  }
  const after = holder(object);
  return after === undefined || after === node ? undefined : `want holder ${node}`;
}

/** The entries of `status.sessions` of other nodes stay as they are. */
function ownSession(node: string, { object, previous }: Attributes): string | undefined {
  if (object === undefined || previous === undefined) return "the object is not known";
  const others = (each: KubeObject): string => {
    const sessions = valueAt(each, "status", "sessions");
    const list: readonly unknown[] = Array.isArray(sessions) ? sessions : [];
    return JSON.stringify(list.filter((entry) => !isJsonObject(entry) || entry["node"] !== node));
  };
  return others(object) === others(previous)
    ? undefined
    : `want sessions of other nodes than ${node} unchanged`;
}

function valueAt(object: KubeObject, ...path: readonly string[]): unknown {
  let value: unknown = object;
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function textAt(object: KubeObject, ...path: readonly string[]): string | undefined {
  const value = valueAt(object, ...path);
  return typeof value === "string" && value !== "" ? value : undefined;
}
