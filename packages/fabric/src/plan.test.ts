import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatIp,
  formatMac,
  formatPrefix,
  formatRouteDistinguisher,
  parseAsn,
  parseVni,
} from "@heddle/inet";
import fc from "fast-check";
import { FabricError } from "./errors.ts";
import type { Link } from "./model.ts";
import { parseLink, parseSwitch } from "./parse.ts";
import { planSwitches } from "./plan.ts";
import type { SwitchConfig } from "./switch-config.ts";
import { fabricObject, linkObject, sample, switchObject } from "./testing/sample.ts";

const { fabric, switches, links, nodes } = sample;

function plan(name: string): SwitchConfig {
  return planSwitches(fabric, switches, links, nodes).get(name) as SwitchConfig;
}

function linkNamed(name: string): Link {
  return links.find((link) => link.name === name) as Link;
}

test("planSwitches() peers a leaf with the spines and with its nodes, by exact address", () => {
  const leaf = plan("leaf1");
  assert.deepEqual(
    leaf.evpn.peers.map((peer) => `${peer.name} ${formatIp(peer.address)}`),
    ["spine1 10.255.0.1"],
  );
  const peers = leaf.vrfs.map((vrf) =>
    vrf.peers.map((peer) => `${peer.name} ${formatIp(peer.address)} AS${peer.asn}`),
  );
  assert.deepEqual(peers, [["node1 172.16.0.3 AS65203"], []]);
});

test("planSwitches() makes a spine a reflector for all VTEPs, without VRFs", () => {
  const spine = plan("spine1");
  assert.equal(spine.evpn.reflector, true);
  assert.deepEqual(
    spine.evpn.peers.map((peer) => peer.name),
    ["border1", "leaf1", "leaf2"],
  );
  assert.deepEqual(spine.vrfs, []);
});

test("planSwitches() gives every VTEP its own route distinguisher and router MAC", () => {
  const vteps = ["leaf1", "leaf2", "border1"].map(plan);
  assert.deepEqual(
    vteps.map((it) => formatRouteDistinguisher(it.vrfs[0]?.routeDistinguisher as never)),
    ["10.255.0.11:10100", "10.255.0.12:10100", "10.255.0.21:10100"],
  );
  assert.deepEqual(
    vteps.map((it) => formatMac(it.routerMac)),
    ["02:00:0a:ff:00:0b", "02:00:0a:ff:00:0c", "02:00:0a:ff:00:15"],
  );
});

test("planSwitches() leaves room for the encapsulation on links between switches only", () => {
  const mtus = plan("leaf1").interfaces.map((it) => [it.ifname, it.mtuBytes, it.ospf]);
  assert.deepEqual(mtus, [
    ["node1", 9000, undefined],
    ["node1-u", 9000, "passive"],
    ["spine1", 9100, "point-to-point"],
  ]);
});

test("planSwitches() lets nodes announce parts of the aggregates, not the aggregates", () => {
  const ranges = plan("leaf1").vrfs[0]?.nodeImport.map((it) => {
    return `${formatPrefix(it.prefix)} ${it.lengthMin}-${it.lengthMax}`;
  });
  assert.deepEqual(ranges, ["10.244.0.0/16 24-32", "fd00:10:244::/48 112-128"]);
});

test("planSwitches() peers only with nodes it is told of, and uses a node's own AS", () => {
  const leaf = (list: typeof nodes) => planSwitches(fabric, switches, links, list).get("leaf1");
  assert.deepEqual(leaf([])?.vrfs[0]?.peers, []);
  const own = leaf([{ name: "node1", asn: parseAsn(65300) }]);
  assert.equal(own?.vrfs[0]?.peers[0]?.asn, 65300);
});

test("planSwitches() ties the default route to the fabric only where there is another VTEP", () => {
  assert.equal(plan("leaf1").vrfs[0]?.defaultNeedsFabric, true);
  const alone = switches.filter(({ name }) => name === "spine1" || name === "leaf1");
  const own = links.filter(({ a }) => a.name === "leaf1");
  const lonely = planSwitches(fabric, alone, own, nodes).get("leaf1");
  assert.equal(lonely?.vrfs[0]?.defaultNeedsFabric, false);
});

test("planSwitches() does not depend on the order of its input", () => {
  const expected = planSwitches(fabric, switches, links, nodes);
  const shuffles = fc.tuple(
    fc.shuffledSubarray([...switches], { minLength: switches.length }),
    fc.shuffledSubarray([...links], { minLength: links.length }),
  );
  fc.assert(
    fc.property(shuffles, ([someSwitches, someLinks]) => {
      assert.deepEqual(planSwitches(fabric, someSwitches, someLinks, nodes), expected);
    }),
    { numRuns: 50 },
  );
});

