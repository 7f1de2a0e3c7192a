/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Between the node and its pods of VRFs other than the native one. The two have one packet with
 * different addresses:
 *
 *              at the node                          at the pod
 *     node     its own address                      the pod's gateway, link-local
 *     pod      its infrastructure address           its address in its VRF
 *
 * Addresses are replaced one by one in both directions, so there is no state and nothing to lose:
 * fragments need no reassembly, and a restart breaks no connection. The packet that an ICMP error
 * quotes is translated too (RFC 5508 4.2), except the transport checksum in the quotation, which
 * its receiver does not look at.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "count.h"
#include "forward.h"
#include "neighbor.h"
#include "packet.h"

/* RFC 792. <linux/icmp.h> cannot be had here: it includes headers of the C library. */
#define ICMP_HEADER_BYTES 8
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

/* RFC 8200 4.5. */
struct fragment_header {
	__u8 nexthdr;
	__u8 reserved;
	/* The offset in units of 8 bytes in the upper 13 bits, the lowest: more fragments. */
	__be16 offset;
	__be32 identification;
};

#define FRAGMENT_OFFSET6 0xfff8

/* The addresses of a packet, in the order of the IP header. */
struct addresses4 {
	__be32 source;
	__be32 destination;
};

struct addresses6 {
	__u32 source[4];
	__u32 destination[4];
};

static __always_inline bool equal_addresses6(const struct addresses6 *a, const struct addresses6 *b)
{
	return equal_ip6(a->source, b->source) && equal_ip6(a->destination, b->destination);
}

/*
 * What a quoted packet becomes: it went the other way, so its source is the destination of the
 * error.
 */
static __always_inline struct addresses4 reverse4(const struct addresses4 *a)
{
	return (struct addresses4){ .source = a->destination, .destination = a->source };
}

static __always_inline void reverse6(const struct addresses6 *a, struct addresses6 *reversed)
{
	__builtin_memcpy(reversed->source, a->destination, sizeof(reversed->source));
	__builtin_memcpy(reversed->destination, a->source, sizeof(reversed->destination));
}

/* ICMP messages that quote a packet (RFC 792). */
static __always_inline bool is_icmp4_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

/* RFC 4443 2.1. */
static __always_inline bool is_icmp6_error(__u8 type)
{
	return type < 128;
}

/* Replaces the addresses of the IPv4 header at `offset` and corrects its checksum. */
static __always_inline long replace_addresses4(struct __sk_buff *skb, __u32 offset,
					       const struct addresses4 *new, __s64 diff)
{
	long err = bpf_l3_csum_replace(skb, offset + offsetof(struct iphdr, check), 0, diff, 0);

	if (err)
		return err;
	return bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, saddr), new, sizeof(*new),
				   0);
}

/*
 * As above for IPv6. Without a header checksum to balance the change, skb->csum, where a device
 * filled it, is corrected by the helper; bpf_l4_csum_replace() then takes the same difference off
 * again when it corrects the transport's checksum.
 */
static __always_inline long replace_addresses6(struct __sk_buff *skb, __u32 offset,
					       const struct addresses6 *new)
{
	return bpf_skb_store_bytes(skb, offset + offsetof(struct ipv6hdr, saddr), new,
				   sizeof(*new), BPF_F_RECOMPUTE_CSUM);
}

/*
 * The packet that an ICMP error at `offset` quotes. Its header checksum balances its addresses, so
 * the checksum of the ICMP message, which covers both, stays right.
 */
static __always_inline int translate_icmp4(struct __sk_buff *skb, __u32 offset,
					   const struct addresses4 *old,
					   const struct addresses4 *new, __s64 diff)
{
	const struct addresses4 quoted_old = reverse4(old), quoted_new = reverse4(new);
	struct iphdr quoted;
	__u8 type;

	if (bpf_skb_load_bytes(skb, offset, &type, sizeof(type)))
		return drop(skb, DROP_MALFORMED);
	if (!is_icmp4_error(type))
		return TC_ACT_OK;
	offset += ICMP_HEADER_BYTES;
	if (bpf_skb_load_bytes(skb, offset, &quoted, sizeof(quoted)))
		return drop(skb, DROP_MALFORMED);
	if (quoted.saddr != quoted_old.source || quoted.daddr != quoted_old.destination)
		return drop(skb, DROP_UNTRANSLATABLE);
	if (replace_addresses4(skb, offset, &quoted_new, diff))
		return drop(skb, DROP_REWRITE_FAILED);
	return TC_ACT_OK;
}

