/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Test runs of programs whose context is kernel objects: NETFILTER as Linux has it
 * (bpf_prog_test_run_nf() in net/bpf/test_run.c); and, where Linux has none, programs with the
 * typed arguments of a function. Numbers are the caller's; behind a pointer to a structure is
 * an object made up for the run, a task_struct is the caller's own. data_in is text: a line
 * "2.f_flags=3" sets a field of what argument 2 points to, and "1.comm=\"x\"" an array.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "object/object.h"
#include "prog/test_run_io.h"
#include "prog/trace.h"

#define TEXT_MAX 65536

static u64 made_up(struct skep_system *sys, struct bpf_run *run, const char *type, u64 nr)
{
	u64 args[] = { (u64)(uintptr_t)type, nr };

	return sys->platform->world(run, WORLD_MADE_UP, args);
}

static int put(struct skep_system *sys, struct bpf_run *run, u64 object, const char *field,
	       const void *bytes, u32 size)
{
	u64 args[] = { object, (u64)(uintptr_t)field, (u64)(uintptr_t)bytes, size };

	return (int)sys->platform->world(run, WORLD_PUT, args);
}

static void put_number(struct skep_system *sys, struct bpf_run *run, u64 object, const char *field,
		       u64 v)
{
	put(sys, run, object, field, &v, sizeof(v)); /* a kernel that lacks the field has none */
}

/* ---- typed arguments ---- */

/* Argument @nr in place of what the caller gave there. 0 or -errno. */
static int set_argument(struct skep_system *sys, struct bpf_run *run,
			const struct prog_object *prog, u32 nr, u64 *v)
{
	const struct btf *btf = prog->attach_btf ? prog->attach_btf->btf : NULL;
	struct btf_ctx_arg arg;
	const char *type;

	if (typed_arg(prog, nr, &arg) || !arg.ptr || !btf)
		return 0;
	/* Only skep knows what may lie behind a pointer that is trusted. */
	if (*v > 1)
		return -EINVAL;
	if (!*v && arg.nullable)
		return 0;
	type = btf_type_name(btf, arg.btf_id);
	*v = type && !strcmp(type, "task_struct") ?
		     sys->platform->world(run, WORLD_CURRENT_TASK, NULL) :
		     made_up(sys, run, type ? type : "", nr);
	return *v ? 0 : -ENODATA;
}

/* "2.f_flags=3" or "1.comm=\"x\"". */
static int set_field(struct skep_system *sys, struct bpf_run *run, const u64 *args, char *line)
{
	char *dot = strchr(line, '.'), *equals = strchr(line, '='), *end;
	unsigned long nr = strtoul(line, &end, 10);
	u64 v;

	if (end != dot || !equals || equals < dot || nr >= MAX_BPF_FUNC_ARGS || !args[nr])
		return -EINVAL;
	*equals++ = 0;
	if (*equals == '"') {
		end = strrchr(++equals, '"');
		if (!end)
			return -EINVAL;
		*end = 0;
		return put(sys, run, args[nr], dot + 1, equals, (u32)(end - equals) + 1);
	}
	v = strtoull(equals, &end, 0);
	return *end || end == equals ? -EINVAL : put(sys, run, args[nr], dot + 1, &v, sizeof(v));
}

static int set_fields(struct skep_system *sys, struct bpf_run *run, const u64 *args,
		      const struct test_run *t)
{
	u32 size = t->attr->test.data_size_in;
	char *text, *line, *save;
	int err = 0;

	if (!size)
		return 0;
	if (size > TEXT_MAX)
		return -E2BIG;
	text = mem_zalloc(size + 1);
	if (!text)
		return -ENOMEM;
	if (user_read(sys, text, t->attr->test.data_in, size))
		err = -EFAULT;
	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = set_field(sys, run, args, line);
	mem_free(text);
	return err;
}

/* What the hook of an LSM program has returned so far: as the verifier takes it to be. */
static int check_retval(const struct skep_system *sys, const struct prog_object *prog,
			const u64 *args)
{
	const struct btf *btf = prog->attach_btf ? prog->attach_btf->btf : NULL;
	const struct btf_type *func = btf ? btf_type_get(btf, prog->attach_btf_id) : NULL;
	const struct btf_type *proto = func ? btf_type_get(btf, func->type) : NULL;
	struct bpf_retval_range range;
	bool is_void = false;
	s64 ret;

	if (prog->prog->type != BPF_PROG_TYPE_LSM || !proto || btf_vlen(proto) >= MAX_BPF_FUNC_ARGS)
		return 0;
	range = prog->ops->obj_retval_range(prog, sys->profile, &is_void);
	ret = (s64)args[btf_vlen(proto)];
	return range.checked && !is_void && (ret < range.min || ret > range.max) ? -EINVAL : 0;
}

int typed_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u64 args[MAX_BPF_FUNC_ARGS] = { 0 };
	struct bpf_run run = { .arena = sys->arena, .platform = sys->platform };
	void *user;
	int err;

	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	err = test_run_read_ctx(sys, t, sizeof(args), &user);
	if (err)
		return err;
	if (user)
		memcpy(args, user, sizeof(args));
	run.prog = prog->prog;
	for (u32 i = 0; i < ARRAY_SIZE(args) && !err; i++)
		err = set_argument(sys, &run, prog, i, &args[i]);
	if (!err)
		err = check_retval(sys, prog, args);
	if (!err)
		err = set_fields(sys, &run, args, t);
	t->block = (struct compare_block){ args, sizeof(args) };
	if (!err)
		err = test_run_repeat(sys, prog, args, t, &run);
	if (!err)
		err = test_run_write_data(sys, t, &(struct test_run_part){ NULL, 0 }, 1);
	if (!err)
		err = test_run_write_ctx(sys, t, user, sizeof(args));
	mem_free(user);
	return err;
}

