/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * XDP: the one program of a device at its receive path, by a link or by netlink (Linux:
 * dev_xdp_attach() and its neighbours in net/core/dev.c). Our devices run it natively and
 * generically, one at a time, and have no hardware to run it.
 */
#include <errno.h>
#include <linux/if_link.h>

#include "hook/internal.h"

/* What is asked for: a link's program, a program, or (both NULL) none. */
struct xdp_wish {
	struct prog_object *prog, *old;
	bool link;
	u32 flags;
};

/* The mode that @flags mean, for this device. */
static u32 mode_of(const struct hook *h, u32 flags)
{
	return flags & XDP_FLAGS_MODES ? flags & XDP_FLAGS_MODES :
	       h->no_driver	       ? XDP_FLAGS_SKB_MODE :
					 XDP_FLAGS_DRV_MODE;
}

/* What sources look at: XDP_FLAGS_SKB_MODE, or nothing or the driver's. */
static u32 mode_kept(const struct hook *h, u32 flags)
{
	return h->no_driver ? XDP_FLAGS_SKB_MODE : flags & XDP_FLAGS_MODES;
}

static int refuse(const char **why, const char *text, int err)
{
	*why = text;
	return err;
}

/* A program that was loaded for a device: whether it is this one, and run by its driver. */
static int check_device(const struct hook *h, const struct prog_object *p, u32 mode,
			const char **why)
{
	if (!p->dev_bound)
		return 0;
	if (p->bound_ifindex != h->ifindex)
		return refuse(why, "Program bound to different device", -EINVAL);
	if (mode == XDP_FLAGS_SKB_MODE)
		return refuse(why, "Can't attach device-bound programs in generic mode", -EINVAL);
	return 0;
}

/* In Linux's order. 0 or -errno; *@why: its sentence. */
static int check(const struct hook *h, const struct xdp_wish *w, const char **why)
{
	const struct hook_prog *there = h->progs ? &h->progs->v[0] : NULL;
	u32 mode = mode_of(h, w->flags), modes = w->flags & XDP_FLAGS_MODES;
	const struct hook_prog *current;
	int err;

	*why = NULL;
	if (w->link && w->flags & ~(u32)XDP_FLAGS_MODES)
		return refuse(why, "Invalid XDP flags for BPF link attachment", -EINVAL);
	if (modes & (modes - 1))
		return refuse(why, "Only one XDP mode flag can be set", -EINVAL);
	if (w->old && !(w->flags & XDP_FLAGS_REPLACE))
		return refuse(why, "XDP_FLAGS_REPLACE is not specified", -EINVAL);
	current = there && mode_of(h, h->xdp_flags) == mode ? there : NULL;
	if (current && current->link)
		return refuse(why, "Can't replace active BPF XDP link", -EBUSY);
	if (w->link && current)
		return refuse(why, "Can't replace active XDP program with BPF link", -EBUSY);
	if (w->flags & XDP_FLAGS_REPLACE && (current ? current->owner : NULL) != w->old)
		return refuse(why, "Active program does not match expected", -EEXIST);
	if (!w->prog)
		return 0;
	if (w->flags & XDP_FLAGS_UPDATE_IF_NOEXIST && current)
		return refuse(why, "XDP program already attached", -EBUSY);
	if (current && current->owner == w->prog)
		return 0;
	if (mode != XDP_FLAGS_HW_MODE && there && !current)
		return refuse(why, "Native and generic XDP can't be active at the same time",
			      -EEXIST);
	err = check_device(h, w->prog, mode, why);
	if (err)
		return err;
	if (w->prog->prog->expected_attach_type == BPF_XDP_DEVMAP)
		return refuse(why, "BPF_XDP_DEVMAP programs can not be attached to a device",
			      -EINVAL);
	if (w->prog->prog->expected_attach_type == BPF_XDP_CPUMAP)
		return refuse(why, "BPF_XDP_CPUMAP programs can not be attached to a device",
			      -EINVAL);
	if (h->no_driver && mode != XDP_FLAGS_SKB_MODE)
		return refuse(why, "Underlying driver does not support XDP in native mode",
			      -EOPNOTSUPP);
	/* As a driver says that has native mode and cannot take programs over. */
	return mode == XDP_FLAGS_HW_MODE ? -EINVAL : 0;
}

/* ---- by netlink: the key of the entry is its program ---- */

int hook_attach_xdp(struct skep_system *sys, struct prog_object *prog, struct prog_object *old,
		    u32 ifindex, u32 flags, const char **why)
{
	struct hook_prog entry = { .prog = prog ? prog->prog : NULL, .owner = prog, .key = prog };
	struct xdp_wish w = { prog, old, false, flags };
	struct hook *h = hook_find_netdev(sys, HOOK_XDP, ifindex);
	struct prog_object *gone;
	int err;

	*why = NULL;
	if (!h)
		return -ENODEV;
	err = check(h, &w, why);
	if (err)
		return err;
	/* What runs in another mode is not meant. */
	gone = h->progs && mode_of(h, h->xdp_flags) == mode_of(h, flags) ? h->progs->v[0].owner :
									   NULL;
	if (gone == prog)
		return 0;
	if (gone && prog)
		err = hook_rekey(h, gone, prog, prog);
	else if (prog)
		err = hook_insert(h, 0, &entry);
	else
		err = hook_remove(h, gone);
	if (err)
		return err;
	if (prog) {
		object_get(&prog->obj);
		h->xdp_flags = mode_kept(h, flags);
	}
	object_put((struct object *)gone);
	return 0;
}

bool hook_xdp_generic(const struct hook *h)
{
	return mode_of(h, h->xdp_flags) == XDP_FLAGS_SKB_MODE;
}

/* ---- links ---- */

static int xdp_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	info->xdp.ifindex = l->hook ? l->hook->ifindex : 0;
	return 0;
}

static int xdp_link_update(struct link_object *l, struct prog_object *new_prog,
			   struct prog_object *old_prog)
{
	const char *why;
	int err = 0;

	/* What else is looked at before that comes first. */
	if (l->hook && (!old_prog || l->prog == old_prog) && l->prog != new_prog &&
	    new_prog->prog->type == BPF_PROG_TYPE_XDP &&
	    new_prog->prog->expected_attach_type == l->prog->prog->expected_attach_type)
		err = check_device(l->hook, new_prog, mode_of(l->hook, l->hook->xdp_flags), &why);
	return err ? err : hook_link_update(l, new_prog, old_prog);
}

static const struct bpf_link_ops xdp_link_ops = {
	.release = hook_link_release,
	.detach = hook_link_detach,
	.update_prog = xdp_link_update,
	.fill_info = xdp_fill_info,
};

struct link_object *link_attach_xdp(struct skep_system *sys, struct prog_object *prog, u32 ifindex,
				    u32 flags, int *err)
{
	struct xdp_wish w = { prog, NULL, true, flags };
	struct link_object *l = NULL;
	const char *why;
	struct hook *h;

	*err = -EINVAL;
	relock_take(&sys->lock);
	h = hook_find_netdev(sys, HOOK_XDP, ifindex);
	if (h)
		*err = check(h, &w, &why);
	if (!*err)
		l = link_attach(h, 0, BPF_LINK_TYPE_XDP, BPF_XDP, &xdp_link_ops, prog, 0, err);
	if (l)
		h->xdp_flags = mode_kept(h, flags);
	relock_give(&sys->lock);
	return l;
}
