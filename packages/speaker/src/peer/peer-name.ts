import type { Ifindex, Ip } from "@heddle/inet";

/** A peer by its address; a link-local one by its interface, too. */
export interface PeerName {
  readonly address: Ip;
  readonly ifindex?: Ifindex;
}
