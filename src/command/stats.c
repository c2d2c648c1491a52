/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_ENABLE_STATS: run counts and times are kept while a descriptor is held (Linux:
 * bpf_enable_stats(); the sysctl kernel.bpf_stats_enabled has no counterpart here).
 */
#include <errno.h>

#include "base/mem.h"
#include "command/command.h"

static void stats_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct object, retired));
}

static void stats_destroy(struct object *o)
{
	o->sys->arena->stats = --o->sys->stats_enabled != 0;
	object_forget_file(o);
	object_retire(o, stats_free);
}

int command_enable_stats(struct call *c)
{
	struct skep_system *sys = c->sys;
	struct object *o;
	int fd;

	if (!(system_caps(sys) & BPF_CAP_SYS_ADMIN))
		return -EPERM;
	if (c->attr->enable_stats.type != BPF_STATS_RUN_TIME)
		return -EINVAL;
	o = mem_zalloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	object_init(sys, o, OBJECT_STATS, stats_destroy);
	relock_take(&sys->lock);
	sys->stats_enabled++;
	sys->arena->stats = 1;
	relock_give(&sys->lock);
	fd = object_new_fd(o);
	object_put(o);
	return fd;
}
