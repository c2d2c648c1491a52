/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs as objects: their memory, what they refer to, and their end (Linux:
 * bpf_prog_alloc() and __bpf_prog_put_noref()).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "object/facts.h"
#include "object/system.h"

static void prog_free(struct arena_retired *r)
{
	struct object *o = container_of(r, struct object, retired);
	struct prog_object *p = (struct prog_object *)o;
	struct arena *arena = o->sys->arena;

	if (p->prog && object_is_mine(o)) {
		if (p->forget_code)
			p->forget_code(p);
		if (p->prog->code)
			arena_code_free(arena, p->prog->code, p->prog->code_size);
		arena_free(arena, p->prog->ops, p->ops_size);
		arena_free(arena, p->segment, p->segment_size);
		arena_free(arena, p->prog, p->prog_size);
	}
	for (u32 i = 0; i < ARRAY_SIZE(p->streams); i++)
		mem_free(p->streams[i].text);
	mem_free(p->orig_insns);
	mem_free(p->xlated);
	mem_free(p->used_maps);
	mem_free(p->func_info);
	mem_free(p->line_info);
	mem_free(p->native_at);
	mem_free(p->native_at_before);
	mem_free(p->frames);
	mem_free(p->func_flags);
	if (p->facts) {
		mem_free(p->facts->insn);
		mem_free(p->facts);
	}
	mem_free(p);
}

static void prog_destroy(struct object *o)
{
	struct prog_object *p = (struct prog_object *)o;

	if (p->prog)
		idmap_del(&o->sys->by_address, (u64)p->prog);
	for (u32 i = 0; i < p->nr_used_maps; i++)
		map_object_unuse(p->used_maps[i]);
	p->nr_used_maps = 0;
	object_put((struct object *)p->btf);
	object_put((struct object *)p->attach_btf);
	object_put((struct object *)p->dst_prog);
	object_put((struct object *)p->struct_ops);
	object_put((struct object *)p->token);
	p->btf = p->attach_btf = NULL;
	p->dst_prog = NULL;
	p->struct_ops = NULL;
	p->token = NULL;
	object_forget_file(o);
	object_retire(o, prog_free);
}

struct prog_object *prog_object_new(struct skep_system *sys)
{
	struct prog_object *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return NULL;
	object_init(sys, &p->obj, OBJECT_PROG, prog_destroy);
	p->prog_size = sizeof(*p->prog);
	p->prog = arena_alloc(sys->arena, p->prog_size, p->prog_size, &err);
	if (!p->prog) {
		mem_free(p);
		return NULL;
	}
	p->prog->arena = sys->arena;
	return p;
}

int prog_object_place(struct prog_object *p, const struct bpf_insn *insns, u32 len,
		      const bpf_helper_t *calls, u32 nr_calls, const u32 *subprog_start,
		      const u32 *subprog_stack, u32 nr_subprogs)
{
	struct bpf_prog *prog = p->prog;
	u64 n_insns = (u64)len * sizeof(*insns), n_calls = nr_calls * sizeof(*calls);
	u64 n_entries = nr_subprogs * sizeof(bpf_helper_t), n_tramp = nr_subprogs * sizeof(void *);
	u64 n_start = (nr_subprogs + 1) * sizeof(u32), n_stack = nr_subprogs * sizeof(u32);
	u64 size = n_insns + n_calls + n_tramp + n_entries + n_start + n_stack;
	u8 *at;
	int err;

	arena_free(p->obj.sys->arena, p->segment, p->segment_size);
	p->segment = at = arena_alloc(p->obj.sys->arena, size, size, &err);
	p->segment_size = size;
	if (!at)
		return err;
	memcpy(at, insns, n_insns);
	prog->insns = (void *)at;
	prog->len = len;
	at += n_insns;
	if (nr_calls)
		memcpy(at, calls, n_calls);
	prog->calls = (void *)at;
	prog->nr_calls = nr_calls;
	at += n_calls;
	prog->tramp = (void *)at;
	at += n_tramp + n_entries; /* the entries' room ends where .subprog_start begins */
	memcpy(at, subprog_start, n_start);
	prog->subprog_start = (void *)at;
	at += n_start;
	memcpy(at, subprog_stack, n_stack);
	prog->subprog_stack = (void *)at;
	prog->nr_subprogs = nr_subprogs;
	prog->subprog_entry = NULL;
	return 0;
}

