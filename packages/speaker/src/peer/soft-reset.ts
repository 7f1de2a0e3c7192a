import type { AddressFamily, Negotiated } from "@heddle/bgp";
import { SpeakerError } from "../errors.ts";
import type { Session } from "./session.ts";

/** What a refresh is about. */
export interface SoftReset {
  readonly session: Session;
  readonly negotiated: Negotiated;
  readonly families: readonly AddressFamily[];
}

/**
 * All families of the session, or `family` alone.
 * @throws SpeakerError `state` without an Established session that has the family
 */
export function softResetOf(
  peer: string,
  session: Session | undefined,
  family: AddressFamily | undefined,
): SoftReset {
  const state = session?.state;
  if (session === undefined || state?.kind !== "Established") {
    throw new SpeakerError("state", `Cannot refresh ${peer}: there is no session`);
  }
  const { negotiated } = state;
  if (family === undefined) return { session, negotiated, families: negotiated.families };
  if (!negotiated.families.includes(family)) {
    const have = negotiated.families.join(", ");
    throw new SpeakerError("state", `Cannot refresh ${peer}: ${family}, want one of ${have}`);
  }
  return { session, negotiated, families: [family] };
}
