/**
 * The peer: pods with veth pairs that the kernel routes, without netfilter and without any BPF
 * program. The pods are configured as ours are: host addresses and a link-local gateway.
 */
import type { Fd } from "@heddle/native";
import { withNetns } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import { assert } from "@heddle/std";
import { batch, inNetns } from "../../packages/dataplane/src/testing/topology.ts";
import { mtu, NodePair, type Site } from "./node-pair.ts";
import { forwardedBy, type NodeCounts, type Path } from "./path.ts";

const gateway4 = "169.254.1.1";
const gateway6 = "fe80::1";

export class RoutedPath implements Path {
  readonly #pair: NodePair;

  constructor() {
    this.#pair = new NodePair();
    try {
      for (const site of this.#pair.sites) attach(site);
    } catch (error) {
      this.#pair[Symbol.dispose]();
      throw error;
    }
  }

  get client(): Fd {
    return this.#pair.client.pod;
  }

  get server(): Fd {
    return this.#pair.server.pod;
  }

  counts(): readonly [NodeCounts, NodeCounts] {
    const [client, server] = this.#pair.sites;
    return [countsOf(client), countsOf(server)];
  }

  verify(before: NodeCounts, after: NodeCounts, packetsMin: number): void {
    const forwarded = after.forwarded - before.forwarded;
    assert(forwarded >= packetsMin, `the stack forwarded ${forwarded} packets, not ${packetsMin}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pair[Symbol.dispose]();
  }
}

function attach({ node, pod, address4, address6 }: Site): void {
  const path = `/proc/${process.pid}/fd/${pod.number}`;
  inNetns(node, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  batch(node, [
    `link add pod0 mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${path}`,
    "link set pod0 up",
    `addr add ${gateway4}/32 dev pod0`,
    `addr add ${gateway6}/64 dev pod0 nodad`,
  ]);
  batch(pod, [
    "link set eth0 up",
    `addr add ${address4}/32 dev eth0`,
    `addr add ${address6}/128 dev eth0 nodad`,
    `route add ${gateway4} dev eth0 scope link`,
    `route add default via ${gateway4} dev eth0`,
    `route add ::/0 via ${gateway6} dev eth0`,
  ]);
  batch(node, [`route add ${address4} dev pod0`, `route add ${address6} dev pod0`]);
  assertNoPrograms(node);
}

/** A program on this path would make the comparison one of two data planes of ours. */
function assertNoPrograms(node: Fd): void {
  using rtnetlink = withNetns(node, () => new Rtnetlink());
  const kinds = rtnetlink.qdiscs().map(({ kind }) => kind);
  assert(!kinds.includes("clsact"), "the routed path has no hook for programs");
}

function countsOf({ node }: Site): NodeCounts {
  const forwarded = forwardedBy(node);
  return { podToUplink: 0, uplinkToPod: 0, podToStack: 0, dropped: 0, forwarded };
}
