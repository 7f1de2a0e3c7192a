/**
 * Kernel settings of a device's network namespaces. Set before interfaces exist: they copy
 * `default`.
 */
import type { Device } from "./device.ts";

/**
 * For everything that is plugged in: what is down is not used, and nothing takes routes from
 * advertisements.
 */
const common: readonly string[] = [
  "net.ipv4.conf.all.ignore_routes_with_linkdown=1",
  "net.ipv4.conf.default.ignore_routes_with_linkdown=1",
  "net.ipv6.conf.all.ignore_routes_with_linkdown=1",
  "net.ipv6.conf.default.ignore_routes_with_linkdown=1",
  "net.ipv6.conf.all.accept_ra=0",
  "net.ipv6.conf.default.accept_ra=0",
];

/**
 * For routers. ECMP hashes ports; replies may come in over another link than requests left by; IPv6
 * addresses survive a link that is set down, as IPv4 ones do.
 */
const routing: readonly string[] = [
  "net.ipv4.ip_forward=1",
  "net.ipv6.conf.all.forwarding=1",
  "net.ipv4.conf.all.rp_filter=0",
  "net.ipv4.conf.default.rp_filter=0",
  "net.ipv4.fib_multipath_hash_policy=1",
  "net.ipv6.fib_multipath_hash_policy=1",
  "net.ipv6.conf.all.keep_addr_on_down=1",
  "net.ipv6.conf.default.keep_addr_on_down=1",
];

export async function setSysctls(
  device: Device,
  forRouting: boolean,
  netns?: string,
): Promise<void> {
  const settings = forRouting ? [...common, ...routing] : common;
  const options = netns === undefined ? {} : { netns };
  await device.run(["sysctl", "-q", "-w", ...settings], options);
}
