/** The API as a function from request to reply. */
import { StatusError, type StatusSubject, statusReasons, type VersionedStore } from "@heddle/kube";
import type { Clock, Log, Rng } from "@heddle/std";
import { authorizePath } from "../auth/authorize.ts";
import { anonymousUser } from "../auth/user.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "./api-request.ts";
import { Documents, definitionsPath } from "./documents.ts";
import { type ResourceContext, resourceContext } from "./resource-context.ts";
import { answerResource } from "./resource-server.ts";
import { answerReview } from "./reviews.ts";
import { parseRoute, type ResourceRoute } from "./route.ts";
import { failureStatus, refusalOf } from "./status-body.ts";

export interface ApiOptions {
  readonly store: VersionedStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Why the server is not ready to serve; undefined when it is. */
  readonly notReady?: () => string | undefined;
}

export class Api {
  readonly #options: ApiOptions;
  readonly #resources: ResourceContext;
  readonly #documents: Documents = new Documents();

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#resources = resourceContext(options.store, options.clock, options.rng);
  }

  /** Never rejects: what goes wrong becomes a Status. */
  async answer(request: ApiRequest): Promise<ApiReply> {
    let route: ResourceRoute | undefined;
    try {
      const review = request.path.endsWith("reviews") ? await this.#review(request) : undefined;
      if (review !== undefined) return review;
      route = request.path === definitionsPath ? undefined : parseRoute(request.path);
      if (route === undefined) return this.#answerDocument(request);
      demandUser(request);
      return await answerResource(this.#resources, route, request);
    } catch (error) {
      return this.#failure(error, request, route);
    }
  }

  async #review(request: ApiRequest): Promise<ApiReply | undefined> {
    demandUser(request);
    return answerReview(request, this.#resources.facts);
  }

  #answerDocument(request: ApiRequest): ApiReply {
    const { path, user, method } = request;
    const { allowed, reason } = authorizePath(user, path);
    if (!allowed) {
      demandUser(request);
      const message = `User ${JSON.stringify(user.name)} cannot get path ${JSON.stringify(path)}: ${reason}`;
      throw new StatusError("Forbidden", message);
    }
    if (method !== "GET") throw new StatusError("MethodNotAllowed", `${path} can only be read`);
    const reply = this.#health(path) ?? this.#documents.answer(request);
    if (reply !== undefined) return reply;
    throw new StatusError("NotFound", "the server could not find the requested resource");
  }

  #health(path: string): ApiReply | undefined {
    if (path === "/livez" || path === "/healthz") return textReply(200, "ok");
    if (path !== "/readyz") return undefined;
    const why = this.#options.notReady?.();
    return why === undefined ? textReply(200, "ok") : textReply(503, `not ready: ${why}\n`);
  }

  #failure(error: unknown, request: ApiRequest, route: ResourceRoute | undefined): ApiReply {
    const subject = route === undefined ? undefined : subjectOf(route);
    const refusal = refusalOf(error);
    if (refusal !== undefined) {
      const reply = jsonReply(failureStatus(refusal, subject), statusReasons[refusal.reason]);
      return refusal.reason === "TooManyRequests"
        ? { ...reply, headers: { "retry-after": "1" } }
        : reply;
    }
    const { method, path } = request;
    this.#options.log.error("a request met a fault of the server", { method, path, error });
    const fault = new StatusError(
      "InternalError",
      "the server met an internal error; its log says more",
    );
    return jsonReply(failureStatus(fault, subject), fault.status);
  }
}

function subjectOf({ served: { kind }, name }: ResourceRoute): Partial<StatusSubject> {
  return name === undefined ? { kind } : { kind, name };
}

/** @throws StatusError Unauthorized for a request without credentials */
function demandUser({ user }: ApiRequest): void {
  if (user !== anonymousUser) return;
  throw new StatusError("Unauthorized", "Unauthorized");
}

function textReply(status: number, body: string): ApiReply {
  return { status, contentType: "text/plain; charset=utf-8", body };
}
