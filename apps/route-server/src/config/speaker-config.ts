/** From the configuration of the route server to that of its speaker. Pure. */
import type { RouteOwnership } from "@heddle/bgp";
import { ConfigError } from "@heddle/config";
import type { Ifindex, Ip } from "@heddle/inet";
import {
  checkConfig,
  type DynamicPeersConfig,
  type GracefulRestartConfig,
  type PeerConfig,
  type PeerTemplate,
  type SpeakerConfig,
  SpeakerError,
  type TlsConfig,
  type UnnumberedPeerConfig,
} from "@heddle/speaker";
import type {
  LinkSource,
  PeerSource,
  RangeSource,
  RouteServerConfig,
  SessionSource,
} from "./config.ts";

/** What is not in the file. */
export interface SpeakerSurroundings {
  readonly tls: TlsConfig | undefined;
  /** What is in the file that the peer at `where` names. @throws ConfigError */
  readonly passwordIn: (file: string, where: string) => string;
  /** Undefined when there is none. */
  readonly ifindexOf: (interfaceName: string) => Ifindex | undefined;
  /** Undefined without agents, who alone are asked what is theirs. */
  readonly ownership: RouteOwnership | undefined;
  /**
   * Who had sessions with the process before this one, and kept what it had told them; undefined
   * when there was none.
   */
  readonly formerPeers: readonly Ip[] | undefined;
}

/** @throws ConfigError that names the peer, by where it stands in the file */
export function speakerConfigOf(
  config: RouteServerConfig,
  surroundings: SpeakerSurroundings,
): SpeakerConfig {
  const { name, asn, routerId, families, listen, multipath, timers } = config;
  const { clusterId, confederation, gracefulRestart, kernelRoutes } = config;
  const { tls, ownership, formerPeers } = surroundings;
  const whole: SpeakerConfig = {
    ...{ asn, routerId, families, listen, multipath, timers, hostname: name, peers: [] },
    ...(clusterId === undefined ? {} : { clusterId }),
    ...(confederation === undefined ? {} : { confederation }),
    ...(tls === undefined ? {} : { tls }),
    ...(ownership === undefined ? {} : { ownership }),
    ...(gracefulRestart === undefined
      ? {}
      : { gracefulRestart: { ...gracefulRestart, ...restartOf(formerPeers) } }),
    forwarding: kernelRoutes !== undefined,
  };
  checkedAt("the configuration", whole);
  const made = new SourcedPeers(whole, surroundings);
  const all: SpeakerConfig = {
    ...whole,
    peers: config.peers.flatMap((source) => made.peer(source)),
    dynamicPeers: [...config.agents, ...config.dynamicPeers].map((source) => made.range(source)),
    unnumberedPeers: config.unnumberedPeers.flatMap((source) => made.link(source)),
  };
  checkedAt("the configuration", withoutPolicies(all));
  return all;
}

function restartOf(
  formerPeers: readonly Ip[] | undefined,
): Pick<GracefulRestartConfig, "restarting" | "formerPeers"> {
  return formerPeers === undefined ? { restarting: false } : { restarting: true, formerPeers };
}

/** Makes peers of what the file says, and says of what is wrong with one where that stands. */
class SourcedPeers {
  readonly #whole: SpeakerConfig;
  readonly #surroundings: SpeakerSurroundings;

  constructor(whole: SpeakerConfig, surroundings: SpeakerSurroundings) {
    this.#whole = whole;
    this.#surroundings = surroundings;
  }

  /** Nobody where its interface is not there. */
  peer(source: PeerSource): PeerConfig[] {
    const { address, interfaceName } = source;
    const config: PeerConfig = { ...this.#template(source), address };
    if (interfaceName === undefined) return [this.#checked(source, { peers: [config] }, config)];
    const ifindex = this.#surroundings.ifindexOf(interfaceName);
    if (ifindex === undefined) return [];
    const placed = { ...config, ifindex };
    return [this.#checked(source, { peers: [placed] }, placed)];
  }

  range(source: RangeSource): DynamicPeersConfig {
    const { name, prefix, peerCountMax, idleTimeMs } = source;
    const config: DynamicPeersConfig = {
      ...{ name, prefix, peerCountMax, template: this.#template(source) },
      ...(idleTimeMs === undefined ? {} : { idleTimeMs }),
    };
    return this.#checked(source, { dynamicPeers: [config] }, config);
  }

  link(source: LinkSource): UnnumberedPeerConfig[] {
    const { name, advertisementIntervalMs: interval } = source;
    const ifindex = this.#surroundings.ifindexOf(name);
    if (ifindex === undefined) return [];
    const config: UnnumberedPeerConfig = {
      ...{ name, ifindex, template: this.#template(source) },
      ...(interval === undefined ? {} : { advertisementIntervalMs: interval }),
    };
    return [this.#checked(source, { unnumberedPeers: [config] }, config)];
  }

  #template({ template, passwordFile, where }: SessionSource): PeerTemplate {
    if (passwordFile === undefined) return template;
    const md5 = this.#surroundings.passwordIn(passwordFile, where);
    if (md5 !== "") return { ...template, md5 };
    throw new ConfigError(`Cannot read ${where}: no password in ${passwordFile}, want one`);
  }

  #checked<T>({ where }: SessionSource, alone: Partial<SpeakerConfig>, made: T): T {
    checkedAt(where, withoutPolicies({ ...this.#whole, ...alone }));
    return made;
  }
}

/** Policies have been checked where they stand, and are shared by many. */
function withoutPolicies(config: SpeakerConfig): SpeakerConfig {
  const { peers, dynamicPeers = [], unnumberedPeers = [] } = config;
  return {
    ...config,
    peers: peers.map(bare),
    dynamicPeers: dynamicPeers.map((one) => ({ ...one, template: bare(one.template) })),
    unnumberedPeers: unnumberedPeers.map((one) => ({ ...one, template: bare(one.template) })),
  };
}

function bare<Template extends PeerTemplate>(
  template: Template,
): Omit<Template, "importPolicy" | "exportPolicy"> {
  const { importPolicy: _import, exportPolicy: _export, ...rest } = template;
  return rest;
}

/** @throws ConfigError */
function checkedAt(where: string, config: SpeakerConfig): void {
  try {
    checkConfig(config);
  } catch (error) {
    if (!(error instanceof SpeakerError)) throw error;
    const why = error.message.replace("Cannot configure the BGP speaker: ", "");
    throw new ConfigError(`Cannot read ${where}: ${why}`, { cause: error });
  }
}
