/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Links of the hooks (Linux: bpf_xdp_link_attach() of net/core/dev.c,
 * tcx_link_attach() of kernel/bpf/tcx.c, bpf_raw_tp_link_attach() of
 * kernel/bpf/syscall.c). Those of functions are in link_trace.c.
 */
#include <errno.h>
#include <linux/if_link.h>
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

static int hook_link_detach(struct link_object *l)
{
	hook_link_release(l);
	return 0;
}

static int hook_link_update(struct link_object *l, struct prog_object *new_prog,
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
	/* TCX: a program is in the list once. */
	if (l->type == BPF_LINK_TYPE_TCX)
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

/* ---- XDP ---- */

static int xdp_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	info->xdp.ifindex = l->hook ? l->hook->ifindex : 0;
	return 0;
}

static const struct bpf_link_ops xdp_link_ops = {
	.release = hook_link_release,
	.detach = hook_link_detach,
	.update_prog = hook_link_update,
	.fill_info = xdp_fill_info,
};

struct link_object *link_attach_xdp(struct skep_system *sys, struct prog_object *prog, u32 ifindex,
				    u32 flags, int *err)
{
	u32 modes = flags & XDP_FLAGS_MODES;
	struct link_object *l = NULL;
	struct hook *h;

	*err = -EINVAL;
	pthread_mutex_lock(&sys->lock);
	h = hook_find_netdev(sys, HOOK_XDP, ifindex);
	if (!h || flags & ~(u32)XDP_FLAGS_MODES || modes & (modes - 1))
		goto out;
	if (prog->prog->expected_attach_type == BPF_XDP_DEVMAP ||
	    prog->prog->expected_attach_type == BPF_XDP_CPUMAP)
		goto out;
	if (flags & XDP_FLAGS_HW_MODE) { /* no device offers it */
		*err = -EOPNOTSUPP;
		goto out;
	}
	*err = -EBUSY;
	if (!hook_active(h))
		l = link_attach(h, 0, BPF_LINK_TYPE_XDP, BPF_XDP, &xdp_link_ops, prog, 0, err);
	if (l)
		h->xdp_flags = flags;
out:
	pthread_mutex_unlock(&sys->lock);
	return l;
}

/* ---- TCX ---- */

static int tcx_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	info->tcx.ifindex = l->hook ? l->hook->ifindex : 0;
	info->tcx.attach_type = l->attach_type;
	return 0;
}

static const struct bpf_link_ops tcx_link_ops = {
	.release = hook_link_release,
	.detach = hook_link_detach,
	.update_prog = hook_link_update,
	.fill_info = tcx_fill_info,
};

/* The program (and link) that a place is relative to; none: both NULL. No references are kept. */
static int find_relative(struct skep_system *sys, const struct hook_place *place, u32 type,
			 struct prog_object **prog, struct link_object **link)
{
	enum object_kind kind = place->flags & BPF_F_LINK ? OBJECT_LINK : OBJECT_PROG;
	struct object *o;
	int err = -EINVAL;

	*prog = NULL;
	*link = NULL;
	if (!(place->flags & BPF_F_ID) && !place->relative)
		return kind == OBJECT_LINK ? -EINVAL : 0;
	o = place->flags & BPF_F_ID ? object_get_id(sys, place->relative, kind, &err) :
				      object_get_fd(sys, (int)place->relative, kind, &err);
	if (!o)
		return err;
	if (kind == OBJECT_LINK) {
		*link = (struct link_object *)o;
		*prog = (*link)->prog;
	} else {
		*prog = (struct prog_object *)o;
	}
	err = *prog && (*prog)->prog->type == type ? 0 : -EINVAL;
	object_put(o); /* sys->lock keeps it */
	return err;
}

static int position(struct hook *h, const struct hook_place *place, u32 type)
{
	const struct hook_progs *progs = h->progs;
	int n = progs ? (int)progs->n : 0, err, at;
	struct prog_object *prog;
	struct link_object *link;

	err = find_relative(h->sys, place, type, &prog, &link);
	if (err)
		return err;
	if (place->flags & BPF_F_REPLACE)
		return -ENOENT; /* a new link has nothing there to be replaced */
	if (n == HOOK_PROGS_MAX)
		return -ERANGE;
	if (!(place->flags & (BPF_F_BEFORE | BPF_F_AFTER)))
		return prog || place->flags ? -EINVAL : n;
	for (at = 0; prog && at < n; at++)
		if (progs->v[at].owner == prog && (!link || progs->v[at].link == link))
			break;
	if (prog && at == n)
		return -ENOENT;
	if ((place->flags & BPF_F_BEFORE) && (place->flags & BPF_F_AFTER))
		return -ERANGE;
	if (place->flags & BPF_F_BEFORE)
		return prog ? at : 0;
	return prog ? at + 1 : n;
}

struct link_object *link_attach_tcx(struct skep_system *sys, struct prog_object *prog,
				    u32 attach_type, u32 ifindex, const struct hook_place *place,
				    int *err)
{
	struct link_object *l = NULL;
	struct hook *h;
	int at;

	pthread_mutex_lock(&sys->lock);
	h = hook_find_netdev(
		sys, attach_type == BPF_TCX_INGRESS ? HOOK_TCX_INGRESS : HOOK_TCX_EGRESS, ifindex);
	*err = -ENODEV;
	if (!h)
		goto out;
	*err = -ESTALE;
	if (place->revision && place->revision != h->revision)
		goto out;
	*err = -EEXIST;
	if (hook_has_prog(h, prog))
		goto out;
	at = position(h, place, prog->prog->type);
	*err = at;
	if (at >= 0)
		l = link_attach(h, (u32)at, BPF_LINK_TYPE_TCX, attach_type, &tcx_link_ops, prog, 0,
				err);
out:
	pthread_mutex_unlock(&sys->lock);
	return l;
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

struct link_object *link_attach_raw_tp(struct skep_system *sys, struct prog_object *prog,
				       const char *name, u64 cookie, int *err)
{
	struct link_object *l = NULL;
	struct hook *h;

	pthread_mutex_lock(&sys->lock);
	h = hook_find_raw_tp(sys, name);
	*err = -ENOENT;
	if (!h)
		goto out;
	*err = -EINVAL; /* it reads arguments that the tracepoint does not have */
	if (prog->max_ctx_offset > h->nr_args * sizeof(u64))
		goto out;
	*err = -EEXIST; /* before 6.10 the program was the identity of a probe */
	if (!visible(sys->profile, KVER(6, 10)) && hook_has_prog(h, prog))
		goto out;
	l = link_attach(h, h->progs ? h->progs->n : 0, BPF_LINK_TYPE_RAW_TRACEPOINT,
			prog->prog->expected_attach_type, &raw_tp_link_ops, prog, cookie, err);
	if (!l && *err == -ERANGE)
		*err = -E2BIG; /* Linux: too many probes of a tracepoint */
out:
	pthread_mutex_unlock(&sys->lock);
	return l;
}
