/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs on perf events, by ioctl or by link (Linux: perf_event_set_bpf_prog() of
 * kernel/events/core.c, bpf_perf_link_attach() of kernel/bpf/syscall.c). As there, a program on a
 * tracepoint or function runs from the moment it is attached, whether the event is enabled or not, and
 * a process named for a tracepoint or a kernel function does not matter.
 */
#include "hook/perf.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hook/internal.h"
#include "hook/record.h"

#define TRACE_MAX_PROGS 64 /* Linux: BPF_TRACE_MAX_PROGS */

/* ---- targets ---- */

/* Puts the program at its hook, or takes it away, as it should be now. sys->lock is held. */
static int settle(struct perf_object *p)
{
	struct perf_target *t = p->target;
	bool wanted = p->prog && (t->what != PERF_SAMPLING || (t->enabled && t->hook));
	struct hook_prog entry = { 0 };
	u32 at = 0;

	if (wanted == t->attached)
		return 0;
	t->attached = wanted;
	if (!wanted)
		return hook_remove(t->hook, p);
	entry.prog = p->prog->prog;
	entry.cookie = t->cookie;
	entry.owner = p->prog;
	entry.pid = t->what == PERF_UPROBE ? t->pid : 0;
	entry.key = p;
	/*
	 * The programs of a tracepoint are one array. Each probe is one of its own, the newest
	 * first; returns from kernel functions unwind that order.
	 */
	if ((t->what == PERF_TRACEPOINT || (t->what == PERF_KPROBE && t->returns)) &&
	    t->hook->progs)
		at = t->hook->progs->n;
	return hook_insert(t->hook, at, &entry);
}

static void release(struct perf_object *p)
{
	struct prog_object *prog = p->prog;

	p->prog = NULL;
	if (p->target) {
		settle(p);
		if (p->ring->counts == PERF_COUNTS_PASSES)
			hook_count(p->target->hook, NULL, p);
	}
	perf_counter_close(p);
	object_put((struct object *)prog);
	mem_free(p->target);
	p->target = NULL;
}

int perf_set_target(struct perf_object *p, const struct perf_target *target)
{
	p->target = mem_dup(target, sizeof(*target));
	p->release = release;
	return p->target ? 0 : -ENOMEM;
}

static int check_prog(const struct perf_object *p, const struct prog_object *prog)
{
	const struct perf_target *t = p->target;
	u32 type = prog->prog->type;

	if (!t || t->what == PERF_SAMPLING)
		return p->prog ? -EEXIST : type == BPF_PROG_TYPE_PERF_EVENT ? 0 : -EINVAL;
	if (type != (t->what == PERF_TRACEPOINT ? BPF_PROG_TYPE_TRACEPOINT : BPF_PROG_TYPE_KPROBE))
		return -EINVAL;
	if (prog->prog->sleepable &&
	    (t->what == PERF_KPROBE || (t->what == PERF_TRACEPOINT && t->hook->row < TP_NAMED)))
		return -EINVAL;
	if (!override_allowed(t->hook, prog))
		return -EINVAL;
	if (t->what == PERF_TRACEPOINT &&
	    prog->max_ctx_offset > tracepoint_record_size(p->obj.sys, t->hook->row))
		return -EACCES;
	if (p->prog)
		return -EEXIST;
	if (t->what == PERF_TRACEPOINT && t->hook->progs && t->hook->progs->n >= TRACE_MAX_PROGS)
		return -E2BIG;
	if (t->what == PERF_TRACEPOINT && hook_has_prog(t->hook, prog))
		return -EEXIST;
	return 0;
}

int perf_set_prog(struct perf_object *p, struct prog_object *prog, u64 cookie)
{
	int err;

	relock_take(&p->obj.sys->lock);
	err = check_prog(p, prog);
	if (err)
		goto out;
	object_get(&prog->obj);
	p->prog = prog;
	p->release = release;
	if (p->target) {
		p->target->cookie = cookie;
		err = settle(p);
	}
	if (err) {
		p->target->attached = false;
		p->prog = NULL;
		object_put(&prog->obj);
	}
out:
	relock_give(&p->obj.sys->lock);
	return err;
}

