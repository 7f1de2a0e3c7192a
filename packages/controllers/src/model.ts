/**
 * The kinds that the controllers look at, and what one object says about others: which ones it
 * names, and what others see of it.
 */
import {
  type BGPPeer,
  bgpPeerKind,
  type Fabric,
  fabricKind,
  type IPBlock,
  type IPClaim,
  type IPPool,
  ipBlockKind,
  ipClaimKind,
  ipPoolKind,
  type KubeObject,
  type Link,
  type LinkEndpoint,
  linkKind,
  type Node,
  nodeKind,
  type Port,
  portKind,
  type ResourceKind,
  type Subnet,
  type Switch,
  subnetKind,
  switchKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";

export interface ObjectsByKind {
  readonly Vpc: Vpc;
  readonly Subnet: Subnet;
  readonly IPPool: IPPool;
  readonly IPBlock: IPBlock;
  readonly IPClaim: IPClaim;
  readonly Port: Port;
  readonly Node: Node;
  readonly Fabric: Fabric;
  readonly Switch: Switch;
  readonly Link: Link;
  readonly BGPPeer: BGPPeer;
}

export type ModelKind = keyof ObjectsByKind;

export const resourceKinds: { readonly [K in ModelKind]: ResourceKind<ObjectsByKind[K]> } = {
  Vpc: vpcKind,
  Subnet: subnetKind,
  IPPool: ipPoolKind,
  IPBlock: ipBlockKind,
  IPClaim: ipClaimKind,
  Port: portKind,
  Node: nodeKind,
  Fabric: fabricKind,
  Switch: switchKind,
  Link: linkKind,
  BGPPeer: bgpPeerKind,
};

export const modelKinds = Object.keys(resourceKinds) as ModelKind[];

/** `Subnet/pods`, `IPClaim/default/db-0`; `Vrf/7` is no object but what two Vpcs may share. */
export type ObjectKey = `${ModelKind | "Vrf"}/${string}`;

/** Stands for every Node: what depends on which ones there are. */
export const anyNode: ObjectKey = "Node/*";

/** `name`, or `namespace/name`: unique in its kind. */
export function localNameOf({ metadata: { name, namespace } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): readonly [kind: string, localName: string] {
  const slash = key.indexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** The objects that each object names. Ports are too many for it: they are counted elsewhere. */
export const referencesOf: {
  readonly [K in ModelKind]: (object: ObjectsByKind[K]) => readonly ObjectKey[];
} = {
  Vpc: ({ status }) => (status?.vrfId === undefined ? [] : [`Vrf/${status.vrfId}`]),
  Subnet: ({ spec }) => [`Vpc/${spec.vpc}`],
  IPPool: ({ spec }) => [`Subnet/${spec.subnet}`],
  IPBlock: ({ spec }) => [`IPPool/${spec.pool}`, ...nodeKeys(spec.node)],
  IPClaim: ({ spec, status }) => [
    ...(spec.subnet === undefined ? [] : [`Subnet/${spec.subnet}` as const]),
    ...nodeKeys(status?.holder?.node),
  ],
  Port: () => [],
  Node: () => [],
  Fabric: ({ spec }) =>
    spec.vrfs.flatMap(({ vpc }) => (vpc === undefined ? [] : [`Vpc/${vpc}` as const])),
  Switch: ({ spec }) => [`Fabric/${spec.fabric}`],
  Link: ({ spec }) => [`Fabric/${spec.fabric}`, ...endKeys(spec.a), ...endKeys(spec.b)],
  BGPPeer: ({ spec }) => (spec.node === undefined ? [anyNode] : [`Node/${spec.node}`]),
};

function nodeKeys(node: string | undefined): ObjectKey[] {
  return node === undefined ? [] : [`Node/${node}`];
}

function endKeys(end: LinkEndpoint): ObjectKey[] {
  const switchKeys: ObjectKey[] = end.switch === undefined ? [] : [`Switch/${end.switch}`];
  return [...switchKeys, ...nodeKeys(end.node)];
}

/**
 * What the status of other objects may follow from: they are looked at again when it changes. An
 * object's own counts are not part of it, so a write of ours wakes nobody else.
 */
export const visibleOf: { readonly [K in ModelKind]: (object: ObjectsByKind[K]) => string } = {
  Vpc: ({ metadata, status }) => `${metadata.generation} ${status?.vrfId}`,
  Subnet: generationOf,
  IPPool: generationOf,
  IPBlock: generationOf,
  IPClaim: generationOf,
  Port: generationOf,
  Node: ({ metadata }) => JSON.stringify(metadata.labels ?? {}),
  Fabric: generationOf,
  Switch: ({ metadata, status }) => `${metadata.generation} ${status?.observed?.inSync}`,
  Link: generationOf,
  BGPPeer: generationOf,
};

function generationOf({ metadata }: KubeObject): string {
  return String(metadata.generation);
}
