/** RFC 7854: the routes of a session, as the daemon reports them to a collector of ours. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { Frr } from "../frr/frr.ts";
import { BmpCollector, bmpPort } from "../harness/bmp-collector.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { communityOf, pathOf } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";

feature(
  "7854 BMP of the daemon at our collector",
  { bird: "no BMP in BIRD 2.0", exabgp: "no BMP in ExaBGP" },
  async (bed) => {
    const { us } = bed;
    const collector = bed.use(new BmpCollector(us));
    const server = [
      "[[bmp-servers]]",
      "[bmp-servers.config]",
      `address = "${us.ip4}"`,
      `port = ${bmpPort}`,
      'route-monitoring-policy = "pre-policy"',
    ];
    const more = bed.daemonName === "gobgp" ? { more: server.join("\n") } : {};
    const { daemon, speaker } = await establishedPair(bed, { theirs: more });
    if (daemon instanceof Frr) {
      const connect = `bmp connect ${us.ip4} port ${bmpPort} min-retry 100 max-retry 500`;
      const monitor = "bmp monitor ipv4 unicast post-policy";
      await daemon.configure("router bgp 65002", "bmp targets collector", connect, monitor);
    }
    speaker.announce(parsePrefix("10.1.0.0/16"), {
      med: 12,
      communities: [communityOf("65001:5")],
    });
    // FRR 8.4 writes its own AS into the path of a route that it received.
    const asPath = daemon instanceof Frr ? "65002 65001" : "65001";
    await eventually("our route in a Route Monitoring message", () => {
      if (collector.problem !== undefined) throw collector.problem;
      const found = collector.routes.find(({ prefix }) => prefix === "10.1.0.0/16");
      if (found === undefined) throw new Error(`types of messages: ${collector.messageTypes}`);
      assert.deepEqual([found.peer, found.peerAsn], [us.ip4, 65001]);
      assert.deepEqual(only(pathOf(found.attributes, false), "asPath", "med", "communities"), {
        ...{ asPath, med: 12, communities: ["65001:5"] },
      });
    });
    // Initiation comes first, and a Peer Up before the routes (RFC 7854 4.3, 4.10).
    assert.equal(collector.messageTypes[0], 4);
    assert.ok(collector.messageTypes.indexOf(3) < collector.messageTypes.indexOf(0));
  },
);