bpf_helper_t *prog_entry_room(const struct bpf_prog *prog)
{
	return (bpf_helper_t *)prog->subprog_start - prog->nr_subprogs;
}

int prog_func_by_btf(const struct prog_object *p, u32 btf_id)
{
	for (u32 i = 0; i < p->nr_func_info; i++)
		if (p->func_info[i].type_id == btf_id)
			return (int)i;
	return -ENOENT;
}

void prog_lacks(struct prog_object *p, const char *what, const char *name)
{
	if (!*p->missing)
		snprintf(p->missing, sizeof(p->missing), "%s %s", what, name);
}

int prog_runnable(const struct prog_object *p)
{
	struct skep_system *sys = p->obj.sys;
	int err;

	if (!*p->missing)
		return 0;
	relock_take(&sys->lock);
	err = diag_set(&sys->last, DIAG_JUDGED_PROG, p->missing);
	memcpy(sys->last.prog, p->prog->name, sizeof(sys->last.prog));
	relock_give(&sys->lock);
	return err;
}

struct prog_object *prog_get_runnable_fd(struct skep_system *sys, int fd, int *err)
{
	struct prog_object *p = prog_get_fd(sys, fd, err);

	if (!p)
		return NULL;
	*err = prog_runnable(p);
	if (!*err)
		return p;
	object_put(&p->obj);
	return NULL;
}

int prog_stream_write(struct skep_system *sys, const struct bpf_prog *prog, u32 id,
		      const char *text, u32 len)
{
	struct prog_stream *stream;
	struct object *o;
	int err = -ENOENT;
	char *grown;

	if (id != 1 && id != 2)
		return -ENOENT;
	relock_take(&sys->lock);
	o = object_of(sys, prog);
	if (!o || o->kind != OBJECT_PROG)
		goto out;
	stream = &((struct prog_object *)o)->streams[id - 1];
	err = -ENOSPC;
	if (stream->len + len > PROG_STREAM_MAX)
		goto out;
	err = -ENOMEM;
	grown = mem_realloc(stream->text, stream->len + len + 1);
	if (!grown)
		goto out;
	memcpy(grown + stream->len, text, len);
	stream->text = grown;
	stream->len += len;
	err = 0;
out:
	relock_give(&sys->lock);
	return err;
}

const char *prog_ctx_kernel_struct(u32 prog_type)
{
	if (prog_type_has_skb(prog_type))
		return "sk_buff";
	switch (prog_type) {
	case BPF_PROG_TYPE_XDP:
		return "xdp_buff";
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return "sock";
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return "bpf_sock_addr_kern";
	case BPF_PROG_TYPE_SOCK_OPS:
		return "bpf_sock_ops_kern";
	case BPF_PROG_TYPE_CGROUP_DEVICE:
		return "bpf_cgroup_dev_ctx";
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
		return "bpf_sysctl_kern";
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return "bpf_sockopt_kern";
	case BPF_PROG_TYPE_SK_MSG:
		return "sk_msg";
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
		return "bpf_flow_dissector";
	case BPF_PROG_TYPE_SK_LOOKUP:
		return "bpf_sk_lookup_kern";
	case BPF_PROG_TYPE_SK_REUSEPORT:
		return "sk_reuseport_kern";
	case BPF_PROG_TYPE_NETFILTER:
		return "bpf_nf_ctx";
	case BPF_PROG_TYPE_PERF_EVENT:
		return "bpf_perf_event_data_kern";
	case BPF_PROG_TYPE_KPROBE:
		return "pt_regs";
	default:
		return NULL;
	}
}

bool prog_ctx_shown(u32 prog_type)
{
	return prog_ctx_kernel_struct(prog_type);
}
