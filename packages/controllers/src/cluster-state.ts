/**
 * The model as the planners see it: the objects, who names whom, and sums. It is told of every
 * change and answers which objects' status may follow from it. A function of the objects alone: the
 * order in which they came does not matter.
 */
import type { Node, Port, Vpc } from "@heddle/api";
import { AddressUsage } from "./address-usage.ts";
import {
  anyNode,
  type ModelKind,
  modelKinds,
  type ObjectKey,
  type ObjectsByKind,
  referencesOf,
  splitKey,
  visibleOf,
} from "./model.ts";
import { ReferenceGraph } from "./reference-graph.ts";

/** What planners may read. */
export interface ClusterView {
  readonly usage: Pick<AddressUsage, "ofPool" | "portCountOfSubnet" | "portCountOfVpc">;
  /** `localName`: `name`, or `namespace/name`. */
  get<K extends ModelKind>(kind: K, localName: string): ObjectsByKind[K] | undefined;
  list<K extends ModelKind>(kind: K): Iterable<ObjectsByKind[K]>;
  /** The objects of a kind that name the target. */
  referrers<K extends ModelKind>(target: ObjectKey, kind: K): ObjectsByKind[K][];
  /** False also when no Node is registered at all: an absent one says nothing then. */
  isNodeMissing(name: string): boolean;
}

/** Keeps the sums, and returns the objects that show them. */
type Counters = {
  readonly [K in ModelKind]: (
    localName: string,
    before: ObjectsByKind[K] | undefined,
    after: ObjectsByKind[K] | undefined,
  ) => Iterable<ObjectKey>;
};

/**
 * Objects that look at others through what both name: what a change of the kind is seen through,
 * and the kind that looks. A claim looks at the pools of its subnet.
 */
const onlookersOf: {
  readonly [K in ModelKind]?: readonly [shared: "Vrf" | ModelKind, onlooker: ModelKind];
} = { Vpc: ["Vrf", "Vpc"], IPPool: ["Subnet", "IPClaim"] };

const countsNothing = (): Iterable<ObjectKey> => [];

type Tables = { readonly [K in ModelKind]: Map<string, ObjectsByKind[K]> };

