/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TCX and netkit: programs of a device in an order that those who attach them choose, with links and without
 * (Linux: kernel/bpf/tcx.c, kernel/bpf/mprog.c, drivers/net/netkit.c).
 */
#include <errno.h>
#include <string.h>

#include "hook/internal.h"

static int tcx_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	info->tcx.ifindex = l->hook ? l->hook->ifindex : 0;
	info->tcx.attach_type = l->attach_type;
	return 0;
}

static int netkit_fill_info(const struct link_object *l, struct bpf_link_info *info)
{
	const struct hook *h = l->hook;

	info->netkit.ifindex = !h				 ? 0 :
			       l->attach_type == BPF_NETKIT_PEER ? h->peer_ifindex :
								   h->ifindex;
	info->netkit.attach_type = l->attach_type;
	return 0;
}

static const struct bpf_link_ops netkit_link_ops = {
	.release = hook_link_release,
	.detach = hook_link_detach,
	.update_prog = hook_link_update,
	.fill_info = netkit_fill_info,
};

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
	err = *prog && (!type || (*prog)->prog->type == type) ? 0 : -EINVAL;
	object_put(o); /* sys->lock keeps it */
	return err;
}

enum { AT_NONE = -2 }; /* no place given */

/* Index of @prog (with link @link, or any where it is NULL and not @exact), or -ENOENT, -EBUSY. */
static int index_of(const struct hook_progs *progs, const struct prog_object *prog,
		    const struct link_object *link, bool exact)
{
	for (u32 i = 0; progs && i < progs->n; i++) {
		if (progs->v[i].owner != prog)
			continue;
		if (exact)
			return progs->v[i].link == link ? (int)i : -EBUSY;
		if (!link || progs->v[i].link == link)
			return (int)i;
	}
	return -ENOENT;
}

/*
 * Linux's search for a place: index -1 stands before the first, n behind the last. @from: what
 * is known already. Index, AT_NONE, or -errno as *err.
 */
static int place_index(const struct hook *h, const struct hook_place *place,
		       const struct prog_object *prog, const struct link_object *link, int from,
		       int *err)
{
	const struct hook_progs *progs = h->progs;
	int n = progs ? (int)progs->n : 0, at;

	*err = 0;
	for (u32 flag = BPF_F_BEFORE; flag <= BPF_F_AFTER; flag <<= 1) {
		if (!(place->flags & flag))
			continue;
		at = flag == BPF_F_BEFORE ? -1 : n;
		if (prog) {
			at = index_of(progs, prog, link, false);
			if (at < 0) {
				*err = at;
				return AT_NONE;
			}
			at += flag == BPF_F_BEFORE ? -1 : 1;
		}
		if (from != AT_NONE && at != from) {
			*err = -ERANGE;
			return AT_NONE;
		}
		from = at;
	}
	return from;
}

/* Index of the entry that the new one goes before. */
static int position(struct hook *h, const struct hook_place *place, u32 type)
{
	int n = h->progs ? (int)h->progs->n : 0, err, at;
	struct prog_object *prog;
	struct link_object *link;

	err = find_relative(h->sys, place, type, &prog, &link);
	if (err)
		return err;
	if (place->flags & BPF_F_REPLACE)
		return -ENOENT; /* a new link has nothing there to be replaced */
	if (n == HOOK_PROGS_MAX)
		return -ERANGE;
	at = place_index(h, place, prog, link, AT_NONE, &err);
	if (err)
		return err;
	if (at == AT_NONE)
		return prog || place->flags ? -EINVAL : n;
	/* Before: the entry behind that index; after: that index itself. */
	return place->flags & BPF_F_BEFORE ? at + 1 : at;
}

static bool is_netkit_type(u32 attach_type)
{
	return attach_type == BPF_NETKIT_PRIMARY || attach_type == BPF_NETKIT_PEER;
}

/* NULL with *err: -ENODEV, or -ENXIO where the device is of another kind. */
static struct hook *tcx_hook(struct skep_system *sys, u32 attach_type, u32 ifindex, int *err)
{
	enum hook_kind kind = attach_type == BPF_TCX_INGRESS	? HOOK_TCX_INGRESS :
			      attach_type == BPF_TCX_EGRESS	? HOOK_TCX_EGRESS :
			      attach_type == BPF_NETKIT_PRIMARY ? HOOK_NETKIT_PRIMARY :
								  HOOK_NETKIT_PEER;
	struct hook *h = hook_find_netdev(sys, kind, ifindex);

