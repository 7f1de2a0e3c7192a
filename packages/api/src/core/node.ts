/** Node (core/v1). */
import type { Node } from "../gen/core/node.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import {
  boolean,
  formatted,
  list,
  mapOf,
  mergedList,
  object,
  oneOf,
  opaque,
  quantity,
  text,
  time,
} from "../schema/build.ts";
import { builtInKind, statusCondition } from "./built-in-kind.ts";

const taint = object(
  "A taint: pods that do not tolerate it stay away.",
  {
    key: text("Key of the taint."),
    value: text("Value of the taint."),
    effect: oneOf("What happens to pods.", ["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    timeAdded: time("When the taint was added."),
  },
  ["key", "effect"],
);

const address = object(
  "An address of the node.",
  {
    type: text("Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS."),
    address: text("The address."),
  },
  ["type", "address"],
);

const condition = statusCondition("A condition of the node.");

const nodeInfo = object("Software and identity of the node.", {
  machineID: text("Id of the machine."),
  systemUUID: text("UUID of the system."),
  bootID: text("Id of the boot."),
  kernelVersion: text("Version of the kernel."),
  osImage: text("Name of the operating system."),
  containerRuntimeVersion: text("Name and version of the container runtime."),
  kubeletVersion: text("Version of the node agent."),
  kubeProxyVersion: text("Version of kube-proxy."),
  operatingSystem: text("Operating system."),
  architecture: text("Processor architecture."),
});

/** Named parts of the schema, for the generated types. */
export const nodeTypes: Readonly<Record<string, JsonSchema>> = {
  NodeTaint: taint,
  NodeAddress: address,
  NodeCondition: condition,
  NodeSystemInfo: nodeInfo,
};

const status = object("What was observed last.", {
  capacity: mapOf("All resources of the node.", quantity("An amount.")),
  allocatable: mapOf("Resources that pods can have.", quantity("An amount.")),
  phase: text("Not used."),
  conditions: mergedList(
    "Conditions of the node; Ready is the one that counts.",
    "type",
    condition,
    64,
  ),
  addresses: mergedList("Addresses of the node.", "type", address, 64),
  daemonEndpoints: opaque("Ports of the node's daemons."),
  nodeInfo,
  images: list("Images on the node.", opaque("An image."), 1024),
  volumesInUse: list("Volumes in use.", text("Name of a volume."), 1024),
  volumesAttached: list("Volumes attached.", opaque("A volume."), 1024),
  config: opaque("Configuration of the node agent."),
  runtimeHandlers: list("Handlers of the container runtime.", opaque("A handler."), 64),
  features: opaque("Features of the node."),
});

export const nodeKind: ResourceKind<Node> = builtInKind<Node>({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  namespaced: false,
  description: "A Node is a machine that runs pods.",
  fields: {
    spec: object(
      "Wanted behaviour of the node.",
      {
        podCIDR: formatted("cidr", "Addresses of the node's pods; not used, see IPBlock."),
        podCIDRs: list("The same, one per family.", formatted("cidr", "A prefix."), 2, {
          "x-kubernetes-patch-strategy": "merge",
        }),
        providerID: text("Id of the node at a cloud provider."),
        unschedulable: boolean("No new pod is placed here."),
        taints: list("Taints of the node.", taint, 64),
        configSource: opaque("Not used."),
        externalID: text("Not used."),
      },
      [],
      { default: {} },
    ),
    status,
  },
});
