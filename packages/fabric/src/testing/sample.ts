/**
 * A fabric for tests: one spine, two leaves of a rack with a dual-homed node, a border, two VRFs.
 */
import type * as api from "@heddle/api";
import type { Fabric, FabricNode, Link, Switch } from "../model.ts";
import { parseFabric, parseLink, parseSwitch } from "../parse.ts";

export interface Sample {
  readonly fabric: Fabric;
  readonly switches: readonly Switch[];
  readonly links: readonly Link[];
  readonly nodes: readonly FabricNode[];
}

export const fabricObject: api.Fabric = {
  apiVersion: "heddle.io/v1alpha1",
  kind: "Fabric",
  metadata: { name: "dc1" },
  spec: {
    asn: 65201,
    nodeAsn: 65203,
    mtu: 9100,
    underlay: {
      protocol: "ospf",
      area: "0.0.0.0",
      helloIntervalSeconds: 1,
      deadIntervalSeconds: 4,
    },
    loopbackCidr: "10.255.0.0/24",
    vrfs: [
      {
        name: "tenant",
        vni: 10100,
        routeTarget: "65201:10100",
        aggregates: ["10.244.0.0/16", "fd00:10:244::/48"],
      },
      { name: "storage", vni: 10200, routeTarget: "65201:10200", aggregates: [] },
    ],
    maximumPaths: 64,
  },
};

export function switchObject(
  name: string,
  role: "spine" | "leaf" | "border",
  loopback: string,
): api.Switch {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Switch",
    metadata: { name },
    spec: { fabric: "dc1", role, loopback, driver: { type: "frr" } },
  };
}

export function linkObject(
  name: string,
  kind: api.LinkSpec["kind"],
  a: api.LinkEndpoint,
  b: api.LinkEndpoint,
  vrf?: string,
): api.Link {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Link",
    metadata: { name },
    spec: { fabric: "dc1", kind, a, b, ...(vrf === undefined ? {} : { vrf }) },
  };
}

export const switchObjects: readonly api.Switch[] = [
  switchObject("spine1", "spine", "10.255.0.1"),
  switchObject("leaf1", "leaf", "10.255.0.11"),
  switchObject("leaf2", "leaf", "10.255.0.12"),
  switchObject("border1", "border", "10.255.0.21"),
];

function uplink(leaf: string, index: number): api.Link {
  return linkObject(
    `${leaf}-spine1`,
    "fabric",
    { switch: leaf, interface: "spine1", addresses: [`10.254.0.${index}/31`] },
    { switch: "spine1", interface: leaf, addresses: [`10.254.0.${index + 1}/31`] },
  );
}

function attachment(leaf: string, index: number): api.Link[] {
  return [
    linkObject(
      `node1-${leaf}`,
      "tenant",
      {
        switch: leaf,
        interface: "node1",
        addresses: [`172.16.0.${index}/31`, `fd00:172:16::${index}/127`],
      },
      {
        node: "node1",
        interface: leaf,
        addresses: [`172.16.0.${index + 1}/31`, `fd00:172:16::${index + 1}/127`],
      },
      "tenant",
    ),
    linkObject(
      `node1-${leaf}-underlay`,
      "underlay",
      { switch: leaf, interface: "node1-u", addresses: [`172.17.0.${index}/31`] },
      { node: "node1", interface: `${leaf}-u`, addresses: [`172.17.0.${index + 1}/31`] },
    ),
  ];
}

export const linkObjects: readonly api.Link[] = [
  uplink("leaf1", 2),
  uplink("leaf2", 4),
  uplink("border1", 6),
  ...attachment("leaf1", 2),
  ...attachment("leaf2", 4),
  linkObject(
    "ext1-border1",
    "external",
    { switch: "border1", interface: "ext1", addresses: ["203.0.113.1/24", "2001:db8:113::1/64"] },
    { device: "ext1", interface: "eth0", addresses: ["203.0.113.10/24", "2001:db8:113::10/64"] },
    "tenant",
  ),
];

export const sample: Sample = {
  fabric: parseFabric(fabricObject),
  switches: switchObjects.map((it) => parseSwitch(it, fabricObject)),
  links: linkObjects.map(parseLink),
  nodes: [{ name: "node1", asn: undefined }],
};
