/**
 * The pod interfaces of one node: veth pairs with everything that hangs on their two ends.
 * Synchronous, for the kernel worker; the node's namespace is the one that the thread was in when
 * this was made.
 *
 * Invariants: whatever is interrupted at whatever point is repaired or removed by the next attach,
 * detach or garbage collection, because the message that creates a link also marks it as ours. No
 * packet of a pod passes before the shared tc blocks are attached. An interface that is not ours is
 * never changed. Does not do eBPF maps or programs, nor addresses of VRFs other than the native one
 * in the main table.
 */
import { familyOf, type Ifindex, type Ip } from "@heddle/inet";
import { netnsOf, ownNetns, SystemError } from "@heddle/native";
import {
  deleteLink,
  getLink,
  isAbsent,
  type Link,
  type Neighbor,
  NUD_PERMANENT,
  type Request,
  Rtnetlink,
} from "@heddle/netlink";
import { nativeVrf } from "@heddle/vrouter";
import type { AttachedPod, ObservedPod, PodInterface } from "../dataplane.ts";
import { ensureBlockFilter, ensureBlocks, type FilterOutcome } from "./block-anchor.ts";
import { clsactState, differencesOf } from "./check-pod.ts";
import { IfindexPool } from "./ifindex-pool.ts";
import { PodLinkError } from "./pod-link-error.ts";
import { isPodLink, parsePodAlias, protoHeddle } from "./pod-mark.ts";
import {
  firstPodIfindex,
  hostAddressesOf,
  hostRouteRequests,
  newHostRequests,
  newPodRequests,
  type PodBlocks,
  type PodHostAddresses,
  type PodIfindexes,
  repairHostRequests,
  repairPodRequests,
  vethRequest,
} from "./pod-requests.ts";
import { ifnameTaken, PodSide } from "./pod-side.ts";

/** Attempts to find free interface indexes on both sides. */
const createAttemptsMax = 5;

export class PodLinks implements Disposable {
  readonly #host: Rtnetlink;
  readonly #hostNetns: number;
  readonly #ifindexes: IfindexPool;
  #nodeAddresses: readonly Ip[] = [];

  /** @throws SystemError */
  constructor() {
    using netns = ownNetns();
    this.#hostNetns = netnsOf(netns);
    this.#host = new Rtnetlink();
    this.#ifindexes = new IfindexPool(this.#host.links().map(({ ifindex }) => ifindex));
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
  }

  /**
   * The addresses from which the node speaks to pods of other VRFs; `pods` are those that have
   * interfaces already. One whose interface is gone or down is left to its next attach.
   * @throws NetlinkError EINVAL when an address is not the node's
   */
  setNodeAddresses(
    addresses: readonly Ip[],
    pods: readonly (PodHostAddresses & { readonly hostIfindex: Ifindex })[],
  ): void {
    this.#nodeAddresses = addresses;
    for (const pod of pods.filter(({ vrf }) => vrf !== nativeVrf)) {
      const outcomes = this.#host.submit(hostRouteRequests(pod, pod.hostIfindex, addresses));
      for (const failure of outcomes) {
        const isDown = failure?.code === "ENETDOWN";
        if (failure !== undefined && !isDown && !isAbsent(failure)) throw failure;
      }
    }
  }

