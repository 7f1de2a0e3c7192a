import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiVersionOf,
  defaulted,
  formatFieldError,
  type KubeObject,
  kinds,
  type ResourceKind,
  validate,
  validateUpdate,
} from "./mod.ts";
import { isJsonObject, type JsonObject } from "./schema/json.ts";

interface Change {
  /** Sets the field at this path; undefined removes it. */
  readonly at: string;
  readonly to: unknown;
  readonly error: string;
}

interface Case {
  readonly name: string;
  readonly body: JsonObject;
  readonly bad: readonly Change[];
  /** Changes of the good object that an update refuses. */
  readonly fixed: readonly Change[];
}

const host = (name: string, addresses: readonly string[]): JsonObject => ({
  node: name,
  interface: "eth1",
  addresses,
});

const cases: Readonly<Record<string, Case>> = {
  Vpc: {
    name: "blue",
    body: { spec: { routeDistinguisher: "65201:100", importRouteTargets: ["65201:100"] } },
    bad: [
      {
        at: "spec.importRouteTargets",
        to: ["blue"],
        error:
          'spec.importRouteTargets[0]: Invalid value: "blue": not a route target: want administrator:number',
      },
      {
        at: "spec.exportRouteTargets",
        to: ["1:1", "1:1"],
        error: 'spec.exportRouteTargets[1]: Duplicate value: "1:1"',
      },
      {
        at: "spec.routeDistinguisher",
        to: "4200000000:65536",
        error:
          'spec.routeDistinguisher: Invalid value: "4200000000:65536": not a route distinguisher: number 65536, want at most 65535',
      },
      {
        at: "status",
        to: { vrfId: -1 },
        error: "status.vrfId: Invalid value: -1: want 0 to 4294967295",
      },
      {
        at: "spec.importRouteTarget",
        to: [],
        error:
          'spec.importRouteTarget: Forbidden: unknown field "importRouteTarget", did you mean "importRouteTargets"',
      },
    ],
    fixed: [
      {
        at: "spec.routeDistinguisher",
        to: "65201:101",
        error: 'spec.routeDistinguisher: Invalid value: "65201:101": field is immutable',
      },
    ],
  },
  Subnet: {
    name: "default",
    body: {
      spec: {
        cidrs: ["10.244.0.0/16", "fd00:10:244::/48"],
        gateways: ["10.244.0.1"],
        excludedAddresses: ["10.244.255.0/24", "fd00:10:244::1"],
      },
    },
    bad: [
      { at: "spec.cidrs", to: undefined, error: "spec.cidrs: Required value: is missing" },
      { at: "spec.cidrs", to: [], error: "spec.cidrs: Required value: want at least 1" },
      {
        at: "spec.cidrs",
        to: ["10.244.0.1/16"],
        error:
          'spec.cidrs[0]: Invalid value: "10.244.0.1/16": not a prefix: host bits are set, want 10.244.0.0/16',
      },
      {
        at: "spec.cidrs",
        to: ["10.244.0.0/33"],
        error:
          'spec.cidrs[0]: Invalid value: "10.244.0.0/33": not a prefix: length 33, want 0 to 32',
      },
      {
        at: "spec.cidrs",
        to: ["10.244.0.0/16", "10.244.0.0/17"],
        error:
          'spec.cidrs[1]: Invalid value: "IPv4": spec.cidrs[0] is IPv4 too, want at most one per family',
      },
      {
        at: "spec.cidrs",
        to: ["224.0.0.0/16"],
        error:
          'spec.cidrs[0]: Invalid value: "224.0.0.0/16": overlaps 224.0.0.0/3 (multicast and reserved), want a unicast prefix',
      },
      {
        at: "spec.gateways",
        to: ["10.245.0.1"],
        error:
          'spec.gateways[0]: Invalid value: "10.245.0.1": outside the subnet, want an address in 10.244.0.0/16 or fd00:10:244::/48',
      },
      {
        at: "spec.excludedAddresses",
        to: ["10.0.0.0/8"],
        error:
          'spec.excludedAddresses[0]: Invalid value: "10.0.0.0/8": outside the subnet, want an address in 10.244.0.0/16 or fd00:10:244::/48',
      },
      {
        at: "spec.transport",
        to: "pigeon",
        error: 'spec.transport: Unsupported value: "pigeon": supported values: "native"',
      },
      {
        at: "spec.default",
        to: "yes",
        error: 'spec.default: Invalid value: "yes": is string, want boolean',
      },
      {
        at: "spec.gateway",
        to: "10.244.0.1",
        error: 'spec.gateway: Forbidden: unknown field "gateway", did you mean "gateways"',
      },
      {
        at: "metadata.name",
        to: "Default",
        error:
          "metadata.name: Invalid value: \"Default\": want an RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', alphanumeric at both ends",
      },
      {
        at: "metadata.namespace",
        to: "x",
        error: "metadata.namespace: Forbidden: Subnet has no namespace",
      },
    ],
    fixed: [
      { at: "spec.vpc", to: "blue", error: 'spec.vpc: Invalid value: "blue": field is immutable' },
      {
        at: "spec.cidrs",
        to: ["10.244.0.0/16"],
        error:
          'spec.cidrs: Invalid value: ["10.244.0.0/16"]: fd00:10:244::/48 is gone, want existing prefixes kept',
      },
    ],
  },
  IPPool: {
    name: "default-v4",
    body: { spec: { subnet: "default", cidr: "10.244.0.0/16", blockLength: 26 } },
    bad: [
      {
        at: "spec.blockLength",
        to: 15,
        error: "spec.blockLength: Invalid value: 15: want 16 to 32 for 10.244.0.0/16",
      },
      {
        at: "spec.blockLength",
        to: 122,
        error: "spec.blockLength: Invalid value: 122: want 16 to 32 for 10.244.0.0/16",
      },
      { at: "spec.subnet", to: undefined, error: "spec.subnet: Required value: is missing" },
      { at: "spec.subnet", to: "", error: "spec.subnet: Required value: is empty" },
      {
        at: "spec.allocation",
        to: "fixed",
        error: 'spec.allocation: Unsupported value: "fixed": supported values: "Dynamic", "Fixed"',
      },
      {
        at: "spec.cidr",
        to: "10.244.0.0",
        error: 'spec.cidr: Invalid value: "10.244.0.0": not a prefix: want address/length',
      },
    ],
    fixed: [
      {
        at: "spec.blockLength",
        to: 27,
        error: "spec.blockLength: Invalid value: 27: field is immutable",
      },
    ],
  },
  IPBlock: {
    name: "10-244-0-64-26",
    body: {
      spec: {
        pool: "default-v4",
        subnet: "default",
        cidr: "10.244.0.64/26",
        node: "node1",
        lent: [{ address: "10.244.0.70", node: "node2" }],
      },
    },
    bad: [
      {
        at: "metadata.name",
        to: "mine",
        error: 'metadata.name: Invalid value: "mine": want 10-244-0-64-26 for 10.244.0.64/26',
      },
      {
        at: "spec.lent",
        to: [{ address: "10.244.0.1", node: "node2" }],
        error:
          'spec.lent[0].address: Invalid value: "10.244.0.1": outside the block 10.244.0.64/26',
      },
      {
        at: "spec.lent",
        to: [{ address: "10.244.0.70", node: "node1" }],
        error: 'spec.lent[0].node: Invalid value: "node1": is the owner, want another node',
      },
      {
        at: "spec.lent",
        to: [
          { address: "10.244.0.70", node: "node2" },
          { address: "10.244.0.70", node: "node3" },
        ],
        error: 'spec.lent[1]: Duplicate value: {"address":"10.244.0.70"}',
      },
      {
        at: "spec.lent",
        to: [{ address: "10.244.0.70" }],
        error: "spec.lent[0].node: Required value: is missing",
      },
    ],
    fixed: [
      {
        at: "spec.cidr",
        to: "10.244.0.128/26",
        error: 'spec.cidr: Invalid value: "10.244.0.128/26": field is immutable',
      },
      { at: "spec.pool", to: "x", error: 'spec.pool: Invalid value: "x": field is immutable' },
    ],
  },
  IPClaim: {
    name: "licence",
    body: {
      spec: {
        addresses: ["10.244.9.9"],
        owner: { kind: "StatefulSet", name: "db", ordinal: 0 },
      },
      status: {
        phase: "Bound",
        addresses: ["10.244.9.9"],
        holder: { node: "node1", containerId: "c1", since: "2026-01-02T03:04:05Z" },
      },
    },
    bad: [
      {
        at: "spec.addresses",
        to: ["10.244.9.9", "10.244.9.10"],
        error:
          'spec.addresses[1]: Invalid value: "IPv4": spec.addresses[0] is IPv4 too, want at most one per family',
      },
      {
        at: "spec.addresses",
        to: ["10.244.9"],
        error:
          'spec.addresses[0]: Invalid value: "10.244.9": not an IPv4 address: want four decimal octets',
      },
      {
        at: "spec.pod",
        to: "db-0",
        error: "spec.owner: Forbidden: spec.pod is set too, want one of them",
      },
      {
        at: "spec.owner",
        to: { kind: "StatefulSet", name: "db", ordinal: -1 },
        error: "spec.owner.ordinal: Invalid value: -1: want 0 to 2147483647",
      },
      {
        at: "status.holder",
        to: undefined,
        error: "status.phase: Forbidden: Bound without status.holder",
      },
      {
        at: "status.holder.since",
        to: "yesterday",
        error:
          'status.holder.since: Invalid value: "yesterday": not an RFC 3339 time: want the form 2006-01-02T15:04:05Z',
      },
    ],
    fixed: [
      {
        at: "spec.addresses",
        to: [],
        error: "spec.addresses: Invalid value: []: field is immutable",
      },
    ],
  },
  Port: {
    name: "web-0-eth0",
    body: {
      spec: {
        pod: { name: "web-0", uid: "u1" },
        node: "node1",
        containerId: "c1",
        ifname: "eth0",
        subnet: "default",
        mac: "02:00:0a:f4:00:05",
        addresses: ["10.244.0.5", "fd00:10:244::5"],
      },
      status: { phase: "Active" },
    },
    bad: [
      {
        at: "spec.mac",
        to: "02:00:0a",
        error:
          'spec.mac: Invalid value: "02:00:0a": not a MAC address: want six octets in hexadecimal, separated by colons',
      },
      {
        at: "spec.ifname",
        to: "an-interface-name",
        error:
          'spec.ifname: Invalid value: "an-interface-name": not an interface name: want 1 to 15 characters without spaces, slashes and colons',
      },
      {
        at: "spec.addresses",
        to: ["10.244.0.5", "10.244.0.6", "10.244.0.7"],
        error: "spec.addresses: Too many: 3: must have at most 2 items",
      },
      {
        at: "spec.pod",
        to: "web-0",
        error: 'spec.pod: Invalid value: "web-0": is string, want object',
      },
      {
        at: "metadata.namespace",
        to: undefined,
        error: "metadata.namespace: Required value: Port needs a namespace",
      },
      {
        at: "status.phase",
        to: "Ready",
        error:
          'status.phase: Unsupported value: "Ready": supported values: "Requested", "Allocated", "HostReady", "FabricReady", "Active", "Draining", "Failed"',
      },
    ],
    fixed: [
      {
        at: "spec.node",
        to: "node2",
        error: 'spec.node: Invalid value: "node2": field is immutable',
      },
      {
        at: "status.phase",
        to: "Allocated",
        error:
          'status.phase: Invalid value: "Allocated": Active cannot become Allocated, want HostReady or Draining or Failed',
      },
    ],
  },
  BGPConfiguration: {
    name: "default",
    body: { spec: { asn: 65203, communities: ["65203:100", "65203:1:100"] } },
    bad: [
      { at: "spec.asn", to: 0, error: "spec.asn: Invalid value: 0: want 1 to 4294967295" },
      {
        at: "spec.asn",
        to: "65203",
        error: 'spec.asn: Invalid value: "65203": is string, want integer',
      },
      {
        at: "spec.holdTimeSeconds",
        to: 1,
        error:
          "spec.holdTimeSeconds: Invalid value: 1: want 0 or at least 3 (RFC 4271 section 4.2)",
      },
      {
        at: "spec.keepaliveSeconds",
        to: 31,
        error: "spec.keepaliveSeconds: Invalid value: 31: want at most a third of hold time 90",
      },
      {
        at: "spec.communities",
        to: ["65536:1"],
        error:
          'spec.communities[0]: Invalid value: "65536:1": not a community: want two numbers up to 65535 or three up to 4294967295, joined by colons',
      },
      {
        at: "spec.gracefulRestart.restartTimeSeconds",
        to: 4096,
        error: "spec.gracefulRestart.restartTimeSeconds: Invalid value: 4096: want 1 to 4095",
      },
      {
        at: "spec.bfd.minTransmitMs",
        to: 1.5,
        error: "spec.bfd.minTransmitMs: Invalid value: 1.5: is a number, want integer",
      },
      {
        at: "spec.monitoringStations",
        to: [{ address: "station", port: 1790 }],
        error:
          'spec.monitoringStations[0].address: Invalid value: "station": not an IPv4 address: want four decimal octets',
      },
      {
        at: "spec.monitoringStations",
        to: [
          { address: "192.0.2.1", port: 1790 },
          { address: "192.0.2.1", port: 1790, views: ["LocRib"] },
        ],
        error: 'spec.monitoringStations[1]: Duplicate value: "192.0.2.1 port 1790"',
      },
    ],
    fixed: [],
  },
  BGPPeer: {
    name: "node1-leaf1",
    body: { spec: { node: "node1", peerAddress: "172.16.0.0", peerAsn: 65201 } },
    bad: [
      {
        at: "spec.nodeSelector",
        to: { matchLabels: { rack: "a" } },
        error: "spec.nodeSelector: Forbidden: spec.node is set too, want one of them",
      },
      {
        at: "spec.peerAddress",
        to: "leaf1",
        error:
          'spec.peerAddress: Invalid value: "leaf1": not an IPv4 address: want four decimal octets',
      },
      {
        at: "spec.sourceAddress",
        to: "fd00::1",
        error: 'spec.sourceAddress: Invalid value: "fd00::1": want IPv4 as spec.peerAddress',
      },
      {
        at: "spec.sourceAddress",
        to: "172.16.0.0",
        error: 'spec.sourceAddress: Invalid value: "172.16.0.0": is the address of the neighbour',
      },
      {
        at: "spec.families",
        to: ["IPv4Unicast", "IPv4Unicast"],
        error: 'spec.families[1]: Duplicate value: "IPv4Unicast"',
      },
      { at: "spec.families", to: [], error: "spec.families: Required value: want at least 1" },
      {
        at: "spec.families",
        to: ["IPv4Unicast", "EVPN"],
        error: 'spec.families[1]: Invalid value: "EVPN": want it with kind reflector only',
      },
      {
        at: "spec.passwordSecretRef",
        to: { name: "bgp" },
        error: "spec.passwordSecretRef.namespace: Required value: is missing",
      },
    ],
    fixed: [],
  },
  Fabric: {
    name: "lab",
    body: {
      spec: {
        loopbackCidr: "10.255.0.0/24",
        vrfs: [{ name: "tenant", vni: 10100, routeTarget: "65201:10100" }],
      },
    },
    bad: [
      {
        at: "spec.nodeAsn",
        to: 65201,
        error:
          "spec.nodeAsn: Invalid value: 65201: equals spec.asn, want eBGP between nodes and leaves",
      },
      {
        at: "spec.underlay.deadIntervalSeconds",
        to: 1,
        error:
          "spec.underlay.deadIntervalSeconds: Invalid value: 1: want more than helloIntervalSeconds 1",
      },
      {
        at: "spec.underlay.area",
        to: "backbone",
        error:
          'spec.underlay.area: Invalid value: "backbone": not an IPv4 address: want four decimal octets',
      },
      {
        at: "spec.vrfs",
        to: [
          { name: "tenant", vni: 10100, routeTarget: "65201:10100" },
          { name: "other", vni: 10100, routeTarget: "65201:10101" },
        ],
        error: "spec.vrfs[1].vni: Invalid value: 10100: VRF tenant has it too, want one of its own",
      },
      {
        at: "spec.vrfs",
        to: [{ name: "tenant", vni: 16777216, routeTarget: "65201:10100" }],
        error: "spec.vrfs[0].vni: Invalid value: 16777216: want 1 to 16777215",
      },
      { at: "spec.mtu", to: 100, error: "spec.mtu: Invalid value: 100: want 1500 to 9216" },
    ],
    fixed: [
      { at: "spec.asn", to: 65300, error: "spec.asn: Invalid value: 65300: field is immutable" },
    ],
  },
  Switch: {
    name: "leaf1",
    body: { spec: { fabric: "lab", role: "leaf", rack: "a", loopback: "10.255.0.11" } },
    bad: [
      {
        at: "spec.role",
        to: "core",
        error: 'spec.role: Unsupported value: "core": supported values: "spine", "leaf", "border"',
      },
      {
        at: "spec.loopback",
        to: "fd00::1",
        error:
          'spec.loopback: Invalid value: "fd00::1": not an IPv4 address: want four decimal octets',
      },
      {
        at: "spec.driver",
        to: { type: "telnet" },
        error: 'spec.driver.type: Unsupported value: "telnet": supported values: "frr"',
      },
    ],
    fixed: [
      {
        at: "spec.role",
        to: "spine",
        error: 'spec.role: Invalid value: "spine": field is immutable',
      },
    ],
  },
  Link: {
    name: "node1-leaf1",
    body: {
      spec: {
        fabric: "lab",
        kind: "tenant",
        vrf: "tenant",
        a: {
          switch: "leaf1",
          interface: "eth1",
          addresses: ["172.16.0.0/31", "fd00:172:16::/127"],
        },
        b: host("node1", ["172.16.0.1/31", "fd00:172:16::1/127"]),
      },
    },
    bad: [
      {
        at: "spec.b",
        to: host("node1", ["172.16.0.3/31"]),
        error:
          'spec.b.addresses[0]: Invalid value: "172.16.0.3/31": outside 172.16.0.0/31 of spec.a, want both ends in one prefix',
      },
      {
        at: "spec.b",
        to: host("node1", ["172.16.0.0/31"]),
        error:
          'spec.b.addresses[0]: Invalid value: "172.16.0.0/31": is the address of spec.a too, want two addresses',
      },
      {
        at: "spec.b",
        to: host("node1", ["172.16.0.1"]),
        error:
          'spec.b.addresses[0]: Invalid value: "172.16.0.1": not a prefix: want address/length',
      },
      {
        at: "spec.b",
        to: { node: "node1", device: "bm1", interface: "eth1" },
        error: "spec.b: Forbidden: want only one of switch, node, device",
      },
      {
        at: "spec.b",
        to: { interface: "eth1" },
        error: "spec.b: Required value: want one of switch, node, device",
      },
      {
        at: "spec.b",
        to: { switch: "leaf1", interface: "eth1" },
        error: 'spec.b: Invalid value: "leaf1:eth1": is spec.a too, want two interfaces',
      },
      {
        at: "spec.a.addresses",
        to: ["172.16.0.255/24"],
        error:
          'spec.a.addresses[0]: Invalid value: "172.16.0.255/24": is the broadcast address of 172.16.0.0/24',
      },
      {
        at: "spec.vrf",
        to: undefined,
        error: "spec.vrf: Required value: want the VRF of a tenant link",
      },
      {
        at: "spec.kind",
        to: "fabric",
        error: "spec.vrf: Forbidden: a link of kind fabric is in the default VRF",
      },
    ],
    fixed: [],
  },
};

