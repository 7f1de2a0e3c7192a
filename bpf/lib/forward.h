/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Ways out of a program: to a pod of this node, to an uplink, to the kernel's stack.
 *
 * What forwards here also lowers the hop limit, as a router does (RFC 1812 5.3.1, RFC 8200 3).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "count.h"
#include "packet.h"

#define IP4_TTL_OFFSET (ETH_HLEN + offsetof(struct iphdr, ttl))
#define IP4_CHECK_OFFSET (ETH_HLEN + offsetof(struct iphdr, check))
#define IP6_HOP_LIMIT_OFFSET (ETH_HLEN + offsetof(struct ipv6hdr, hop_limit))

/*
 * Lowers the TTL, which is above 1, and corrects the header checksum. Returns 0, or a negative
 * errno.
 */
static __always_inline int lower_hop_limit4(struct __sk_buff *skb)
{
	__be16 old, new;
	long err;

	/* TTL and protocol are one word of the checksum; the TTL is its upper byte. */
	err = bpf_skb_load_bytes(skb, IP4_TTL_OFFSET, &old, sizeof(old));
	if (err)
		return err;
	new = bpf_htons(bpf_ntohs(old) - 0x100);
	err = bpf_l3_csum_replace(skb, IP4_CHECK_OFFSET, old, new, sizeof(new));
	if (err)
		return err;
	return bpf_skb_store_bytes(skb, IP4_TTL_OFFSET, &new, sizeof(new), 0);
}

/*
 * Lowers the hop limit, which is above 1. IPv6 has no header checksum that would balance the
 * change, so skb->csum, where the device filled it, is corrected by the helper.
 */
static __always_inline int lower_hop_limit6(struct __sk_buff *skb)
{
	__u8 hop_limit;
	long err;

	err = bpf_skb_load_bytes(skb, IP6_HOP_LIMIT_OFFSET, &hop_limit, sizeof(hop_limit));
	if (err)
		return err;
	hop_limit -= 1;
	return bpf_skb_store_bytes(skb, IP6_HOP_LIMIT_OFFSET, &hop_limit, sizeof(hop_limit),
				   BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int lower_hop_limit(struct __sk_buff *skb, __u8 family)
{
	return family == AF_INET ? lower_hop_limit4(skb) : lower_hop_limit6(skb);
}

static __always_inline int to_stack(struct __sk_buff *skb)
{
	return count_path(skb, PATH_POD_TO_STACK);
}

/*
 * Moves the packet to the pod's side of the veth pair of `route`, past the host's stack and its
 * egress hooks.
 */
static __always_inline int to_local_pod(struct __sk_buff *skb, __u8 family,
					const struct route *route, enum forward_path path)
{
	if (lower_hop_limit(skb, family))
		return drop(skb, DROP_REWRITE_FAILED);
	if (bpf_skb_store_bytes(skb, 0, route->mac, ETH_ADDRESSES_BYTES, 0))
		return drop(skb, DROP_REWRITE_FAILED);
	count_path(skb, path);
	return bpf_redirect_peer(route->ifindex, 0);
}

/*
 * Sends the packet where the kernel's main table says. The lookup sees the ports, so ECMP spreads
 * flows as the kernel does; the neighbor is resolved by the kernel after the redirect. Whatever the
 * table says other than "forward it" (local, unreachable, no route, fragmentation needed) is the
 * stack's to do, with its ICMP errors.
 */
static __always_inline int to_fib(struct __sk_buff *skb, struct bpf_fib_lookup *flow)
{
	struct bpf_redir_neigh nexthop = {};
	__u8 family = flow->family;
	long found = bpf_fib_lookup(skb, flow, sizeof(*flow), 0);

	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return to_stack(skb);
	if (lower_hop_limit(skb, family))
		return drop(skb, DROP_REWRITE_FAILED);
	/*
	 * The lookup has put the nexthop into the destination, with its own family (RFC 8950: IPv4
	 * via IPv6).
	 */
	nexthop.nh_family = flow->family;
	if (flow->family == AF_INET)
		nexthop.ipv4_nh = flow->ipv4_dst;
	else
		__builtin_memcpy(nexthop.ipv6_nh, flow->ipv6_dst, sizeof(nexthop.ipv6_nh));
	count_path(skb, PATH_POD_TO_UPLINK);
	return bpf_redirect_neigh(flow->ifindex, &nexthop, sizeof(nexthop), 0);
}

/*
 * A link-local destination never leaves the node, but may be an address that the host serves on (a
 * node-local DNS cache on 169.254.20.10, say): the kernel's table tells.
 */
static __always_inline int to_own_link_local4(struct __sk_buff *skb, struct bpf_fib_lookup *flow)
{
	if (bpf_fib_lookup(skb, flow, sizeof(*flow), 0) == BPF_FIB_LKUP_RET_NOT_FWDED)
		return to_stack(skb);
	return drop(skb, DROP_LINK_LOCAL);
}

/*
 * Routes a packet of a pod whose source has been checked. `slow`: the packet needs the kernel's
 * stack.
 */
static __always_inline int route_from_pod(struct __sk_buff *skb, __u32 vrf,
					  struct bpf_fib_lookup *flow,
					  const struct route *route, bool slow)
{
	if (!route)
		return drop(skb, DROP_NO_ROUTE);
	if (route->action == ROUTE_BLACKHOLE)
		return drop(skb, DROP_BLACKHOLE);
	if (route->action == ROUTE_LOCAL && !slow)
		return to_local_pod(skb, flow->family, route, PATH_POD_TO_POD);
	if (route->action == ROUTE_INFRASTRUCTURE)
		return drop(skb, DROP_NOT_FROM_NODE);
	/* The kernel's tables and its ICMP errors know the native VRF only. */
	if (vrf != VRF_NATIVE)
		return drop(skb, DROP_STACK_OF_OTHER_VRF);
	if (slow || route->action != ROUTE_FIB)
		return to_stack(skb);
	return to_fib(skb, flow);
}