	*err = is_netkit_type(attach_type) && hook_find_netdev(sys, HOOK_XDP, ifindex) ? -ENXIO :
											 -ENODEV;
	return h;
}

struct link_object *link_attach_tcx(struct skep_system *sys, struct prog_object *prog,
				    u32 attach_type, u32 ifindex, const struct hook_place *place,
				    int *err)
{
	struct link_object *l = NULL;
	struct hook *h;
	int at;

	relock_take(&sys->lock);
	h = tcx_hook(sys, attach_type, ifindex, err);
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
		l = is_netkit_type(attach_type) ?
			    link_attach(h, (u32)at, BPF_LINK_TYPE_NETKIT, attach_type,
					&netkit_link_ops, prog, 0, err) :
			    link_attach(h, (u32)at, BPF_LINK_TYPE_TCX, attach_type, &tcx_link_ops,
					prog, 0, err);
out:
	relock_give(&sys->lock);
	return l;
}

/* ---- without links: the key of an entry is its program ---- */

/* Puts @prog into the place of @old. */
static int replace(struct hook *h, struct prog_object *prog, struct prog_object *old,
		   const struct hook_place *place)
{
	struct hook_place rest = *place;
	struct prog_object *rel;
	struct link_object *link;
	int err, at;

	rest.flags &= ~(u32)BPF_F_REPLACE;
	err = find_relative(h->sys, &rest, prog->prog->type, &rel, &link);
	if (err)
		return err;
	at = index_of(h->progs, old, NULL, true);
	if (at < 0)
		return at;
	place_index(h, &rest, rel, link, at, &err);
	return err ? err : hook_rekey(h, old, prog, prog);
}

int hook_attach_tcx(struct skep_system *sys, struct prog_object *prog, struct prog_object *old,
		    u32 attach_type, u32 ifindex, const struct hook_place *place)
{
	struct hook_prog entry = { .prog = prog->prog, .owner = prog, .key = prog };
	int err;
	struct hook *h = tcx_hook(sys, attach_type, ifindex, &err);

	if (!h)
		return err;
	if (place->revision && place->revision != h->revision)
		return -ESTALE;
	if (hook_has_prog(h, prog))
		return -EEXIST;
	if (place->flags & BPF_F_REPLACE) {
		err = replace(h, prog, old, place);
	} else {
		err = position(h, place, prog->prog->type);
		if (err >= 0)
			err = hook_insert(h, (u32)err, &entry);
	}
	if (err)
		return err;
	object_get(&prog->obj);
	if (place->flags & BPF_F_REPLACE)
		object_put(&old->obj);
	return 0;
}

int hook_detach_tcx(struct skep_system *sys, struct prog_object *prog, u32 attach_type, u32 ifindex,
		    const struct hook_place *place)
{
	int err, at = AT_NONE, n;
	struct hook *h = tcx_hook(sys, attach_type, ifindex, &err);
	struct prog_object *rel, *owner;
	struct link_object *link;

	if (!h)
		return err;
	if (!h->progs)
		return -ENOENT;
	if (place->flags & BPF_F_REPLACE)
		return -EINVAL;
	if (place->revision && place->revision != h->revision)
		return -ESTALE;
	err = find_relative(sys, place, prog ? prog->prog->type : BPF_PROG_TYPE_UNSPEC, &rel,
			    &link);
	if (err)
		return err;
	n = (int)h->progs->n;
	if (prog) {
		at = index_of(h->progs, prog, NULL, true);
		if (at < 0)
			return at;
	}
	at = place_index(h, place, rel, link, at, &err);
	if (err)
		return err;
	if (at == AT_NONE) {
		if (rel || place->flags)
			return -EINVAL;
		at = n;
	}
	at = max(0, min(at, n - 1));
	if (h->progs->v[at].link)
		return -EBUSY;
	owner = h->progs->v[at].owner;
	err = hook_remove(h, h->progs->v[at].key);
	if (!err)
		object_put(&owner->obj);
	return err;
}
