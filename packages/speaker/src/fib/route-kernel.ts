/**
 * The kernel as the FIB needs it: the routes of this speaker, a way to change them, and a hint when
 * something changed. Asynchronous, so that netlink may live in another thread; tests put a fake in
 * its place.
 */
import type { Ifindex, Ip, Prefix } from "@heddle/inet";

/**
 * A next hop of a kernel route; `ifindex` may be left to the kernel when the address is on a link.
 */
export interface FibNexthop {
  readonly via: Ip;
  readonly ifindex: Ifindex | undefined;
}

/** A route with this speaker's protocol in its table. */
export interface FibRoute {
  readonly prefix: Prefix;
  readonly metric: number;
  /** As the kernel reports them: interfaces are filled in, dead ones included. */
  readonly nexthops: readonly FibNexthop[];
}

/**
 * `create` never touches an existing route; `replace` swaps the next hops of an own route in one
 * step.
 */
export type FibOperation =
  | { readonly kind: "create" | "replace"; readonly route: FibRoute }
  | { readonly kind: "delete"; readonly route: FibRoute };

/** What became of an operation. */
export type FibOutcome =
  | { readonly result: "ok" }
  /**
   * `occupied`: another protocol has a route with this prefix and metric; `unreachable`: a next hop
   * is.
   */
  | { readonly result: "occupied" | "unreachable" | "failed"; readonly error: Error };

export type FibHint =
  /** A route of this speaker changed; undefined next hops: it is gone. */
  | { readonly kind: "route"; readonly prefix: Prefix; readonly route: FibRoute | undefined }
  | { readonly kind: "link"; readonly ifindex: Ifindex }
  /** Hints were lost. */
  | { readonly kind: "lost" };

export interface RouteKernel extends Disposable {
  /** All routes of this speaker in its table. */
  observe(): Promise<readonly FibRoute[]>;
  /** One outcome per operation; the kernel goes on after one that fails. At most 256 operations. */
  submit(operations: readonly FibOperation[]): Promise<readonly FibOutcome[]>;
  /** Those of the next hops that lie on a link that is up. */
  usable(nexthops: readonly FibNexthop[]): Promise<readonly FibNexthop[]>;
}
