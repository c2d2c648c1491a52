/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_ATTACH, _DETACH and _QUERY, and links to what they attach to: cgroups, network
 * namespaces, devices, socket maps (Linux: bpf_prog_attach() and its neighbours in
 * kernel/bpf/syscall.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/link.h"
#include "hook/cgroup.h"
#include "hook/lirc.h"
#include "hook/netns.h"
#include "hook/sockmap.h"
#include "object/caller.h"
#include "object/psock.h"

#define NSFS_MAGIC 0x6e736673

/* Order and revisions for cgroups: Linux 6.17, and the last releases of 6.12. */
static bool cgroup_order(kver profile)
{
	return visible(profile, KVER(6, 17)) || profile == KVER(6, 12);
}

u32 prog_type_of_attach(u32 attach_type, kver profile)
{
	switch (attach_type) {
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
		return BPF_PROG_TYPE_CGROUP_SKB;
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET_SOCK_RELEASE:
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
		return BPF_PROG_TYPE_CGROUP_SOCK;
	case BPF_CGROUP_UNIX_CONNECT:
	case BPF_CGROUP_UNIX_GETPEERNAME:
	case BPF_CGROUP_UNIX_GETSOCKNAME:
	case BPF_CGROUP_UNIX_SENDMSG:
	case BPF_CGROUP_UNIX_RECVMSG:
		return visible(profile, KVER(6, 7)) ? BPF_PROG_TYPE_CGROUP_SOCK_ADDR :
						      BPF_PROG_TYPE_UNSPEC;
	case BPF_CGROUP_INET4_BIND:
	case BPF_CGROUP_INET6_BIND:
	case BPF_CGROUP_INET4_CONNECT:
	case BPF_CGROUP_INET6_CONNECT:
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_INET4_GETSOCKNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
	case BPF_CGROUP_UDP4_SENDMSG:
	case BPF_CGROUP_UDP6_SENDMSG:
	case BPF_CGROUP_UDP4_RECVMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
		return BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	case BPF_CGROUP_SOCK_OPS:
		return BPF_PROG_TYPE_SOCK_OPS;
	case BPF_CGROUP_DEVICE:
		return BPF_PROG_TYPE_CGROUP_DEVICE;
	case BPF_CGROUP_SYSCTL:
		return BPF_PROG_TYPE_CGROUP_SYSCTL;
	case BPF_CGROUP_GETSOCKOPT:
	case BPF_CGROUP_SETSOCKOPT:
		return BPF_PROG_TYPE_CGROUP_SOCKOPT;
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
	case BPF_TRACE_FENTRY_MULTI:
	case BPF_TRACE_FEXIT_MULTI:
	case BPF_TRACE_FSESSION_MULTI:
		return visible(profile, KVER(7, 2)) ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_UNSPEC;
	case BPF_TRACE_FSESSION:
		return visible(profile, KVER(7, 0)) ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_UNSPEC;
	case BPF_LSM_CGROUP:
		return visible(profile, KVER(6, 0)) ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_UNSPEC;
	case BPF_LSM_MAC:
		return BPF_PROG_TYPE_LSM;
	case BPF_SK_LOOKUP:
		return BPF_PROG_TYPE_SK_LOOKUP;
	case BPF_XDP:
		return BPF_PROG_TYPE_XDP;
	case BPF_TCX_INGRESS:
	case BPF_TCX_EGRESS:
		return visible(profile, KVER(6, 6)) ? BPF_PROG_TYPE_SCHED_CLS :
						      BPF_PROG_TYPE_UNSPEC;
	case BPF_NETKIT_PRIMARY:
	case BPF_NETKIT_PEER:
		return visible(profile, KVER(6, 7)) ? BPF_PROG_TYPE_SCHED_CLS :
						      BPF_PROG_TYPE_UNSPEC;
	default:
		return BPF_PROG_TYPE_UNSPEC;
	}
}

/* Of one program on many functions. */
static bool is_multi(u32 attach_type)
{
	return attach_type == BPF_TRACE_KPROBE_MULTI || attach_type == BPF_TRACE_UPROBE_MULTI ||
	       attach_type == BPF_TRACE_KPROBE_SESSION || attach_type == BPF_TRACE_UPROBE_SESSION;
}

int check_attach_type(const struct skep_system *sys, const struct bpf_prog *prog, u32 attach_type)
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
		if (is_multi(prog->expected_attach_type) &&
		    attach_type != prog->expected_attach_type)
			return -EINVAL;
		return attach_type == BPF_PERF_EVENT || is_multi(attach_type) ? 0 : -EINVAL;
	case BPF_PROG_TYPE_SCHED_CLS:
		return attach_type == BPF_TCX_INGRESS || attach_type == BPF_TCX_EGRESS ||
				       attach_type == BPF_NETKIT_PRIMARY ||
				       attach_type == BPF_NETKIT_PEER ?
			       0 :
			       -EINVAL;
	default:
		return prog_type_of_attach(attach_type, sys->profile) == prog->type ? 0 : -EINVAL;
	}
}

