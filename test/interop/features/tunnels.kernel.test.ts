/** RFC 9012: the Tunnel Encapsulation attribute, and the Encapsulation Extended Community. */
import assert from "node:assert/strict";
import { parseExtendedCommunity, type Tunnel } from "@heddle/bgp";
import { parseIp4, parsePrefix } from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import type { Daemon } from "../daemon.ts";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { attributeOf } from "../gobgp/gobgp-paths.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { ourPaths, requireUp } from "../harness/our-speaker.ts";
import { establishedPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const families = ["ipv4-unicast"] as const;
const prefix = "10.1.0.0/16";

/** VXLAN to 10.9.0.1, port 4789, VNI 5000, and what that is as an attribute. */
const tunnels: readonly Tunnel[] = [
  {
    type: 8,
    subTlvs: [
      { kind: "vxlan", vni: 5000 },
      { kind: "egress-endpoint", address: parseIp4("10.9.0.1") },
      { kind: "udp-destination-port", port: 4789 },
    ],
  },
];
const attributeHex = "0008001e010c80001388000000000000000006 0a 00000000 0001 0a090001 0802 12b5";

function tunnelsHere(speaker: Speaker): readonly Tunnel[] | undefined {
  const [route] = speaker.routes({ within: parsePrefix(prefix) });
  if (route === undefined) throw new Error(`no route to ${prefix}`);
  return route.attributes.tunnels;
}

const shownByNobody = { frr: "shows no tunnels", bird: "shows the attribute as bytes" };

feature("9012 tunnel encapsulation, ours", shownByNobody, async (bed) => {
  const { daemon, speaker } = await establishedPair(bed);
  speaker.announce(parsePrefix(prefix), { tunnels });
  await eventually("the tunnel there", () => requireTunnelAt(daemon));
});

async function requireTunnelAt(daemon: Daemon): Promise<void> {
  if (daemon instanceof Heddle) {
    assert.deepEqual(tunnelsHere(daemon.speaker), tunnels);
  } else if (daemon instanceof Gobgp) {
    const [path] = (await daemon.table("ipv4"))[prefix] ?? [];
    const text = JSON.stringify(path === undefined ? "nothing" : attributeOf(path, 23));
    assert.match(text, /"type":8/);
    assert.match(text, /4789/);
  } else if (daemon instanceof Exabgp) {
    const heard = JSON.stringify(daemon.events()).toLowerCase();
    assert.ok(heard.includes(`0x${attributeHex.replaceAll(" ", "")}`), heard.slice(-600));
  }
}

const cannotSend = {
  frr: "originates none",
  bird: "originates none",
  gobgp: "its client sets none",
};

feature("9012 tunnel encapsulation, theirs", cannotSend, async (bed) => {
  const { daemon, speaker } = await establishedPair(bed);
  if (daemon instanceof Exabgp) {
    const attribute = `attribute [ 0x17 0xc0 0x${attributeHex.replaceAll(" ", "")} ]`;
    daemon.command(`announce route ${prefix} next-hop self ${attribute}`);
  } else if (daemon instanceof Heddle) {
    daemon.speaker.announce(parsePrefix(prefix), { tunnels });
  }
  await eventually("the tunnel here", () => assert.deepEqual(tunnelsHere(speaker), tunnels));
});

feature(
  "9012 tunnel encapsulation, passed on by them",
  {
    frr: "drops the attribute, and passes the extended community on",
    exabgp: "keeps no table and passes nothing on",
  },
  async (bed) => {
    const { us, them, lan } = bed;
    const other = lan.addHost("other");
    const { speaker } = await establishedPair(bed, {
      theirs: {
        peers: [
          { asn: 65001, address: us.ip4, families },
          { asn: 65003, address: other.ip4, families },
        ],
      },
    });
    const peers = [{ asn: 65002, address: them.ip4, families }];
    const receiver = await bed.speaker({ asn: 65003, peers, families }, other);
    await eventually("the receiver's session", () => requireUp(receiver));
    speaker.announce(parsePrefix(prefix), {
      tunnels,
      extendedCommunities: [parseExtendedCommunity("encap:8")],
    });
    await eventually("both behind them", () => {
      assert.deepEqual(ourPaths(receiver, prefix)[0]?.extendedCommunities, ["encap:8"]);
      assert.deepEqual(tunnelsHere(receiver), tunnels);
    });
  },
);
