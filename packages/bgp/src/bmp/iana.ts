/** Codepoints of BMP. https://www.iana.org/assignments/bmp-parameters */

/** BMP Message Types. */
export const bmpMessageTypes = {
  routeMonitoring: 0, // RFC 7854
  statisticsReport: 1, // RFC 7854
  peerDown: 2, // RFC 7854
  peerUp: 3, // RFC 7854
  initiation: 4, // RFC 7854
  termination: 5, // RFC 7854
  routeMirroring: 6, // RFC 7854
} as const;

/** BMP Peer Types. */
export const bmpPeerTypes = {
  globalInstance: 0, // RFC 7854
  rdInstance: 1, // RFC 7854
  localInstance: 2, // RFC 7854
  locRib: 3, // RFC 9069
} as const;

/** BMP Peer Flags of peer types 0 to 2. */
export const bmpPeerFlags = {
  ipv6: 0x80, // V, RFC 7854
  postPolicy: 0x40, // L, RFC 7854
  twoOctetAs: 0x20, // A, RFC 7854
  adjRibOut: 0x10, // O, RFC 8671
} as const;

/** BMP Peer Flags of peer type 3. */
export const bmpLocRibFlags = {
  filtered: 0x80, // F, RFC 9069
} as const;

/** BMP Initiation Information TLVs. */
export const bmpInformationTypes = {
  string: 0, // RFC 7854
  sysDescr: 1, // RFC 7854
  sysName: 2, // RFC 7854
} as const;

/** BMP Peer Up Message TLVs, which also follow reason 6 of Peer Down. */
export const bmpPeerUpTypes = {
  string: 0, // RFC 7854, RFC 9736
  vrfTableName: 3, // RFC 9069
  adminLabel: 4, // RFC 8671
} as const;

/** BMP Termination Message TLVs. */
export const bmpTerminationTypes = { string: 0, reason: 1 } as const; // RFC 7854

/** BMP Termination Message Reason Codes. */
export const bmpTerminationReasons = {
  administrativelyClosed: 0,
  unspecified: 1,
  outOfResources: 2,
  redundant: 3,
  permanentlyClosed: 4,
} as const; // RFC 7854

/** BMP Peer Down Reason Codes. */
export const bmpPeerDownReasons = {
  localNotification: 1, // RFC 7854
  localWithoutNotification: 2, // RFC 7854
  remoteNotification: 3, // RFC 7854
  remoteWithoutNotification: 4, // RFC 7854
  deconfigured: 5, // RFC 7854
  localSystemClosed: 6, // RFC 9069, TLVs follow
} as const;

/** BMP Statistics Types; those that this speaker sends, all gauges of 64 bits. */
export const bmpStatistics = {
  // Counters of what was rejected or withdrawn 0 to 6 and 11 to 13: RFC 7854
  adjRibInRoutes: 7, // RFC 7854
  locRibRoutes: 8, // RFC 7854
  adjRibInRoutesOfFamily: 9, // RFC 7854
  locRibRoutesOfFamily: 10, // RFC 7854
  // Adj-RIB-Out before policy 14, of a family 16: RFC 8671
  adjRibOutRoutes: 15, // RFC 8671, after policy
  adjRibOutRoutesOfFamily: 17, // RFC 8671, after policy
  prePolicyRoutes: 18, // RFC 9972, Adj-RIB-In
  prePolicyRoutesOfFamily: 19, // RFC 9972, Adj-RIB-In
  postPolicyRoutes: 20, // RFC 9972, Adj-RIB-In
  postPolicyRoutesOfFamily: 21, // RFC 9972, Adj-RIB-In
  rejectedRoutesOfFamily: 22, // RFC 9972, by import policy
  // Of the decision and of damping 23 to 26: RFC 9972
  staleRoutesOfFamily: 27, // RFC 9972, kept by graceful restart
  longLivedStaleRoutesOfFamily: 28, // RFC 9972, kept by long-lived graceful restart
  // Of limits, origin validation and Adj-RIB-Out 29 and above: RFC 9972
} as const;