int perf_enable(struct perf_object *p, bool on)
{
	int err = 0;

	WRITE_ONCE(p->ring->enabled, on);
	perf_counter_enable(p, on);
	if (!p->target)
		return 0;
	relock_take(&p->obj.sys->lock);
	p->target->enabled = on;
	settle(p);
	if (p->ring->counts == PERF_COUNTS_PASSES)
		err = hook_count(p->target->hook, on ? p->ring : NULL, p);
	relock_give(&p->obj.sys->lock);
	return err;
}

/* ---- samples ---- */

struct hook *hook_sampling_get(struct skep_system *sys, const struct hook_sampling *s)
{
	struct hook *h;

	relock_take(&sys->lock);
	for (h = sys->hooks->first; h; h = h->next)
		if (h->kind == HOOK_PERF_EVENT && h->sampling->period_ns == s->period_ns &&
		    h->sampling->pid == s->pid && h->sampling->cpu == s->cpu)
			goto out;
	h = hook_add(sys, HOOK_PERF_EVENT, 0, "");
	if (!h)
		goto out;
	h->sampling = mem_dup(s, sizeof(*s));
	if (!h->sampling) { /* it is the first of the list */
		sys->hooks->first = h->next;
		mem_free(h);
		h = NULL;
	}
out:
	relock_give(&sys->lock);
	return h;
}

/* ---- descriptions ---- */

int perf_describe(const struct perf_object *p, struct perf_description *d)
{
	const struct perf_target *t = p->target;
	const char *colon;

	memset(d, 0, sizeof(*d));
	if (!p->prog)
		return -ENOENT;
	if (!t)
		return -EOPNOTSUPP;
	switch (t->what) {
	case PERF_TRACEPOINT:
		colon = strchr(t->hook->name, ':');
		d->fd_type = BPF_FD_TYPE_TRACEPOINT;
		d->name = colon + 1;
		return 0;
	case PERF_KPROBE:
		d->fd_type = t->returns ? BPF_FD_TYPE_KRETPROBE : BPF_FD_TYPE_KPROBE;
		d->name = t->by_address ? NULL : t->hook->name;
		d->addr = t->hook->func_ip;
		return 0;
	case PERF_UPROBE:
		d->fd_type = t->returns ? BPF_FD_TYPE_URETPROBE : BPF_FD_TYPE_UPROBE;
		d->name = t->hook->uprobe->path;
		d->offset = t->hook->uprobe->offset;
		d->addr = t->hook->uprobe->ref_ctr_offset;
		return 0;
	case PERF_SAMPLING:
		break;
	}
	return -EOPNOTSUPP;
}

/* ---- links ---- */

struct perf_link {
	struct link_object link;
	struct perf_object *perf; /* with a reference; its program is the link's */
};

static struct perf_object *perf_of(const struct link_object *l)
{
	return container_of(l, const struct perf_link, link)->perf;
}

static void perf_link_release(struct link_object *l)
{
	struct perf_object *p = perf_of(l);
	struct prog_object *prog;

	if (!p)
		return;
	prog = p->prog;
	p->prog = NULL;
	if (p->target)
		settle(p);
	object_put(&prog->obj);
	object_put(&p->obj);
}

static int put_name(struct skep_system *sys, u64 to, u32 room, const char *name)
{
	u32 len = name ? (u32)strlen(name) : 0;

	if (!to)
		return 0;
	if (room > len)
		return user_write(sys, to, name ? name : "", len + 1);
	if (user_write(sys, to, name, room - 1) || user_write(sys, to + room - 1, "", 1))
		return -EFAULT;
	return -ENOSPC;
}

