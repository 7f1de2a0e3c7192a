/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Ends of a packet's way through a program: each is counted exactly once, by reason or by path. The
 * two counting functions are not inlined, so that BTF keeps the enumerations of their parameters.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"

static __always_inline void add_packet(struct counter *counter, struct __sk_buff *skb)
{
	if (!counter)
		return;
	/* A per-CPU value and no preemption between programs of this kind: plain additions do. */
	counter->packets += 1;
	counter->bytes += skb->len;
}

static __noinline int drop(struct __sk_buff *skb, enum drop_reason reason)
{
	__u32 index = reason;

	add_packet(bpf_map_lookup_elem(&drops, &index), skb);
	return TC_ACT_SHOT;
}

static __noinline int count_path(struct __sk_buff *skb, enum forward_path path)
{
	__u32 index = path;

	add_packet(bpf_map_lookup_elem(&paths, &index), skb);
	return TC_ACT_OK;
}
