/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaching programs to tracepoints, functions and perf events: what the attributes of
 * BPF_LINK_CREATE and BPF_RAW_TRACEPOINT_OPEN name (Linux: kernel/bpf/syscall.c,
 * kernel/trace/bpf_trace.c).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/link.h"
#include "hook/functions.h"
#include "hook/perf.h"
#include "hook/points.h"
#include "object/caller.h"
#include "verifier/verifier.h"

#define MULTI_MAX     (1U << 20) /* Linux: MAX_KPROBE_MULTI_CNT, MAX_UPROBE_MULTI_CNT */
#define KSYM_NAME_LEN 512

struct link_object *attach_raw_tp(struct call *c, struct prog_object *p, const char *name,
				  u64 cookie, int *err)
{
	const struct object_btf *vmlinux = system_vmlinux(c->sys);
	struct btf_ctx_proto proto;
	bool known;
	u32 id;

	known = vmlinux && !btf_trace_proto(vmlinux->btf, name, &proto, &id);
	if (hook_point_row(c->sys, HOOK_RAW_TP, name) < 0) {
		*err = refuse_tracepoint(c->sys, name);
		return NULL;
	}
	/* The row has the arguments of all releases, the types those of this one. */
	if (known && proto.proto && p->max_ctx_offset > (btf_vlen(proto.proto) - 1) * sizeof(u64)) {
		*err = -EINVAL;
		return NULL;
	}
	return link_attach_raw_tp(c->sys, p, name, cookie, err);
}

/*
 * An extension, or a tracing program that watches another program: to what it was loaded for, which
 * can be done once, or an extension to function @btf_id of program @fd.
 */
struct link_object *attach_to_prog(struct call *c, struct prog_object *p, int fd, u32 btf_id,
				   u64 cookie, int *err)
{
	struct prog_object *target = NULL;
	struct link_object *l = NULL;
	int func;

	*err = -EINVAL;
	if (!fd != !btf_id || (fd && p->prog->type != BPF_PROG_TYPE_EXT))
		return NULL;
	if (fd) {
		target = prog_get_fd(c->sys, fd, err);
		if (!target)
			return NULL;
	}
	relock_take(&c->sys->lock);
	*err = -EINVAL;
	if (!target) {
		if (!p->dst_prog)
			goto out;
		target = p->dst_prog;
		object_get(&target->obj);
		btf_id = p->attach_btf_id;
	} else if (target != p->dst_prog || btf_id != p->attach_btf_id) {
		*err = ext_check_target(p, target, btf_id);
		if (*err)
			goto out;
	}
	func = prog_func_by_btf(target, btf_id);
	if (func < 0)
		goto out;
	l = link_attach_prog(c->sys, p, target, (u32)func, btf_id, cookie, err);
	if (l) {
		object_put((struct object *)p->dst_prog);
		p->dst_prog = NULL;
	}
out:
	object_put((struct object *)target);
	relock_give(&c->sys->lock);
	return l;
}

const char *lsm_hook_of(struct skep_system *sys, const struct prog_object *p, int *err)
{
	static const char prefix[] = "bpf_lsm_";
	const char *name;

	*err = -EINVAL;
	if (!p->attach_btf)
		return NULL;
	name = btf_type_name(p->attach_btf->btf, p->attach_btf_id);
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return NULL;
	name += sizeof(prefix) - 1;
	*err = hook_point_row(sys, HOOK_LSM, name) < 0 ?
		       attach_refuse(sys, DIAG_ATTACH_LSM_ABSENT, name) :
		       0;
	return *err ? NULL : name;
}

/* An LSM program, to the hook that it was loaded for. */
static struct link_object *attach_lsm(struct call *c, struct prog_object *p, u64 cookie, int *err)
{
	const char *name = lsm_hook_of(c->sys, p, err);

	if (!name)
		return NULL;
	return link_attach_function(c->sys, p, HOOK_LSM, name, cookie, err);
}

/* A BTF-typed tracing program, by the function or tracepoint that it was loaded for. */
struct link_object *attach_tracing(struct call *c, struct prog_object *p, u64 cookie, int *err)
{
	struct btf_ctx_proto proto;
	enum hook_kind kind;
	const char *name;