/*
 * ICMPv6 has the pseudo-header in its checksum (RFC 4443 2.3). An error also has the quoted
 * packet's addresses in it, which change by the same difference: it is applied once for each.
 */
static __always_inline int translate_icmp6(struct __sk_buff *skb, __u32 offset,
					   const struct addresses6 *old,
					   const struct addresses6 *new, __s64 diff)
{
	const __u32 check = offset + offsetof(struct icmp6hdr, icmp6_cksum);
	struct addresses6 quoted, expected;
	__u8 type;

	if (bpf_skb_load_bytes(skb, offset, &type, sizeof(type)))
		return drop(skb, DROP_MALFORMED);
	if (bpf_l4_csum_replace(skb, check, 0, diff, BPF_F_PSEUDO_HDR))
		return drop(skb, DROP_REWRITE_FAILED);
	if (!is_icmp6_error(type))
		return TC_ACT_OK;
	offset += sizeof(struct icmp6hdr);
	if (bpf_skb_load_bytes(skb, offset + offsetof(struct ipv6hdr, saddr), &quoted,
			       sizeof(quoted)))
		return drop(skb, DROP_MALFORMED);
	reverse6(old, &expected);
	if (!equal_addresses6(&quoted, &expected))
		return drop(skb, DROP_UNTRANSLATABLE);
	reverse6(new, &quoted);
	if (bpf_l4_csum_replace(skb, check, 0, diff, BPF_F_PSEUDO_HDR) ||
	    replace_addresses6(skb, offset, &quoted))
		return drop(skb, DROP_REWRITE_FAILED);
	return TC_ACT_OK;
}

/*
 * Corrects the checksum of TCP or UDP for a changed pseudo-header. A UDP checksum of zero, which
 * says that there is none, stays (RFC 768, RFC 6936).
 */
static __always_inline int translate_ports(struct __sk_buff *skb, __u32 offset, __u8 protocol,
					   __s64 diff)
{
	__u64 flags = BPF_F_PSEUDO_HDR;

	if (protocol == IPPROTO_TCP) {
		offset += offsetof(struct tcphdr, check);
	} else {
		offset += offsetof(struct udphdr, check);
		flags |= BPF_F_MARK_MANGLED_0;
	}
	if (bpf_l4_csum_replace(skb, offset, 0, diff, flags))
		return drop(skb, DROP_REWRITE_FAILED);
	return TC_ACT_OK;
}

/* Returns TC_ACT_OK, or what drop() has returned. `ip` is void afterwards. */
static __always_inline int translate4(struct __sk_buff *skb, const struct iphdr *ip,
				      const struct addresses4 *new)
{
	struct addresses4 old = { .source = ip->saddr, .destination = ip->daddr };
	__u32 offset = ETH_HLEN + ip->ihl * 4;
	__u8 protocol = ip->protocol;
	bool has_transport = !(ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET));
	__s64 diff = bpf_csum_diff((__be32 *)&old, sizeof(old), (__be32 *)new, sizeof(*new), 0);

	if (replace_addresses4(skb, ETH_HLEN, new, diff))
		return drop(skb, DROP_REWRITE_FAILED);
	if (!has_transport)
		return TC_ACT_OK;
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return translate_ports(skb, offset, protocol, diff);
	case IPPROTO_ICMP:
		return translate_icmp4(skb, offset, &old, new, diff);
	case IPPROTO_SCTP:
		/* Its checksum does not cover addresses (RFC 9260 6.8). */
		return TC_ACT_OK;
	default:
		return drop(skb, DROP_UNTRANSLATABLE);
	}
}

/*
 * Returns TC_ACT_OK, or what drop() has returned. `protocol` is that of the IPv6 header; a fragment
 * header is the only extension header that is followed. Packet pointers are void afterwards.
 */
