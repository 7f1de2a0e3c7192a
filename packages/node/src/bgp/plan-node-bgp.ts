/**
 * The BGP sessions and uplinks of a node, from the objects that describe the data centre. Peers
 * with leaves are not written by hand: they follow from the tenant Links of the node (requirement
 * T4); BGPPeer objects add others. Pure. An object that does not make sense here is left out and
 * named in `problems`; the others still count.
 */
import {
  type BfdTimers,
  type BGPConfiguration,
  type BGPPeer,
  type BGPPeerFamilies,
  type BGPPeerImportPolicy,
  type BGPPeerSecretRef,
  type BGPPeerSpec,
  bgpConfigurationKind,
  bgpPeerFamilies,
  bgpPeerImportPolicy,
  defaulted,
  type Fabric,
  type KubeObject,
  type Link,
  type LinkEndpoint,
  type MonitoringStation,
  matchesLabels,
  type Node,
  type Vpc,
} from "@heddle/api";
import {
  type Asn,
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  type Ip6,
  ParseError,
  parseAsn,
  parseInterfaceAddress,
  parseIp,
} from "@heddle/inet";

export interface NodePeer {
  /** `link/NAME` or `bgppeer/NAME`. */
  readonly origin: string;
  readonly address: Ip;
  /** TCP port; that of BGP when absent. */
  readonly port?: number;
  readonly asn: Asn;
  readonly kind: BGPPeerSpec["kind"];
  readonly families: BGPPeerFamilies;
  /** Own address of the session; the one that routing chooses when absent. */
  readonly localAddress?: Ip;
  /** Own interface of a directly connected session. */
  readonly interface?: string;
  /** Next hops announced for each family, on the interface of the session. */
  readonly nextHop4?: Ip4;
  readonly nextHop6?: Ip6;
  readonly bfd: BfdTimers;
  readonly passwordSecretRef?: BGPPeerSecretRef;
  /** DNS name of the neighbour's certificate; plain TCP when absent. */
  readonly tlsName?: string;
  readonly importPolicy: BGPPeerImportPolicy;
  readonly exportPolicy: BGPPeerSpec["exportPolicy"];
}

export interface NodeBgp {
  readonly asn: Asn;
  readonly routerId: Ip4;
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  readonly gracefulRestart: { readonly enabled: boolean; readonly restartTimeMs: number };
  readonly communities: readonly string[];
  readonly monitoringStations: readonly MonitoringStation[];
  readonly peers: readonly NodePeer[];
}

export interface NodePlan {
  /**
   * Undefined while nothing says which AS the node is in, or it has no IPv4 address for a router
   * id.
   */
  readonly bgp: NodeBgp | undefined;
  /** Interfaces of the node that lead to the fabric's tenant VRF. */
  readonly uplinks: readonly string[];
  readonly problems: readonly string[];
  /** Why a Link or BGPPeer makes no session, by the `origin` it would have; in `problems`, too. */
  readonly refused: ReadonlyMap<string, string>;
}

export interface NodeTopology {
  /** The Node object of this node, for its labels. */
  readonly node: Node;
  readonly links: readonly Link[];
  readonly fabrics: readonly Fabric[];
  readonly configurations: readonly BGPConfiguration[];
  readonly peers: readonly BGPPeer[];
  /** For the routes of the node's VRFs. */
  readonly vpcs: readonly Vpc[];
}

const bothFamilies: BGPPeerFamilies = ["IPv4Unicast", "IPv6Unicast"];

