/**
 * Graceful shutdown of a session (RFC 8326 4): before it is closed, its routes get the least
 * preference in both directions, so that traffic has moved when they go.
 */
import {
  acceptAll,
  type PeerIndex,
  type Policy,
  type Rib,
  wellKnownCommunities,
} from "@heddle/bgp";
import type { Clock, Timer } from "@heddle/std";
import type { PeerConfig } from "../config.ts";

/** The part of the RIB that this needs. */
export type PolicyRib = Pick<Rib, "setPolicies">;

export class GracefulShutdown {
  readonly #rib: PolicyRib;
  readonly #peer: PeerIndex;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(rib: PolicyRib, peer: PeerIndex, clock: Clock) {
    this.#rib = rib;
    this.#peer = peer;
    this.#clock = clock;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** Calls `close` once traffic had `waitMs` to move. */
  begin(config: PeerConfig, external: boolean, waitMs: number, close: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(waitMs, close);
    this.apply(config, external);
  }

  /** Tells the RIB the policies of `config`, as they are in force now. */
  apply({ importPolicy, exportPolicy }: PeerConfig, external: boolean): void {
    if (!this.isRunning) {
      this.#rib.setPolicies(this.#peer, importPolicy, exportPolicy);
      return;
    }
    // Without a policy, RFC 8212 lets nothing pass over eBGP, and iBGP passes all.
    const none = external ? undefined : acceptAll;
    const [importing, exporting] = [importPolicy ?? none, exportPolicy ?? none];
    this.#rib.setPolicies(
      this.#peer,
      importing === undefined ? undefined : leastPreferred(importing),
      exporting === undefined ? undefined : announcingShutdown(exporting),
    );
  }

  /** The policies of `config` count again. */
  end(config: PeerConfig): void {
    if (!this.isRunning) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#rib.setPolicies(this.#peer, config.importPolicy, config.exportPolicy);
  }
}

/** RFC 8326 4.1: paths of the session itself lose against all others. */
export function leastPreferred(policy: Policy): Policy {
  return withActions(policy, (actions) => ({ ...actions, localPref: 0 }));
}

export function announcingShutdown(policy: Policy): Policy {
  const { gracefulShutdown } = wellKnownCommunities;
  return withActions(policy, (actions) => ({
    ...actions,
    addCommunities: [...(actions.addCommunities ?? []), gracefulShutdown],
  }));
}

type AcceptTerm = Extract<Policy["terms"][number], { verdict: "accept" | "continue" }>;
type Actions = NonNullable<AcceptTerm["actions"]>;

/** `policy` with the actions of whatever accepts a route changed. */
function withActions(policy: Policy, change: (actions: Actions) => Actions): Policy {
  const terms = policy.terms.map((term) =>
    term.verdict === "accept" ? { ...term, actions: change(term.actions ?? {}) } : term,
  );
  if (policy.otherwise === "accept") {
    terms.push({ match: {}, verdict: "accept", actions: change({}) });
  }
  return { ...policy, name: `${policy.name} (graceful shutdown)`, terms };
}
