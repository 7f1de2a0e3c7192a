/** Communities of all kinds, both ways. */
import assert from "node:assert/strict";
import { parseExtendedCommunity } from "@heddle/bgp";
import { parsePrefix } from "@heddle/inet";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { communityOf, ourPaths, requireUp } from "../harness/our-speaker.ts";

const sent = {
  communities: ["65001:7", "65535:65284"],
  largeCommunities: ["4200000001:2:3", "65001:4:5"],
  extendedCommunities: ["rt:65001:100", "soo:65001:200"],
};
const fields = ["communities", "largeCommunities", "extendedCommunities"] as const;

feature("1997/4360/8092 communities", {}, async (bed) => {
  const { us, them } = bed;
  const peer = { asn: 65001, address: us.ip4, families: ["ipv4-unicast"] } as const;
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  const speaker = await bed.speaker({ asn: 65001, peers: [{ asn: 65002, address: them.ip4 }] });
  await eventually("session", () => requireUp(speaker));
  speaker.announce(parsePrefix("10.1.0.0/16"), {
    communities: sent.communities.map(communityOf),
    largeCommunities: [
      [4_200_000_001, 2, 3],
      [65001, 4, 5],
    ],
    extendedCommunities: sent.extendedCommunities.map(parseExtendedCommunity),
  });
  await eventually("all kinds there", async () => {
    const [path] = await daemon.paths("10.1.0.0/16");
    assert.deepEqual(only(path, ...fields), sent);
  });
  await daemon.announce({ prefix: "10.2.0.0/16", nextHop: them.ip4, ...sent });
  await eventually("all kinds here", () => {
    const [path] = ourPaths(speaker, "10.2.0.0/16");
    assert.deepEqual(only(path, ...fields), sent);
  });
});
