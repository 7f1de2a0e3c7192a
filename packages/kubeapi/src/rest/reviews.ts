/**
 * What clients ask about themselves: SelfSubjectAccessReview (`kubectl auth can-i`) and
 * SelfSubjectReview (`kubectl auth whoami`). Nothing is stored.
 */
import type { Attributes, ClusterFacts, Verb } from "../auth/attributes.ts";
import { authorize, authorizePath } from "../auth/authorize.ts";
import type { User } from "../auth/user.ts";
import { isJsonObject } from "../patch/json-value.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "./api-request.ts";
import { readObject } from "./body.ts";
import { methodNotAllowed } from "./route.ts";

const accessReviewPath = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const selfReviewPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/** Undefined for a path that is no review. */
export async function answerReview(
  request: ApiRequest,
  facts: ClusterFacts,
): Promise<ApiReply | undefined> {
  const { path, method } = request;
  if (path !== accessReviewPath && path !== selfReviewPath) return undefined;
  if (method !== "POST") throw methodNotAllowed();
  const body = await readObject(request);
  return jsonReply(
    path === selfReviewPath ? selfReview(request.user) : accessReview(request.user, body, facts),
    201,
  );
}

function selfReview({ name, groups }: User): object {
  return {
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { creationTimestamp: null },
    status: { userInfo: { username: name, groups } },
  };
}

function accessReview(user: User, body: unknown, facts: ClusterFacts): object {
  const spec = isJsonObject(body) && isJsonObject(body["spec"]) ? body["spec"] : {};
  const resource = spec["resourceAttributes"];
  const path = spec["nonResourceAttributes"];
  const decision = isJsonObject(resource)
    ? authorize(user, attributesFrom(resource), facts)
    : authorizePath(user, isJsonObject(path) ? text(path["path"]) : "");
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: { creationTimestamp: null },
    spec,
    status: decision,
  };
}

function attributesFrom(sent: Readonly<Record<string, unknown>>): Attributes {
  const optional = (field: "subresource" | "namespace" | "name"): object => {
    const value = text(sent[field]);
    return value === "" ? {} : { [field]: value };
  };
  return {
    // A verb that no rule names is simply not allowed.
    verb: text(sent["verb"]) as Verb,
    group: text(sent["group"]),
    resource: text(sent["resource"]),
    ...optional("subresource"),
    ...optional("namespace"),
    ...optional("name"),
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
