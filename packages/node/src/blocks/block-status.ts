import { blockNameOf, ipBlockKind } from "@heddle/api";
import { isStatus, type Store } from "@heddle/kube";
import type { WriteQueue } from "../cluster/write-queue.ts";
import type { BlockEntry, OwnedBlocks } from "./owned-blocks.ts";

/** What was published last, so that an unchanged block costs no request. */
const published = new WeakMap<BlockEntry, string>();

/** Writes the counts of own blocks to their status, for people; nothing depends on them. */
export function publishCounts(store: Store, queue: WriteQueue, blocks: OwnedBlocks): void {
  for (const entry of blocks.list()) {
    const allocated = entry.addresses.count("held");
    const capacity = entry.addresses.usableCount;
    const text = `${allocated}/${capacity}`;
    if (published.get(entry) === text || entry.isClosing) continue;
    published.set(entry, text);
    const name = blockNameOf(entry.prefix, entry.vpc);
    queue.put(`block/${name}`, async () => {
      try {
        const block = await store.get(ipBlockKind, { name });
        const status = { conditions: [], ...block.status, allocated, capacity };
        await store.updateStatus(ipBlockKind, { ...block, status });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    });
  }
}
