/** RFC 8955 and 8956: flow specifications and what to do with the traffic. */
import assert from "node:assert/strict";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Frr } from "../frr/frr.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, requireKeyed } from "../harness/keyed-routes.ts";
import { establishedPair } from "../harness/pair.ts";

const families = ["ipv4-unicast", "ipv4-flowspec"] as const;
const asn = 65000;

feature("8955 flowspec, ours", {}, async (bed) => {
  const ours = { asn };
  const { daemon, speaker } = await establishedPair(bed, {
    ...{ ours, theirs: { asn }, ourPeer: { families } },
  });
  const spec = "destination-prefix 10.7.0.0/16 ip-protocol =6 destination-port =80,>=8080&<=8088";
  announceKeyed(speaker, "ipv4-flowspec", spec, ["rate-bytes:0:0"]);
  await eventually("our rule there", async () => {
    const shown = (await flowsAt(daemon)).replaceAll(/\s+/g, "");
    for (const part of expected[daemon.name]) {
      assert.ok(shown.includes(part), `no ${part} in ${shown}`);
    }
  });
});

/** Destination, protocol, ports and action in each notation, without spaces. */
const expected: Readonly<Record<Daemon["name"], readonly string[]>> = {
  frr: ['"to":"10.7.0.0/16"', '"proto":"=6"', '"dstp":"=80,>=8080,<=8088"', "FS:rate0.000000"],
  bird: ["dst10.7.0.0/16;", "proto6;", "dport80,8080..8088;", "(generic,0x80060000,0x0)"],
  gobgp: [
    "[destination:10.7.0.0/16][protocol:==tcp][destination-port:==80>=8080&<=8088]",
    '{"type":128,"subtype":6,"as":0,"rate":0}',
  ],
  exabgp: ["destination-ipv410.7.0.0/16", "protocol=tcp", "=80>=8080&<=8088", "rate-limit:0"],
};

async function flowsAt(daemon: Daemon): Promise<string> {
  if (daemon instanceof Frr) return daemon.vtysh("show bgp ipv4 flowspec detail json");
  if (daemon instanceof Bird) return daemon.routes("table", "flowtab4", "all");
  if (daemon instanceof Gobgp) return JSON.stringify(await daemon.table("ipv4-flowspec"));
  if (!(daemon instanceof Exabgp)) throw new Error(`no flows of ${daemon.name}`);
  return JSON.stringify(daemon.events().map(({ neighbor }) => neighbor?.message));
}

feature("8955 flowspec, theirs", { frr: "originates none" }, async (bed) => {
  const staticFlow = [
    "protocol static flows { flow4 { table flowtab4; };",
    "route flow4 { dst 10.8.0.0/16; proto = 17; dport = 53; }",
    "{ bgp_ext_community.add((generic, 0x80060000, 0x0)); }; }",
  ];
  const more = bed.daemonName === "bird" ? { more: staticFlow.join(" ") } : {};
  const { daemon, speaker } = await establishedPair(bed, {
    ...{ theirs: { asn, ...more }, ours: { asn }, ourPeer: { families } },
  });
  if (daemon instanceof Gobgp) {
    const match = ["match", "destination", "10.8.0.0/16", "protocol", "udp"];
    const action = ["destination-port", "==53", "then", "discard"];
    await daemon.run("global", "rib", "add", "-a", "ipv4-flowspec", ...match, ...action);
  } else if (daemon instanceof Exabgp) {
    const match = "match { destination 10.8.0.0/16; protocol udp; destination-port =53; }";
    daemon.command(`announce flow route { ${match} then { discard; } }`);
  }
  await eventually("their rule here", () => {
    const text = "destination-prefix 10.8.0.0/16 ip-protocol =17 destination-port =53";
    const { extendedCommunities } = requireKeyed(speaker, "ipv4-flowspec", text);
    assert.deepEqual(extendedCommunities, ["rate-bytes:0:0"]);
  });
});