static __always_inline int translate6(struct __sk_buff *skb, __u8 protocol,
				      const struct addresses6 *new)
{
	__u32 offset = ETH_HLEN + sizeof(struct ipv6hdr);
	struct fragment_header fragment = {};
	struct addresses6 old;
	__s64 diff;

	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, saddr), &old, sizeof(old)))
		return drop(skb, DROP_MALFORMED);
	if (protocol == IPPROTO_FRAGMENT) {
		if (bpf_skb_load_bytes(skb, offset, &fragment, sizeof(fragment)))
			return drop(skb, DROP_MALFORMED);
		protocol = fragment.nexthdr;
		offset += sizeof(fragment);
	}
	diff = bpf_csum_diff((__be32 *)&old, sizeof(old), (__be32 *)new, sizeof(*new), 0);
	if (replace_addresses6(skb, ETH_HLEN, new))
		return drop(skb, DROP_REWRITE_FAILED);
	if (fragment.offset & bpf_htons(FRAGMENT_OFFSET6))
		return TC_ACT_OK;
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return translate_ports(skb, offset, protocol, diff);
	case IPPROTO_ICMPV6:
		return translate_icmp6(skb, offset, &old, new, diff);
	case IPPROTO_SCTP:
		return TC_ACT_OK;
	default:
		return drop(skb, DROP_UNTRANSLATABLE);
	}
}

/* A packet of a pod, its source checked, for the gateway: the node itself. */
static __always_inline int pod_to_node4(struct __sk_buff *skb, const struct vif *vif,
					const struct iphdr *ip)
{
	const struct addresses4 new = { .source = vif->infrastructure4, .destination = vif->node4 };
	int verdict;

	if (!new.source || !new.destination)
		return drop(skb, DROP_NO_ROUTE);
	verdict = translate4(skb, ip, &new);
	return verdict == TC_ACT_OK ? to_stack(skb) : verdict;
}

static __always_inline int pod_to_node6(struct __sk_buff *skb, const struct vif *vif,
					__u8 protocol)
{
	struct addresses6 new;
	int verdict;

	__builtin_memcpy(new.source, vif->infrastructure6, sizeof(new.source));
	__builtin_memcpy(new.destination, vif->node6, sizeof(new.destination));
	if (is_unspecified6(new.source) || is_unspecified6(new.destination))
		return drop(skb, DROP_NO_ROUTE);
	verdict = translate6(skb, protocol, &new);
	return verdict == TC_ACT_OK ? to_stack(skb) : verdict;
}

/*
 * What the node's stack sends to the interface of a pod of another VRF. A packet that the node
 * forwards has come in through an interface; were it let through, whoever can send to the node with
 * the node's own address as the source could speak as the pod's gateway.
 */
static __always_inline int node_to_pod4(struct __sk_buff *skb, const struct vif *vif)
{
	const struct addresses4 new = { .source = GATEWAY4, .destination = vif->address4 };
	struct iphdr *ip = ip4_header(skb);
	int verdict;

	if (!ip)
		return drop(skb, DROP_MALFORMED);
	if (!vif->infrastructure4 || ip->daddr != vif->infrastructure4)
		return drop(skb, DROP_STACK_OF_OTHER_VRF);
	if (skb->ingress_ifindex || !vif->node4 || ip->saddr != vif->node4)
		return drop(skb, DROP_NOT_FROM_NODE);
	verdict = translate4(skb, ip, &new);
	return verdict == TC_ACT_OK ? count_path(skb, PATH_STACK_TO_POD) : verdict;
}

static __always_inline int node_to_pod6(struct __sk_buff *skb, const struct vif *vif)
{
	struct addresses6 new = { .source = { bpf_htonl(0xfe800000), 0, 0, bpf_htonl(1) } };
	struct addresses6 expected, found;
	struct ipv6hdr *ip = ip6_header(skb);
	int verdict;

	if (!ip)
		return drop(skb, DROP_MALFORMED);
	__builtin_memcpy(&found, &ip->saddr, sizeof(found));
	__builtin_memcpy(expected.source, vif->node6, sizeof(expected.source));
	__builtin_memcpy(expected.destination, vif->infrastructure6, sizeof(expected.destination));
	if (is_unspecified6(expected.destination) ||
	    !equal_ip6(found.destination, expected.destination))
		return drop(skb, DROP_STACK_OF_OTHER_VRF);
	if (skb->ingress_ifindex || is_unspecified6(expected.source) ||
	    !equal_ip6(found.source, expected.source))
		return drop(skb, DROP_NOT_FROM_NODE);
	__builtin_memcpy(new.destination, vif->address6, sizeof(new.destination));
	verdict = translate6(skb, ip->nexthdr, &new);
	return verdict == TC_ACT_OK ? count_path(skb, PATH_STACK_TO_POD) : verdict;
}
