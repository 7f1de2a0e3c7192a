/** BGPPeer: one neighbour of one node, or of a group of nodes. */
import { forbidden, invalid } from "../field-error.ts";
import type { BGPPeer, BGPPeerSpec } from "../gen/bgp-peer.gen.ts";
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

const unicastFamilies = ["IPv4Unicast", "IPv6Unicast"] as const;
const vpnFamilies = ["VPNv4Unicast", "VPNv6Unicast", "EVPN", "RouteTarget"] as const;

const secretRef = object(
  "The key of a Secret that holds the TCP-MD5 password (RFC 2385) of the session.",
  {
    namespace: nameOf("Namespace", "Where the Secret is"),
    name: nameOf("Secret", "Its name"),
    key: text("The key in its data.", { minLength: 1, maxLength: 253, default: "password" }),
  },
  ["namespace", "name"],
);

const tls = object(
  "The session runs inside TLS 1.3 with certificates on both sides.",
  {
    serverName: text("DNS name that the certificate of the neighbour must bear.", {
      minLength: 1,
      maxLength: 253,
      pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
    }),
  },
  ["serverName"],
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
  BGPPeerTls: tls,
};

const spec = object(
  "The wanted session.",
  {
    node: nameOf("Node", "The node that peers; those of nodeSelector when absent"),
    nodeSelector: labelSelector("The nodes that peer; all when absent, unless node is set."),
    peerAddress: formatted("ip", "Address of the neighbour."),
    port: integer("TCP port of the neighbour.", [1, 65_535], { default: 179 }),
    peerAsn: asn("Autonomous system number of the neighbour; any other one is refused."),
    kind: oneOf(
      "fabric: a switch of another AS, to which nodes announce their own prefixes. reflector: a route reflector of the nodes' AS, with which they exchange VPN routes; none of its routes enters the kernel's tables.",
      ["fabric", "reflector"],
      { default: "fabric" },
    ),
    families: list(
      "Address families of the session (RFC 4760). When absent IPv4Unicast and IPv6Unicast with a fabric peer; VPNv4Unicast, VPNv6Unicast, EVPN and RouteTarget with a reflector.",
      oneOf("An address family.", [...unicastFamilies, ...vpnFamilies]),
      8,
      { minItems: 1, "x-kubernetes-list-type": "set" },
    ),
    bfd: bfdOverride,
    passwordSecretRef: secretRef,
    tls,
    sourceAddress: formatted(
      "ip",
      "Own address of the session; the one that routing chooses when absent.",
    ),
    importPolicy: oneOf(
      "Which routes are accepted from the neighbour. When absent AcceptDefaultOnly from a fabric peer, AcceptAll from a reflector: of VPN routes a node takes what its VPCs import.",
      ["AcceptDefaultOnly", "AcceptAll", "RejectAll"],
    ),
    exportPolicy: oneOf(
      "Which routes are announced to the neighbour. AnnounceOwn: the blocks and fixed addresses of the node, to a reflector those of its VPCs.",
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
    ...sessionErrors(peer),
    ...(peer.spec.kind === "reflector" ? reflectorErrors(peer) : fabricErrors(peer)),
  ],
  validateUpdate: noRules,
});

/** The families of the session, which follow from its kind where the object does not say. */
export function bgpPeerFamilies({ kind, families }: BGPPeerSpec): BGPPeerFamilies {
  if (families !== undefined) return families;
  return kind === "reflector" ? vpnFamilies : unicastFamilies;
}

export type BGPPeerFamilies = NonNullable<BGPPeerSpec["families"]>;

/** As {@link bgpPeerFamilies}. */
export function bgpPeerImportPolicy({ kind, importPolicy }: BGPPeerSpec): BGPPeerImportPolicy {
  if (importPolicy !== undefined) return importPolicy;
  return kind === "reflector" ? "AcceptAll" : "AcceptDefaultOnly";
}

export type BGPPeerImportPolicy = NonNullable<BGPPeerSpec["importPolicy"]>;

function sessionErrors({ spec }: BGPPeer): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.tls !== undefined && spec.passwordSecretRef !== undefined) {
    errors.push(forbidden("spec.passwordSecretRef", "spec.tls is set too, want one of them"));
  }
  return errors;
}

/** Leaves route the native network; what is in VPCs is not for them. */
function fabricErrors({ spec }: BGPPeer): FieldError[] {
  return bgpPeerFamilies(spec).flatMap((family, i) =>
    isVpnFamily(family)
      ? [invalid(`spec.families[${i}]`, family, "want it with kind reflector only")]
      : [],
  );
}

function reflectorErrors({ spec }: BGPPeer): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.importPolicy === "AcceptDefaultOnly") {
    const want = "a reflector sends no default routes, want AcceptAll or RejectAll";
    errors.push(invalid("spec.importPolicy", spec.importPolicy, want));
  }
  if (spec.bfd?.enabled === true) {
    errors.push(forbidden("spec.bfd", "a reflector is not in the path of packets, want none"));
  }
  const families = bgpPeerFamilies(spec);
  if (families.includes("RouteTarget") && families.filter(isVpnFamily).length === 1) {
    const want = "memberships select VPN routes, want a family of those too";
    errors.push(invalid(`spec.families[${families.indexOf("RouteTarget")}]`, "RouteTarget", want));
  }
  return errors;
}

function isVpnFamily(family: BGPPeerFamilies[number]): boolean {
  return vpnFamilies.some((each) => each === family);
}

function sourceErrors({ spec }: BGPPeer): FieldError[] {
  const { peerAddress, sourceAddress } = spec;
  if (sourceAddress === undefined) return [];
  if (spec.node === undefined && spec.nodeSelector === undefined) {
    const want = "all nodes would speak from it, want spec.node or spec.nodeSelector";
    return [forbidden("spec.sourceAddress", want)];
  }
  if (sourceAddress === peerAddress) {
    return [invalid("spec.sourceAddress", sourceAddress, "is the address of the neighbour")];
  }
  const wanted = familyOfIp(peerAddress);
  return familyOfIp(sourceAddress) === wanted
    ? []
    : [invalid("spec.sourceAddress", sourceAddress, `want IPv${wanted} as spec.peerAddress`)];
}
