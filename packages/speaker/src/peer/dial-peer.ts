import { bgpPort } from "@heddle/bgp";
import type { PeerConfig } from "../config.ts";
import type { MessageStream } from "../tcp/connection.ts";
import { dial } from "../tcp/dial.ts";
import type { PeerContext } from "./peer-context.ts";
import { peerNameOf } from "./peer-key.ts";

/** Connects to the peer as its configuration says. Rejects as `dial`. */
export async function dialPeer(
  peer: PeerConfig,
  cx: Pick<PeerContext, "netns" | "tls" | "observers">,
  signal: AbortSignal,
): Promise<MessageStream> {
  const { address, port, localAddress, ifindex, md5, ttlSecurity, tls } = peer;
  const config = cx.tls();
  const connection = await dial(
    {
      remote: address,
      port: port ?? bgpPort,
      local: localAddress,
      ifindex,
      md5,
      ttlSecurity: ttlSecurity === true,
      netns: cx.netns,
      tls: config === undefined || tls?.name === undefined ? undefined : { config, name: tls.name },
    },
    signal,
  );
  return cx.observers.wrap(peerNameOf(peer), connection);
}
