/** RFC 4364, 4659: VRFs over VPN routes with labels, theirs and ours. */
import assert from "node:assert/strict";
import type { KeyedFamily } from "@heddle/bgp";
import { formatPrefix, parsePrefix } from "@heddle/inet";
import { formatHop, type Vrf } from "@heddle/vpn";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourAsn, theirAsn, VpnNode, vrfOf } from "./vpn-node.ts";

const families: readonly KeyedFamily[] = ["ipv4-vpn", "ipv6-vpn"];
const label = 1007;
const id = 7;

const unsupported = {
  frr: "its VRFs want VRF devices",
  bird: "no VRF without MPLS routing",
  exabgp: "keeps no table",
  heddle: "two of them are in packages/vpn",
};

feature("4364/4659 VRFs over VPN routes", unsupported, async (bed) => {
  const { us, them } = bed;
  const peers = [{ asn: ourAsn, address: us.ip4, families }];
  const daemon = await bed.daemon({ asn: theirAsn, peers });
  assert.ok(daemon instanceof Gobgp);
  const node = await VpnNode.start(bed, daemon, async () => undefined, { families });
  const { l3: _l3, ...bare } = vrfOf(us, id, "02:00:00:00:00:01");
  const vrf: Vrf = { ...bare, label };
  const target = `${theirAsn}:${id}`;
  const prefixes = ["10.8.0.0/16", "fd08::/48"].map((text) => ({
    vrf: vrf.name,
    prefix: parsePrefix(text),
  }));
  await node.configure({ vrfs: [vrf], segments: [], endpoints: [], prefixes });

  await daemon.run("vrf", "add", "red", "rd", target, "rt", "both", target);
  await daemon.run("vrf", "add", "blue", "rd", `${theirAsn}:8`, "rt", "both", `${theirAsn}:8`);
  await eventually("our prefix in the VRF of the route target, not in the other", async () => {
    assert.match(await daemon.run("vrf", "red", "rib"), /10\.8\.0\.0\/16 +10\.9\.0\.1/);
    assert.doesNotMatch(await daemon.run("vrf", "blue", "rib"), /10\.8\.0\.0/);
  });

  await eventually("our IPv6 prefix, over IPv4", async () => {
    const shown = await daemon.run("global", "rib", "-a", "vpnv6");
    assert.match(shown, /:7:fd08::\/48 +\[1007\] +(::ffff:)?10\.9\.0\.1/);
  });

  const add = (family: string, prefix: string, ...words: string[]): Promise<string> =>
    daemon.run("global", "rib", "add", "-a", family, prefix, ...words);
  const imports = ["label", "500", "rd", target, "rt", target];
  await add("vpnv4", "10.7.0.0/16", ...imports, "nexthop", them.ip4);
  await add("vpnv6", "fd07::/48", ...imports, "nexthop", them.ip6);
  await add("vpnv6", "fd09:7::/48", ...imports, "nexthop", `::ffff:${them.ip4}`);
  const others = ["label", "501", "rd", `${theirAsn}:8`, "rt", `${theirAsn}:8`];
  await add("vpnv4", "10.7.8.0/24", ...others, "nexthop", them.ip4);
  await eventually("their prefixes in our VRF", () =>
    assert.deepEqual(
      [...node.imports.routes(vrf.name)]
        .map(({ hops, prefix }) => `${formatPrefix(prefix)} ${hops.map(formatHop).join(", ")}`)
        .sort(),
      [
        `10.7.0.0/16 mpls-in-udp ${them.ip4} label 500`,
        `fd07::/48 mpls-in-udp ${them.ip6} label 500`,
        `fd09:7::/48 mpls-in-udp ${them.ip4} label 500`,
      ],
    ),
  );
  await daemon.run("global", "rib", "del", "-a", "vpnv4", "10.7.0.0/16", ...imports);
  await node.configure({ vrfs: [vrf], segments: [], endpoints: [], prefixes: [] });
  await eventually("both sides have withdrawn", async () => {
    const left = [...node.imports.routes(vrf.name)].map(({ prefix }) => formatPrefix(prefix));
    assert.deepEqual(left.sort(), ["fd07::/48", "fd09:7::/48"]);
    assert.doesNotMatch(await daemon.run("vrf", "red", "rib"), /10\.8\.0\.0/);
  });
});
