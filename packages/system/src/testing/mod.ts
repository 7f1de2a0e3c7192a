/**
 * For tests that run mains as processes.
 * @module
 */
export { eventually } from "./eventually.ts";
export { RunningMain } from "./running-main.ts";
