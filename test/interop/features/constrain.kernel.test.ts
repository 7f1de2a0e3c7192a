/** RFC 4684: route target constraint. */
import assert from "node:assert/strict";
import { defaultGracefulRestart } from "@heddle/speaker";
import type { Daemon } from "../daemon.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually, throughout } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, keyedPaths, requireKeyed } from "../harness/keyed-routes.ts";
import { establishedPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const asn = 65000;
const families = ["ipv4-vpn", "route-target"] as const;
const noConstraint = {
  frr: "has none",
  bird: "has none",
  exabgp: "keeps no table",
};

feature("4684 RT-constrain", noConstraint, async (bed) => {
  // With graceful restart GoBGP says when it has sent its memberships, and VPN routes may follow.
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { asn, gracefulRestart: { restartTimeS: 20 } },
    ours: { asn, gracefulRestart: defaultGracefulRestart },
    ourPeer: { families },
  });
  announceKeyed(speaker, "ipv4-vpn", "65000:1:10.1.0.0/16 label 100", ["rt:65000:1"]);
  announceKeyed(speaker, "ipv4-vpn", "65000:1:10.2.0.0/16 label 100", ["rt:65000:2"]);
  await join(daemon);
  await eventually("their membership here, and only what it wants there", async () => {
    const memberships = [...keyedPaths(speaker, "route-target").keys()];
    assert.deepEqual(memberships, ["65000:65000:1"]);
    assert.deepEqual(await vpnRoutesAt(daemon), ["65000:1:10.1.0.0/16"]);
  });
  await originate(daemon, "10.3.0.0/16", "65000:3");
  await originate(daemon, "10.4.0.0/16", "65000:4");
  announceKeyed(speaker, "route-target", "65000:65000:3", []);
  await eventually("what we want", () => {
    requireKeyed(speaker, "ipv4-vpn", "65000:7:10.3.0.0/16 label 200");
  });
  await throughout("nothing else", 800, () => {
    assert.equal(keyedPaths(speaker, "ipv4-vpn").size, 1);
  });
});

/** Makes it a member of rt:65000:1. */
async function join(daemon: Daemon): Promise<void> {
  if (daemon instanceof Gobgp) {
    await daemon.run("vrf", "add", "red", "rd", "65000:7", "rt", "both", "65000:1");
  } else if (daemon instanceof Heddle) {
    announceKeyed(daemon.speaker, "route-target", "65000:65000:1", []);
  }
}

async function vpnRoutesAt(daemon: Daemon): Promise<string[]> {
  if (daemon instanceof Gobgp) return Object.keys(await daemon.table("vpnv4"));
  if (!(daemon instanceof Heddle)) throw new Error(`${daemon.name} has no RT-constrain`);
  return [...keyedPaths(daemon.speaker, "ipv4-vpn").keys()].map((text) => text.split(" ")[0] ?? "");
}

async function originate(daemon: Daemon, prefix: string, target: string): Promise<void> {
  if (daemon instanceof Gobgp) {
    const add = ["global", "rib", "add", "-a", "vpnv4", prefix, "label", "200", "rd", "65000:7"];
    await daemon.run(...add, "nexthop", daemon.host.ip4, "rt", target);
  } else if (daemon instanceof Heddle) {
    announceKeyed(daemon.speaker, "ipv4-vpn", `65000:7:${prefix} label 200`, [`rt:${target}`]);
  }
}
