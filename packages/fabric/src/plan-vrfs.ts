/** The VRFs of one leaf or border. */
import {
  compareIp,
  comparePrefix,
  formatIp4,
  formatRouteDistinguisher,
  type Ip4,
  type Prefix,
  parseRouteDistinguisher,
  type RouteDistinguisher,
  type Vni,
} from "@heddle/inet";
import type { AttachedLink } from "./attached-link.ts";
import { FabricError } from "./errors.ts";
import type { Fabric, FabricNode, FabricVrf, Link, LinkEnd, Switch } from "./model.ts";
import type { NodePeer, PrefixRange, VrfConfig } from "./switch-config.ts";

/**
 * The shortest prefix a node may announce: a node that claims more than 256 IPv4 or 65,536 IPv6
 * addresses at once is broken, and would draw the traffic of others.
 */
const nodePrefixLengthMin = { 4: 24, 6: 112 } as const;

/** Blocks and displaced host routes of one node and family; far above what a node owns. */
const nodePrefixCountMax = 1000;

/**
 * Outer IPv4, UDP, VXLAN and inner Ethernet headers take 50 bytes (RFC 7348 5); the rest is for
 * tags.
 */
const encapsulationBytes = 100;

/** The largest packet between attached devices that crosses the fabric unfragmented. */
export function attachedMtuBytesOf(fabric: Fabric): number {
  return fabric.mtuBytes - encapsulationBytes;
}

/** Every VRF is on every VTEP: a switch that no pod uses yet still routes to all of them. */
export function planVrfs(
  fabric: Fabric,
  it: Switch,
  switches: readonly Switch[],
  attached: readonly AttachedLink[],
  nodes: readonly FabricNode[],
): VrfConfig[] {
  const vteps = switches.filter((other) => other.role !== "spine");
  const distinguishers = new Map<RouteDistinguisher, string>();
  const vrfs = [...fabric.vrfs].sort((a, b) => a.vni - b.vni);
  checkVrfs(fabric, vrfs);
  return vrfs.map((vrf) => ({
    name: vrf.name,
    vni: vrf.vni,
    mtuBytes: attachedMtuBytesOf(fabric),
    routeDistinguisher: distinguisherOf(fabric, it.loopback, vrf, distinguishers),
    routeTarget: vrf.routeTarget,
    aggregates: [...vrf.aggregates].sort(comparePrefix),
    nodeImport: [...vrf.aggregates].sort(comparePrefix).map(nodeImportOf),
    peers: planPeers(fabric, vrf, attached, nodes),
    defaultNeedsFabric: vteps.length > 1,
  }));
}

function checkVrfs(fabric: Fabric, vrfs: readonly FabricVrf[]): void {
  const names = new Set<string>();
  const vnis = new Set<Vni>();
  for (const { name, vni } of vrfs) {
    const path = `Fabric/${fabric.name} spec.vrfs[${name}]`;
    if (names.has(name)) throw new FabricError("duplicate", path, "defined twice");
    if (vnis.has(vni)) throw new FabricError("duplicate", path, `VNI ${vni} is used twice`);
    names.add(name);
    vnis.add(vni);
  }
}

/** Type 1 (RFC 4364 4.2): the loopback and the low 16 bits of the VNI. */
function distinguisherOf(
  fabric: Fabric,
  loopback: Ip4,
  vrf: FabricVrf,
  taken: Map<RouteDistinguisher, string>,
): RouteDistinguisher {
  const rd = parseRouteDistinguisher(`${formatIp4(loopback)}:${vrf.vni & 0xffff}`);
  const holder = taken.get(rd);
  if (holder !== undefined) {
    const path = `Fabric/${fabric.name} spec.vrfs[${vrf.name}].vni`;
    const why = `${vrf.vni} gives the route distinguisher ${formatRouteDistinguisher(rd)} of ${holder}`;
    throw new FabricError("duplicate", path, `${why}, want other low 16 bits`);
  }
  taken.set(rd, vrf.name);
  return rd;
}

function nodeImportOf(aggregate: Prefix): PrefixRange {
  const width = aggregate.family === 4 ? 32 : 128;
  const lengthMin = Math.max(nodePrefixLengthMin[aggregate.family], aggregate.length + 1);
  return { prefix: aggregate, lengthMin: Math.min(lengthMin, width), lengthMax: width };
}

/** A peer per tenant link to a known node; links to other nodes stay without a session. */
function planPeers(
  fabric: Fabric,
  vrf: FabricVrf,
  attached: readonly AttachedLink[],
  nodes: readonly FabricNode[],
): NodePeer[] {
  const known = new Map(nodes.map((node) => [node.name, node]));
  const peers: NodePeer[] = [];
  for (const { link, far } of attached) {
    const node = far.kind === "node" ? known.get(far.name) : undefined;
    if (node === undefined || link.kind !== "tenant" || link.vrf !== vrf.name) continue;
    peers.push({
      name: node.name,
      address: peerAddressOf(link, far),
      asn: node.asn === undefined ? fabric.nodeAsn : node.asn,
      prefixCountMax: nodePrefixCountMax,
    });
  }
  return peers.sort((a, b) => compareIp(a.address, b.address));
}

/** The session runs over IPv4 where the link has it; both families travel on it either way. */
function peerAddressOf(link: Link, far: LinkEnd): NodePeer["address"] {
  const addresses = far.addresses.map(({ address }) => address).sort(compareIp);
  const [first] = addresses;
  if (first === undefined) {
    const why = `${far.name} has no address, want one to peer with`;
    throw new FabricError("invalid", `Link/${link.name}`, why);
  }
  return first;
}
