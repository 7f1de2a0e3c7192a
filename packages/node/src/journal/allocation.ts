/**
 * What the journal keeps: one entry for each attachment of a pod, one for each block of the node.
 * An allocation holds all that ADD answered, so that a second ADD and a DEL need nothing else.
 */
import { nativeVpcName } from "@heddle/api";
import {
  formatIp,
  formatMac,
  formatPrefix,
  type Ip,
  type Mac,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
  parseVrfId,
  type VrfId,
} from "@heddle/inet";
import { nativeVrf } from "@heddle/vrouter";

export interface Allocation {
  /** Name of the CNI network. */
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly netnsPath: string;
  readonly hostIfname: string;
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly subnet: string;
  readonly vpc: string;
  readonly vrf: VrfId;
  readonly mac: Mac;
  readonly mtu: number;
  /** In the VRF, at most one of each family. */
  readonly addresses: readonly Ip[];
  /**
   * In the native VRF, for a pod of another one: by these the node reaches it. Empty in the native
   * VRF.
   */
  readonly infrastructureAddresses: readonly Ip[];
  /** Name of the IPClaim in the pod's namespace, when the addresses are fixed. */
  readonly claim: string | undefined;
  /** Wall clock of the ADD, milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** A block that this node owns. */
export interface OwnedBlock {
  readonly prefix: Prefix;
  readonly pool: string;
  readonly subnet: string;
  readonly vpc: string;
  readonly vrf: VrfId;
  /**
   * `namespace/name` of the IPClaim when the block is one fixed address; undefined for a block of a
   * pool.
   */
  readonly claim: string | undefined;
}

/**
 * An interface found in the kernel that nothing is known about, after the journal was lost or
 * damaged. It may belong to a living pod, so its addresses are kept out of use until a DEL or a GC
 * removes it.
 */
export interface Stranger {
  readonly hostIfname: string;
  readonly vrf: VrfId;
  readonly addresses: readonly Ip[];
  readonly infrastructureAddresses: readonly Ip[];
}

/** An address in its VRF: VRFs may overlap. */
export interface VrfAddress {
  readonly vrf: VrfId;
  readonly ip: Ip;
}

/** One change. */
export type JournalRecord =
  | { readonly op: "allocate"; readonly allocation: Allocation }
  | { readonly op: "release"; readonly key: string }
  | { readonly op: "own"; readonly block: OwnedBlock }
  | { readonly op: "disown"; readonly vrf: VrfId; readonly prefix: Prefix }
  | { readonly op: "quarantine"; readonly stranger: Stranger }
  | { readonly op: "dismiss"; readonly hostIfname: string };

/** Identity of an attachment on this node (CNI: container id and interface name). */
export function keyOf(attachment: Pick<Allocation, "containerId" | "ifname">): string {
  return `${attachment.containerId}/${attachment.ifname}`;
}

/** Identity of a block on this node. */
export function blockKeyOf({ vrf, prefix }: Pick<OwnedBlock, "vrf" | "prefix">): string {
  return `${vrf} ${formatPrefix(prefix)}`;
}

export function addressKeyOf({ vrf, ip }: VrfAddress): string {
  return `${vrf} ${formatIp(ip)}`;
}

/** Every address that an attachment keeps others from, in its VRF. */
export function heldBy(
  attachment: Pick<Stranger, "vrf" | "addresses" | "infrastructureAddresses">,
): VrfAddress[] {
  const { vrf, addresses, infrastructureAddresses } = attachment;
  return [
    ...addresses.map((ip) => ({ vrf, ip })),
    ...infrastructureAddresses.map((ip) => ({ vrf: nativeVrf, ip })),
  ];
}

/**
 * The addresses by which the cluster knows the pod: its own in the native VRF, else the
 * infrastructure addresses.
 */
export function clusterAddressesOf(allocation: Allocation): readonly Ip[] {
  return allocation.vrf === nativeVrf ? allocation.addresses : allocation.infrastructureAddresses;
}

/** Plain JSON of a record. */
export function formatRecord(record: JournalRecord): unknown {
  switch (record.op) {
    case "allocate": {
      const { mac, ...rest } = record.allocation;
      const text = { ...rest, mac: formatMac(mac), ...formatAddresses(rest) };
      return { op: record.op, allocation: text };
    }
    case "own":
      return {
        op: record.op,
        block: { ...record.block, prefix: formatPrefix(record.block.prefix) },
      };
    case "disown":
      return { ...record, prefix: formatPrefix(record.prefix) };
    case "quarantine": {
      const { stranger } = record;
      return { op: record.op, stranger: { ...stranger, ...formatAddresses(stranger) } };
    }
    case "release":
    case "dismiss":
      return record;
  }
}

function formatAddresses({
  addresses,
  infrastructureAddresses,
}: Pick<Stranger, "addresses" | "infrastructureAddresses">) {
  return {
    addresses: addresses.map(formatIp),
    infrastructureAddresses: infrastructureAddresses.map(formatIp),
  };
}

/** The inverse of {@link formatRecord}. @throws Error when the value is not a record */
export function parseRecord(value: unknown): JournalRecord {
  const record = fieldsOf(value);
  switch (record["op"]) {
    case "allocate":
      return { op: "allocate", allocation: parseAllocation(fieldsOf(record["allocation"])) };
    case "release":
      return { op: "release", key: textOf(record, "key") };
    case "own":
      return { op: "own", block: parseBlock(fieldsOf(record["block"])) };
    case "disown":
      return { op: "disown", vrf: vrfOf(record), prefix: parsePrefix(textOf(record, "prefix")) };
    case "quarantine":
      return { op: "quarantine", stranger: parseStranger(fieldsOf(record["stranger"])) };
    case "dismiss":
      return { op: "dismiss", hostIfname: textOf(record, "hostIfname") };
    default:
      throw new SyntaxError(`Cannot parse journal record: op ${JSON.stringify(record["op"])}`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseAllocation(fields: Fields): Allocation {
  return {
    network: textOf(fields, "network"),
    containerId: textOf(fields, "containerId"),
    ifname: textOf(fields, "ifname"),
    netnsPath: textOf(fields, "netnsPath"),
    hostIfname: textOf(fields, "hostIfname"),
    namespace: textOf(fields, "namespace"),
    pod: textOf(fields, "pod"),
    podUid: textOf(fields, "podUid"),
    subnet: textOf(fields, "subnet"),
    vpc: textOf(fields, "vpc"),
    vrf: vrfOf(fields),
    mac: parseMac(textOf(fields, "mac")),
    mtu: Number(fields["mtu"]),
    addresses: addressesOf(fields, "addresses"),
    infrastructureAddresses: addressesOf(fields, "infrastructureAddresses"),
    claim: optionalTextOf(fields, "claim"),
    sinceMs: Number(fields["sinceMs"]),
  };
}

function parseStranger(fields: Fields): Stranger {
  return {
    hostIfname: textOf(fields, "hostIfname"),
    vrf: vrfOf(fields),
    addresses: addressesOf(fields, "addresses"),
    infrastructureAddresses: addressesOf(fields, "infrastructureAddresses"),
  };
}

/** A journal that was written before there were infrastructure addresses has none. */
function addressesOf(fields: Fields, name: "addresses" | "infrastructureAddresses"): Ip[] {
  const addresses = fields[name];
  if (addresses === undefined && name === "infrastructureAddresses") return [];
  if (!Array.isArray(addresses)) throw new SyntaxError(`Cannot parse journal record: no ${name}`);
  return addresses.map((address) => parseIp(String(address)));
}

/** Blocks had no VRF when the native one was the only one. */
function vrfOf(fields: Fields): VrfId {
  return fields["vrf"] === undefined ? nativeVrf : parseVrfId(Number(fields["vrf"]));
}

function parseBlock(fields: Fields): OwnedBlock {
  return {
    prefix: parsePrefix(textOf(fields, "prefix")),
    pool: textOf(fields, "pool"),
    subnet: textOf(fields, "subnet"),
    vpc: optionalTextOf(fields, "vpc") ?? nativeVpcName,
    vrf: vrfOf(fields),
    claim: optionalTextOf(fields, "claim"),
  };
}

function fieldsOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null) return value as Fields;
  throw new SyntaxError("Cannot parse journal record: want an object");
}

function optionalTextOf(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined ? undefined : textOf(fields, name);
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw new SyntaxError(`Cannot parse journal record: ${name} is ${typeof value}, want a string`);
}
