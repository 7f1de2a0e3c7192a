/**
 * ADD, DEL, CHECK, STATUS and GC of this node.
 *
 * Invariants:
 * - requests for one attachment run one after the other;
 * - ADD answers only when the allocation is on disk and the interface is there; both are made at
 *   the same time, and if one fails the other is undone;
 * - an address goes back to its block only after the interface that had it is gone; when that
 *   cannot be achieved the attachment is kept as stuck, and a DEL or a GC tries again.
 */
import {
  type AddRequest,
  type CheckRequest,
  CniError,
  type CniHandler,
  type CniResult,
  chainResult,
  type DelRequest,
  type GcRequest,
} from "@heddle/cni";
import type { Dataplane } from "@heddle/dataplane";
import { StatusError } from "@heddle/kube";
import type { Clock, Log } from "@heddle/std";
import { nativeVrf } from "@heddle/vrouter";
import type { BlockKeeper } from "../blocks/block-keeper.ts";
import { type AddressPlan, isRouted, type SubnetPlan } from "../cluster/address-plan.ts";
import { NodeError } from "../errors.ts";
import type { PodClaims } from "../fixed/pod-claims.ts";
import { type Allocation, keyOf, type OwnedBlock, type Stranger } from "../journal/allocation.ts";
import type { Journal } from "../journal/journal.ts";
import { chooseInfrastructure, chooseSubnet } from "./choose-subnet.ts";
import { cniResultOf, differencesFrom, podInterfaceOf } from "./cni-result.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { hostIfnameOf, podMacOf } from "./names.ts";
import type { AddressWish, PodAddresses, TakenAddresses } from "./pod-addresses.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodDirectory, PodIdentity } from "./pod-identity.ts";
import type { PortWriter } from "./port-writer.ts";

export interface PodNetworkOptions {
  readonly journal: Journal;
  readonly dataplane: Dataplane;
  readonly addresses: PodAddresses;
  readonly keeper: BlockKeeper;
  readonly claims: PodClaims;
  readonly directory: PodDirectory;
  readonly ports: PortWriter;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Log;
  /** MTU of pods whose network configuration does not say. */
  readonly mtu: number;
  readonly plan: () => AddressPlan;
  /** Why the node cannot serve ADD now; undefined when it can. */
  readonly notReady: () => string | undefined;
  /** Faults that reach existing pods too (STATUS code 51); empty when there are none. */
  readonly limitations: () => readonly string[];
}

export class PodNetwork implements CniHandler {
  readonly #options: PodNetworkOptions;
  readonly #lock = new KeyedLock();
  /** Attachments whose removal failed half-way and that the journal does not have. */
  readonly #stuck = new Map<string, Allocation>();
  /** Host interfaces that a request is working on. */
  readonly #busyIfnames = new Set<string>();

  constructor(options: PodNetworkOptions) {
    this.#options = options;
  }

