/** A way from one pod to another that can be measured, and that can tell which way packets took. */
import { readFileSync } from "node:fs";
import { type Fd, withNetns } from "@heddle/native";
import { assert } from "@heddle/std";

/** What one node has counted since it was made. */
export interface NodeCounts {
  /** Packets that left by our programs. A GSO packet counts once. */
  readonly podToUplink: number;
  readonly uplinkToPod: number;
  /** Packets that our programs left to the kernel's stack. */
  readonly podToStack: number;
  /** Packets that our programs dropped, other than multicast, which pods send on their own. */
  readonly dropped: number;
  /** Packets that the kernel's stack forwarded, both families. */
  readonly forwarded: number;
}

export interface Path extends AsyncDisposable {
  /** Namespaces of the pods. */
  readonly client: Fd;
  readonly server: Fd;
  /** Counts of the client's node and of the server's. */
  counts(): readonly [NodeCounts, NodeCounts];
  /** @throws when the packets of a run took another way than this path's */
  verify(before: NodeCounts, after: NodeCounts, packetsMin: number): void;
}

/** Packets that the stack of a node's namespace has forwarded. */
export function forwardedBy(node: Fd): number {
  return withNetns(node, () => forwarded4() + forwarded6());
}

function forwarded4(): number {
  const lines = readFileSync("/proc/thread-self/net/snmp", "utf8").split("\n");
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith("Ip: "))
    .map((line) => line.split(" "));
  return numberOf(values[names.indexOf("ForwDatagrams")]);
}

function forwarded6(): number {
  const text = readFileSync("/proc/thread-self/net/snmp6", "utf8");
  return numberOf(/^Ip6OutForwDatagrams\s+(\d+)$/m.exec(text)?.[1]);
}

function numberOf(text: string | undefined): number {
  assert(text !== undefined && /^\d+$/.test(text), "the kernel counts what it forwards");
  return Number(text);
}
