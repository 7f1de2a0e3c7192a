/** What is no resource: discovery, OpenAPI, version, health. */
import {
  acceptedAggregation,
  aggregatedDiscovery,
  aggregatedMediaType,
} from "../discovery/aggregated.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "../discovery/resources.ts";
import { documentV2ToJson, openApiV2 } from "../openapi/v2.ts";
import {
  acceptsOpenApiV2Protobuf,
  encodeOpenApiV2,
  openApiV2MediaType,
} from "../openapi/v2-protobuf.ts";
import { openApiV3, openApiV3Index } from "../openapi/v3.ts";
import { type ApiReply, type ApiRequest, jsonReply } from "./api-request.ts";
import { versionInfo } from "./version.ts";

/**
 * kubectl lists definitions when it meets a kind that it does not know, to say whether one is being
 * installed. The kinds of this server are its own, so there are none.
 */
export const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const noDefinitions = {
  kind: "CustomResourceDefinitionList",
  apiVersion: "apiextensions.k8s.io/v1",
  metadata: { resourceVersion: "0" },
  items: [],
} as const;

/** Every document is made once, when it is asked for. */
export class Documents {
  readonly #made: Map<string, ApiReply> = new Map();

  /** Undefined for a path that is no document. */
  answer(request: ApiRequest): ApiReply | undefined {
    const { path, accept = "", localAddress } = request;
    const aggregation =
      path === "/api" || path === "/apis" ? acceptedAggregation(accept) : undefined;
    const wantsProtobuf = path === "/openapi/v2" && acceptsOpenApiV2Protobuf(accept);
    const key = `${path} ${aggregation} ${wantsProtobuf} ${path === "/api" ? localAddress : ""}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const reply = this.#make(request, aggregation, wantsProtobuf);
    // Addresses are those of this server's sockets and paths those of its kinds, so this stays
    // small.
    if (reply !== undefined) this.#made.set(key, reply);
    return reply;
  }

  #make(
    { path, localAddress }: ApiRequest,
    aggregation: ReturnType<typeof acceptedAggregation>,
    wantsProtobuf: boolean,
  ): ApiReply | undefined {
    if (aggregation !== undefined && (path === "/api" || path === "/apis")) {
      const reply = jsonReply(aggregatedDiscovery(path, aggregation));
      return { ...reply, contentType: aggregatedMediaType(aggregation) };
    }
    if (wantsProtobuf) {
      const body = encodeOpenApiV2(openApiV2(versionInfo.gitVersion));
      return { status: 200, contentType: openApiV2MediaType, body };
    }
    const document = documentAt(path, localAddress);
    return document === undefined ? undefined : jsonReply(document);
  }
}

function documentAt(path: string, localAddress: string): object | undefined {
  const { gitVersion } = versionInfo;
  if (path === "/api") return apiVersions(localAddress);
  if (path === "/apis") return apiGroupList();
  if (path === "/version") return versionInfo;
  if (path === "/openapi/v2") return documentV2ToJson(openApiV2(gitVersion));
  if (path === "/openapi/v3") return openApiV3Index(gitVersion);
  if (path === definitionsPath) return noDefinitions;
  const [, root, ...steps] = path.split("/");
  const [first = "", second = "", third = ""] = steps;
  if (root === "openapi" && first === "v3") {
    if (second === "api") return openApiV3({ group: "", version: third }, gitVersion);
    const version = steps[3];
    return version === undefined ? undefined : openApiV3({ group: third, version }, gitVersion);
  }
  if (root === "api" && steps.length === 1) return apiResourceList({ group: "", version: first });
  if (root === "apis" && steps.length === 1) return apiGroup(first);
  if (root === "apis" && steps.length === 2)
    return apiResourceList({ group: first, version: second });
  return undefined;
}
