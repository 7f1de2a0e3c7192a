/** Switch: one device of a Fabric. */
import type { Switch } from "../gen/switch.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { boolean, formatted, integer, nameOf, object, oneOf, text } from "../schema/build.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { immutable } from "./rules.ts";

const driver = object(
  "How the switch is configured.",
  {
    type: oneOf("Kind of the driver. frr: FRRouting's own configuration.", ["frr"], {
      default: "frr",
    }),
  },
  [],
  { default: {} },
);

const observed = object("What the driver read from the switch.", {
  version: text("Version of its software.", { maxLength: 256 }),
  configurationHash: text("Hash of the configuration that it runs.", { maxLength: 128 }),
  inSync: boolean("Whether it runs the wanted configuration."),
  ospfFullCount: integer("OSPF neighbours in state Full.", [0, 0x7fffffff]),
  bgpEstablishedCount: integer("Established BGP sessions.", [0, 0x7fffffff]),
  at: text("When it was read.", { format: "date-time" }),
});

/** Named parts of the schema, for the generated types. */
export const switchTypes: Readonly<Record<string, JsonSchema>> = {
  SwitchDriver: driver,
  SwitchObservation: observed,
};

export const switchKind: ResourceKind<Switch> = heddleKind<Switch>({
  kind: "Switch",
  plural: "switches",
  shortNames: ["sw"],
  namespaced: false,
  description:
    "A Switch is one device of a Fabric. Its configuration follows from the Fabric, its role and its Links.",
  spec: object(
    "The device and its place.",
    {
      fabric: nameOf("Fabric", "The fabric it belongs to"),
      role: oneOf(
        "spine: joins leaves and reflects EVPN routes. leaf: nodes attach to it. border: joins the fabric to external networks.",
        ["spine", "leaf", "border"],
      ),
      rack: text("The rack it stands in; leaves of one rack serve the same nodes.", {
        minLength: 1,
        maxLength: 63,
      }),
      loopback: formatted(
        "ip4",
        "Address of its loopback: router id and, on a leaf, VXLAN end point; inside the fabric's loopbackCidr.",
      ),
      driver,
      platform: text("Hardware or virtual platform, for people.", { maxLength: 128 }),
    },
    ["fabric", "role", "loopback"],
  ),
  status: { observed },
  printerColumns: [
    { name: "Fabric", type: "string", jsonPath: ".spec.fabric" },
    { name: "Role", type: "string", jsonPath: ".spec.role" },
    { name: "Rack", type: "string", jsonPath: ".spec.rack" },
    { name: "Loopback", type: "string", jsonPath: ".spec.loopback" },
    { name: "In-Sync", type: "boolean", jsonPath: ".status.observed.inSync" },
    readyColumn,
    { name: "BGP", type: "integer", jsonPath: ".status.observed.bgpEstablishedCount", priority: 1 },
    { name: "Driver", type: "string", jsonPath: ".spec.driver.type", priority: 1 },
    { name: "Version", type: "string", jsonPath: ".status.observed.version", priority: 1 },
  ],
  validate: () => [],
  validateUpdate: (next, previous) => immutable(next.spec, previous.spec, ["fabric", "role"]),
});
