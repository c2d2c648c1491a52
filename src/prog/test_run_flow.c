/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN of flow dissectors (Linux: bpf_prog_test_run_flow_dissector() in
 * net/bpf/test_run.c, bpf_flow_dissect() in net/core/flow_dissector.c). The keys start as what
 * the Ethernet header says, and come back as data_out. There is no packet behind the data, so
 * bpf_skb_load_bytes() finds nothing.
 */
#include <errno.h>
#include <string.h>

#include "prog/test_run_io.h"

struct flow_run {
	struct flow_dissector_ctx ctx;
	struct bpf_flow_keys keys;
	u32 size, flags;
	u8 data[PAGE_BYTES];
};

static u16 clamp16(u16 v, u16 lo, u32 hi)
{
	return v < lo ? lo : v > (u16)hi ? (u16)hi : v;
}

static void before(void *ctx)
{
	struct flow_run *r = ctx;

	memset(&r->keys, 0, sizeof(r->keys));
	memcpy(&r->keys.n_proto, r->data + 12, 2);
	r->keys.nhoff = r->keys.thoff = ETH_HLEN;
	r->keys.flags = r->flags;
}

static void after(void *ctx, u32 retval)
{
	struct flow_run *r = ctx;

	r->keys.nhoff = clamp16(r->keys.nhoff, ETH_HLEN, r->size);
	r->keys.thoff = clamp16(r->keys.thoff, r->keys.nhoff, r->size);
}

static int read_flags(const struct bpf_flow_keys *user, u32 *flags)
{
	struct bpf_flow_keys rest;

	memcpy(&rest, user, sizeof(rest));
	*flags = rest.flags;
	rest.flags = 0;
	for (u32 i = 0; i < sizeof(rest); i++)
		if (((u8 *)&rest)[i])
			return -EINVAL;
	return 0;
}

int flow_dissector_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u32 size = a->test.data_size_in;
	struct bpf_run run = { .event = NULL };
	struct flow_run *r;
	void *user = NULL;
	int err;

	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	if (size < ETH_HLEN || size > PAGE_BYTES)
		return -EINVAL;
	r = mem_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	err = user_read(sys, r->data, a->test.data_in, size) ? -EFAULT : 0;
	if (!err)
		err = test_run_read_ctx(sys, t, sizeof(r->keys), &user);
	if (!err && user)
		err = read_flags(user, &r->flags);
	if (err)
		goto out;
	r->size = size;
	r->ctx.data = (u64)(uintptr_t)r->data;
	r->ctx.data_end = r->ctx.data + size;
	r->ctx.flow_keys = (u64)(uintptr_t)&r->keys;
	t->block = (struct compare_block){ r, sizeof(*r) };
	t->before = before;
	t->after = after;
	err = test_run_repeat(sys, prog, r, t, &run);
	if (!err)
		err = test_run_write_data(sys, t,
					  &(struct test_run_part){ &r->keys, sizeof(r->keys) }, 1);
	if (!err)
		err = test_run_write_ctx(sys, t, user, sizeof(r->keys));
out:
	mem_free(user);
	mem_free(r);
	return err;
}
