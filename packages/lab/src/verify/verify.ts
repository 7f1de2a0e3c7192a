/**
 * Runs the flow matrix in a lab: finds the endpoints, sends the probes from inside each, judges the
 * answers.
 */
import { familyOf, formatIp, type Ip, parseInterfaceAddress, parseIp } from "@heddle/inet";
import { peersOf } from "../cluster/agent-status.ts";
import { echoPort } from "../cluster/demo.ts";
import { findPrograms } from "../cluster/programs.ts";
import { runCommand } from "../device/command.ts";
import { type PodOnNode, podsOfLab } from "../kubernetes/stand-ins.ts";
import { inParallel } from "../parallel.ts";
import { type LabContext, liveDevice } from "../state/context.ts";
import type { LabDevice } from "../topology/topology.ts";
import { ensureEcho } from "./echo.ts";
import {
  type Flow,
  type FlowEndpoint,
  type FlowInventory,
  type FlowRow,
  judgeFlow,
  planFlows,
  podLeftOut,
} from "./flow.ts";
import type { Probe, ProbeAnswer } from "./probe.ts";

const probeTimeoutMs = 2000;
const probeAttempts = 2;
const sourcesAtOnce = 2;
const podsAtOnce = 4;
/** Beyond the attempts, which run side by side, and one more for the latency of each flow. */
const probeStartLimitMs = 30_000;

/**
 * One row per flow, per kind of flow that could not be verified, per pod that takes part in none,
 * and per session of a node with a route server. @throws LabError
 */
export async function verifyFlows(lab: LabContext): Promise<FlowRow[]> {
  for (const { name, role } of lab.topology.devices) {
    if (role === "server" || role === "external") ensureEcho(lab, name);
  }
  const pods = await podsWithAddresses(lab);
  const { flows, missing } = planFlows(inventoryOf(lab, pods));
  const bySource = Map.groupBy(flows, (flow) => flow.from);
  const rows = new Map<Flow, FlowRow>();
  await inParallel([...bySource], sourcesAtOnce, async ([source, ofSource]) => {
    const answers = await probe(lab, source, ofSource);
    for (const [i, flow] of ofSource.entries()) rows.set(flow, judgeFlow(flow, answers[i]));
  });
  const unverified = missing.map(({ flow, reason }): FlowRow => {
    return {
      ...{ flow, from: "-", to: "-", family: null, protocol: null },
      ...{ verdict: "fail", latencyMs: null, reason },
    };
  });
  const leftOut = pods.map(leftOutRow).filter((row) => row !== undefined);
  const sessions = await inParallel(nodesOf(lab), sourcesAtOnce, (node) => sessionRows(lab, node));
  const probed = flows.map((flow) => rows.get(flow) as FlowRow);
  return [...probed, ...unverified, ...leftOut, ...sessions.flat()];
}

function nodesOf(lab: LabContext): LabDevice[] {
  return lab.topology.devices.filter(({ role }) => role === "node");
}

/** What VPCs hear of each other goes over these. */
async function sessionRows(lab: LabContext, { name: from }: LabDevice): Promise<FlowRow[]> {
  const peers = (await peersOf(lab, from)) ?? [];
  return lab.topology.management.routeServers.map(({ name: to, address }) => {
    const peer = peers.find((each) => each.address === formatIp(address));
    const isUp = peer?.state === "Established";
    const why = peer === undefined ? "the agent knows no such peer" : (peer.reason ?? peer.state);
    return {
      ...{ flow: "BGP node-route server", from, to, family: familyOf(address), protocol: null },
      ...{ latencyMs: null, reason: isUp ? "" : why },
      verdict: isUp ? "pass" : "fail",
    };
  });
}

