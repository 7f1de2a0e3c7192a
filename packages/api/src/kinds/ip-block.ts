/** IPBlock: addresses that one node gives to its pods without asking anybody. */
import {
  containsIp,
  containsPrefix,
  formatPrefix,
  type Prefix,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import { invalid } from "../field-error.ts";
import type { IPBlock } from "../gen/ip-block.gen.ts";
import type { IPPool } from "../gen/ip-pool.gen.ts";
import type { Subnet } from "../gen/subnet.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import { formatted, integer, listByKey, nameOf, object } from "../schema/build.ts";
import { heddleKind } from "./heddle-kind.ts";
import { blockLengthOf } from "./ip-pool.ts";
import { immutable, routable } from "./rules.ts";
import { nativeVpcName } from "./vpc.ts";

const lent = object(
  "A loan of one address.",
  {
    address: formatted("ip", "The address, inside the block."),
    node: nameOf("Node", "The node that the address is lent to"),
  },
  ["address", "node"],
);

/** Named parts of the schema, for the generated types. */
export const ipBlockTypes: Readonly<Record<string, JsonSchema>> = { IPBlockLoan: lent };

const spec = object(
  "The block and its owner.",
  {
    pool: nameOf("IPPool", "The pool that the block is a part of"),
    subnet: nameOf("Subnet", "The subnet of the pool"),
    vpc: nameOf("Vpc", "The routing domain of the subnet; the native one when absent"),
    cidr: formatted("cidr", "The addresses of the block."),
    node: nameOf(
      "Node",
      "The node that owns the block, announces its route and gives its addresses; nobody when absent",
    ),
    lent: listByKey(
      "Addresses that the owner has lent to other nodes, so that a pool of N addresses serves N pods. The owner no longer gives them to its own pods.",
      "address",
      lent,
      4096,
      { default: [] },
    ),
  },
  ["pool", "subnet", "cidr"],
);

export const ipBlockKind: ResourceKind<IPBlock> = heddleKind<IPBlock>({
  kind: "IPBlock",
  plural: "ipblocks",
  shortNames: ["ipb"],
  namespaced: false,
  description:
    "An IPBlock is a part of an IPPool that one node owns. Its name is made from its prefix and, where it is not the native one, its Vpc, so that only one node can create it. Nodes write these objects; people read them.",
  spec,
  status: {
    allocated: integer("Number of addresses that pods have.", [0, 0x7fffffff]),
    capacity: integer("Number of addresses that pods can have.", [0, 0x7fffffff]),
  },
  printerColumns: [
    { name: "CIDR", type: "string", jsonPath: ".spec.cidr" },
    { name: "Node", type: "string", jsonPath: ".spec.node" },
    { name: "Pool", type: "string", jsonPath: ".spec.pool" },
    { name: "Used", type: "integer", jsonPath: ".status.allocated" },
    { name: "Capacity", type: "integer", jsonPath: ".status.capacity" },
    { name: "Subnet", type: "string", jsonPath: ".spec.subnet", priority: 1 },
  ],
  validate: (block) => [
    ...routable("spec.cidr", block.spec.cidr),
    ...nameErrors(block),
    ...loanErrors(block),
  ],
  validateUpdate: (next, previous) =>
    immutable(next.spec, previous.spec, ["pool", "subnet", "vpc", "cidr"]),
});

/**
 * The name of the block of a prefix: `10-244-0-64-26` for 10.244.0.64/26, `fd00-10-244--40-122` for
 * fd00:10:244::40/122; in another Vpc than the native one with the Vpc's name behind:
 * `10-244-0-64-26.red`. Different blocks have different names.
 */
export function blockNameOf(prefix: Prefix, vpc: string = nativeVpcName): string {
  const text = formatPrefix(prefix).replaceAll(/[.:/]/g, "-");
  const name = text.startsWith("-") ? `0${text}` : text;
  return vpc === nativeVpcName ? name : `${name}.${vpc}`;
}

function nameErrors(block: IPBlock): FieldError[] {
  const { cidr, vpc } = block.spec;
  const wanted = blockNameOf(parsePrefix(cidr), vpc);
  if (block.metadata.name === wanted) return [];
  const what = vpc === undefined ? cidr : `${cidr} of Vpc "${vpc}"`;
  return [invalid("metadata.name", block.metadata.name, `want ${wanted} for ${what}`)];
}

function loanErrors({ spec: { cidr, node, lent: loans } }: IPBlock): FieldError[] {
  const prefix = parsePrefix(cidr);
  return loans.flatMap((loan, i) => {
    if (!containsIp(prefix, parseIp(loan.address))) {
      return [invalid(`spec.lent[${i}].address`, loan.address, `outside the block ${cidr}`)];
    }
    return loan.node === node
      ? [invalid(`spec.lent[${i}].node`, loan.node, "is the owner, want another node")]
      : [];
  });
}

/**
 * Whether the block is one of the pool's; `pool` is undefined when there is none of the name it
 * names.
 */
export function checkBlockInPool(block: IPBlock, pool: IPPool | undefined): readonly FieldError[] {
  if (pool === undefined) {
    return [invalid("spec.pool", block.spec.pool, "there is no IPPool of this name")];
  }
  const prefix = parsePrefix(block.spec.cidr);
  const inPool = containsPrefix(parsePrefix(pool.spec.cidr), prefix);
  if (inPool && prefix.length === blockLengthOf(pool)) return [];
  const message = `want a /${blockLengthOf(pool)} of IPPool "${pool.metadata.name}", ${pool.spec.cidr}`;
  return [invalid("spec.cidr", block.spec.cidr, message)];
}

/**
 * Whether the block says the Vpc of its pool's subnet: under the name of another Vpc one prefix
 * could be claimed twice. `subnet` is undefined when there is none, which is the pool's fault.
 */
export function checkBlockInVpc(block: IPBlock, subnet: Subnet | undefined): readonly FieldError[] {
  const { vpc = nativeVpcName } = block.spec;
  if (subnet === undefined || subnet.spec.vpc === vpc) return [];
  const whose = `Subnet "${subnet.metadata.name}" is in Vpc "${subnet.spec.vpc}"`;
  return [invalid("spec.vpc", vpc, `want the Vpc of the pool: ${whose}`)];
}
