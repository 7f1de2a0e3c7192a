/**
 * Where the next address comes from. One pure decision over what the node knows; the node acts on
 * it and, after a claim or a loan, asks again.
 *
 * Order: a free address of an own block or an own loan (no message leaves the node), then a new
 * block, then one address borrowed from a node that has some to spare, then a refusal that says
 * what is in use. Pools are tried in the order given. Borrowing makes a pool exact: N usable
 * addresses serve N endpoints wherever these run.
 */
import { formatPrefix, type Ip, type Prefix } from "@heddle/inet";
import type { AddressBlock } from "./address-block.ts";
import { blockCandidates, blockCountOf, type Pool } from "./pool.ts";

/** A block of another node, as its object says. */
export interface ForeignBlock {
  readonly prefix: Prefix;
  readonly node: string;
  /** Addresses that its owner counts as free; a hint, since only the owner knows. */
  readonly freeCount: number;
}

export interface PoolView {
  readonly pool: Pool;
  /** A disabled pool serves what it has given, and gives nothing new. */
  readonly disabled: boolean;
  /** Blocks of this node. Addresses that the node has borrowed are blocks of one address. */
  readonly own: readonly AddressBlock[];
  /**
   * Blocks of other nodes. Undefined when the node has not looked: it then claims by trying, since
   * a create that meets an existing block costs one refused request.
   */
  readonly foreign: readonly ForeignBlock[] | undefined;
}

export interface AllocationRequest {
  readonly node: string;
  /** Name of the subnet, for the refusal's text. */
  readonly subnet: string;
  /** Largest number of candidates in a claim. */
  readonly candidateCountMax: number;
}

export type AllocationPlan =
  | { readonly kind: "take"; readonly block: AddressBlock; readonly address: Ip }
  | { readonly kind: "claim"; readonly pool: Pool; readonly candidates: readonly Prefix[] }
  | { readonly kind: "borrow"; readonly pool: Pool; readonly lenders: readonly ForeignBlock[] }
  | { readonly kind: "exhausted"; readonly reason: string };

export function planAllocation(
  views: readonly PoolView[],
  request: AllocationRequest,
): AllocationPlan {
  const open = views.filter((view) => !view.disabled);
  return (
    first(open, takeFrom) ??
    first(open, (view) => claimFrom(view, request)) ??
    first(open, borrowFrom) ?? { kind: "exhausted", reason: reasonOf(views, request) }
  );
}

function first(
  views: readonly PoolView[],
  plan: (view: PoolView) => AllocationPlan | undefined,
): AllocationPlan | undefined {
  for (const view of views) {
    const found = plan(view);
    if (found !== undefined) return found;
  }
  return undefined;
}

function takeFrom(view: PoolView): AllocationPlan | undefined {
  for (const block of view.own) {
    const address = block.peekNext();
    if (address !== undefined) return { kind: "take", block, address };
  }
  return undefined;
}

function claimFrom(view: PoolView, request: AllocationRequest): AllocationPlan | undefined {
  const taken = new Set<Prefix>(view.own.map((block) => block.prefix));
  for (const block of view.foreign ?? []) taken.add(block.prefix);
  const candidates: Prefix[] = [];
  for (const prefix of blockCandidates(view.pool, request.node)) {
    if (!taken.has(prefix)) candidates.push(prefix);
    if (candidates.length === request.candidateCountMax) break;
  }
  return candidates.length === 0 ? undefined : { kind: "claim", pool: view.pool, candidates };
}

/**
 * Lenders with the most to spare first, ties by prefix order of the input: deterministic for one
 * input.
 */
function borrowFrom(view: PoolView): AllocationPlan | undefined {
  const lenders = (view.foreign ?? [])
    .filter((block) => block.freeCount > 0)
    .toSorted((a, b) => b.freeCount - a.freeCount);
  return lenders.length === 0 ? undefined : { kind: "borrow", pool: view.pool, lenders };
}

function reasonOf(views: readonly PoolView[], request: AllocationRequest): string {
  if (views.length === 0) return `subnet ${request.subnet} has no pool of this family`;
  return views.map(describe).join("; ");
}

function describe(view: PoolView): string {
  const { name, prefix } = view.pool;
  if (view.disabled) return `pool ${name} is disabled`;
  const usable = view.own.reduce((sum, block) => sum + block.usableCount, 0);
  const held = view.own.reduce((sum, block) => sum + block.count("held"), 0);
  const others = view.foreign === undefined ? 0 : view.foreign.length;
  return (
    `pool ${name} (${formatPrefix(prefix)}): all ${blockCountOf(view.pool)} blocks claimed, ` +
    `${held} of ${usable} addresses here in use, ${others} blocks of other nodes with none to lend`
  );
}
