/**
 * What the journal keeps: one entry for each attachment of a pod, one for each block of the node.
 * An allocation holds all that ADD answered, so that a second ADD and a DEL need nothing else.
 */
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
  /** At most one of each family. */
  readonly addresses: readonly Ip[];
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
}

/** One change. */
export type JournalRecord =
  | { readonly op: "allocate"; readonly allocation: Allocation }
  | { readonly op: "release"; readonly key: string }
  | { readonly op: "own"; readonly block: OwnedBlock }
  | { readonly op: "disown"; readonly prefix: Prefix }
  | { readonly op: "quarantine"; readonly stranger: Stranger }
  | { readonly op: "dismiss"; readonly hostIfname: string };

/** Identity of an attachment on this node (CNI: container id and interface name). */
export function keyOf(attachment: Pick<Allocation, "containerId" | "ifname">): string {
  return `${attachment.containerId}/${attachment.ifname}`;
}

/** Plain JSON of a record. */
export function formatRecord(record: JournalRecord): unknown {
  switch (record.op) {
    case "allocate": {
      const { addresses, mac, ...rest } = record.allocation;
      const text = { ...rest, mac: formatMac(mac), addresses: addresses.map(formatIp) };
      return { op: record.op, allocation: text };
    }
    case "own":
      return {
        op: record.op,
        block: { ...record.block, prefix: formatPrefix(record.block.prefix) },
      };
    case "disown":
      return { op: record.op, prefix: formatPrefix(record.prefix) };
    case "quarantine": {
      const addresses = record.stranger.addresses.map(formatIp);
      return { op: record.op, stranger: { ...record.stranger, addresses } };
    }
    case "release":
    case "dismiss":
      return record;
  }
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
      return { op: "disown", prefix: parsePrefix(textOf(record, "prefix")) };
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
    vrf: parseVrfId(Number(fields["vrf"])),
    mac: parseMac(textOf(fields, "mac")),
    mtu: Number(fields["mtu"]),
    addresses: addressesOf(fields),
    claim: optionalTextOf(fields, "claim"),
    sinceMs: Number(fields["sinceMs"]),
  };
}

function parseStranger(fields: Fields): Stranger {
  return {
    hostIfname: textOf(fields, "hostIfname"),
    vrf: parseVrfId(Number(fields["vrf"])),
    addresses: addressesOf(fields),
  };
}

function addressesOf(fields: Fields): Ip[] {
  const addresses = fields["addresses"];
  if (!Array.isArray(addresses)) throw new SyntaxError("Cannot parse journal record: no addresses");
  return addresses.map((address) => parseIp(String(address)));
}

function parseBlock(fields: Fields): OwnedBlock {
  return {
    prefix: parsePrefix(textOf(fields, "prefix")),
    pool: textOf(fields, "pool"),
    subnet: textOf(fields, "subnet"),
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
