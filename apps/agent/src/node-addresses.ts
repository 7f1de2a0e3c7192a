/**
 * Which of its addresses the node speaks from to pods of VPCs, one for each family. Pure.
 *
 * The Node object's InternalIP where the node really has it: it does not come and go with links.
 * Else, for a family without one, the first routed address of the loopback or of an uplink.
 */
import type { Node } from "@heddle/api";
import { type Family, familyOf, type Ip, ParseError, parseIp } from "@heddle/inet";

/** A routed (not link-local) address that an interface has. */
export interface InterfaceAddress {
  readonly ifname: string;
  readonly address: Ip;
}

const loopback = "lo";

/** At most one of each family. */
export function chooseNodeAddresses(
  node: Node,
  uplinks: readonly string[],
  own: readonly InterfaceAddress[],
): Ip[] {
  const internal = internalAddressesOf(node);
  const ofFamily = (family: Family): Ip | undefined => {
    const known = own.filter(({ address }) => familyOf(address) === family);
    const named = internal.find((ip) => known.some(({ address }) => address === ip));
    if (named !== undefined) return named;
    for (const ifname of [loopback, ...uplinks]) {
      const found = known.find((each) => each.ifname === ifname);
      if (found !== undefined) return found.address;
    }
    return undefined;
  };
  return [ofFamily(4), ofFamily(6)].filter((address) => address !== undefined);
}

/** What does not parse is told where the Node is read for BGP. */
function internalAddressesOf({ status }: Node): Ip[] {
  const addresses = status?.addresses === undefined ? [] : status.addresses;
  return addresses.flatMap(({ type, address }) => {
    if (type !== "InternalIP") return [];
    try {
      return [parseIp(address)];
    } catch (error) {
      if (error instanceof ParseError) return [];
      throw error;
    }
  });
}
