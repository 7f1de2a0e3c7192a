/**
 * `from_uplink` on the interfaces that lead to the fabric: by TCX links that are pinned, or, below
 * Linux 6.6, by a filter of a clsact qdisc. Both stay when the process ends, and both are replaced
 * in one step.
 */
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { BpfLink, type BpfProgram, isKernelAtLeast } from "@heddle/ebpf";
import type { Ifindex } from "@heddle/inet";
import {
  deleteBpfFilter,
  isAbsent,
  type Link,
  newBpfFilter,
  newClsact,
  type Rtnetlink,
} from "@heddle/netlink";
import { DataplaneError } from "./dataplane-error.ts";

/** How to attach: TCX is preferred where the kernel has it. */
export type UplinkAttachment = "tcx" | "clsact";

/** ARPHRD_ETHER: the programs read Ethernet headers. */
const typeEthernet = 1;

const filterName = "heddle/from_uplink";
const filterHandle = 1;
/** Leaves room before and after it for filters of others. */
const filterPriority = 100;

/** What the running kernel offers. */
export function preferredAttachment(): UplinkAttachment {
  return isKernelAtLeast("6.6") ? "tcx" : "clsact";
}

export class Uplinks {
  readonly #rtnetlink: Rtnetlink;
  readonly #program: BpfProgram;
  readonly #pinFolder: string;
  readonly #attachment: UplinkAttachment;
  /** No interface but these has the program; undefined when each may have it. */
  #attachedAtMost: ReadonlySet<string> | undefined;

  /** Borrows `rtnetlink` and `program`. `pinFolder` exists, on a bpf file system. */
  constructor(
    rtnetlink: Rtnetlink,
    program: BpfProgram,
    pinFolder: string,
    attachment: UplinkAttachment,
  ) {
    this.#rtnetlink = rtnetlink;
    this.#program = program;
    this.#pinFolder = pinFolder;
    this.#attachment = attachment;
  }

  /**
   * Makes exactly `names` uplinks. One that fails does not keep the others from being attached.
   * @throws DataplaneError no-uplink, bad-uplink, refused: the first of what failed
   */
  set(names: readonly string[]): void {
    const failures: unknown[] = [];
    const attempt = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        failures.push(error);
      }
    };
    for (const name of names) attempt(() => this.#attach(this.#ethernetLink(name)));
    attempt(() => this.#detachOthers(new Set(names)));
    if (failures.length > 0) throw failures[0];
  }

  #ethernetLink(name: string): Link {
    const link = this.#rtnetlink.link({ name });
    if (link === undefined) {
      throw new DataplaneError("no-uplink", `Cannot attach uplink ${name}: no such interface`);
    }
    if (link.type === typeEthernet) return link;
    const message = `Cannot attach uplink ${name}: hardware type ${link.type}, want Ethernet (1)`;
    throw new DataplaneError("bad-uplink", message);
  }

  #attach(link: Link): void {
    if (this.#attachment === "tcx") this.#attachTcx(link);
    else this.#attachFilter(link.ifindex);
  }

  /** A pinned link whose interface was deleted, or made anew with another index, is replaced. */
  #attachTcx({ name, ifindex }: Link): void {
    const pin = path.join(this.#pinFolder, toPinName(name));
    using known = BpfLink.open(pin);
    if (known?.isTcxOn(ifindex) === true) {
      known.update(this.#program);
      return;
    }
    if (known !== undefined) rmSync(pin);
    using created = BpfLink.attachTcxIngress(this.#program, ifindex);
    created.pin(pin);
  }

  #attachFilter(ifindex: Ifindex): void {
    const qdiscs = this.#rtnetlink.qdiscs(ifindex);
    const hasClsact = qdiscs.some(({ kind }) => kind === "clsact");
    this.#rtnetlink.execute([
      ...(hasClsact ? [] : [newClsact(ifindex)]),
      newBpfFilter({
        hook: { ifindex, side: "ingress" },
        handle: filterHandle,
        priority: filterPriority,
        programFd: this.#program.fd.number,
        name: filterName,
      }),
    ]);
  }

  /**
   * What an earlier configuration attached, in either way. Looks only when there may be something:
   * a dump of all interfaces of a node with many pods takes milliseconds of the thread that makes
   * them.
   */
  #detachOthers(wanted: ReadonlySet<string>): void {
    if (this.#attachedAtMost?.isSubsetOf(wanted) !== true) {
      this.#attachedAtMost = undefined;
      this.#removePins(wanted);
      this.#removeFilters(wanted);
    }
    this.#attachedAtMost = wanted;
  }

  #removePins(wanted: ReadonlySet<string>): void {
    const kept = new Set(this.#attachment === "tcx" ? [...wanted].map(toPinName) : []);
    for (const pinName of readdirSync(this.#pinFolder)) {
      if (kept.has(pinName)) continue;
      const pin = path.join(this.#pinFolder, pinName);
      using link = BpfLink.open(pin);
      link?.detach();
      rmSync(pin);
    }
  }

  #removeFilters(wanted: ReadonlySet<string>): void {
    const isTcx = this.#attachment === "tcx";
    const links = new Map(this.#rtnetlink.links().map((link) => [link.ifindex, link.name]));
    for (const { ifindex, kind, ingressBlock } of this.#rtnetlink.qdiscs()) {
      const name = links.get(ifindex);
      const isKept = !isTcx && name !== undefined && wanted.has(name);
      if (kind === "clsact" && ingressBlock === undefined && !isKept) this.#removeFilter(ifindex);
    }
  }

  /** The qdisc stays: others may use it. */
  #removeFilter(ifindex: Ifindex): void {
    const hook = { ifindex, side: "ingress" } as const;
    const isThere = this.#rtnetlink.filters(hook).some(({ bpf }) => bpf?.name === filterName);
    if (!isThere) return;
    const filter = { hook, handle: filterHandle, priority: filterPriority };
    const [failure] = this.#rtnetlink.submit([deleteBpfFilter(filter)]);
    if (failure !== undefined && !isAbsent(failure)) throw failure;
  }
}

/** A bpf file system refuses names with a dot, which names of VLAN interfaces have. */
function toPinName(ifname: string): string {
  return ifname.replaceAll("%", "%25").replaceAll(".", "%2e");
}
