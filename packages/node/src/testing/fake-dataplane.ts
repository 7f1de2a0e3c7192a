/**
 * A kernel that outlives the process under test: pod interfaces by host name, and the namespaces
 * that exist. It refuses what a real one refuses, and notes when two interfaces have one address.
 */
import type {
  AttachedPod,
  Dataplane,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "@heddle/dataplane";
import { type Ip, parseIfindex } from "@heddle/inet";
import { addressKeyOf, heldBy } from "../journal/allocation.ts";

/** A point at which a test may stop or fail an operation. */
export type Gate = (point: string) => Promise<void>;

export class FakeKernel {
  readonly namespaces: Set<string> = new Set();
  readonly pods: Map<string, AttachedPod> = new Map();
  /** Addresses, with their VRF, that two interfaces had at the same time. */
  readonly doubles: string[] = [];
  #nextIfindex = 100;

  /**
   * A data plane of one process life. Every operation passes `gate` before and after its effect.
   */
  dataplane(gate: Gate = async () => undefined): Dataplane {
    return new FakeDataplane(this, gate);
  }

  attach(pod: PodInterface): AttachedPod {
    const { netnsPath, hostIfname } = pod;
    if (!this.namespaces.has(netnsPath)) {
      throw new Error(`Cannot open ${netnsPath}: ENOENT`);
    }
    const known = this.pods.get(hostIfname);
    for (const [name, other] of this.pods) {
      if (name === hostIfname) continue;
      const theirs = new Set(heldBy(other).map(addressKeyOf));
      this.doubles.push(
        ...heldBy(pod)
          .map(addressKeyOf)
          .filter((key) => theirs.has(key)),
      );
    }
    this.#nextIfindex += 2;
    const hostIfindex = known?.hostIfindex ?? parseIfindex(this.#nextIfindex);
    const attached = { ...pod, hostIfindex, podIfindex: parseIfindex(hostIfindex + 1) };
    this.pods.set(hostIfname, attached);
    return attached;
  }

  /** What the kernel does when a namespace goes: its interfaces go too. */
  removeNamespace(path: string): void {
    this.namespaces.delete(path);
    for (const [name, pod] of this.pods) if (pod.netnsPath === path) this.pods.delete(name);
  }

  addressesInUse(): Ip[] {
    return [...this.pods.values()].flatMap((pod) => pod.addresses);
  }
}

class FakeDataplane implements Dataplane {
  readonly #kernel: FakeKernel;
  readonly #gate: Gate;

  constructor(kernel: FakeKernel, gate: Gate) {
    this.#kernel = kernel;
    this.#gate = gate;
  }

  async setNode(_node: NodeInterfaces): Promise<void> {}

  async attachPod(pod: PodInterface): Promise<AttachedPod> {
    await this.#gate("before attach");
    const attached = this.#kernel.attach(pod);
    await this.#gate("after attach");
    return attached;
  }

  async detachPod(pod: Pick<PodInterface, "hostIfname" | "vrf" | "addresses">): Promise<void> {
    await this.#gate("before detach");
    this.#kernel.pods.delete(pod.hostIfname);
    await this.#gate("after detach");
  }

  async checkPod(pod: PodInterface): Promise<readonly string[]> {
    return this.#kernel.pods.has(pod.hostIfname) ? [] : [`interface ${pod.hostIfname} is missing`];
  }

  async observePods(): Promise<readonly ObservedPod[]> {
    return [...this.#kernel.pods.values()];
  }

  async drops(): Promise<readonly DropCount[]> {
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
