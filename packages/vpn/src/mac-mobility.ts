/**
 * MAC mobility (RFC 7432 15, 7.7): who has a MAC address of a broadcast domain after it was learned
 * here, seen from one node. A pure state machine per address; the caller keeps the states of the
 * addresses it has, carries out the effects, and asks `dueMs` when to send `timer`.
 *
 * Duplicate detection (15.1): an address that moves too often in too short a time is announced by
 * two nodes at once. It is frozen: not announced from here and not told about again until the time
 * is over.
 */
import { compareIp, type Esi, type Ip } from "@heddle/inet";
import { singleHomed } from "./vrf.ts";

/** What another node announces of the address; its best route. */
export interface RemoteMac {
  readonly sequence: number;
  readonly sticky: boolean;
  readonly esi: Esi;
  /** Address of the node, for ties. */
  readonly node: Ip;
}

export interface LocalMac {
  readonly sequence: number;
  readonly sticky: boolean;
  readonly esi: Esi;
}

export interface MobilityState {
  /** As learned here; undefined while it is elsewhere or nowhere. */
  readonly local: LocalMac | undefined;
  readonly remote: RemoteMac | undefined;
  /** When it moved to this node, oldest first; at most `moveCountMax`, within the window. */
  readonly movesMs: readonly number[];
  /** When it is thawed; undefined while it is not a duplicate. */
  readonly frozenUntilMs: number | undefined;
}

export interface MobilityConfig {
  /** Address of this node. */
  readonly node: Ip;
  /** RFC 7432 15.1: N moves within M milliseconds make a duplicate; default 5 in 180 s. */
  readonly moveCountMax: number;
  readonly moveWindowMs: number;
  readonly freezeMs: number;
}

export const mobilityDefaults: Omit<MobilityConfig, "node"> = {
  moveCountMax: 5,
  moveWindowMs: 180_000,
  freezeMs: 540_000,
};

export type MobilityEvent =
  | {
      readonly kind: "learned";
      readonly sticky: boolean;
      readonly esi: Esi;
      readonly nowMs: number;
    }
  | { readonly kind: "aged"; readonly nowMs: number }
  | { readonly kind: "remote"; readonly remote: RemoteMac | undefined; readonly nowMs: number }
  | { readonly kind: "timer"; readonly nowMs: number };

export type MobilityEffect =
  /** Type 2 with this sequence number, replacing what was announced. */
  | { readonly kind: "announce"; readonly sequence: number; readonly sticky: boolean }
  | { readonly kind: "withdraw" }
  /** Ask the host for its address, to find out whether it is still here; see `stepMobility`. */
  | { readonly kind: "probe" }
  /** For the operator: a sticky address in two places, or too many moves. */
  | { readonly kind: "alert"; readonly reason: "sticky-conflict" | "duplicate" };

export interface MobilityStep {
  readonly state: MobilityState;
  readonly effects: readonly MobilityEffect[];
}

export const unknownMac: MobilityState = {
  local: undefined,
  remote: undefined,
  movesMs: [],
  frozenUntilMs: undefined,
};

/**
 * The highest sequence number (RFC 7432 7.7: uint32). Numbers stop there instead of wrapping, since
 * nobody could tell an old one from a new one: the node with the lowest address then has the host.
 */
const sequenceMax = 0xffffffff;

/**
 * `probe` comes with `withdraw` when another node has taken the address over: a host that answers
 * is reported as `learned` again.
 */
