/**
 * The shape that both data planes are measured in, in unnamed network namespaces that end with the
 * process:
 *
 *     client ── node 1 ══ veth uplink ══ node 2 ── server
 *
 * Static routes of the nodes stand for BGP. Pods have addresses of their own blocks, no netfilter
 * table has a rule, every MTU is 1500. How a pod reaches its node is the business of the data
 * plane: see heddle-path.ts and routed-path.ts.
 */
import { createNetns, type Fd } from "@heddle/native";
import { batch, inNetns } from "../../packages/dataplane/src/testing/topology.ts";

export const mtu = 1500;
export const uplink = "up0";

/** One node and its pod. */
export interface Site {
  readonly node: Fd;
  readonly pod: Fd;
  readonly address4: string;
  readonly address6: string;
  readonly block4: string;
  readonly block6: string;
  readonly uplink4: string;
  readonly uplink6: string;
}

export class NodePair implements Disposable {
  readonly client: Site;
  readonly server: Site;
  readonly #owned = new DisposableStack();

  constructor() {
    try {
      this.client = this.#makeSite(0);
      this.server = this.#makeSite(1);
      this.#joinNodes();
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  get sites(): readonly [Site, Site] {
    return [this.client, this.server];
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  #makeSite(index: 0 | 1): Site {
    const [node, pod] = [this.#makeNetns(), this.#makeNetns()];
    return {
      ...{ node, pod },
      address4: `10.244.${index}.1`,
      address6: `fd00:10:244:${index}::1`,
      block4: `10.244.${index}.0/26`,
      block6: `fd00:10:244:${index}::/122`,
      uplink4: `172.16.0.${index}`,
      uplink6: `fd00:172:16::${index}`,
    };
  }

  #makeNetns(): Fd {
    const netns = this.#owned.use(createNetns());
    inNetns(netns, "ip", "link", "set", "lo", "up");
    // Without this, IPv6 addresses are of no use for the first second or two.
    const dad = ["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0"];
    inNetns(netns, "sysctl", "-qw", ...dad);
    return netns;
  }

  #joinNodes(): void {
    const { client, server } = this;
    const path = `/proc/${process.pid}/fd/${server.node.number}`;
    batch(client.node, [
      `link add ${uplink} mtu ${mtu} type veth peer name ${uplink} mtu ${mtu} netns ${path}`,
    ]);
    for (const [own, other] of [
      [client, server],
      [server, client],
    ] as const) {
      batch(own.node, [
        `link set ${uplink} up`,
        `addr add ${own.uplink4}/31 dev ${uplink}`,
        `addr add ${own.uplink6}/127 dev ${uplink} nodad`,
        `route add ${other.block4} via ${other.uplink4}`,
        `route add ${other.block6} via ${other.uplink6}`,
      ]);
    }
  }
}
