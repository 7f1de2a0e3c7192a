/**
 * The route servers of the lab: processes in the device of the management network, where every
 * node's agent reaches them, over TLS. Each has an address of its own on the bridge.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatIp, formatPrefix } from "@heddle/inet";
import { stringify } from "yaml";
import { type LabContext, liveDevice } from "../state/context.ts";
import { isAlive } from "../state/process.ts";
import { readRecord } from "../state/process-record.ts";
import { managementDevice, type RouteServerPlace } from "../topology/topology.ts";
import { ask } from "./agent-status.ts";
import { bgpTlsPort, nodeDnsSuffix, routeServerDnsName } from "./objects.ts";
import type { KeyPair, Pki } from "./pki.ts";
import type { ClusterPrograms } from "./programs.ts";
import { serviceDirectory } from "./service-process.ts";

/** Long enough for a process that is started again; agents keep its routes so long. */
const restartSeconds = 120;

/** Socket of the route server's admin API, as this machine sees it. */
export function routeServerSocket(lab: LabContext, name: string): string {
  const { run } = lab.paths.device(managementDevice);
  return path.join(run, "heddle", name, "route-server.sock");
}

export function routeServerKubeconfig(lab: LabContext, name: string): string {
  return path.join(serviceDirectory(lab), `${name}.kubeconfig`);
}

export function isRouteServerAlive(lab: LabContext, name: string): boolean {
  const record = readRecord(lab.paths.device(managementDevice).processes, name);
  return record !== undefined && isAlive(record);
}

/** Returns how many were not running. @throws LabError */
export function ensureRouteServers(
  lab: LabContext,
  programs: Pick<ClusterPrograms, "routeServer">,
  pki: Pick<Pki, "folder" | "caFile">,
): number {
  const device = liveDevice(lab, managementDevice);
  const { routeServers } = lab.topology.management;
  const missing = routeServers.filter(({ name }) => !isRouteServerAlive(lab, name));
  for (const place of missing) {
    const file = path.join(serviceDirectory(lab), `${place.name}.yaml`);
    writeFileSync(file, stringify(configOf(lab, place, pki)), { mode: 0o600 });
    device.spawn([...programs.routeServer, "--config", file], {
      label: place.name,
      logFile: path.join(device.paths.logs, `${place.name}.log`),
    });
  }
  return missing.length;
}

/** The file that `heddle-route-server` reads. */
function configOf(
  lab: LabContext,
  { name, address }: RouteServerPlace,
  { folder, caFile }: Pick<Pki, "folder" | "caFile">,
): object {
  const { management, objects } = lab.topology;
  const [first] = management.routeServers;
  const clusterId = formatIp(first === undefined ? address : first.address);
  const identity = { by: "certificate", suffix: nodeDnsSuffix };
  return {
    ...{ name, asn: objects.fabric.spec.nodeAsn, routerId: formatIp(address), clusterId },
    families: ["ipv4", "ipv6", "ipv4-vpn", "ipv6-vpn", "evpn", "route-target"],
    kubeconfig: routeServerKubeconfig(lab, name),
    runDir: `/run/heddle/${name}`,
    tls: {
      certificate: path.join(folder, `${name}.crt`),
      key: path.join(folder, `${name}.key`),
      authorities: caFile,
    },
    listen: [{ address: formatIp(address), port: bgpTlsPort, tls: true }],
    agents: [{ name: "nodes", prefix: formatPrefix(management.prefix), identity }],
    gracefulRestart: { restartSeconds, deferralSeconds: 10 },
  };
}

/** The directory that an agent takes its certificate for BGP from. */
export function bgpTlsDirectory(lab: LabContext, node: string): string {
  return path.join(serviceDirectory(lab), "bgp-tls", node);
}

/** Puts the node's certificate where its agent looks, under the names of a Secret. */
export function installBgpTls(lab: LabContext, node: string, pki: Pki, keyPair: KeyPair): void {
  const directory = bgpTlsDirectory(lab, node);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  cpSync(keyPair.certFile, path.join(directory, "tls.crt"));
  cpSync(keyPair.keyFile, path.join(directory, "tls.key"));
  cpSync(pki.caFile, path.join(directory, "ca.crt"));
}

export interface RouteServerStatus {
  readonly name: string;
  readonly address: string;
  /** DNS name of its certificate. */
  readonly dnsName: string;
  readonly isAlive: boolean;
  /** Sessions with agents; undefined when it does not answer. */
  readonly established: number | undefined;
}

export async function routeServerStatus(
  lab: LabContext,
  { name, address }: RouteServerPlace,
): Promise<RouteServerStatus> {
  const text = await ask(routeServerSocket(lab, name), "/v1/status");
  const answer =
    text === undefined
      ? undefined
      : (JSON.parse(text) as { readonly bgp: { readonly established: number } });
  return {
    ...{ name, address: formatIp(address), dnsName: routeServerDnsName(name) },
    isAlive: isRouteServerAlive(lab, name),
    established: answer?.bgp.established,
  };
}