/** A copy of `value` with the field at `path` set, or removed when `to` is undefined. */
function withField(value: unknown, path: readonly string[], to: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return to;
  const object = isJsonObject(value) ? value : {};
  const field = withField(object[name], rest, to);
  const { [name]: _removed, ...others } = object;
  return field === undefined ? others : { ...object, [name]: field };
}

function goodObject(kind: ResourceKind): KubeObject {
  const sample = caseOf(kind);
  const namespace = kind.namespaced ? { namespace: "prod" } : {};
  return defaulted(kind, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: sample.name, ...namespace },
    ...sample.body,
  });
}

function caseOf(kind: ResourceKind): Case {
  const sample = cases[kind.kind];
  assert.ok(sample !== undefined, `no case for ${kind.kind}`);
  return sample;
}

function changed(object: KubeObject, change: Change): KubeObject {
  return withField(object, change.at.split("."), change.to) as KubeObject;
}

for (const kind of kinds) {
  test(`${kind.kind}: a good object is valid`, () => {
    assert.deepEqual(validate(kind, goodObject(kind)).map(formatFieldError), []);
    assert.deepEqual(validateUpdate(kind, goodObject(kind), goodObject(kind)), []);
  });
  for (const bad of caseOf(kind).bad) {
    test(`${kind.kind}: ${bad.error.slice(0, 90)}`, () => {
      const errors = validate(kind, changed(goodObject(kind), bad)).map(formatFieldError);
      assert.ok(errors.includes(bad.error), errors.join("\n"));
    });
  }
  for (const fixed of caseOf(kind).fixed) {
    test(`${kind.kind}: update refuses ${fixed.at}`, () => {
      const next = changed(goodObject(kind), fixed);
      const errors = validateUpdate(kind, next, goodObject(kind)).map(formatFieldError);
      assert.equal(errors[0], fixed.error);
    });
  }
}
