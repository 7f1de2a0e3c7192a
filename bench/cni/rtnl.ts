/**
 * Whether the kernel is done with deletions. Removing a link or a namespace goes on after the call
 * and holds the RTNL lock for many milliseconds at a time; whoever measures in that time measures
 * somebody else's deletion.
 */
import { createNetns, type Fd, withNetns } from "@heddle/native";
import { Rtnetlink, setLink } from "@heddle/netlink";

/** A lock that nobody holds is taken in this time. */
const quietMs = 0.3;
/** So many times in a row. */
const quietCount = 5;
const pauseMs = 4;
const timeoutMs = 5_000;

export class RtnlProbe implements Disposable {
  readonly #netns: Fd;
  readonly #rtnetlink: Rtnetlink;
  /** Times that the lock did not become quiet. */
  busyCount = 0;

  constructor() {
    this.#netns = createNetns();
    this.#rtnetlink = withNetns(this.#netns, () => new Rtnetlink());
  }

  /** Resolves when the lock is quiet, or after five seconds. */
  async settle(): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (let quiet = 0; quiet < quietCount; ) {
      const startMs = performance.now();
      this.#rtnetlink.execute([setLink({ name: "lo" }, { up: true })]);
      const waitedMs = performance.now() - startMs;
      quiet = waitedMs < quietMs ? quiet + 1 : 0;
      if (startMs > endMs) {
        this.busyCount += 1;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  [Symbol.dispose](): void {
    this.#rtnetlink[Symbol.dispose]();
    this.#netns.close();
  }
}
