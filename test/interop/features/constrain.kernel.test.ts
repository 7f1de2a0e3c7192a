/** RFC 4684 route target constraint and RFC 9012 tunnels, with GoBGP. */
import assert from "node:assert/strict";
import { parseIp4, parsePrefix } from "@heddle/inet";
import { defaultGracefulRestart } from "@heddle/speaker";
import { Gobgp } from "../gobgp/gobgp.ts";
import { attributeOf } from "../gobgp/gobgp-paths.ts";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, keyedPaths, requireKeyed } from "../harness/keyed-routes.ts";
import { establishedPair } from "../harness/pair.ts";

const asn = 65000;
const families = ["ipv4-vpn", "route-target"] as const;
const onlyGobgp = {
  frr: "no RT-constrain in FRR 8.4",
  bird: "no RT-constrain in BIRD 2.0",
  exabgp: "keeps no table",
};

feature("4684 RT-constrain", onlyGobgp, async (bed) => {
  const { them } = bed;
  // With graceful restart GoBGP says when it has sent its memberships, and VPN routes may follow.
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { asn, gracefulRestart: { restartTimeS: 20 } },
    ours: { asn, gracefulRestart: defaultGracefulRestart },
    ourPeer: { families },
  });
  assert.ok(daemon instanceof Gobgp);
  announceKeyed(speaker, "ipv4-vpn", "65000:1:10.1.0.0/16 label 100", ["rt:65000:1"]);
  announceKeyed(speaker, "ipv4-vpn", "65000:1:10.2.0.0/16 label 100", ["rt:65000:2"]);
  await daemon.run("vrf", "add", "red", "rd", "65000:7", "rt", "both", "65000:1");
  await eventually("their membership here, and only what it wants there", async () => {
    const memberships = [...keyedPaths(speaker, "route-target").keys()];
    assert.deepEqual(memberships, ["65000:65000:1"]);
    const seen = Object.keys(await daemon.table("vpnv4"));
    assert.deepEqual(seen, ["65000:1:10.1.0.0/16"]);
  });
  const add = ["global", "rib", "add", "-a", "vpnv4"];
  const rest = ["label", "200", "rd", "65000:7", "nexthop", them.ip4];
  await daemon.run(...add, "10.3.0.0/16", ...rest, "rt", "65000:3");
  await daemon.run(...add, "10.4.0.0/16", ...rest, "rt", "65000:4");
  announceKeyed(speaker, "route-target", "65000:65000:3", []);
  await eventually("what we want", () => {
    requireKeyed(speaker, "ipv4-vpn", "65000:7:10.3.0.0/16 label 200");
  });
  await throughout("nothing else", 800, () => {
    assert.equal(keyedPaths(speaker, "ipv4-vpn").size, 1);
  });
});

feature(
  "9012 tunnel encapsulation",
  { ...onlyGobgp, frr: "shows no tunnels", bird: "passes the attribute as bytes" },
  async (bed) => {
    const { us } = bed;
    const { daemon, speaker } = await establishedPair(bed);
    assert.ok(daemon instanceof Gobgp);
    speaker.announce(parsePrefix("10.1.0.0/16"), {
      tunnels: [
        {
          type: 8,
          subTlvs: [
            { kind: "vxlan", vni: 5000 },
            { kind: "egress-endpoint", address: parseIp4(us.ip4) },
            { kind: "udp-destination-port", port: 4789 },
          ],
        },
      ],
    });
    await eventually("the tunnel there", async () => {
      const [path] = (await daemon.table("ipv4"))["10.1.0.0/16"] ?? [];
      const text = JSON.stringify(path === undefined ? "nothing" : attributeOf(path, 23));
      assert.match(text, /"type":8/);
      assert.match(text, /4789/);
    });
  },
);
