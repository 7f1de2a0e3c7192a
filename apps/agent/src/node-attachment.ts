/**
 * The node's attachment to the fabric: uplinks of the data plane and BGP sessions, kept equal to
 * what the topology and the node's own blocks say. Changes that come while one is applied are
 * applied together afterwards.
 *
 * Invariant: no BGP session before the node's blocks are known. A restarted speaker that sent
 * End-of-RIB before it announces them would make its peers drop the routes that they have kept for
 * it (RFC 4724 4.2).
 */
import type { Vpc } from "@heddle/api";
import type { Dataplane } from "@heddle/dataplane";
import { type Family, familyOf, type Ip } from "@heddle/inet";
import type { Store } from "@heddle/kube";
import {
  announceOptionsOf,
  BgpCertificates,
  BgpPasswords,
  type BgpTlsFiles,
  type NodeBgp,
  type NodePlan,
  type NodeSpeaker,
  type NodeTopology,
  type NodeVpn,
  nodeMultipath,
  planNodeBgp,
  speakerConfigOf,
  writeTopology,
} from "@heddle/node";
import type { ListenAddress } from "@heddle/speaker";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import { nativeVrf, type OwnBlock } from "@heddle/vrouter";
import type { Interfaces } from "./interfaces.ts";
import { chooseNodeAddresses } from "./node-addresses.ts";
import { version } from "./version.ts";

export interface NodeAttachmentOptions {
  readonly dataplane: Dataplane;
  readonly speaker: NodeSpeaker;
  readonly vpn: NodeVpn;
  readonly store: Store;
  readonly interfaces: Interfaces;
  readonly stateDir: string;
  /** The node's certificate for BGP inside TLS; undefined: it has none. */
  readonly bgpTls?: BgpTlsFiles | undefined;
  /** The data plane forwarded while no agent ran. */
  readonly isRestart: boolean;
  readonly listen: readonly ListenAddress[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** What monitoring stations are told that this is. */
const sysDescr = `heddle-agent ${version}`;
/** After a failure, before the same is tried again. */
const retryDelayMs = 2000;

/** Between two looks at the addresses from which the node speaks to pods of VPCs. */
const addressCheckDelayMs = 5000;

export class NodeAttachment implements Disposable {
  readonly #options: NodeAttachmentOptions;
  readonly #passwords: BgpPasswords;
  readonly #certificates: BgpCertificates;
  #topology: NodeTopology | undefined;
  /** Undefined until they are known; empty is known, too. */
  #blocks: readonly OwnBlock[] | undefined;
  #plan: NodePlan = { bgp: undefined, uplinks: [], problems: [], refused: new Map() };
  #applying: Promise<void> | undefined;
  #isDue = false;
  #retry: Timer | undefined;
  #addressCheck: Timer | undefined;
  #problem: string | undefined;
  /** Of peers that wait for their Secret, and of the certificate. */
  #secretProblems: readonly string[] = [];
  /** From which the node speaks to pods of VPCs. */
  #nodeAddresses: readonly Ip[] = [];
  #closed = false;

  constructor(options: NodeAttachmentOptions) {
    this.#options = options;
    const { store, clock, rng, bgpTls: files } = options;
    const changed = (): void => void this.#schedule();
    this.#passwords = new BgpPasswords(store, clock, rng, changed);
    this.#certificates = new BgpCertificates({ files, clock, changed });
  }

  get plan(): NodePlan {
    return this.#plan;
  }

  /** What is not as it should be, for people. */
  get problems(): readonly string[] {
    const failure = this.#problem === undefined ? [] : [this.#problem];
    const families = unreachedFamilies(this.#ownBlocks, this.#nodeAddresses);
    const unreached = families.map(
      (family) =>
        `the node has no IPv${family} address: it cannot reach pods of VPCs by IPv${family}`,
    );
    const { problems } = this.#plan;
    const ofVpn = this.#options.vpn.problems;
    return [...problems, ...this.#secretProblems, ...ofVpn, ...unreached, ...failure];
  }

  get #ownBlocks(): readonly OwnBlock[] {
    return this.#blocks === undefined ? [] : this.#blocks;
  }

  /** Resolves when it has been applied, or has failed once (it is tried again). */
  setTopology(topology: NodeTopology): Promise<void> {
    this.#topology = topology;
    return this.#schedule();
  }

  /**
   * Own blocks in their VRFs; those of the native one have been announced: the data plane answers
   * for addresses of them that nobody has, and BGP may begin.
   */
  setBlocks(blocks: readonly OwnBlock[]): Promise<void> {
    this.#blocks = blocks;
    return this.#schedule();
  }

  /** Applies all of it again: what else it follows from has changed. */
  apply(): Promise<void> {
    return this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#addressCheck?.cancel();
    this.#passwords[Symbol.dispose]();
    this.#certificates[Symbol.dispose]();
  }

  #schedule(): Promise<void> {
    this.#isDue = true;
    this.#applying ??= this.#run();
    return this.#applying;
  }

  /** In one step with the last look at what is due it says that it has ended. */
  async #run(): Promise<void> {
    while (this.#isDue && !this.#closed) {
      this.#isDue = false;
      this.#retry?.cancel();
      try {
        await this.#apply();
        this.#problem = undefined;
      } catch (error) {
        this.#problem = error instanceof Error ? error.message : String(error);
        this.#options.log.error("cannot apply the node's attachment; it is tried again", { error });
        this.#retryLater();
      }
    }
    this.#applying = undefined;
  }

  #chooseAddresses({ node }: NodeTopology): readonly Ip[] {
    const own = this.#options.interfaces.routedAddresses();
    return chooseNodeAddresses(node, this.#plan.uplinks, own);
  }

  /** Addresses of the node come and go without a word from the API server. */
  #checkAddressesLater(topology: NodeTopology): void {
    this.#addressCheck?.cancel();
    const isInVpc = this.#options.vpn.isUsed || !this.#ownBlocks.every(isNative);
    if (this.#closed || !isInVpc) return;
    this.#addressCheck = this.#options.clock.after(addressCheckDelayMs, () => {
      if (this.#hasOtherAddresses(topology)) void this.#schedule();
      else this.#checkAddressesLater(topology);
    });
  }

