/** The peer: Debian's `bridge` with `host-local`, both families, without masquerading. */
import { globSync } from "node:fs";
import path from "node:path";
import type { Fd } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import { assert } from "@heddle/std";
import type { Plugin } from "./contestant.ts";
import { skipDuplicateDetection } from "./pod-namespaces.ts";

/** Where the Debian package containernetworking-plugins puts them. */
const folder = "/usr/lib/cni";

const network = "peer";

/** `directory` is for the address files of host-local. */
export function bridgePlugin(node: Fd, directory: string): Plugin {
  skipDuplicateDetection(node);
  const dataDir = path.join(directory, "host-local");
  return {
    name: "peer",
    program: path.join(folder, "bridge"),
    node,
    config: {
      ...{ cniVersion: "1.0.0", name: network, type: "bridge", bridge: "cni0" },
      isDefaultGateway: true,
      ipam: {
        ...{ type: "host-local", dataDir },
        ranges: [[{ subnet: "10.245.0.0/16" }], [{ subnet: "fd00:10:245::/64" }]],
      },
    },
    environment: () => ({}),
    async verifyState(given: ReadonlyMap<string, number>): Promise<void> {
      const podCount = new Set(given.values()).size;
      const files = globSync("[0-9a-f]*", { cwd: path.join(dataDir, network) });
      assert(files.length === given.size, `host-local has ${files.length} addresses`);
      using rtnetlink = new Rtnetlink(node);
      const veths = rtnetlink.links().filter(({ name }) => name.startsWith("veth"));
      assert(veths.length === podCount, `the bridge's node has ${veths.length} interfaces`);
    },
  };
}
