/** RFC 8955 and 8956: flow specifications and what to do with the traffic. */
import assert from "node:assert/strict";
import { Bird } from "../bird/bird.ts";
import type { Daemon } from "../daemon.ts";
import { Exabgp } from "../exabgp/exabgp.ts";
import { Frr } from "../frr/frr.ts";
import { Gobgp } from "../gobgp/gobgp.ts";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { announceKeyed, keyedPaths, requireKeyed } from "../harness/keyed-routes.ts";
import { establishedPair } from "../harness/pair.ts";
import { Heddle } from "../heddle/heddle.ts";

const asn = 65000;

/** What differs between the two families. */
interface Version {
  readonly name: string;
  readonly number: 4 | 6;
  readonly ours: string;
  readonly theirs: string;
  /** What BIRD and ExaBGP call the protocol. */
  readonly birdProtocol: string;
  readonly exabgpProtocol: string;
  /** What each shows of our rule, without spaces. */
  readonly shown: Readonly<Record<Daemon["name"], readonly string[]>>;
}

const action = '{"type":128,"subtype":6,"as":0,"rate":0}';
const gobgpPorts = "[destination-port:==80>=8080&<=8088]";

const versions: readonly Version[] = [
  {
    name: "8955 IPv4 flowspec",
    number: 4,
    ours: "10.7.0.0/16",
    theirs: "10.8.0.0/16",
    birdProtocol: "proto",
    exabgpProtocol: "protocol",
    shown: {
      frr: ['"to":"10.7.0.0/16"', '"proto":"=6"', '"dstp":"=80,>=8080,<=8088"', "FS:rate0.000000"],
      bird: ["dst10.7.0.0/16;", "proto6;", "dport80,8080..8088;", "(generic,0x80060000,0x0)"],
      gobgp: [`[destination:10.7.0.0/16][protocol:==tcp]${gobgpPorts}`, action],
      exabgp: ["destination-ipv410.7.0.0/16", "protocol=tcp", "=80>=8080&<=8088", "rate-limit:0"],
      heddle: ["destination-prefix10.7.0.0/16", "=80,>=8080&<=8088", "rate-bytes:0:0"],
    },
  },
  {
    name: "8956 IPv6 flowspec",
    number: 6,
    ours: "fd07::/32",
    theirs: "fd08::/32",
    birdProtocol: "next header",
    exabgpProtocol: "next-header",
    shown: {
      frr: [
        '"to":"fd07::/32/off0"',
        '"proto":"=6"',
        '"dstp":"=80,>=8080,<=8088"',
        "FS:rate0.000000",
      ],
      bird: ["dstfd07::/32;", "nextheader6;", "dport80,8080..8088;", "(generic,0x80060000,0x0)"],
      gobgp: [`[destination:fd07::/32/0][protocol:==tcp]${gobgpPorts}`, action],
      exabgp: ["destination-ipv6fd07::/32", "next-header=tcp", "=80>=8080&<=8088", "rate-limit:0"],
      heddle: ["destination-prefixfd07::/32", "=80,>=8080&<=8088", "rate-bytes:0:0"],
    },
  },
];

for (const version of versions) {
  const family = `ipv${version.number}-flowspec` as const;
  const families = ["ipv4-unicast", "ipv6-unicast", family] as const;

  feature(`${version.name}, ours`, {}, async (bed) => {
    const ours = { asn };
    const { daemon, speaker } = await establishedPair(bed, {
      ...{ ours, theirs: { asn }, ourPeer: { families } },
    });
    const ports = "destination-port =80,>=8080&<=8088";
    const spec = `destination-prefix ${version.ours} ip-protocol =6 ${ports}`;
    announceKeyed(speaker, family, spec, ["rate-bytes:0:0"]);
    await eventually("our rule there", async () => {
      const shown = (await flowsAt(daemon, version.number)).replaceAll(/\s+/g, "");
      for (const part of version.shown[daemon.name]) {
        assert.ok(shown.includes(part), `no ${part} in ${shown}`);
      }
    });
  });

  feature(`${version.name}, theirs`, { frr: "originates none" }, async (bed) => {
    const more = bed.daemonName === "bird" ? { more: birdFlow(version) } : {};
    const { daemon, speaker } = await establishedPair(bed, {
      ...{ theirs: { asn, ...more }, ours: { asn }, ourPeer: { families } },
    });
    const text = `destination-prefix ${version.theirs} ip-protocol =17 destination-port =53`;
    if (daemon instanceof Gobgp) {
      const match = ["match", "destination", version.theirs, "protocol", "udp"];
      const rest = ["destination-port", "==53", "then", "discard"];
      await daemon.run("global", "rib", "add", "-a", family, ...match, ...rest);
    } else if (daemon instanceof Exabgp) {
      const match = `destination ${version.theirs}; ${version.exabgpProtocol} udp;`;
      const flow = `match { ${match} destination-port =53; } then { discard; }`;
      daemon.command(`announce flow route { ${flow} }`);
    } else if (daemon instanceof Heddle) {
      announceKeyed(daemon.speaker, family, text, ["rate-bytes:0:0"]);
    }
    await eventually("their rule here", () => {
      const { extendedCommunities } = requireKeyed(speaker, family, text);
      assert.deepEqual(extendedCommunities, ["rate-bytes:0:0"]);
    });
  });
}

async function flowsAt(daemon: Daemon, version: 4 | 6): Promise<string> {
  if (daemon instanceof Frr) return daemon.vtysh(`show bgp ipv${version} flowspec detail json`);
  if (daemon instanceof Bird) return daemon.routes("table", `flowtab${version}`, "all");
  if (daemon instanceof Gobgp) return JSON.stringify(await daemon.table(`ipv${version}-flowspec`));
  if (daemon instanceof Heddle) {
    const paths = [...keyedPaths(daemon.speaker, `ipv${version}-flowspec`).values()];
    return paths.map(({ text, extendedCommunities }) => `${text} ${extendedCommunities}`).join();
  }
  if (!(daemon instanceof Exabgp)) throw new Error(`no flows of ${daemon.name}`);
  return JSON.stringify(daemon.events().map(({ neighbor }) => neighbor?.message));
}

/** BIRD knows the action by its number alone. */
function birdFlow({ number, theirs, birdProtocol }: Version): string {
  return [
    `protocol static flows { flow${number} { table flowtab${number}; };`,
    `route flow${number} { dst ${theirs}; ${birdProtocol} = 17; dport = 53; }`,
    "{ bgp_ext_community.add((generic, 0x80060000, 0x0)); }; }",
  ].join(" ");
}
