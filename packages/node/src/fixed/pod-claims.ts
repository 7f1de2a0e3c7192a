/**
 * From a pod to the IPClaim that its addresses come from, and from the claim to addresses.
 *
 * A pod has a claim when an annotation names one, when an annotation names addresses (the claim is
 * then made, under the pod's name), or when a claim of its namespace names the pod or its stable
 * key.
 */

import type { Pod } from "@heddle/api";
import { type IPClaim, type IPClaimStatus, ipClaimKind } from "@heddle/api";
import { CniError } from "@heddle/cni";
import {
  type Family,
  familyOf,
  formatIp,
  hostPrefix,
  type Ip,
  ParseError,
  type Prefix,
  parseIp,
} from "@heddle/inet";
import { blockCandidates, blockOf, isReserved } from "@heddle/ipam";
import { formatTime, isStatus, type Store } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import type { PoolPlan, RoutedSubnet, SubnetPlan } from "../cluster/address-plan.ts";
import type { ClusterObjects } from "../cluster/cluster-objects.ts";
import type { WriteQueue } from "../cluster/write-queue.ts";
import type { Allocation, OwnedBlock } from "../journal/allocation.ts";
import { addressAnnotation, claimNameAnnotation } from "../pods/choose-subnet.ts";
import type { PodDirectory, PodIdentity } from "../pods/pod-identity.ts";

export interface PodClaimsOptions {
  readonly node: string;
  readonly store: Store;
  readonly objects: ClusterObjects;
  readonly directory: PodDirectory;
  readonly queue: WriteQueue;
  readonly clock: Clock;
}

/** Free addresses of a pool that are tried for a claim that does not say which it wants. */
const candidateCountMax = 64;

export class PodClaims {
  readonly #options: PodClaimsOptions;

  constructor(options: PodClaimsOptions) {
    this.#options = options;
  }

  /**
   * The claim of the pod; undefined when it has none.
   * @throws CniError InvalidConfig for a bad annotation, UnknownPod for a claim that does not exist
   */
  async find({ pod }: PodIdentity, subnet: SubnetPlan): Promise<IPClaim | undefined> {
    const { directory, objects } = this.#options;
    const { namespace = "default", annotations } = pod.metadata;
    const named = annotations?.[claimNameAnnotation];
    if (named !== undefined) return await directory.claim({ namespace, name: named });
    const text = annotations?.[addressAnnotation];
    if (text !== undefined) return await this.#claimFor(pod, subnet, parseAddresses(text));
    return objects.claims
      .list()
      .find((claim) => claim.metadata.namespace === namespace && isClaimOf(claim, pod));
  }

  /**
   * Addresses that the claim may have in this family, best first; empty when the family is not
   * fixed.
   * @throws CniError AddressConflict when a named address is in no pool for fixed addresses
   */
  candidates(claim: IPClaim, subnet: RoutedSubnet, family: Family): OwnedBlock[] {
    const key = claimKeyOf(claim);
    const pools = subnet.pools.filter(
      ({ isFixed, pool }) => isFixed && pool.prefix.family === family,
    );
    const wanted = [...claim.spec.addresses, ...(claim.status?.addresses ?? [])]
      .map(parseIp)
      .find((ip) => familyOf(ip) === family);
    if (wanted !== undefined) return [this.#named(wanted, subnet, pools, key)];
    const open = pools.filter(({ isOpen }) => isOpen);
    return open.flatMap((plan) => this.#anyOf(plan, subnet, key));
  }

  /** The claim's status follows the record of the address; nothing waits for it. */
  bound(allocation: Allocation, fixed: readonly OwnedBlock[]): void {
    const { node, clock } = this.#options;
    const since = formatTime(clock.wallMs());
    const { containerId } = allocation;
    const holder = { node, containerId, since };
    const addresses = fixed.map(({ prefix }) => formatIp(prefix.address));
    this.#writeStatus(allocation, (status) => ({ ...status, phase: "Bound", addresses, holder }));
  }

  /** The pod is gone; the addresses stay with the claim. A claim that another pod holds is left. */
  released(allocation: Allocation): void {
    this.#writeStatus(allocation, (status) => {
      if (status.holder?.containerId !== allocation.containerId) return status;
      const { holder: _, ...kept } = status;
      return { ...kept, phase: "Released" };
    });
  }

