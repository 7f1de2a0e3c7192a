/**
 * The node's uplink and what is behind it: a leaf in a namespace of its own, where Debian's BIRD
 * speaks BGP with the agent and sends it the default routes. A node without a session would not be
 * ready.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createNetns, type Fd } from "@heddle/native";
import { batch } from "../../packages/dataplane/src/testing/topology.ts";
import { BackgroundProcess } from "./background-process.ts";
import { link, nodeAddress } from "./cluster-objects.ts";

const addressOf = (text: string): string => text.slice(0, text.indexOf("/"));

const birdConfiguration = `
router id 10.255.0.1;
protocol device { }
protocol bfd { }
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ::/0 unreachable; }
protocol bgp node {
  local ${addressOf(link.leaf.ip4)} as ${link.leaf.asn};
  neighbor ${addressOf(link.node.ip4)} as ${link.node.asn};
  bfd on;
  ipv4 { import all; export all; };
  ipv6 { import all; export all; next hop address ${addressOf(link.leaf.ip6)}; };
}
`;

/** The caller owns the result. `directory` does not exist yet. */
export function startLeaf(node: Fd, directory: string): AsyncDisposable {
  using owned = new DisposableStack();
  const leaf = owned.use(createNetns());
  const { ifname } = link;
  batch(node, [
    "link set lo up",
    `addr add ${nodeAddress.ip4}/32 dev lo`,
    `addr add ${nodeAddress.ip6}/128 dev lo nodad`,
    `link add ${ifname} type veth peer name ${ifname} netns /proc/${process.pid}/fd/${leaf.number}`,
  ]);
  raise(node, link.node);
  raise(leaf, link.leaf);
  mkdirSync(directory);
  const file = path.join(directory, "bird.conf");
  writeFileSync(file, birdConfiguration);
  const argv = ["bird", "-f", "-c", file, "-s", path.join(directory, "bird.ctl")];
  const logFile = path.join(directory, "bird.log");
  const bird = new BackgroundProcess({ argv, netns: leaf, logFile });
  const namespaces = owned.move();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await bird[Symbol.asyncDispose]();
      namespaces.dispose();
    },
  };
}

function raise(netns: Fd, { ip4, ip6 }: { readonly ip4: string; readonly ip6: string }): void {
  batch(netns, [
    `link set ${link.ifname} up`,
    `addr add ${ip4} dev ${link.ifname}`,
    `addr add ${ip6} dev ${link.ifname} nodad`,
  ]);
}
