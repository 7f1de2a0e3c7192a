import type { Prefix } from "@heddle/inet";
import { nativeVrf, type OwnBlock } from "@heddle/vrouter";

/**
 * Routes of this node, told to its BGP peers. The speaker implements it. Calls are idempotent and
 * never reject: a session that is down learns the state of affairs when it comes up.
 */
export interface Announcer {
  announce(prefix: Prefix): void | Promise<void>;
  /** Resolves when the withdrawal has been handed to the sessions. */
  withdraw(prefix: Prefix): void | Promise<void>;
}

/**
 * The leaves route the native VRF: addresses of others may overlap with it and are none of their
 * unicast routes.
 */
export async function announceBlock(
  announcer: Announcer,
  { vrf, prefix }: OwnBlock,
): Promise<void> {
  if (vrf === nativeVrf) await announcer.announce(prefix);
}

/** Resolves when the withdrawal, if there was a route, has been handed to the sessions. */
export async function withdrawBlock(
  announcer: Announcer,
  { vrf, prefix }: OwnBlock,
): Promise<void> {
  if (vrf === nativeVrf) await announcer.withdraw(prefix);
}
