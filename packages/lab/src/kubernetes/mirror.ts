/**
 * An informer whose user's own writes show at once. A level-triggered controller that creates a pod
 * must see it on its next look, whether or not the watch has brought it by then; or it creates
 * another.
 */
import type { KubeObject, ResourceKind } from "@heddle/api";
import { Informer, type Store } from "@heddle/kube";
import { type Clock, type Log, must, type Rng } from "@heddle/std";

export interface StandInDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

export class Mirror<T extends KubeObject> {
  readonly #informer: Informer<T>;
  /** What this process wrote and the watch has not brought yet; undefined for what it removed. */
  readonly #written = new Map<string, T | undefined>();

  /** `changed` is called after every change, and must be cheap. */
  constructor(deps: StandInDeps, kind: ResourceKind<T>, changed: () => void) {
    this.#informer = new Informer<T>({
      ...deps,
      kind,
      onChange: (change) => {
        if (change.type === "deleted") this.#written.delete(keyOf(change.previous));
        else this.#dropIfSeen(change.object);
        changed();
      },
      onSynced: () => {
        this.#written.clear();
        changed();
      },
    });
  }

  /** False until the first list is in: absence means nothing before. */
  get hasListed(): boolean {
    return this.#informer.isSynced;
  }

  objects(): T[] {
    const objects = this.#informer.list().filter((object) => !this.#written.has(keyOf(object)));
    const written = [...this.#written.values()].filter((object) => object !== undefined);
    return [...objects, ...written];
  }

  /** What a write has answered; nothing is kept when the watch was faster. */
  absorb(object: T): void {
    const seen = this.#informer.get(object.metadata);
    if (seen !== undefined && revisionOf(seen) >= revisionOf(object)) return;
    this.#written.set(keyOf(object), object);
  }

  /** What a delete has removed. */
  forget(object: T): void {
    const seen = this.#informer.get(object.metadata);
    if (seen?.metadata.uid === object.metadata.uid) this.#written.set(keyOf(object), undefined);
  }

  /** Resolves when the signal has aborted and the watch has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    await this.#informer[Symbol.asyncDispose]();
  }

  /** Older revisions than the own write come first; they must not hide it. */
  #dropIfSeen(object: T): void {
    const key = keyOf(object);
    const written = this.#written.get(key);
    if (written !== undefined && revisionOf(object) >= revisionOf(written)) {
      this.#written.delete(key);
    }
  }
}

/** Revisions of one resource are ordered integers (Kubernetes API conventions, since 1.35). */
function revisionOf({ metadata }: KubeObject): bigint {
  return BigInt(must(metadata.resourceVersion, `${metadata.name} was never stored`));
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined
    ? metadata.name
    : `${metadata.namespace}/${metadata.name}`;
}
