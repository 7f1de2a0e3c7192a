/**
 * Codepoints of BGP-4. Names are those of the registries; a codepoint that this package does not
 * implement stands in a comment, so that a search for it ends here.
 *
 * - https://www.iana.org/assignments/bgp-parameters
 * - https://www.iana.org/assignments/capability-codes
 * - https://www.iana.org/assignments/address-family-numbers
 * - https://www.iana.org/assignments/safi-namespace
 */

export const bgpVersion = 4;
/** RFC 4271 8.2.1. */
export const bgpPort = 179;
/** RFC 6793 9: stands for a four-octet AS number in two-octet fields. */
export const asTrans = 23456;

/** BGP Message Types. */
export const messageTypes = {
  open: 1, // RFC 4271
  update: 2, // RFC 4271
  notification: 3, // RFC 4271
  keepalive: 4, // RFC 4271
  routeRefresh: 5, // RFC 2918
} as const;
export type MessageType = (typeof messageTypes)[keyof typeof messageTypes];

/** BGP Path Attributes. */
export const attributeTypes = {
  origin: 1, // RFC 4271
  asPath: 2, // RFC 4271
  nextHop: 3, // RFC 4271
  multiExitDisc: 4, // RFC 4271
  localPref: 5, // RFC 4271
  atomicAggregate: 6, // RFC 4271
  aggregator: 7, // RFC 4271
  communities: 8, // RFC 1997
  originatorId: 9, // RFC 4456
  clusterList: 10, // RFC 4456
  // DPA 11 to RCID_PATH 13: deprecated, RFC 6938
  mpReachNlri: 14, // RFC 4760
  mpUnreachNlri: 15, // RFC 4760
  extendedCommunities: 16, // RFC 4360
  as4Path: 17, // RFC 6793
  as4Aggregator: 18, // RFC 6793
  pmsiTunnel: 22, // RFC 6514
  tunnelEncapsulation: 23, // RFC 9012
  // Traffic Engineering 24: RFC 5543
  ipv6ExtendedCommunities: 25, // RFC 5701
  aigp: 26, // RFC 7311
  // BGP-LS 29: RFC 9552
  largeCommunities: 32, // RFC 8092
  // BGPsec_Path 33: RFC 8205
  onlyToCustomer: 35, // RFC 9234
  // SFP 37: RFC 9015
  // BFD Discriminator 38: RFC 9026
  // BGP Prefix-SID 40: RFC 8669; passed on as an unknown attribute
  // ATTR_SET 128: RFC 6368
} as const;

/** RFC 4271 4.3 Attribute Flags. */
export const attributeFlags = {
  optional: 0x80,
  transitive: 0x40,
  partial: 0x20,
  extendedLength: 0x10,
} as const;

/** BGP AS_PATH Segment Types. */
export const segmentTypes = {
  set: 1, // RFC 4271
  sequence: 2, // RFC 4271
  confedSequence: 3, // RFC 5065
  confedSet: 4, // RFC 5065
} as const;

/** Capability Codes. */
export const capabilityCodes = {
  multiprotocol: 1, // RFC 4760
  routeRefresh: 2, // RFC 2918
  // Outbound Route Filtering 3: RFC 5291
  extendedNextHop: 5, // RFC 8950
  extendedMessage: 6, // RFC 8654
  // BGPsec 7: RFC 8205
  // Multiple Labels 8: RFC 8277
  role: 9, // RFC 9234
  gracefulRestart: 64, // RFC 4724
  fourOctetAs: 65, // RFC 6793
  // Dynamic Capability 67: draft
  addPath: 69, // RFC 7911
  enhancedRouteRefresh: 70, // RFC 7313
  longLivedGracefulRestart: 71, // RFC 9494
  fqdn: 73, // draft-walton-bgp-hostname-capability
  // PATHS-LIMIT 76: draft-abraitis-idr-addpath-paths-limit
} as const;

/** BGP Role Value, RFC 9234 4.1. */
export const roleCodes = { provider: 0, rs: 1, rsClient: 2, customer: 3, peer: 4 } as const;

/** Send/Receive of the ADD-PATH capability, RFC 7911 4; `both` is the two bits together. */
export const addPathModes = { receive: 1, send: 2, both: 3 } as const;

/** RFC 4271 4.2, RFC 5492, RFC 9072. */
export const optionalParameterTypes = { capabilities: 2, extendedLength: 255 } as const;

/** BGP Error (Notification) Codes. */
export const errorCodes = {
  messageHeader: 1, // RFC 4271
  openMessage: 2, // RFC 4271
  updateMessage: 3, // RFC 4271
  holdTimerExpired: 4, // RFC 4271
  finiteStateMachine: 5, // RFC 4271
  cease: 6, // RFC 4271
  routeRefreshMessage: 7, // RFC 7313
  sendHoldTimerExpired: 8, // RFC 9687
} as const;

/** Message Header Error subcodes. */
export const headerSubcodes = { connectionNotSynchronized: 1, badLength: 2, badType: 3 } as const;

/** OPEN Message Error subcodes. */
export const openSubcodes = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badBgpIdentifier: 3,
  unsupportedOptionalParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7, // RFC 5492
  roleMismatch: 11, // RFC 9234
} as const;

/** UPDATE Message Error subcodes. */
export const updateSubcodes = {
  malformedAttributeList: 1,
  unrecognizedWellKnownAttribute: 2,
  missingWellKnownAttribute: 3,
  attributeFlagsError: 4,
  attributeLengthError: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttributeError: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const;

/** Finite State Machine Error subcodes, RFC 6608. */
export const fsmSubcodes = { inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** Cease NOTIFICATION subcodes, RFC 4486. */
export const ceaseSubcodes = {
  maxPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collisionResolution: 7,
  outOfResources: 8,
  hardReset: 9, // RFC 8538
  bfdDown: 10, // RFC 9384
} as const;

/** ROUTE-REFRESH Message Error subcodes, RFC 7313. */
export const routeRefreshSubcodes = { invalidLength: 1 } as const;

/** ROUTE-REFRESH subtypes, RFC 7313 3.2. */
export const refreshSubtypes = { request: 0, begin: 1, end: 2 } as const;

/** Address Family Numbers. */
export const afis = {
  ipv4: 1,
  ipv6: 2,
  l2vpn: 25, // RFC 7432
} as const;

/** Subsequent Address Family Identifiers. */
export const safis = {
  unicast: 1, // RFC 4760
  // multicast 2: RFC 4760
  // labelled unicast 4: RFC 8277
  evpn: 70, // RFC 7432
  vpn: 128, // RFC 4364
  routeTarget: 132, // RFC 4684
  flowspec: 133, // RFC 8955
  // Flow Specification for VPNs 134: RFC 8955
} as const;

/** BGP Well-known Communities. */
export const wellKnownCommunities = {
  gracefulShutdown: 0xffff0000, // RFC 8326
  longLivedStale: 0xffff0006, // RFC 9494, LLGR_STALE
  noLongLived: 0xffff0007, // RFC 9494, NO_LLGR
  blackhole: 0xffff029a, // RFC 7999
  noExport: 0xffffff01, // RFC 1997
  noAdvertise: 0xffffff02, // RFC 1997
  noExportSubconfed: 0xffffff03, // RFC 1997
} as const;
