/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The pod's gateway is 169.254.1.1 and fe80::1 on every node. No interface of the host has these
 * addresses; ARP (RFC 826) and neighbor discovery (RFC 4861) for them are answered here. Pods have
 * permanent entries for both and ask only when something inside the pod has removed them.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "count.h"
#include "packet.h"

/* 169.254.1.1 */
#define GATEWAY4 bpf_htonl(0xa9fe0101)

#define ND_NEIGHBOR_SOLICIT 135
#define ND_NEIGHBOR_ADVERT 136
#define ND_HOP_LIMIT 255
#define ND_OPTION_TARGET_ADDRESS 2
/* RFC 4861 4.4: router, solicited, override. */
#define ND_ROUTER 0x80000000
#define ND_SOLICITED 0x40000000
#define ND_OVERRIDE 0x20000000

/* RFC 826. <linux/if_arp.h> cannot be had here: it includes headers of the C library. */
#define ARP_ETHERNET 1
#define ARP_REQUEST 1
#define ARP_REPLY 2

/* ARP for IPv4 over Ethernet. */
struct arp_ethernet {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
} __attribute__((packed));

/* RFC 4861 4.3, without options. */
struct neighbor_solicit {
	struct icmp6hdr icmp;
	__u32 target[4];
};

/* RFC 4861 4.4, with the option that a reply to multicast must carry, in its IPv6 packet. */
struct neighbor_advert {
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
	__u32 target[4];
	__u8 option_type;
	/* In units of 8 bytes. */
	__u8 option_length;
	__u8 option_mac[ETH_ALEN];
};

#define NEIGHBOR_ADVERT_PAYLOAD (sizeof(struct neighbor_advert) - sizeof(struct ipv6hdr))

static __always_inline bool is_gateway6(const __u32 a[4])
{
	return a[0] == bpf_htonl(0xfe800000) && (a[1] | a[2]) == 0 && a[3] == bpf_htonl(1);
}

/* Returns the packet, whose Ethernet addresses are set, to the pod that `skb` came from. */
static __always_inline int reply_to_pod(struct __sk_buff *skb)
{
	/* It may have come in as a broadcast; the pod takes the reply as addressed to itself. */
	bpf_skb_change_type(skb, PACKET_HOST);
	count_path(skb, PATH_NEIGHBOR_REPLY);
	return bpf_redirect_peer(skb->ifindex, 0);
}

static __always_inline __be32 load_be32(const __u8 *bytes)
{
	__be32 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

static __always_inline int reply_arp(struct __sk_buff *skb, const struct vif *vif)
{
	const __u32 gateway = GATEWAY4;
	struct arp_ethernet reply = {
		.hardware = bpf_htons(ARP_ETHERNET),
		.protocol = bpf_htons(ETH_P_IP),
		.hardware_length = ETH_ALEN,
		.protocol_length = 4,
		.operation = bpf_htons(ARP_REPLY),
	};

	__builtin_memcpy(reply.sender_mac, vif->host_mac, ETH_ALEN);
	__builtin_memcpy(reply.sender_ip, &gateway, sizeof(gateway));
	__builtin_memcpy(reply.target_mac, vif->mac, ETH_ALEN);
	__builtin_memcpy(reply.target_ip, &vif->address4, sizeof(vif->address4));
	/* vif->mac and vif->host_mac lie in the order of the Ethernet header. */
	if (bpf_skb_store_bytes(skb, 0, vif->mac, ETH_ADDRESSES_BYTES, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &reply, sizeof(reply), 0))
		return drop(skb, DROP_REWRITE_FAILED);
	return reply_to_pod(skb);
}

/* An ARP packet of a pod; its Ethernet source has been checked. */
static __always_inline int arp_from_pod(struct __sk_buff *skb, const struct vif *vif)
{
	struct arp_ethernet *arp = packet_start(skb, ETH_HLEN + sizeof(*arp));
	__be32 sender;

	if (!arp)
		return drop(skb, DROP_MALFORMED);
	arp = (void *)arp + ETH_HLEN;
	if (arp->hardware != bpf_htons(ARP_ETHERNET) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_length != ETH_ALEN || arp->protocol_length != 4)
		return drop(skb, DROP_MALFORMED);
	sender = load_be32(arp->sender_ip);
	if (!equal_mac(arp->sender_mac, vif->mac))
		return drop(skb, DROP_SPOOFED_MAC);
	/* A probe (RFC 5227) has no sender address. */
	if (sender && sender != vif->address4)
		return drop(skb, DROP_SPOOFED_ADDRESS);
	if (arp->operation != bpf_htons(ARP_REQUEST))
		return to_stack(skb);
	if (load_be32(arp->target_ip) != GATEWAY4)
		return drop(skb, DROP_ARP_TARGET);
	return reply_arp(skb, vif);
}

/* The checksum of RFC 4443 2.3, over the pseudo-header of RFC 8200 8.1 and the message. */
static __always_inline __sum16 advert_checksum(struct neighbor_advert *advert)
{
	__be32 pseudo[2] = { bpf_htonl(NEIGHBOR_ADVERT_PAYLOAD), bpf_htonl(IPPROTO_ICMPV6) };
	__s64 sum;

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&advert->ip.saddr, 32, 0);
	sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&advert->icmp, NEIGHBOR_ADVERT_PAYLOAD, sum);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/*
 * Turns a solicitation for the gateway into its advertisement. `source` is the solicitation's IPv6
 * source.
 */
