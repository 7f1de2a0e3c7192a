/**
 * The whole lab with everything derived: names of interfaces, addresses, objects of the API, and
 * from these the configuration of each switch. Pure; the same file always gives the same lab.
 */
import type * as api from "@heddle/api";
import {
  type FabricNode,
  type Link,
  parseFabric,
  parseLink,
  parseSwitch,
  planSwitches,
  type SwitchConfig,
} from "@heddle/fabric";
import { addToIp, type Ip, type Ip4, type Prefix } from "@heddle/inet";
import {
  type DeviceDefinition,
  type DeviceRole,
  isSwitch,
  type LabDefinition,
} from "../definition/definition.ts";
import { LabError } from "../errors.ts";
import { deriveCables } from "./cables.ts";
import { fabricObject, linkObject, switchObject } from "./objects.ts";

/** Name of the device that holds the management bridge. */
export const managementDevice = "mgmt";

/** Route servers of the nodes, beside the API server; also the labels of their processes. */
const routeServerNames = ["rs1", "rs2"] as const;

export interface LabTopology {
  readonly name: string;
  readonly devices: readonly LabDevice[];
  readonly cables: readonly Cable[];
  readonly management: Management;
  readonly loopbacks: Prefix;
  readonly objects: FabricObjects;
  readonly switchConfigs: ReadonlyMap<string, SwitchConfig>;
}

export interface LabDevice {
  readonly name: string;
  readonly role: DeviceRole | "management";
  readonly rack: string | undefined;
  /** Of nodes: the address in the management network. */
  readonly managementAddress: Ip | undefined;
}

/** What fails together: an attachment of a node has a tenant and an underlay link on one cable. */
export interface Cable {
  /** `node1:leaf1`: the switch last. */
  readonly name: string;
  readonly links: readonly Link[];
}

export interface Management {
  readonly prefix: Prefix;
  /** Of the bridge; the API server listens here. */
  readonly address: Ip;
  readonly routeServers: readonly RouteServerPlace[];
}

export interface RouteServerPlace {
  readonly name: string;
  /** On the bridge, too. */
  readonly address: Ip;
}

export interface FabricObjects {
  readonly fabric: api.Fabric;
  readonly switches: readonly api.Switch[];
  readonly links: readonly api.Link[];
}

/** @throws LabError `definition`, FabricError */
export function deriveTopology(definition: LabDefinition): LabTopology {
  const { devices, fabric } = definition;
  const taken = new Set<string>([managementDevice, ...routeServerNames]);
  const clash = devices.find(({ name }) => taken.has(name));
  if (clash !== undefined) {
    const why = `the name is taken in the management network, want another`;
    throw new LabError("definition", `Cannot read devices.${clash.name}: ${why}`);
  }
  const objects = deriveObjects(definition);
  const links = objects.links.map(parseLink);
  const nodes: FabricNode[] = nodesOf(devices).map(({ name }) => ({ name, asn: undefined }));
  return {
    name: definition.name,
    devices: deriveDevices(definition),
    cables: groupByCable(links),
    management: {
      prefix: definition.management,
      address: addToIp(definition.management.address, 1),
      routeServers: routeServerNames.map((name, i) => {
        return { name, address: addToIp(definition.management.address, 2 + i) };
      }),
    },
    loopbacks: fabric.loopbacks,
    objects,
    switchConfigs: planSwitches(
      parseFabric(objects.fabric),
      objects.switches.map((it) => parseSwitch(it, objects.fabric)),
      links,
      nodes,
    ),
  };
}

function deriveObjects(definition: LabDefinition): FabricObjects {
  const switches = definition.devices.filter(({ role }) => isSwitch(role));
  const cables = deriveCables(definition);
  return {
    fabric: fabricObject(definition),
    switches: switches.map((it, i) => {
      return switchObject(
        definition,
        it,
        addToIp(definition.fabric.loopbacks.address, i + 1) as Ip4,
      );
    }),
    links: cables.map((link) => linkObject(definition, link)),
  };
}

function deriveDevices({ devices, management }: LabDefinition): LabDevice[] {
  const nodes = nodesOf(devices);
  const derived = devices.map((device): LabDevice => {
    const index = nodes.indexOf(device);
    const managementAddress = index < 0 ? undefined : addToIp(management.address, 11 + index);
    return { ...device, managementAddress };
  });
  const bridge = { role: "management", rack: undefined, managementAddress: undefined } as const;
  return [{ name: managementDevice, ...bridge }, ...derived];
}

function nodesOf(devices: readonly DeviceDefinition[]): DeviceDefinition[] {
  return devices.filter(({ role }) => role === "node");
}

function groupByCable(links: readonly Link[]): Cable[] {
  const cables = new Map<string, Link[]>();
  for (const link of links) {
    const name = `${link.b.name}:${link.a.name}`;
    const group = cables.get(name);
    if (group === undefined) cables.set(name, [link]);
    else group.push(link);
  }
  return [...cables].map(([name, group]) => ({ name, links: group }));
}
