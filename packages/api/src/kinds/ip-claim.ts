/** IPClaim: an address that stays with a workload, wherever its pod runs. */
import { forbidden } from "../field-error.ts";
import type { IPClaim } from "../gen/ip-claim.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, integer, list, nameOf, object, oneOf, text } from "../schema/build.ts";
import { heddleKind } from "./heddle-kind.ts";
import { familyOfIp, immutable, onePerFamily } from "./rules.ts";

const owner = object(
  "A stable key: what a workload calls its pod, whichever object stands for it today.",
  {
    kind: oneOf("Kind of the workload.", [
      "StatefulSet",
      "Deployment",
      "ReplicaSet",
      "VirtualMachine",
    ]),
    name: text("Name of the workload.", { minLength: 1, maxLength: 253 }),
    ordinal: integer("Which of its pods, counted from 0.", [0, 0x7fffffff]),
  },
  ["kind", "name", "ordinal"],
);

const holder = object(
  "The sandbox that has the addresses.",
  {
    node: nameOf("Node", "Where it runs; only this node announces the addresses"),
    containerId: text("Container id of the sandbox, as the runtime gave it to CNI.", {
      minLength: 1,
      maxLength: 256,
    }),
    since: text("When it got the addresses.", { format: "date-time" }),
  },
  ["node", "containerId", "since"],
);

const phase = oneOf(
  "Pending: no address yet. Bound: the holder has the addresses. Released: the addresses are kept for the claim, and nobody has them.",
  ["Pending", "Bound", "Released"],
  { default: "Pending" },
);

/** Named parts of the schema, for the generated types. */
export const ipClaimTypes: Readonly<Record<string, JsonSchema>> = {
  IPClaimOwner: owner,
  IPClaimHolder: holder,
  IPClaimPhase: phase,
};

const addresses = (description: string) =>
  list(description, formatted("ip", "An address."), 2, { default: [] });

export const ipClaimKind: ResourceKind<IPClaim> = heddleKind<IPClaim>({
  kind: "IPClaim",
  plural: "ipclaims",
  shortNames: ["ipc"],
  namespaced: true,
  description:
    "An IPClaim keeps addresses for a workload while its pods come and go. The node of the new pod takes over the holder field by compare-and-swap once the old node has withdrawn its route; only the holder announces the addresses.",
  spec: object("Whose claim, and to which addresses.", {
    subnet: nameOf("Subnet", "Where the addresses come from; the subnet of the pod when absent"),
    addresses: addresses(
      "The wanted addresses, at most one per family; any free address of the subnet for a family that is not named.",
    ),
    pod: nameOf("Pod", "The pod of this namespace that the addresses are for"),
    owner,
  }),
  status: { phase, addresses: addresses("The addresses that the claim has."), holder },
  printerColumns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Addresses", type: "string", jsonPath: ".status.addresses" },
    { name: "Node", type: "string", jsonPath: ".status.holder.node" },
    { name: "Subnet", type: "string", jsonPath: ".spec.subnet", priority: 1 },
    { name: "Pod", type: "string", jsonPath: ".spec.pod", priority: 1 },
    { name: "Owner", type: "string", jsonPath: ".spec.owner.name", priority: 1 },
  ],
  validate: ({ spec, status }) => [
    ...onePerFamily("spec.addresses", spec.addresses.map(familyOfIp)),
    ...(spec.pod !== undefined && spec.owner !== undefined
      ? [forbidden("spec.owner", "spec.pod is set too, want one of them")]
      : []),
    ...(status === undefined
      ? []
      : onePerFamily("status.addresses", status.addresses.map(familyOfIp))),
    ...(status?.phase === "Bound" && status.holder === undefined
      ? [forbidden("status.phase", "Bound without status.holder")]
      : []),
  ],
  validateUpdate: (next, previous) => immutable(next.spec, previous.spec, ["subnet", "addresses"]),
});
