/** CLOCK_MONOTONIC in milliseconds: the same for every process, so that times can be subtracted. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