export class ClusterState implements ClusterView {
  readonly usage: AddressUsage = new AddressUsage();
  readonly #tables: Tables = {
    ...{ Vpc: new Map(), Subnet: new Map(), IPPool: new Map(), IPBlock: new Map() },
    ...{ IPClaim: new Map(), Port: new Map(), Node: new Map(), Fabric: new Map() },
    ...{ Switch: new Map(), Link: new Map(), BGPPeer: new Map() },
  };
  readonly #graph = new ReferenceGraph();
  readonly #counters: Counters = {
    Vpc: (_name, _before, after) => this.#countVpc(after),
    Subnet: (name, _before, after) => {
      this.usage.setSubnet(name, after);
      return [];
    },
    IPPool: (_name, before, after) => {
      this.usage.setPool(before, after);
      return [];
    },
    IPBlock: (_name, before, after) => {
      this.usage.setBlock(before, after);
      return [];
    },
    IPClaim: countsNothing,
    Port: (name, before, after) => this.#countPort(name, before, after),
    Node: (name, before, after) => this.#countNode(name, before, after),
    Fabric: countsNothing,
    Switch: countsNothing,
    Link: countsNothing,
    BGPPeer: countsNothing,
  };
  #highestVrfId = 0;

  get<K extends ModelKind>(kind: K, localName: string): ObjectsByKind[K] | undefined {
    return this.#tables[kind].get(localName);
  }

  list<K extends ModelKind>(kind: K): Iterable<ObjectsByKind[K]> {
    return this.#tables[kind].values();
  }

  referrers<K extends ModelKind>(target: ObjectKey, kind: K): ObjectsByKind[K][] {
    const names = this.#graph.referrers(target, kind);
    return [...names].flatMap((name) => this.get(kind, name) ?? []);
  }

  isNodeMissing(name: string): boolean {
    const nodes = this.#tables.Node;
    return nodes.size > 0 && !nodes.has(name);
  }

  /** The highest VRF id that any Vpc had since the start, also one that is gone. */
  get highestVrfId(): number {
    return this.#highestVrfId;
  }

  *keys(): Generator<ObjectKey> {
    for (const kind of modelKinds) {
      for (const name of this.#tables[kind].keys()) yield `${kind}/${name}`;
    }
  }

  /**
   * Takes the object in place of the one of that name; undefined when it is gone. Returns the keys
   * of the objects to look at again, its own among them; some may not exist.
   */
  set<K extends ModelKind>(
    kind: K,
    localName: string,
    after: ObjectsByKind[K] | undefined,
  ): Iterable<ObjectKey> {
    const table = this.#tables[kind];
    const before = table.get(localName);
    if (before === undefined && after === undefined) return [];
    if (after === undefined) table.delete(localName);
    else table.set(localName, after);
    const named = this.#link(kind, localName, before, after);
    const self: ObjectKey = `${kind}/${localName}`;
    const keys = new Set<ObjectKey>([self]);
    if (before === undefined || after === undefined || !isAlike(kind, before, after)) {
      for (const key of named) keys.add(key);
      for (const key of this.#graph.allReferrers(self)) keys.add(key);
      for (const key of this.#onlookers(kind, named)) keys.add(key);
    }
    for (const key of this.#counters[kind](localName, before, after)) keys.add(key);
    return keys;
  }

  *#onlookers(kind: ModelKind, named: readonly ObjectKey[]): Generator<ObjectKey> {
    const [shared, onlooker] = onlookersOf[kind] ?? [];
    if (shared === undefined || onlooker === undefined) return;
    for (const key of named.filter((each) => splitKey(each)[0] === shared)) {
      for (const name of this.#graph.referrers(key, onlooker)) yield `${onlooker}/${name}`;
    }
  }

  /** Everything that the object names, or named before. */
  #link<K extends ModelKind>(
    kind: K,
    localName: string,
    before: ObjectsByKind[K] | undefined,
    after: ObjectsByKind[K] | undefined,
  ): readonly ObjectKey[] {
    const old = before === undefined ? [] : referencesOf[kind](before);
    const now = after === undefined ? [] : referencesOf[kind](after);
    this.#graph.remove(kind, localName, old);
    this.#graph.add(kind, localName, now);
    return [...old, ...now];
  }

  #countVpc(after: Vpc | undefined): Iterable<ObjectKey> {
    const id = after?.status?.vrfId;
    if (id !== undefined) this.#highestVrfId = Math.max(this.#highestVrfId, id);
    return [];
  }

  #countPort(name: string, before: Port | undefined, after: Port | undefined): ObjectKey[] {
    // What is counted of a Port never changes while it exists.
    if (before?.metadata.uid === after?.metadata.uid) return [];
    this.usage.setPort(name, before, after);
    return [before, after].flatMap((port): ObjectKey[] => {
      if (port === undefined) return [];
      const shown: ObjectKey[] = [`Subnet/${port.spec.subnet}`, `Vpc/${port.spec.vpc}`];
      for (const [pool, subnet] of this.usage.poolsOfPort(port)) {
        shown.push(`IPPool/${pool}`, `Subnet/${subnet}`);
      }
      return shown;
    });
  }

  #countNode(name: string, before: Node | undefined, after: Node | undefined): Iterable<ObjectKey> {
    this.usage.setNode(name, after !== undefined);
    const isNews = before === undefined || after === undefined || !isAlike("Node", before, after);
    if (!isNews) return [];
    const nodeCount = this.#tables.Node.size;
    const isFirst = before === undefined && nodeCount === 1;
    // The first Node makes absent ones missing, and without the last one nothing is known of them.
    if (isFirst || nodeCount === 0) return this.keys();
    const pools = [...this.usage.poolsOfNode(name)].map((pool): ObjectKey => `IPPool/${pool}`);
    return [...pools, ...this.#graph.allReferrers(anyNode)];
  }
}

function isAlike<K extends ModelKind>(
  kind: K,
  before: ObjectsByKind[K],
  after: ObjectsByKind[K],
): boolean {
  if (before.metadata.uid !== after.metadata.uid) return false;
  if (visibleOf[kind](before) !== visibleOf[kind](after)) return false;
  const [old, now] = [referencesOf[kind](before), referencesOf[kind](after)];
  return old.length === now.length && old.every((key, i) => key === now[i]);
}
