/** What the agent asks the kernel about the node's own interfaces. */
import type { Ifindex } from "@heddle/inet";
import { type Link, Rtnetlink } from "@heddle/netlink";

export class Interfaces implements Disposable {
  readonly #rtnetlink: Rtnetlink = new Rtnetlink();

  /** Undefined when there is no interface of that name. */
  readonly indexOf = (name: string): Ifindex | undefined => this.#find(name)?.ifindex;

  /** The smallest MTU of the interfaces; undefined when none of them exists. */
  mtuOf(names: readonly string[]): number | undefined {
    const mtus = names.map((name) => this.#find(name)?.mtu).filter((mtu) => mtu !== undefined);
    return mtus.length === 0 ? undefined : Math.min(...mtus);
  }

  [Symbol.dispose](): void {
    this.#rtnetlink[Symbol.dispose]();
  }

  #find(name: string): Link | undefined {
    return this.#rtnetlink.link({ name });
  }
}
