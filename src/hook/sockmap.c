/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See sockmap.h. */
#include "hook/sockmap.h"

#include <errno.h>

#include "hook/internal.h"
#include "object/psock.h"

struct sockmap_link {
	struct link_object l;
	struct map_object *map; /* NULL: detached */
};

static void link_release(struct link_object *link)
{
	struct sockmap_link *l = (struct sockmap_link *)link;
	struct map_object *m = l->map;

	if (!m)
		return;
	l->map = NULL;
	psock_map_set(m, NULL, link->prog, link, link->attach_type);
	hooks_changed(link->obj.sys);
	if (!m->obj.held && !m->obj.pins) /* nobody was left but us */
		psock_map_unheld(m);
	object_put(&m->obj);
}

static int link_detach(struct link_object *link)
{
	link_release(link);
	return 0;
}

static int link_update(struct link_object *link, struct prog_object *new_prog,
		       struct prog_object *old_prog)
{
	struct sockmap_link *l = (struct sockmap_link *)link;
	int err;

	if (old_prog && old_prog != link->prog)
		return -EPERM;
	if (new_prog->prog->type != link->prog->prog->type ||
	    new_prog->prog->expected_attach_type != link->prog->prog->expected_attach_type)
		return -EINVAL;
	if (!l->map)
		return -ENOLINK;
	err = psock_map_update(l->map, new_prog, old_prog, link, link->attach_type);
	if (err)
		return err;
	hooks_changed(link->obj.sys);
	object_put(&link->prog->obj);
	link->prog = new_prog;
	return 0;
}

static int link_fill_info(const struct link_object *link, struct bpf_link_info *info)
{
	const struct sockmap_link *l = (const struct sockmap_link *)link;

	info->sockmap.map_id = l->map ? l->map->obj.id : 0;
	info->sockmap.attach_type = link->attach_type;
	return 0;
}

static const struct bpf_link_ops sockmap_link_ops = {
	.release = link_release,
	.detach = link_detach,
	.update_prog = link_update,
	.fill_info = link_fill_info,
};

struct link_object *link_attach_sockmap(struct map_object *m, struct prog_object *prog,
					u32 attach_type, int *err)
{
	struct sockmap_link *l;

	object_get(&prog->obj);
	l = (struct sockmap_link *)link_new(m->obj.sys, sizeof(*l), BPF_LINK_TYPE_SOCKMAP,
					    attach_type, &sockmap_link_ops, prog);
	if (!l) {
		object_put(&prog->obj);
		*err = -ENOMEM;
		return NULL;
	}
	*err = psock_map_set(m, prog, NULL, &l->l, attach_type);
	if (*err) {
		object_put(&l->l.obj);
		return NULL;
	}
	object_get(&m->obj);
	l->map = m;
	hooks_changed(m->obj.sys);
	return &l->l;
}