  async add(request: AddRequest): Promise<CniResult> {
    const notReady = this.#options.notReady();
    if (notReady !== undefined)
      throw new CniError("TryAgainLater", `Cannot serve ADD: ${notReady}`);
    const allocation = await this.#exclusively(request, (hostIfname) =>
      this.#add(request, hostIfname),
    );
    return chainResult(request.config.prevResult, cniResultOf(allocation));
  }

  async del(request: DelRequest): Promise<void> {
    await this.#exclusively(request, (hostIfname) => this.#remove(request, hostIfname));
  }

  /** @throws CniError UnknownContainer, CheckFailed */
  async check(request: CheckRequest): Promise<void> {
    const allocation = this.#options.journal.state.allocations.get(keyOf(request));
    if (allocation === undefined) {
      const what = `container ${request.containerId} interface ${request.ifname}`;
      throw new CniError("UnknownContainer", `Cannot check ${what}: it was not added`);
    }
    const differences = [
      ...differencesFrom(allocation, request.config.prevResult),
      ...(await this.#options.dataplane.checkPod(podInterfaceOf(allocation))),
    ];
    if (differences.length === 0) return;
    throw new CniError("CheckFailed", `Cannot confirm the interface: ${differences[0]}`, {
      details: differences.join("; "),
    });
  }

  /** @throws CniError NotAvailable, LimitedConnectivity */
  async status(): Promise<void> {
    const limitations = this.#options.limitations();
    if (limitations.length > 0) {
      throw new CniError("LimitedConnectivity", `Cannot serve ADD: ${limitations.join("; ")}`);
    }
    const notReady = this.#options.notReady();
    if (notReady !== undefined) throw new CniError("NotAvailable", `Cannot serve ADD: ${notReady}`);
    const exhaustions = this.#options.keeper.exhaustions();
    if (exhaustions.length > 0) throw new CniError("NotAvailable", exhaustions.join("; "));
  }

  /**
   * Removes attachments of the network that the runtime does not list, and interfaces of ours that
   * belong to nothing. What a request is working on is left alone: it is newer than the list.
   * @throws CniError DataplaneFailed naming the first failure, after everything has been tried
   */
  async gc(request: GcRequest): Promise<void> {
    const valid = new Set(request.validAttachments.map(keyOf));
    const validIfnames = new Set(request.validAttachments.map(hostIfnameOf));
    const known = [...this.#options.journal.state.allocations.values(), ...this.#stuck.values()];
    const failures: unknown[] = [];
    for (const allocation of known) {
      const key = keyOf(allocation);
      if (allocation.network !== request.config.name || valid.has(key)) continue;
      if (this.#lock.isBusy(key)) continue;
      await this.#attempt(failures, () =>
        this.#exclusively(allocation, (hostIfname) => this.#remove(allocation, hostIfname)),
      );
    }
    const owned = new Set(known.map((allocation) => allocation.hostIfname));
    for (const pod of await this.#options.dataplane.observePods()) {
      const { hostIfname } = pod;
      if (owned.has(hostIfname) || validIfnames.has(hostIfname)) continue;
      if (this.#busyIfnames.has(hostIfname)) continue;
      this.#options.log.warn("interface of no known pod removed", { hostIfname });
      await this.#attempt(failures, () => this.#dismiss(pod));
    }
    if (failures.length === 0) return;
    const [first] = failures;
    const why = first instanceof Error ? first.message : String(first);
    const text = `Cannot collect all garbage: ${failures.length} failures, first: ${why}`;
    throw new CniError("DataplaneFailed", text, { cause: first });
  }

  async #attempt(failures: unknown[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  }

  async #exclusively<T>(
    attachment: { readonly containerId: string; readonly ifname: string },
    work: (hostIfname: string) => Promise<T>,
  ): Promise<T> {
    return await this.#lock.run(keyOf(attachment), async () => {
      const hostIfname = hostIfnameOf(attachment);
      this.#busyIfnames.add(hostIfname);
      try {
        return await work(hostIfname);
      } finally {
        this.#busyIfnames.delete(hostIfname);
      }
    });
  }

  async #add(request: AddRequest, hostIfname: string): Promise<Allocation> {
    const known = this.#options.journal.state.allocations.get(keyOf(request));
    if (known !== undefined) return await this.#addAgain(known, request);
    if (this.#stuck.has(keyOf(request))) await this.#remove(request, hostIfname);
    const pod = await this.#options.directory.identify(request.args);
    const { allocation, fixed } = await this.#allocate(request, hostIfname, pod);
    await this.#commit(allocation, fixed);
    this.#options.ports.attached(allocation);
    this.#options.claims.bound(allocation, fixed);
    return allocation;
  }

  /** The runtime asks twice when it lost the answer. A new namespace path means a new sandbox. */
  async #addAgain(known: Allocation, request: AddRequest): Promise<Allocation> {
    const { journal, dataplane } = this.#options;
    const allocation = { ...known, netnsPath: request.netns };
    if (known.netnsPath !== request.netns) {
      await this.#detach(known);
      await journal.append({ op: "allocate", allocation });
    }
    try {
      await dataplane.attachPod(podInterfaceOf(allocation));
    } catch (error) {
      throw dataplaneFailed("plumb", allocation, error);
    }
    return allocation;
  }

  async #allocate(
    request: AddRequest,
    hostIfname: string,
    pod: PodIdentity,
  ): Promise<{ allocation: Allocation; fixed: readonly OwnedBlock[] }> {
    const subnets = this.#options.plan().subnets;
    const chosen = chooseSubnet(subnets, pod.namespace, pod.pod);
    const claim = await this.#options.claims.find(pod, chosen);
    const subnet = subnetOfClaim(subnets, chosen, claim?.spec.subnet);
    if (!isRouted(subnet)) {
      const why = `its Vpc ${subnet.vpc} does not exist or has no VRF yet`;
      throw new CniError("TryAgainLater", `Cannot use subnet ${subnet.name}: ${why}`);
    }
    const infrastructure = chooseInfrastructure(subnets, subnet);
    const wish = { key: keyOf(request), subnet, infrastructure, claim };
    const { addresses, infrastructureAddresses, fixed } = await this.#take(pod, wish);
    const { containerId, ifname, netns: netnsPath, config } = request;
    const allocation: Allocation = {
      network: config.name,
      containerId,
      ifname,
      netnsPath,
      hostIfname,
      namespace: pod.namespace.metadata.name,
      pod: pod.pod.metadata.name,
      podUid: pod.uid,
      subnet: subnet.name,
      vpc: subnet.vpc,
      vrf: subnet.vrf,
      mac: podMacOf(addresses),
      mtu: config.mtu ?? this.#options.mtu,
      addresses,
      infrastructureAddresses,
      claim: claim?.metadata.name,
      sinceMs: this.#options.clock.wallMs(),
    };
    return { allocation, fixed };
  }

  async #take(pod: PodIdentity, wish: AddressWish): Promise<TakenAddresses> {
    try {
      return await this.#options.addresses.take(wish);
    } catch (error) {
      const answer = answerOf(error);
      if (answer.code === "PoolExhausted") {
        this.#options.events.warn(pod, "AddressPoolExhausted", answer.message);
      } else if (answer.code === "AddressConflict") {
        this.#options.events.warn(pod, "AddressConflict", answer.message);
      }
      throw answer;
    }
  }

  /** Journal and kernel at the same time: the disk is idle while the kernel works. */
  async #commit(allocation: Allocation, fixed: readonly OwnedBlock[]): Promise<void> {
    const { journal, dataplane } = this.#options;
    // The kernel is asked before the disk: it takes longer.
    const [attached, written] = await Promise.allSettled([
      dataplane.attachPod(podInterfaceOf(allocation)),
      Promise.all([
        ...fixed.map((block) => journal.append({ op: "own", block })),
        journal.append({ op: "allocate", allocation }),
      ]),
    ]);
    if (written.status === "fulfilled" && attached.status === "fulfilled") return;
    await this.#undo(allocation);
    if (attached.status === "rejected") throw dataplaneFailed("plumb", allocation, attached.reason);
    if (written.status === "rejected") throw answerOf(written.reason);
  }

  async #undo(allocation: Allocation): Promise<void> {
    const key = keyOf(allocation);
    try {
      await this.#erase(allocation);
    } catch (error) {
      this.#stuck.set(key, allocation);
      this.#options.log.error("a failed ADD could not be undone; DEL or GC tries again", {
        key,
        error,
      });
    }
  }

  async #remove(
    attachment: { readonly containerId: string; readonly ifname: string },
    hostIfname: string,
  ): Promise<void> {
    const key = keyOf(attachment);
    const allocation = this.#options.journal.state.allocations.get(key) ?? this.#stuck.get(key);
    if (allocation === undefined) {
      // The journal may have lost it: what the name finds in the kernel goes all the same.
      const stranger = this.#options.journal.state.strangers.get(hostIfname);
      const nobody = { addresses: [], infrastructureAddresses: [] };
      await this.#dismiss(stranger ?? { hostIfname, vrf: nativeVrf, ...nobody });
      return;
    }
    await this.#erase(allocation);
    this.#stuck.delete(key);
    this.#options.ports.detached(allocation);
    this.#options.claims.released(allocation);
  }

  async #dismiss(stranger: Stranger): Promise<void> {
    const { dataplane, journal, addresses } = this.#options;
    await dataplane.detachPod(stranger);
    const { hostIfname } = stranger;
    if (!journal.state.strangers.has(hostIfname)) return;
    await journal.append({ op: "dismiss", hostIfname });
    await addresses.give(stranger);
  }

  /** Route, interface, journal, address: in this order. @throws CniError */
  async #erase(allocation: Allocation): Promise<void> {
    const { journal, addresses } = this.#options;
    await addresses.withdraw(allocation);
    await this.#detach(allocation);
    try {
      await Promise.all([
        ...journal
          .fixedBlocksOf(allocation)
          .map(({ vrf, prefix }) => journal.append({ op: "disown", vrf, prefix })),
        journal.append({ op: "release", key: keyOf(allocation) }),
      ]);
    } catch (error) {
      throw answerOf(error);
    }
    await addresses.give(allocation);
  }

  async #detach(allocation: Allocation): Promise<void> {
    const { hostIfname, vrf, addresses } = allocation;
    try {
      await this.#options.dataplane.detachPod({ hostIfname, vrf, addresses });
    } catch (error) {
      throw dataplaneFailed("remove", allocation, error);
    }
  }
}

