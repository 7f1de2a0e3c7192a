/**
 * Status of an IPBlock, of which there are many: a block that is in order carries no condition. The
 * counts are the node's. Nothing is reclaimed here: a node that is not there may still forward.
 */
import type { IPBlock, IPBlockStatus } from "@heddle/api";
import type { ClusterView } from "../cluster-state.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";

export function planIpBlock(
  block: IPBlock,
  view: ClusterView,
  at: string,
): IPBlockStatus | undefined {
  const fault = faultOf(block, view);
  const wasOrphaned = block.status?.conditions.some(({ type }) => type === "Orphaned") === true;
  if (fault === undefined && !wasOrphaned) return block.status;
  const Orphaned = fault ?? no("OwnerPresent", "its pool and its node are there");
  return { ...block.status, conditions: conditionsOf(block, at, { Orphaned }) };
}

function faultOf({ spec: { pool, node } }: IPBlock, view: ClusterView): Verdict | undefined {
  if (view.get("IPPool", pool) === undefined) {
    return yes("PoolMissing", `there is no IPPool ${JSON.stringify(pool)}`);
  }
  if (node === undefined || !view.isNodeMissing(node)) return undefined;
  return yes("NodeMissing", `there is no Node ${JSON.stringify(node)}`);
}
