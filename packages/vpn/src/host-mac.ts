/** MAC addresses that hosts and routers can have. */
import type { Mac } from "@heddle/inet";

/** The I/G bit (IEEE 802): the first that is on the wire, in the first octet. */
const groupBit = 2 ** 40;

/** False for group addresses and for the one without a bit. */
export function isHostMac(mac: Mac): boolean {
  return mac !== 0 && Math.floor(mac / groupBit) % 2 === 0;
}
