import { type Ifindex, parseIfindex } from "@heddle/inet";
import { type Fd, openNetns, withNetns } from "@heddle/native";
import { type Link, type Request, Rtnetlink } from "@heddle/netlink";
import type { PodInterface } from "../dataplane.ts";
import { enableIpv6 } from "./node-sysctls.ts";
import { PodLinkError } from "./pod-link-error.ts";
import { loopback } from "./pod-requests.ts";

/** A pod's namespace and the handle on it, for the length of one call. */
export class PodSide implements Disposable {
  readonly netns: Fd;
  readonly rtnetlink: Rtnetlink;

  /**
   * @throws SystemError ENOENT when there is no such file, EINVAL when it is not a network
   *   namespace
   */
  constructor(netnsPath: string) {
    this.netns = openNetns(netnsPath);
    try {
      this.rtnetlink = new Rtnetlink(this.netns);
    } catch (error) {
      this.netns.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.rtnetlink[Symbol.dispose]();
    this.netns.close();
  }

  /** An index that no interface of the pod has. */
  freeIfindex(): Ifindex {
    const used = this.rtnetlink.links().map((link) => link.ifindex);
    return parseIfindex(Math.max(loopback, ...used) + 1);
  }

  /**
   * The other end of the veth `host`; undefined unless it is in this namespace under the pod's
   * name.
   */
  farEndOf(host: Link, hostHandle: Rtnetlink, ifname: string): Link | undefined {
    if (host.link === undefined || host.linkNetnsId === undefined) return undefined;
    if (host.linkNetnsId !== hostHandle.netnsId(this.netns)) return undefined;
    const link = this.rtnetlink.link({ ifindex: host.link });
    return link?.name === ifname ? link : undefined;
  }

  /** Sends requests about the inside of the pod. @throws NetlinkError, SystemError */
  configure(ifname: string, requests: readonly Request[]): void {
    const failures = this.rtnetlink.submit(requests).filter((outcome) => outcome !== undefined);
    const [first] = failures;
    if (first === undefined) return;
    // Some runtimes make namespaces with IPv6 switched off, where IPv6 addresses are refused with
    // EACCES.
    if (!failures.some(({ code }) => code === "EACCES")) throw first;
    withNetns(this.netns, () => enableIpv6(ifname));
    this.rtnetlink.execute(requests);
  }
}

/** @throws PodLinkError */
export function ifnameTaken(pod: PodInterface): PodLinkError {
  const found = `${pod.netnsPath} has an interface ${pod.ifname}`;
  return new PodLinkError(`Cannot create ${pod.hostIfname}: ${found}, want none`, "ifname-taken");
}