/* ---- what descriptors stand for ---- */

/* The record of cgroup @fd; sys->lock is held. */
static struct cgroup_hooks *cgroup_of(struct call *c, u32 fd, int *err)
{
	int own = caller_take_fd((int)fd);
	struct cgroup_hooks *cg;

	*err = -EBADF;
	if (own < 0)
		return NULL;
	cgroups_sweep(c->sys);
	cg = cgroup_hooks_get(c->sys, own, err);
	close(own);
	return cg;
}

static u64 netns_at(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* The caller's own network namespace. */
static u64 netns_of_caller(void)
{
	char path[64] = "/proc/thread-self/ns/net";

	if (caller_current())
		snprintf(path, sizeof(path), "/proc/%u/ns/net", caller_current()->tid);
	return netns_at(path);
}

/* The interface of that number is an instance's own, and the caller is in its network. */
static bool netdev_is_ours(struct call *c, u32 ifindex)
{
	return hook_find_netdev(c->sys, HOOK_XDP, ifindex) &&
	       (!c->sys->net_ino || c->sys->net_ino == netns_of_caller());
}

/* Of other namespaces than this process's and the instance's only rtnetlink knows which there are. */
static bool netdev_is_foreign(const struct call *c, u32 ifindex)
{
	struct skep_system *sys = c->sys;
	u64 ino = netns_of_caller(), args[1] = { ifindex };
	char name[IF_NAMESIZE];

	if (sys->net_ino && sys->net_ino == ino)
		return sys->netdev_call &&
		       (s64)sys->netdev_call(sys, NULL, WORLD_DEVICE_MTU, args) >= 0;
	return ino == netns_at("/proc/self/ns/net") && if_indextoname(ifindex, name);
}

int netdev_check(struct call *c, u32 ifindex, int none)
{
	if (netdev_is_ours(c, ifindex))
		return 0;
	if (!netdev_is_foreign(c, ifindex))
		return none;
	return attach_refuse(c->sys, DIAG_ATTACH_NETDEV_FOREIGN, (unsigned long long)ifindex);
}

/* Whether @ino is the machine's first one, as far as we may see. */
static bool netns_is_first(u64 ino)
{
	u64 first = netns_at("/proc/1/ns/net");

	return first ? ino == first : ino == netns_at("/proc/self/ns/net");
}

static int netns_of_fd(u32 fd, u64 *ino)
{
	char path[64], name[64];
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int own = caller_take_fd((int)fd), err = -EBADF;

	if (own < 0)
		return err;
	err = -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own);
	n = readlink(path, name, sizeof(name) - 1);
	if (n > 4 && !strncmp(name, "net:", 4) && !fstatfs(own, &fs) && fs.f_type == NSFS_MAGIC &&
	    !fstat(own, &st)) {
		*ino = st.st_ino;
		err = 0;
	}
	close(own);
	return err;
}

/* ---- attaching ---- */

static bool is_cgroup_type(u32 prog_type)
{
	switch (prog_type) {
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_LSM:
		return true;
	}
	return false;
}

