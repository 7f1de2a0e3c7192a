/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The maps, shared by all programs and pinned by the agent. No key but that of `vifs` holds an
 * ifindex, so that what is known of an address does not depend on the interface it is seen on.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VIFS_MAX);
	__type(key, __u32);
	__type(value, struct vif);
} vifs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ROUTES_MAX);
	__type(key, struct route4_key);
	__type(value, struct route);
} routes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ROUTES_MAX);
	__type(key, struct route6_key);
	__type(value, struct route);
} routes6 SEC(".maps");

/* Index: enum drop_reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS_MAX);
	__type(key, __u32);
	__type(value, struct counter);
} drops SEC(".maps");

/* Index: enum forward_path. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS_MAX);
	__type(key, __u32);
	__type(value, struct counter);
} paths SEC(".maps");

static __always_inline const struct route *find_route4(__u32 vrf, __be32 address)
{
	struct route4_key key = { .prefix_length = 64, .vrf = vrf, .address = address };

	return bpf_map_lookup_elem(&routes4, &key);
}

static __always_inline const struct route *find_route6(__u32 vrf, const __u32 address[4])
{
	struct route6_key key = { .prefix_length = 160, .vrf = vrf };

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return bpf_map_lookup_elem(&routes6, &key);
}
