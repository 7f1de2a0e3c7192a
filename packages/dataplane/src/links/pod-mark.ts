/**
 * How a pod interface of ours is recognised after a restart. The link group is set by the very
 * message that creates the link, so even a link whose creator was killed at once carries it; the
 * alias follows and says more.
 */
import { parseVrfId, type VrfId } from "@heddle/inet";
import type { Link } from "@heddle/netlink";

/** `proto` of every route and neighbor entry that the node makes for its pods. */
export const protoHeddle = 72;

/** Link group of the host sides of pods. */
export const podLinkGroup = 72;

const aliasPattern = /^heddle:pod:vrf=([0-9]+)$/;

export function formatPodAlias(vrf: VrfId): string {
  return `heddle:pod:vrf=${vrf}`;
}

/** Undefined when the link was never completed: its alias is missing. */
export function parsePodAlias(alias: string | undefined): VrfId | undefined {
  if (alias === undefined) return undefined;
  const text = aliasPattern.exec(alias)?.[1];
  return text === undefined ? undefined : parseVrfId(text);
}

/** True for the host side of a pod interface that we made, complete or not. */
export function isPodLink(link: Link): boolean {
  return link.group === podLinkGroup && link.kind === "veth";
}
