/**
 * Names that follow from the attachment alone, so that every process that looks at the node finds
 * the same ones: no table has to survive for a DEL to know what to remove.
 */
import { hash } from "node:crypto";
import { type Ip, localMac, type Mac } from "@heddle/inet";

/** `hv` and 44 bits of the hash: 13 bytes, the kernel allows 15. */
export function hostIfnameOf(attachment: {
  readonly containerId: string;
  readonly ifname: string;
}): string {
  return `hv${digestOf(`${attachment.containerId}/${attachment.ifname}`).slice(0, 11)}`;
}

/**
 * Name of the Port object: the pod's, made unique for the sandbox by what {@link hostIfnameOf} gave
 * for it, as a DNS subdomain.
 */
export function portNameOf(pod: string, { hostIfname }: { readonly hostIfname: string }): string {
  return `${pod.slice(0, 240)}-${hostIfname.slice(2, 10)}`;
}

/**
 * The MAC address inside the pod. It follows from the first address, so a fixed address keeps its
 * MAC wherever the pod runs, and two pods of one VRF never share one.
 */
export function podMacOf(addresses: readonly Ip[]): Mac {
  const v4 = addresses.find((ip) => typeof ip === "number");
  // 0x0a and 0x06 keep addresses and hashes apart in the upper byte of the 40 bits.
  if (v4 !== undefined) return localMac(0x0a * 2 ** 32 + v4);
  return localMac(0x06 * 2 ** 32 + Number.parseInt(digestOf(String(addresses[0])).slice(0, 8), 16));
}

/**
 * The pods' gateway has the same MAC on every node and every interface: a pod that moves keeps it.
 */
export const gatewayMac: Mac = localMac(0x01);

function digestOf(text: string): string {
  return hash("sha256", text);
}
