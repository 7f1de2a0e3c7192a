/** Which request on a resource does what. */
import type { ApiReply, ApiRequest } from "./api-request.ts";
import { remove } from "./delete-requests.ts";
import { read } from "./read-requests.ts";
import type { ResourceContext } from "./resource-context.ts";
import { methodNotAllowed, type ResourceRoute } from "./route.ts";
import { create, patch, update } from "./write-requests.ts";

/** @throws StatusError, PatchError */
export async function answerResource(
  context: ResourceContext,
  route: ResourceRoute,
  request: ApiRequest,
): Promise<ApiReply> {
  switch (request.method) {
    case "GET":
      return read(context, route, request);
    case "POST":
      return create(context, route, request);
    case "DELETE":
      return remove(context, route, request);
    case "PUT":
      if (route.name !== undefined) return update(context, route, request);
      break;
    case "PATCH":
      if (route.name !== undefined) return patch(context, route, request);
      break;
  }
  throw methodNotAllowed();
}
