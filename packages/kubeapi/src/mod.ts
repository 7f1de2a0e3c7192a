/**
 * The embedded API server: the kinds it serves, what follows from them, and the server itself.
 * @module
 */
// Kinds, and everything that follows from their descriptors.
export type { Attributes, ClusterFacts, Decision, Verb } from "./auth/attributes.ts";
export {
  type CertificateSubject,
  TokenFileError,
  TokenTable,
  userOfCertificate,
} from "./auth/authenticate.ts";
export { authorize, authorizePath, formatRefusal } from "./auth/authorize.ts";
export {
  agentNode,
  anonymousUser,
  type Role,
  roleGroups,
  rolesOf,
  type User,
} from "./auth/user.ts";
export { prepare } from "./core-kinds/prepare.ts";
export {
  type ScalePaths,
  type ServedKind,
  servedKindOf,
  servedKinds,
} from "./core-kinds/served-kinds.ts";
export {
  type AggregatedVersion,
  acceptedAggregation,
  aggregatedDiscovery,
  aggregatedMediaType,
} from "./discovery/aggregated.ts";
export {
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type GroupVersion,
  groupVersions,
} from "./discovery/resources.ts";
export { type DocumentV2, documentV2ToJson, openApiV2 } from "./openapi/v2.ts";
export {
  acceptsOpenApiV2Protobuf,
  encodeOpenApiV2,
  openApiV2MediaType,
} from "./openapi/v2-protobuf.ts";
export { openApiV3, openApiV3Index } from "./openapi/v3.ts";
export { applyPatch, type PatchType, parsePatchType, patchTypes } from "./patch/apply-patch.ts";
export { PatchError, type PatchErrorCode } from "./patch/patch-error.ts";
// The server: requests, sockets, storage.
export { admit, builtInNamespaces } from "./rest/admission.ts";
export { Api, type ApiOptions } from "./rest/api.ts";
export type { ApiReply, ApiRequest } from "./rest/api-request.ts";
export { versionInfo } from "./rest/version.ts";
export {
  ApiServer,
  type ApiServerOptions,
  defaultServerLimits,
  type ServerLimits,
  type TlsMaterial,
} from "./server/api-server.ts";
export { ensureBuiltInObjects } from "./server/built-in-objects.ts";
export type { ListenTarget } from "./server/listen-target.ts";
export { NamespaceCollector } from "./server/namespace-collector.ts";
export { StorageError } from "./storage/database.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./storage/sqlite-store.ts";
export type { Cell, TableColumn, TableView } from "./table/columns.ts";
export {
  type IncludeObject,
  parseIncludeObject,
  renderTable,
  type Table,
  type TableOptions,
  type TableRow,
} from "./table/table.ts";
