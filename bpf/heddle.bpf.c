// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The data plane of a node: three tc programs.
 *
 *   from_pod     ingress of every pod's host side, through a shared block: what pods send
 *   to_pod       egress of the same interfaces, through a shared block: what the host's own stack
 *                sends to pods, including what it forwards for the fast path
 *   from_uplink  ingress of each uplink: what the fabric sends
 *
 * Invariants: a packet leaves a pod only with the pod's own addresses, or, to the node itself from
 * a VRF other than the native one, with its infrastructure address in their place; a packet of one
 * VRF never reaches an interface of another, but for what the node itself sends to an
 * infrastructure address; every packet that is dropped is counted once. Needs Linux 6.1 and
 * Ethernet uplinks.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lib/count.h"
#include "lib/forward.h"
#include "lib/maps.h"
#include "lib/neighbor.h"
#include "lib/packet.h"
#include "lib/translate.h"
#include "lib/types.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 127.0.0.0/8 and 0.0.0.0/8 (RFC 1122 3.2.1.3). */
static __always_inline bool is_bad_destination4(__be32 address)
{
	__be32 octet = address & bpf_htonl(0xff000000);

	return octet == bpf_htonl(0x7f000000) || octet == 0;
}

/* 169.254.0.0/16 (RFC 3927). */
static __always_inline bool is_link_local4(__be32 address)
{
	return (address & bpf_htonl(0xffff0000)) == bpf_htonl(0xa9fe0000);
}

/* 224.0.0.0/4 and the limited broadcast. */
static __always_inline bool is_multicast4(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	       address == bpf_htonl(0xffffffff);
}

static __always_inline int ip4_from_pod(struct __sk_buff *skb, const struct vif *vif,
					bool for_gateway)
{
	struct bpf_fib_lookup flow = {};
	struct iphdr *ip = ip4_header(skb);
	bool slow;

	if (!ip)
		return drop(skb, DROP_MALFORMED);
	if (!vif->address4 || ip->saddr != vif->address4)
		return drop(skb, DROP_SPOOFED_ADDRESS);
	if (is_multicast4(ip->daddr))
		return drop(skb, DROP_MULTICAST);
	if (!for_gateway)
		return drop(skb, DROP_NOT_FOR_GATEWAY);
	if (is_bad_destination4(ip->daddr))
		return drop(skb, DROP_BAD_DESTINATION);
	if (vif->vrf != VRF_NATIVE && ip->daddr == GATEWAY4)
		return pod_to_node4(skb, vif, ip);
	slow = read_flow4(skb, ip, &flow);
	if (vif->vrf == VRF_NATIVE && is_link_local4(flow.ipv4_dst))
		return to_own_link_local4(skb, &flow);
	return route_from_pod(skb, vif->vrf, &flow, find_route4(vif->vrf, flow.ipv4_dst), slow);
}

static __always_inline int ip6_from_pod(struct __sk_buff *skb, const struct vif *vif,
					bool for_gateway)
{
	struct bpf_fib_lookup flow = {};
	struct ipv6hdr *ip = ip6_header(skb);
	bool discovery, slow;

	if (!ip)
		return drop(skb, DROP_MALFORMED);
	discovery = is_neighbor_discovery(skb, ip);
	slow = read_flow6(skb, ip, &flow);
	if (discovery)
		return neighbor_discovery_from_pod(skb, vif, &flow);
	if (is_multicast6(flow.ipv6_dst))
		return drop(skb, DROP_MULTICAST);
	if (is_unspecified6(flow.ipv6_src) ||
	    !equal_ip6(flow.ipv6_src, (const __u32 *)vif->address6))
		return drop(skb, DROP_SPOOFED_ADDRESS);
	if (!for_gateway)
		return drop(skb, DROP_NOT_FOR_GATEWAY);
	if (vif->vrf != VRF_NATIVE && is_gateway6(flow.ipv6_dst))
		return pod_to_node6(skb, vif, flow.l4_protocol);
	if (is_link_local6(flow.ipv6_dst))
		return drop(skb, DROP_LINK_LOCAL);
	if (is_loopback6(flow.ipv6_dst) || is_unspecified6(flow.ipv6_dst))
		return drop(skb, DROP_BAD_DESTINATION);
	return route_from_pod(skb, vif->vrf, &flow, find_route6(vif->vrf, flow.ipv6_dst), slow);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct vif *vif = bpf_map_lookup_elem(&vifs, &ifindex);
	struct ethhdr *eth;
	bool for_gateway;

	if (!vif)
		return drop(skb, DROP_NO_VIF);
	eth = packet_start(skb, ETH_HLEN);
	if (!eth)
		return drop(skb, DROP_MALFORMED);
	if (!equal_mac(eth->h_source, vif->mac))
		return drop(skb, DROP_SPOOFED_MAC);
	if (skb->vlan_present)
		return drop(skb, DROP_VLAN);
	for_gateway = equal_mac(eth->h_dest, vif->host_mac);
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_IP):
		return ip4_from_pod(skb, vif, for_gateway);
	case bpf_htons(ETH_P_IPV6):
		return ip6_from_pod(skb, vif, for_gateway);
	case bpf_htons(ETH_P_ARP):
		return arp_from_pod(skb, vif);
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		return drop(skb, DROP_VLAN);
	default:
		return drop(skb, DROP_NOT_IP);
	}
}

