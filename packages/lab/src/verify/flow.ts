/**
 * The flow matrix of `heddle verify flows`: who must reach whom, with every protocol and both
 * families
 * (requirement T11, T13, P30). Pure: the inventory goes in, the flows come out.
 */
import { type Family, familyOf, formatIp, type Ip } from "@heddle/inet";

export type FlowProtocol = "icmp" | "tcp" | "udp";

/** Something that sends or answers: a pod, a node, a server. */
export interface FlowEndpoint {
  /** As shown: `default/web-1`, `node1`, `bm1`. */
  readonly name: string;
  /** Device of the lab whose namespaces hold it; a pod has its own `pid`. */
  readonly device: string;
  /** Process whose network namespace it is. */
  readonly pid: number;
  /** Where it is reached, at most one address of each family. */
  readonly addresses: readonly Ip[];
  /** All of its own addresses: one of them is what others must see. */
  readonly ownAddresses: readonly Ip[];
}

export interface PodEndpoint extends FlowEndpoint {
  readonly node: string;
  readonly rack: string;
}

export interface FlowInventory {
  readonly pods: readonly PodEndpoint[];
  readonly nodes: readonly FlowEndpoint[];
  readonly bareMetal: readonly FlowEndpoint[];
  readonly external: readonly FlowEndpoint[];
}

export interface Flow {
  /** `pod-pod same node`, `pod-bare metal`, … */
  readonly flow: string;
  readonly from: FlowEndpoint;
  readonly to: FlowEndpoint;
  readonly family: Family;
  readonly protocol: FlowProtocol;
  readonly address: Ip;
  /** What the other side may see as the source: the sender's own, since there is no NAT. */
  readonly sources: readonly Ip[];
}

interface EndpointPair {
  readonly flow: string;
  readonly from: FlowEndpoint | undefined;
  readonly to: FlowEndpoint | undefined;
}

/** A kind of flow for which the inventory has no pair of endpoints. */
export interface MissingFlow {
  readonly flow: string;
  readonly reason: string;
}

export interface FlowMatrix {
  readonly flows: readonly Flow[];
  readonly missing: readonly MissingFlow[];
}

const protocols: readonly FlowProtocol[] = ["icmp", "tcp", "udp"];

export function planFlows(inventory: FlowInventory): FlowMatrix {
  const flows: Flow[] = [];
  const missing: MissingFlow[] = [];
  for (const pair of endpointPairs(inventory)) {
    const { from, to } = pair;
    if (from === undefined || to === undefined) {
      missing.push({ flow: pair.flow, reason: "no two endpoints of that kind are running" });
      continue;
    }
    flows.push(...flowsBetween(pair.flow, from, to));
  }
  return { flows, missing };
}

function endpointPairs(inventory: FlowInventory): EndpointPair[] {
  const { pods } = inventory;
  const pair = (
    flow: string,
    ends: readonly [PodEndpoint, PodEndpoint] | undefined,
  ): EndpointPair => ({
    flow,
    from: ends?.[0],
    to: ends?.[1],
  });
  const one = (flow: string, from?: FlowEndpoint, to?: FlowEndpoint): EndpointPair => ({
    flow,
    from,
    to,
  });
  const [pod] = pods;
  const [bareMetal] = inventory.bareMetal;
  const [external] = inventory.external;
  const ownNode = inventory.nodes.find((node) => node.name === pod?.node);
  const otherNode = inventory.nodes.find((node) => node.name !== pod?.node);
  return [
    pair(
      "pod-pod same node",
      findPods(pods, (a, b) => a.node === b.node),
    ),
    pair(
      "pod-pod same rack",
      findPods(pods, (a, b) => a.node !== b.node && a.rack === b.rack),
    ),
    pair(
      "pod-pod across racks",
      findPods(pods, (a, b) => a.rack !== b.rack),
    ),
    one("pod-bare metal", pod, bareMetal),
    one("bare metal-pod", bareMetal, pod),
    one("pod-external", pod, external),
    one("external-pod", external, pod),
    one("node-pod own node", ownNode, pod),
    one("node-pod other node", otherNode, pod),
  ];
}

function findPods(
  pods: readonly PodEndpoint[],
  suits: (a: PodEndpoint, b: PodEndpoint) => boolean,
): readonly [PodEndpoint, PodEndpoint] | undefined {
  for (const [i, a] of pods.entries()) {
    const b = pods.find((other, at) => at > i && suits(a, other));
    if (b !== undefined) return [a, b];
  }
  return undefined;
}

function flowsBetween(flow: string, from: FlowEndpoint, to: FlowEndpoint): Flow[] {
  const flows: Flow[] = [];
  for (const address of to.addresses) {
    const family = familyOf(address);
    const sources = from.ownAddresses.filter((own) => familyOf(own) === family);
    if (sources.length === 0) continue;
    for (const protocol of protocols) {
      flows.push({ flow, from, to, family, protocol, address, sources });
    }
  }
  return flows;
}

/** One row of the table, and of `-o json`. */
export interface FlowRow {
  readonly flow: string;
  readonly from: string;
  readonly to: string;
  readonly family: Family | null;
  readonly protocol: FlowProtocol | null;
  /** `skip`: an endpoint that takes part in no flow. */
  readonly verdict: "pass" | "fail" | "skip";
  readonly latencyMs: number | null;
  /** Empty when the verdict is pass. */
  readonly reason: string;
}

/**
 * The row of a pod whose interfaces do not carry all of `addresses`, by which the cluster knows it:
 * a pod of a VPC, which only its node reaches by them. Undefined for any other pod.
 */
export function podLeftOut(
  name: string,
  addresses: readonly Ip[],
  own: readonly Ip[],
): FlowRow | undefined {
  if (addresses.every((address) => own.includes(address))) return undefined;
  const show = (ips: readonly Ip[]): string => ips.map(formatIp).join(", ") || "no address";
  return {
    ...{ flow: "pod of a VPC", from: name, to: "-", family: null, protocol: null },
    ...{ verdict: "skip", latencyMs: null },
    reason: `left out: its interface has ${show(own)}, the cluster knows it as ${show(addresses)}`,
  };
}

/** What a probe of one flow found. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly latencyMs: number | null;
  /** The source address that the answering side saw, when it says. */
  readonly seenSource: string | null;
  readonly reason: string;
}

/** A flow passes when it was answered and the other side saw the sender's own address. */
export function judgeFlow(flow: Flow, result: ProbeResult | undefined): FlowRow {
  const reason = reasonOf(flow, result);
  return {
    flow: flow.flow,
    from: flow.from.name,
    to: flow.to.name,
    family: flow.family,
    protocol: flow.protocol,
    verdict: reason === "" ? "pass" : "fail",
    latencyMs: result === undefined ? null : result.latencyMs,
    reason,
  };
}

function reasonOf(flow: Flow, result: ProbeResult | undefined): string {
  if (result === undefined) return "the probe gave no answer";
  if (!result.ok) return result.reason;
  const { seenSource } = result;
  const own = flow.sources.map(formatIp);
  if (seenSource === null || own.includes(seenSource)) return "";
  return `the receiver saw ${seenSource}, want ${own.join(" or ")}`;
}
