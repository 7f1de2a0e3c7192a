/** IPPool: a part of a Subnet from which nodes claim blocks of addresses. */
import { containsPrefix, formatPrefix, overlaps, parsePrefix, widthOf } from "@heddle/inet";
import { invalid } from "../field-error.ts";
import type { IPPool } from "../gen/ip-pool.gen.ts";
import type { Subnet } from "../gen/subnet.gen.ts";
import type { FieldError, ResourceKind } from "../kind.ts";
import { boolean, formatted, integer, nameOf, object, oneOf, text } from "../schema/build.ts";
import { countText, labelSelector } from "../schema/shared.ts";
import { heddleKind, readyColumn } from "./heddle-kind.ts";
import { immutable, routable } from "./rules.ts";

const spec = object(
  "The wanted pool.",
  {
    subnet: nameOf("Subnet", "The subnet that the pool is a part of"),
    cidr: formatted(
      "cidr",
      "The addresses of the pool: the subnet's prefix of that family or a part of it.",
    ),
    blockLength: integer(
      "Prefix length of the blocks that nodes claim; 26 for IPv4 and 122 for IPv6 when absent, or the pool's own length where that is longer.",
      [1, 128],
    ),
    allocation: oneOf(
      "Dynamic pools serve any pod; Fixed pools serve only IPClaims with addresses of their own.",
      ["Dynamic", "Fixed"],
      { default: "Dynamic" },
    ),
    nodeSelector: labelSelector("Only nodes with these labels claim blocks; all when absent."),
    disabled: boolean("No new block is claimed and no new address given; existing ones stay.", {
      default: false,
    }),
  },
  ["subnet", "cidr"],
);

const count = (what: string) => integer(what, [0, Number.MAX_SAFE_INTEGER]);

export const ipPoolKind: ResourceKind<IPPool> = heddleKind<IPPool>({
  kind: "IPPool",
  plural: "ippools",
  shortNames: ["ipp"],
  namespaced: false,
  description:
    "An IPPool is a part of a Subnet that is cut into blocks of equal size. Each node claims blocks and gives addresses of them to its pods without asking anybody.",
  spec,
  status: {
    capacity: count(
      "Number of addresses that pods can have; 2^53-1 stands for so many and more, as in IPv6.",
    ),
    allocated: count("Number of addresses that pods have."),
    free: count(
      "Number of addresses that pods can have and nobody has or keeps. Those in blocks of a node serve pods of that node only.",
    ),
    capacityText: text(`The capacity. ${countText}`),
    freeText: text(`The free addresses. ${countText}`),
    blockCount: count("Number of blocks that nodes have claimed or claims keep."),
    orphanedBlockCount: count("Number of those whose Node does not exist."),
  },
  printerColumns: [
    { name: "Subnet", type: "string", jsonPath: ".spec.subnet" },
    { name: "CIDR", type: "string", jsonPath: ".spec.cidr" },
    { name: "Allocation", type: "string", jsonPath: ".spec.allocation" },
    { name: "Blocks", type: "integer", jsonPath: ".status.blockCount" },
    { name: "Used", type: "integer", jsonPath: ".status.allocated" },
    { name: "Capacity", type: "string", jsonPath: ".status.capacityText" },
    { name: "Free", type: "string", jsonPath: ".status.freeText", priority: 1 },
    { name: "Orphaned", type: "integer", jsonPath: ".status.orphanedBlockCount", priority: 1 },
    { name: "Disabled", type: "boolean", jsonPath: ".spec.disabled", priority: 1 },
    { name: "Block", type: "integer", jsonPath: ".spec.blockLength", priority: 1 },
    readyColumn,
  ],
  validate: (pool) => [...routable("spec.cidr", pool.spec.cidr), ...blockLengthErrors(pool)],
  validateUpdate: (next, previous) =>
    immutable(next.spec, previous.spec, ["subnet", "cidr", "blockLength", "allocation"]),
});

/**
 * The prefix length of the pool's blocks: the one it names, else the default of its family. An
 * address of a Fixed pool moves alone, so its block is the address.
 */
export function blockLengthOf(pool: IPPool): number {
  const prefix = parsePrefix(pool.spec.cidr);
  if (pool.spec.allocation === "Fixed") return widthOf(prefix.family);
  if (pool.spec.blockLength !== undefined) return pool.spec.blockLength;
  return Math.max(prefix.length, prefix.family === 4 ? 26 : 122);
}

function blockLengthErrors(pool: IPPool): FieldError[] {
  const prefix = parsePrefix(pool.spec.cidr);
  const length = blockLengthOf(pool);
  const width = widthOf(prefix.family);
  if (length >= prefix.length && length <= width) return [];
  const message = `want ${prefix.length} to ${width} for ${formatPrefix(prefix)}`;
  return [invalid("spec.blockLength", length, message)];
}

/**
 * Whether the pool lies inside the subnet that it names; `subnet` is undefined when there is none
 * of that name.
 */
export function checkPoolInSubnet(pool: IPPool, subnet: Subnet | undefined): readonly FieldError[] {
  if (subnet === undefined) {
    return [invalid("spec.subnet", pool.spec.subnet, "there is no Subnet of this name")];
  }
  const prefix = parsePrefix(pool.spec.cidr);
  if (subnet.spec.cidrs.some((cidr) => containsPrefix(parsePrefix(cidr), prefix))) return [];
  const wanted = subnet.spec.cidrs.join(" or ");
  const message = `outside Subnet "${subnet.metadata.name}", want a part of ${wanted}`;
  return [invalid("spec.cidr", pool.spec.cidr, message)];
}

/** The pools of the same subnet that share addresses with `pool`, which is skipped by name. */
export function findPoolOverlaps(pool: IPPool, others: Iterable<IPPool>): readonly FieldError[] {
  const prefix = parsePrefix(pool.spec.cidr);
  return [...others]
    .filter(
      (other) =>
        other.metadata.name !== pool.metadata.name &&
        other.spec.subnet === pool.spec.subnet &&
        overlaps(parsePrefix(other.spec.cidr), prefix),
    )
    .map((other) => {
      const message = `overlaps ${other.spec.cidr} of IPPool "${other.metadata.name}"`;
      return invalid("spec.cidr", pool.spec.cidr, message);
    });
}