/*
 * The host's own stack knows only the native VRF. What it sends to a pod of another is for the
 * pod's infrastructure address, or it has crossed over: by a route that does not belong into the
 * main table, or because two VRFs use one address.
 */
static __always_inline int to_pod_of_other_vrf(struct __sk_buff *skb, const struct vif *vif)
{
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		return node_to_pod4(skb, vif);
	case bpf_htons(ETH_P_IPV6):
		return node_to_pod6(skb, vif);
	default:
		return drop(skb, DROP_STACK_OF_OTHER_VRF);
	}
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct vif *vif = bpf_map_lookup_elem(&vifs, &ifindex);

	if (!vif)
		return drop(skb, DROP_NO_VIF);
	if (vif->vrf != VRF_NATIVE)
		return to_pod_of_other_vrf(skb, vif);
	return count_path(skb, PATH_STACK_TO_POD);
}

static __always_inline bool is_local_pod(const struct route *route)
{
	return route && route->action == ROUTE_LOCAL;
}

static __always_inline bool is_infrastructure(const struct route *route)
{
	return route && route->action == ROUTE_INFRASTRUCTURE;
}

/*
 * A packet from the fabric. What is not for a pod of this node goes on to the next program and to
 * the kernel's stack.
 */
static __always_inline int deliver_from_uplink(struct __sk_buff *skb, __u8 family,
					       const struct route *source,
					       const struct route *destination, bool slow)
{
	if (is_local_pod(source) || is_infrastructure(source))
		return drop(skb, DROP_SPOOFED_BY_UPLINK);
	if (is_infrastructure(destination))
		return drop(skb, DROP_NOT_FROM_NODE);
	if (slow || !is_local_pod(destination))
		return TC_ACT_UNSPEC;
	return to_local_pod(skb, family, destination, PATH_UPLINK_TO_POD);
}

static __always_inline int ip4_from_uplink(struct __sk_buff *skb)
{
	struct iphdr *ip = ip4_header(skb);
	const struct route *source, *destination;

	if (!ip)
		return TC_ACT_UNSPEC;
	source = find_route4(VRF_NATIVE, ip->saddr);
	destination = find_route4(VRF_NATIVE, ip->daddr);
	return deliver_from_uplink(skb, AF_INET, source, destination, ip->ihl != 5 || ip->ttl <= 1);
}

static __always_inline int ip6_from_uplink(struct __sk_buff *skb)
{
	struct ipv6hdr *ip = ip6_header(skb);
	const struct route *source, *destination;
	__u32 address[4];

	if (!ip)
		return TC_ACT_UNSPEC;
	__builtin_memcpy(address, &ip->saddr, sizeof(address));
	source = find_route6(VRF_NATIVE, address);
	__builtin_memcpy(address, &ip->daddr, sizeof(address));
	destination = find_route6(VRF_NATIVE, address);
	return deliver_from_uplink(skb, AF_INET6, source, destination,
				   ip->nexthdr == IPPROTO_HOPOPTS || ip->hop_limit <= 1);
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return TC_ACT_UNSPEC;
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		return ip4_from_uplink(skb);
	case bpf_htons(ETH_P_IPV6):
		return ip6_from_uplink(skb);
	default:
		return TC_ACT_UNSPEC;
	}
}
