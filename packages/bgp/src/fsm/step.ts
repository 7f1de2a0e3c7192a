/** One step of the session state machine: pure, total, without allocation where the state stays. */
import { must } from "@heddle/std";
import type { NotificationCause } from "../errors.ts";
import { ceaseSubcodes, errorCodes, fsmSubcodes } from "../packet/iana.ts";
import type { SessionEffect } from "./effects.ts";
import type { SessionEvent } from "./events.ts";
import type { Negotiated } from "./negotiate.ts";
import type { SessionState } from "./state.ts";
import { type GuardInput, type SessionOptions, sessionTable, type Transition } from "./table.ts";

export interface Step {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/** The state after `event` and what has to be done, in order. */
export function step(state: SessionState, event: SessionEvent, options: SessionOptions): Step {
  const cell = sessionTable[state.kind][event.kind];
  const input: GuardInput = { state, event, options };
  const taken = must(
    cell.find((transition: Transition) => transition.guard?.(input) !== false),
    "the last transition of a cell has no guard",
  );
  return { state: enter(taken, state, event), effects: taken.effects };
}

function enter({ next, bfd }: Transition, from: SessionState, event: SessionEvent): SessionState {
  if (next === from.kind && bfd === undefined) return from;
  if (next === "OpenConfirm") {
    return { kind: next, negotiated: negotiatedOf(from, event), bfd: bfd ?? "ready" };
  }
  if (next === "Established") return { kind: next, negotiated: negotiatedOf(from, event) };
  return { kind: next };
}

function negotiatedOf(from: SessionState, event: SessionEvent): Negotiated {
  const learned = "negotiated" in event ? event : from;
  return must(
    "negotiated" in learned ? learned.negotiated : undefined,
    "OpenConfirm is entered with an OPEN, Established from OpenConfirm",
  );
}

/** What `sendNotification` sends when `event` is met in `state`. */
export function notificationOf(state: SessionState, event: SessionEvent): NotificationCause {
  const data = new Uint8Array(0);
  switch (event.kind) {
    case "ManualStop":
    case "AutomaticStop":
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
    case "RouteRefreshMsgErr":
      return event.cause;
    case "HoldTimer_Expires":
      return isBfdAwaited(state)
        ? { code: errorCodes.cease, subcode: ceaseSubcodes.bfdDown, data }
        : { code: errorCodes.holdTimerExpired, subcode: 0, data };
    case "OpenCollisionDump":
      return { code: errorCodes.cease, subcode: ceaseSubcodes.collisionResolution, data };
    case "BfdDown":
      return { code: errorCodes.cease, subcode: ceaseSubcodes.bfdDown, data };
    default:
      return { code: errorCodes.finiteStateMachine, subcode: fsmSubcodeOf(state), data };
  }
}

function isBfdAwaited(state: SessionState): boolean {
  return state.kind === "OpenConfirm" && state.bfd !== "ready";
}

/** RFC 6608 4. */
function fsmSubcodeOf(state: SessionState): number {
  if (state.kind === "OpenSent") return fsmSubcodes.inOpenSent;
  if (state.kind === "OpenConfirm") return fsmSubcodes.inOpenConfirm;
  return state.kind === "Established" ? fsmSubcodes.inEstablished : 0;
}
