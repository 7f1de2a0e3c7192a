/**
 * A node's speaker as a process of its own, to be killed: `speaker-main.ts NETNS-PATH RESTARTING
 * PREFIX...`
 */
import { acceptAll } from "@heddle/bgp";
import { parseAsn, parseIp4, parseIp6, parsePrefix } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { defaultGracefulRestart, noFib, Speaker } from "../../src/mod.ts";

const [netns, restarting, ...prefixes] = process.argv.slice(2) as [string, string, ...string[]];
const families = ["ipv4-unicast", "ipv6-unicast"] as const;
const speaker = await Speaker.start(
  {
    asn: parseAsn(65203),
    routerId: parseIp4("172.16.0.1"),
    families,
    listen: [{ address: parseIp4("172.16.0.1"), port: 179 }],
    peers: [
      {
        address: parseIp4("172.16.0.0"),
        asn: parseAsn(65201),
        kind: "fabric",
        families,
        localAddress: parseIp4("172.16.0.1"),
        nextHop6: parseIp6("fd00:172:16::1"),
        importPolicy: acceptAll,
        exportPolicy: acceptAll,
        bfd: {},
      },
    ],
    multipath: { ebgpCountMax: 16, ibgpCountMax: 1, relaxAsPath: false },
    gracefulRestart: { ...defaultGracefulRestart, restarting: restarting === "true" },
  },
  { log: silentLog, fib: noFib, netns },
);
for (const prefix of prefixes) speaker.announce(parsePrefix(prefix));
setInterval(() => {
  const [peer] = speaker.peers();
  process.stdout.write(`${peer?.state} ${peer?.bfd}\n`);
}, 100);
