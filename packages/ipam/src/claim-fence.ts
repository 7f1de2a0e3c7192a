/**
 * The fence around a fixed address: one node's view of one address that may move between nodes.
 *
 * Invariants, which the table below keeps for every order of events:
 * - the route is announced only while this node's claim is recorded;
 * - the claim is given up only after the route is withdrawn, so two nodes never announce the
 *   address at once;
 * - the claim of another node is taken over only when that node's lease has expired, its routes
 *   included.
 *
 * Effects are data; one runner performs them and feeds the outcome back as an event. It does not
 * know how a claim is stored, nor who in the node wants the address.
 */
export type FenceState =
  /** No claim of ours, no route of ours. */
  | { readonly kind: "idle" }
  /** A compare-and-swap is on its way; `wanted` turns false when the endpoint goes meanwhile. */
  | { readonly kind: "claiming"; readonly wanted: boolean }
  /**
   * Another node holds the claim; undefined: the claim failed in a way that leaves open who does,
   * maybe we.
   */
  | { readonly kind: "blocked"; readonly holder: string | undefined }
  /** Ours and announced. */
  | { readonly kind: "held" }
  /** The route is being withdrawn; the claim is still recorded, unless it was lost. */
  | { readonly kind: "withdrawing"; readonly wanted: boolean; readonly lost: boolean }
  /** The route is gone; the claim is being given up. */
  | { readonly kind: "releasing"; readonly wanted: boolean };

export type FenceEvent =
  /** An endpoint of this node wants the address. */
  | { readonly kind: "want" }
  /** The endpoint is gone. */
  | { readonly kind: "unwant" }
  | { readonly kind: "claimGranted" }
  /**
   * Another node is recorded as holder. `expired`: its lease has run out, and so have its routes.
   */
  | { readonly kind: "claimRefused"; readonly holder: string; readonly expired: boolean }
  /** The store did not answer: the claim may be recorded or not. */
  | { readonly kind: "claimUnknown" }
  /** The holder gave the claim up, or its lease and its routes ran out. */
  | { readonly kind: "holderGone" }
  /** The record names another node, although we held it: our lease had run out. */
  | { readonly kind: "claimLost" }
  | { readonly kind: "withdrawn" }
  | { readonly kind: "released" };

export type FenceEffect =
  /** Record this node as holder if nobody is; answer claimGranted or claimRefused. */
  | { readonly kind: "claim" }
  /** Replace the expired holder by this node with a compare-and-swap; same answers. */
  | { readonly kind: "takeOver"; readonly holder: string }
  | { readonly kind: "announce" }
  /** Withdraw the route and wait until peers have been told; answer withdrawn. */
  | { readonly kind: "withdraw" }
  /** Remove this node as holder, if it is; answer released. */
  | { readonly kind: "release" };

export interface FenceStep {
  readonly state: FenceState;
  readonly effects: readonly FenceEffect[];
}

export const idleFence: FenceState = { kind: "idle" };

type StateOf<K extends FenceState["kind"]> = Extract<FenceState, { kind: K }>;
type EventOf<K extends FenceEvent["kind"]> = Extract<FenceEvent, { kind: K }>;
type Cell<S extends FenceState["kind"], E extends FenceEvent["kind"]> = (
  state: StateOf<S>,
  event: EventOf<E>,
) => FenceStep;
type Table = {
  readonly [S in FenceState["kind"]]: { readonly [E in FenceEvent["kind"]]: Cell<S, E> };
};

const stay = (state: FenceState): FenceStep => ({ state, effects: [] });
const go = (state: FenceState, ...effects: FenceEffect[]): FenceStep => ({ state, effects });
const claiming = go({ kind: "claiming", wanted: true }, { kind: "claim" });
const lost = go({ kind: "withdrawing", wanted: true, lost: true }, { kind: "withdraw" });

const table: Table = {
  idle: {
    want: () => claiming,
    unwant: stay,
    claimGranted: stay,
    claimRefused: stay,
    claimUnknown: stay,
    holderGone: stay,
    claimLost: stay,
    withdrawn: stay,
    released: stay,
  },
  claiming: {
    want: () => stay({ kind: "claiming", wanted: true }),
    unwant: () => stay({ kind: "claiming", wanted: false }),
    claimGranted: (state) =>
      state.wanted
        ? go({ kind: "held" }, { kind: "announce" })
        : go({ kind: "releasing", wanted: false }, { kind: "release" }),
    claimRefused: (state, event) => refused(state, event),
    claimUnknown: (state) =>
      state.wanted
        ? stay({ kind: "blocked", holder: undefined })
        : go({ kind: "releasing", wanted: false }, { kind: "release" }),
    holderGone: stay,
    claimLost: stay,
    withdrawn: stay,
    released: stay,
  },
  blocked: {
    want: stay,
    unwant: (state) =>
      state.holder === undefined
        ? go({ kind: "releasing", wanted: false }, { kind: "release" })
        : stay(idleFence),
    claimGranted: stay,
    claimUnknown: stay,
    claimRefused: (_, event) => refused({ kind: "claiming", wanted: true }, event),
    holderGone: () => claiming,
    claimLost: stay,
    withdrawn: stay,
    released: stay,
  },
  held: {
    want: stay,
    unwant: () => go({ kind: "withdrawing", wanted: false, lost: false }, { kind: "withdraw" }),
    claimGranted: stay,
    claimRefused: () => lost,
    claimUnknown: stay,
    holderGone: stay,
    claimLost: () => lost,
    withdrawn: stay,
    released: stay,
  },
  withdrawing: {
    want: (state) => stay({ ...state, wanted: true }),
    unwant: (state) => stay({ ...state, wanted: false }),
    claimGranted: stay,
    claimRefused: (state) => stay({ ...state, lost: true }),
    claimUnknown: stay,
    holderGone: stay,
    claimLost: (state) => stay({ ...state, lost: true }),
    withdrawn: (state) => afterWithdrawal(state),
    released: stay,
  },
  releasing: {
    want: () => stay({ kind: "releasing", wanted: true }),
    unwant: () => stay({ kind: "releasing", wanted: false }),
    claimGranted: stay,
    claimRefused: stay,
    claimUnknown: stay,
    holderGone: stay,
    claimLost: stay,
    withdrawn: stay,
    released: (state) => (state.wanted ? claiming : stay(idleFence)),
  },
};

function refused(state: StateOf<"claiming">, event: EventOf<"claimRefused">): FenceStep {
  if (!state.wanted) return stay(idleFence);
  if (event.expired) return go(state, { kind: "takeOver", holder: event.holder });
  return stay({ kind: "blocked", holder: event.holder });
}

function afterWithdrawal(state: StateOf<"withdrawing">): FenceStep {
  if (!state.lost) return go({ kind: "releasing", wanted: state.wanted }, { kind: "release" });
  return state.wanted ? claiming : stay(idleFence);
}

/** Pure and total: every state takes every event. */
export function stepFence(state: FenceState, event: FenceEvent): FenceStep {
  const cell = table[state.kind][event.kind] as (s: FenceState, e: FenceEvent) => FenceStep;
  return cell(state, event);
}
