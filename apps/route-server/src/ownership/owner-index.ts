/**
 * Who owns what, from the objects of the API: a node its blocks (IPBlock), the addresses that
 * others have lent to it, and the addresses of claims that its pods hold (IPClaim). Addresses are
 * of a VPC; a route says by its route targets which one it means. Pure; a new state makes a new
 * index.
 */
import {
  type IPBlock,
  type IPClaim,
  type Node,
  nativeVpcName,
  routeTargetsOf,
  type Subnet,
  type Vpc,
} from "@heddle/api";
import {
  type Asn,
  type Family,
  hostPrefix,
  type Ip,
  ParseError,
  parseIp,
  parsePrefix,
  type RouteTarget,
} from "@heddle/inet";
import { PrefixIndex } from "./prefix-index.ts";

export interface OwnedObjects {
  readonly nodes: readonly Node[];
  readonly vpcs: readonly Vpc[];
  readonly subnets: readonly Subnet[];
  readonly blocks: readonly IPBlock[];
  readonly claims: readonly IPClaim[];
  /** The AS of the agents, from which targets of VPCs follow. */
  readonly asn: Asn;
}

/** What a route says of itself, in the words of `RouteOwnership`. */
export interface OwnedRoute {
  readonly words: ArrayLike<number>;
  /** -1 with no `family`: the route holds no prefix. */
  readonly length: number;
  readonly family: Family | undefined;
}

export class OwnerIndex {
  /** By node, then by VPC. */
  readonly #owned: Map<string, Map<string, PrefixIndex>> = new Map();
  readonly #vpcsByTarget: Map<RouteTarget, Set<string>> = new Map();
  readonly #nodeByAddress: Map<Ip, string> = new Map();
  /** How many blocks and held addresses the index has. */
  readonly entryCount: number;

  constructor({ nodes, vpcs, subnets, blocks, claims, asn }: OwnedObjects) {
    for (const node of nodes) this.#addNode(node);
    for (const vpc of vpcs) this.#addVpc(vpc, asn);
    let count = 0;
    for (const block of blocks) count += this.#addBlock(block);
    const vpcOf = new Map(subnets.map(({ metadata, spec }) => [metadata.name, spec.vpc]));
    for (const claim of claims) count += this.#addClaim(claim, vpcOf);
    this.entryCount = count;
  }

  /** Of the Node whose InternalIP it is. */
  nodeAt(address: Ip): string | undefined {
    return this.#nodeByAddress.get(address);
  }

  /** Of the native VPC. */
  ownsNative(node: string, route: OwnedRoute): boolean {
    return this.#owns(node, nativeVpcName, route);
  }

  /** Whether there is a VPC that exports all of `targets`, in which the route is the node's. */
  ownsIn(node: string, targets: readonly RouteTarget[], route: OwnedRoute): boolean {
    const [first, ...others] = targets;
    if (first === undefined) return false;
    for (const vpc of this.#vpcsByTarget.get(first) ?? []) {
      const hasAll = others.every((target) => this.#vpcsByTarget.get(target)?.has(vpc) === true);
      if (hasAll && this.#owns(node, vpc, route)) return true;
    }
    return false;
  }

  /** What holds no prefix is the node's where it owns anything. */
  #owns(node: string, vpc: string, { words, length, family }: OwnedRoute): boolean {
    const prefixes = this.#owned.get(node)?.get(vpc);
    if (prefixes === undefined) return false;
    return family === undefined || prefixes.covers(words, family, length);
  }

  #addNode({ metadata, status }: Node): void {
    for (const { type, address } of status?.addresses ?? []) {
      const ip = type === "InternalIP" ? ipOf(address) : undefined;
      if (ip !== undefined) this.#nodeByAddress.set(ip, metadata.name);
    }
  }

  #addVpc(vpc: Vpc, asn: Asn): void {
    const { name } = vpc.metadata;
    for (const target of routeTargetsOf(vpc, asn).exports) {
      const known = this.#vpcsByTarget.get(target);
      if (known === undefined) this.#vpcsByTarget.set(target, new Set([name]));
      else known.add(name);
    }
  }

  #addBlock({ spec: { cidr, node, vpc = nativeVpcName, lent } }: IPBlock): number {
    if (node !== undefined) this.#prefixesOf(node, vpc).add(parsePrefix(cidr));
    for (const loan of lent) {
      const host = hostPrefix(parseIp(loan.address));
      this.#prefixesOf(loan.node, vpc).add(host);
      if (node !== undefined) this.#prefixesOf(node, vpc).addLoan(host);
    }
    return (node === undefined ? 0 : 1) + lent.length;
  }

  /**
   * A claim without a Subnet says not of which VPC its addresses are; the block of one address
   * behind it does.
   */
  #addClaim({ spec: { subnet }, status }: IPClaim, vpcOf: ReadonlyMap<string, string>): number {
    const holder = status?.phase === "Bound" ? status.holder : undefined;
    const vpc = subnet === undefined ? undefined : vpcOf.get(subnet);
    if (holder === undefined || vpc === undefined || status === undefined) return 0;
    for (const text of status.addresses) {
      this.#prefixesOf(holder.node, vpc).add(hostPrefix(parseIp(text)));
    }
    return status.addresses.length;
  }

  #prefixesOf(node: string, vpc: string): PrefixIndex {
    let byVpc = this.#owned.get(node);
    if (byVpc === undefined) {
      byVpc = new Map();
      this.#owned.set(node, byVpc);
    }
    let prefixes = byVpc.get(vpc);
    if (prefixes === undefined) {
      prefixes = new PrefixIndex();
      byVpc.set(vpc, prefixes);
    }
    return prefixes;
  }
}

/** Addresses of a Node are written by others; what is no address names nobody. */
function ipOf(text: string): Ip | undefined {
  try {
    return parseIp(text);
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
