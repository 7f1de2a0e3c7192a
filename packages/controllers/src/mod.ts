/**
 * The controllers of the model: VRF ids of Vpcs, counts and conditions of everything. Pure planners
 * say what the status of an object should be; one thin applier writes it.
 * @module
 */
export type { ControllerCounts, ControllersOptions } from "./controllers.ts";
export { Controllers } from "./controllers.ts";
