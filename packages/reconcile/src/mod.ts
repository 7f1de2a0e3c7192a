/**
 * Desired against actual: the plan, the retry schedule and the status per object that every
 * reconciler needs.
 * @module
 */
export type { Plan, PlanRules } from "./plan.ts";
export { isEmpty, plan } from "./plan.ts";
export type { RetryConfig } from "./retry.ts";
export { retryDelayMs } from "./retry.ts";
export type { ObjectStatus } from "./status.ts";
export { StatusTable } from "./status.ts";
