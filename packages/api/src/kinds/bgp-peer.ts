/** BGPPeer: one neighbour of one node, or of a group of nodes. */
import { forbidden, invalid } from "../field-error.ts";
import type { BGPPeer } from "../gen/bgp-peer.gen.ts";
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
import { labelSelector } from "../schema/shared.ts";
import { bfdOverride } from "./bfd.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { familyOfIp, noRules } from "./rules.ts";

const secretRef = object(
  "The key of a Secret that holds the TCP-MD5 password (RFC 2385) of the session.",
  {
    namespace: nameOf("Namespace", "Where the Secret is"),
    name: nameOf("Secret", "Its name"),
    key: text("The key in its data.", { minLength: 1, maxLength: 253, default: "password" }),
  },
  ["namespace", "name"],
);

const session = object(
  "The session of one node.",
  {
    node: nameOf("Node", "The node"),
    state: oneOf("State of the session (RFC 4271 section 8.2.2).", [
      "Idle",
      "Connect",
      "Active",
      "OpenSent",
      "OpenConfirm",
      "Established",
    ]),
    since: text("When the state was reached.", { format: "date-time" }),
    lastError: text("Why the session last went down.", { maxLength: 1024 }),
    receivedPrefixCount: integer("Prefixes received.", [0, 0x7fffffff]),
    acceptedPrefixCount: integer("Prefixes that the import policy accepted.", [0, 0x7fffffff]),
    advertisedPrefixCount: integer("Prefixes advertised.", [0, 0x7fffffff]),
  },
  ["node", "state"],
);

/** Named parts of the schema, for the generated types. */
export const bgpPeerTypes: Readonly<Record<string, JsonSchema>> = {
  BGPPeerSecretRef: secretRef,
  BGPPeerSession: session,
};

const spec = object(
  "The wanted session.",
  {
    node: nameOf("Node", "The node that peers; those of nodeSelector when absent"),
    nodeSelector: labelSelector("The nodes that peer; all when absent, unless node is set."),
    peerAddress: formatted("ip", "Address of the neighbour."),
    peerAsn: asn("Autonomous system number of the neighbour; any other one is refused."),
    kind: oneOf(
      "fabric: a switch, to which nodes announce their own prefixes. reflector: a route reflector, with which they exchange VPN routes.",
      ["fabric", "reflector"],
      { default: "fabric" },
    ),
    families: list(
      "Address families of the session (RFC 4760).",
      oneOf("An address family.", ["IPv4Unicast", "IPv6Unicast"]),
      8,
      { minItems: 1, default: ["IPv4Unicast", "IPv6Unicast"], "x-kubernetes-list-type": "set" },
    ),
    bfd: bfdOverride,
    passwordSecretRef: secretRef,
    sourceAddress: formatted(
      "ip",
      "Own address of the session; the one that routing chooses when absent.",
    ),
    importPolicy: oneOf(
      "Which routes are accepted from the neighbour.",
      ["AcceptDefaultOnly", "AcceptAll", "RejectAll"],
      { default: "AcceptDefaultOnly" },
    ),
    exportPolicy: oneOf(
      "Which routes are announced to the neighbour. AnnounceOwn: the blocks and fixed addresses of the node.",
      ["AnnounceOwn", "AnnounceAll", "AnnounceNone"],
      { default: "AnnounceOwn" },
    ),
  },
  ["peerAddress", "peerAsn"],
);

export const bgpPeerKind: ResourceKind<BGPPeer> = heddleKind<BGPPeer>({
  kind: "BGPPeer",
  plural: "bgppeers",
  shortNames: ["bgpp"],
  namespaced: false,
  description:
    "A BGPPeer is a BGP neighbour of one node or of a group of nodes. Without policies that say more, nodes accept only default routes and announce only what is their own (RFC 8212).",
  spec,
  status: {
    sessions: listByKey("The session of each node.", "node", session, 5000, { default: [] }),
    establishedCount: integer("Number of established sessions.", [0, 0x7fffffff]),
  },
  printerColumns: [
    { name: "Address", type: "string", jsonPath: ".spec.peerAddress" },
    { name: "ASN", type: "integer", jsonPath: ".spec.peerAsn" },
    { name: "Node", type: "string", jsonPath: ".spec.node" },
    { name: "Kind", type: "string", jsonPath: ".spec.kind" },
    { name: "Up", type: "integer", jsonPath: ".status.establishedCount" },
    readyColumn,
    { name: "Families", type: "string", jsonPath: ".spec.families", priority: 1 },
    { name: "Import", type: "string", jsonPath: ".spec.importPolicy", priority: 1 },
    { name: "Export", type: "string", jsonPath: ".spec.exportPolicy", priority: 1 },
  ],
  validate: (peer) => [
    ...(peer.spec.node !== undefined && peer.spec.nodeSelector !== undefined
      ? [forbidden("spec.nodeSelector", "spec.node is set too, want one of them")]
      : []),
    ...sourceErrors(peer),
  ],
  validateUpdate: noRules,
});

function sourceErrors({ spec: { peerAddress, sourceAddress } }: BGPPeer): FieldError[] {
  if (sourceAddress === undefined) return [];
  if (sourceAddress === peerAddress) {
    return [invalid("spec.sourceAddress", sourceAddress, "is the address of the neighbour")];
  }
  const wanted = familyOfIp(peerAddress);
  return familyOfIp(sourceAddress) === wanted
    ? []
    : [invalid("spec.sourceAddress", sourceAddress, `want IPv${wanted} as spec.peerAddress`)];
}