/* The flags of BPF_PROG_ATTACH that the profile's kernel knows for @prog_type. */
static u32 attach_flags(kver profile, u32 prog_type)
{
	const u32 order = BPF_F_REPLACE | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_ID | BPF_F_LINK;
	u32 flags = BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI;

	if (prog_type == BPF_PROG_TYPE_SCHED_CLS)
		return order;
	if (visible(profile, KVER(5, 6)))
		flags |= BPF_F_REPLACE;
	if (visible(profile, KVER(6, 15)) || profile == KVER(6, 12))
		flags |= BPF_F_PREORDER;
	if (is_cgroup_type(prog_type) && cgroup_order(profile))
		flags |= order;
	return flags;
}

static struct prog_object *prog_get_type(struct call *c, u32 fd, u32 type, int *err)
{
	struct prog_object *p = prog_get_fd(c->sys, (int)fd, err);

	if (p && p->prog->type != type) {
		object_put(&p->obj);
		*err = -EINVAL;
		return NULL;
	}
	return p;
}

static int attach_cgroup(struct call *c, struct prog_object *p)
{
	const union bpf_attr *attr = c->attr;
	struct cgroup_attach a = { .prog = p,
				   .attach_type = attr->attach_type,
				   .flags = attr->attach_flags,
				   .relative = attr->relative_fd,
				   .revision = attr->expected_revision };
	struct cgroup_hooks *cg;
	int err;

	cg = cgroup_of(c, attr->target_fd, &err);
	if (!cg)
		return err;
	if (a.attach_type == BPF_LSM_CGROUP && !lsm_hook_of(c->sys, p, &err))
		return err;
	if (a.flags & BPF_F_ALLOW_MULTI && a.flags & BPF_F_REPLACE) {
		a.replace = prog_get_type(c, attr->replace_bpf_fd, p->prog->type, &err);
		if (!a.replace)
			return err;
	}
	err = cgroup_attach(cg, &a);
	object_put((struct object *)a.replace);
	return err;
}

/* The map of a call about its programs. */
static struct map_object *sockmap_of(struct call *c, int *err)
{
	*err = -EINVAL;
	if (c->attr->attach_flags || c->attr->replace_bpf_fd)
		return NULL;
	return map_get_fd(c->sys, (int)c->attr->target_fd, err);
}

static int attach_sockmap(struct call *c, struct prog_object *p)
{
	struct map_object *m;
	int err;

	m = sockmap_of(c, &err);
	if (!m)
		return err;
	err = psock_map_set(m, p, NULL, NULL, c->attr->attach_type);
	if (!err)
		hooks_touch(c->sys);
	object_put(&m->obj);
	return err;
}

/* ---- infrared receivers: programs run under their lock, so the system's is not held ---- */

static int attach_lirc(struct call *c, struct prog_object *p)
{
	struct lirc_progs *there;
	int err;

	if (c->attr->attach_flags)
		return -EINVAL;
	there = lirc_progs_of_fd(c->sys, (int)c->attr->target_fd, true, &err);
	return there ? lirc_progs_attach(there, p) : err;
}

static int detach_lirc(struct call *c)
{
	struct lirc_progs *there;
	struct prog_object *p;
	int err;

	if (c->attr->attach_flags)
		return -EINVAL;
	p = prog_get_type(c, c->attr->attach_bpf_fd, BPF_PROG_TYPE_LIRC_MODE2, &err);
	if (!p)
		return err;
	there = lirc_progs_of_fd(c->sys, (int)c->attr->target_fd, true, &err);
	if (there)
		err = lirc_progs_detach(there, p);
	object_put(&p->obj);
	return err;
}

