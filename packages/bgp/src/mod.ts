/**
 * BGP-4 as a library: codecs, state machine, RIB and policy. No sockets, no timers.
 * @module
 */

// bmp/
export { BmpError } from "./bmp/bmp-error.ts";
export { decodeBmp } from "./bmp/decode-bmp.ts";
export { encodeBmp } from "./bmp/encode-bmp.ts";
export { BmpFramer } from "./bmp/framing.ts";
export {
  bmpInformationTypes,
  bmpPeerDownReasons,
  bmpPeerTypes,
  bmpPeerUpTypes,
  bmpStatistics,
  bmpTerminationReasons,
  bmpTerminationTypes,
} from "./bmp/iana.ts";
export type { BmpMessage, BmpPeer, BmpStatistic, BmpTlv } from "./bmp/message.ts";

// packet/ and fsm/
export type { BgpErrorCode, ErrorAction, NotificationCause } from "./errors.ts";
export { BgpError, DecodeError } from "./errors.ts";
export type { Identity } from "./fsm/collision.ts";
export { collisionSurvivor } from "./fsm/collision.ts";
export type { SessionEffect } from "./fsm/effects.ts";
export type { SessionEvent, SessionEventKind } from "./fsm/events.ts";
export type { Negotiated, PeerGracefulRestart } from "./fsm/negotiate.ts";
export { negotiate } from "./fsm/negotiate.ts";
export type {
  AddPathOffer,
  LocalGracefulRestart,
  LocalSide,
  LongLivedTime,
} from "./fsm/offer.ts";
export { openOf } from "./fsm/offer.ts";
export type { ReplayedStep, SessionRecord } from "./fsm/recording.ts";
export { formatRecord, parseRecord, replay } from "./fsm/recording.ts";
export { mayHaveRestarted, notificationFor, retainedFamilies } from "./fsm/retention.ts";
export type { BfdWait, SessionState, SessionStateKind } from "./fsm/state.ts";
export type { Step } from "./fsm/step.ts";
export { notificationOf, step } from "./fsm/step.ts";
export type { SessionOptions } from "./fsm/table.ts";
export type { AddressFamily } from "./packet/address-family.ts";
export { addressFamilies, addressFamilyNames, addressFamilyOf } from "./packet/address-family.ts";
export {
  asPathLength,
  firstAsnOf,
  prependAsn,
  prependConfederationAsn,
  withoutConfederation,
} from "./packet/as-path.ts";
export { formatAsPath, parseAsPath } from "./packet/as-path-text.ts";
export type {
  AddPathCapability,
  AddPathFamily,
  Capability,
  ExtendedNextHopCapability,
  FqdnCapability,
  GracefulRestartCapability,
  GracefulRestartFamily,
  LongLivedCapability,
  LongLivedFamily,
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
export type { ExtendedCommunity } from "./packet/extended-community.ts";
export {
  decodeExtendedCommunity,
  encodeExtendedCommunity,
  extendedCommunityTypeOf,
  extendedCommunityTypes,
  isRouteTarget,
  isTransitiveCommunity,
  macMobilityOf,
  routeTargetsOf,
  securityTagOf,
  siteOfOrigin,
} from "./packet/extended-community.ts";
export {
  formatExtendedCommunity,
  parseExtendedCommunity,
} from "./packet/extended-community-text.ts";
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
  roleCodes,
  wellKnownCommunities,
} from "./packet/iana.ts";
export { encodeKeepalive } from "./packet/keepalive.ts";
export { evpnRouteTypes } from "./packet/nlri/evpn.ts";
export type { EvpnKey, EvpnRoute } from "./packet/nlri/evpn-route.ts";
export {
  decodeEvpnKey,
  decodeEvpnRoute,
  encodeEvpnKey,
  encodeEvpnRoute,
} from "./packet/nlri/evpn-route.ts";
export { formatEvpnKey, formatEvpnRoute, parseEvpnKey } from "./packet/nlri/evpn-text.ts";
export { flowSpecTypes } from "./packet/nlri/flowspec.ts";
export type {
  BitmaskTerm,
  FlowSpec,
  FlowSpecBits,
  FlowSpecComparison,
  FlowSpecComponent,
  FlowSpecNumbers,
  FlowSpecPrefix,
  NumericTerm,
} from "./packet/nlri/flowspec-route.ts";
export { decodeFlowSpec, encodeFlowSpec } from "./packet/nlri/flowspec-route.ts";
export { formatFlowSpec, parseFlowSpec } from "./packet/nlri/flowspec-text.ts";
export { mplsLabelField, mplsLabelOf } from "./packet/nlri/labels.ts";
export { nlriCodecOf } from "./packet/nlri/nlri-codecs.ts";
export type { RouteTargetConstraint } from "./packet/nlri/route-target-constraint.ts";
export {
  constraintOf,
  coversRouteTarget,
  decodeRouteTargetConstraint,
  encodeRouteTargetConstraint,
  formatRouteTargetConstraint,
  parseRouteTargetConstraint,
} from "./packet/nlri/route-target-constraint.ts";
export type { VpnRoute } from "./packet/nlri/vpn.ts";
export {
  decodeVpnRoute,
  encodeVpnKey,
  encodeVpnRoute,
  formatVpnRoute,
  parseVpnRoute,
} from "./packet/nlri/vpn.ts";
export type {
  PathPrefixVisitor4,
  PathPrefixVisitor6,
  PrefixVisitor4,
  PrefixVisitor6,
} from "./packet/nlri.ts";
export {
  prefixFromWords4,
  prefixFromWords6,
  walkPathPrefixes4,
  walkPathPrefixes6,
  walkPrefixes4,
  walkPrefixes6,
  wordOfIp6,
} from "./packet/nlri.ts";
export type { EncodedNlri, NlriCodec, NlriCursor, NlriWalkOptions } from "./packet/nlri-codec.ts";
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
export { noNextHop, origins } from "./packet/path-attributes.ts";
export type { PmsiTunnel } from "./packet/pmsi-tunnel.ts";
export {
  ingressReplication,
  ingressReplicationEndpoint,
  pmsiTunnelTypes,
} from "./packet/pmsi-tunnel.ts";
export type { RouteRefresh } from "./packet/route-refresh.ts";
export { decodeRouteRefresh, encodeRouteRefresh } from "./packet/route-refresh.ts";
export type { Tunnel, TunnelSubTlv } from "./packet/tunnel-encapsulation.ts";
export { tunnelTypes } from "./packet/tunnel-encapsulation.ts";
export type { MpParts, UpdateParts } from "./packet/update.ts";
export { endOfRibOf, locateMp, newMpParts, newUpdateParts, splitUpdate } from "./packet/update.ts";
export type { UpdateHead } from "./packet/update-builder.ts";
export {
  announceHead4,
  announceHeadMp,
  encodeEndOfRib,
  nlriRoomOf,
  UpdateBuilder,
  withdrawHead4,
  withdrawHeadMp,
} from "./packet/update-builder.ts";
export { applyActions } from "./policy/actions.ts";
// rib/ and policy/
export type { AsnRange, AsPathPattern } from "./policy/as-path-pattern.ts";
export { formatAsPathPattern, parseAsPathPattern } from "./policy/as-path-pattern-text.ts";
export { checkPolicy, PolicyError } from "./policy/check-policy.ts";
export type { Residue, Verdict } from "./policy/evaluate.ts";
export { CompiledPolicy, outcomeIndexOf } from "./policy/evaluate.ts";
export { formatPolicy } from "./policy/format-policy.ts";
export type {
  CommunityMatch,
  CommunityPart,
  CommunityPattern,
  ExtendedCommunityPattern,
  LargeCommunityPattern,
  NextHopAction,
  NumberRange,
  Policy,
  PolicyActions,
  PolicyMatch,
  PolicyTerm,
  PrefixRule,
} from "./policy/policy.ts";
export { acceptAll, acceptDefaultOnly, announceOwn, rejectAll } from "./policy/presets.ts";
export type {
  AttributeChange,
  FailedCondition,
  PolicyTrace,
  TermTrace,
} from "./policy/trace.ts";
export type { MultipathConfig, RibConfig, RouteOwnership } from "./rib/config.ts";
export type { Candidate, DecisionStep } from "./rib/decision.ts";
export { selectBest, selectMultipath } from "./rib/decision.ts";
export type { DiscardCounts } from "./rib/discards.ts";
export type { ExplainedExport, ExplainedPath, Explanation } from "./rib/explain.ts";
export type { NotExported } from "./rib/export.ts";
export type { Ineligible } from "./rib/ineligible.ts";
export type { LocRibChange, LocRibNextHop, RouteChange } from "./rib/loc-rib.ts";
export type { LocalAttributes } from "./rib/local-route.ts";
export type { ComparedPath, PageCursor, PageOptions, RoutePage } from "./rib/pages.ts";
export type { BgpRole, PeerIndex, RibPeer, RibPeerCounts, RibSession } from "./rib/peer.ts";
export type {
  AdjRibRoute,
  RibKeyedPath,
  RibPath,
  RibRoute,
  RouteFilter,
  RouteName,
} from "./rib/queries.ts";
export { rehearse } from "./rib/rehearsal.ts";
export type { Deliver, ReceiveResult } from "./rib/rib.ts";
export { Rib } from "./rib/rib.ts";
export type { KeyedFamily, RibReader } from "./rib/rib-reader.ts";
export type {
  FeedOptions,
  FeedPiece,
  FeedRoute,
  FeedSource,
  PrefixWords,
  RouteFeed,
} from "./rib/route-feed.ts";
export type { RouteStates } from "./rib/route-states.ts";
