/** Link: one cable, or what stands for one, and the addresses on its two ends. */
import { familyOf, formatPrefix, lastIp, parseInterfaceAddress, widthOf } from "@heddle/inet";
import { forbidden, invalid, required } from "../field-error.ts";
import type { Link, LinkEndpoint } from "../gen/link.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, integer, list, nameOf, object, oneOf, text } from "../schema/build.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { familyOfInterfaceAddress, noRules, onePerFamily } from "./rules.ts";

const endpointFields = {
  switch: nameOf("Switch", "The switch, when the end is one"),
  node: nameOf("Node", "The node, when the end is one"),
  device: text("Name of another device, such as a bare-metal server or an external router.", {
    minLength: 1,
    maxLength: 253,
  }),
  interface: formatted("interface-name", "Name of the interface."),
  addresses: list(
    "Addresses of the interface with the length of their prefix, at most one per family.",
    formatted("interface-address", "An address and a length, such as 172.16.0.1/31."),
    2,
    { default: [] },
  ),
};
const endpoint = (description: string) => object(description, endpointFields, ["interface"]);
const a = endpoint("One end.");
const b = endpoint("The other end.");

/** Named parts of the schema, for the generated types; both ends have one type. */
export const linkTypes: Readonly<Record<string, JsonSchema>> = { LinkEndpoint: a };

export const linkKind: ResourceKind<Link> = heddleKind<Link>({
  kind: "Link",
  plural: "links",
  shortNames: ["lnk"],
  namespaced: false,
  description:
    "A Link joins two interfaces. The fabric controller finds through it the leaf ports of a node, and a node its leaves.",
  spec: object(
    "The two ends and what the link is for.",
    {
      fabric: nameOf("Fabric", "The fabric it belongs to"),
      kind: oneOf(
        "fabric: between switches. tenant: from a leaf's VRF to a node or device. underlay: from a leaf's default VRF to a node, reaching the VXLAN end points. external: beyond the fabric.",
        ["fabric", "tenant", "underlay", "external"],
      ),
      vrf: formatted(
        "interface-name",
        "The VRF of the fabric that a tenant or external link is in.",
      ),
      a,
      b,
      mtu: integer("MTU of the link, in bytes; the fabric's when absent.", [1280, 9216]),
    },
    ["fabric", "kind", "a", "b"],
  ),
  status: {
    state: oneOf("Whether both interfaces are up.", ["Up", "Down", "Unknown"], {
      default: "Unknown",
    }),
  },
  printerColumns: [
    { name: "Kind", type: "string", jsonPath: ".spec.kind" },
    { name: "VRF", type: "string", jsonPath: ".spec.vrf" },
    { name: "A", type: "string", jsonPath: ".spec.a.interface" },
    { name: "B", type: "string", jsonPath: ".spec.b.interface" },
    { name: "State", type: "string", jsonPath: ".status.state" },
    readyColumn,
    { name: "A-Addresses", type: "string", jsonPath: ".spec.a.addresses", priority: 1 },
    { name: "B-Addresses", type: "string", jsonPath: ".spec.b.addresses", priority: 1 },
    { name: "MTU", type: "integer", jsonPath: ".spec.mtu", priority: 1 },
  ],
  validate: (link) => [
    ...endpointErrors("spec.a", link.spec.a),
    ...endpointErrors("spec.b", link.spec.b),
    ...vrfErrors(link),
    ...pairErrors(link),
  ],
  validateUpdate: noRules,
});

/** `leaf1:eth1`: what an endpoint is called in messages and tables. */
export function endpointName(end: LinkEndpoint): string {
  const owner = end.switch ?? end.node ?? end.device;
  return `${owner}:${end.interface}`;
}

function endpointErrors(path: string, end: LinkEndpoint): FieldError[] {
  const owners = [end.switch, end.node, end.device].filter((owner) => owner !== undefined);
  const families = end.addresses.map(familyOfInterfaceAddress);
  return [
    ...(owners.length === 0 ? [required(path, "want one of switch, node, device")] : []),
    ...(owners.length > 1 ? [forbidden(path, "want only one of switch, node, device")] : []),
    ...onePerFamily(`${path}.addresses`, families),
    ...end.addresses.flatMap((address, i) => hostErrors(`${path}.addresses[${i}]`, address)),
  ];
}

/**
 * The first and the last address of an IPv4 prefix longer than two addresses are no host's (RFC
 * 919).
 */
function hostErrors(path: string, text: string): FieldError[] {
  const { address, prefix } = parseInterfaceAddress(text);
  if (prefix.family === 6 || prefix.length >= widthOf(familyOf(address)) - 1) return [];
  if (address !== prefix.address && address !== lastIp(prefix)) return [];
  const what = address === prefix.address ? "network" : "broadcast";
  return [invalid(path, text, `is the ${what} address of ${formatPrefix(prefix)}`)];
}

function vrfErrors({ spec }: Link): FieldError[] {
  if (spec.kind === "tenant" && spec.vrf === undefined) {
    return [required("spec.vrf", "want the VRF of a tenant link")];
  }
  if (spec.vrf === undefined || spec.kind === "tenant" || spec.kind === "external") return [];
  return [forbidden("spec.vrf", `a link of kind ${spec.kind} is in the default VRF`)];
}

function pairErrors({ spec: { a: one, b: other } }: Link): FieldError[] {
  if (endpointName(one) === endpointName(other)) {
    return [invalid("spec.b", endpointName(other), "is spec.a too, want two interfaces")];
  }
  return other.addresses.flatMap((text, i) => {
    const mine = parseInterfaceAddress(text);
    const path = `spec.b.addresses[${i}]`;
    const facing = one.addresses.find(
      (candidate) => familyOfInterfaceAddress(candidate) === mine.prefix.family,
    );
    if (facing === undefined) return [];
    const theirs = parseInterfaceAddress(facing);
    if (theirs.prefix !== mine.prefix) {
      const wanted = formatPrefix(theirs.prefix);
      return [invalid(path, text, `outside ${wanted} of spec.a, want both ends in one prefix`)];
    }
    return theirs.address === mine.address
      ? [invalid(path, text, "is the address of spec.a too, want two addresses")]
      : [];
  });
}
