/** Wanted against found for one pod interface. Reads only. */
import {
  defaultPrefix,
  familyOf,
  formatIp,
  formatMac,
  formatPrefix,
  hostPrefix,
  type Ifindex,
  type Ip,
  type Mac,
  type Prefix,
} from "@heddle/inet";
import {
  IFF_UP,
  IN6_ADDR_GEN_MODE_NONE,
  type Link,
  NUD_PERMANENT,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  type Rtnetlink,
  type SharedBlocks,
} from "@heddle/netlink";
import type { PodInterface } from "../dataplane.ts";
import { formatPodAlias, isPodLink, protoHeddle } from "./pod-mark.ts";
import { gatewayFor, hostAddressesOf, loopback, type PodBlocks } from "./pod-requests.ts";
import type { PodSide } from "./pod-side.ts";

/** Collects sentences; `where` names the namespace and interface. */
class Differences {
  readonly sentences: string[] = [];

  expect(what: string, found: unknown, want: unknown): void {
    if (found !== want) this.sentences.push(`${what}: ${String(found)}, want ${String(want)}`);
  }

  /** Two sets as text, order aside. */
  expectSet(what: string, found: readonly string[], want: readonly string[]): void {
    const show = (set: readonly string[]): string => set.toSorted().join(" ") || "none";
    this.expect(what, show([...new Set(found)]), show(want));
  }
}

/** What differs, as sentences; empty when nothing does. @throws NetlinkError, SystemError */
export function differencesOf(
  pod: PodInterface,
  blocks: PodBlocks,
  host: Rtnetlink,
  side: PodSide,
): readonly string[] {
  const differences = new Differences();
  const link = host.link({ name: pod.hostIfname });
  if (link === undefined) return [`host interface ${pod.hostIfname} is missing`];
  if (!isPodLink(link)) return [`host interface ${pod.hostIfname} is not one of ours`];
  checkHostLink(differences, pod, link);
  const where = `host interface ${pod.hostIfname}`;
  differences.expect(`tc blocks of ${where}`, showBlocks(host, link.ifindex), formatBlocks(blocks));
  const hostAddresses = hostAddressesOf(pod);
  checkNeighbors(differences, where, host, link.ifindex, hostAddresses, pod.mac);
  checkHostRoutes(differences, host, link.ifindex, hostAddresses);
  const podEnd = side.farEndOf(link, host, pod.ifname);
  if (podEnd !== undefined) checkPodSide(differences, pod, side, podEnd);
  else differences.expect(where, "connected elsewhere", `connected to ${pod.ifname} of the pod`);
  return differences.sentences;
}

/** Whether the link has the clsact qdisc with these blocks, one with others, or none. */
export function clsactState(
  host: Rtnetlink,
  ifindex: Ifindex,
  blocks: PodBlocks,
): "right" | "wrong" | "missing" {
  const found = showBlocks(host, ifindex);
  if (found === noClsact) return "missing";
  return found === formatBlocks(blocks) ? "right" : "wrong";
}

const noClsact = "none";

function showBlocks(host: Rtnetlink, ifindex: Ifindex): string {
  const qdisc = host.qdiscs(ifindex).find(({ kind }) => kind === "clsact");
  if (qdisc === undefined) return noClsact;
  return formatBlocks({ ingress: qdisc.ingressBlock, egress: qdisc.egressBlock });
}

function formatBlocks({ ingress, egress }: SharedBlocks): string {
  return `ingress ${ingress ?? "own"}, egress ${egress ?? "own"}`;
}

function checkLink(
  differences: Differences,
  where: string,
  link: Link,
  mac: Mac,
  mtu: number,
): void {
  differences.expect(`state of ${where}`, (link.flags & IFF_UP) !== 0 ? "up" : "down", "up");
  differences.expect(`MTU of ${where}`, link.mtu, mtu);
  const found = link.mac === undefined ? "none" : formatMac(link.mac);
  differences.expect(`MAC address of ${where}`, found, formatMac(mac));
}

