/** DELETE on resources: one object, or every selected object of a collection. */
import type { KubeObject } from "@heddle/api";
import { isStatus, StatusError } from "@heddle/kube";
import { isJsonObject } from "../patch/json-value.ts";
import { attributesOf, demand } from "./access.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "./api-request.ts";
import { readJson } from "./body.ts";
import { listOptions } from "./read-requests.ts";
import type { ResourceContext } from "./resource-context.ts";
import { methodNotAllowed, type ResourceRoute, refOf } from "./route.ts";
import { deletedStatus } from "./status-body.ts";

const deletedAtOnceMax = 10_000;

export async function remove(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  if (route.name === undefined) return removeCollection(server, route, request);
  if (route.subresource !== undefined) throw methodNotAllowed();
  const options = await deleteOptions(request);
  const check = (previous: KubeObject): void =>
    demand(request.user, attributesOf("delete", route, { previous }), server.facts);
  const { kind } = route.served;
  let gone: KubeObject;
  try {
    gone = await server.store.remove(kind, refOf(route), { ...options, check });
  } catch (error) {
    if (isStatus(error, "NotFound")) {
      demand(request.user, attributesOf("delete", route), server.facts);
    }
    throw error;
  }
  const isHeld = gone.metadata.deletionTimestamp !== undefined && gone.metadata.finalizers?.length;
  return jsonReply(isHeld ? gone : deletedStatus(kind, gone));
}

async function removeCollection(
  server: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  const { kind } = route.served;
  if (kind.namespaced && route.namespace === undefined) throw methodNotAllowed();
  const options = listOptions(route, request);
  demand(
    request.user,
    attributesOf("deletecollection", route, {}, options.fieldSelector),
    server.facts,
  );
  const { dryRun } = await deleteOptions(request);
  const list = await server.store.list<KubeObject>(kind, { ...options, limit: deletedAtOnceMax });
  for (const { metadata } of list.items) {
    const { name, namespace, uid } = metadata;
    const ref = namespace === undefined ? { name } : { name, namespace };
    const same = uid === undefined ? {} : { uid };
    try {
      await server.store.remove(kind, ref, {
        ...same,
        ...(dryRun === undefined ? {} : { dryRun }),
      });
    } catch (error) {
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    }
  }
  return jsonReply({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
}

/** DeleteOptions come in the body; dryRun also in the query. @throws StatusError BadRequest */
async function deleteOptions(request: ApiRequest) {
  const body = await readJson(request);
  const sent = body === undefined ? {} : body;
  if (!isJsonObject(sent))
    throw new StatusError("BadRequest", "Cannot read DeleteOptions: no object");
  const { preconditions, dryRun } = sent;
  const wanted = isJsonObject(preconditions) ? preconditions : {};
  const { uid, resourceVersion } = wanted;
  return {
    dryRun: request.query.isDryRun() || (Array.isArray(dryRun) && dryRun.includes("All")),
    ...(typeof uid === "string" ? { uid } : {}),
    ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
  };
}
