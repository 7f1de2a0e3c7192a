/** POST, PUT and PATCH on resources. */
import { type KubeObject, required } from "@heddle/api";
import { alreadyExists, isStatus, StatusError, type WriteOptions } from "@heddle/kube";
import { applyPatch, parsePatchType, patchTypes } from "../patch/apply-patch.ts";
import { attributesOf, demand } from "./access.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "./api-request.ts";
import { parseJson, readObject } from "./body.ts";
import {
  completed,
  type FieldValidation,
  fieldValidations,
  invalidObject,
  objectFromBody,
  withoutUnknownFields,
} from "./object-checks.ts";
import { renderOptions } from "./read-requests.ts";
import { objectText } from "./render.ts";
import type { ResourceContext } from "./resource-context.ts";
import { methodNotAllowed, type ResourceRoute, refOf } from "./route.ts";
import { scaled, scaleOf } from "./scale.ts";

const nameTriesMax = 8;
const generatedBaseMax = 58;
const nameCharacters = "bcdfghjklmnpqrstvwxz2456789";

/** What a write carries beside its object. */
interface WriteContext extends WriteOptions {
  readonly mode: FieldValidation;
  readonly warnings: string[];
}

function contextOf({ query }: ApiRequest): WriteContext {
  const mode = query.word("fieldValidation", fieldValidations);
  return { dryRun: query.isDryRun(), mode: mode === undefined ? "Warn" : mode, warnings: [] };
}

/** What the client means, with unknown fields judged and defaults filled in. */
function known(route: ResourceRoute, object: KubeObject, context: WriteContext): KubeObject {
  const { kind } = route.served;
  const warn = (text: string): void => void context.warnings.push(text);
  return completed(kind, withoutUnknownFields(kind, object, context.mode, warn));
}

export async function create(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  const { kind } = route.served;
  if (route.name !== undefined || (kind.namespaced && route.namespace === undefined)) {
    throw methodNotAllowed();
  }
  const context = contextOf(request);
  const render = renderOptions(server, request);
  const sent = objectFromBody(await readObject(request), { ...route, kind });
  const object = known(route, sent, context);
  demand(request.user, attributesOf("create", route, { object }), server.facts);
  const made = await createNamed(server, route, object, context);
  const body = objectText(route.served, made, render);
  const { warnings } = context;
  return { status: 201, contentType: "application/json", body, warnings };
}

async function createNamed(
  server: ResourceContext,
  { served: { kind } }: ResourceRoute,
  object: KubeObject,
  context: WriteContext,
): Promise<KubeObject> {
  const { name, generateName } = object.metadata;
  if (name === "" && (generateName === undefined || generateName === "")) {
    throw invalidObject(kind, "", [required("metadata.name", "name or generateName is required")]);
  }
  const isGenerated = name === "" && typeof generateName === "string" && generateName !== "";
  for (let tries = 1; ; tries += 1) {
    const chosen = isGenerated ? generatedName(server, generateName) : name;
    const named = { ...object, metadata: { ...object.metadata, name: chosen } };
    try {
      return await server.store.create<KubeObject>(kind, named, context);
    } catch (error) {
      if (!isGenerated || !isStatus(error, "AlreadyExists")) throw error;
      if (tries === nameTriesMax) throw alreadyExists(kind, chosen);
    }
  }
}

function generatedName(server: ResourceContext, base: string): string {
  let name = base.slice(0, generatedBaseMax);
  for (let i = 0; i < 5; i += 1)
    name += nameCharacters.charAt(server.jitter(nameCharacters.length));
  return name;
}

export async function update(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  const body = await readObject(request);
  const { kind } = route.served;
  if (route.subresource === "scale")
    return changeScale(server, route, request, "update", () => body);
  const sent = objectFromBody(body, { ...route, kind });
  return change(server, route, request, "update", () => sent);
}

export async function patch(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  const type = parsePatchType(request.contentType === undefined ? "" : request.contentType);
  if (type === undefined) {
    const message = `the body of the request was in an unknown format - accepted media types include: ${patchTypes.join(", ")}`;
    throw new StatusError("UnsupportedMediaType", message);
  }
  const body = parseJson(await request.readBody());
  const { kind } = route.served;
  const patched = (current: KubeObject): KubeObject => applyPatch(type, kind, current, body);
  if (route.subresource === "scale") return changeScale(server, route, request, "patch", patched);
  return change(server, route, request, "patch", (current) =>
    objectFromBody(patched(withoutRevision(current)), { ...route, kind }),
  );
}

/** A patch is a compare-and-swap only when it names a revision itself. */
function withoutRevision(object: KubeObject): KubeObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

async function change(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
  verb: "update" | "patch",
  next: (current: KubeObject) => KubeObject,
): Promise<ApiReply> {
  const context = contextOf(request);
  const render = renderOptions(server, request);
  const apply = (previous: KubeObject): KubeObject => {
    const object = known(route, next(previous), context);
    demand(request.user, attributesOf(verb, route, { object, previous }), server.facts);
    return object;
  };
  const part = route.subresource === "status" ? "status" : "object";
  const changed = await modify(server, route, request, verb, { part, apply, ...context });
  const body = objectText(route.served, changed, render);
  const { warnings } = context;
  return { status: 200, contentType: "application/json", body, warnings };
}

async function changeScale(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
  verb: "update" | "patch",
  next: (scale: KubeObject) => unknown,
): Promise<ApiReply> {
  const { kind, scale } = route.served;
  if (scale === undefined) throw methodNotAllowed();
  const apply = (previous: KubeObject): KubeObject => {
    const object = scaled(kind, previous, next(withoutRevision(scaleOf(previous, scale))), scale);
    demand(request.user, attributesOf(verb, route, { object, previous }), server.facts);
    return object;
  };
  const { dryRun } = contextOf(request);
  const options = dryRun === undefined ? {} : { dryRun };
  const changed = await modify(server, route, request, verb, { part: "object", apply, ...options });
  return jsonReply(scaleOf(changed, scale));
}

type Change = Parameters<ResourceContext["store"]["modify"]>[2];

/** Whoever may not change an object does not learn from the answer whether it exists. */
async function modify(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
  verb: "update" | "patch",
  wanted: Change,
): Promise<KubeObject> {
  try {
    return await server.store.modify(route.served.kind, refOf(route), wanted);
  } catch (error) {
    if (isStatus(error, "NotFound")) demand(request.user, attributesOf(verb, route), server.facts);
    throw error;
  }
}
