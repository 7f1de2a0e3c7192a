/**
 * Only to Customer (RFC 9234 5): the attribute marks a route that came down or across the hierarchy
 * of providers, customers and peers, and so may only go down from here.
 */
import type { Asn } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { BgpRole } from "./peer.ts";

/** What the procedures need to know where a route comes in. */
export interface OnlyToCustomerImport {
  /** Ours towards the sender. */
  readonly role: BgpRole;
  readonly peerAsn: Asn;
}

/** And where it goes out. */
export interface OnlyToCustomerExport {
  /** Ours towards the receiver. */
  readonly role: BgpRole;
  /** As the receiver knows us. */
  readonly localAsn: Asn;
}

/** RFC 9234 5: the procedures are for unicast. */
export function hasOnlyToCustomer(family: AddressFamily): boolean {
  return family === "ipv4-unicast" || family === "ipv6-unicast";
}

/** The attributes with what the ingress procedure adds, or what it finds. */
export function receivedOnlyToCustomer(
  attributes: PathAttributes,
  from: OnlyToCustomerImport | undefined,
): PathAttributes | "route-leak" {
  if (from === undefined) return attributes;
  const { onlyToCustomer } = attributes;
  const { role, peerAsn } = from;
  if (onlyToCustomer !== undefined) {
    const isFromBelow = role === "provider" || role === "rs";
    const isAcross = role === "peer" && onlyToCustomer !== peerAsn;
    return isFromBelow || isAcross ? "route-leak" : attributes;
  }
  const isFromAbove = role === "customer" || role === "rs-client" || role === "peer";
  return isFromAbove ? { ...attributes, onlyToCustomer: peerAsn } : attributes;
}

/** The attributes with what the egress procedure adds; undefined when the route must not go. */
export function sentOnlyToCustomer(
  attributes: PathAttributes,
  to: OnlyToCustomerExport | undefined,
): PathAttributes | undefined {
  if (to === undefined) return attributes;
  const { role, localAsn } = to;
  if (attributes.onlyToCustomer !== undefined) {
    return role === "customer" || role === "rs-client" || role === "peer" ? undefined : attributes;
  }
  const isDown = role === "provider" || role === "rs" || role === "peer";
  return isDown ? { ...attributes, onlyToCustomer: localAsn } : attributes;
}
