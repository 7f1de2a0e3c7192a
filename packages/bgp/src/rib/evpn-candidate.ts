/** What the decision process compares of EVPN routes beyond what their rows hold. */
import { must } from "@heddle/std";
import { ineligibleScore } from "./decision.ts";
import type { PathColumns } from "./paths.ts";
import type { PayloadTable } from "./payload-table.ts";
import type { RowCandidate, RowTable } from "./rows.ts";

const esiLength = 10;

interface EvpnTable {
  readonly paths: PathColumns;
  readonly payloads: PayloadTable | undefined;
  readonly rows: RowTable;
}

/** `isMac`: the key is about a MAC address, so that mobility and location count (RFC 7432 15). */
export function evpnCandidate(
  candidate: RowCandidate,
  { paths, payloads, rows }: EvpnTable,
  isMac: boolean,
): RowCandidate {
  if (!isMac) return { ...candidate, mobility: 0 };
  if (candidate.score === ineligibleScore) return candidate;
  const { nextHop } = rows.outcomeOf(candidate.row).attributes;
  const payload = must(payloads, "EVPN routes have payloads").bytesOf(
    paths.payloadOf(candidate.path),
  );
  return { ...candidate, mac: { nextHop, esi: esiOf(payload) } };
}

/** The ESI comes first in the payload of a MAC/IP route. */
function esiOf(payload: Uint8Array): bigint {
  let esi = 0n;
  for (const octet of payload.subarray(0, esiLength)) esi = (esi << 8n) | BigInt(octet);
  return esi;
}
