/**
 * BGP roles in the OPEN exchange (RFC 9234 4): what is offered, and which pairs of roles may speak
 * to each other. What a role means for routes is the RIB's.
 */
import { DecodeError } from "../errors.ts";
import { errorCodes, openSubcodes, roleCodes } from "../packet/iana.ts";
import type { Open } from "../packet/open.ts";
import type { BgpRole } from "../rib/peer.ts";

/** RFC 9234 4.1. */
const codes: Readonly<Record<BgpRole, number>> = {
  provider: roleCodes.provider,
  rs: roleCodes.rs,
  "rs-client": roleCodes.rsClient,
  customer: roleCodes.customer,
  peer: roleCodes.peer,
};
const names: ReadonlyMap<number, BgpRole> = new Map(
  (Object.keys(codes) as BgpRole[]).map((role) => [codes[role], role]),
);

/** RFC 9234 4.2: the role that the other side of each must have. */
const counterparts: Readonly<Record<BgpRole, BgpRole>> = {
  provider: "customer",
  customer: "provider",
  rs: "rs-client",
  "rs-client": "rs",
  peer: "peer",
};

export function roleCodeOf(role: BgpRole): number {
  return codes[role];
}

/**
 * The peer's role, undefined when it names none.
 * @throws DecodeError `reset` with Role Mismatch, when the roles do not fit, or the peer names none
 *   and `strict` wants one (RFC 9234 4.2)
 */
export function negotiateRole(
  local: BgpRole | undefined,
  strict: boolean,
  open: Open,
): BgpRole | undefined {
  const offered = open.capabilities.find((c) => c.kind === "role");
  const role = offered === undefined ? undefined : names.get(offered.role);
  if (local === undefined) return role;
  const want = counterparts[local];
  if (offered === undefined) {
    if (strict) throw mismatch(`no role, want ${want}`);
    return undefined;
  }
  if (role !== want) {
    throw mismatch(`role ${role ?? offered.role}, want ${want} to our ${local}`);
  }
  return role;
}

function mismatch(why: string): DecodeError {
  return new DecodeError(
    `Cannot accept OPEN: ${why}`,
    "reset",
    errorCodes.openMessage,
    openSubcodes.roleMismatch,
  );
}