static int query_lirc(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	u32 ids[LIRC_PROGS_MAX], total, n;
	struct lirc_progs *there;
	int err;

	if (attr->query.query_flags)
		return -EINVAL;
	there = lirc_progs_of_fd(c->sys, (int)attr->query.target_fd, false, &err);
	if (!there)
		return err;
	total = lirc_progs_ids(there, ids, LIRC_PROGS_MAX);
	err = ATTR_PUT(c, query.count, total);
	if (!err)
		err = ATTR_PUT(c, query.attach_flags, 0);
	if (err || !attr->query.count || !attr->query.prog_ids || !total)
		return err;
	n = min(total, attr->query.count);
	err = user_write(c->sys, attr->query.prog_ids, ids, n * sizeof(u32));
	return err ? err : total > n ? -ENOSPC : 0;
}

static int attach_tcx(struct call *c, struct prog_object *p)
{
	const union bpf_attr *attr = c->attr;
	struct hook_place place = { attr->attach_flags, attr->relative_fd,
				    attr->expected_revision };
	struct prog_object *old = NULL;
	int err = 0;

	err = netdev_check(c, attr->target_ifindex, -ENODEV);
	if (err)
		return err;
	if (attr->attach_flags & BPF_F_REPLACE)
		old = prog_get_type(c, attr->replace_bpf_fd, p->prog->type, &err);
	if (!err)
		err = hook_attach_tcx(c->sys, p, old, attr->attach_type, attr->target_ifindex,
				      &place);
	object_put((struct object *)old);
	return err;
}

static int attach_dissector(struct call *c, struct prog_object *p)
{
	u64 ino = netns_of_caller();

	if (c->attr->target_fd || c->attr->attach_flags || c->attr->replace_bpf_fd)
		return -EINVAL;
	return ino ? netns_attach(c->sys, ino, netns_is_first(ino), p) : -EINVAL;
}

int command_prog_attach(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	u32 type = prog_type_of_attach(attr->attach_type, c->sys->profile);
	struct prog_object *p;
	int err;

	if (type == BPF_PROG_TYPE_UNSPEC ||
	    attr->attach_flags & ~attach_flags(c->sys->profile, type))
		return -EINVAL;
	if (type != BPF_PROG_TYPE_SCHED_CLS &&
	    (!is_cgroup_type(type) || !cgroup_order(c->sys->profile)) &&
	    (attr->relative_fd || attr->expected_revision))
		return -EINVAL;
	p = prog_get_type(c, attr->attach_bpf_fd, type, &err);
	if (!p)
		return err;
	err = prog_runnable(p);
	if (!err)
		err = check_attach_type(c->sys, p->prog, attr->attach_type);
	if (!err && type == BPF_PROG_TYPE_LIRC_MODE2) {
		err = attach_lirc(c, p);
		goto out;
	}
	if (err)
		goto out;
	relock_take(&c->sys->lock);
	switch (type) {
	case BPF_PROG_TYPE_SK_SKB:
	case BPF_PROG_TYPE_SK_MSG:
		err = attach_sockmap(c, p);
		break;
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
		err = attach_dissector(c, p);
		break;
	case BPF_PROG_TYPE_SCHED_CLS:
		err = attach_tcx(c, p);
		break;
	default:
		err = -EINVAL;
		if (is_cgroup_type(type) &&
		    (type != BPF_PROG_TYPE_LSM || p->prog->expected_attach_type == BPF_LSM_CGROUP))
			err = attach_cgroup(c, p);
		break;
	}
	relock_give(&c->sys->lock);
out:
	object_put(&p->obj);
	return err;
}

/* ---- detaching ---- */

static int detach_cgroup(struct call *c, u32 type)
{
	const union bpf_attr *attr = c->attr;
	struct cgroup_hooks *cg;
	struct prog_object *p;
	int err, ignored;

	cg = cgroup_of(c, attr->target_fd, &err);
	if (!cg)
		return err;
	p = prog_get_type(c, attr->attach_bpf_fd, type, &ignored);
	err = cgroup_detach(cg, p, attr->attach_type,
			    cgroup_order(c->sys->profile) ? attr->expected_revision : 0);
	object_put((struct object *)p);
	return err;
}

