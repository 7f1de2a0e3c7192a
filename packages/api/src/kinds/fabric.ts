/** Fabric: what the switches of one leaf-spine network have in common. */
import { invalid } from "../field-error.ts";
import type { Fabric } from "../gen/fabric.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import {
  asn,
  formatted,
  integer,
  list,
  listByKey,
  nameOf,
  object,
  oneOf,
  text,
} from "../schema/build.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { immutable, routable } from "./rules.ts";

const underlay = object(
  "The routing protocol between the switches, which carries their loopbacks.",
  {
    protocol: oneOf("The protocol.", ["ospf"], { default: "ospf" }),
    area: formatted("ip4", "OSPF area, as an IPv4 address.", { default: "0.0.0.0" }),
    helloIntervalSeconds: integer("OSPF hello interval.", [1, 65535], { default: 1 }),
    deadIntervalSeconds: integer("OSPF dead interval.", [1, 65535], { default: 4 }),
  },
  [],
  { default: {} },
);

const vrf = object(
  "A VRF that leaves carry.",
  {
    name: formatted("interface-name", "Name of the VRF on the switches."),
    vni: integer("VXLAN network identifier of the VRF (its L3VNI).", [1, 0xffffff]),
    routeTarget: formatted("route-target", "Route target of its EVPN routes."),
    vpc: nameOf("Vpc", "The VPC whose routes the VRF carries"),
    aggregates: list(
      "Prefixes announced to the spines in place of the more specific ones inside them.",
      formatted("cidr", "An address prefix."),
      256,
      { default: [], "x-kubernetes-list-type": "set" },
    ),
  },
  ["name", "vni", "routeTarget"],
);

/** Named parts of the schema, for the generated types. */
export const fabricTypes: Readonly<Record<string, JsonSchema>> = {
  FabricUnderlay: underlay,
  FabricVrf: vrf,
};

const spec = object(
  "The wanted fabric.",
  {
    asn: asn("Autonomous system number of the switches.", { default: 65201 }),
    nodeAsn: asn("Autonomous system number of the nodes.", { default: 65203 }),
    mtu: integer("MTU of the links between switches, in bytes.", [1500, 9216], { default: 9100 }),
    underlay,
    loopbackCidr: formatted("cidr", "Addresses of the switches' loopbacks (VXLAN end points)."),
    vrfs: listByKey("VRFs of the fabric.", "name", vrf, 4096, { default: [] }),
    maximumPaths: integer("Most paths of equal cost that are used at once.", [1, 256], {
      default: 8,
    }),
  },
  ["loopbackCidr"],
);

export const fabricKind: ResourceKind<Fabric> = heddleKind<Fabric>({
  kind: "Fabric",
  plural: "fabrics",
  shortNames: ["fab"],
  namespaced: false,
  description:
    "A Fabric is a leaf-spine network: an underlay between loopbacks, an EVPN-VXLAN overlay over it, and the VRFs that leaves offer to nodes.",
  spec,
  status: {
    switchCount: integer("Number of Switches of the fabric.", [0, 0x7fffffff]),
    readySwitchCount: integer(
      "Number of those that run the wanted configuration.",
      [0, 0x7fffffff],
    ),
    lastError: text("What last went wrong while configuring it.", { maxLength: 1024 }),
  },
  printerColumns: [
    { name: "ASN", type: "integer", jsonPath: ".spec.asn" },
    { name: "Nodes-ASN", type: "integer", jsonPath: ".spec.nodeAsn" },
    { name: "Underlay", type: "string", jsonPath: ".spec.underlay.protocol" },
    { name: "Switches", type: "integer", jsonPath: ".status.switchCount" },
    readyColumn,
    { name: "MTU", type: "integer", jsonPath: ".spec.mtu", priority: 1 },
    { name: "Loopbacks", type: "string", jsonPath: ".spec.loopbackCidr", priority: 1 },
  ],
  validate: ({ spec: { underlay: timers, vrfs, loopbackCidr, asn: own, nodeAsn } }) => [
    ...(own === nodeAsn
      ? [invalid("spec.nodeAsn", nodeAsn, "equals spec.asn, want eBGP between nodes and leaves")]
      : []),
    ...(timers.deadIntervalSeconds > timers.helloIntervalSeconds
      ? []
      : [deadIntervalError(timers.deadIntervalSeconds, timers.helloIntervalSeconds)]),
    ...routable("spec.loopbackCidr", loopbackCidr),
    ...repeated("vni", vrfs),
    ...repeated("routeTarget", vrfs),
  ],
  validateUpdate: (next, previous) => immutable(next.spec, previous.spec, ["asn", "loopbackCidr"]),
});

function deadIntervalError(dead: number, hello: number): FieldError {
  const message = `want more than helloIntervalSeconds ${hello}`;
  return invalid("spec.underlay.deadIntervalSeconds", dead, message);
}

/** A VNI or a route target that two VRFs share would join them. */
function repeated(field: "vni" | "routeTarget", vrfs: Fabric["spec"]["vrfs"]): FieldError[] {
  const values = vrfs.map((each) => each[field]);
  return values.flatMap((value, i) => {
    const first = values.indexOf(value);
    if (first === i) return [];
    const message = `VRF ${vrfs[first]?.name} has it too, want one of its own`;
    return [invalid(`spec.vrfs[${i}].${field}`, value, message)];
  });
}
