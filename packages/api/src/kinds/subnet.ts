/**
 * Subnet: the smallest unit of the address plan that people manage; which pods use it, and how it
 * is carried.
 */
import { containsIp, formatPrefix, overlaps, parseIp, parsePrefix } from "@heddle/inet";
import { invalid } from "../field-error.ts";
import type { Subnet } from "../gen/subnet.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import {
  boolean,
  formatted,
  integer,
  list,
  listByKey,
  nameOf,
  object,
  oneOf,
  text,
} from "../schema/build.ts";
import { countText, labelSelector } from "../schema/shared.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { familyOfIp, familyOfPrefix, immutable, onePerFamily, routable } from "./rules.ts";

const spec = object(
  "The wanted subnet.",
  {
    vpc: nameOf("Vpc", "The routing domain of the subnet", { default: "default" }),
    cidrs: list(
      "Address prefixes of the subnet: one IPv4 prefix, one IPv6 prefix, or one of each. Host bits must be zero.",
      formatted("cidr", "An address prefix, such as 10.244.0.0/16."),
      2,
      { minItems: 1 },
    ),
    gateways: list(
      "Addresses of gateways inside the subnet, at most one per family; never given to pods. Pods of native subnets use a link-local gateway and need none.",
      formatted("ip", "An address inside one of the cidrs."),
      2,
      { default: [] },
    ),
    transport: oneOf(
      "How packets of the subnet travel between nodes: native routes them in the data centre's own routing, without encapsulation or translation.",
      ["native"],
      { default: "native" },
    ),
    default: boolean(
      "Pods that no other subnet claims use this one. At most one Subnet may say so.",
      { default: false },
    ),
    namespaces: list(
      "Namespaces whose pods use this subnet.",
      text("Name of a Namespace.", { minLength: 1, maxLength: 63 }),
      1024,
      { default: [], "x-kubernetes-list-type": "set" },
    ),
    namespaceSelector: labelSelector(
      "Pods of namespaces with these labels use this subnet, beside those named by namespaces.",
    ),
    excludedAddresses: list(
      "Addresses that pods never get, each an address or a prefix.",
      formatted("ip-or-cidr", "An address or an address prefix inside one of the cidrs."),
      1024,
      { default: [], "x-kubernetes-list-type": "set" },
    ),
  },
  ["cidrs"],
);

const addressCount = (what: string): JsonSchema => integer(what, [0, Number.MAX_SAFE_INTEGER]);

const addresses = object(
  "The addresses of one family.",
  {
    family: oneOf("The family.", ["IPv4", "IPv6"]),
    capacity: addressCount(
      "Number of addresses that pods can have, in all IPPools; 2^53-1 stands for so many and more.",
    ),
    allocated: addressCount("Number of addresses that pods have."),
    free: addressCount(
      "Number of addresses that pods without an IPClaim can get: the free ones of Dynamic pools that are not disabled.",
    ),
    freeText: text(`The free addresses. ${countText}`),
  },
  ["family", "capacity", "allocated", "free"],
);

/** Named parts of the schema, for the generated types. */
export const subnetTypes: Readonly<Record<string, JsonSchema>> = { SubnetAddresses: addresses };

