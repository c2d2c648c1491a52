/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What links of hooks have in common, and those of raw tracepoints (Linux:
 * bpf_raw_tp_link_attach() of kernel/bpf/syscall.c). Those of functions are in link_trace.c, of
 * devices in xdp.c and tcx.c.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hook/internal.h"

/* ---- common ---- */

bool hook_has_prog(const struct hook *h, const struct prog_object *prog)
{
	for (u32 i = 0; h->progs && i < h->progs->n; i++)
		if (h->progs->v[i].owner == prog)
			return true;
	return false;
}

static void link_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct object, retired));
}

static void link_destroy(struct object *o)
{
	struct link_object *l = (struct link_object *)o;

	l->ops->release(l);
	object_put((struct object *)l->prog);
	l->prog = NULL;
	object_forget_file(o);
	object_retire(o, link_free);
}

struct link_object *link_new(struct skep_system *sys, size_t size, u32 type, u32 attach_type,
			     const struct bpf_link_ops *ops, struct prog_object *prog)
{
	struct link_object *l = mem_zalloc(size);

	if (!l)
		return NULL;
	object_init(sys, &l->obj, OBJECT_LINK, link_destroy);
	l->type = type;
	l->attach_type = attach_type;
	l->ops = ops;
	l->prog = prog;
	return l;
}

struct link_object *link_object_sized(struct skep_system *sys, size_t size, u32 type,
				      u32 attach_type, const struct bpf_link_ops *ops)
{
	return link_new(sys, size, type, attach_type, ops, NULL);
}

struct link_object *link_object_new(struct skep_system *sys, u32 type, u32 attach_type,
				    const struct bpf_link_ops *ops, struct prog_object *prog)
{
	return link_new(sys, sizeof(struct link_object), type, attach_type, ops, prog);
}

struct link_object *link_attach(struct hook *h, u32 at, u32 type, u32 attach_type,
				const struct bpf_link_ops *ops, struct prog_object *prog,
				u64 cookie, int *err)
{
	struct hook_prog entry = { .prog = prog->prog, .cookie = cookie, .owner = prog };
	struct link_object *l;

	object_get(&prog->obj);
	l = link_object_new(h->sys, type, attach_type, ops, prog);
	if (!l) {
		object_put(&prog->obj);
		*err = -ENOMEM;
		return NULL;
	}
	l->cookie = cookie;
	entry.link = l;
	entry.key = l;
	*err = hook_insert(h, at, &entry);
	if (*err) {
		object_put(&l->obj);
		return NULL;
	}
	l->hook = h;
	return l;
}

void hook_link_release(struct link_object *l)
{
	if (l->hook)
		hook_remove(l->hook, l);
	l->hook = NULL;
}

int hook_link_detach(struct link_object *l)
{
	hook_link_release(l);
	return 0;
}

int hook_link_update(struct link_object *l, struct prog_object *new_prog,
		     struct prog_object *old_prog)
{
	int err;

	if (!l->hook)
		return -ENOLINK;
	if (old_prog && l->prog != old_prog)
		return -EPERM;
	if (l->prog == new_prog) {
		object_put(&new_prog->obj);
		return 0;
	}
	if (l->prog->prog->type != new_prog->prog->type)
		return -EINVAL;
	if (l->type == BPF_LINK_TYPE_XDP &&
	    l->prog->prog->expected_attach_type != new_prog->prog->expected_attach_type)
		return -EINVAL;
	/* TCX, netkit: a program is in the list once. */
	if (l->type == BPF_LINK_TYPE_TCX || l->type == BPF_LINK_TYPE_NETKIT)
		for (u32 i = 0; l->hook->progs && i < l->hook->progs->n; i++)
			if (l->hook->progs->v[i].owner == new_prog)
				return -EEXIST;
	err = hook_replace(l->hook, l, new_prog);
	if (err)
		return err;
	object_put(&l->prog->obj);
	l->prog = new_prog;
	return 0;
}

/* ---- raw tracepoints ---- */

static int raw_tp_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	u64 to = info->raw_tracepoint.tp_name;
	u32 room = info->raw_tracepoint.tp_name_len, len = (u32)strlen(l->hook->name);
	struct skep_system *sys = l->obj.sys;

	if (!room != !to)
		return -EINVAL;
	info->raw_tracepoint.tp_name_len = len + 1;
	if (visible(sys->profile, KVER(6, 17)))
		info->raw_tracepoint.cookie = l->cookie;
	if (!to)
		return 0;
	if (room > len)
		return user_write(sys, to, l->hook->name, len + 1);
	if (user_write(sys, to, l->hook->name, room - 1) || user_write(sys, to + room - 1, "", 1))
		return -EFAULT;
	return -ENOSPC;
}

static const struct bpf_link_ops raw_tp_link_ops = {
	.release = hook_link_release,
	.fill_info = raw_tp_fill_info,
};

/* Bytes of its first argument that programs may write to (Linux: DEFINE_EVENT_WRITABLE()). */
static u32 writable_size(const char *tracepoint)
{
	return strcmp(tracepoint, "bpf_test_finish") ? 0 : sizeof(int);
}

struct link_object *link_attach_raw_tp(struct skep_system *sys, struct prog_object *prog,
				       const char *name, u64 cookie, int *err)
{
	struct link_object *l = NULL;
	struct hook *h;

	relock_take(&sys->lock);
	h = hook_find_raw_tp(sys, name);
	*err = -ENOENT;
	if (!h)
		goto out;
	*err = -EINVAL; /* it reads arguments that the tracepoint does not have */
	if (prog->max_ctx_offset > h->nr_args * sizeof(u64) ||
	    prog->max_tp_access > writable_size(name))
		goto out;
	/* Where the event can wait. */
	if (prog->prog->sleepable && strcmp(name, "sys_enter") && strcmp(name, "sys_exit"))
		goto out;
	*err = -EEXIST; /* before 6.10 the program was the identity of a probe */
	if (!visible(sys->profile, KVER(6, 10)) && hook_has_prog(h, prog))
		goto out;
	l = link_attach(h, h->progs ? h->progs->n : 0, BPF_LINK_TYPE_RAW_TRACEPOINT,
			prog->prog->expected_attach_type, &raw_tp_link_ops, prog, cookie, err);
	if (!l && *err == -ERANGE)
		*err = -E2BIG; /* Linux: too many probes of a tracepoint */
out:
	relock_give(&sys->lock);
	return l;
}