const broken: readonly (readonly [string, () => unknown, string])[] = [
  [
    "two switches with one loopback",
    () => planSwitches(fabric, [...switches, { ...switches[1]!, name: "leaf9" }], links, nodes),
    "Cannot plan fabric: Switch/leaf9 spec.loopback: 10.255.0.11 is also the loopback of leaf1, want an own address",
  ],
  [
    "a switch defined twice",
    () => planSwitches(fabric, [...switches, switches[0]!], links, nodes),
    "Cannot plan fabric: Switch/spine1: defined twice",
  ],
  [
    "a link to an unknown switch",
    () => planSwitches(fabric, switches.slice(1), links, nodes),
    "Cannot plan fabric: Link/leaf1-spine1: no Switch/spine1",
  ],
  [
    "an interface used twice",
    () => {
      const twin: Link = {
        ...linkNamed("ext1-border1"),
        name: "twin",
        a: { ...linkNamed("ext1-border1").a, addresses: [] },
        b: { ...linkNamed("ext1-border1").b, addresses: [] },
      };
      return planSwitches(fabric, switches, [...links, twin], nodes);
    },
    "Cannot plan fabric: Link/twin: border1 uses ext1 for Link/ext1-border1 too, want an own interface",
  ],
  [
    "an address used twice",
    () => {
      const twin = { ...linkNamed("node1-leaf1"), name: "twin" };
      return planSwitches(fabric, switches, [...links, twin], nodes);
    },
    "Cannot plan fabric: Link/twin: 172.16.0.2 is also used by Link/node1-leaf1, want an own address",
  ],
  [
    "a tenant link in an unknown VRF",
    () => {
      const link = { ...linkNamed("node1-leaf1"), vrf: "blue" };
      return planSwitches(fabric, switches, [link], nodes);
    },
    "Cannot plan fabric: Link/node1-leaf1 spec.vrf: no VRF blue",
  ],
  [
    "a tenant link on a spine",
    () => {
      const a = { switch: "spine1", interface: "node1", addresses: [] };
      const b = { node: "node1", interface: "eth0", addresses: [] };
      const link = parseLink(linkObject("bad", "tenant", a, b, "tenant"));
      return planSwitches(fabric, switches, [link], nodes);
    },
    "Cannot plan fabric: Link/bad: spine1 is a spine, want a leaf or a border",
  ],
  [
    "a fabric link that ends at a node",
    () => {
      const a = { switch: "leaf1", interface: "node1", addresses: [] };
      const b = { node: "node1", interface: "eth0", addresses: [] };
      const link = parseLink(linkObject("bad", "fabric", a, b));
      return planSwitches(fabric, switches, [link], nodes);
    },
    "Cannot plan fabric: Link/bad: a fabric link with 1 switches, want 2",
  ],
  [
    "VNIs with the same low 16 bits",
    () => {
      const [first] = fabric.vrfs;
      const clash = { ...first!, name: "clash", vni: parseVni(10100 + 65536) };
      return planSwitches({ ...fabric, vrfs: [first!, clash] }, switches, links, nodes);
    },
    "Cannot plan fabric: Fabric/dc1 spec.vrfs[clash].vni: 75636 gives the route distinguisher 10.255.0.21:10100 of tenant, want other low 16 bits",
  ],
  [
    "a loopback outside the fabric's",
    () => parseSwitch(switchObject("leaf9", "leaf", "10.9.0.1"), fabricObject),
    "Cannot plan fabric: Switch/leaf9 spec.loopback: 10.9.0.1, want one inside 10.255.0.0/24",
  ],
  [
    "text that would break out of a configuration",
    () => {
      const a = { switch: "leaf1", interface: "eth0\nrouter bgp 1", addresses: [] };
      return parseLink(linkObject("bad", "fabric", a, a));
    },
    'Cannot plan fabric: Link/bad spec.a.interface: "eth0\\nrouter bgp 1", want 1 to 15 of A-Z a-z 0-9 _ . -',
  ],
  [
    "an address that is none",
    () => {
      const a = { switch: "leaf1", interface: "eth0", addresses: ["10.0.0.300/31"] };
      return parseLink(linkObject("bad", "fabric", a, a));
    },
    'Cannot plan fabric: Link/bad spec.a.addresses[0]: Cannot parse IPv4 address "10.0.0.300": octet "300", want 0 to 255',
  ],
];

for (const [name, run, message] of broken) {
  test(`planning refuses ${name}`, () => {
    assert.throws(run, (error) => {
      assert.ok(error instanceof FabricError);
      assert.equal(error.message, message);
      return true;
    });
  });
}