function subnetOfClaim(
  subnets: ReadonlyMap<string, SubnetPlan>,
  chosen: SubnetPlan,
  wanted: string | undefined,
): SubnetPlan {
  if (wanted === undefined) return chosen;
  const subnet = subnets.get(wanted);
  if (subnet !== undefined) return subnet;
  throw new CniError(
    "UnknownSubnet",
    `Cannot use subnet ${wanted} of the claim: it does not exist`,
  );
}

function dataplaneFailed(verb: string, allocation: Allocation, cause: unknown): CniError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const what = `${allocation.ifname} of ${allocation.namespace}/${allocation.pod}`;
  return new CniError("DataplaneFailed", `Cannot ${verb} ${what}: ${why}`, { cause });
}

/**
 * What the runtime is told about a failure on the way to addresses. Faults of ours stay as they
 * are.
 */
function answerOf(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof NodeError) {
    const codes = {
      Exhausted: "PoolExhausted",
      AddressConflict: "AddressConflict",
      TimedOut: "TryAgainLater",
      JournalFailed: "IoFailure",
      JournalClosed: "TryAgainLater",
    } as const;
    const why = error.cause instanceof Error ? error.cause.message : "";
    return new CniError(codes[error.code], error.message, { details: why, cause: error });
  }
  if (error instanceof StatusError) {
    const text = `Cannot allocate: the API server answered: ${error.message}`;
    return new CniError("TryAgainLater", text, { cause: error });
  }
  throw error;
}
