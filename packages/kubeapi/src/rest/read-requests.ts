/** GET on resources: one object, lists, watches. */
import type { KubeObject } from "@heddle/api";
import { parseRevision, type RevisionListOptions, StatusError } from "@heddle/kube";
import { parseIncludeObject } from "../table/table.ts";
import { attributesOf, demand } from "./access.ts";
import { type ApiReply, type ApiRequest, jsonReply, jsonTextReply } from "./api-request.ts";
import { negotiate } from "./media-type.ts";
import { listText, objectText, type RenderOptions } from "./render.ts";
import type { ResourceContext } from "./resource-context.ts";
import { type ResourceRoute, refOf } from "./route.ts";
import { scaleOf } from "./scale.ts";
import { watchStream } from "./watch-stream.ts";

/** A watch without `timeoutSeconds` ends after this long, so that clients spread over servers. */
const watchSecondsMin = 1800;
const watchSecondsMax = 86_400;

export async function read(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  if (route.name !== undefined && !request.query.flag("watch"))
    return readOne(server, route, request);
  const { query } = request;
  const isWatch = query.flag("watch");
  const options = listOptions(route, request);
  const attributes = attributesOf(isWatch ? "watch" : "list", route, {}, options.fieldSelector);
  demand(request.user, attributes, server.facts);
  const render = renderOptions(server, request);
  if (isWatch) return watch(server, route, request, options, render);
  const list = await server.store.list<KubeObject>(route.served.kind, options);
  return jsonTextReply(listText(route.served, list, render));
}

export function renderOptions(server: ResourceContext, request: ApiRequest): RenderOptions {
  const wanted = request.query.text("includeObject");
  const includeObject = parseIncludeObject(wanted === undefined ? null : wanted);
  if (includeObject === undefined) {
    throw new StatusError("BadRequest", `Cannot read query parameter includeObject: ${wanted}`);
  }
  const pretty = request.query.flag("pretty");
  const format = negotiate(request.accept);
  return { format, includeObject, nowMs: server.clock.wallMs(), pretty };
}

async function readOne(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  demand(request.user, attributesOf("get", route), server.facts);
  const object = await server.store.get<KubeObject>(route.served.kind, refOf(route));
  const { scale } = route.served;
  if (route.subresource === "scale" && scale !== undefined)
    return jsonReply(scaleOf(object, scale));
  return jsonTextReply(objectText(route.served, object, renderOptions(server, request)));
}

function watch(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
  options: RevisionListOptions,
  render: RenderOptions,
): ApiReply {
  const { query } = request;
  const { namespace, labelSelector, fieldSelector } = options;
  const seconds = query.count("timeoutSeconds");
  const wanted = seconds === undefined ? watchSecondsMin + server.jitter(watchSecondsMin) : seconds;
  const timeoutMs = Math.min(Math.max(wanted, 1), watchSecondsMax) * 1000;
  const body = watchStream(server.store, {
    served: route.served,
    selection: {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    },
    resourceVersion: query.text("resourceVersion"),
    sendInitialEvents: query.flag("sendInitialEvents"),
    bookmarks: query.flag("allowWatchBookmarks"),
    render: { ...render, pretty: false },
    signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]),
  });
  return { status: 200, contentType: "application/json", body };
}

/** @throws StatusError BadRequest */
export function listOptions(route: ResourceRoute, { query }: ApiRequest): RevisionListOptions {
  const nameTerm = route.name === undefined ? undefined : `metadata.name=${route.name}`;
  const selectors = [query.text("fieldSelector"), nameTerm].filter((term) => term !== undefined);
  const options: { -readonly [Key in keyof RevisionListOptions]: RevisionListOptions[Key] } = {};
  if (route.namespace !== undefined) options.namespace = route.namespace;
  if (selectors.length > 0) options.fieldSelector = selectors.join(",");
  const labelSelector = query.text("labelSelector");
  if (labelSelector !== undefined) options.labelSelector = labelSelector;
  const limit = query.count("limit");
  if (limit !== undefined) options.limit = limit;
  const continueToken = query.text("continue");
  if (continueToken !== undefined) options.continueToken = continueToken;
  const exactRevision = exactRevisionOf(query, continueToken);
  if (exactRevision !== undefined) options.exactRevision = exactRevision;
  return options;
}

/** The store always answers with the newest state, which every match but Exact accepts. */
function exactRevisionOf(
  query: ApiRequest["query"],
  continueToken: string | undefined,
): number | undefined {
  const match = query.word("resourceVersionMatch", ["Exact", "NotOlderThan"]);
  const resourceVersion = query.text("resourceVersion");
  if (query.flag("watch")) return undefined;
  if (match !== undefined && resourceVersion === undefined) {
    throw new StatusError(
      "BadRequest",
      "resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
  }
  if (resourceVersion === undefined) return undefined;
  if (continueToken !== undefined && resourceVersion !== "0") {
    throw new StatusError(
      "BadRequest",
      "specifying resource version is not allowed when using continue",
    );
  }
  const revision = parseRevision(resourceVersion);
  return match === "Exact" ? revision : undefined;
}
