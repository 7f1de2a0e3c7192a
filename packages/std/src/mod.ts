/**
 * The floor of the house: what every package may use. No dependency, no I/O, no clock, no
 * randomness of its own.
 * @module
 */
export { AssertionError, assert, must, unreachable } from "./assert.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export type { Brand } from "./brand.ts";
export type { Clock, Rng, Timer } from "./clock.ts";
export { seededRng } from "./clock.ts";
export type { Log, LogFields } from "./log.ts";
export { silentLog } from "./log.ts";
export { VirtualClock } from "./virtual-clock.ts";
