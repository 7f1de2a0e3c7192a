/**
 * Shared tc blocks that outlive the pods. The kernel drops a block and its filters with the last
 * qdisc that refers to it; the node's first pod would then pass packets before a filter could be
 * put back. So one qdisc refers to the blocks always: on a veth pair of the node, both ends in its
 * own namespace and down, which never carries a packet. (A dummy link would do, but needs a kernel
 * module of its own; loopback would run the pods' programs on the node's own traffic.)
 */
import { readFileSync } from "node:fs";
import {
  deleteClsact,
  type Link,
  newBpfFilter,
  newClsact,
  newLink,
  type Rtnetlink,
  setLink,
} from "@heddle/netlink";
import { assert } from "@heddle/std";
import { clsactState } from "./check-pod.ts";
import { PodLinkError } from "./pod-link-error.ts";
import type { PodBlocks } from "./pod-requests.ts";

const anchorIfname = "heddle-anchor";
const anchorPeerIfname = "heddle-anchor-p";
const anchorAlias = "heddle:anchor: keeps the tc blocks of pods while there is no pod";

const filterHandle = 1;
const filterPriority = 1;

/** `adopted`: the program was there already. */
export type FilterOutcome = "adopted" | "created" | "replaced";

/** Idempotent. @throws NetlinkError, PodLinkError when the name is another's */
export function ensureBlocks(host: Rtnetlink, blocks: PodBlocks): void {
  const { ifindex } = ensureAnchor(host);
  const clsact = clsactState(host, ifindex, blocks);
  if (clsact === "right") return;
  host.execute([
    ...(clsact === "wrong" ? [deleteClsact(ifindex)] : []),
    newClsact(ifindex, blocks),
  ]);
}

function ensureAnchor(host: Rtnetlink): Link {
  const ref = { name: anchorIfname };
  if (host.link(ref) === undefined) {
    host.execute([
      newLink({ ...ref, kind: { name: "veth", peer: { name: anchorPeerIfname } } }),
      setLink(ref, { alias: anchorAlias }),
    ]);
  }
  const link = host.link(ref);
  assert(link !== undefined, "the anchor was created");
  if (link.kind === "veth") return link;
  const message = `Cannot use interface ${anchorIfname}: it is a ${link.kind}, want a veth of ours`;
  throw new PodLinkError(message, "not-ours");
}

/**
 * One direct-action filter for every packet on the block. `programFd` is borrowed.
 * @throws NetlinkError EINVAL when no qdisc refers to the block
 */
export function ensureBlockFilter(
  host: Rtnetlink,
  block: number,
  programFd: number,
  name: string,
): FilterOutcome {
  const hook = { block };
  const existing = host
    .filters(hook)
    .find(({ handle, priority }) => handle === filterHandle && priority === filterPriority);
  const bpf = existing?.bpf;
  if (bpf?.programId === programIdOf(programFd) && bpf.name === name && bpf.directAction) {
    return "adopted";
  }
  const filter = { hook, handle: filterHandle, priority: filterPriority, programFd, name };
  host.execute([newBpfFilter(filter)]);
  return existing === undefined ? "created" : "replaced";
}

/** The kernel-wide id of a program, as proc(5) shows it for its descriptor. */
function programIdOf(programFd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${programFd}`, "utf8");
  const id = /^prog_id:\s*([0-9]+)$/m.exec(info)?.[1];
  assert(id !== undefined, "the descriptor is one of a BPF program");
  return Number(id);
}
