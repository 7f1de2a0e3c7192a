/** Vpc: an isolated routing domain, one VRF on every node and leaf that has a part of it. */
import { invalid } from "../field-error.ts";
import type { Vpc } from "../gen/vpc.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, integer, list, object } from "../schema/build.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { immutable, noRules } from "./rules.ts";

/**
 * The VPC that exists always: its VRF id is 0 and its addresses are routed in the underlay of the
 * data centre.
 */
export const nativeVpcName = "default";

const routeTargets = (use: string): JsonSchema =>
  list(
    `Route targets (RFC 4360) that ${use}, as AS:number or address:number.`,
    formatted("route-target", "A route target."),
    // One of 64, which a VRF may have in one direction, is the VPC's own.
    63,
    { default: [], "x-kubernetes-list-type": "set" },
  );

export const vpcKind: ResourceKind<Vpc> = heddleKind<Vpc>({
  kind: "Vpc",
  plural: "vpcs",
  shortNames: [],
  namespaced: false,
  description:
    "A Vpc is an isolated routing domain: its subnets reach each other, and nothing else unless route targets import it. Each has a route target of its own, AS:vrfId with the lower 16 bits of the nodes' AS number. The Vpc named default is the native network of the data centre.",
  spec: object("The wanted routing domain.", {
    routeDistinguisher: formatted(
      "route-distinguisher",
      "Route distinguisher (RFC 4364) of the VPC's VPN routes, as AS:number or address:number. Each node derives its own when absent.",
    ),
    importRouteTargets: routeTargets(
      "VPN routes must carry one of to enter this VPC, beside the target of its own",
    ),
    exportRouteTargets: routeTargets(
      "the VPN routes of this VPC carry, beside the target of its own",
    ),
  }),
  status: {
    vrfId: integer(
      "Index of the VPC's VRF in the data plane of every node; 0 is the native network. It is given once and never to another VPC.",
      [0, 0xffffffff],
    ),
    nextVrfId: integer(
      "Of the Vpc named default only: the VRF id that the next VPC gets. Whoever gives an id raises it first, by compare-and-swap.",
      [1, 0x100000000],
    ),
    subnetCount: integer("Number of Subnets in this VPC.", [0, 0x7fffffff]),
    portCount: integer("Number of Ports in this VPC.", [0, 0x7fffffff]),
  },
  printerColumns: [
    { name: "VRF", type: "integer", jsonPath: ".status.vrfId" },
    { name: "Subnets", type: "integer", jsonPath: ".status.subnetCount" },
    { name: "Ports", type: "integer", jsonPath: ".status.portCount" },
    { name: "RD", type: "string", jsonPath: ".spec.routeDistinguisher", priority: 1 },
    { name: "Import", type: "string", jsonPath: ".spec.importRouteTargets", priority: 1 },
    { name: "Export", type: "string", jsonPath: ".spec.exportRouteTargets", priority: 1 },
    readyColumn,
  ],
  validate: noRules,
  validateUpdate: (next, previous): readonly FieldError[] => [
    ...immutable(next.spec, previous.spec, ["routeDistinguisher"]),
    ...vrfIdErrors(next, previous),
  ],
});

/**
 * Nodes keep state under a VRF id: one that changed would join what must be apart, and so would one
 * that is given a second time.
 */
function vrfIdErrors({ status: next }: Vpc, { status: previous }: Vpc): FieldError[] {
  const known = previous?.vrfId;
  const given = previous?.nextVrfId;
  const errors: FieldError[] = [];
  if (known !== undefined && next?.vrfId !== known) {
    errors.push(invalid("status.vrfId", next?.vrfId, `is ${known}, want it kept`));
  }
  if (given !== undefined && (next?.nextVrfId === undefined || next.nextVrfId < given)) {
    errors.push(invalid("status.nextVrfId", next?.nextVrfId, `want at least ${given}`));
  }
  return errors;
}
