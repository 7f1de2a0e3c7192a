/** Ours: the node's data plane as the agent runs it, attached in both nodes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Dataplane, WorkerDataplane } from "@heddle/dataplane";
import { BpfPerCpuArray } from "@heddle/ebpf";
import { localMac, parseIp, parsePrefix, parseVrfId } from "@heddle/inet";
import { type Fd, getPinnedBpf, withNetns } from "@heddle/native";
import { assert, must } from "@heddle/std";
import {
  type Counter,
  dropReason,
  dropsMap,
  type ForwardPath,
  forwardPath,
  heddleObject,
  pathsMap,
} from "../../packages/dataplane/src/gen/heddle.gen.ts";
import { mtu, NodePair, type Site, uplink } from "./node-pair.ts";
import { forwardedBy, type NodeCounts, type Path } from "./path.ts";

const vrf = parseVrfId(0);

/**
 * Packets of a run that may leave the fast path: neighbor discovery between the nodes and to the
 * gateway.
 */
const strayCountMax = 8;

export class HeddlePath implements Path {
  readonly #pair: NodePair;
  readonly #nodes: readonly [AttachedNode, AttachedNode];
  readonly #owned: AsyncDisposableStack;

  private constructor(
    pair: NodePair,
    nodes: readonly [AttachedNode, AttachedNode],
    owned: AsyncDisposableStack,
  ) {
    this.#pair = pair;
    this.#nodes = nodes;
    this.#owned = owned;
  }

  static async open(): Promise<HeddlePath> {
    await using owned = new AsyncDisposableStack();
    const pair = owned.use(new NodePair());
    const [client, server] = pair.sites;
    const nodes = [
      owned.use(await AttachedNode.open(client)),
      owned.use(await AttachedNode.open(server)),
    ] as const;
    return new HeddlePath(pair, nodes, owned.move());
  }

  get client(): Fd {
    return this.#pair.client.pod;
  }

  get server(): Fd {
    return this.#pair.server.pod;
  }

  counts(): readonly [NodeCounts, NodeCounts] {
    const [client, server] = this.#nodes;
    return [client.counts(), server.counts()];
  }

  verify(before: NodeCounts, after: NodeCounts, packetsMin: number): void {
    const grown = (key: keyof NodeCounts): number => after[key] - before[key];
    const [out, into] = [grown("podToUplink"), grown("uplinkToPod")];
    assert(out + into >= packetsMin, `our programs forwarded ${out + into}, not ${packetsMin}`);
    assert(grown("dropped") === 0, `our programs dropped ${grown("dropped")} packets`);
    const stray = grown("podToStack") + grown("forwarded");
    assert(stray <= strayCountMax, `${stray} packets left the fast path`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}

/** The data plane of one node with its pod attached, and its counters. */
class AttachedNode implements AsyncDisposable {
  readonly #site: Site;
  readonly #owned: AsyncDisposableStack;
  readonly #paths: BpfPerCpuArray<Counter>;
  readonly #drops: BpfPerCpuArray<Counter>;

  private constructor(site: Site, bpffsPath: string, owned: AsyncDisposableStack) {
    this.#site = site;
    const pinned = (name: string): Fd => {
      const pin = path.join(bpffsPath, "heddle", heddleObject.layoutHash, name);
      return must(getPinnedBpf(pin), `map ${name} is pinned`);
    };
    this.#paths = owned.use(new BpfPerCpuArray(pathsMap, pinned(pathsMap.name)));
    this.#drops = owned.use(new BpfPerCpuArray(dropsMap, pinned(dropsMap.name)));
    this.#owned = owned.move();
  }

  static async open(site: Site): Promise<AttachedNode> {
    await using owned = new AsyncDisposableStack();
    const directory = mkdtempSync(path.join(tmpdir(), "ht-"));
    owned.defer(() => rmSync(directory, { recursive: true, force: true }));
    const bpffsPath = path.join(directory, "bpf");
    mkdirSync(bpffsPath);
    // Fails where nothing is mounted: the data plane did not come up.
    owned.defer(() => void spawnSync("umount", ["-q", bpffsPath]));
    const dataplane = owned.use(withNetns(site.node, () => new WorkerDataplane({ bpffsPath })));
    await attach(dataplane, site);
    return new AttachedNode(site, bpffsPath, owned.move());
  }

  counts(): NodeCounts {
    const took = (way: ForwardPath): number => packetsOf(this.#paths.get(forwardPath[way]));
    const dropped = Object.entries(dropReason)
      .filter(([reason]) => reason !== "multicast")
      .map(([, index]) => packetsOf(this.#drops.get(index)));
    return {
      podToUplink: took("pod-to-uplink"),
      uplinkToPod: took("uplink-to-pod"),
      podToStack: took("pod-to-stack"),
      dropped: dropped.reduce((sum, packets) => sum + packets, 0),
      forwarded: forwardedBy(this.#site.node),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}

async function attach(dataplane: Dataplane, site: Site): Promise<void> {
  const blocks = [site.block4, site.block6].map((block) => ({ vrf, prefix: parsePrefix(block) }));
  await dataplane.setNode({ uplinks: [uplink], podPrefixes: [], blocks });
  await dataplane.attachPod({
    netnsPath: `/proc/${process.pid}/fd/${site.pod.number}`,
    ifname: "eth0",
    hostIfname: "hv1",
    mac: localMac(1),
    hostMac: localMac(2),
    mtu,
    vrf,
    addresses: [parseIp(site.address4), parseIp(site.address6)],
    infrastructureAddresses: [],
  });
}

function packetsOf(perCpu: readonly Counter[]): number {
  return perCpu.reduce((sum, { packets }) => sum + Number(packets), 0);
}
