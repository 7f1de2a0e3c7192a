/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading a packet: headers, and the fields by which it is routed. The routed fields are kept in a
 * struct bpf_fib_lookup, which is the form in which the kernel wants them.
 *
 * Fragments of one datagram must take one way, and only the first has ports; so no fragment is
 * hashed by ports.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

/* RFC 791: more fragments, and the offset in units of 8 bytes. */
#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff

#define ETH_ADDRESSES_BYTES (2 * ETH_ALEN)

/*
 * The kernel rewrites these 32-bit loads of the context into loads of pointers. Were they plain C,
 * the compiler could keep the value in 32 bits, which the verifier refuses; hence the assembly.
 */
static __always_inline void *packet_data(const struct __sk_buff *skb)
{
	void *data;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(data)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return data;
}

static __always_inline void *packet_end(const struct __sk_buff *skb)
{
	void *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(end)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return end;
}

/*
 * The start of a packet of which the first `length` bytes can be read, or NULL if it is shorter.
 * Every pointer into the packet is void after a call, because the bytes may have to be moved to the
 * linear part.
 */
static __always_inline void *packet_start(struct __sk_buff *skb, __u32 length)
{
	void *data = packet_data(skb);

	if (data + length <= packet_end(skb))
		return data;
	if (bpf_skb_pull_data(skb, length))
		return NULL;
	data = packet_data(skb);
	return data + length <= packet_end(skb) ? data : NULL;
}

static __always_inline bool equal_mac(const __u8 *a, const __u8 *b)
{
	__u8 differing = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differing |= a[i] ^ b[i];
	return differing == 0;
}

static __always_inline bool equal_ip6(const __u32 a[4], const __u32 b[4])
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

static __always_inline bool is_unspecified6(const __u32 a[4])
{
	return (a[0] | a[1] | a[2] | a[3]) == 0;
}

/* fe80::/10 */
static __always_inline bool is_link_local6(const __u32 a[4])
{
	return (a[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* ff00::/8 */
static __always_inline bool is_multicast6(const __u32 a[4])
{
	return (a[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

/* ::1 */
static __always_inline bool is_loopback6(const __u32 a[4])
{
	return (a[0] | a[1] | a[2]) == 0 && a[3] == bpf_htonl(1);
}

/*
 * True if a packet of `ip_length` bytes by its own account holds its header and has come whole.
 * A GSO packet may be longer than its length field can say.
 */
static __always_inline bool is_length_right(struct __sk_buff *skb, __u32 ip_length,
					    __u32 header_length)
{
	if (skb->gso_size)
		return true;
	return ip_length >= header_length && ip_length <= skb->len - ETH_HLEN;
}

/* The IPv4 header, or NULL if it is cut off or not one. */
static __always_inline struct iphdr *ip4_header(struct __sk_buff *skb)
{
	void *start = packet_start(skb, ETH_HLEN + sizeof(struct iphdr));
	struct iphdr *ip;

	if (!start)
		return NULL;
	ip = start + ETH_HLEN;
	if (ip->version != 4 || ip->ihl < 5)
		return NULL;
	return is_length_right(skb, bpf_ntohs(ip->tot_len), ip->ihl * 4) ? ip : NULL;
}

/* The IPv6 header, or NULL if it is cut off or not one. */
static __always_inline struct ipv6hdr *ip6_header(struct __sk_buff *skb)
{
	void *start = packet_start(skb, ETH_HLEN + sizeof(struct ipv6hdr));
	struct ipv6hdr *ip;

	if (!start)
		return NULL;
	ip = start + ETH_HLEN;
	if (ip->version != 6)
		return NULL;
	return is_length_right(skb, sizeof(*ip) + bpf_ntohs(ip->payload_len), sizeof(*ip)) ? ip
											   : NULL;
}

/*
 * Reads the ports of TCP, UDP and SCTP, and for TCP the length of its header, at `offset`. Leaves
 * zeros where the packet has none. Returns the length of the transport header, 0 where it is
 * unknown.
 */
static __always_inline __u32 read_ports(struct __sk_buff *skb, __u32 offset,
					struct bpf_fib_lookup *flow)
{
	__be16 ports[2];
	__u8 tcp_offset;

	if (flow->l4_protocol != IPPROTO_TCP && flow->l4_protocol != IPPROTO_UDP &&
	    flow->l4_protocol != IPPROTO_SCTP)
		return 0;
	if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return 0;
	flow->sport = ports[0];
	flow->dport = ports[1];
	if (flow->l4_protocol != IPPROTO_TCP)
		return 8;
	/* RFC 9293: the data offset is the upper half of byte 12, in units of 4 bytes. */
	if (bpf_skb_load_bytes(skb, offset + 12, &tcp_offset, sizeof(tcp_offset)))
		return 0;
	return (tcp_offset >> 4) * 4;
}

/*
 * The IP length by which the path MTU is checked: of a GSO packet that of its segments, because the
 * packet itself is cut before it meets a wire.
 */
static __always_inline __u16 segment_length(struct __sk_buff *skb, __u32 headers_length)
{
	__u32 length = skb->gso_size ? headers_length + skb->gso_size : skb->len - ETH_HLEN;

	return length > 0xffff ? 0xffff : length;
}

/*
 * Fills `flow`. Returns true if the fast path must not touch the packet: the kernel's stack handles
 * IPv4 options, hop-by-hop options, and a hop limit that is used up.
 */
static __always_inline bool read_flow4(struct __sk_buff *skb, const struct iphdr *ip,
				       struct bpf_fib_lookup *flow)
{
	__u32 transport_length = 0;
	bool slow = ip->ihl != 5 || ip->ttl <= 1;
	bool fragment = (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET)) != 0;

	flow->family = AF_INET;
	flow->l4_protocol = ip->protocol;
	flow->tos = ip->tos;
	flow->ipv4_src = ip->saddr;
	flow->ipv4_dst = ip->daddr;
	flow->ifindex = skb->ifindex;
	if (!slow && !fragment)
		transport_length = read_ports(skb, ETH_HLEN + sizeof(*ip), flow);
	flow->tot_len = segment_length(skb, sizeof(*ip) + transport_length);
	return slow;
}

static __always_inline bool read_flow6(struct __sk_buff *skb, const struct ipv6hdr *ip,
				       struct bpf_fib_lookup *flow)
{
	__u32 transport_length = 0;
	bool slow = ip->nexthdr == IPPROTO_HOPOPTS || ip->hop_limit <= 1;

	flow->family = AF_INET6;
	flow->l4_protocol = ip->nexthdr;
	/* The kernel's hash for ECMP includes the flow label, as it does on its own path. */
	flow->flowinfo = *(const __be32 *)ip & bpf_htonl(0x0fffffff);
	__builtin_memcpy(flow->ipv6_src, &ip->saddr, sizeof(flow->ipv6_src));
	__builtin_memcpy(flow->ipv6_dst, &ip->daddr, sizeof(flow->ipv6_dst));
	flow->ifindex = skb->ifindex;
	if (!slow)
		transport_length = read_ports(skb, ETH_HLEN + sizeof(*ip), flow);
	flow->tot_len = segment_length(skb, sizeof(*ip) + transport_length);
	return slow;
}