  /**
   * Makes the shared tc blocks exist for as long as the node runs. To be called before the filters
   * are ensured and the first pod is attached. @throws NetlinkError
   */
  ensureBlocks(blocks: PodBlocks): void {
    ensureBlocks(this.#host, blocks);
  }

  /**
   * One direct-action program on a shared block, replaced in one step. `programFd` is borrowed.
   * @throws NetlinkError when the block does not exist
   */
  ensureBlockFilter(block: number, programFd: number, name: string): FilterOutcome {
    return ensureBlockFilter(this.#host, block, programFd, name);
  }

  /**
   * Makes the interface, or repairs the one that exists. After a failure nothing of a new one is
   * left.
   * @throws PodLinkError, NetlinkError, SystemError
   */
  attach(pod: PodInterface, blocks: PodBlocks): AttachedPod {
    using side = this.#openPod(pod);
    const ifindexes = this.#make(pod, side, blocks) ?? this.#adopt(pod, side, blocks);
    this.#awaitCarrier(ifindexes.host);
    return { ...pod, hostIfindex: ifindexes.host, podIfindex: ifindexes.pod };
  }

  /** Removes the interface; success when it is gone already. @throws PodLinkError, NetlinkError */
  detach(hostIfname: string): void {
    const link = this.#host.link({ name: hostIfname });
    if (link === undefined) return;
    assertOurs(link);
    this.#delete(link.ifindex);
  }

  /** What differs from the wanted state, as sentences. @throws NetlinkError, SystemError */
  check(pod: PodInterface, blocks: PodBlocks): readonly string[] {
    try {
      using side = this.#openPod(pod);
      return differencesOf(pod, blocks, this.#host, side);
    } catch (error) {
      const isNoNamespace = error instanceof SystemError && error.syscall === "open";
      if (isNoNamespace || error instanceof PodLinkError) return [error.message];
      throw error;
    }
  }

  /** Every pod interface of ours, complete or not, in order of its index. @throws NetlinkError */
  observe(): readonly ObservedPod[] {
    const hostAddresses = hostAddressesFrom(this.#host.neighbors());
    return this.#host
      .links()
      .filter(isPodLink)
      .sort((a, b) => a.ifindex - b.ifindex)
      .map((link) => observed(link, hostAddresses(link.ifindex)));
  }

  #openPod(pod: PodInterface): PodSide {
    using side = new DisposableStack();
    const opened = side.use(new PodSide(pod.netnsPath));
    if (netnsOf(opened.netns) === this.#hostNetns) {
      const what = `${pod.netnsPath} for ${pod.hostIfname}`;
      const message = `Cannot use ${what}: it is the node's namespace, want the pod's`;
      throw new PodLinkError(message, "host-netns");
    }
    side.move();
    return opened;
  }

  /** The usual case: the names are free. Undefined when one is not. */
  #make(pod: PodInterface, side: PodSide, blocks: PodBlocks): PodIfindexes | undefined {
    const ifindexes = this.#create(pod, side);
    if (ifindexes === undefined) return undefined;
    try {
      this.#configureHost(pod, newHostRequests(pod, ifindexes.host, blocks, this.#nodeAddresses));
      side.configure(pod.ifname, newPodRequests(pod, ifindexes.pod));
    } catch (error) {
      this.#delete(ifindexes.host);
      throw error;
    }
    return ifindexes;
  }

  /**
   * Creation is a message of its own: the kernel goes on with the rest of a batch after a failure,
   * and the rest would then change whatever link has the index. Undefined when a name is taken on
   * either side.
   */
  #create(pod: PodInterface, side: PodSide): PodIfindexes | undefined {
    let podIfindex = firstPodIfindex;
    for (let attempt = 0; attempt < createAttemptsMax; attempt += 1) {
      const ifindexes = { host: this.#ifindexes.take(), pod: podIfindex };
      const [failure] = this.#host.submit([vethRequest(pod, side.netns, ifindexes)]);
      if (failure === undefined) return ifindexes;
      if (failure.code === "EEXIST") return undefined;
      if (failure.code !== "EBUSY") throw failure;
      podIfindex = side.freeIfindex();
    }
    const message = `Cannot create ${pod.hostIfname}: interface indexes in use, want free ones`;
    throw new PodLinkError(message, "no-ifindex");
  }

  /** A node without IPv6 serves pods that need none. */
  #configureHost(pod: PodInterface, requests: readonly Request[]): void {
    const needsIpv6 = pod.addresses.some((address) => familyOf(address) === 6);
    for (const failure of this.#host.submit(requests)) {
      const isTolerable = failure?.code === "EAFNOSUPPORT" && !needsIpv6;
      if (failure !== undefined && !isTolerable) throw failure;
    }
  }

  /** Keeps an interface of ours that is this pod's; makes a new one in place of one that is not. */
  #adopt(pod: PodInterface, side: PodSide, blocks: PodBlocks): PodIfindexes {
    const existing = this.#host.link({ name: pod.hostIfname });
    if (existing === undefined) throw ifnameTaken(pod);
    assertOurs(existing);
    const podEnd = this.#podEndOf(existing, pod, side);
    if (podEnd === undefined) {
      this.#delete(existing.ifindex);
      const made = this.#make(pod, side, blocks);
      if (made === undefined) throw ifnameTaken(pod);
      return made;
    }
    const clsact = clsactState(this.#host, existing.ifindex, blocks);
    this.#configureHost(
      pod,
      repairHostRequests(pod, existing, blocks, clsact, this.#nodeAddresses),
    );
    side.configure(pod.ifname, repairPodRequests(pod, podEnd));
    return { host: existing.ifindex, pod: podEnd.ifindex };
  }

  /**
   * Undefined unless the link leads to the pod, in the wanted VRF, and has no address that is not
   * wanted.
   */
  #podEndOf(host: Link, pod: PodInterface, side: PodSide): Link | undefined {
    const alias = parsePodAlias(host.alias);
    if (alias !== undefined) {
      if (alias.vrf !== pod.vrf) return undefined;
      if (!isSubset(alias.addresses, pod.addresses)) return undefined;
    }
    const filter = { ifindex: host.ifindex };
    const known = hostAddressesFrom(this.#host.neighbors(filter))(host.ifindex);
    if (!isSubset(known, hostAddressesOf(pod))) return undefined;
    return side.farEndOf(host, this.#host, pod.ifname);
  }

  /**
   * The host side came up before its peer, so its queue is activated by the kernel's linkwatch
   * work, later; what the host sends until then is lost. RTM_GETLINK runs that work for the link
   * first (rtnl_getlink, linkwatch_sync_dev); nobody reads its answer. @throws NetlinkError
   */
  #awaitCarrier(ifindex: Ifindex): void {
    this.#host.execute([getLink({ ifindex })]);
  }

  /** Success also when the pod's namespace ended meanwhile and took the link along. */
  #delete(ifindex: Ifindex): void {
    const [failure] = this.#host.submit([deleteLink({ ifindex })]);
    if (failure !== undefined && !isAbsent(failure)) throw failure;
  }
}

