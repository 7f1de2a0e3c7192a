import { type Ifindex, parseIfindex } from "@heddle/inet";

/** Far above what the kernel counts up to by itself on a node, so that the two do not meet. */
export const ifindexMin = 1_000_000;
/** Then it starts over. */
export const ifindexMax = 1_999_999_999;

/**
 * Interface indexes for the host sides of pods, counting up, so that an index comes back only after
 * the whole range was used: whatever still refers to the index of a deleted pod does not meet
 * another pod.
 */
export class IfindexPool {
  #next: number;

  /** `used` are the indexes of the links that exist. */
  constructor(used: Iterable<Ifindex>) {
    let highest = ifindexMin - 1;
    for (const ifindex of used) {
      if (ifindex <= ifindexMax) highest = Math.max(highest, ifindex);
    }
    this.#next = highest + 1;
  }

  take(): Ifindex {
    if (this.#next > ifindexMax) this.#next = ifindexMin;
    const ifindex = parseIfindex(this.#next);
    this.#next += 1;
    return ifindex;
  }
}
