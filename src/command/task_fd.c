/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* BPF_TASK_FD_QUERY: what a descriptor is attached to (Linux: bpf_task_fd_query()). */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "command/command.h"
#include "hook/perf.h"
#include "object/caller.h"

static int put_name(struct call *c, const char *name)
{
	u64 to = c->attr->task_fd_query.buf;
	u32 room = c->attr->task_fd_query.buf_len, len = name ? (u32)strlen(name) : 0;

	if (ATTR_PUT(c, task_fd_query.buf_len, len))
		return -EFAULT;
	if (!to || !room)
		return 0;
	if (room > len)
		return user_write(c->sys, to, name ? name : "", len + 1);
	if (user_write(c->sys, to, name, room - 1) || user_write(c->sys, to + room - 1, "", 1))
		return -EFAULT;
	return -ENOSPC;
}

/* What the object is attached to, and its program. 0 or -errno as Linux has it. */
static int describe(const struct object *o, struct perf_description *d, u32 *prog_id)
{
	const struct perf_object *p = (const struct perf_object *)o;
	const struct link_object *l = (const struct link_object *)o;
	int err;

	if (o->kind == OBJECT_PERF) {
		err = perf_describe(p, d);
		if (!err)
			*prog_id = p->prog->obj.id;
		return err;
	}
	if (o->kind != OBJECT_LINK || l->type != BPF_LINK_TYPE_RAW_TRACEPOINT || !l->hook)
		return -ENOTSUPP;
	*d = (struct perf_description){ .fd_type = BPF_FD_TYPE_RAW_TRACEPOINT,
					.name = l->hook->name };
	*prog_id = l->prog->obj.id;
	return 0;
}

/* What descriptor @fd of process @pid stands for; another process's by what /proc shows of it. */
static struct object *object_of_task(struct skep_system *sys, u32 pid, int fd, int *err)
{
	struct caller other = { NULL, pid, pid }, *before;
	struct object *o;

	if (pid == caller_pid_tgid() >> 32)
		return object_get_any(sys, fd, err);
	if (!pid || (kill((pid_t)pid, 0) && errno == ESRCH)) {
		*err = -ENOENT;
		return NULL;
	}
	before = caller_enter(&other);
	o = object_get_any(sys, fd, err);
	caller_leave(before);
	return o;
}

int command_task_fd_query(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct perf_description d;
	struct object *o;
	u32 prog_id;
	int err;

	if (!(system_caps(c->sys) & BPF_CAP_SYS_ADMIN))
		return -EPERM;
	if (attr->task_fd_query.flags)
		return -EINVAL;
	o = object_of_task(c->sys, attr->task_fd_query.pid, (int)attr->task_fd_query.fd, &err);
	if (!o)
		return err == -EINVAL ? -ENOTSUPP : err;
	relock_take(&c->sys->lock);
	err = describe(o, &d, &prog_id);
	if (err)
		goto out;
	err = put_name(c, d.name);
	if (err && err != -ENOSPC)
		goto out;
	if (ATTR_PUT(c, task_fd_query.prog_id, prog_id) ||
	    ATTR_PUT(c, task_fd_query.fd_type, d.fd_type) ||
	    ATTR_PUT(c, task_fd_query.probe_offset, d.offset) ||
	    ATTR_PUT(c, task_fd_query.probe_addr, d.addr))
		err = -EFAULT;
out:
	relock_give(&c->sys->lock);
	object_put(o);
	return err;
}
