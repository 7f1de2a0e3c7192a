/**
 * TCP-MD5 passwords of the node's sessions (RFC 2385), from the Secrets that the peers name. Each
 * stands alone: a Secret that cannot be read holds back the peers that name it and no others, and
 * one that was read stays in force while the API server is away. Agents may read Secrets by name
 * only, not watch them, so a changed one is found by reading again. Never logged.
 */
import { secretKind } from "@heddle/api";
import { StatusError, type Store } from "@heddle/kube";
import type { Clock, Rng, Timer } from "@heddle/std";
import type { NodeBgp } from "./plan-node-bgp.ts";
import { secretsOf } from "./speaker-config.ts";

/** What is known of the peers' passwords, by their origin; each is in one of the maps. */
export interface KnownPasswords {
  readonly passwords: ReadonlyMap<string, string>;
  /** Why a password is not known, for the status of the peer. */
  readonly passwordProblems: ReadonlyMap<string, string>;
}

type BgpPassword =
  | { readonly kind: "known"; readonly password: string }
  | { readonly kind: "unknown"; readonly reason: string };

type SecretRef = ReturnType<typeof secretsOf>[number]["ref"];

/** Before Secrets are read again, jittered; sooner while one is unknown. */
const reloadMs = 60_000;
const retryMs = 5000;

export class BgpPasswords implements Disposable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #changed: () => void;
  readonly #byOrigin: Map<string, BgpPassword> = new Map();
  #wanted: readonly { readonly origin: string; readonly ref: SecretRef }[] = [];
  #timer: Timer | undefined;
  #closed = false;

  /** `changed` is called when a later reading gave something else than the one before. */
  constructor(store: Store, clock: Clock, rng: Rng, changed: () => void) {
    this.#store = store;
    this.#clock = clock;
    this.#rng = rng;
    this.#changed = changed;
  }

  /** Of the peers of `bgp` that name a Secret. Does not reject for one that cannot be read. */
  async load(bgp: NodeBgp): Promise<KnownPasswords> {
    this.#wanted = secretsOf(bgp);
    const origins = new Set(this.#wanted.map(({ origin }) => origin));
    for (const origin of this.#byOrigin.keys()) {
      if (!origins.has(origin)) this.#byOrigin.delete(origin);
    }
    await this.#read();
    this.#schedule();
    const passwords = new Map<string, string>();
    const passwordProblems = new Map<string, string>();
    for (const [origin, found] of this.#byOrigin) {
      if (found.kind === "known") passwords.set(origin, found.password);
      else passwordProblems.set(origin, found.reason);
    }
    return { passwords, passwordProblems };
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#byOrigin.clear();
  }

  /** True when something is not as it was. */
  async #read(): Promise<boolean> {
    let isChanged = false;
    for (const { origin, ref } of this.#wanted) {
      const before = this.#byOrigin.get(origin);
      const after = await this.#passwordOf(ref, before);
      if (this.#closed) return false;
      this.#byOrigin.set(origin, after);
      isChanged ||= !isSame(before, after);
    }
    return isChanged;
  }

  async #passwordOf(
    { namespace, name, key }: SecretRef,
    before: BgpPassword | undefined,
  ): Promise<BgpPassword> {
    try {
      const secret = await this.#store.get(secretKind, { namespace, name });
      const value = secret.data?.[key];
      if (value !== undefined) {
        return { kind: "known", password: Buffer.from(value, "base64").toString() };
      }
      const reason = `Secret ${namespace}/${name} has no key ${key}, want the password`;
      return { kind: "unknown", reason };
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // A Secret that is gone is a decision; an API server that is away is not.
      const isGone = error.reason === "NotFound" || error.reason === "Forbidden";
      if (before?.kind === "known" && !isGone) return before;
      const reason = `Cannot read Secret ${namespace}/${name} of the password: ${error.message}`;
      return { kind: "unknown", reason };
    }
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (this.#closed || this.#wanted.length === 0) return;
    const isWaiting = [...this.#byOrigin.values()].some(({ kind }) => kind === "unknown");
    const delayMs = isWaiting ? retryMs : reloadMs;
    const jitter = 0.75 + (this.#rng.uint32() / 2 ** 32) * 0.25;
    this.#timer = this.#clock.after(delayMs * jitter, () => void this.#reload());
  }

  async #reload(): Promise<void> {
    const isChanged = await this.#read();
    this.#schedule();
    if (isChanged && !this.#closed) this.#changed();
  }
}

function isSame(a: BgpPassword | undefined, b: BgpPassword): boolean {
  if (a?.kind === "known" && b.kind === "known") return a.password === b.password;
  return a?.kind === "unknown" && b.kind === "unknown" && a.reason === b.reason;
}