  #hasOtherAddresses(topology: NodeTopology): boolean {
    try {
      return this.#chooseAddresses(topology).join() !== this.#nodeAddresses.join();
    } catch (error) {
      this.#options.log.warn("cannot read the node's addresses; all is applied again", { error });
      return true;
    }
  }

  /** One retry is due at a time, however many attempts have failed. */
  #retryLater(): void {
    this.#retry?.cancel();
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(retryDelayMs, () => void this.#schedule());
  }

  async #apply(): Promise<void> {
    const { dataplane, stateDir } = this.#options;
    const topology = this.#topology;
    if (topology === undefined) return;
    const plan = planNodeBgp(topology);
    if (plan.problems.join() !== this.#plan.problems.join()) {
      this.#options.log.warn("objects of the fabric are not usable", { problems: plan.problems });
    }
    this.#plan = plan;
    const { uplinks } = plan;
    const blocks = this.#ownBlocks;
    const podPrefixes = blocks.filter(isNative).map(({ prefix }) => prefix);
    const nodeAddresses = this.#chooseAddresses(topology);
    this.#nodeAddresses = nodeAddresses;
    this.#checkAddressesLater(topology);
    await dataplane.setNode({ uplinks, podPrefixes, blocks, nodeAddresses });
    this.#configureVpn(topology, nodeAddresses);
    if (plan.bgp !== undefined && this.#blocks !== undefined) {
      const identity = { sysName: topology.node.metadata.name, sysDescr };
      this.#options.speaker.monitoring.setStations(plan.bgp.monitoringStations, identity);
      await this.#configureBgp(plan.bgp);
    }
    await writeTopology(stateDir, { ...topology, vpcs: this.#keptVpcs(topology) });
  }

  /** A cluster may have thousands; which are the node's own is known with its blocks. */
  #keptVpcs({ vpcs }: NodeTopology): readonly Vpc[] {
    const { vpn } = this.#options;
    return this.#blocks === undefined ? vpcs : vpcs.filter((vpc) => vpn.holds(vpc));
  }

  async #configureBgp(bgp: NodeBgp): Promise<void> {
    const { speaker, interfaces, isRestart, listen, bgpTls } = this.#options;
    speaker.setAnnounceOptions(announceOptionsOf(bgp));
    const known = await this.#passwords.load(bgp);
    const certificates = await this.#certificates.load();
    const { tlsProblem } = certificates;
    this.#secretProblems = [
      ...known.passwordProblems.values(),
      ...(bgpTls === undefined || tlsProblem === undefined ? [] : [tlsProblem]),
    ];
    const facts = { restarting: isRestart, ifindexOf: interfaces.indexOf, listen };
    await speaker.configure(speakerConfigOf(bgp, { ...facts, ...known, ...certificates }));
    if (speaker.lastError !== undefined) throw speaker.lastError;
  }

  /** Before BGP: what is announced is known when a session comes up. */
  #configureVpn({ vpcs }: NodeTopology, [address]: readonly Ip[]): void {
    const { bgp } = this.#plan;
    const { vpn } = this.#options;
    if (bgp === undefined || address === undefined) {
      vpn.configure(undefined);
      return;
    }
    const { asn, routerId } = bgp;
    vpn.configure({ asn, routerId, address, vpcs, multipath: nodeMultipath });
  }
}

function isNative({ vrf }: OwnBlock): boolean {
  return vrf === nativeVrf;
}

/** Families in which pods of VPCs have infrastructure addresses and the node has no address. */
function unreachedFamilies(blocks: readonly OwnBlock[], nodeAddresses: readonly Ip[]): Family[] {
  const familiesOf = (some: readonly OwnBlock[]): Set<Family> =>
    new Set(some.map(({ prefix }) => prefix.family));
  const native = familiesOf(blocks.filter(isNative));
  const others = familiesOf(blocks.filter((block) => !isNative(block)));
  const reached = new Set(nodeAddresses.map(familyOf));
  return [...native.intersection(others).difference(reached)];
}
