/**
 * Two unnamed network namespaces joined by a veth: the speaker under test in one, everybody else in
 * the other. They end with the process.
 *
 * Neighbor entries are permanent: no ARP in the measured time, and a thousand addresses do not
 * exhaust the kernel's table.
 */
import { formatIp4 } from "@heddle/inet";
import { createNetns, type Fd } from "@heddle/native";
import { batch, inNetns } from "../../packages/dataplane/src/testing/topology.ts";
import { localAddress, type Neighbor, prefixLength, textOf } from "./addresses.ts";

const device = "bench0";
const macs = { speaker: "02:00:00:00:00:01", traffic: "02:00:00:00:00:02" } as const;

export class Network implements Disposable {
  /** Of the speaker under test. */
  readonly speaker: Fd;
  /** Of senders, receivers and clients. */
  readonly traffic: Fd;
  readonly #owned = new DisposableStack();
  readonly #neighbors = new Set<string>();

  constructor() {
    try {
      this.speaker = this.#owned.use(createNetns());
      this.traffic = this.#owned.use(createNetns());
      this.#join();
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  /** Gives the addresses to the traffic's end, each once. */
  addNeighbors(neighbors: readonly Neighbor[]): void {
    const texts = neighbors.map(textOf).filter((text) => !this.#neighbors.has(text));
    for (const text of texts) this.#neighbors.add(text);
    batch(
      this.traffic,
      texts.map((text) => `addr add ${text}/${prefixLength} dev ${device}`),
    );
    batch(
      this.speaker,
      texts.map(
        (text) => `neigh replace ${text} lladdr ${macs.traffic} dev ${device} nud permanent`,
      ),
    );
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  #join(): void {
    const { speaker, traffic } = this;
    const own = formatIp4(localAddress);
    const path = `/proc/${process.pid}/fd/${traffic.number}`;
    for (const netns of [speaker, traffic]) inNetns(netns, "ip", "link", "set", "lo", "up");
    batch(speaker, [
      `link add ${device} address ${macs.speaker} type veth ` +
        `peer name ${device} address ${macs.traffic} netns ${path}`,
      `link set ${device} up`,
      `addr add ${own}/${prefixLength} dev ${device}`,
    ]);
    batch(traffic, [
      `link set ${device} up`,
      `neigh add ${own} lladdr ${macs.speaker} dev ${device} nud permanent`,
    ]);
  }
}
