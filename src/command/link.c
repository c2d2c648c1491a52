/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_LINK_CREATE, _UPDATE, _DETACH, BPF_RAW_TRACEPOINT_OPEN and BPF_PROG_QUERY
 * (Linux: link_create() and its neighbours in kernel/bpf/syscall.c). Links of hooks
 * are made in src/hook; what names a place for a tracing program is read in link_trace.c.
 * Attachments that skep has no hook for are refused as by a kernel without the feature.
 */
#include <errno.h>
#include <string.h>

#include "command/link.h"
#include "hook/hook.h"

/* Attach types that belong to one program type, for those with a rule of their own below. */
static u32 prog_type_of_attach(u32 attach_type)
{
	switch (attach_type) {
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
		return BPF_PROG_TYPE_CGROUP_SKB;
	case BPF_CGROUP_SOCK_OPS:
		return BPF_PROG_TYPE_SOCK_OPS;
	case BPF_CGROUP_DEVICE:
		return BPF_PROG_TYPE_CGROUP_DEVICE;
	case BPF_CGROUP_SYSCTL:
		return BPF_PROG_TYPE_CGROUP_SYSCTL;
	case BPF_SK_MSG_VERDICT:
		return BPF_PROG_TYPE_SK_MSG;
	case BPF_SK_SKB_STREAM_PARSER:
	case BPF_SK_SKB_STREAM_VERDICT:
	case BPF_SK_SKB_VERDICT:
		return BPF_PROG_TYPE_SK_SKB;
	case BPF_LIRC_MODE2:
		return BPF_PROG_TYPE_LIRC_MODE2;
	case BPF_FLOW_DISSECTOR:
		return BPF_PROG_TYPE_FLOW_DISSECTOR;
	case BPF_TRACE_ITER:
	case BPF_TRACE_RAW_TP:
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
	case BPF_MODIFY_RETURN:
		return BPF_PROG_TYPE_TRACING;
	case BPF_LSM_MAC:
		return BPF_PROG_TYPE_LSM;
	case BPF_XDP:
		return BPF_PROG_TYPE_XDP;
	default:
		return BPF_PROG_TYPE_UNSPEC;
	}
}

static int check_attach_type(const struct bpf_prog *prog, u32 attach_type)
{
	switch (prog->type) {
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_SK_LOOKUP:
		return attach_type == prog->expected_attach_type ? 0 : -EINVAL;
	case BPF_PROG_TYPE_EXT:
		return 0;
	case BPF_PROG_TYPE_NETFILTER:
		return attach_type == BPF_NETFILTER ? 0 : -EINVAL;
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_type == BPF_PERF_EVENT ? 0 : -EINVAL;
	case BPF_PROG_TYPE_KPROBE:
		if ((prog->expected_attach_type == BPF_TRACE_KPROBE_MULTI ||
		     prog->expected_attach_type == BPF_TRACE_UPROBE_MULTI) &&
		    attach_type != prog->expected_attach_type)
			return -EINVAL;
		return attach_type == BPF_PERF_EVENT || attach_type == BPF_TRACE_KPROBE_MULTI ||
				       attach_type == BPF_TRACE_UPROBE_MULTI ?
			       0 :
			       -EINVAL;
	case BPF_PROG_TYPE_SCHED_CLS:
		return attach_type == BPF_TCX_INGRESS || attach_type == BPF_TCX_EGRESS ||
				       attach_type == BPF_NETKIT_PRIMARY ||
				       attach_type == BPF_NETKIT_PEER ?
			       0 :
			       -EINVAL;
	default:
		return prog_type_of_attach(attach_type) == prog->type ? 0 : -EINVAL;
	}
}