export const subnetKind: ResourceKind<Subnet> = heddleKind<Subnet>({
  kind: "Subnet",
  plural: "subnets",
  shortNames: ["sn"],
  namespaced: false,
  description:
    "A Subnet is a range of addresses in a Vpc that spans all nodes. Pods use the subnet that their annotation names, else the one of their namespace, else the default one.",
  spec,
  status: {
    portCount: integer("Number of Ports in this subnet.", [0, 0x7fffffff]),
    poolCount: integer("Number of IPPools of this subnet.", [0, 0x7fffffff]),
    addresses: listByKey("The addresses of each family.", "family", addresses, 2),
  },
  printerColumns: [
    { name: "VPC", type: "string", jsonPath: ".spec.vpc" },
    { name: "CIDRs", type: "string", jsonPath: ".spec.cidrs" },
    { name: "Transport", type: "string", jsonPath: ".spec.transport" },
    { name: "Default", type: "boolean", jsonPath: ".spec.default" },
    { name: "Ports", type: "integer", jsonPath: ".status.portCount" },
    readyColumn,
    { name: "Free-IPv4", type: "string", jsonPath: freeOf("IPv4"), priority: 1 },
    { name: "Free-IPv6", type: "string", jsonPath: freeOf("IPv6"), priority: 1 },
    { name: "Namespaces", type: "string", jsonPath: ".spec.namespaces", priority: 1 },
    { name: "Gateways", type: "string", jsonPath: ".spec.gateways", priority: 1 },
  ],
  validate: ({ spec: { cidrs, gateways, excludedAddresses } }) => [
    ...onePerFamily("spec.cidrs", cidrs.map(familyOfPrefix)),
    ...cidrs.flatMap((cidr, i) => routable(`spec.cidrs[${i}]`, cidr)),
    ...onePerFamily("spec.gateways", gateways.map(familyOfIp)),
    ...gateways.flatMap((gateway, i) => inside(`spec.gateways[${i}]`, gateway, cidrs)),
    ...excludedAddresses.flatMap((range, i) =>
      inside(`spec.excludedAddresses[${i}]`, range, cidrs),
    ),
  ],
  validateUpdate: (next, previous) => [
    ...immutable(next.spec, previous.spec, ["vpc", "transport"]),
    ...keptCidrs(next, previous),
  ],
});

function freeOf(family: string): string {
  return `.status.addresses[?(@.family=="${family}")].freeText`;
}

/** `range` is an address or a prefix. */
function inside(path: string, range: string, cidrs: readonly string[]): FieldError[] {
  const address = range.includes("/") ? parsePrefix(range).address : parseIp(range);
  const length = range.includes("/") ? parsePrefix(range).length : 128;
  const holds = (cidr: string): boolean => {
    const prefix = parsePrefix(cidr);
    return containsIp(prefix, address) && length >= prefix.length;
  };
  if (cidrs.some(holds)) return [];
  return [invalid(path, range, `outside the subnet, want an address in ${cidrs.join(" or ")}`)];
}

/** A prefix may be added, for a second family; one that addresses were given from stays. */
function keptCidrs(next: Subnet, previous: Subnet): FieldError[] {
  return previous.spec.cidrs
    .filter((cidr) => !next.spec.cidrs.some((kept) => parsePrefix(kept) === parsePrefix(cidr)))
    .map((cidr) =>
      invalid("spec.cidrs", next.spec.cidrs, `${cidr} is gone, want existing prefixes kept`),
    );
}

/**
 * The prefixes of `subnet` that overlap a prefix of another Subnet of the same VPC. `others` may
 * contain `subnet` itself (an earlier revision of it); it is skipped by name.
 */
export function findOverlaps(subnet: Subnet, others: Iterable<Subnet>): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const other of others) {
    if (other.metadata.name === subnet.metadata.name || other.spec.vpc !== subnet.spec.vpc)
      continue;
    for (const [i, cidr] of subnet.spec.cidrs.entries()) {
      const clash = other.spec.cidrs.find((theirs) =>
        overlaps(parsePrefix(theirs), parsePrefix(cidr)),
      );
      if (clash === undefined) continue;
      const whose = `${formatPrefix(parsePrefix(clash))} of Subnet "${other.metadata.name}"`;
      const message = `overlaps ${whose} in Vpc "${subnet.spec.vpc}"`;
      errors.push(invalid(`spec.cidrs[${i}]`, cidr, message));
    }
  }
  return errors;
}

/**
 * Whether `subnet` would be a second default beside another one of any VPC: pods that no subnet
 * claims could then use neither. `others` may contain `subnet` itself; it is skipped by name.
 */
export function findSecondDefault(subnet: Subnet, others: Iterable<Subnet>): readonly FieldError[] {
  if (!subnet.spec.default) return [];
  for (const { metadata, spec } of others) {
    if (metadata.name === subnet.metadata.name || !spec.default) continue;
    const message = `Subnet "${metadata.name}" is the default already, want one at most`;
    return [invalid("spec.default", true, message)];
  }
  return [];
}