	switch (p->prog->expected_attach_type) {
	case BPF_TRACE_RAW_TP:
		*err = -ENOENT;
		if (!p->attach_btf ||
		    btf_trace_proto_by_id(p->attach_btf->btf, p->attach_btf_id, &proto))
			return NULL;
		/* Its device and program are no objects that typed pointers could read. */
		*err = -EOPNOTSUPP;
		if (hook_point_row(c->sys, HOOK_RAW_TP, proto.name) == RAW_TP_xdp_exception)
			return NULL;
		return attach_raw_tp(c, p, proto.name, cookie, err);
	case BPF_TRACE_FENTRY:
		kind = HOOK_FENTRY;
		break;
	case BPF_TRACE_FEXIT:
		kind = HOOK_FEXIT;
		break;
	case BPF_MODIFY_RETURN:
		kind = HOOK_FMOD_RET;
		break;
	case BPF_LSM_MAC:
		return attach_lsm(c, p, cookie, err);
	case BPF_TRACE_FSESSION:
		kind = HOOK_FENTRY;
		break;
	default:
		*err = -ENOTSUPP; /* iterators: as a kernel without trampolines */
		return NULL;
	}
	if (!p->attach_btf)
		return attach_to_prog(c, p, 0, 0, cookie, err);
	name = btf_type_name(p->attach_btf->btf, p->attach_btf_id);
	if (hook_point_row(c->sys, kind, name) < 0) {
		*err = refuse_function(c->sys, name);
		return NULL;
	}
	/* DIFF(functions-refused) */
	if (kind == HOOK_FMOD_RET && !function_decides((u32)hook_point_row(c->sys, kind, name))) {
		*err = attach_refuse(c->sys, DIAG_ATTACH_FUNCTION_LATE, name);
		return NULL;
	}
	if (p->prog->expected_attach_type == BPF_TRACE_FSESSION)
		return link_attach_session(c->sys, p, name, cookie, err);
	return link_attach_function(c->sys, p, kind, name, cookie, err);
}

struct link_object *attach_perf_event(struct call *c, struct prog_object *p, int *err)
{
	struct link_object *l;
	struct object *o;

	*err = -EINVAL;
	if (c->attr->link_create.flags)
		return NULL;
	o = object_get_fd(c->sys, (int)c->attr->link_create.target_fd, OBJECT_PERF, err);
	if (!o) {
		*err = -EBADF;
		return NULL;
	}
	l = link_attach_perf(c->sys, p, (struct perf_object *)o,
			     c->attr->link_create.perf_event.bpf_cookie, err);
	object_put(o);
	return l;
}

/* ---- many functions ---- */

/* @n numbers of 64 bits at @from; *out is NULL when @from is 0. 0, -EFAULT or -ENOMEM. */
static int read_u64s(struct skep_system *sys, u64 from, u32 n, u64 **out)
{
	*out = NULL;
	if (!from)
		return 0;
	*out = mem_alloc(n * sizeof(u64));
	if (!*out)
		return -ENOMEM;
	return user_read(sys, *out, from, n * sizeof(u64));
}

static int function_by_name(struct skep_system *sys, u64 from)
{
	char name[KSYM_NAME_LEN];
	long len = user_read_str(sys, name, from, sizeof(name));
	int row;

	if (len < 0)
		return len == -EFAULT ? -EFAULT : -E2BIG;
	row = hook_point_row(sys, HOOK_KPROBE, name);
	if (row < 0) {
		refuse_function(sys, name);
		return -ESRCH; /* Linux's errno when not all of them were found */
	}
	return row;
}

static int find_functions(struct skep_system *sys, const u64 *from, bool addresses,
			  enum hook_kind kind, u32 n, struct hook **hooks)
{
	int err = 0;

	for (u32 i = 0; i < n && !err; i++) {
		int row = addresses ? function_at(sys, from[i]) : function_by_name(sys, from[i]);

		if (row < 0)
			return addresses ? -EINVAL : row;
		hooks[i] = hook_point_get(sys, kind, function_name_of((u32)row), &err);
	}
	return err;
}

