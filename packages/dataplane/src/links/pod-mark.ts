/**
 * How a pod interface of ours is recognised after a restart. The link group is set by the very
 * message that creates the link, so even a link whose creator was killed at once carries it; the
 * alias follows and says more: the VRF, and outside the native one the pod's addresses, which
 * nothing else of the host side tells.
 */
import { formatIp, type Ip, parseIp, parseVrfId, type VrfId } from "@heddle/inet";
import type { Link } from "@heddle/netlink";
import { nativeVrf } from "@heddle/vrouter";
import type { PodInterface } from "../dataplane.ts";

/** `proto` of every route and neighbor entry that the node makes for its pods. */
export const protoHeddle = 72;

/** Link group of the host sides of pods. */
export const podLinkGroup = 72;

const aliasPattern = /^heddle:pod:vrf=([0-9]+)(?:,addresses=([0-9a-f.:,]*))?$/;

/** At most 105 bytes; the kernel takes 255. */
export function formatPodAlias({
  vrf,
  addresses,
}: Pick<PodInterface, "vrf" | "addresses">): string {
  const mark = `heddle:pod:vrf=${vrf}`;
  return vrf === nativeVrf ? mark : `${mark},addresses=${addresses.map(formatIp).join(",")}`;
}

export interface PodAlias {
  readonly vrf: VrfId;
  /** Empty in the native VRF. */
  readonly addresses: readonly Ip[];
}

/** Undefined when the link was never completed: its alias is missing. */
export function parsePodAlias(alias: string | undefined): PodAlias | undefined {
  const [, vrf, addresses] = aliasPattern.exec(alias === undefined ? "" : alias) ?? [];
  if (vrf === undefined) return undefined;
  const texts = addresses === undefined || addresses === "" ? [] : addresses.split(",");
  return { vrf: parseVrfId(vrf), addresses: texts.map(parseIp) };
}

/** True for the host side of a pod interface that we made, complete or not. */
export function isPodLink(link: Link): boolean {
  return link.group === podLinkGroup && link.kind === "veth";
}
