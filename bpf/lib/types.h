/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs and the agent share: keys and values of the maps, and the closed sets of
 * numbers in them. tools/gen-bpf.ts reads these types from the BTF of the object and generates
 * their TypeScript accessors, so a change here changes the layout hash, and with it the pin path.
 *
 * Every struct is made of fixed-width fields without implicit padding. __u32 and __u64 are in host
 * order, __be32 and byte arrays in network order.
 */
#pragma once

#include <linux/types.h>

#define VRF_NATIVE 0

/* Interface names have up to 15 bytes and a NUL (IFNAMSIZ). */
#define IFNAME_BYTES 16

/* Room for reasons and paths to come, without a change of the layout. */
#define COUNTERS_MAX 64
#define VIFS_MAX 4096
#define ROUTES_MAX 65536

/*
 * One pod interface; the key is the ifindex of its host side. All zero address: the pod has none of
 * the family.
 */
struct vif {
	__u32 vrf;
	__be32 address4;
	__u8 address6[16];
	/* The pod's MAC address. */
	__u8 mac[6];
	/* The MAC address of the host side: the pod's gateway. */
	__u8 host_mac[6];
	/*
	 * Outside the native VRF: the addresses by which the node reaches the pod, and the node's
	 * own ones, which the pod sees as its gateway. All zero: the family is not translated.
	 */
	__be32 infrastructure4;
	__be32 node4;
	__u8 infrastructure6[16];
	__u8 node6[16];
	/*
	 * NUL-terminated; the programs do not read it, it tells which interface an entry was made
	 * for.
	 */
	char host_ifname[IFNAME_BYTES];
};

/*
 * Keys of the longest-prefix-match tries: prefix_length counts the 32 bits of vrf and the bits of
 * the prefix.
 */
struct route4_key {
	__u32 prefix_length;
	__u32 vrf;
	__be32 address;
};

struct route6_key {
	__u32 prefix_length;
	__u32 vrf;
	__u8 address[16];
};

enum route_action {
	/* A pod of this node: `ifindex`, `mac` and `host_mac` are set. */
	ROUTE_LOCAL = 1,
	/* What the kernel's main table says, found with bpf_fib_lookup(). */
	ROUTE_FIB = 2,
	/*
	 * The kernel's own stack: an address of the host, or an unreachable route that answers with
	 * an ICMP error.
	 */
	ROUTE_STACK = 3,
	/* Dropped and counted. */
	ROUTE_BLACKHOLE = 4,
	/*
	 * In the native VRF, the infrastructure address of a pod of this node: only the node itself
	 * may send to it.
	 */
	ROUTE_INFRASTRUCTURE = 5,
};

struct route {
	enum route_action action;
	/* Host side of the pod's veth pair; 0 unless ROUTE_LOCAL. */
	__u32 ifindex;
	/*
	 * The pod's MAC address and that of the host side, in the order of an Ethernet header: they
	 * are stored by one copy.
	 */
	__u8 mac[6];
	__u8 host_mac[6];
};

/*
 * Why a packet was dropped. An entry keeps its number for good: dashboards count by name, old maps
 * by number.
 */
enum drop_reason {
	/* The interface has no entry in `vifs`: it is being attached or detached. */
	DROP_NO_VIF = 0,
	/* The Ethernet source is not the MAC address of the interface. */
	DROP_SPOOFED_MAC = 1,
	/* The IP source, or the sender of an ARP packet, is not an address of the interface. */
	DROP_SPOOFED_ADDRESS = 2,
	/* A routed packet whose Ethernet destination is not the gateway. */
	DROP_NOT_FOR_GATEWAY = 3,
	/* A VLAN tag on a pod interface. */
	DROP_VLAN = 4,
	/* Neither IPv4, IPv6 nor ARP. */
	DROP_NOT_IP = 5,
	/* A header that is cut off or contradicts itself. */
	DROP_MALFORMED = 6,
	/* IP multicast or broadcast other than neighbor discovery. */
	DROP_MULTICAST = 7,
	/* A link-local destination that is neither the gateway nor an address of the host. */
	DROP_LINK_LOCAL = 8,
	/* Loopback or the unspecified address as the destination. */
	DROP_BAD_DESTINATION = 9,
	/* An ARP request for another address than the gateway's. */
	DROP_ARP_TARGET = 10,
	/* No route in the VRF. */
	DROP_NO_ROUTE = 11,
	DROP_BLACKHOLE = 12,
	/*
	 * In a VRF other than the native one, a packet that only the kernel's own forwarding could
	 * handle.
	 */
	DROP_STACK_OF_OTHER_VRF = 13,
	/* From an uplink with the address of a pod of this node as its source. */
	DROP_SPOOFED_BY_UPLINK = 14,
	/* The kernel refused to change the packet: no memory, or it is cut off. */
	DROP_REWRITE_FAILED = 15,
	/*
	 * To the infrastructure address of a pod, and not sent by the node itself from the address
	 * that the pod's gateway stands for.
	 */
	DROP_NOT_FROM_NODE = 16,
	/*
	 * Between the node and a pod of another VRF than the native one, a packet whose addresses
	 * cannot be replaced: another transport than TCP, UDP, SCTP and ICMP, IPv6 extension
	 * headers, an ICMP error about a packet that did not go between the two.
	 */
	DROP_UNTRANSLATABLE = 17,
	DROP_REASON_COUNT = 18,
};

/* Which way a packet left a program. */
enum forward_path {
	PATH_POD_TO_POD = 0,
	PATH_POD_TO_UPLINK = 1,
	PATH_POD_TO_STACK = 2,
	PATH_UPLINK_TO_POD = 3,
	PATH_STACK_TO_POD = 4,
	PATH_NEIGHBOR_REPLY = 5,
	FORWARD_PATH_COUNT = 6,
};

/* A GSO packet counts once, with all its bytes. */
struct counter {
	__u64 packets;
	__u64 bytes;
};