/* The part of a name that the members of the union have in common. */
static int fill_name(const struct perf_object *p, u64 to, u32 *room, struct perf_description *d)
{
	u32 had = *room;
	int err;

	if (!had != !to)
		return -EINVAL;
	err = perf_describe(p, d);
	if (err)
		return err;
	*room = d->name ? (u32)strlen(d->name) + 1 : 1;
	return put_name(p->obj.sys, to, had, d->name);
}

static int perf_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct perf_object *p = perf_of(l);
	const struct perf_target *t = p->target;
	bool cookies = visible(l->obj.sys->profile, KVER(6, 9));
	struct perf_description d;
	int err;

	if (!visible(l->obj.sys->profile, KVER(6, 6)))
		return 0;
	if (!t || t->what == PERF_SAMPLING) {
		info->perf_event.type = BPF_PERF_EVENT_EVENT;
		info->perf_event.event.type = t ? t->type : PERF_TYPE_SOFTWARE;
		info->perf_event.event.config = t ? t->config : PERF_COUNT_SW_BPF_OUTPUT;
		if (cookies)
			info->perf_event.event.cookie = l->cookie;
		return 0;
	}
	switch (t->what) {
	case PERF_TRACEPOINT:
		err = fill_name(p, info->perf_event.tracepoint.tp_name,
				&info->perf_event.tracepoint.name_len, &d);
		if (err)
			return err;
		info->perf_event.type = BPF_PERF_EVENT_TRACEPOINT;
		if (cookies)
			info->perf_event.tracepoint.cookie = l->cookie;
		return 0;
	case PERF_KPROBE:
		err = fill_name(p, info->perf_event.kprobe.func_name,
				&info->perf_event.kprobe.name_len, &d);
		if (err)
			return err;
		info->perf_event.type =
			t->returns ? BPF_PERF_EVENT_KRETPROBE : BPF_PERF_EVENT_KPROBE;
		info->perf_event.kprobe.offset = d.offset;
		info->perf_event.kprobe.addr = d.addr;
		if (visible(l->obj.sys->profile, KVER(6, 7)))
			info->perf_event.kprobe.missed = 0;
		if (cookies)
			info->perf_event.kprobe.cookie = l->cookie;
		return 0;
	case PERF_UPROBE:
		err = fill_name(p, info->perf_event.uprobe.file_name,
				&info->perf_event.uprobe.name_len, &d);
		if (err)
			return err;
		info->perf_event.type =
			t->returns ? BPF_PERF_EVENT_URETPROBE : BPF_PERF_EVENT_UPROBE;
		info->perf_event.uprobe.offset = (u32)d.offset;
		if (cookies)
			info->perf_event.uprobe.cookie = l->cookie;
		if (visible(l->obj.sys->profile, KVER(6, 16)))
			info->perf_event.uprobe.ref_ctr_offset = d.addr;
		return 0;
	case PERF_SAMPLING:
		break;
	}
	return -EOPNOTSUPP;
}

static const struct bpf_link_ops perf_link_ops = {
	.release = perf_link_release,
	.fill_info = perf_fill_info,
};

struct link_object *link_attach_perf(struct skep_system *sys, struct prog_object *prog,
				     struct perf_object *p, u64 cookie, int *err)
{
	struct perf_link *pl;

	object_get(&prog->obj);
	pl = (struct perf_link *)link_new(sys, sizeof(*pl), BPF_LINK_TYPE_PERF_EVENT,
					  BPF_PERF_EVENT, &perf_link_ops, prog);
	if (!pl) {
		object_put(&prog->obj);
		*err = -ENOMEM;
		return NULL;
	}
	pl->link.cookie = cookie;
	*err = perf_set_prog(p, prog, cookie);
	if (*err) {
		object_put(&pl->link.obj);
		return NULL;
	}
	object_get(&p->obj);
	pl->perf = p;
	return &pl->link;
}