static int detach_sockmap(struct call *c, u32 type)
{
	struct prog_object *p;
	struct map_object *m;
	int err;

	m = sockmap_of(c, &err);
	if (!m)
		return err;
	p = prog_get_type(c, c->attr->attach_bpf_fd, type, &err);
	if (p)
		err = psock_map_set(m, NULL, p, NULL, c->attr->attach_type);
	if (!err)
		hooks_touch(c->sys);
	object_put((struct object *)p);
	object_put(&m->obj);
	return err;
}

static int detach_dissector(struct call *c)
{
	struct prog_object *p;
	int err;

	if (c->attr->target_fd)
		return -EINVAL;
	p = prog_get_type(c, c->attr->attach_bpf_fd, BPF_PROG_TYPE_FLOW_DISSECTOR, &err);
	if (!p)
		return err;
	err = netns_detach(c->sys, netns_of_caller(), p);
	object_put(&p->obj);
	return err;
}

static int detach_tcx(struct call *c, struct prog_object *p)
{
	const union bpf_attr *attr = c->attr;
	struct hook_place place = { attr->attach_flags, attr->relative_fd,
				    attr->expected_revision };

	if (!netdev_is_ours(c, attr->target_ifindex))
		return netdev_is_foreign(c, attr->target_ifindex) ? -ENOENT : -ENODEV;
	return hook_detach_tcx(c->sys, p, attr->attach_type, attr->target_ifindex, &place);
}

int command_prog_detach(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	u32 type = prog_type_of_attach(attr->attach_type, c->sys->profile);
	bool order = is_cgroup_type(type) && cgroup_order(c->sys->profile);
	struct prog_object *p = NULL;
	int err;

	if (type == BPF_PROG_TYPE_SCHED_CLS) {
		if (attr->attach_flags & ~attach_flags(c->sys->profile, type))
			return -EINVAL;
		if (attr->attach_bpf_fd) {
			p = prog_get_type(c, attr->attach_bpf_fd, type, &err);
			if (!p)
				return err;
		} else if (!(system_caps(c->sys) & BPF_CAP_NET_ADMIN)) {
			return -EPERM;
		}
	} else if (visible(c->sys->profile, KVER(6, 6)) &&
		   (attr->attach_flags || attr->relative_fd ||
		    (attr->expected_revision && !order))) {
		return -EINVAL;
	}
	if (type == BPF_PROG_TYPE_LIRC_MODE2)
		return detach_lirc(c);
	relock_take(&c->sys->lock);
	switch (type) {
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_SK_SKB:
		err = detach_sockmap(c, type);
		break;
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
		err = detach_dissector(c);
		break;
	case BPF_PROG_TYPE_SCHED_CLS:
		err = detach_tcx(c, p);
		break;
	default:
		err = is_cgroup_type(type) ? detach_cgroup(c, type) : -EINVAL;
		break;
	}
	relock_give(&c->sys->lock);
	object_put((struct object *)p);
	return err;
}

/* ---- what is attached ---- */

