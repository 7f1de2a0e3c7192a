import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BGPPeer,
  bgpConfigurationKind,
  bgpPeerKind,
  defaulted,
  type Fabric,
  fabricKind,
  type Link,
  linkKind,
  nodeKind,
  type Undefaulted,
} from "@heddle/api";
import { formatIp } from "@heddle/inet";
import { planNodeBgp } from "./plan-node-bgp.ts";

const apiVersion = "heddle.io/v1alpha1" as const;
const node = defaulted(nodeKind, {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node1", labels: { rack: "a" } },
});

const fabric: Fabric = defaulted(fabricKind, {
  apiVersion,
  kind: "Fabric",
  metadata: { name: "dc1" },
  spec: { asn: 65201, nodeAsn: 65203, loopbackCidr: "10.255.0.0/24" },
});

function link(name: string, kind: Link["spec"]["kind"], leaf: string, index: number): Link {
  return defaulted(linkKind, {
    apiVersion,
    kind: "Link",
    metadata: { name },
    spec: {
      fabric: "dc1",
      kind,
      a: {
        switch: leaf,
        interface: "node1",
        addresses: [`172.16.0.${index}/31`, `fd00:172:16::${index}/127`],
      },
      b: {
        node: "node1",
        interface: leaf,
        addresses: [`172.16.0.${index + 1}/31`, `fd00:172:16::${index + 1}/127`],
      },
    },
  });
}

const topology = {
  node,
  links: [link("leaf1-node1", "tenant", "leaf1", 0), link("leaf2-node1", "tenant", "leaf2", 2)],
  fabrics: [fabric],
  configurations: [],
  peers: [],
  vpcs: [],
};

test("planNodeBgp() derives one session per tenant link", () => {
  const plan = planNodeBgp({
    ...topology,
    links: [...topology.links, link("u1", "underlay", "leaf1", 4)],
  });
  assert.deepEqual(plan.problems, []);
  assert.deepEqual(plan.uplinks, ["leaf1", "leaf2"]);
  assert.equal(plan.bgp?.asn, 65203);
  assert.equal(formatIp(plan.bgp?.routerId ?? assert.fail()), "172.16.0.3");
  const shown = plan.bgp?.peers.map((peer) => [
    peer.origin,
    formatIp(peer.address),
    peer.asn,
    formatIp(peer.localAddress ?? assert.fail()),
    formatIp(peer.nextHop6 ?? assert.fail()),
    peer.importPolicy,
  ]);
  assert.deepEqual(shown, [
    ["link/leaf1-node1", "172.16.0.0", 65201, "172.16.0.1", "fd00:172:16::1", "AcceptDefaultOnly"],
    ["link/leaf2-node1", "172.16.0.2", 65201, "172.16.0.3", "fd00:172:16::3", "AcceptDefaultOnly"],
  ]);
});

test("planNodeBgp() adds the BGPPeers that select the node and no others", () => {
  const peer = (name: string, selector: Record<string, string>): BGPPeer =>
    defaulted(bgpPeerKind, {
      apiVersion,
      kind: "BGPPeer",
      metadata: { name },
      spec: {
        peerAddress: "192.0.2.1",
        peerAsn: 65000,
        kind: "fabric",
        nodeSelector: { matchLabels: selector },
        sourceAddress: "192.0.2.2",
      },
    });
  const peers = [peer("rack-a", { rack: "a" }), peer("rack-b", { rack: "b" })];
  const plan = planNodeBgp({ ...topology, peers });
  assert.deepEqual(
    plan.bgp?.peers.map((p) => p.origin),
    ["bgppeer/rack-a", "link/leaf1-node1", "link/leaf2-node1"],
  );
});

test("planNodeBgp() takes the first BGPConfiguration by name that selects the node", () => {
  const configuration = (name: string, asn: number, rack: string) =>
    defaulted(bgpConfigurationKind, {
      apiVersion,
      kind: "BGPConfiguration",
      metadata: { name },
      spec: { asn, holdTimeSeconds: 30, nodeSelector: { matchLabels: { rack } } },
    });
  const configurations = [
    configuration("z", 1, "a"),
    configuration("b", 2, "a"),
    configuration("a", 3, "b"),
  ];
  const plan = planNodeBgp({ ...topology, configurations });
  assert.deepEqual([plan.bgp?.asn, plan.bgp?.holdTimeMs, plan.bgp?.keepaliveMs], [2, 30000, 10000]);
});

