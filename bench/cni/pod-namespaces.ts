/** Network namespaces for pods, made beforehand by `ip netns add` and all removed at the end. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type Fd, openNetns, withNetns } from "@heddle/native";

export class PodNamespaces implements Disposable {
  readonly #names: readonly string[];

  /** `name` is part of every namespace's name. */
  constructor(name: string, count: number) {
    const prefix = `ht-${process.pid}-${name}`;
    this.#names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
    try {
      ip(this.#names.map((netns) => `netns add ${netns}`));
      for (const index of this.#names.keys()) {
        using netns = this.open(index);
        skipDuplicateDetection(netns);
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Path of a namespace, as a runtime gives it. */
  path(index: number): string {
    return `/run/netns/${this.#names[index]}`;
  }

  /** The caller owns the result. */
  open(index: number): Fd {
    return openNetns(this.path(index));
  }

  [Symbol.dispose](): void {
    // -force: one that is gone does not keep the others.
    ip(
      this.#names.map((netns) => `netns del ${netns}`),
      "-force",
    );
  }
}

/**
 * Duplicate address detection takes a second, and the peer waits for it where we do not need it; it
 * is not what is compared.
 */
export function skipDuplicateDetection(netns: Fd): void {
  withNetns(netns, () => {
    for (const name of ["default", "all"]) {
      writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_dad`, "0");
    }
  });
}

function ip(lines: readonly string[], ...options: readonly string[]): void {
  const input = `${lines.join("\n")}\n`;
  execFileSync("ip", [...options, "-batch", "-"], { input, stdio: ["pipe", "ignore", "inherit"] });
}