function checkHostLink(differences: Differences, pod: PodInterface, link: Link): void {
  const where = `host interface ${pod.hostIfname}`;
  checkLink(differences, where, link, pod.hostMac, pod.mtu);
  differences.expect(`alias of ${where}`, link.alias ?? "none", formatPodAlias(pod));
  const { addrGenMode } = link;
  if (addrGenMode !== undefined) {
    const found = addrGenMode === IN6_ADDR_GEN_MODE_NONE ? "none" : `mode ${addrGenMode}`;
    differences.expect(`IPv6 address generation of ${where}`, found, "none");
  }
}

function checkNeighbors(
  differences: Differences,
  where: string,
  rtnetlink: Rtnetlink,
  ifindex: Ifindex,
  addresses: readonly Ip[],
  mac: Mac,
): void {
  const show = (address: Ip | undefined, at: Mac | undefined): string =>
    `${address === undefined ? "?" : formatIp(address)}@${at === undefined ? "?" : formatMac(at)}`;
  const found = rtnetlink
    .neighbors({ ifindex })
    .filter(({ state, protocol }) => state === NUD_PERMANENT && protocol === protoHeddle)
    .map((neighbor) => show(neighbor.address, neighbor.mac));
  const want = addresses.map((address) => show(address, mac));
  differences.expectSet(`permanent neighbors of ${where}`, found, want);
}

function checkHostRoutes(
  differences: Differences,
  host: Rtnetlink,
  ifindex: Ifindex,
  addresses: readonly Ip[],
): void {
  const want = addresses.map((address) => showRoute(hostPrefix(address), undefined));
  differences.expectSet("host routes to the pod", showRoutes(host, ifindex), want);
}

/** Our routes through one interface. */
function showRoutes(rtnetlink: Rtnetlink, ifindex: Ifindex): readonly string[] {
  const found = [4, 6] as const;
  return found
    .flatMap((family) => rtnetlink.routes({ family, table: RT_TABLE_MAIN, protocol: protoHeddle }))
    .filter(({ nexthops }) => nexthops.some((nexthop) => nexthop.ifindex === ifindex))
    .map(({ prefix, nexthops }) => showRoute(prefix, nexthops[0]?.via));
}

function showRoute(prefix: Prefix, via: Ip | undefined): string {
  const text = formatPrefix(prefix);
  return via === undefined ? text : `${text}-via-${formatIp(via)}`;
}

function checkPodSide(
  differences: Differences,
  pod: PodInterface,
  side: PodSide,
  link: Link,
): void {
  const { rtnetlink } = side;
  const where = `pod interface ${pod.ifname}`;
  const lo = rtnetlink.link({ ifindex: loopback });
  differences.expect(
    "loopback of the pod",
    ((lo?.flags ?? 0) & IFF_UP) !== 0 ? "up" : "down",
    "up",
  );
  checkLink(differences, where, link, pod.mac, pod.mtu);
  const addresses = rtnetlink
    .addresses({ ifindex: link.ifindex })
    .filter(({ scope }) => scope === RT_SCOPE_UNIVERSE)
    .map(({ address, prefixLength }) => `${formatIp(address)}/${prefixLength}`);
  const want = pod.addresses.map((address) => formatPrefix(hostPrefix(address)));
  differences.expectSet(`addresses of ${where}`, addresses, want);
  const gateways = pod.addresses.map(gatewayFor);
  checkNeighbors(differences, where, rtnetlink, link.ifindex, gateways, pod.hostMac);
  const routes = gateways.flatMap((gateway) => [
    showRoute(hostPrefix(gateway), undefined),
    showRoute(defaultPrefix(familyOf(gateway)), gateway),
  ]);
  differences.expectSet("routes of the pod", showRoutes(rtnetlink, link.ifindex), routes);
}
