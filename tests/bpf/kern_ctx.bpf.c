// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Contexts of test runs as the kernel's structs, for kern_ctx_test. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

struct result {
	__u32 n[12];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

static struct result *result(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&results, &zero);
}

SEC("sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	struct bpf_sk_lookup_kern *k = bpf_cast_to_kern_ctx(ctx);
	struct result *r = result();

	if (!r)
		return 1;
	r->n[0] = k->family;
	r->n[1] = k->protocol;
	r->n[2] = k->sport;
	r->n[3] = k->dport;
	r->n[4] = k->ingress_ifindex;
	r->n[5] = k->no_reuseport;
	r->n[6] = !!k->selected_sk;
	if (k->family == 2) {
		r->n[7] = k->v4.saddr;
		r->n[8] = k->v4.daddr;
	} else {
		r->n[7] = k->v6.saddr->in6_u.u6_addr32[3];
		r->n[8] = k->v6.daddr->in6_u.u6_addr32[0];
	}
	return 1;
}

SEC("flow_dissector")
int dissect(struct __sk_buff *ctx)
{
	struct bpf_flow_dissector *k = bpf_cast_to_kern_ctx(ctx);
	struct result *r = result();

	if (!r)
		return 0;
	r->n[0] = k->flow_keys->n_proto;
	r->n[1] = k->flow_keys->nhoff;
	r->n[2] = k->flow_keys->thoff;
	r->n[3] = k->flow_keys->flags;
	r->n[4] = !!k->skb;
	r->n[5] = (__u32)((unsigned long)k->data_end - (unsigned long)k->data);
	return 0;
}
