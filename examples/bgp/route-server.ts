/**
 * A route server of an exchange (RFC 7947): members are told each other's routes with paths and
 * next hops unchanged, and may announce only what is registered as theirs.
 */
import { acceptAll, prefixFromWords4 } from "@heddle/bgp";
import type { Asn, Ip, Ip4, Prefix } from "@heddle/inet";
import { type PeerConfig, Speaker, type SpeakerDeps } from "@heddle/speaker";

export interface Member {
  readonly address: Ip;
  readonly asn: Asn;
  readonly prefixes: ReadonlySet<Prefix>;
}

export async function startRouteServer(
  asn: Asn,
  address: Ip4,
  members: readonly Member[],
  deps: SpeakerDeps,
): Promise<Speaker> {
  const registered = new Map(members.map((member) => [member.address, member.prefixes]));
  let speaker: Speaker | undefined;
  speaker = await Speaker.start(
    {
      asn,
      routerId: address,
      families: ["ipv4-unicast"],
      listen: [{ address, port: 179 }],
      peers: members.map(peerOf),
      multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
      forwarding: false,
      ownership: {
        mayAnnounce(peer, _family, words, length): boolean {
          const from = speaker?.identityOf(peer);
          if (from === undefined) return false;
          const prefix = prefixFromWords4(words[0] ?? 0, length);
          return registered.get(from.address)?.has(prefix) === true;
        },
      },
    },
    deps,
  );
  return speaker;
}

function peerOf({ address, asn }: Member): PeerConfig {
  return {
    address,
    asn,
    kind: "fabric",
    families: ["ipv4-unicast"],
    passive: true,
    routeServerClient: true,
    role: "rs",
    ownRoutesOnly: true,
    importPolicy: acceptAll,
    exportPolicy: acceptAll,
    prefixCountMax: 1000,
  };
}
