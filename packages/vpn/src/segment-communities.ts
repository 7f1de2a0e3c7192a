/** Communities of type 4 routes: who imports them, and how the forwarder is elected. */
import { type ExtendedCommunity, extendedCommunityTypeOf } from "@heddle/bgp";
import { type Esi, esiToBytes, type Mac, macFromBytes } from "@heddle/inet";
import type { ElectionAlgorithm } from "./vrf.ts";

/** DF Election Extended Community. https://www.iana.org/assignments/bgp-extended-communities */
const electionType = 0x0606; // RFC 8584 2.2

const algorithmNumbers: Readonly<Record<ElectionAlgorithm, number>> = {
  modulo: 0,
  "highest-random-weight": 1,
};

/** RFC 7432 7.6: the high six octets of the value of the ESI, behind its type octet. */
export function esImportMac(esi: Esi): Mac {
  return macFromBytes(esiToBytes(esi).subarray(1, 7));
}

/**
 * RFC 8584 2.2: type (2) | reserved, algorithm (1) | capabilities (2) | reserved (3). None for the
 * default algorithm, which a route without the community asks for: there are implementations of RFC
 * 7432 alone that discard routes with it.
 */
export function electionCommunities(algorithm: ElectionAlgorithm): ExtendedCommunity[] {
  if (algorithm === "modulo") return [];
  const value = (BigInt(electionType) << 48n) | (BigInt(algorithmNumbers[algorithm]) << 40n);
  return [{ kind: "opaque", value }];
}

/**
 * The algorithm that the sender of a type 4 route asks for; without the community it is the modulo
 * (RFC 8584 2.2). Undefined for one that is not known here, or with capabilities, of which this
 * node has none.
 */
export function electionAlgorithmOf(communities: readonly bigint[]): ElectionAlgorithm | undefined {
  const value = communities.find((other) => extendedCommunityTypeOf(other) === electionType);
  if (value === undefined) return "modulo";
  if (((value >> 24n) & 0xffffn) !== 0n) return undefined;
  switch (Number((value >> 40n) & 0x1fn)) {
    case algorithmNumbers.modulo:
      return "modulo";
    case algorithmNumbers["highest-random-weight"]:
      return "highest-random-weight";
    default:
      return undefined;
  }
}