struct link_object *attach_kprobe_multi(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	u32 flags = attr->link_create.kprobe_multi.flags, n = attr->link_create.kprobe_multi.cnt;
	u64 addrs = attr->link_create.kprobe_multi.addrs,
	    syms = attr->link_create.kprobe_multi.syms;
	bool returns = flags & BPF_F_KPROBE_MULTI_RETURN;
	bool session = p->prog->expected_attach_type == BPF_TRACE_KPROBE_SESSION;
	struct link_object *l = NULL;
	struct hook **hooks = NULL;
	u64 *from = NULL, *cookies = NULL;

	*err = -EINVAL;
	if (attr->link_create.flags || p->prog->sleepable ||
	    (!session && p->prog->expected_attach_type != BPF_TRACE_KPROBE_MULTI) ||
	    (session && returns) || flags & ~(u32)BPF_F_KPROBE_MULTI_RETURN || !addrs == !syms ||
	    !n)
		return NULL;
	if (n > MULTI_MAX) {
		*err = -E2BIG;
		return NULL;
	}
	*err = read_u64s(c->sys, attr->link_create.kprobe_multi.cookies, n, &cookies);
	if (!*err)
		*err = read_u64s(c->sys, addrs ? addrs : syms, n, &from);
	if (*err)
		goto out;
	*err = -ENOMEM;
	hooks = mem_zalloc(2 * n * sizeof(*hooks));
	if (!hooks)
		goto out;
	*err = find_functions(c->sys, from, addrs, returns ? HOOK_KRETPROBE : HOOK_KPROBE, n,
			      hooks);
	if (!*err && session)
		*err = find_functions(c->sys, from, addrs, HOOK_KRETPROBE, n, hooks + n);
	if (!*err)
		l = link_attach_kprobe_multi(c->sys, p, hooks, cookies, n, flags, err);
out:
	mem_free(hooks);
	mem_free(from);
	mem_free(cookies);
	return l;
}

/* The kernel functions that @ids are in the types the program was loaded with; each once. */
static int functions_by_id(struct skep_system *sys, const struct prog_object *p, const u32 *ids,
			   u32 n, enum hook_kind kind, struct hook **hooks)
{
	const struct btf *btf = p->attach_btf->btf;
	int err = 0;

	for (u32 i = 0; i < n && !err; i++) {
		const struct btf_type *t = btf_type_get(btf, ids[i]);
		const char *name =
			t && btf_kind(t) == BTF_KIND_FUNC ? btf_type_name(btf, ids[i]) : NULL;

		if (!name)
			return -EINVAL;
		if (hook_point_row(sys, kind, name) < 0)
			return refuse_function(sys, name);
		hooks[i] = hook_point_get(sys, kind, name, &err);
		for (u32 j = 0; j < i && !err; j++)
			if (hooks[j] == hooks[i])
				return -EINVAL;
	}
	return err;
}

struct link_object *attach_tracing_multi(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	u32 n = attr->link_create.tracing_multi.cnt, type = p->prog->expected_attach_type;
	u64 uids = attr->link_create.tracing_multi.ids;
	enum hook_kind kind = type == BPF_TRACE_FEXIT_MULTI ? HOOK_FEXIT : HOOK_FENTRY;
	bool session = type == BPF_TRACE_FSESSION_MULTI;
	struct link_object *l = NULL;
	struct hook **hooks = NULL;
	u64 *cookies = NULL;
	u32 *ids = NULL;

	*err = -EINVAL;
	if (attr->link_create.flags || attr->link_create.target_fd || !uids || !n || !p->attach_btf)
		return NULL;
	*err = -E2BIG;
	if (n > MULTI_MAX)
		return NULL;
	*err = read_u64s(c->sys, attr->link_create.tracing_multi.cookies, n, &cookies);
	if (*err)
		return NULL;
	*err = -ENOMEM;
	ids = mem_alloc(n * sizeof(*ids));
	hooks = mem_zalloc(2 * n * sizeof(struct hook *));
	if (!ids || !hooks)
		goto out;
	*err = user_read(c->sys, ids, uids, n * sizeof(*ids));
	if (!*err)
		*err = functions_by_id(c->sys, p, ids, n, kind, hooks);
	if (!*err && session)
		*err = functions_by_id(c->sys, p, ids, n, HOOK_FEXIT, hooks + n);
	if (!*err)
		l = link_attach_tracing_multi(c->sys, p, hooks, ids, cookies, n, err);
out:
	mem_free(hooks);
	mem_free(ids);
	mem_free(cookies);
	return l;
}

