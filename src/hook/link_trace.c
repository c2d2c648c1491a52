/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Links of programs on functions (Linux: bpf_tracing_prog_attach() of kernel/bpf/syscall.c,
 * bpf_kprobe_multi_link_attach() and bpf_uprobe_multi_link_attach() of
 * kernel/trace/bpf_trace.c). What was attached last runs first, as there.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hook/internal.h"

#define MAX_TRAMP_LINKS	  38 /* Linux: BPF_MAX_TRAMP_LINKS, of all kinds on one function */
#define MAX_TRAMP_COOKIES 4

bool override_allowed(const struct hook *h, const struct prog_object *prog)
{
	bool overrides = false;

	for (u32 i = 0; i < prog->orig_len && !overrides; i++)
		overrides = prog->orig_insns[i].code == (BPF_JMP | BPF_CALL) &&
			    !prog->orig_insns[i].src_reg &&
			    prog->orig_insns[i].imm == BPF_FUNC_override_return;
	return !overrides ||
	       ((h->kind == HOOK_KPROBE || h->kind == HOOK_KRETPROBE) && h->row >= FUNC_NAMED);
}

/* ---- fentry, fexit, fmod_ret ---- */

int hook_link_tracing_info(const struct link_object *l, struct bpf_link_info *info)
{
	info->tracing.attach_type = l->attach_type;
	info->tracing.target_obj_id = l->target_obj_id;
	info->tracing.target_btf_id = l->target_btf_id;
	if (visible(l->obj.sys->profile, KVER(6, 17)))
		info->tracing.cookie = l->cookie;
	return 0;
}

static const struct bpf_link_ops tracing_link_ops = {
	.release = hook_link_release,
	.fill_info = hook_link_tracing_info,
};

static int check_trampoline(struct skep_system *sys, u32 row, const struct prog_object *prog)
{
	static const enum hook_kind kinds[] = { HOOK_FENTRY, HOOK_FEXIT, HOOK_FMOD_RET };
	u32 n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct hook *h = hook_at(sys, kinds[i], row);

		if (h && hook_has_prog(h, prog))
			return -EBUSY;
		n += h && h->progs ? h->progs->n : 0;
	}
	return n < MAX_TRAMP_LINKS ? 0 : -E2BIG;
}

static int check_hook(const struct hook *h, const struct prog_object *prog)
{
	if (hook_has_prog(h, prog))
		return -EBUSY;
	return h->progs && h->progs->n >= MAX_TRAMP_LINKS ? -E2BIG : 0;
}

struct link_object *link_attach_function(struct skep_system *sys, struct prog_object *prog,
					 enum hook_kind kind, const char *name, u64 cookie,
					 int *err)
{
	struct link_object *l = NULL;
	struct hook *h;

	relock_take(&sys->lock);
	h = hook_point_get(sys, kind, name, err);
	if (h)
		*err = kind == HOOK_LSM ? check_hook(h, prog) : check_trampoline(sys, h->row, prog);
	if (!*err)
		l = link_attach(h, 0, BPF_LINK_TYPE_TRACING, prog->prog->expected_attach_type,
				&tracing_link_ops, prog, cookie, err);
	if (l) {
		l->target_obj_id = prog->attach_btf->obj.id;
		l->target_btf_id = prog->attach_btf_id;
	}
	relock_give(&sys->lock);
	return l;
}

/* ---- many at once ---- */

struct multi_link {
	struct link_object link;
	u32 n;	   /* hooks that it is on */
	u32 shown; /* the first of them: those of a session's returns are behind them */
	u32 flags, pid;
	struct {
		struct hook *hook;
		u64 cookie;
		u32 id; /* of the function in the program's types; tracing */
	} at[];
};

static void multi_release(struct link_object *l)
{
	struct multi_link *m = container_of(l, struct multi_link, link);

	while (m->n)
		hook_remove(m->at[--m->n].hook, l);
}

static int put_u64(struct skep_system *sys, u64 to, u32 i, u64 value)
{
	return to ? user_write(sys, to + i * sizeof(value), &value, sizeof(value)) : 0;
}

