/**
 * Port: one attachment of a workload to the network, and how far it is. The phases are a state
 * machine; an object may be written after several steps at once, so `status.transitions` lists the
 * steps and each is checked.
 */
import { invalid } from "../field-error.ts";
import type { Port, PortPhase, PortSpec, PortTransition } from "../gen/port.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, list, nameOf, object, oneOf, text } from "../schema/build.ts";
import { heddleKind } from "./heddle-kind.ts";
import { familyOfIp, immutable, onePerFamily } from "./rules.ts";
import { nativeVpcName } from "./vpc.ts";

/**
 * Every legal step. A Port starts as Requested; Draining ends with the deletion of the object.
 * Active and FabricReady fall back to HostReady when the fabric loses what the port needs.
 */
export const portTransitions: Readonly<Record<PortPhase, readonly PortPhase[]>> = {
  Requested: ["Allocated", "Draining", "Failed"],
  Allocated: ["HostReady", "Draining", "Failed"],
  HostReady: ["FabricReady", "Draining", "Failed"],
  FabricReady: ["Active", "HostReady", "Draining", "Failed"],
  Active: ["HostReady", "Draining", "Failed"],
  Draining: ["Failed"],
  Failed: ["Requested", "Draining"],
};

/**
 * Whether a Port in phase `from` may go to `to` in one step; `undefined` is a Port without status.
 */
export function isPortTransition(from: PortPhase | undefined, to: PortPhase): boolean {
  return from === undefined ? to === "Requested" : portTransitions[from].includes(to);
}

/** Transitions that an object keeps; the oldest are dropped beyond. */
export const portTransitionsMax = 32;

const phase = oneOf(
  "Requested: known. Allocated: has its addresses. HostReady: plumbed on the node. FabricReady: the leaves carry it. Active: a packet went through. Draining: going away. Failed: see the conditions.",
  ["Requested", "Allocated", "HostReady", "FabricReady", "Active", "Draining", "Failed"],
  { default: "Requested" },
);

const transition = object(
  "One step.",
  { phase, at: text("When the phase was reached.", { format: "date-time" }) },
  ["phase", "at"],
);

const pod = object(
  "The pod, in the namespace of the Port.",
  {
    name: nameOf("Pod", "Its name"),
    uid: text("Its uid.", { minLength: 1, maxLength: 128 }),
  },
  ["name", "uid"],
);

/** Named parts of the schema, for the generated types. */
export const portTypes: Readonly<Record<string, JsonSchema>> = {
  PortPhase: phase,
  PortTransition: transition,
  PortPod: pod,
};

const interfaceName = (description: string) => formatted("interface-name", description);

const spec = object(
  "The attachment.",
  {
    pod,
    node: nameOf("Node", "The node that the workload runs on"),
    containerId: text("Container id of the sandbox, as the runtime gave it to CNI.", {
      minLength: 1,
      maxLength: 256,
    }),
    ifname: interfaceName("Name of the interface inside the workload."),
    vpc: nameOf("Vpc", "The routing domain", { default: "default" }),
    subnet: nameOf("Subnet", "The subnet"),
    mac: formatted("mac", "MAC address of the interface inside the workload."),
    addresses: list(
      "Addresses of the interface in its Vpc, at most one per family.",
      formatted("ip", "An address."),
      2,
      { minItems: 1 },
    ),
    infrastructureAddresses: list(
      "Addresses, unique in the cluster, by which the node and its probes reach the workload (status.podIPs of the pod). Equal to addresses in the native Vpc; in others they are translated on the node, and only the node reaches them.",
      formatted("ip", "An address."),
      2,
      { default: [] },
    ),
    claim: nameOf("IPClaim", "The claim that the addresses belong to, when they are fixed"),
  },
  ["pod", "node", "containerId", "ifname", "subnet", "mac", "addresses"],
);