export function planNodeBgp(topology: NodeTopology): NodePlan {
  const problems: string[] = [];
  const refused = new Map<string, string>();
  const ends = tenantEnds(topology);
  const uplinks = ends.map((end) => end.own.interface).sort();
  const configuration = configurationOf(topology);
  const fabric = topology.fabrics.find((f) => f.metadata.name === ends[0]?.link.spec.fabric);
  const asn = configuration?.spec.asn ?? fabric?.spec.nodeAsn;
  if (asn === undefined) {
    problems.push(
      "no BGPConfiguration selects the node and none of its Links names a known Fabric",
    );
    return { bgp: undefined, uplinks, problems, refused };
  }
  const { spec } = configuration ?? defaultConfiguration(asn);
  const peers = [
    ...collect(
      ends,
      refused,
      (end) => end.link,
      (end) => peerOfLink(end, topology.fabrics, spec.bfd),
    ),
    ...collect(
      ownPeers(topology),
      refused,
      (peer) => peer,
      (peer) => peerOfObject(peer, parseAsn(asn), spec.bfd),
    ),
  ].filter(isFirstOfAddress(refused));
  for (const [origin, why] of refused) problems.push(`${origin}: ${why}`);
  const routerId = internalIpOf(topology.node, problems) ?? routerIdOf(peers);
  if (routerId === undefined) {
    problems.push("no IPv4 address on any session to take the router id from");
    return { bgp: undefined, uplinks, problems, refused };
  }
  const holdTimeMs = spec.holdTimeSeconds * 1000;
  return {
    bgp: {
      asn: parseAsn(asn),
      routerId,
      holdTimeMs,
      keepaliveMs:
        spec.keepaliveSeconds === undefined ? holdTimeMs / 3 : spec.keepaliveSeconds * 1000,
      gracefulRestart: {
        enabled: spec.gracefulRestart.enabled,
        restartTimeMs: spec.gracefulRestart.restartTimeSeconds * 1000,
      },
      communities: spec.communities,
      monitoringStations: spec.monitoringStations ?? [],
      peers: peers.sort((a, b) => (a.origin < b.origin ? -1 : 1)),
    },
    uplinks,
    problems,
    refused,
  };
}

interface TenantEnd {
  readonly link: Link;
  readonly own: LinkEndpoint;
  readonly leaf: LinkEndpoint;
}

function tenantEnds({ node, links }: NodeTopology): TenantEnd[] {
  const ends: TenantEnd[] = [];
  for (const link of links) {
    const { a, b, kind } = link.spec;
    if (kind !== "tenant") continue;
    if (a.node === node.metadata.name) ends.push({ link, own: a, leaf: b });
    else if (b.node === node.metadata.name) ends.push({ link, own: b, leaf: a });
  }
  return ends;
}

/** The first by name of those that select the node. */
function configurationOf({ node, configurations }: NodeTopology): BGPConfiguration | undefined {
  return configurations
    .filter((c) => selects(c.spec.nodeSelector, node))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
}

function defaultConfiguration(asn: number): BGPConfiguration {
  return defaulted(bgpConfigurationKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "BGPConfiguration",
    metadata: { name: "default" },
    spec: { asn },
  });
}

function selects(selector: BGPPeerSpec["nodeSelector"], node: KubeObject): boolean {
  return selector === undefined || matchesLabels(selector, node.metadata.labels);
}

function ownPeers({ node, peers }: NodeTopology): BGPPeer[] {
  return peers.filter(({ spec }) =>
    spec.node === undefined ? selects(spec.nodeSelector, node) : spec.node === node.metadata.name,
  );
}

/** Maps what makes sense; what does not is refused on its own. */
function collect<T>(
  inputs: readonly T[],
  refused: Map<string, string>,
  objectOf: (input: T) => KubeObject,
  map: (input: T) => NodePeer,
): NodePeer[] {
  const peers: NodePeer[] = [];
  for (const input of inputs) {
    try {
      peers.push(map(input));
    } catch (error) {
      if (!(error instanceof ParseError || error instanceof TopologyError)) throw error;
      refused.set(originOf(objectOf(input)), error.message);
    }
  }
  return peers;
}

/** `link/NAME`, `bgppeer/NAME`. */
function originOf({ kind, metadata }: KubeObject): string {
  return `${kind.toLowerCase()}/${metadata.name}`;
}

/** A speaker knows peers by their addresses; the second of one is refused. */
function isFirstOfAddress(refused: Map<string, string>): (peer: NodePeer) => boolean {
  const origins = new Map<Ip, string>();
  return ({ origin, address }) => {
    const first = origins.get(address);
    if (first === undefined) origins.set(address, origin);
    else refused.set(origin, `${formatIp(address)} is the address of ${first} already`);
    return first === undefined;
  };
}

class TopologyError extends Error {
  override readonly name = "TopologyError";
}

