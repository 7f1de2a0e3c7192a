/**
 * IPBlock objects as records of ownership. Creating one is the claim: its name is made from its
 * prefix and Vpc, so only one node can. Every later change of owner is a compare-and-swap.
 */
import { blockNameOf, type IPBlock, ipBlockKind, nativeVpcName } from "@heddle/api";
import { formatPrefix, parsePrefix, type VrfId } from "@heddle/inet";
import { isStatus, type Store } from "@heddle/kube";
import { nativeVrf } from "@heddle/vrouter";
import type { OwnedBlock } from "../journal/allocation.ts";

/**
 * Which claim a block of one fixed address belongs to: `namespace/name`. It outlives the holder.
 */
export const claimAnnotation = "heddle.io/claim";

/** What the name of the record is made from. */
export type BlockRef = Pick<OwnedBlock, "prefix" | "vpc">;

export type ClaimOutcome =
  | { readonly kind: "granted" }
  /** Another node owns the block. */
  | { readonly kind: "taken"; readonly node: string }
  /** Nobody holds the block, but it is kept for another claim. */
  | { readonly kind: "reserved"; readonly claim: string };

/**
 * Makes `node` the owner of the block when nobody is. A block that says it is ours is granted: a
 * crash after the claim leaves it so.
 * @throws StatusError when the store cannot tell
 */
export async function claimBlock(
  store: Store,
  node: string,
  block: OwnedBlock,
): Promise<ClaimOutcome> {
  try {
    await store.create(ipBlockKind, newBlock(node, block));
    return { kind: "granted" };
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
  return await adopt(store, node, block);
}

/**
 * @throws StatusError; a Conflict means that somebody was faster, and the next try will see whom
 */
async function adopt(store: Store, node: string, wanted: OwnedBlock): Promise<ClaimOutcome> {
  const { claim } = wanted;
  const block = await read(store, wanted);
  const owner = block.spec.node;
  const keptFor = block.metadata.annotations?.[claimAnnotation];
  if (keptFor !== claim && keptFor !== undefined) return { kind: "reserved", claim: keptFor };
  if (owner !== undefined && owner !== node) return { kind: "taken", node: owner };
  if (owner === node && keptFor === claim) return { kind: "granted" };
  await store.update(ipBlockKind, ownedBy(block, node, claim));
  return { kind: "granted" };
}

/**
 * Replaces the owner `from`, who is gone for good, by `node`.
 * @throws StatusError Conflict when the record changed meanwhile
 */
export async function takeOverBlock(
  store: Store,
  node: string,
  ref: BlockRef,
  from: string,
): Promise<ClaimOutcome> {
  const block = await read(store, ref);
  const owner = block.spec.node;
  if (owner !== undefined && owner !== from && owner !== node)
    return { kind: "taken", node: owner };
  if (owner !== node) {
    await store.update(
      ipBlockKind,
      ownedBy(block, node, block.metadata.annotations?.[claimAnnotation]),
    );
  }
  return { kind: "granted" };
}

/** Gives a dynamic block back to the pool. Gone, or owned by another node, counts as done. */
export async function deleteBlock(store: Store, node: string, ref: BlockRef): Promise<void> {
  await whileOwned(store, node, ref, async (block) => {
    const { uid, resourceVersion } = block.metadata;
    await store.delete(
      ipBlockKind,
      { name: block.metadata.name },
      {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    );
  });
}

/** Removes the node from a block that stays reserved for its claim. */
export async function releaseBlock(store: Store, node: string, ref: BlockRef): Promise<void> {
  await whileOwned(store, node, ref, async (block) => {
    const { node: _, ...spec } = block.spec;
    await store.update(ipBlockKind, { ...block, spec });
  });
}

/** The owner on record; undefined when nobody owns the block or there is none. */
export async function ownerOf(store: Store, ref: BlockRef): Promise<string | undefined> {
  try {
    return (await read(store, ref)).spec.node;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

async function whileOwned(
  store: Store,
  node: string,
  ref: BlockRef,
  act: (block: IPBlock) => Promise<void>,
): Promise<void> {
  try {
    const block = await read(store, ref);
    if (block.spec.node === node) await act(block);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

function read(store: Store, { prefix, vpc }: BlockRef): Promise<IPBlock> {
  return store.get(ipBlockKind, { name: blockNameOf(prefix, vpc) });
}

function newBlock(node: string, { claim, ...block }: OwnedBlock): IPBlock {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "IPBlock",
    metadata: {
      name: blockNameOf(block.prefix, block.vpc),
      ...(claim === undefined ? {} : { annotations: { [claimAnnotation]: claim } }),
    },
    spec: {
      pool: block.pool,
      subnet: block.subnet,
      ...(block.vpc === nativeVpcName ? {} : { vpc: block.vpc }),
      cidr: formatPrefix(block.prefix),
      node,
      lent: [],
    },
  };
}

function ownedBy(block: IPBlock, node: string, claim: string | undefined): IPBlock {
  const annotations = block.metadata.annotations;
  const metadata =
    claim === undefined
      ? block.metadata
      : { ...block.metadata, annotations: { ...annotations, [claimAnnotation]: claim } };
  return { ...block, metadata, spec: { ...block.spec, node } };
}

/**
 * The object as the journal's value; undefined when the VRF of its Vpc is not known. @throws
 * ParseError
 */
export function readBlock(
  block: IPBlock,
  vrfOf: (subnet: string) => VrfId | undefined,
): OwnedBlock | undefined {
  const { pool, subnet, cidr, vpc = nativeVpcName } = block.spec;
  const vrf = vpc === nativeVpcName ? nativeVrf : vrfOf(subnet);
  if (vrf === undefined) return undefined;
  const claim = block.metadata.annotations?.[claimAnnotation];
  return { prefix: parsePrefix(cidr), pool, subnet, vpc, vrf, claim };
}