static int kprobe_multi_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct multi_link *m = container_of(l, const struct multi_link, link);
	struct skep_system *sys = l->obj.sys;
	u64 addrs = info->kprobe_multi.addrs, cookies = info->kprobe_multi.cookies;
	u32 room = info->kprobe_multi.count;
	bool has_cookies = visible(sys->profile, KVER(6, 9));

	if (!visible(sys->profile, KVER(6, 6)))
		return 0;
	if (!addrs != !room || (has_cookies && cookies && !room))
		return -EINVAL;
	info->kprobe_multi.count = m->shown;
	info->kprobe_multi.flags = m->flags;
	if (!addrs)
		return 0;
	for (u32 i = 0; i < min(room, m->shown); i++)
		if (put_u64(sys, addrs, i, m->at[i].hook->func_ip) ||
		    (has_cookies && put_u64(sys, cookies, i, m->at[i].cookie)))
			return -EFAULT;
	return room < m->shown ? -ENOSPC : 0;
}

static int uprobe_multi_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct multi_link *m = container_of(l, const struct multi_link, link);
	struct skep_system *sys = l->obj.sys;
	u64 offsets = info->uprobe_multi.offsets, refs = info->uprobe_multi.ref_ctr_offsets;
	u64 cookies = info->uprobe_multi.cookies, path = info->uprobe_multi.path;
	u32 room = info->uprobe_multi.count, path_room = info->uprobe_multi.path_size, len;
	char real[PATH_MAX];

	if (!visible(sys->profile, KVER(6, 8)))
		return 0;
	if (!path != !path_room || ((offsets || refs || cookies) && !room))
		return -EINVAL;
	info->uprobe_multi.count = m->shown;
	info->uprobe_multi.flags = m->flags;
	info->uprobe_multi.pid = m->pid;
	if (!realpath(m->at[0].hook->uprobe->path, real)) /* gone since */
		snprintf(real, sizeof(real), "%s", m->at[0].hook->uprobe->path);
	len = (u32)strlen(real) + 1;
	if (path_room && len > path_room)
		return -ENAMETOOLONG;
	if (path && user_write(sys, path, real, len))
		return -EFAULT;
	info->uprobe_multi.path_size = len;
	if (!offsets && !refs && !cookies)
		return 0;
	for (u32 i = 0; i < min(room, m->shown); i++)
		if (put_u64(sys, offsets, i, m->at[i].hook->uprobe->offset) ||
		    put_u64(sys, refs, i, m->at[i].hook->uprobe->ref_ctr_offset) ||
		    put_u64(sys, cookies, i, m->at[i].cookie))
			return -EFAULT;
	return room < m->shown ? -ENOSPC : 0;
}

static const struct bpf_link_ops kprobe_multi_link_ops = {
	.release = multi_release,
	.fill_info = kprobe_multi_fill_info,
};

static const struct bpf_link_ops uprobe_multi_link_ops = {
	.release = multi_release,
	.fill_info = uprobe_multi_fill_info,
};

static bool is_session(u32 attach_type)
{
	return attach_type == BPF_TRACE_KPROBE_SESSION || attach_type == BPF_TRACE_UPROBE_SESSION ||
	       attach_type == BPF_TRACE_FSESSION || attach_type == BPF_TRACE_FSESSION_MULTI;
}

static struct link_object *attach_multi(struct skep_system *sys, struct prog_object *prog, u32 type,
					const struct bpf_link_ops *ops, struct hook **hooks,
					const u64 *cookies, u32 n, u32 flags, u32 pid, int *err)
{
	bool session = is_session(prog->prog->expected_attach_type);
	u32 all = session ? 2 * n : n;
	struct multi_link *m;

	relock_take(&sys->lock);
	*err = -ENOMEM;
	object_get(&prog->obj);
	m = (struct multi_link *)link_new(sys, sizeof(*m) + all * sizeof(m->at[0]), type,
					  prog->prog->expected_attach_type, ops, prog);
	if (!m) {
		object_put(&prog->obj);
		goto out;
	}
	m->flags = flags;
	m->pid = pid;
	m->shown = n;
	for (u32 i = 0; i < all; i++) {
		struct hook_prog entry = { .prog = prog->prog,
					   .session = session,
					   .cookie = cookies ? cookies[i % n] : 0,
					   .link = &m->link,
					   .owner = prog,
					   .pid = pid,
					   .key = m };

		*err = override_allowed(hooks[i], prog) ? hook_insert(hooks[i], 0, &entry) :
							  -EINVAL;
		if (*err) {
			object_put(&m->link.obj);
			m = NULL;
			break;
		}
		m->at[i].hook = hooks[i];
		m->at[i].cookie = entry.cookie;
		m->n++;
	}
out:
	relock_give(&sys->lock);
	return m ? &m->link : NULL;
}