/* ---- NETFILTER ---- */

#define NFPROTO_IPV4 2
#define NFPROTO_IPV6 10
#define MAC_HEADER   14
#define SKB_PAD	     64

#define LOCAL_OUT 3

/* What the kernel's BTF calls struct nf_hook_state; the caller's has the same layout. */
struct hook_state {
	u8 hook, pf;
	u64 in, out, sk, net, okfn;
};

static int check_state(const struct hook_state *user)
{
	if (user->in || user->out || user->net || user->sk || user->okfn)
		return -EINVAL;
	return user->pf == NFPROTO_IPV4 || user->pf == NFPROTO_IPV6 ? 0 : -EINVAL;
}

/* The packet's protocol, and where it begins. */
static int check_packet(const u8 *data, u32 size, const struct hook_state *s, u16 *protocol,
			u32 *off)
{
	u16 type;

	*off = 0;
	*protocol = s->pf == NFPROTO_IPV4 ? htons(0x0800) : htons(0x86dd);
	if (s->hook == LOCAL_OUT)
		return 0;
	if (size < MAC_HEADER + 20)
		return -EINVAL;
	memcpy(&type, data + 12, 2);
	*off = MAC_HEADER;
	if (type == htons(0x0800))
		return s->pf == NFPROTO_IPV4 ? 0 : -EINVAL;
	if (type == htons(0x86dd))
		return size >= MAC_HEADER + 40 && s->pf == NFPROTO_IPV6 ? 0 : -EINVAL;
	return -EPROTO;
}

static u64 loopback(struct skep_system *sys, struct bpf_run *run)
{
	u64 dev = made_up(sys, run, "net_device", 2);

	if (dev) {
		put_number(sys, run, dev, "ifindex", 1);
		put_number(sys, run, dev, "mtu", 65536);
		put_number(sys, run, dev, "flags", 0x49); /* IFF_UP, _LOOPBACK, _RUNNING */
		put(sys, run, dev, "name", "lo", 3);
	}
	return dev;
}

/*
 * The context: pointers to the hook's state and to the packet. 0 or -errno. Linux chooses the
 * devices before it looks at which hook the caller (@given) wants: those of LOCAL_OUT.
 */
static int fill(struct skep_system *sys, struct bpf_run *run, const struct hook_state *s,
		bool given, u32 len, u16 protocol, u64 ctx[2])
{
	u64 state = made_up(sys, run, "nf_hook_state", 0), skb = made_up(sys, run, "sk_buff", 1);
	u64 dev = loopback(sys, run);

	if (!state || !skb || !dev)
		return -ENODATA; /* the kernel BTF in force has no such types */
	put_number(sys, run, state, "hook", s->hook);
	put_number(sys, run, state, "pf", s->pf);
	put_number(sys, run, state, "in", 0);
	put_number(sys, run, state, "out", given ? dev : 0);
	put_number(sys, run, state, "sk", 0);
	put_number(sys, run, state, "net", 0);
	put_number(sys, run, state, "okfn", 0);
	put_number(sys, run, skb, "len", len);
	put_number(sys, run, skb, "data_len", 0);
	put_number(sys, run, skb, "protocol", protocol);
	put_number(sys, run, skb, "mark", 0);
	put_number(sys, run, skb, "priority", 0);
	put_number(sys, run, skb, "skb_iif", 0);
	put_number(sys, run, skb, "hash", 0);
	put_number(sys, run, skb, "vlan_tci", 0);
	put_number(sys, run, skb, "dev", s->hook == LOCAL_OUT ? 0 : dev);
	ctx[0] = state;
	ctx[1] = skb;
	return 0;
}

int netfilter_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	struct hook_state state = { .hook = LOCAL_OUT, .pf = NFPROTO_IPV4 };
	struct bpf_run run = { .arena = sys->arena, .platform = sys->platform };
	struct sk_buff packet = { .head = NULL };
	u32 size = a->test.data_size_in, off;
	u8 data[PAGE_BYTES];
	u64 ctx[2];
	u16 protocol;
	void *user;
	int err;

	if (a->test.flags || a->test.cpu || a->test.batch_size || size < 20)
		return -EINVAL;
	if (size > PAGE_BYTES - SKB_PAD - SKB_SHARED_INFO)
		return -EINVAL;
	if (user_read(sys, data, a->test.data_in, size))
		return -EFAULT;
	err = test_run_read_ctx(sys, t, sizeof(state), &user);
	if (err)
		return err;
	if (user) {
		err = check_state(user);
		memcpy(&state, user, 2);
	}
	run.prog = prog->prog;
	if (!err)
		err = check_packet(data, size, &state, &protocol, &off);
	if (!err)
		err = fill(sys, &run, &state, user, size - off, protocol, ctx);
	mem_free(user);
	t->block = (struct compare_block){ ctx, sizeof(ctx) };
	if (!err) {
		packet.head = packet.data = data + off;
		packet.data_end = packet.end = data + size;
		packet.len = size - off;
		packet.protocol = protocol;
		run.packet = &packet;
		err = test_run_repeat(sys, prog, ctx, t, &run);
	}
	return err ? err : test_run_write_data(sys, t, &(struct test_run_part){ NULL, 0 }, 1);
}
