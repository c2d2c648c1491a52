/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_LINK_CREATE, _UPDATE, _DETACH and BPF_RAW_TRACEPOINT_OPEN
 * (Linux: link_create() and its neighbours in kernel/bpf/syscall.c). Links of hooks
 * are made in src/hook; what names a place for a tracing program is read in link_trace.c, for
 * cgroups and namespaces in attach.c.
 * Attachments that skep has no hook for are refused as by a kernel without the feature.
 */
#include <errno.h>
#include <string.h>

#include "command/link.h"
#include "command/struct_ops.h"
#include "hook/hook.h"

static struct link_object *create(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	u32 attach_type = attr->link_create.attach_type;
	struct hook_place place = { attr->link_create.flags, attr->link_create.tcx.relative_fd,
				    attr->link_create.tcx.expected_revision };

	switch (p->prog->type) {
	case BPF_PROG_TYPE_XDP:
		*err = netdev_check(c, attr->link_create.target_ifindex, -EINVAL);
		if (*err)
			return NULL;
		return link_attach_xdp(c->sys, p, attr->link_create.target_ifindex,
				       attr->link_create.flags, err);
	case BPF_PROG_TYPE_SCHED_CLS:
		*err = netdev_check(c, attr->link_create.target_ifindex, -ENODEV);
		if (*err)
			return NULL;
		return link_attach_tcx(c->sys, p, attach_type, attr->link_create.target_ifindex,
				       &place, err);
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		*err = -EINVAL;
		if (attach_type != p->prog->expected_attach_type)
			return NULL;
		if (attach_type == BPF_LSM_CGROUP)
			return attach_cgroup_link(c, p, err);
		if (attach_type == BPF_TRACE_ITER)
			return attach_iter(c, p, err);
		if (attach_type_is_tracing_multi(attach_type))
			return attach_tracing_multi(c, p, err);
		if (p->prog->expected_attach_type != BPF_TRACE_RAW_TP &&
		    (attr->link_create.target_fd || attr->link_create.target_btf_id))
			return NULL; /* another target than at load: EXT only */
		return attach_tracing(c, p, attr->link_create.tracing.cookie, err);
	case BPF_PROG_TYPE_KPROBE:
		if (attach_type == BPF_TRACE_KPROBE_MULTI ||
		    attach_type == BPF_TRACE_KPROBE_SESSION)
			return attach_kprobe_multi(c, p, err);
		if (attach_type == BPF_TRACE_UPROBE_MULTI ||
		    attach_type == BPF_TRACE_UPROBE_SESSION)
			return attach_uprobe_multi(c, p, err);
		if (attach_type == BPF_PERF_EVENT)
			return attach_perf_event(c, p, err);
		*err = -EINVAL;
		return NULL;
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_perf_event(c, p, err);
	case BPF_PROG_TYPE_EXT:
		return attach_to_prog(c, p, (int)attr->link_create.target_fd,
				      attr->link_create.target_btf_id,
				      attr->link_create.tracing.cookie, err);
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return attach_cgroup_link(c, p, err);
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_SK_LOOKUP:
		return attach_netns_link(c, p, err);
	case BPF_PROG_TYPE_NETFILTER:
		return attach_netfilter_link(c, p, err);
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_SK_SKB:
		if (visible(c->sys->profile, KVER(6, 10)))
			return attach_sockmap_link(c, p, err);
		*err = -EINVAL;
		return NULL;
	default: /* types without links */
		*err = -EINVAL;
		return NULL;
	}
}

/* Gives @l its id and its descriptor; takes the creator's reference over. */
static int settle(struct link_object *l)
{
	int err = object_publish(&l->obj);

	if (!err)
		err = object_new_fd(&l->obj);
	object_put(&l->obj);
	return err;
}

int command_link_create(struct call *c)
{
	struct prog_object *p;
	struct link_object *l = NULL;
	int err;

	if (c->attr->link_create.attach_type == BPF_STRUCT_OPS &&
	    visible(c->sys->profile, KVER(6, 4))) {
		l = attach_struct_ops(c, &err);
		return l ? settle(l) : err;
	}
	p = prog_get_runnable_fd(c->sys, (int)c->attr->link_create.prog_fd, &err);
	if (!p)
		return err;
	err = check_attach_type(c->sys, p->prog, c->attr->link_create.attach_type);
	if (!err)
		l = create(c, p, &err);
	object_put(&p->obj);
	return l ? settle(l) : err;
}

int command_link_update(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct prog_object *new_prog = NULL, *old_prog = NULL;
	struct link_object *l;
	int err;

	if (attr->link_update.flags & ~(u32)BPF_F_REPLACE)
		return -EINVAL;
	l = (struct link_object *)object_get_fd(c->sys, (int)attr->link_update.link_fd, OBJECT_LINK,
						&err);
	if (!l)
		return err;
	if (link_is_struct_ops(l)) {
		err = struct_ops_link_update(c, l);
		goto out;
	}
	new_prog = prog_get_runnable_fd(c->sys, (int)attr->link_update.new_prog_fd, &err);
	if (!new_prog)
		goto out;
	if (attr->link_update.flags & BPF_F_REPLACE) {
		old_prog = prog_get_fd(c->sys, (int)attr->link_update.old_prog_fd, &err);
		if (!old_prog)
			goto out;
	} else if (attr->link_update.old_prog_fd) {
		err = -EINVAL;
		goto out;
	}
	err = -EINVAL;
	if (l->ops->update_prog) {
		relock_take(&c->sys->lock);
		err = l->ops->update_prog(l, new_prog, old_prog);
		relock_give(&c->sys->lock);
		if (!err)
			new_prog = NULL; /* the link's reference now */
	}
out:
	object_put((struct object *)old_prog);
	object_put((struct object *)new_prog);
	object_put(&l->obj);
	return err;
}

int command_link_detach(struct call *c)
{
	struct link_object *l;
	int err;

	l = (struct link_object *)object_get_fd(c->sys, (int)c->attr->link_detach.link_fd,
						OBJECT_LINK, &err);
	if (!l)
		return err;
	err = -EOPNOTSUPP;
	if (l->ops->detach) {
		relock_take(&c->sys->lock);
		err = l->ops->detach(l);
		relock_give(&c->sys->lock);
	}
	object_put(&l->obj);
	return err;
}

int command_raw_tracepoint_open(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct link_object *l = NULL;
	struct prog_object *p;
	char name[128];
	long len;
	int err;

	p = prog_get_runnable_fd(c->sys, (int)attr->raw_tracepoint.prog_fd, &err);
	if (!p)
		return err;
	switch (p->prog->type) {
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_EXT:
	case BPF_PROG_TYPE_LSM:
		err = -EINVAL; /* what to attach to was said at load */
		if (!attr->raw_tracepoint.name)
			l = p->prog->type == BPF_PROG_TYPE_EXT ?
				    attach_to_prog(c, p, 0, 0, attr->raw_tracepoint.cookie, &err) :
				    attach_tracing(c, p, attr->raw_tracepoint.cookie, &err);
		break;
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		len = user_read_str(c->sys, name, attr->raw_tracepoint.name, sizeof(name) - 1);
		name[sizeof(name) - 1] = 0; /* a longer one is cut, as in Linux */
		err = -EFAULT;
		if (len != -EFAULT)
			l = attach_raw_tp(c, p, name, attr->raw_tracepoint.cookie, &err);
		break;
	default:
		err = -EINVAL;
		break;
	}
	object_put(&p->obj);
	return l ? settle(l) : err;
}
