/** Two speakers that peer by eBGP over one link: 10.0.0.1 in AS 65001 and 10.0.0.2 in AS 65002. */
import { type AddressFamily, acceptAll } from "@heddle/bgp";
import { type Asn, type Ip4, type Ip6, parseAsn, parseIp4, parseIp6 } from "@heddle/inet";
import { defaultGracefulRestart, type PeerConfig, type SpeakerConfig } from "../../src/mod.ts";

export const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast"];
const fast = { connectRetryMs: 500, idleHoldMinMs: 100, idleHoldMaxMs: 400 };

export type Side = "a" | "b";
export const sides: Readonly<
  Record<Side, { readonly ip: Ip4; readonly ip6: Ip6; readonly asn: Asn }>
> = {
  a: { ip: parseIp4("10.0.0.1"), ip6: parseIp6("fd00::1"), asn: parseAsn(65001) },
  b: { ip: parseIp4("10.0.0.2"), ip6: parseIp6("fd00::2"), asn: parseAsn(65002) },
};

export function configOf(side: Side, peer: Partial<PeerConfig> = {}): SpeakerConfig {
  const own = sides[side];
  const other = sides[side === "a" ? "b" : "a"];
  return {
    asn: own.asn,
    routerId: own.ip,
    families,
    listen: [{ address: own.ip, port: 179 }],
    peers: [
      {
        address: other.ip,
        asn: other.asn,
        kind: "fabric",
        families,
        localAddress: own.ip,
        nextHop6: own.ip6,
        importPolicy: acceptAll,
        exportPolicy: acceptAll,
        ...peer,
      },
    ],
    multipath: { ebgpCountMax: 4, ibgpCountMax: 1, relaxAsPath: false },
    gracefulRestart: defaultGracefulRestart,
    timers: fast,
  };
}
