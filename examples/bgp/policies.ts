/** Policies of `docs/bgp.md`, checked and printed by `examples.test.ts`. */
import { acceptAll, origins, type Policy, wellKnownCommunities } from "@heddle/bgp";
import { parseAsn, parseIp, parsePrefix, parseRouteTarget } from "@heddle/inet";

const asn = parseAsn;
const prefix = parsePrefix;
/** 64512:70, as RFC 1997 has it: two halves in one number. */
const fromProvider = ((64512 << 16) | 70) >>> 0;

/** Every router has a blackhole route for it. */
const discard = parseIp("192.0.2.1");

/** What a provider may tell us. */
export const providerImport: Policy = {
  name: "provider-import",
  terms: [
    {
      name: "our-own-space",
      match: { prefixes: [{ prefix: prefix("198.51.100.0/22"), le: 32 }] },
      verdict: "reject",
    },
    {
      name: "too-long",
      match: {
        prefixes: [
          { prefix: prefix("0.0.0.0/0"), ge: 25 },
          { prefix: prefix("::/0"), ge: 49 },
        ],
      },
      verdict: "reject",
    },
    {
      name: "mark",
      match: {},
      verdict: "continue",
      actions: { addCommunities: [fromProvider] },
    },
    {
      name: "backup",
      match: { communities: { anyOf: [[64501, 80]] } },
      verdict: "accept",
      actions: { localPref: 80 },
    },
  ],
  otherwise: "accept",
};

/** What a provider is told: our own space and what customers sent us, never another provider's. */
export const providerExport: Policy = {
  name: "provider-export",
  terms: [
    { match: { communities: [fromProvider] }, verdict: "reject" },
    {
      name: "own",
      match: { prefixes: [{ prefix: prefix("198.51.100.0/22"), le: 24 }], asPathLengthMax: 0 },
      verdict: "accept",
      actions: { med: 50, origin: origins.igp },
    },
    {
      name: "customers",
      match: { neighborAsns: [asn(64510), asn(64511)] },
      verdict: "accept",
      actions: { prepend: { asn: asn(64512), count: 2 } },
    },
  ],
  otherwise: "reject",
};

/** A customer's routes by the shape of their paths: itself, or one AS behind it, prepended or not. */
export const customerImport: Policy = {
  name: "customer-import",
  terms: [
    {
      match: {
        asPath: {
          kind: "sequence",
          items: [
            { kind: "repeat", item: { kind: "in", asns: [asn(64510)] }, min: 1 },
            {
              kind: "repeat",
              item: { kind: "in", asns: [{ from: asn(65100), to: asn(65199) }] },
              min: 0,
            },
          ],
        },
        prefixes: [{ prefix: prefix("203.0.113.0/24"), ge: 24, le: 26 }],
      },
      verdict: "accept",
      actions: { localPref: 200 },
    },
    {
      name: "blackhole",
      match: {
        communities: [wellKnownCommunities.blackhole],
        prefixes: [{ prefix: prefix("203.0.113.0/24"), ge: 32 }],
      },
      verdict: "accept",
      actions: { nextHop: discard, addCommunities: [wellKnownCommunities.noExport] },
    },
  ],
  otherwise: "reject",
};

/** One tenant's VPN and EVPN routes, without what is only about single MAC addresses. */
export const tenantExport: Policy = {
  name: "tenant-export",
  terms: [
    { match: { evpnRouteTypes: [1, 4] }, verdict: "reject" },
    {
      name: "red",
      match: {
        families: ["ipv4-vpn", "ipv6-vpn", "evpn"],
        routeTargets: [parseRouteTarget("64512:7")],
      },
      verdict: "accept",
    },
  ],
  otherwise: "reject",
};

export const all: readonly Policy[] = [
  providerImport,
  providerExport,
  customerImport,
  tenantExport,
  acceptAll,
];
