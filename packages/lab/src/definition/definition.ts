/** A lab as its file says it, parsed but with nothing derived yet. */

import type { FabricVrf, InterfaceAddress } from "@heddle/fabric";
import type { Asn, Prefix } from "@heddle/inet";

export interface LabDefinition {
  /** The file itself: two labs are the same when their texts are. */
  readonly text: string;
  readonly name: string;
  readonly fabric: FabricDefinition;
  readonly management: Prefix;
  /** In the order of the file: derived addresses follow it. */
  readonly devices: readonly DeviceDefinition[];
  readonly links: readonly LinkDefinition[];
}

export interface FabricDefinition {
  readonly asn: Asn;
  readonly nodeAsn: Asn;
  /** Of links between switches. */
  readonly mtuBytes: number;
  readonly loopbacks: Prefix;
  /** Where the subnets of links come from, at most one prefix per family. */
  readonly linkPrefixes: Readonly<Record<"fabric" | "tenant" | "underlay", readonly Prefix[]>>;
  readonly vrfs: readonly FabricVrf[];
}

export const deviceRoles = ["spine", "leaf", "border", "node", "server", "external"] as const;
export type DeviceRole = (typeof deviceRoles)[number];

export interface DeviceDefinition {
  readonly name: string;
  readonly role: DeviceRole;
  readonly rack: string | undefined;
}

/** One cable; `from` is always a switch. */
export interface LinkDefinition {
  readonly from: string;
  readonly to: string;
  /** Of cables that do not end at two switches. */
  readonly vrf: string | undefined;
  /** Derived when empty. */
  readonly fromAddresses: readonly InterfaceAddress[];
  readonly toAddresses: readonly InterfaceAddress[];
}

export function isSwitch(role: DeviceRole): role is "spine" | "leaf" | "border" {
  return role === "spine" || role === "leaf" || role === "border";
}