static int query_tcx(struct call *c, enum hook_kind kind)
{
	const union bpf_attr *attr = c->attr;
	u32 ifindex = attr->query.target_ifindex, total, n, id, zero = 0;
	const struct hook *h = hook_find_netdev(c->sys, kind, ifindex);
	const struct hook_progs *progs;
	int err;

	if (!netdev_is_ours(c, ifindex)) {
		if (!netdev_is_foreign(c, ifindex))
			return -ENODEV;
		h = NULL; /* nothing can be attached to it */
	}
	if (!h && (kind == HOOK_NETKIT_PRIMARY || kind == HOOK_NETKIT_PEER))
		return -ENXIO;
	progs = h ? h->progs : NULL;
	total = progs ? progs->n : 0;
	n = min(total, attr->query.count);
	if (attr->query.query_flags || attr->query.attach_flags)
		return -EINVAL;
	err = ATTR_PUT(c, query.attach_flags, 0);
	if (!err)
		err = ATTR_PUT(c, query.revision, progs ? h->revision : 1);
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

static int query_cgroup(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	bool effective = attr->query.query_flags & BPF_F_QUERY_EFFECTIVE;
	u64 ids = attr->query.prog_ids, prog_flags = attr->query.prog_attach_flags, revision;
	u32 total, n, flags, type = attr->query.attach_type;
	struct cgroup_attached *v = NULL;
	struct cgroup_hooks *cg;
	int err;

	cg = cgroup_of(c, attr->query.target_fd, &err);
	if (!cg)
		return err;
	if (effective && prog_flags)
		return -EINVAL;
	if (type == BPF_LSM_CGROUP && !effective && attr->query.count && ids && !prog_flags)
		return -EINVAL;
	total = cgroup_attached(cg, type, effective, NULL, 0, &flags, &revision);
	err = ATTR_PUT(c, query.attach_flags, flags);
	if (!err)
		err = ATTR_PUT(c, query.count, total);
	if (!err && cgroup_order(c->sys->profile) &&
	    c->size >= offsetofend(union bpf_attr, query.revision))
		err = ATTR_PUT(c, query.revision, revision);
	if (err || !attr->query.count || !ids || !total)
		return err;
	n = min(total, attr->query.count);
	v = mem_zalloc(n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	cgroup_attached(cg, type, effective, v, n, &flags, &revision);
	for (u32 i = 0; i < n && !err; i++) {
		err = user_write(c->sys, ids + i * sizeof(u32), &v[i].prog->obj.id, sizeof(u32));
		if (!err && prog_flags)
			err = user_write(c->sys, prog_flags + i * sizeof(u32), &v[i].flags,
					 sizeof(u32));
	}
	mem_free(v);
	return err ? err : total > n ? -ENOSPC : 0;
}

static int query_netns(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	const struct hook_progs *progs;
	u32 total, n;
	u64 ino;
	int err;

	if (attr->query.query_flags)
		return -EINVAL;
	err = netns_of_fd(attr->query.target_fd, &ino);
	if (err)
		return err;
	progs = netns_effective(c->sys, ino, attr->query.attach_type);
	total = progs ? progs->n : 0;
	err = ATTR_PUT(c, query.attach_flags, 0);
	if (!err)
		err = ATTR_PUT(c, query.count, total);
	if (err || !attr->query.count || !attr->query.prog_ids || !total)
		return err;
	n = min(total, attr->query.count);
	for (u32 i = 0; i < n && !err; i++)
		err = user_write(c->sys, attr->query.prog_ids + i * sizeof(u32),
				 &progs->v[i].owner->obj.id, sizeof(u32));
	return err ? err : total > n ? -ENOSPC : 0;
}

/* What is to be said is written whether there is an error or not. */
static int query_sockmap(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	struct map_object *m;
	u32 id, there;
	int err;

	if (attr->query.query_flags)
		return -EINVAL;
	m = map_get_fd(c->sys, (int)attr->query.target_fd, &err);
	if (!m)
		return err;
	err = psock_map_query(m, attr->query.attach_type, &id);
	object_put(&m->obj);
	there = id != 0;
	if (ATTR_PUT(c, query.attach_flags, 0) ||
	    (id && attr->query.count && attr->query.prog_ids &&
	     user_write(c->sys, attr->query.prog_ids, &id, sizeof(id))) ||
	    ATTR_PUT(c, query.count, there))
		return -EFAULT;
	return err;
}

static int query(struct call *c)
{
	const union bpf_attr *attr = c->attr;

	switch (attr->query.attach_type) {
	case BPF_TCX_INGRESS:
		return query_tcx(c, HOOK_TCX_INGRESS);
	case BPF_TCX_EGRESS:
		return query_tcx(c, HOOK_TCX_EGRESS);
	case BPF_NETKIT_PRIMARY:
		return query_tcx(c, HOOK_NETKIT_PRIMARY);
	case BPF_NETKIT_PEER:
		return query_tcx(c, HOOK_NETKIT_PEER);
	case BPF_FLOW_DISSECTOR:
	case BPF_SK_LOOKUP:
		return query_netns(c);
	case BPF_SK_SKB_STREAM_PARSER:
	case BPF_SK_SKB_STREAM_VERDICT:
	case BPF_SK_MSG_VERDICT:
	case BPF_SK_SKB_VERDICT:
		return query_sockmap(c);
	default:
		return is_cgroup_attach_type(attr->query.attach_type) ? query_cgroup(c) : -EINVAL;
	}
}

int command_prog_query(struct call *c)
{
	int err;

	if (!(system_caps(c->sys) & BPF_CAP_NET_ADMIN))
		return -EPERM;
	if (c->attr->query.query_flags & ~(u32)BPF_F_QUERY_EFFECTIVE)
		return -EINVAL;
	/* Types that came later are no attach types to an older kernel. */
	if (prog_type_of_attach(c->attr->query.attach_type, c->sys->profile) ==
	    BPF_PROG_TYPE_UNSPEC)
		return -EINVAL;
	if (c->attr->query.attach_type == BPF_LIRC_MODE2)
		return query_lirc(c);
	relock_take(&c->sys->lock);
	err = query(c);
	relock_give(&c->sys->lock);
	return err;
}

/* ---- links ---- */

struct link_object *attach_cgroup_link(struct call *c, struct prog_object *p, int *err)
{
	const u32 order = BPF_F_ID | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_PREORDER | BPF_F_LINK;
	const union bpf_attr *attr = c->attr;
	struct cgroup_attach a = { .prog = p,
				   .attach_type = attr->link_create.attach_type,
				   .flags = attr->link_create.flags };
	struct link_object *l = NULL;
	struct cgroup_hooks *cg;
	u32 known = 0;

	if (cgroup_order(c->sys->profile)) {
		known = order;
		a.relative = attr->link_create.tcx.relative_fd;
		a.revision = attr->link_create.tcx.expected_revision;
	} else if (visible(c->sys->profile, KVER(6, 15))) {
		known = BPF_F_PREORDER;
	}
	*err = -EINVAL;
	if (a.flags & ~known)
		return NULL;
	relock_take(&c->sys->lock);
	cg = cgroup_of(c, attr->link_create.target_fd, err);
	if (cg && (a.attach_type != BPF_LSM_CGROUP || lsm_hook_of(c->sys, p, err)))
		l = link_attach_cgroup(cg, &a, err);
	relock_give(&c->sys->lock);
	return l;
}

struct link_object *attach_netns_link(struct call *c, struct prog_object *p, int *err)
{
	struct link_object *l = NULL;
	u64 ino;

	*err = -EINVAL;
	if (c->attr->link_create.flags)
		return NULL;
	*err = netns_of_fd(c->attr->link_create.target_fd, &ino);
	if (*err)
		return NULL;
	relock_take(&c->sys->lock);
	l = link_attach_netns(c->sys, ino, netns_is_first(ino), p, c->attr->link_create.attach_type,
			      err);
	relock_give(&c->sys->lock);
	return l;
}

struct link_object *attach_netfilter_link(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	struct netfilter_place place = { attr->link_create.netfilter.pf,
					 attr->link_create.netfilter.hooknum,
					 attr->link_create.netfilter.flags,
					 attr->link_create.netfilter.priority };
	struct link_object *l;

	*err = -EINVAL;
	if (attr->link_create.flags)
		return NULL;
	relock_take(&c->sys->lock);
	l = link_attach_netfilter(c->sys, netns_of_caller(), p, &place, err);
	relock_give(&c->sys->lock);
	return l;
}

struct link_object *attach_sockmap_link(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	struct link_object *l = NULL;
	struct map_object *m;

	*err = -EINVAL;
	if (attr->link_create.flags)
		return NULL;
	relock_take(&c->sys->lock);
	m = map_get_fd(c->sys, (int)attr->link_create.target_fd, err);
	if (m && m->map->map_type != BPF_MAP_TYPE_SOCKMAP &&
	    m->map->map_type != BPF_MAP_TYPE_SOCKHASH)
		*err = -EINVAL;
	else if (m)
		l = link_attach_sockmap(m, p, attr->link_create.attach_type, err);
	object_put((struct object *)m);
	relock_give(&c->sys->lock);
	return l;
}