struct link_object *link_attach_kprobe_multi(struct skep_system *sys, struct prog_object *prog,
					     struct hook **hooks, const u64 *cookies, u32 n,
					     u32 flags, int *err)
{
	return attach_multi(sys, prog, BPF_LINK_TYPE_KPROBE_MULTI, &kprobe_multi_link_ops, hooks,
			    cookies, n, flags, 0, err);
}

struct link_object *link_attach_uprobe_multi(struct skep_system *sys, struct prog_object *prog,
					     struct hook **hooks, const u64 *cookies, u32 n,
					     u32 flags, u32 pid, int *err)
{
	return attach_multi(sys, prog, BPF_LINK_TYPE_UPROBE_MULTI, &uprobe_multi_link_ops, hooks,
			    cookies, n, flags, pid, err);
}

/* ---- one program at entry and return ---- */

static const struct bpf_link_ops session_link_ops = {
	.release = multi_release,
	.fill_info = hook_link_tracing_info,
};

/* Linux has room on a function's trampoline for the cookies of so many programs. */
static int check_cookies(const struct hook *h, const struct prog_object *prog)
{
	u32 n = prog->session_cookie;

	for (u32 i = 0; h->progs && i < h->progs->n; i++)
		n += h->progs->v[i].owner->session_cookie;
	return prog->session_cookie && n > MAX_TRAMP_COOKIES ? -E2BIG : 0;
}

struct link_object *link_attach_session(struct skep_system *sys, struct prog_object *prog,
					const char *name, u64 cookie, int *err)
{
	struct link_object *l = NULL;
	struct hook *hooks[2];

	relock_take(&sys->lock);
	hooks[0] = hook_point_get(sys, HOOK_FENTRY, name, err);
	hooks[1] = hooks[0] ? hook_point_get(sys, HOOK_FEXIT, name, err) : NULL;
	if (hooks[1])
		*err = check_trampoline(sys, hooks[0]->row, prog) ?: check_cookies(hooks[0], prog);
	if (hooks[1] && !*err)
		l = attach_multi(sys, prog, BPF_LINK_TYPE_TRACING, &session_link_ops, hooks,
				 &cookie, 1, 0, 0, err);
	if (l) {
		l->cookie = cookie;
		l->target_obj_id = prog->attach_btf->obj.id;
		l->target_btf_id = prog->attach_btf_id;
	}
	relock_give(&sys->lock);
	return l;
}

/* ---- one program at many functions ---- */

static int put_u32(struct skep_system *sys, u64 to, u32 i, u32 value)
{
	return to ? user_write(sys, to + i * sizeof(value), &value, sizeof(value)) : 0;
}

static int tracing_multi_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct multi_link *m = container_of(l, const struct multi_link, link);
	u64 ids = info->tracing_multi.ids, addrs = info->tracing_multi.addrs;
	u64 cookies = info->tracing_multi.cookies;
	u32 room = info->tracing_multi.count;
	struct skep_system *sys = l->obj.sys;

	if (!room != !(ids || addrs || cookies))
		return -EINVAL;
	info->tracing_multi.attach_type = l->attach_type;
	info->tracing_multi.count = m->shown;
	info->tracing_multi.btf_obj_id = l->prog->attach_btf->obj.id;
	for (u32 i = 0; i < min(room, m->shown); i++)
		if (put_u32(sys, ids, i, m->at[i].id) ||
		    put_u64(sys, addrs, i, m->at[i].hook->func_ip) ||
		    put_u64(sys, cookies, i, m->at[i].cookie))
			return -EFAULT;
	return room && room < m->shown ? -ENOSPC : 0;
}

static const struct bpf_link_ops tracing_multi_link_ops = {
	.release = multi_release,
	.fill_info = tracing_multi_fill_info,
};

struct link_object *link_attach_tracing_multi(struct skep_system *sys, struct prog_object *prog,
					      struct hook **hooks, const u32 *ids,
					      const u64 *cookies, u32 n, int *err)
{
	struct link_object *l = NULL;

	*err = 0;
	relock_take(&sys->lock);
	for (u32 i = 0; i < n && !*err; i++)
		*err = check_trampoline(sys, hooks[i]->row, prog) ?: check_cookies(hooks[i], prog);
	if (!*err)
		l = attach_multi(sys, prog, BPF_LINK_TYPE_TRACING_MULTI, &tracing_multi_link_ops,
				 hooks, cookies, n, 0, 0, err);
	for (u32 i = 0; l && i < n; i++)
		container_of(l, struct multi_link, link)->at[i].id = ids[i];
	relock_give(&sys->lock);
	return l;
}