function peerOfLink(end: TenantEnd, fabrics: readonly Fabric[], bfd: BfdTimers): NodePeer {
  const { link, own, leaf } = end;
  const fabric = fabrics.find((f) => f.metadata.name === link.spec.fabric);
  if (fabric === undefined) throw new TopologyError(`fabric ${link.spec.fabric} does not exist`);
  const remote = addressesOf(leaf);
  const local = addressesOf(own);
  const address = remote.ip4 ?? remote.ip6;
  if (address === undefined) throw new TopologyError("the leaf's end has no address");
  const localAddress = familyOf(address) === 4 ? local.ip4 : local.ip6;
  if (localAddress === undefined) {
    throw new TopologyError("the node's end has no address of the family of the leaf's");
  }
  return {
    origin: originOf(link),
    address,
    asn: parseAsn(fabric.spec.asn),
    kind: "fabric",
    families: local.ip6 === undefined ? ["IPv4Unicast"] : bothFamilies,
    localAddress,
    interface: own.interface,
    ...(local.ip4 === undefined ? {} : { nextHop4: local.ip4 }),
    ...(local.ip6 === undefined ? {} : { nextHop6: local.ip6 }),
    bfd,
    importPolicy: "AcceptDefaultOnly",
    exportPolicy: "AnnounceOwn",
  };
}

function addressesOf(end: LinkEndpoint): { ip4?: Ip4; ip6?: Ip6 } {
  const found: { ip4?: Ip4; ip6?: Ip6 } = {};
  for (const text of end.addresses) {
    const { address } = parseInterfaceAddress(text);
    if (typeof address === "number") found.ip4 = address;
    else found.ip6 = address;
  }
  return found;
}

function peerOfObject(peer: BGPPeer, own: Asn, bfd: BfdTimers): NodePeer {
  const { spec } = peer;
  const isInternal = spec.peerAsn === own;
  if (isInternal !== (spec.kind === "reflector")) {
    const want = isInternal ? "that of a switch, or kind reflector" : `the nodes' ${own}`;
    throw new TopologyError(`a ${spec.kind} peer in AS ${spec.peerAsn}, want ${want}`);
  }
  const local = spec.sourceAddress === undefined ? undefined : parseIp(spec.sourceAddress);
  return {
    origin: originOf(peer),
    address: parseIp(spec.peerAddress),
    port: spec.port,
    asn: parseAsn(spec.peerAsn),
    kind: spec.kind,
    families: bgpPeerFamilies(spec),
    ...(local === undefined ? {} : { localAddress: local }),
    ...(typeof local === "number" ? { nextHop4: local } : {}),
    ...(typeof local === "bigint" ? { nextHop6: local } : {}),
    // The loss of a reflector changes no path: the hold time is soon enough.
    bfd: spec.kind === "reflector" ? { ...bfd, enabled: false } : (spec.bfd ?? bfd),
    ...(spec.passwordSecretRef === undefined ? {} : { passwordSecretRef: spec.passwordSecretRef }),
    ...(spec.tls === undefined ? {} : { tlsName: spec.tls.serverName }),
    importPolicy: bgpPeerImportPolicy(spec),
    exportPolicy: spec.exportPolicy,
  };
}

/**
 * The node's own address, whatever its links are: a changed router id would end every session
 * (RFC 6286 only wants it to be unique in the AS).
 */
function internalIpOf({ metadata, status }: Node, problems: string[]): Ip4 | undefined {
  for (const { type, address } of status?.addresses ?? []) {
    if (type !== "InternalIP") continue;
    try {
      const ip = parseIp(address);
      if (typeof ip === "number") return ip;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      problems.push(`Node ${metadata.name}: ${error.message}`);
    }
  }
  return undefined;
}

/** The highest own IPv4 address, as RFC 4271 4.2 suggests, where the Node does not say. */
function routerIdOf(peers: readonly NodePeer[]): Ip4 | undefined {
  let highest: Ip4 | undefined;
  for (const { nextHop4 } of peers) {
    if (nextHop4 !== undefined && (highest === undefined || nextHop4 > highest)) highest = nextHop4;
  }
  return highest;
}
