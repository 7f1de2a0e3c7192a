/** Which routes an UPDATE is about, announced or withdrawn. */
import {
  type AddressFamily,
  addressFamilyOf,
  DecodeError,
  locateMp,
  newMpParts,
  newUpdateParts,
  nlriCodecOf,
  prefixFromWords4,
  prefixFromWords6,
  splitUpdate,
  walkPathPrefixes4,
  walkPathPrefixes6,
  walkPrefixes4,
  walkPrefixes6,
} from "@heddle/bgp";
import type { MonitoredRoute } from "./route-updates.ts";

const noPayload = new Uint8Array(0);

/**
 * Calls `visit` for each, `body` being of an UPDATE. What cannot be read is left out: the session
 * does not survive it.
 */
export function visitTouchedRoutes(
  body: Uint8Array,
  addPath: ReadonlySet<AddressFamily>,
  visit: (route: MonitoredRoute) => void,
): void {
  try {
    const parts = splitUpdate(body, 0, body.length, newUpdateParts());
    const paths4 = addPath.has("ipv4-unicast");
    visitField(body, parts.withdrawnStart, parts.withdrawnEnd, "ipv4-unicast", paths4, true, visit);
    visitField(body, parts.nlriStart, parts.nlriEnd, "ipv4-unicast", paths4, false, visit);
    const mp = locateMp(body, parts.attributesStart, parts.attributesEnd, newMpParts());
    const reach = mp.reachStart < 0 ? undefined : addressFamilyOf(mp.reachAfi, mp.reachSafi);
    if (reach !== undefined) {
      visitField(body, mp.reachNlriStart, mp.reachEnd, reach, addPath.has(reach), false, visit);
    }
    const gone = mp.unreachStart < 0 ? undefined : addressFamilyOf(mp.unreachAfi, mp.unreachSafi);
    if (gone !== undefined) {
      visitField(body, mp.unreachNlriStart, mp.unreachEnd, gone, addPath.has(gone), true, visit);
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

function visitField(
  bytes: Uint8Array,
  start: number,
  end: number,
  family: AddressFamily,
  hasPaths: boolean,
  withdrawn: boolean,
  visit: (route: MonitoredRoute) => void,
): void {
  if (start >= end) return;
  if (family === "ipv4-unicast") {
    const take = (pathId: number, address: number, length: number): void =>
      visit({ family, pathId, prefix: prefixFromWords4(address, length) });
    if (hasPaths) walkPathPrefixes4(bytes, start, end, take);
    else walkPrefixes4(bytes, start, end, (address, length) => take(0, address, length));
  } else if (family === "ipv6-unicast") {
    const take = (
      pathId: number,
      ...[w0, w1, w2, w3, length]: [number, number, number, number, number]
    ): void => visit({ family, pathId, prefix: prefixFromWords6(w0, w1, w2, w3, length) });
    if (hasPaths) walkPathPrefixes6(bytes, start, end, take);
    else walkPrefixes6(bytes, start, end, (...words) => take(0, ...words));
  } else {
    nlriCodecOf(family)?.walk(bytes, start, end, { addPath: hasPaths, withdrawn }, (cursor) => {
      const key = cursor.key.slice(0, cursor.keyLength);
      visit({ family, pathId: cursor.pathId, key, payload: noPayload });
    });
  }
}