export const portKind: ResourceKind<Port> = heddleKind<Port>({
  kind: "Port",
  plural: "ports",
  shortNames: [],
  namespaced: true,
  description:
    "A Port is one attachment of a workload to the network: its addresses, its place, and how far it is. Nodes write these objects; people and the fabric controller read them.",
  spec,
  status: {
    phase,
    transitions: list("The last steps, oldest first.", transition, portTransitionsMax, {
      default: [],
    }),
    hostIfname: interfaceName("Name of the interface on the node."),
  },
  printerColumns: [
    { name: "Pod", type: "string", jsonPath: ".spec.pod.name" },
    { name: "Node", type: "string", jsonPath: ".spec.node" },
    { name: "Addresses", type: "string", jsonPath: ".spec.addresses" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "VPC", type: "string", jsonPath: ".spec.vpc", priority: 1 },
    { name: "Subnet", type: "string", jsonPath: ".spec.subnet", priority: 1 },
    {
      name: "Infrastructure",
      type: "string",
      jsonPath: ".spec.infrastructureAddresses",
      priority: 1,
    },
    { name: "MAC", type: "string", jsonPath: ".spec.mac", priority: 1 },
    { name: "Interface", type: "string", jsonPath: ".status.hostIfname", priority: 1 },
    { name: "Claim", type: "string", jsonPath: ".spec.claim", priority: 1 },
  ],
  validate: ({ spec }) => [
    ...onePerFamily("spec.addresses", spec.addresses.map(familyOfIp)),
    ...onePerFamily("spec.infrastructureAddresses", spec.infrastructureAddresses.map(familyOfIp)),
    ...infrastructureErrors(spec),
  ],
  validateUpdate: (next, previous) => [
    ...immutable(next.spec, previous.spec, [
      "pod",
      "node",
      "containerId",
      "ifname",
      "vpc",
      "subnet",
      "mac",
      "addresses",
      "infrastructureAddresses",
      "claim",
    ]),
    ...stepErrors(next, previous),
  ],
});

/** One address each is translated to one of its family; in the native Vpc there is nothing to. */
function infrastructureErrors(spec: PortSpec): FieldError[] {
  const { vpc, addresses, infrastructureAddresses } = spec;
  const path = "spec.infrastructureAddresses";
  if (vpc === nativeVpcName) {
    return infrastructureAddresses
      .filter((address) => !addresses.includes(address))
      .map((address) => invalid(path, address, `want an address of ${addresses.join(" or ")}`));
  }
  const families = new Set(addresses.map(familyOfIp));
  return infrastructureAddresses
    .filter((address) => !families.has(familyOfIp(address)))
    .map((address) => invalid(path, address, "no address of its family to translate it to"));
}

/**
 * Every step between the previous phase and the next one must be legal. A phase that moved without
 * an entry in `transitions` counts as one step.
 */
function stepErrors(next: Port, previous: Port): FieldError[] {
  const to = next.status?.phase;
  if (to === undefined) return [];
  const steps = newTransitions(next, previous).map((entry) => entry.phase);
  let from = previous.status?.phase;
  if ((steps.length === 0 ? from : steps.at(-1)) !== to) steps.push(to);
  for (const step of steps) {
    if (!isPortTransition(from, step)) return [illegalStep(to, from, step)];
    from = step;
  }
  return [];
}

function illegalStep(to: PortPhase, from: PortPhase | undefined, step: PortPhase): FieldError {
  const legal = from === undefined ? "Requested" : portTransitions[from].join(" or ");
  const start = from === undefined ? "a new Port" : from;
  return invalid("status.phase", to, `${start} cannot become ${step}, want ${legal}`);
}

/** The entries of `next` after the last one that `previous` has. */
function newTransitions(next: Port, previous: Port): readonly PortTransition[] {
  const entries = next.status === undefined ? [] : next.status.transitions;
  const last = previous.status?.transitions.at(-1);
  if (last === undefined) return entries;
  const at = entries.findLastIndex((entry) => entry.phase === last.phase && entry.at === last.at);
  return entries.slice(at + 1);
}
