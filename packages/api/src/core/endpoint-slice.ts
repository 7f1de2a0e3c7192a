/** EndpointSlice (discovery.k8s.io/v1). */
import { invalid } from "../field-error.ts";
import type { EndpointSlice } from "../gen/core/endpoint-slice.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { boolean, integer, list, object, oneOf, opaque, text } from "../schema/build.ts";
import { builtInKind } from "./built-in-kind.ts";

const endpoint = object(
  "A backend.",
  {
    addresses: list("Its addresses; the first one counts.", text("An address."), 100, {
      minItems: 1,
    }),
    conditions: object("Whether it takes traffic.", {
      ready: boolean("It takes new connections."),
      serving: boolean("It answers, though it may be ending."),
      terminating: boolean("It is ending."),
    }),
    hostname: text("Its host name.", { maxLength: 63 }),
    targetRef: opaque("The object behind it."),
    nodeName: text("Its node."),
    zone: text("Its zone."),
    deprecatedTopology: opaque("Not used."),
    hints: opaque("Who should use it."),
  },
  ["addresses"],
);

const port = object("A port of all endpoints.", {
  name: text("Name of the port.", { maxLength: 63 }),
  protocol: oneOf("Protocol of the port.", ["TCP", "UDP", "SCTP"], { default: "TCP" }),
  port: integer("Port number; all when absent.", [1, 65535]),
  appProtocol: text("Protocol above it."),
});

/** Named parts of the schema, for the generated types. */
export const endpointSliceTypes: Readonly<Record<string, JsonSchema>> = {
  Endpoint: endpoint,
  EndpointPort: port,
};

export const endpointSliceKind: ResourceKind<EndpointSlice> = builtInKind<EndpointSlice>({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  shortNames: [],
  namespaced: true,
  description: "An EndpointSlice holds a part of the backends of a Service.",
  fields: {
    addressType: oneOf("Kind of all addresses.", ["IPv4", "IPv6", "FQDN"]),
    endpoints: list("The backends.", endpoint, 1000, { default: [] }),
    ports: list("The ports of every backend.", port, 20_000),
  },
  required: ["addressType"],
  validateUpdate: (next, previous) =>
    next.addressType === previous.addressType
      ? []
      : [invalid("addressType", next.addressType, "field is immutable")],
});
