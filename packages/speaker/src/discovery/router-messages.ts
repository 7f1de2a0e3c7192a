/**
 * Router Solicitation and Advertisement (RFC 4861 4.1, 4.2), as far as neighbours of unnumbered
 * sessions need them: that there is a router, and what its link-local address is.
 *
 *      RS: type 133 | code 0 | checksum (2) | reserved (4) | options
 *      RA: type 134 | code 0 | checksum (2) | hop limit (1) | flags (1) | router lifetime (2)
 *          | reachable time (4) | retransmission timer (4) | options
 */
export const routerSolicitation = 133;
export const routerAdvertisement = 134;

const solicitationLength = 8;
const advertisementLength = 16;

/** The kernel fills in the checksum. */
export function encodeSolicitation(): Uint8Array {
  const bytes = new Uint8Array(solicitationLength);
  bytes[0] = routerSolicitation;
  return bytes;
}

/**
 * With router lifetime 0: who hears it learns our address, and does not take us for a default
 * router.
 */
export function encodeAdvertisement(): Uint8Array {
  const bytes = new Uint8Array(advertisementLength);
  bytes[0] = routerAdvertisement;
  return bytes;
}

/**
 * What the message is, undefined for one that is not valid (RFC 4861 6.1.1, 6.1.2; hop limit and
 * source are the caller's to check).
 */
export function routerMessageOf(bytes: Uint8Array): "solicitation" | "advertisement" | undefined {
  const [type, code] = bytes;
  if (code !== 0) return undefined;
  if (type === routerSolicitation && hasValidOptions(bytes, solicitationLength)) {
    return "solicitation";
  }
  const isAdvertisement = type === routerAdvertisement;
  return isAdvertisement && hasValidOptions(bytes, advertisementLength)
    ? "advertisement"
    : undefined;
}

/** Options are a type and a length in units of 8 octets, which is not 0 (RFC 4861 4.6). */
function hasValidOptions(bytes: Uint8Array, start: number): boolean {
  let at = start;
  while (at < bytes.length) {
    const length = (bytes[at + 1] ?? 0) * 8;
    if (length === 0) return false;
    at += length;
  }
  return at === bytes.length;
}
