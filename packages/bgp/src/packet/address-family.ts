/** The address families that this speaker carries, by name. */
import { afis, safis } from "./iana.ts";

/** Every family that can be negotiated, with its codepoints (RFC 4760). */
export type AddressFamily = "ipv4-unicast" | "ipv6-unicast";

export const addressFamilies: Readonly<
  Record<AddressFamily, { readonly afi: number; readonly safi: number }>
> = {
  "ipv4-unicast": { afi: afis.ipv4, safi: safis.unicast },
  "ipv6-unicast": { afi: afis.ipv6, safi: safis.unicast },
};

/** In the order in which families are offered and dumped. */
export const addressFamilyNames: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast"];

/** Undefined for a family that this speaker does not carry. */
export function addressFamilyOf(afi: number, safi: number): AddressFamily | undefined {
  if (safi !== safis.unicast) return undefined;
  if (afi === afis.ipv4) return "ipv4-unicast";
  return afi === afis.ipv6 ? "ipv6-unicast" : undefined;
}
