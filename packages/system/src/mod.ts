/**
 * The real world behind the interfaces of `std`, for mains: time, randomness, a log, signals. Libraries take
 * these as arguments.
 * @module
 */
export { endOnSignal } from "./end-on-signal.ts";
export { createLog, type LogLevel, logLevels } from "./json-log.ts";
export { systemClock, systemRng } from "./system-clock.ts";