/** The interfaces of the pods are asked, so that it works while the API server does not. */
async function podsWithAddresses(lab: LabContext): Promise<ObservedPod[]> {
  const pods = podsOfLab(lab).filter(({ record }) => record.addresses.length > 0);
  return await inParallel(pods, podsAtOnce, async (pod) => {
    const argv = [
      lab.tools.enter,
      "--target",
      String(pod.pid),
      "--",
      "ip",
      "-json",
      "addr",
      "show",
    ];
    const { stdout } = await runCommand([...argv, "scope", "global"]);
    return { ...pod, own: parseAddresses(stdout) };
  });
}

interface ObservedPod extends PodOnNode {
  /** What its interfaces carry. */
  readonly own: readonly Ip[];
}

/** What the scope leaves out is shown by ip(8) as empty objects. */
interface ShownLink {
  readonly addr_info?: readonly { readonly local?: string }[];
}

function parseAddresses(json: string): Ip[] {
  const links = JSON.parse(json) as readonly ShownLink[];
  return links
    .flatMap(({ addr_info = [] }) => addr_info.map(({ local }) => local))
    .filter((local) => local !== undefined)
    .map(parseIp);
}

/** A pod of a VPC does not carry the addresses by which the cluster knows it. */
function leftOutRow({ record, own }: ObservedPod): FlowRow | undefined {
  return podLeftOut(`${record.namespace}/${record.name}`, record.addresses.map(parseIp), own);
}

function inventoryOf(lab: LabContext, observed: readonly ObservedPod[]): FlowInventory {
  const devices = lab.topology.devices;
  const ofRole = (role: LabDevice["role"]): FlowEndpoint[] =>
    devices.filter((device) => device.role === role).map((device) => endpointOf(lab, device));
  const racks = new Map(devices.map(({ name, rack }) => [name, rack]));
  const pods = observed
    .filter((pod) => leftOutRow(pod) === undefined)
    .map(({ node, record, pid }) => ({
      name: `${record.namespace}/${record.name}`,
      device: node,
      pid,
      addresses: record.addresses.map(parseIp),
      ownAddresses: record.addresses.map(parseIp),
      node,
      rack: racks.get(node) ?? node,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    pods,
    nodes: ofRole("node"),
    bareMetal: ofRole("server"),
    external: ofRole("external"),
  };
}

function endpointOf(lab: LabContext, { name, managementAddress }: LabDevice): FlowEndpoint {
  const { pid } = liveDevice(lab, name).holder;
  const onLinks = linkAddresses(lab, name);
  const ownAddresses = [
    ...onLinks.flat(),
    ...(managementAddress === undefined ? [] : [managementAddress]),
  ];
  return { name, device: name, pid, addresses: onLinks[0] ?? [], ownAddresses };
}

/** A device's own addresses, by link; those of its links into VRFs come before others. */
function linkAddresses(lab: LabContext, device: string): Ip[][] {
  const links = lab.topology.objects.links.toSorted(
    (a, b) => Number(a.spec.vrf === undefined) - Number(b.spec.vrf === undefined),
  );
  return links.flatMap(({ spec }) => {
    const end = [spec.a, spec.b].find((it) => (it.node ?? it.device) === device);
    if (end === undefined) return [];
    return [end.addresses.map((text) => parseInterfaceAddress(text).address)];
  });
}

/** Answers in the order of `flows`. @throws LabError when the prober itself fails */
async function probe(
  lab: LabContext,
  source: FlowEndpoint,
  flows: readonly Flow[],
): Promise<readonly ProbeAnswer[]> {
  const probes = flows.map((flow): Probe => {
    return {
      protocol: flow.protocol,
      address: formatIp(flow.address),
      port: echoPort,
      timeoutMs: probeTimeoutMs,
      attempts: probeAttempts,
    };
  });
  const { stdout } = await runCommand(
    [lab.tools.enter, "--target", String(source.pid), "--", ...findPrograms(["probe"]).probe],
    { input: JSON.stringify(probes), timeoutMs: probeLimitMs(flows.length) },
  );
  return JSON.parse(stdout) as readonly ProbeAnswer[];
}

function probeLimitMs(probeCount: number): number {
  return probeStartLimitMs + (probeAttempts + probeCount) * probeTimeoutMs;
}