test("planNodeBgp() names what it leaves out and keeps the rest", () => {
  const broken = link("broken", "tenant", "leaf9", 6);
  const unnumbered = {
    ...broken,
    spec: { ...broken.spec, a: { ...broken.spec.a, addresses: [] } },
  };
  const plan = planNodeBgp({ ...topology, links: [...topology.links, unnumbered] });
  assert.equal(plan.bgp?.peers.length, 2);
  assert.deepEqual(plan.problems, ["link/broken: the leaf's end has no address"]);
  const alone = planNodeBgp({ ...topology, links: [], fabrics: [] });
  assert.equal(alone.bgp, undefined);
  assert.match(alone.problems[0] ?? "", /no BGPConfiguration selects the node/);
});

test("planNodeBgp() takes the router id from the Node, so that links do not change it", () => {
  const addresses = [
    { type: "InternalIP", address: "fd00::1" },
    { type: "InternalIP", address: "198.18.0.11" },
  ];
  const plan = planNodeBgp({ ...topology, node: { ...node, status: { addresses } } });
  assert.equal(formatIp(plan.bgp?.routerId ?? assert.fail()), "198.18.0.11");
  const broken = { addresses: [{ type: "InternalIP", address: "nowhere" }] };
  const other = planNodeBgp({ ...topology, node: { ...node, status: broken } });
  assert.equal(formatIp(other.bgp?.routerId ?? assert.fail()), "172.16.0.3");
  assert.match(other.problems[0] ?? "", /^Node node1: Cannot parse IPv4 address "nowhere"/);
});

function bgpPeer(name: string, spec: Undefaulted<BGPPeer["spec"]>): BGPPeer {
  return defaulted(bgpPeerKind, { apiVersion, kind: "BGPPeer", metadata: { name }, spec });
}

test("planNodeBgp() dials route servers as their BGPPeers say, without BFD", () => {
  const tls = { serverName: "rs1.route-servers.heddle" };
  const spec = {
    kind: "reflector",
    peerAddress: "198.18.0.2",
    peerAsn: 65203,
    port: 1790,
  } as const;
  const plan = planNodeBgp({ ...topology, peers: [bgpPeer("rs1", { ...spec, tls })] });
  assert.deepEqual(plan.problems, []);
  const [first] = plan.bgp?.peers ?? [];
  assert.deepEqual(
    [first?.origin, first?.port, first?.tlsName, first?.importPolicy, first?.bfd.enabled],
    ["bgppeer/rs1", 1790, "rs1.route-servers.heddle", "AcceptAll", false],
  );
  assert.deepEqual(first?.families, ["VPNv4Unicast", "VPNv6Unicast", "EVPN", "RouteTarget"]);
});

test("planNodeBgp() keeps a peer that cannot be from taking the others down", () => {
  const peers = [
    bgpPeer("alien", { kind: "reflector", peerAddress: "198.18.0.2", peerAsn: 65000 }),
    bgpPeer("inner", { kind: "fabric", peerAddress: "198.18.0.3", peerAsn: 65203 }),
    bgpPeer("twice", { kind: "fabric", peerAddress: "172.16.0.0", peerAsn: 65201 }),
  ];
  const plan = planNodeBgp({ ...topology, peers });
  assert.deepEqual(plan.bgp?.peers.length, 2);
  assert.deepEqual([...plan.refused.keys()], ["bgppeer/alien", "bgppeer/inner", "bgppeer/twice"]);
  assert.deepEqual(plan.problems, [
    "bgppeer/alien: a reflector peer in AS 65000, want the nodes' 65203",
    "bgppeer/inner: a fabric peer in AS 65203, want that of a switch, or kind reflector",
    "bgppeer/twice: 172.16.0.0 is the address of link/leaf1-node1 already",
  ]);
});
