/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Links of programs on functions of other programs: extensions, fentry and fexit (Linux:
 * bpf_tracing_prog_attach() of kernel/bpf/syscall.c, __bpf_trampoline_link_prog() of
 * kernel/bpf/trampoline.c).
 */
#include <errno.h>
#include <string.h>

#include "btf/btf.h"
#include "hook/internal.h"
#include "object/rt_heap.h"
#include "object/tramp.h"

struct prog_link {
	struct link_object link;
	struct prog_object *target; /* referenced */
	u32 func;
};

static void copy(struct bpf_tramp *to, const struct bpf_tramp *from, const void *without)
{
	to->nr_args = from->nr_args;
	to->shows_ctx = from->shows_ctx;
	if (from->replacement.link != without)
		to->replacement = from->replacement;
	for (u32 i = 0; i < from->n; i++) {
		if (from->v[i].link == without)
			continue;
		to->v[to->n++] = from->v[i];
		to->nr_before += i < from->nr_before;
	}
}

/* Puts @new (NULL: nothing) in the place of what is there. sys->lock is held. */
static void publish(struct prog_object *target, u32 func, struct bpf_tramp *new)
{
	struct bpf_prog *prog = target->prog;
	struct bpf_tramp *old = prog->tramp[func];

	store_release(&prog->tramp[func], new);
	if (!func)
		WRITE_ONCE(prog->watched, new != NULL);
	if (old)
		heap_free(prog->arena, target->obj.sys->platform, old);
}

static void prog_link_release(struct link_object *l)
{
	struct prog_link *p = container_of(l, struct prog_link, link);
	struct skep_system *sys = l->obj.sys;
	struct bpf_tramp *old, *new = NULL;

	if (!p->target)
		return;
	relock_take(&sys->lock);
	old = p->target->prog->tramp[p->func];
	if (old && old->n + !!old->replacement.prog > 1) {
		new = heap_alloc(sys->arena, sys->platform, sizeof(*new), NULL);
		if (new)
			copy(new, old, l);
		if (new && !new->n && !new->replacement.prog) { /* it was there twice */
			heap_free(sys->arena, sys->platform, new);
			new = NULL;
		}
	}
	/* Out of memory: better nothing attached than a program that has gone. */
	publish(p->target, p->func, new);
	p->target->extensions -= l->prog->prog->type == BPF_PROG_TYPE_EXT;
	relock_give(&sys->lock);
	object_put(&p->target->obj);
	p->target = NULL;
}

static const struct bpf_link_ops prog_link_ops = {
	.release = prog_link_release,
	.fill_info = hook_link_tracing_info,
};

/* What @entry may be added to: 0 or -errno, in Linux's order. */
static int check(const struct bpf_tramp *old, const struct prog_object *prog, bool ext)
{
	if (!old)
		return 0;
	if (old->replacement.prog)
		return -EBUSY;
	if (ext)
		return old->n ? -EBUSY : 0;
	if (old->n >= BPF_MAX_TRAMP_LINKS)
		return -E2BIG;
	for (u32 i = 0; i < old->n; i++)
		if (old->v[i].prog == prog->prog)
			return -EBUSY;
	return 0;
}

/* The place of its cookie among those of the other sessions; 0: none is left. */
static u32 session_of(const struct bpf_tramp *t, const struct prog_object *prog)
{
	u32 used = 0, at;

	if (!prog->session_cookie)
		return BPF_MAX_TRAMP_COOKIES + 1;
	for (u32 i = 0; t && i < t->n; i++)
		used |= 1U << t->v[i].session;
	for (at = 1; at <= BPF_MAX_TRAMP_COOKIES && used & 1U << at; at++)
		;
	return at <= BPF_MAX_TRAMP_COOKIES ? at : 0;
}

/* Linux: entry in front, as the newest runs first; likewise on exit. */
static void add(struct bpf_tramp *t, const struct bpf_tramp_prog *e, bool before)
{
	u32 at = before ? 0 : t->nr_before;

	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(t->v[0]));
	t->v[at] = *e;
	t->n++;
	t->nr_before += before;
}

struct link_object *link_attach_prog(struct skep_system *sys, struct prog_object *prog,
				     struct prog_object *target, u32 func, u32 btf_id, u64 cookie,
				     int *err)
{
	bool ext = prog->prog->type == BPF_PROG_TYPE_EXT;
	bool session = prog->prog->expected_attach_type == BPF_TRACE_FSESSION && !ext;
	struct bpf_tramp_prog entry = { .prog = prog->prog, .cookie = cookie };
	struct bpf_tramp *old, *new = NULL;
	const struct btf_type *proto;
	struct prog_link *l = NULL;

	relock_take(&sys->lock);
	old = target->prog->tramp[func];
	*err = ext && target->array_members ? -EBUSY : check(old, prog, ext);
	if (!*err && func && !target->prog->guarded && target->guard_code)
		*err = target->guard_code(target);
	if (*err)
		goto out;
	*err = -E2BIG;
	if (session) {
		entry.session = session_of(old, prog);
		if (!entry.session || (old && old->n + 2 > BPF_MAX_TRAMP_LINKS))
			goto out;
	}
	*err = -ENOMEM;
	new = heap_alloc(sys->arena, sys->platform, sizeof(*new), NULL);
	if (!new)
		goto out;
	object_get(&prog->obj);
	l = (struct prog_link *)link_new(sys, sizeof(*l), BPF_LINK_TYPE_TRACING,
					 prog->prog->expected_attach_type, &prog_link_ops, prog);
	if (!l) {
		object_put(&prog->obj);
		heap_free(sys->arena, sys->platform, new);
		goto out;
	}
	*err = 0;
	object_get(&target->obj);
	l->target = target;
	l->func = func;
	l->link.cookie = cookie;
	l->link.target_obj_id = target->obj.id;
	l->link.target_btf_id = btf_id;
	entry.link = &l->link;
	/* Of a function that need not keep to its prototype all argument registers are shown. */
	proto = target->func_flags[func] & PROG_FUNC_UNRELIABLE ?
			NULL :
			btf_func_proto(target->btf->btf, btf_id, NULL);
	new->nr_args = proto ? btf_vlen(proto) : 5;
	new->shows_ctx = prog_ctx_shown(target->prog->ctx_type);
	if (old)
		copy(new, old, NULL);
	target->extensions += ext;
	if (ext)
		new->replacement = entry;
	else
		add(new, &entry, session || prog->prog->expected_attach_type == BPF_TRACE_FENTRY);
	if (session)
		add(new, &entry, false);
	publish(target, func, new);
out:
	relock_give(&sys->lock);
	return l ? &l->link : NULL;
}
