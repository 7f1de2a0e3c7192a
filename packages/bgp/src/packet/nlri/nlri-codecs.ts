/** The codec of each family whose routes are not plain prefixes. */
import type { AddressFamily } from "../address-family.ts";
import type { NlriCodec } from "../nlri-codec.ts";
import { evpnCodec } from "./evpn-text.ts";
import { ipv4FlowSpecCodec, ipv6FlowSpecCodec } from "./flowspec-text.ts";
import { routeTargetCodec } from "./route-target-constraint.ts";
import { ipv4VpnCodec, ipv6VpnCodec } from "./vpn.ts";

const codecs: Readonly<Record<AddressFamily, NlriCodec | undefined>> = {
  "ipv4-unicast": undefined,
  "ipv6-unicast": undefined,
  "route-target": routeTargetCodec,
  "ipv4-vpn": ipv4VpnCodec,
  "ipv6-vpn": ipv6VpnCodec,
  evpn: evpnCodec,
  "ipv4-flowspec": ipv4FlowSpecCodec,
  "ipv6-flowspec": ipv6FlowSpecCodec,
};

/** Undefined for the two plain unicast families, which have the word walkers of `nlri.ts`. */
export function nlriCodecOf(family: AddressFamily): NlriCodec | undefined {
  return codecs[family];
}
