/**
 * BGP-4 as a library: codecs, state machine, RIB and policy. No sockets, no timers.
 * @module
 */

// packet/ and fsm/
export type { BgpErrorCode, ErrorAction, NotificationCause } from "./errors.ts";
export { BgpError, DecodeError } from "./errors.ts";
export type { Identity } from "./fsm/collision.ts";
export { collisionSurvivor } from "./fsm/collision.ts";
export type { SessionEffect } from "./fsm/effects.ts";
export type { SessionEvent, SessionEventKind } from "./fsm/events.ts";
export type {
  LocalGracefulRestart,
  LocalSide,
  Negotiated,
  PeerGracefulRestart,
} from "./fsm/negotiate.ts";
export { negotiate, openOf } from "./fsm/negotiate.ts";
export { notificationFor, retainedFamilies } from "./fsm/retention.ts";
export type { SessionState, SessionStateKind } from "./fsm/state.ts";
export type { Step } from "./fsm/step.ts";
export { notificationOf, step } from "./fsm/step.ts";
export type { AddressFamily } from "./packet/address-family.ts";
export { addressFamilies, addressFamilyNames, addressFamilyOf } from "./packet/address-family.ts";
export { asPathLength, firstAsnOf, prependAsn } from "./packet/as-path.ts";
export type {
  Capability,
  GracefulRestartCapability,
  GracefulRestartFamily,
} from "./packet/capability.ts";
export type { CodecContext } from "./packet/context.ts";
export { decodeAttributes } from "./packet/decode-attributes.ts";
export type {
  AttributeProblem,
  DecodedAttributes,
  MpReach,
  MpUnreach,
  RouteSource,
  SharedAttributes,
} from "./packet/decoded-attributes.ts";
export { isProblem, routeAttributesOf } from "./packet/decoded-attributes.ts";
export {
  encodeAttributes4,
  encodeReachHead,
  encodeSharedAttributes,
  encodeUnreachHead,
} from "./packet/encode-attributes.ts";
export type { MessageVisitor } from "./packet/framing.ts";
export {
  encodeHeader,
  extendedMessageLengthMax,
  Framer,
  headerLength,
  messageLengthMax,
} from "./packet/framing.ts";
export {
  bgpPort,
  ceaseSubcodes,
  errorCodes,
  messageTypes,
  refreshSubtypes,
  wellKnownCommunities,
} from "./packet/iana.ts";
export { encodeKeepalive } from "./packet/keepalive.ts";
export type { PrefixVisitor4, PrefixVisitor6 } from "./packet/nlri.ts";
export {
  prefixFromWords4,
  prefixFromWords6,
  walkPrefixes4,
  walkPrefixes6,
  wordOfIp6,
} from "./packet/nlri.ts";
export {
  ceaseWithText,
  decodeNotification,
  encodeNotification,
  formatNotification,
  hardReset,
  isHardReset,
  shutdownTextOf,
} from "./packet/notification.ts";
export type { Open } from "./packet/open.ts";
export { decodeOpen, encodeOpen } from "./packet/open.ts";
export type {
  AsPathSegment,
  Origin,
  PathAttributes,
  RawAttribute,
} from "./packet/path-attributes.ts";
export { origins } from "./packet/path-attributes.ts";
export type { RouteRefresh } from "./packet/route-refresh.ts";
export { decodeRouteRefresh, encodeRouteRefresh } from "./packet/route-refresh.ts";
export type { MpParts, UpdateParts } from "./packet/update.ts";
export { endOfRibOf, locateMp, newMpParts, newUpdateParts, splitUpdate } from "./packet/update.ts";
export type { UpdateHead } from "./packet/update-builder.ts";
export {
  announceHead4,
  announceHeadMp,
  encodeEndOfRib,
  UpdateBuilder,
  withdrawHead4,
  withdrawHeadMp,
} from "./packet/update-builder.ts";

// rib/ and policy/
export type {
  Policy,
  PolicyActions,
  PolicyMatch,
  PolicyTerm,
  PrefixRule,
} from "./policy/policy.ts";
export { acceptAll, acceptDefaultOnly, announceOwn, rejectAll } from "./policy/presets.ts";
export type { MultipathConfig, RibConfig } from "./rib/config.ts";
export type { Ineligible } from "./rib/import.ts";
export type { LocRibChange, LocRibNextHop } from "./rib/loc-rib.ts";
export type { LocalAttributes } from "./rib/local-route.ts";
export type { PeerIndex, RibPeer, RibPeerCounts, RibSession } from "./rib/peer.ts";
export type { RibPath, RouteFilter } from "./rib/queries.ts";
export type { Deliver, ReceiveResult } from "./rib/rib.ts";
export { Rib } from "./rib/rib.ts";
