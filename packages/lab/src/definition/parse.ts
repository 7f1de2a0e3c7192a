/** The lab file (YAML) -> {@link LabDefinition}. Every refusal names the field. */
import { ConfigError, type ConfigField, readDocument } from "@heddle/config";
import type { FabricVrf } from "@heddle/fabric";
import {
  type Prefix,
  parseAsn,
  parseInterfaceAddress,
  parsePrefix,
  parseRouteTarget,
  parseVni,
} from "@heddle/inet";
import { LabError } from "../errors.ts";
import {
  type DeviceDefinition,
  deviceRoles,
  type FabricDefinition,
  isSwitch,
  type LabDefinition,
  type LinkDefinition,
} from "./definition.ts";

/** Names become host names and parts of interface names. */
const deviceName = /^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/;
const devicesMax = 200;
/** Entries of the file; one may stand for several cables. */
const linksMax = 2000;
const vrfsMax = 100;
const prefixesMax = 100;

/** @throws LabError `definition` */
export function parseLabDefinition(text: string): LabDefinition {
  try {
    return parseDefinition(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new LabError("definition", error.message, { cause: error });
  }
}

/** @throws ConfigError */
function parseDefinition(text: string): LabDefinition {
  const root = readDocument(text, "the lab file");
  const fields = root.fields("name", "fabric", "management", "devices", "links");
  const devices = parseDevices(fields.devices);
  const fabric = parseFabric(fields.fabric);
  return {
    text,
    name: parseName(fields.name),
    fabric,
    management: parsePrefixOfFamily(fields.management, 4),
    devices,
    links: fields.links.items(linksMax).flatMap((item) => parseLinks(item, devices, fabric)),
  };
}

function parseName(field: ConfigField): string {
  const name = field.text();
  return deviceName.test(name)
    ? name
    : field.fail(`${JSON.stringify(name)}, want at most 12 of a-z 0-9 -, a letter first`);
}

function parseFabric(field: ConfigField): FabricDefinition {
  const fields = field.fields("asn", "nodeAsn", "mtu", "loopbacks", "links", "vrfs");
  const links = fields.links.fields("fabric", "tenant", "underlay");
  return {
    asn: parseAsn(fields.asn.integer(1, 0xffffffff)),
    nodeAsn: parseAsn(fields.nodeAsn.integer(1, 0xffffffff)),
    mtuBytes: fields.mtu.integer(1500, 65535),
    loopbacks: parsePrefixOfFamily(fields.loopbacks, 4),
    linkPrefixes: {
      fabric: parsePrefixes(links.fabric),
      tenant: parsePrefixes(links.tenant),
      underlay: parsePrefixes(links.underlay),
    },
    vrfs: fields.vrfs.items(vrfsMax).map(parseVrf),
  };
}

function parsePrefixOfFamily(field: ConfigField, family: 4 | 6): Prefix {
  const prefix = field.parse(parsePrefix);
  return prefix.family === family ? prefix : field.fail(`want an IPv${family} prefix`);
}

/** One prefix per family, IPv4 required: sessions and VTEPs use it. */
function parsePrefixes(field: ConfigField): Prefix[] {
  const prefixes = field.items(prefixesMax).map((item) => item.parse(parsePrefix));
  const families = prefixes.map((prefix) => prefix.family);
  if (!families.includes(4)) field.fail("no IPv4 prefix, want one");
  if (new Set(families).size < families.length) field.fail("want at most one prefix per family");
  return prefixes;
}

function parseVrf(field: ConfigField): FabricVrf {
  const fields = field.fields("name", "vni", "routeTarget", "aggregates");
  return {
    name: parseName(fields.name),
    vni: parseVni(fields.vni.integer(1, 0xffffff)),
    routeTarget: fields.routeTarget.parse(parseRouteTarget),
    aggregates: fields.aggregates.items(prefixesMax).map((item) => item.parse(parsePrefix)),
  };
}

function parseDevices(field: ConfigField): DeviceDefinition[] {
  if (!field.isPresent) field.fail("missing, want a mapping");
  return field.entries(devicesMax).map(([name, device]) => {
    if (!deviceName.test(name)) {
      device.fail("bad name, want at most 12 of a-z 0-9 -, a letter first");
    }
    const fields = device.fields("role", "rack");
    const role = fields.role.oneOf(deviceRoles);
    return { name, role, rack: fields.rack.maybe((each) => each.text()) };
  });
}

function parseLinks(
  field: ConfigField,
  devices: readonly DeviceDefinition[],
  fabric: FabricDefinition,
): LinkDefinition[] {
  const fields = field.fields("from", "to", "vrf", "addresses");
  const from = deviceAt(fields.from, devices);
  if (!isSwitch(from.role)) fields.from.fail(`${from.name} is a ${from.role}, want a switch`);
  const targets = fields.to.itemOrItems(devicesMax);
  if (targets.length === 0) fields.to.fail("missing, want a device or a list of devices");
  const addresses = parseAddresses(fields.addresses, targets.length);
  return targets.map((target) => {
    const to = deviceAt(target, devices);
    const vrf = parseVrfOf(fields.vrf, to, fabric);
    checkAddressed(fields.addresses, to, addresses.fromAddresses.length);
    return { from: from.name, to: to.name, vrf, ...addresses };
  });
}

function deviceAt(field: ConfigField, devices: readonly DeviceDefinition[]): DeviceDefinition {
  const name = field.text();
  const found = devices.find((device) => device.name === name);
  return found === undefined ? field.fail(`no device ${JSON.stringify(name)}`) : found;
}

function parseVrfOf(
  field: ConfigField,
  to: DeviceDefinition,
  fabric: FabricDefinition,
): string | undefined {
  if (isSwitch(to.role)) {
    return field.isPresent ? field.fail("a link between switches is in no VRF") : undefined;
  }
  const names = fabric.vrfs.map((vrf) => vrf.name);
  return field.oneOf(names);
}

/**
 * Links to nodes and switches are numbered from `fabric.links`; others say what the outside wants.
 */
function checkAddressed(field: ConfigField, to: DeviceDefinition, count: number): void {
  const derived = isSwitch(to.role) || to.role === "node";
  if (derived && count > 0) field.fail(`derived for a link to ${to.name}, want none`);
  if (!derived && count === 0) field.fail(`missing, want the addresses of the link to ${to.name}`);
}

function parseAddresses(
  field: ConfigField,
  linkCount: number,
): Pick<LinkDefinition, "fromAddresses" | "toAddresses"> {
  if (!field.isPresent) return { fromAddresses: [], toAddresses: [] };
  if (linkCount > 1) field.fail("given for several links at once, want one link per entry");
  const fields = field.fields("from", "to");
  const fromAddresses = fields.from
    .items(prefixesMax)
    .map((item) => item.parse(parseInterfaceAddress));
  const toAddresses = fields.to.items(prefixesMax).map((item) => item.parse(parseInterfaceAddress));
  if (fromAddresses.length === 0) fields.from.fail("empty, want an address per family");
  for (const { prefix } of toAddresses) {
    if (!fromAddresses.some((other) => other.prefix === prefix)) {
      fields.to.fail("addresses in other subnets, want those of the switch");
    }
  }
  return { fromAddresses, toAddresses };
}
