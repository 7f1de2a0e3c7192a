/**
 * Assertions for broken invariants: programmer errors that must stop the process, never bad input.
 * Bad input has its own typed errors at the edge that parsed it.
 */

/** A broken invariant. Nothing catches this on purpose. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** @throws AssertionError when `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns `value` when it is neither null nor undefined. @throws AssertionError otherwise. */
export function must<T>(value: T | null | undefined, message: string): T {
  if (value === null || value === undefined) throw new AssertionError(message);
  return value;
}

/** Closes a switch over a closed set: a missing case is a type error, and a crash at run time. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