export function stepMobility(
  config: MobilityConfig,
  before: MobilityState,
  event: MobilityEvent,
): MobilityStep {
  const { state, effects } = thaw(before, event.nowMs);
  const next = stepThawed(config, state, event);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** When `timer` is due; undefined when the state waits for nothing. */
export function dueMs(state: MobilityState): number | undefined {
  return state.frozenUntilMs;
}

/** A state in which nothing is worth keeping: the caller may forget the address. */
export function isForgettable(
  state: MobilityState,
  nowMs: number,
  config: MobilityConfig,
): boolean {
  const { frozenUntilMs, local, movesMs, remote } = state;
  if (local !== undefined || remote !== undefined || frozenUntilMs !== undefined) return false;
  return movesMs.every((atMs) => atMs <= nowMs - config.moveWindowMs);
}

/** The freeze is over: what is here is announced again, above what the others say. */
function thaw(state: MobilityState, nowMs: number): MobilityStep {
  const { frozenUntilMs, local, remote } = state;
  if (frozenUntilMs === undefined || nowMs < frozenUntilMs) return { state, effects: [] };
  const thawed = { ...state, frozenUntilMs: undefined, movesMs: [] };
  if (local === undefined) return { state: thawed, effects: [] };
  if (isStickyElsewhere(remote, local.esi)) {
    const alert = { kind: "alert", reason: "sticky-conflict" } as const;
    return { state: { ...thawed, local: undefined }, effects: [alert] };
  }
  const sequence = local.sticky ? 0 : sequenceFor(local.esi, remote, local.sequence);
  const announced = { ...local, sequence };
  return { state: { ...thawed, local: announced }, effects: [announce(announced)] };
}

function stepThawed(
  config: MobilityConfig,
  state: MobilityState,
  event: MobilityEvent,
): MobilityStep {
  switch (event.kind) {
    case "learned":
      return learned(config, state, event);
    case "aged": {
      const effects: MobilityEffect[] = isAnnounced(state) ? [{ kind: "withdraw" }] : [];
      return { state: { ...state, local: undefined }, effects };
    }
    case "remote":
      return heard(config, { ...state, remote: event.remote });
    case "timer":
      return { state, effects: [] };
  }
}

function learned(
  config: MobilityConfig,
  state: MobilityState,
  event: Extract<MobilityEvent, { readonly kind: "learned" }>,
): MobilityStep {
  const { esi, nowMs, sticky } = event;
  const { local, remote } = state;
  // RFC 7432 15.2: a sticky address of another node stays there, whatever comes in here.
  if (isStickyElsewhere(remote, esi)) {
    return { state, effects: [{ kind: "alert", reason: "sticky-conflict" }] };
  }
  if (local !== undefined) {
    if (local.sticky === sticky && local.esi === esi) return { state, effects: [] };
    const sequence = sticky ? 0 : sequenceFor(esi, remote, local.sequence);
    const changed = { sequence, sticky, esi };
    const effects = state.frozenUntilMs === undefined ? [announce(changed)] : [];
    return { state: { ...state, local: changed }, effects };
  }
  // RFC 7432 15.2: a sticky address has the number 0.
  const here = { sequence: sticky ? 0 : sequenceFor(esi, remote, 0), sticky, esi };
  const next = { ...state, local: here };
  if (state.frozenUntilMs !== undefined) return { state: next, effects: [] };
  if (remote === undefined || !isElsewhere(remote, esi)) {
    return { state: next, effects: [announce(here)] };
  }
  return moved(config, next, here, nowMs);
}

/** The address came from another node to this one. */
function moved(
  config: MobilityConfig,
  state: MobilityState,
  here: LocalMac,
  nowMs: number,
): MobilityStep {
  const recent = state.movesMs.filter((atMs) => atMs > nowMs - config.moveWindowMs);
  const movesMs = [...recent, nowMs];
  if (movesMs.length < config.moveCountMax) {
    return { state: { ...state, movesMs }, effects: [announce(here)] };
  }
  const frozenUntilMs = nowMs + config.freezeMs;
  const alert = { kind: "alert", reason: "duplicate" } as const;
  return { state: { ...state, movesMs, frozenUntilMs }, effects: [alert] };
}

function heard(config: MobilityConfig, state: MobilityState): MobilityStep {
  const { frozenUntilMs, local, remote } = state;
  if (local === undefined || remote === undefined || frozenUntilMs !== undefined) {
    return { state, effects: [] };
  }
  if (!isElsewhere(remote, local.esi)) {
    // RFC 7432 15: nodes on one segment announce one sequence number.
    if (local.sticky || remote.sequence <= local.sequence) return { state, effects: [] };
    const raised = { ...local, sequence: remote.sequence };
    return { state: { ...state, local: raised }, effects: [announce(raised)] };
  }
  if (local.sticky) return { state, effects: [{ kind: "alert", reason: "sticky-conflict" }] };
  if (!isLost(config, local, remote)) return { state, effects: [] };
  const effects: MobilityEffect[] = [{ kind: "withdraw" }, { kind: "probe" }];
  return { state: { ...state, local: undefined }, effects };
}

/** RFC 7432 15: a higher number wins; of equal ones the lower address of the node. */
function isLost(config: MobilityConfig, local: LocalMac, remote: RemoteMac): boolean {
  if (remote.sticky || remote.sequence > local.sequence) return true;
  return remote.sequence === local.sequence && compareIp(remote.node, config.node) < 0;
}

/** One above what another place announces; the same as on the own segment. */
function sequenceFor(esi: Esi, remote: RemoteMac | undefined, least: number): number {
  if (remote === undefined) return least;
  const wanted = isElsewhere(remote, esi) ? remote.sequence + 1 : remote.sequence;
  return Math.min(sequenceMax, Math.max(least, wanted));
}

/** False for the other nodes on the segment that the address is on. */
function isElsewhere(remote: RemoteMac, esi: Esi): boolean {
  return esi === singleHomed || remote.esi !== esi;
}

function isStickyElsewhere(remote: RemoteMac | undefined, esi: Esi): boolean {
  return remote?.sticky === true && isElsewhere(remote, esi);
}

function isAnnounced({ frozenUntilMs, local }: MobilityState): boolean {
  return local !== undefined && frozenUntilMs === undefined;
}

function announce({ sequence, sticky }: LocalMac): MobilityEffect {
  return { kind: "announce", sequence, sticky };
}