static struct link_object *create(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	u32 attach_type = attr->link_create.attach_type;
	struct hook_place place = { attr->link_create.flags, attr->link_create.tcx.relative_fd,
				    attr->link_create.tcx.expected_revision };

	switch (p->prog->type) {
	case BPF_PROG_TYPE_XDP:
		return link_attach_xdp(c->sys, p, attr->link_create.target_ifindex,
				       attr->link_create.flags, err);
	case BPF_PROG_TYPE_SCHED_CLS:
		if (attach_type == BPF_TCX_INGRESS || attach_type == BPF_TCX_EGRESS)
			return link_attach_tcx(c->sys, p, attach_type,
					       attr->link_create.target_ifindex, &place, err);
		*err = -EOPNOTSUPP; /* netkit */
		return NULL;
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		*err = -EINVAL;
		if (attach_type != p->prog->expected_attach_type)
			return NULL;
		if (p->prog->expected_attach_type != BPF_TRACE_RAW_TP &&
		    (attr->link_create.target_fd || attr->link_create.target_btf_id))
			return NULL; /* another target than at load: EXT only */
		return attach_tracing(c, p, attr->link_create.tracing.cookie, err);
	case BPF_PROG_TYPE_KPROBE:
		if (attach_type == BPF_TRACE_KPROBE_MULTI)
			return attach_kprobe_multi(c, p, err);
		if (attach_type == BPF_TRACE_UPROBE_MULTI)
			return attach_uprobe_multi(c, p, err);
		if (attach_type == BPF_PERF_EVENT)
			return attach_perf_event(c, p, err);
		*err = -EOPNOTSUPP; /* sessions */
		return NULL;
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_perf_event(c, p, err);
	case BPF_PROG_TYPE_EXT:
		return attach_to_prog(c, p, (int)attr->link_create.target_fd,
				      attr->link_create.target_btf_id,
				      attr->link_create.tracing.cookie, err);
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_SK_LOOKUP:
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_SK_SKB:
	case BPF_PROG_TYPE_NETFILTER:
		*err = -EOPNOTSUPP;
		return NULL;
	default: /* cgroups, and types without links */
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

	if (c->attr->link_create.attach_type == BPF_STRUCT_OPS)
		return -EOPNOTSUPP;
	p = prog_get_runnable_fd(c->sys, (int)c->attr->link_create.prog_fd, &err);
	if (!p)
		return err;
	err = check_attach_type(p->prog, c->attr->link_create.attach_type);
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
		pthread_mutex_lock(&c->sys->lock);
		err = l->ops->update_prog(l, new_prog, old_prog);
		pthread_mutex_unlock(&c->sys->lock);
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
		pthread_mutex_lock(&c->sys->lock);
		err = l->ops->detach(l);
		pthread_mutex_unlock(&c->sys->lock);
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
		/*
		 * It takes the first argument for a buffer, and no tracepoint here says that it
		 * has one. DIFF(raw-tp-writable): also when the program never looks at it.
		 */
		err = -EINVAL;
		break;
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

/* ---- what is attached ---- */

static int query_tcx(struct call *c, const struct hook *h)
{
	const union bpf_attr *attr = c->attr;
	const struct hook_progs *progs = h->progs;
	u32 total = progs ? progs->n : 0, n = min(total, attr->query.count), id, zero = 0;
	int err;

	if (attr->query.query_flags || attr->query.attach_flags)
		return -EINVAL;
	err = ATTR_PUT(c, query.attach_flags, 0);
	if (!err)
		err = ATTR_PUT(c, query.revision, h->revision);
	if (!err)
		err = ATTR_PUT(c, query.count, total);
	if (err || !attr->query.count || !attr->query.prog_ids || !total)
		return err;
	for (u32 i = 0; i < n && !err; i++) {
		u64 off = (u64)i * sizeof(u32);

		id = progs->v[i].owner->obj.id;
		err = user_write(c->sys, attr->query.prog_ids + off, &id, sizeof(id));
		if (!err && attr->query.prog_attach_flags)
			err = user_write(c->sys, attr->query.prog_attach_flags + off, &zero,
					 sizeof(zero));
		id = progs->v[i].link ? progs->v[i].link->obj.id : 0;
		if (!err && attr->query.link_ids)
			err = user_write(c->sys, attr->query.link_ids + off, &id, sizeof(id));
		if (!err && attr->query.link_attach_flags)
			err = user_write(c->sys, attr->query.link_attach_flags + off, &zero,
					 sizeof(zero));
	}
	return err ? err : total > attr->query.count ? -ENOSPC : 0;
}

int command_prog_query(struct call *c)
{
	struct skep_system *sys = c->sys;
	struct hook *h;
	int err;

	if (!(system_caps(sys) & BPF_CAP_NET_ADMIN))
		return -EPERM;
	if (c->attr->query.query_flags & ~(u32)BPF_F_QUERY_EFFECTIVE)
		return -EINVAL;
	switch (c->attr->query.attach_type) {
	case BPF_TCX_INGRESS:
	case BPF_TCX_EGRESS:
		if (!visible(sys->profile, KVER(6, 6)))
			return -EINVAL;
		pthread_mutex_lock(&sys->lock);
		h = hook_find_netdev(sys,
				     c->attr->query.attach_type == BPF_TCX_INGRESS ?
					     HOOK_TCX_INGRESS :
					     HOOK_TCX_EGRESS,
				     c->attr->query.target_ifindex);
		err = h ? query_tcx(c, h) : -ENODEV;
		pthread_mutex_unlock(&sys->lock);
		return err;
	default: /* cgroups, netns, sockmaps: as a kernel without them */
		return -EINVAL;
	}
}
