/** What the agent asks the kernel about the node's own interfaces. */
import type { Ifindex } from "@heddle/inet";
import {
  type Address,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  type Link,
  RT_SCOPE_UNIVERSE,
  Rtnetlink,
} from "@heddle/netlink";
import type { InterfaceAddress } from "./node-addresses.ts";

export class Interfaces implements Disposable {
  readonly #rtnetlink: Rtnetlink = new Rtnetlink();

  /** Undefined when there is no interface of that name. */
  readonly indexOf = (name: string): Ifindex | undefined => this.#find(name)?.ifindex;

  /** The smallest MTU of the interfaces; undefined when none of them exists. */
  mtuOf(names: readonly string[]): number | undefined {
    const mtus = names.map((name) => this.#find(name)?.mtu).filter((mtu) => mtu !== undefined);
    return mtus.length === 0 ? undefined : Math.min(...mtus);
  }

  /** The routed addresses of all interfaces that can be spoken from. */
  routedAddresses(): readonly InterfaceAddress[] {
    const names = new Map(this.#rtnetlink.links().map(({ ifindex, name }) => [ifindex, name]));
    return this.#rtnetlink
      .addresses()
      .filter(isRouted)
      .flatMap(({ ifindex, address }) => {
        const ifname = names.get(ifindex);
        return ifname === undefined ? [] : [{ ifname, address }];
      });
  }

  [Symbol.dispose](): void {
    this.#rtnetlink[Symbol.dispose]();
  }

  #find(name: string): Link | undefined {
    return this.#rtnetlink.link({ name });
  }
}

function isRouted({ scope, flags }: Address): boolean {
  return scope === RT_SCOPE_UNIVERSE && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0;
}
