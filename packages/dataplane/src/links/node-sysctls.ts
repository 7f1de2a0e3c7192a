/**
 * Kernel switches of the namespace that the calling thread is in. /proc/sys/net shows the namespace
 * of the reader, so this works on whichever thread entered it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = "/proc/sys/net";

/**
 * What a node needs to route for its pods. IPv6 forwarding has a side effect: interfaces with
 * accept_ra=1 stop to accept router advertisements; a node that has its default route from them
 * needs accept_ra=2 on the uplink.
 */
const forwardingSysctls: readonly (readonly [string, string])[] = [
  ["ipv4/ip_forward", "1"],
  ["ipv6/conf/all/forwarding", "1"],
  // Layer-4 hashing: the flows between two hosts spread over all next hops.
  ["ipv4/fib_multipath_hash_policy", "1"],
  ["ipv6/fib_multipath_hash_policy", "1"],
];

/** Idempotent. @throws the system's error when /proc/sys is not writable */
export function enableForwarding(): void {
  for (const [name, value] of forwardingSysctls) writeSysctl(name, value);
}

/** For an interface whose namespace was made with IPv6 switched off. @throws the system's error */
export function enableIpv6(ifname: string): void {
  writeSysctl(`ipv6/conf/${ifname}/disable_ipv6`, "0");
}

/** Leaves a right value alone: writing ip_forward resets other switches of every interface. */
function writeSysctl(name: string, value: string): void {
  const file = path.join(root, name);
  if (readFileSync(file, "utf8").trim() !== value) writeFileSync(file, value);
}