function assertOurs(link: Link): void {
  if (isPodLink(link)) return;
  const message = `Cannot change interface ${link.name}: it is not a pod's, want another name`;
  throw new PodLinkError(message, "not-ours");
}

function isSubset(some: readonly Ip[], all: readonly Ip[]): boolean {
  return some.every((address) => all.includes(address));
}

function observed(link: Link, hostAddresses: readonly Ip[]): ObservedPod {
  const { vrf, addresses } = parsePodAlias(link.alias) ?? { vrf: nativeVrf, addresses: [] };
  const own =
    vrf === nativeVrf
      ? { addresses: hostAddresses, infrastructureAddresses: [] }
      : { addresses, infrastructureAddresses: hostAddresses };
  return { hostIfname: link.name, hostIfindex: link.ifindex, vrf, ...own };
}

/**
 * The addresses by which the host reaches the pod, by host side: the permanent neighbors that we
 * made. A host side that has none was never completed.
 */
function hostAddressesFrom(neighbors: readonly Neighbor[]): (ifindex: Ifindex) => readonly Ip[] {
  const ours = neighbors.filter(
    ({ protocol, state }) => protocol === protoHeddle && state === NUD_PERMANENT,
  );
  const byIfindex = Map.groupBy(ours, ({ ifindex }) => ifindex);
  return (ifindex) => {
    const found = byIfindex.get(ifindex);
    if (found === undefined) return [];
    return found.map(({ address }) => address).filter((address) => address !== undefined);
  };
}
