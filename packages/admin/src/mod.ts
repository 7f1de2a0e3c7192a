/**
 * The admin socket of a process: JSON over HTTP on a Unix socket, and what a BGP speaker tells and
 * takes over it. The agent and the route server serve it, the CLI asks it.
 * @module
 */
export type { AdminRoute, AdminServerOptions } from "./admin-server.ts";
export { AdminServer } from "./admin-server.ts";
export { AdminRequestError, AdminStream } from "./answer.ts";
export type {
  AttributesView,
  DecisionView,
  ExplainedExportView,
  ExplainedPathView,
  ExplanationView,
  FamilyCountsView,
  PeerView,
  PolicyTraceView,
  RoutePageView,
  RouteView,
} from "./bgp/bgp-api.ts";
export type { BgpAdmin } from "./bgp/bgp-routes.ts";
export { bgpActions, bgpRoutes } from "./bgp/bgp-routes.ts";
export { peerNameOf } from "./bgp/bgp-views.ts";
export type { MetricsServerOptions, MetricsSource } from "./metrics-server.ts";
export { MetricsServer } from "./metrics-server.ts";
