import assert from "node:assert/strict";
import { test } from "node:test";
import type { BGPPeer, BGPPeerSpec } from "../gen/bgp-peer.gen.ts";
import { defaulted, validate } from "../validate.ts";
import { bgpPeerFamilies, bgpPeerImportPolicy, bgpPeerKind } from "./bgp-peer.ts";

function peer(spec: Partial<BGPPeerSpec>): BGPPeer {
  const common = { peerAddress: "198.18.0.2", peerAsn: 65203, kind: "reflector" } as const;
  return defaulted(bgpPeerKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "BGPPeer",
    metadata: { name: "rs1" },
    spec: { ...common, ...spec },
  });
}

function errorsOf(spec: Partial<BGPPeerSpec>): string[] {
  return bgpPeerKind.validate(peer(spec)).map(({ path, message }) => `${path}: ${message}`);
}

test("families and import policy follow from the kind where the object does not say", () => {
  const shown = ({ spec }: BGPPeer) => [
    bgpPeerFamilies(spec).join(" "),
    bgpPeerImportPolicy(spec),
    spec.port,
  ];
  assert.deepEqual(shown(peer({})), [
    "VPNv4Unicast VPNv6Unicast EVPN RouteTarget",
    "AcceptAll",
    179,
  ]);
  const fabric = peer({ kind: "fabric", port: 1179 });
  assert.deepEqual(shown(fabric), ["IPv4Unicast IPv6Unicast", "AcceptDefaultOnly", 1179]);
  const said = peer({ families: ["EVPN"], importPolicy: "RejectAll" });
  assert.deepEqual(shown(said), ["EVPN", "RejectAll", 179]);
});

test("a reflector over TLS is what the lab and the example have", () => {
  const tls = { serverName: "rs1.route-servers.heddle" };
  assert.deepEqual(errorsOf({ tls, port: 1790 }), []);
  assert.deepEqual(errorsOf({ families: ["IPv4Unicast", "EVPN", "RouteTarget"] }), []);
  assert.deepEqual(errorsOf({ importPolicy: "RejectAll" }), []);
});

const secret = { namespace: "heddle", name: "bgp", key: "password" };
const bfd = { enabled: true, minTransmitMs: 300, minReceiveMs: 300, detectMultiplier: 3 };

const refused: readonly (readonly [Partial<BGPPeerSpec>, string])[] = [
  [
    { tls: { serverName: "rs1" }, passwordSecretRef: secret },
    "spec.passwordSecretRef: spec.tls is set too, want one of them",
  ],
  [
    { kind: "fabric", families: ["IPv4Unicast", "VPNv4Unicast"] },
    "spec.families[1]: want it with kind reflector only",
  ],
  [
    { importPolicy: "AcceptDefaultOnly" },
    "spec.importPolicy: a reflector sends no default routes, want AcceptAll or RejectAll",
  ],
  [{ bfd }, "spec.bfd: a reflector is not in the path of packets, want none"],
  [
    { families: ["IPv4Unicast", "RouteTarget"] },
    "spec.families[1]: memberships select VPN routes, want a family of those too",
  ],
  [
    { sourceAddress: "198.18.0.11" },
    "spec.sourceAddress: all nodes would speak from it, want spec.node or spec.nodeSelector",
  ],
];

test("combinations that make no sense are refused, with the field", () => {
  for (const [spec, error] of refused) assert.deepEqual(errorsOf(spec), [error]);
});

test("the name of a certificate is a DNS name", () => {
  for (const serverName of ["", "-a", "Rs1", "a b", "192.0.2.1:179"]) {
    const [error] = validate(bgpPeerKind, peer({ tls: { serverName } }));
    assert.equal(error?.path, "spec.tls.serverName", serverName);
  }
});
