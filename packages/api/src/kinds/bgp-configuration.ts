/** BGPConfiguration: how the BGP speakers of a group of nodes behave. */
import { invalid } from "../field-error.ts";
import type { BGPConfiguration } from "../gen/bgp-configuration.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { asn, boolean, formatted, integer, list, object } from "../schema/build.ts";
import { labelSelector } from "../schema/shared.ts";
import { bfd } from "./bfd.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { noRules } from "./rules.ts";

const gracefulRestart = object(
  "Graceful restart (RFC 4724): routes survive a restart of the speaker.",
  {
    enabled: boolean("Announce the capability and keep the routes of a restarting peer.", {
      default: true,
    }),
    restartTimeSeconds: integer("How long a peer keeps our routes while we restart.", [1, 4095], {
      default: 120,
    }),
  },
  [],
  { default: {} },
);

/** Named parts of the schema, for the generated types. */
export const bgpConfigurationTypes: Readonly<Record<string, JsonSchema>> = {
  GracefulRestart: gracefulRestart,
};

export const bgpConfigurationKind: ResourceKind<BGPConfiguration> = heddleKind<BGPConfiguration>({
  kind: "BGPConfiguration",
  plural: "bgpconfigurations",
  shortNames: ["bgpc"],
  namespaced: false,
  description:
    "A BGPConfiguration says how the BGP speakers of the selected nodes behave towards all their peers. When several select a node, the one with the first name counts.",
  spec: object(
    "The wanted behaviour.",
    {
      asn: asn("Autonomous system number of the nodes."),
      nodeSelector: labelSelector("The nodes that this configures; all when absent."),
      holdTimeSeconds: integer(
        "Hold time (RFC 4271): a peer that is silent for so long is down. 0 means never; 1 and 2 are not allowed.",
        [0, 65535],
        { default: 90 },
      ),
      keepaliveSeconds: integer(
        "Time between KEEPALIVE messages; a third of the hold time when absent.",
        [1, 21845],
      ),
      gracefulRestart,
      bfd,
      communities: list(
        "Communities (RFC 1997, RFC 8092) put on every route that the nodes announce.",
        formatted("community", "A community, as 65203:100 or 65203:1:100."),
        64,
        { default: [], "x-kubernetes-list-type": "set" },
      ),
    },
    ["asn"],
  ),
  status: { nodeCount: integer("Number of nodes that this configures.", [0, 0x7fffffff]) },
  printerColumns: [
    { name: "ASN", type: "integer", jsonPath: ".spec.asn" },
    { name: "Hold", type: "integer", jsonPath: ".spec.holdTimeSeconds" },
    { name: "BFD", type: "boolean", jsonPath: ".spec.bfd.enabled" },
    { name: "Nodes", type: "integer", jsonPath: ".status.nodeCount" },
    readyColumn,
    {
      name: "Restart",
      type: "integer",
      jsonPath: ".spec.gracefulRestart.restartTimeSeconds",
      priority: 1,
    },
  ],
  validate: ({ spec }) => timerErrors(spec.holdTimeSeconds, spec.keepaliveSeconds),
  validateUpdate: noRules,
});

function timerErrors(hold: number, keepalive: number | undefined): FieldError[] {
  if (hold === 1 || hold === 2) {
    return [invalid("spec.holdTimeSeconds", hold, "want 0 or at least 3 (RFC 4271 section 4.2)")];
  }
  if (keepalive === undefined || (hold > 0 && keepalive * 3 <= hold)) return [];
  const wanted = hold === 0 ? "none with hold time 0" : `at most a third of hold time ${hold}`;
  return [invalid("spec.keepaliveSeconds", keepalive, `want ${wanted}`)];
}
