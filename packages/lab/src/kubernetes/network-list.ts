import type { CniNetworkList } from "./cni-runtime.ts";

/** What /etc/cni/net.d/10-heddle.conflist holds on a node. */
export const networkList: CniNetworkList = {
  cniVersion: "1.1.0",
  name: "heddle",
  plugins: [{ type: "heddle-cni" }],
};
