import type { Prefix } from "@heddle/inet";

/**
 * Routes of this node, told to its BGP peers. The speaker implements it. Calls are idempotent and
 * never reject: a session that is down learns the state of affairs when it comes up.
 */
export interface Announcer {
  announce(prefix: Prefix): void | Promise<void>;
  /** Resolves when the withdrawal has been handed to the sessions. */
  withdraw(prefix: Prefix): void | Promise<void>;
}
