/** BGPConfiguration: how the BGP speakers of a group of nodes behave. */
import { duplicate, invalid } from "../field-error.ts";
import type { BGPConfiguration, MonitoringStation } from "../gen/bgp-configuration.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { asn, boolean, formatted, integer, list, object, oneOf } from "../schema/build.ts";
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

const monitoringStation = object(
  "A monitoring station (BMP, RFC 7854) to which every selected node connects.",
  {
    address: formatted("ip", "Address of the station."),
    port: integer("TCP port of the station.", [1, 65535]),
    views: list(
      "What the station is told. PrePolicy: the routes that peers send. PostPolicy: those that import policies accept, as they make them. LocRib: the routes that the node uses (RFC 9069). AdjRibOut: the routes that peers are sent (RFC 8671).",
      oneOf("A view.", ["PrePolicy", "PostPolicy", "LocRib", "AdjRibOut"]),
      4,
      { minItems: 1, default: ["PrePolicy"], "x-kubernetes-list-type": "set" },
    ),
    statisticsSeconds: integer("Time between Statistics Reports; 0: none.", [0, 86400], {
      default: 60,
    }),
  },
  ["address", "port"],
);

/** Named parts of the schema, for the generated types. */
export const bgpConfigurationTypes: Readonly<Record<string, JsonSchema>> = {
  GracefulRestart: gracefulRestart,
  MonitoringStation: monitoringStation,
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
      monitoringStations: list(
        "Stations that watch the BGP of the nodes; none when absent. One that falls 8 MiB behind is cut off and told everything anew.",
        monitoringStation,
        8,
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
  validate: ({ spec }) => [
    ...timerErrors(spec.holdTimeSeconds, spec.keepaliveSeconds),
    ...stationErrors(spec.monitoringStations ?? []),
  ],
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

/** A station that is told twice counts everything twice. */
function stationErrors(stations: readonly MonitoringStation[]): FieldError[] {
  const seen = new Set<string>();
  return stations.flatMap(({ address, port }, index) => {
    const name = `${address} port ${port}`;
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew ? [] : [duplicate(`spec.monitoringStations[${index}]`, name)];
  });
}
