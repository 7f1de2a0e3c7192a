/** Our own speaker as the other side, in the process of the test. */
import { parseAsPath, parseExtendedCommunity } from "@heddle/bgp";
import { parseIp, parsePrefix } from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import type { Announcement, Daemon, DaemonConfig, Path } from "../daemon.ts";
import type { Host } from "../harness/lan.ts";
import {
  communityOf,
  largeCommunityOf,
  type OurConfig,
  ourPaths,
  requireUp,
  startSpeaker,
  statusOf,
} from "../harness/our-speaker.ts";
import { heddleConfig } from "./heddle-config.ts";

const originCodes = { igp: 0, egp: 1, incomplete: 2 } as const;

export class Heddle implements Daemon {
  readonly name = "heddle" as const;
  readonly host: Host;
  readonly #config: OurConfig;
  readonly #own: Map<string, Announcement> = new Map();
  #speaker: Speaker;

  private constructor(host: Host, config: OurConfig, speaker: Speaker) {
    this.host = host;
    this.#config = config;
    this.#speaker = speaker;
  }

  static async start(host: Host, config: DaemonConfig): Promise<Heddle> {
    const own = heddleConfig(host, config);
    return new Heddle(host, own, await startSpeaker(host, own));
  }

  get speaker(): Speaker {
    return this.#speaker;
  }

  async requireEstablished(peer: string): Promise<void> {
    // An unnumbered peer is named by the interface, and is the only one.
    requireUp(this.#speaker, peer === this.host.ifname ? undefined : peer);
  }

  async paths(prefix: string): Promise<Path[]> {
    return ourPaths(this.#speaker, prefix);
  }

  async announce(route: Announcement): Promise<void> {
    this.#own.set(route.prefix, route);
    this.#announce(route);
  }

  #announce(route: Announcement): void {
    const { nextHop, asPath, origin, med } = route;
    const { communities = [], largeCommunities = [], extendedCommunities = [] } = route;
    this.#speaker.announce(parsePrefix(route.prefix), {
      communities: communities.map(communityOf),
      largeCommunities: largeCommunities.map(largeCommunityOf),
      extendedCommunities: extendedCommunities.map(parseExtendedCommunity),
      ...(nextHop === undefined ? {} : { nextHop: parseIp(nextHop) }),
      ...(asPath === undefined ? {} : { asPath: parseAsPath(asPath.join(" ")) }),
      ...(origin === undefined ? {} : { origin: originCodes[origin] }),
      ...(med === undefined ? {} : { med }),
    });
  }

  async withdraw(prefix: string): Promise<void> {
    this.#own.delete(prefix);
    this.#speaker.withdraw(parsePrefix(prefix));
  }

  async refresh(peer: string): Promise<void> {
    this.#speaker.softResetIn({ address: parseIp(peer) });
  }

  async shutdownPeer(peer: string, text: string): Promise<void> {
    this.#speaker.shutdownPeer({ address: parseIp(peer) }, text);
  }

  async lastReset(peer: string): Promise<string> {
    return statusOf(this.#speaker, peer).lastLoss?.message ?? "";
  }

  async kill(): Promise<void> {
    await this.#speaker.stopForRestart();
  }

  async restart(): Promise<void> {
    await this.kill();
    const { gracefulRestart, ...rest } = this.#config;
    const restarting =
      gracefulRestart === undefined
        ? {}
        : { gracefulRestart: { ...gracefulRestart, restarting: true } };
    this.#speaker = await startSpeaker(this.host, { ...rest, ...restarting });
    for (const route of this.#own.values()) this.#announce(route);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#speaker.stop();
  }
}
