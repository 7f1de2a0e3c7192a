/** Interfaces and addresses of the links that a lab file describes. */
import type { InterfaceAddress, LinkKind } from "@heddle/fabric";
import { addToIp, type Prefix, subPrefix } from "@heddle/inet";
import {
  type DeviceDefinition,
  type DeviceRole,
  isSwitch,
  type LabDefinition,
  type LinkDefinition,
} from "../definition/definition.ts";

/** One link with all that is derived; `from` is a switch. */
export interface DerivedLink {
  readonly name: string;
  readonly kind: LinkKind;
  readonly vrf: string | undefined;
  readonly from: DerivedEnd;
  readonly to: DerivedEnd;
}

export interface DerivedEnd {
  readonly device: DeviceDefinition;
  readonly ifname: string;
  readonly addresses: readonly InterfaceAddress[];
}

type NumberedKind = "fabric" | "tenant" | "underlay";

/** Links in the order of the file; the n-th of a kind gets the n-th subnet, counted from 1. */
export function deriveCables(definition: LabDefinition): DerivedLink[] {
  const devices = new Map(definition.devices.map((device) => [device.name, device]));
  const used = { fabric: 0, tenant: 0, underlay: 0 };
  const nextSubnet = (kind: NumberedKind): Prefix[] => {
    used[kind] += 1;
    const index = BigInt(used[kind]);
    return definition.fabric.linkPrefixes[kind].map((prefix) => {
      return subPrefix(prefix, prefix.family === 4 ? 31 : 127, index);
    });
  };
  return definition.links.flatMap((link) => {
    const from = devices.get(link.from) as DeviceDefinition;
    const to = devices.get(link.to) as DeviceDefinition;
    return deriveLinks(link, from, to, nextSubnet);
  });
}

function deriveLinks(
  link: LinkDefinition,
  from: DeviceDefinition,
  to: DeviceDefinition,
  nextSubnet: (kind: NumberedKind) => Prefix[],
): DerivedLink[] {
  const name = `${to.name}-${from.name}`;
  if (isSwitch(to.role)) return [numbered(name, "fabric", link, from, to, nextSubnet)];
  if (to.role === "node") {
    return [
      numbered(name, "tenant", link, from, to, nextSubnet),
      numbered(`${name}-underlay`, "underlay", link, from, to, nextSubnet),
    ];
  }
  const { vrf, fromAddresses, toAddresses } = link;
  return [
    {
      name,
      kind: accessKindOf(to.role),
      vrf,
      from: { device: from, ifname: to.name, addresses: fromAddresses },
      to: { device: to, ifname: from.name, addresses: toAddresses },
    },
  ];
}

function accessKindOf(role: DeviceRole): LinkKind {
  return role === "external" ? "external" : "tenant";
}

/** Both ends are named after the other device; the switch has the lower address. */
function numbered(
  name: string,
  kind: NumberedKind,
  link: LinkDefinition,
  from: DeviceDefinition,
  to: DeviceDefinition,
  nextSubnet: (kind: NumberedKind) => Prefix[],
): DerivedLink {
  const subnets = nextSubnet(kind);
  const suffix = kind === "underlay" ? "-u" : "";
  const addressesAt = (offset: number): InterfaceAddress[] =>
    subnets.map((prefix) => ({ address: addToIp(prefix.address, offset), prefix }));
  return {
    name,
    kind,
    vrf: kind === "tenant" ? link.vrf : undefined,
    from: { device: from, ifname: `${to.name}${suffix}`, addresses: addressesAt(0) },
    to: { device: to, ifname: `${from.name}${suffix}`, addresses: addressesAt(1) },
  };
}
