/** Service (core/v1). */
import { required } from "../field-error.ts";
import type { Service } from "../gen/core/service.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import {
  boolean,
  formatted,
  integer,
  intOrString,
  list,
  mapOf,
  mergedList,
  object,
  oneOf,
  opaque,
  text,
} from "../schema/build.ts";
import { builtInKind, statusCondition } from "./built-in-kind.ts";

const port = object(
  "A port of the service.",
  {
    name: text("Name of the port; needed when there are several.", { maxLength: 63 }),
    protocol: oneOf("Protocol of the port.", ["TCP", "UDP", "SCTP"], { default: "TCP" }),
    appProtocol: text("Protocol above it."),
    port: integer("Port number of the service.", [1, 65535]),
    targetPort: intOrString("Number or name of the port of the pods; port when absent."),
    nodePort: integer("Port number on every node.", [0, 65535]),
  },
  ["port"],
);

const ingress = object("An entry point of the load balancer.", {
  ip: formatted("ip", "Its address."),
  hostname: text("Its name."),
  ipMode: text("How traffic to ip arrives: VIP or Proxy."),
  ports: list("Status of its ports.", opaque("A port."), 256),
});

const condition = statusCondition("A condition of the service.");

/** Named parts of the schema, for the generated types. */
export const serviceTypes: Readonly<Record<string, JsonSchema>> = {
  ServicePort: port,
  LoadBalancerIngress: ingress,
  ServiceCondition: condition,
};

const addresses = (description: string): JsonSchema => list(description, text("An address."), 64);

const spec = object("Wanted behaviour.", {
  ports: mergedList("Ports of the service.", "port", port, 256, {
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "x-kubernetes-list-type": "map",
  }),
  selector: mapOf("Labels of the pods behind the service.", text("A label value."), {
    "x-kubernetes-map-type": "atomic",
  }),
  clusterIP: text("Virtual address of the service; None for a headless one."),
  clusterIPs: addresses("Virtual addresses, one per family."),
  type: oneOf(
    "How the service is reached.",
    ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    { default: "ClusterIP" },
  ),
  externalIPs: addresses("More addresses at which nodes accept its traffic."),
  sessionAffinity: oneOf("Keep a client at one pod.", ["None", "ClientIP"], { default: "None" }),
  loadBalancerIP: text("Wanted address of the load balancer."),
  loadBalancerSourceRanges: addresses("Client prefixes that the load balancer accepts."),
  externalName: text("Name that an ExternalName service stands for."),
  externalTrafficPolicy: oneOf("Which pods get outside traffic.", ["Cluster", "Local"]),
  healthCheckNodePort: integer("Port of the node's health check.", [0, 65535]),
  publishNotReadyAddresses: boolean("Pods count before they are ready."),
  sessionAffinityConfig: opaque("Settings of session affinity."),
  ipFamilies: list("Address families of the service.", text("IPv4 or IPv6."), 2),
  ipFamilyPolicy: text("SingleStack, PreferDualStack or RequireDualStack."),
  allocateLoadBalancerNodePorts: boolean("Give a LoadBalancer service node ports."),
  loadBalancerClass: text("Implementation of the load balancer."),
  internalTrafficPolicy: oneOf("Which pods get inside traffic.", ["Cluster", "Local"], {
    default: "Cluster",
  }),
  trafficDistribution: text("Which pods are preferred."),
});

export const serviceKind: ResourceKind<Service> = builtInKind<Service>({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  namespaced: true,
  description: "A Service is a name and a virtual address for a set of pods.",
  fields: {
    spec: { ...spec, default: {} },
    status: object(
      "What was observed last.",
      {
        loadBalancer: object("The load balancer.", {
          ingress: list("Its entry points.", ingress, 64),
        }),
        conditions: mergedList("Conditions of the service.", "type", condition, 64),
      },
      [],
      { default: { loadBalancer: {} } },
    ),
  },
  validate: ({ spec: { type, ports, clusterIP } }) =>
    type === "ExternalName" || clusterIP === "None" || (ports !== undefined && ports.length > 0)
      ? []
      : [required("spec.ports", "is missing")],
});