static __always_inline int reply_neighbor_solicit(struct __sk_buff *skb, const struct vif *vif,
						  const __u32 source[4])
{
	__be32 flags = bpf_htonl(ND_ROUTER | ND_SOLICITED | ND_OVERRIDE);
	bool probe = is_unspecified6(source);
	struct neighbor_advert advert = {
		.ip = {
			.version = 6,
			.payload_len = bpf_htons(NEIGHBOR_ADVERT_PAYLOAD),
			.nexthdr = IPPROTO_ICMPV6,
			.hop_limit = ND_HOP_LIMIT,
		},
		.icmp = { .icmp6_type = ND_NEIGHBOR_ADVERT },
		.target = { bpf_htonl(0xfe800000), 0, 0, bpf_htonl(1) },
		.option_type = ND_OPTION_TARGET_ADDRESS,
		.option_length = 1,
	};

	/*
	 * RFC 4861 7.2.4: the answer to a probe for a duplicate goes to all nodes and is not
	 * "solicited".
	 */
	if (probe) {
		const __u32 all_nodes[4] = { bpf_htonl(0xff020000), 0, 0, bpf_htonl(1) };

		__builtin_memcpy(&advert.ip.daddr, all_nodes, sizeof(all_nodes));
		flags = bpf_htonl(ND_ROUTER | ND_OVERRIDE);
	} else {
		__builtin_memcpy(&advert.ip.daddr, source, sizeof(advert.ip.daddr));
	}
	advert.icmp.icmp6_dataun.un_data32[0] = flags;
	__builtin_memcpy(&advert.ip.saddr, advert.target, sizeof(advert.target));
	__builtin_memcpy(advert.option_mac, vif->host_mac, ETH_ALEN);
	advert.icmp.icmp6_cksum = advert_checksum(&advert);
	if (bpf_skb_change_tail(skb, ETH_HLEN + sizeof(advert), 0) ||
	    bpf_skb_store_bytes(skb, 0, vif->mac, ETH_ADDRESSES_BYTES, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &advert, sizeof(advert), 0))
		return drop(skb, DROP_REWRITE_FAILED);
	return reply_to_pod(skb);
}

/*
 * A packet of a pod that is neighbor solicitation or advertisement: its source may be link-local,
 * or unspecified in a probe for a duplicate (RFC 4862 5.4.2), besides the pod's address. What does
 * not concern the gateway goes to the stack, so that the host's own reachability probes are
 * answered.
 */
static __always_inline int neighbor_discovery_from_pod(struct __sk_buff *skb, const struct vif *vif,
						       const struct bpf_fib_lookup *flow)
{
	const __u32 offset = ETH_HLEN + sizeof(struct ipv6hdr);
	struct neighbor_solicit *solicit;
	void *start = packet_start(skb, offset + sizeof(*solicit));

	if (!start)
		return drop(skb, DROP_MALFORMED);
	if (!is_link_local6(flow->ipv6_src) && !is_unspecified6(flow->ipv6_src) &&
	    !equal_ip6(flow->ipv6_src, (const __u32 *)vif->address6))
		return drop(skb, DROP_SPOOFED_ADDRESS);
	if (is_gateway6(flow->ipv6_src))
		return drop(skb, DROP_SPOOFED_ADDRESS);
	if (!is_multicast6(flow->ipv6_dst) && !is_link_local6(flow->ipv6_dst))
		return drop(skb, DROP_LINK_LOCAL);
	solicit = start + offset;
	if (solicit->icmp.icmp6_type == ND_NEIGHBOR_SOLICIT && is_gateway6(solicit->target))
		return reply_neighbor_solicit(skb, vif, flow->ipv6_src);
	if (vif->vrf != VRF_NATIVE)
		return drop(skb, DROP_STACK_OF_OTHER_VRF);
	return to_stack(skb);
}

/* True for a neighbor solicitation or advertisement that no router has forwarded (RFC 4861 7.1). */
static __always_inline bool is_neighbor_discovery(struct __sk_buff *skb, const struct ipv6hdr *ip)
{
	__u8 type;

	if (ip->nexthdr != IPPROTO_ICMPV6 || ip->hop_limit != ND_HOP_LIMIT)
		return false;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(*ip), &type, sizeof(type)))
		return false;
	return type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT;
}
