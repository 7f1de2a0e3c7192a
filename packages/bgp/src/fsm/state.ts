/** States of a session (RFC 4271 8.2.2). A state carries what has been learned on the way to it. */
import type { Negotiated } from "./negotiate.ts";

/**
 * In OpenConfirm with BFD in strict mode (draft-ietf-idr-bgp-bfd-strict-mode): whether our
 * KEEPALIVE still waits for BFD to come Up, and whether the peer's has come meanwhile.
 */
export type BfdWait = "ready" | "awaited" | "awaited-alive";

export type SessionState =
  | { readonly kind: "Idle" }
  | { readonly kind: "Connect" }
  | { readonly kind: "Active" }
  | { readonly kind: "OpenSent" }
  | { readonly kind: "OpenConfirm"; readonly negotiated: Negotiated; readonly bfd: BfdWait }
  | { readonly kind: "Established"; readonly negotiated: Negotiated };

export type SessionStateKind = SessionState["kind"];

export const sessionStateKinds: readonly SessionStateKind[] = [
  "Idle",
  "Connect",
  "Active",
  "OpenSent",
  "OpenConfirm",
  "Established",
];