  #writeStatus(allocation: Allocation, change: (status: IPClaimStatus) => IPClaimStatus): void {
    const { queue, store } = this.#options;
    const { namespace, claim: name } = allocation;
    if (name === undefined) return;
    queue.put(`claim/${namespace}/${name}`, async () => {
      try {
        const claim = await store.get(ipClaimKind, { namespace, name });
        const before: IPClaimStatus = claim.status ?? emptyStatus;
        const status = change(before);
        if (status !== before) await store.updateStatus(ipClaimKind, { ...claim, status });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    });
  }

  async #claimFor(pod: Pod, subnet: SubnetPlan, addresses: readonly Ip[]): Promise<IPClaim> {
    const { store, directory } = this.#options;
    const { namespace = "default", name } = pod.metadata;
    try {
      return await store.create(ipClaimKind, {
        apiVersion: "heddle.io/v1alpha1",
        kind: "IPClaim",
        metadata: { name, namespace },
        spec: { subnet: subnet.name, addresses: addresses.map(formatIp), pod: name },
      });
    } catch (cause) {
      if (!isStatus(cause, "AlreadyExists")) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const text = `Cannot create IPClaim ${namespace}/${name}: ${why}`;
        throw new CniError("TryAgainLater", text, { cause });
      }
    }
    const claim = await directory.claim({ namespace, name });
    const existing = claim.spec.addresses.map(parseIp);
    if (addresses.every((ip) => existing.includes(ip))) return claim;
    const text = `IPClaim ${namespace}/${name} is for ${claim.spec.addresses.join(", ")}`;
    throw new CniError("AddressConflict", `Cannot use annotation ${addressAnnotation}: ${text}`);
  }

  #named(ip: Ip, subnet: RoutedSubnet, pools: readonly PoolPlan[], claim: string): OwnedBlock {
    const refuse = (why: string): CniError =>
      new CniError("AddressConflict", `Cannot use fixed address ${formatIp(ip)}: ${why}`);
    const plan = pools.find(({ pool }) => blockOf(pool, ip) !== undefined);
    if (plan === undefined) {
      throw refuse(`it is in no IPPool of subnet ${subnet.name} with allocation Fixed`);
    }
    const reservation = subnet.reservations.get(familyOf(ip));
    if (reservation === undefined || isReserved(reservation, ip)) {
      throw refuse(`it is reserved in subnet ${subnet.name}`);
    }
    return fixedBlock(hostPrefix(ip), plan.pool.name, subnet, claim);
  }

  #anyOf({ pool }: PoolPlan, subnet: RoutedSubnet, claim: string): OwnedBlock[] {
    const found: OwnedBlock[] = [];
    const reservation = subnet.reservations.get(pool.prefix.family);
    if (reservation === undefined) return found;
    // The claim's name instead of the node's: the same claim tries the same addresses everywhere.
    for (const prefix of blockCandidates(pool, claim)) {
      if (found.length === candidateCountMax) break;
      if (isReserved(reservation, prefix.address)) continue;
      found.push(fixedBlock(prefix, pool.name, subnet, claim));
    }
    return found;
  }
}

function fixedBlock(
  prefix: Prefix,
  pool: string,
  { name, vpc, vrf }: RoutedSubnet,
  claim: string,
): OwnedBlock {
  return { prefix, pool, subnet: name, vpc, vrf, claim };
}

const emptyStatus: IPClaimStatus = { conditions: [], phase: "Pending", addresses: [] };

/** `namespace/name`, as blocks name their claim. */
export function claimKeyOf(claim: IPClaim): string {
  return `${claim.metadata.namespace}/${claim.metadata.name}`;
}

function parseAddresses(text: string): Ip[] {
  try {
    return text.split(",").map((part) => parseIp(part.trim()));
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    const why = `Cannot use annotation ${addressAnnotation}: ${cause.message}`;
    throw new CniError("InvalidConfig", why, { cause });
  }
}

/**
 * By the pod's name, or by the stable key of a StatefulSet's pod: the set's name and its ordinal.
 */
function isClaimOf(claim: IPClaim, pod: Pod): boolean {
  const { pod: podName, owner } = claim.spec;
  if (podName !== undefined) return podName === pod.metadata.name;
  if (owner === undefined) return false;
  const controller = pod.metadata.ownerReferences?.find((ref) => ref.controller === true);
  return (
    controller?.kind === owner.kind &&
    controller.name === owner.name &&
    pod.metadata.name === `${owner.name}-${owner.ordinal}`
  );
}