/* The file whose functions are meant: by its path, or since 7.2 by a descriptor. 0 or -errno. */
static int uprobe_path(struct call *c, char *path, size_t size)
{
	const union bpf_attr *attr = c->attr;
	bool by_fd = attr->link_create.uprobe_multi.flags & BPF_F_UPROBE_MULTI_PATH_FD;
	char own[64];
	ssize_t n;
	long len;
	int fd;

	if (!by_fd) {
		len = user_read_str(c->sys, path, attr->link_create.uprobe_multi.path, size);
		return len == -EFAULT ? -EFAULT : len < 0 ? -EINVAL : 0;
	}
	fd = caller_take_fd((int)attr->link_create.uprobe_multi.path_fd);
	if (fd < 0)
		return -EBADF;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	n = readlink(own, path, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	path[n] = 0;
	return 0;
}

struct link_object *attach_uprobe_multi(struct call *c, struct prog_object *p, int *err)
{
	const union bpf_attr *attr = c->attr;
	u32 flags = attr->link_create.uprobe_multi.flags, n = attr->link_create.uprobe_multi.cnt;
	u64 *offsets = NULL, *refs = NULL, *cookies = NULL;
	bool returns = flags & BPF_F_UPROBE_MULTI_RETURN;
	bool session = p->prog->expected_attach_type == BPF_TRACE_UPROBE_SESSION;
	s32 pid = (s32)attr->link_create.uprobe_multi.pid;
	struct link_object *l = NULL;
	struct hook **hooks = NULL;
	u32 known = BPF_F_UPROBE_MULTI_RETURN;
	char path[PATH_MAX];

	if (visible(c->sys->profile, KVER(7, 2)))
		known |= BPF_F_UPROBE_MULTI_PATH_FD;
	*err = -EINVAL;
	if ((!session && p->prog->expected_attach_type != BPF_TRACE_UPROBE_MULTI) ||
	    (session && returns) || flags & ~known ||
	    (!attr->link_create.uprobe_multi.path && !(flags & BPF_F_UPROBE_MULTI_PATH_FD)) ||
	    (attr->link_create.uprobe_multi.path_fd && !(flags & BPF_F_UPROBE_MULTI_PATH_FD)) ||
	    !attr->link_create.uprobe_multi.offsets || !n || pid < 0)
		return NULL;
	*err = -E2BIG;
	if (n > MULTI_MAX)
		return NULL;
	*err = uprobe_path(c, path, sizeof(path));
	if (*err)
		return NULL;
	*err = read_u64s(c->sys, attr->link_create.uprobe_multi.offsets, n, &offsets);
	if (!*err)
		*err = read_u64s(c->sys, attr->link_create.uprobe_multi.ref_ctr_offsets, n, &refs);
	if (!*err)
		*err = read_u64s(c->sys, attr->link_create.uprobe_multi.cookies, n, &cookies);
	if (*err)
		goto out;
	*err = uprobe_check_file(path);
	if (*err == -EINVAL)
		*err = -EBADF; /* no regular file: Linux's errno here */
	if (!*err && pid && kill(pid, 0) && errno == ESRCH)
		*err = -ESRCH;
	if (*err)
		goto out;
	*err = -ENOMEM;
	hooks = mem_zalloc(2 * n * sizeof(*hooks));
	if (!hooks)
		goto out;
	*err = 0;
	for (u32 i = 0; i < (session ? 2 * n : n) && !*err; i++)
		hooks[i] = hook_uprobe_get(c->sys, returns || i >= n ? HOOK_URETPROBE : HOOK_UPROBE,
					   path, offsets[i % n], refs ? refs[i % n] : 0, err);
	if (!*err)
		l = link_attach_uprobe_multi(c->sys, p, hooks, cookies, n, flags, (u32)pid, err);
out:
	mem_free(hooks);
	mem_free(offsets);
	mem_free(refs);
	mem_free(cookies);
	return l;
}
