import type { AddressFamily } from "@heddle/bgp";
import type { Speaker } from "@heddle/speaker";
import type { Daemon, DaemonConfig, DaemonPeer } from "../daemon.ts";
import { eventually } from "./eventually.ts";
import type { Bed } from "./feature.ts";
import { type OurConfig, type OurPeer, requireUp } from "./our-speaker.ts";

export interface PairOptions {
  /** Of the daemon. */
  readonly theirs?: Partial<DaemonConfig>;
  /** What the daemon knows of us. */
  readonly theirPeer?: Partial<DaemonPeer>;
  readonly ours?: Partial<OurConfig>;
  /** What we know of the daemon. */
  readonly ourPeer?: Partial<OurPeer>;
}

export interface Pair {
  readonly daemon: Daemon;
  readonly speaker: Speaker;
}

const ourAsn = 65001;
const theirAsn = 65002;

/** A daemon and our speaker on IPv4, in AS 65002 and 65001 when nothing else is said. */
export async function startPair(bed: Bed, options: PairOptions = {}): Promise<Pair> {
  const { theirs = {}, theirPeer = {}, ours = {}, ourPeer = {} } = options;
  const { us, them } = bed;
  const families = ourPeer.families ?? theirPeer.families ?? ["ipv4-unicast"];
  const atDaemon = { asn: ours.asn ?? ourAsn, address: us.ip4, families, ...theirPeer };
  const daemon = await bed.daemon({ asn: theirAsn, peers: [atDaemon], ...theirs });
  const atUs = { asn: theirs.asn ?? theirAsn, address: them.ip4, families, ...ourPeer };
  const speaker = await bed.speaker({ asn: ourAsn, peers: [atUs], families, ...ours });
  return { daemon, speaker };
}

/** As `startPair`, with an Established session on both sides. */
export async function establishedPair(bed: Bed, options: PairOptions = {}): Promise<Pair> {
  const pair = await startPair(bed, options);
  const address = options.theirPeer?.address ?? bed.us.ip4;
  await eventually("a session on both sides", async () => {
    requireUp(pair.speaker);
    await pair.daemon.requireEstablished(address);
  });
  return pair;
}

export interface Reflected extends Pair {
  /** The other client. */
  readonly client: Speaker;
  /** Of the other client. */
  readonly address: string;
}

/** The daemon reflects between two speakers of ours in AS `asn`, with sessions up. */
export async function reflectedPair(
  bed: Bed,
  asn: number,
  families: readonly AddressFamily[],
): Promise<Reflected> {
  const { us, them, lan } = bed;
  const other = lan.addHost("other");
  const client = { asn, families, reflectorClient: true };
  const pair = await establishedPair(bed, {
    theirs: { asn, peers: [us, other].map((host) => ({ ...client, address: host.ip4 })) },
    ours: { asn },
    ourPeer: { families },
  });
  const peers = [{ asn, address: them.ip4, families }];
  const speaker = await bed.speaker({ asn, peers, families }, other);
  await eventually("the other client's session", () => requireUp(speaker));
  return { ...pair, client: speaker, address: other.ip4 };
}
