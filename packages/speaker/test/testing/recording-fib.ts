import type { LocRibChange } from "@heddle/bgp";
import { formatIp, formatPrefix } from "@heddle/inet";
import type { FibSink } from "../../src/fib-sink.ts";

/** Keeps the forwarding state it is given, and every change of it. */
export class RecordingFib implements FibSink {
  readonly routes: Map<string, string[]> = new Map();
  readonly history: string[] = [];
  convergedCount = 0;

  async apply(changes: readonly LocRibChange[]): Promise<void> {
    for (const { prefix, nextHops } of changes) {
      const name = formatPrefix(prefix);
      const hops = nextHops.map((hop) => formatIp(hop.address)).sort();
      if (hops.length === 0) this.routes.delete(name);
      else this.routes.set(name, hops);
      if (this.history.length < 1000) this.history.push(`${name} via ${hops.join(" ")}`);
    }
  }

  async converged(): Promise<void> {
    this.convergedCount += 1;
  }
}
