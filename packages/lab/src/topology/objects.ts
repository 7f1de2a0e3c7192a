/**
 * The lab's fabric as objects of the API: what the planner reads, and what people see in the API
 * server.
 */
import type { Fabric, Link, LinkEndpoint, Switch } from "@heddle/api";
import type { InterfaceAddress } from "@heddle/fabric";
import { formatIp, formatIp4, formatPrefix, formatRouteTarget, type Ip4 } from "@heddle/inet";
import { type DeviceDefinition, isSwitch, type LabDefinition } from "../definition/definition.ts";
import type { DerivedEnd, DerivedLink } from "./cables.ts";

/**
 * BFD and the state of the links notice failures; the dead interval is long enough for an OSPF
 * daemon that a busy machine does not run for some seconds.
 */
const ospf = {
  protocol: "ospf",
  area: "0.0.0.0",
  helloIntervalSeconds: 1,
  deadIntervalSeconds: 10,
} as const;

export function fabricObject({ name, fabric }: LabDefinition): Fabric {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Fabric",
    metadata: { name },
    spec: {
      asn: fabric.asn,
      nodeAsn: fabric.nodeAsn,
      mtu: fabric.mtuBytes,
      underlay: ospf,
      loopbackCidr: formatPrefix(fabric.loopbacks),
      vrfs: fabric.vrfs.map((vrf) => ({
        name: vrf.name,
        vni: vrf.vni,
        routeTarget: formatRouteTarget(vrf.routeTarget),
        aggregates: vrf.aggregates.map(formatPrefix),
      })),
      maximumPaths: 64,
    },
  };
}

export function switchObject(lab: LabDefinition, it: DeviceDefinition, loopback: Ip4): Switch {
  const { role } = it;
  if (!isSwitch(role)) throw new TypeError(`${it.name} is a ${role}`);
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Switch",
    metadata: { name: it.name },
    spec: {
      fabric: lab.name,
      role,
      ...(it.rack === undefined ? {} : { rack: it.rack }),
      loopback: formatIp4(loopback),
      driver: { type: "frr" },
      platform: "Linux network namespace",
    },
  };
}

export function linkObject(lab: LabDefinition, link: DerivedLink): Link {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Link",
    metadata: { name: link.name },
    spec: {
      fabric: lab.name,
      kind: link.kind,
      ...(link.vrf === undefined ? {} : { vrf: link.vrf }),
      a: endpointOf(link.from),
      b: endpointOf(link.to),
    },
  };
}

function endpointOf({ device, ifname, addresses }: DerivedEnd): LinkEndpoint {
  const texts = addresses.map(formatInterfaceAddress);
  if (isSwitch(device.role)) return { switch: device.name, interface: ifname, addresses: texts };
  return device.role === "node"
    ? { node: device.name, interface: ifname, addresses: texts }
    : { device: device.name, interface: ifname, addresses: texts };
}

/** `172.16.0.2/31`. */
export function formatInterfaceAddress({ address, prefix }: InterfaceAddress): string {
  return `${formatIp(address)}/${prefix.length}`;
}
