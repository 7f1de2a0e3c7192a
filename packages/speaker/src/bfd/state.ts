/**
 * The BFD state machine (RFC 5880 6.2, 6.8.6) as a table: every event in every state has an
 * outcome.
 */
import { type BfdState, bfdDiagnostics } from "./packet.ts";

/** What a packet says of its sender, the detection timer, and the operator. */
export type BfdEvent =
  | "RemoteAdminDown"
  | "RemoteDown"
  | "RemoteInit"
  | "RemoteUp"
  | "DetectionTimer_Expires"
  | "AdminDisable"
  | "AdminEnable";

export interface BfdOutcome {
  readonly next: BfdState;
  /** bfd.LocalDiag from now on; absent: as before. */
  readonly diagnostic?: number;
}

const neighborSignaled: BfdOutcome = {
  next: "Down",
  diagnostic: bfdDiagnostics.neighborSignaledDown,
};
const timedOut: BfdOutcome = { next: "Down", diagnostic: bfdDiagnostics.detectionTimeExpired };
const disabled: BfdOutcome = {
  next: "AdminDown",
  diagnostic: bfdDiagnostics.administrativelyDown,
};
const up: BfdOutcome = { next: "Up", diagnostic: bfdDiagnostics.none };

export const bfdTable: Readonly<Record<BfdState, Readonly<Record<BfdEvent, BfdOutcome>>>> = {
  // Packets that arrive in AdminDown are dropped (6.8.6).
  AdminDown: {
    RemoteAdminDown: { next: "AdminDown" },
    RemoteDown: { next: "AdminDown" },
    RemoteInit: { next: "AdminDown" },
    RemoteUp: { next: "AdminDown" },
    DetectionTimer_Expires: { next: "AdminDown" },
    AdminDisable: { next: "AdminDown" },
    AdminEnable: { next: "Down", diagnostic: bfdDiagnostics.none },
  },
  Down: {
    RemoteAdminDown: { next: "Down" },
    RemoteDown: { next: "Init" },
    RemoteInit: up,
    RemoteUp: { next: "Down" },
    DetectionTimer_Expires: { next: "Down" },
    AdminDisable: disabled,
    AdminEnable: { next: "Down" },
  },
  Init: {
    RemoteAdminDown: neighborSignaled,
    RemoteDown: { next: "Init" },
    RemoteInit: up,
    RemoteUp: up,
    DetectionTimer_Expires: timedOut,
    AdminDisable: disabled,
    AdminEnable: { next: "Init" },
  },
  Up: {
    RemoteAdminDown: neighborSignaled,
    RemoteDown: neighborSignaled,
    RemoteInit: { next: "Up" },
    RemoteUp: { next: "Up" },
    DetectionTimer_Expires: timedOut,
    AdminDisable: disabled,
    AdminEnable: { next: "Up" },
  },
};

export const remoteEvents: Readonly<Record<BfdState, BfdEvent>> = {
  AdminDown: "RemoteAdminDown",
  Down: "RemoteDown",
  Init: "RemoteInit",
  Up: "RemoteUp",
};
