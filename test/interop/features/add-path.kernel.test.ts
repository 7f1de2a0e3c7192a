/** RFC 7911, both ways: several paths to one prefix. */
import assert from "node:assert/strict";
import { parsePrefix } from "@heddle/inet";
import { Exabgp } from "../exabgp/exabgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { communityOf, ourPaths, requireUp } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";

const prefix = "10.1.0.0/16";
const families = ["ipv4-unicast"] as const;
const offer = { family: "ipv4-unicast", receive: true, send: true } as const;

feature("7911 add-path, we send", {}, async (bed) => {
  const feeds = [bed.lan.addHost("feed-a"), bed.lan.addHost("feed-b")];
  const { us } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    theirPeer: { addPath: "receive" },
    ourPeer: { addPath: [offer] },
    ours: {
      peers: [
        { asn: 65002, address: bed.them.ip4, families, addPath: [offer] },
        ...feeds.map((feed, i) => ({ asn: 65011 + i, address: feed.ip4, families })),
      ],
    },
  });
  for (const [i, feed] of feeds.entries()) {
    const peers = [{ asn: 65001, address: us.ip4, families }];
    const source = await bed.speaker({ asn: 65011 + i, families, peers }, feed);
    source.announce(parsePrefix(prefix), { communities: [communityOf(`65001:${i}`)] });
    await eventually("feed", () => requireUp(source));
  }
  await eventually("two paths here", () => assert.equal(ourPaths(speaker, prefix).length, 2));
  await eventually("two paths there", async () => {
    const paths = await daemon.paths(prefix);
    const seen = paths.map(({ asPath, communities }) => `${asPath} ${communities}`).sort();
    assert.deepEqual(seen, ["65001 65011 65001:0", "65001 65012 65001:1"]);
  });
});

feature("7911 add-path, they send", {}, async (bed) => {
  const feeds = [bed.lan.addHost("feed-a"), bed.lan.addHost("feed-b")];
  const { us, them } = bed;
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: {
      peers: [
        { asn: 65001, address: us.ip4, families, addPath: "both" },
        ...feeds.map((feed, i) => ({ asn: 65011 + i, address: feed.ip4, families })),
      ],
    },
    ourPeer: { addPath: [offer] },
  });
  for (const [i, feed] of feeds.entries()) {
    if (daemon instanceof Exabgp) {
      // It keeps no table of what it hears: both paths are its own.
      const path = `path-information ${i + 1} as-path [ 65002 ${65011 + i} ]`;
      const route = `announce route ${prefix} next-hop ${them.ip4}`;
      daemon.command(`${route} ${path} community [ 65001:${i} ]`);
      continue;
    }
    const peers = [{ asn: 65002, address: them.ip4, families }];
    const source = await bed.speaker({ asn: 65011 + i, families, peers }, feed);
    source.announce(parsePrefix(prefix), { communities: [communityOf(`65001:${i}`)] });
  }
  const seen = (): string[] =>
    ourPaths(speaker, prefix)
      .map((path) => `${path.asPath} ${path.communities}`)
      .sort();
  await eventually("two paths here", () => {
    assert.deepEqual(seen(), ["65002 65011 65001:0", "65002 65012 65001:1"]);
  });
  if (daemon instanceof Exabgp) {
    daemon.command(`withdraw route ${prefix} next-hop ${them.ip4} path-information 1`);
    await eventually("one path less", () => assert.deepEqual(seen(), ["65002 65012 65001:1"]));
  }
});
