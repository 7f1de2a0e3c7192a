/**
 * VRF ids of Vpcs: 32-bit, unique, and never given twice.
 *
 * The ids come from one counter, `status.nextVrfId` of the Vpc named default. Whoever wants an id
 * raises it by compare-and-swap, and only the one whose write succeeded has the id below it. So ids
 * are unique whoever believes to lead, with one object of constant size and without looking at the
 * others. A crash between the counter and the Vpc costs an id, of which there are four thousand
 * million.
 *
 * Ids of deleted Vpcs are not given again. That a Port or an IPBlock refers to one could be seen
 * here; that a node which is cut off from the API still forwards under it could not, and giving the
 * id away would join two tenants there.
 *
 * A counter that is gone, because somebody deleted the Vpc, starts again a margin above every id
 * that is known: ids that were given at the same time may not be in any Vpc yet.
 */
import { nativeVpcName, type Vpc, vpcKind } from "@heddle/api";
import { parseVrfId, type VrfId } from "@heddle/inet";
import { isStatus, type Store } from "@heddle/kube";

/** More than the replicas that can have an id on its way: each has one at most. */
const lostMargin = 64;

const tryCountMax = 8;
const vrfIdMax = 0xffffffff;
const pageSize = 500;

export interface VrfAllocatorOptions {
  readonly store: Store;
  /** The highest id that was ever seen; a counter behind it was restored from an old copy. */
  readonly highestVrfId: () => number;
}

export class VrfAllocator {
  readonly #options: VrfAllocatorOptions;
  /** One at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: VrfAllocatorOptions) {
    this.#options = options;
  }

  /**
   * An id that nobody else has or gets.
   * @throws StatusError Conflict when others were faster every time, NotFound while there is no Vpc
   * named default
   * @throws RangeError when every id has been given
   */
  allocate(): Promise<VrfId> {
    const next = this.#last.then(() => this.#allocate());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #allocate(): Promise<VrfId> {
    const { store } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const native = await store.get(vpcKind, { name: nativeVpcName });
      const id = await this.#nextOf(native);
      if (id > vrfIdMax) throw new RangeError("Cannot give a VRF id: every one has been given");
      const status = { conditions: [], ...native.status, nextVrfId: id + 1 };
      try {
        await store.updateStatus(vpcKind, { ...native, status });
        return parseVrfId(id);
      } catch (error) {
        if (!isStatus(error, "Conflict") || tries === tryCountMax) throw error;
      }
    }
  }

  async #nextOf({ status }: Vpc): Promise<number> {
    const seen = this.#options.highestVrfId();
    if (status?.nextVrfId !== undefined) return Math.max(status.nextVrfId, seen + 1);
    const highest = Math.max(seen, await this.#highestInStore());
    return highest === 0 ? 1 : highest + lostMargin;
  }

  async #highestInStore(): Promise<number> {
    let highest = 0;
    let continueToken: string | undefined;
    do {
      const page = await this.#options.store.list(vpcKind, {
        limit: pageSize,
        ...(continueToken === undefined ? {} : { continueToken }),
      });
      for (const { status } of page.items) {
        if (status?.vrfId !== undefined) highest = Math.max(highest, status.vrfId);
      }
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    return highest;
  }
}
