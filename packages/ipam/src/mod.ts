/**
 * Address management as pure planners: pools cut into blocks, addresses inside a block, where the
 * next address comes from, the fence around a fixed address, loans between nodes.
 * @module
 */
export type { AddressState } from "./address-block.ts";
export { AddressBlock } from "./address-block.ts";
export type { FenceEffect, FenceEvent, FenceState, FenceStep } from "./claim-fence.ts";
export { idleFence, stepFence } from "./claim-fence.ts";
export type { IpamErrorCode } from "./errors.ts";
export { IpamError } from "./errors.ts";
export { hash32 } from "./hash32.ts";
export type {
  AllocationPlan,
  AllocationRequest,
  ForeignBlock,
  PoolView,
} from "./plan-allocation.ts";
export { planAllocation } from "./plan-allocation.ts";
export type { Loan, LoanPlan, LoanRequest } from "./plan-loans.ts";
export { planLoans } from "./plan-loans.ts";
export type { Pool } from "./pool.ts";
export { blockCandidates, blockCountOf, blockOf, familyOfPool, makePool } from "./pool.ts";
export type { IpRange, SubnetReservation, SubnetText } from "./reserved.ts";
export { isReserved, parseReservations } from "./reserved.ts";
