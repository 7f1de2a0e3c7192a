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

/** BMP Peer Flags. */
export const bmpPeerFlags = {
  ipv6: 0x80, // V, RFC 7854
  postPolicy: 0x40, // L, RFC 7854
  twoOctetAs: 0x20, // A, RFC 7854
  adjRibOut: 0x10, // O, RFC 8671
} as const;

/** BMP Initiation and Peer Up Information TLVs. */
export const bmpInformationTypes = {
  string: 0, // RFC 7854
  sysDescr: 1, // RFC 7854
  sysName: 2, // RFC 7854
  // VRF/Table Name 3: RFC 9069
  // Admin Label 4: RFC 8671
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
  // Local system closed, TLV data follows 6: RFC 9069
} as const;

/** BMP Statistics Types; those that this speaker sends. */
export const bmpStatistics = {
  // Counters of what was rejected or withdrawn 0 to 6 and 11 to 13: RFC 7854
  adjRibInRoutes: 7, // RFC 7854, gauge, 64 bits
  // Routes in the Loc-RIB 8, of a family 10: RFC 7854
  adjRibInRoutesOfFamily: 9, // RFC 7854, gauge, with its family
  // Adj-RIB-Out before policy 14, of a family 16 and 17: RFC 8671
  adjRibOutRoutes: 15, // RFC 8671, after policy, gauge, 64 bits
} as const;
