/** Which interfaces the kernel has: a switch's ports come and go, and come back as others. */
import type { Ifindex } from "@heddle/inet";
import { Rtnetlink } from "@heddle/netlink";
import type { Clock, Log, Timer } from "@heddle/std";

const pollMs = 2000;

export class Interfaces implements Disposable {
  readonly #rtnetlink: Rtnetlink = new Rtnetlink();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: () => void;
  /** Those that are watched, as they were when they were looked at. */
  #known: ReadonlyMap<string, Ifindex | undefined> = new Map();
  #due: Timer | undefined;

  /** `changed` is called when a watched one has come, gone, or become another. */
  constructor(clock: Clock, log: Log, changed: () => void) {
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Undefined when there is none of that name. @throws NetlinkError */
  readonly indexOf = (name: string): Ifindex | undefined => this.#find(name);

  /** From now on these are watched, and no others. @throws NetlinkError */
  watch(names: Iterable<string>): void {
    this.#known = new Map(Array.from(names, (name) => [name, this.#find(name)]));
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#due?.cancel();
    this.#due = undefined;
    this.#rtnetlink[Symbol.dispose]();
  }

  #arm(): void {
    this.#due?.cancel();
    this.#due = this.#known.size === 0 ? undefined : this.#clock.after(pollMs, () => this.#poll());
  }

  #poll(): void {
    this.#arm();
    try {
      const before = this.#known;
      this.watch(before.keys());
      const isSame = [...this.#known].every(([name, index]) => before.get(name) === index);
      if (!isSame) this.#changed();
    } catch (error) {
      this.#log.error("cannot look whether interfaces have changed", { error });
    }
  }

  #find(name: string): Ifindex | undefined {
    return this.#rtnetlink.link({ name })?.ifindex;
  }
}
