/** What the admin socket shows, from what the parts of the node hold. Pure. */
import { nativeVpcName } from "@heddle/api";
import { containsIp, formatIp, formatPrefix, sizeOf } from "@heddle/inet";
import { heldBy } from "../journal/allocation.ts";
import type { JournalState } from "../journal/journal.ts";
import type { AllocationView, BlockView } from "./admin-api.ts";

/** Blocks in the order of their addresses, with the addresses that pods have. */
export function blockViewsOf(node: string, { blocks, allocations }: JournalState): BlockView[] {
  const used = [...allocations.values()].flatMap(heldBy);
  return [...blocks.values()]
    .map(({ prefix, pool, subnet, vpc, vrf }) => ({
      node,
      cidr: formatPrefix(prefix),
      pool,
      subnet,
      vpc,
      size: Number(sizeOf(prefix)),
      used: used.filter((held) => held.vrf === vrf && containsIp(prefix, held.ip)).length,
    }))
    .sort((a, b) => compare(a.cidr, b.cidr) || compare(a.vpc, b.vpc));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** One row per address, infrastructure addresses after the others. */
export function allocationViewsOf(node: string, { allocations }: JournalState): AllocationView[] {
  return [...allocations.values()].flatMap((allocation) =>
    heldBy(allocation).map(({ vrf, ip }) => ({
      node,
      address: formatIp(ip),
      vpc: vrf === allocation.vrf ? allocation.vpc : nativeVpcName,
      namespace: allocation.namespace,
      pod: allocation.pod,
      containerId: allocation.containerId,
      ifname: allocation.ifname,
      since: formatTime(allocation.sinceMs),
      claim: allocation.claim === undefined ? null : allocation.claim,
    })),
  );
}

function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
