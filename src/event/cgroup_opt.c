/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * getsockopt(2) and setsockopt(2) that programs of the task's cgroup decide on (Linux:
 * __cgroup_bpf_run_filter_setsockopt() and _getsockopt() in kernel/bpf/cgroup.c).
 *
 * What is set goes to the socket from a copy, when a program has changed it or others could.
 * Options whose value holds addresses or descriptors of the task are the kernel's as they are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "event/cgroup_run.h"
#include "event/decide.h"
#include "event/process.h"

#define PAGE	 4096
#define LEAST	 16 /* room that programs have in any case for what is set */
#define OPT_BULK PAGE

/* Its value refers to more of the task than its bytes. */
static bool has_pointers(u32 level, u32 name)
{
	switch (level) {
	case SOL_SOCKET:
		return name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF ||
		       name == SO_ATTACH_REUSEPORT_CBPF || name == SO_ATTACH_REUSEPORT_EBPF;
	case IPPROTO_IP:
	case IPPROTO_IPV6:
		return name >= 64 && name < 80; /* netfilter's tables */
	}
	return false;
}

static void result_is(struct task *t, long ret)
{
	t->call.skip = true;
	t->call.ret = ret;
}

static void set_here(struct task *t, struct cgroup_sock *s, const struct bpf_sockopt *ctx,
		     const void *value, u32 len)
{
	int err = decide_as_task(t);

	if (!err) {
		err = setsockopt(s->fd, ctx->level, ctx->optname, value, len) ? -errno : 0;
		decide_as_self(t);
	}
	result_is(t, err);
}

static void set_enter(struct task *t)
{
	const struct task_call *c = &t->call;
	u8 buf[OPT_BULK], before[OPT_BULK];
	struct bpf_sockopt ctx = { 0 };
	int len = (int)c->args[4];
	struct cgroup_sock s;
	u32 room, size;
	bool changed;
	s32 ret;

	if (len < 0 || !cgroup_decides(t, BPF_CGROUP_SETSOCKOPT))
		return;
	ret = cgroup_sock_open(t, (int)c->args[0], &s);
	if (ret == -EPERM)
		result_is(t, -EPERM); /* nobody can decide */
	if (ret)
		return;
	room = min_t(u32, max_t(u32, (u32)len, LEAST), OPT_BULK);
	size = min_t(u32, (u32)len, room);
	memset(buf, 0, sizeof(buf));
	if (size && task_read(t, buf, c->args[3], size)) {
		result_is(t, -EFAULT);
		goto out;
	}
	memcpy(before, buf, sizeof(buf));
	ctx.sk = &s.sk.u;
	ctx.level = (s32)c->args[1];
	ctx.optname = (s32)c->args[2];
	ctx.optlen = len;
	ctx.optval = buf;
	ctx.optval_end = buf + room;
	ret = cgroup_run_task(t, BPF_CGROUP_SETSOCKOPT, &ctx, 0, NULL);
	if (ret < 0) {
		result_is(t, ret);
		goto out;
	}
	cgroup_sock_apply(&s);
	if (ctx.optlen == -1) { /* done with */
		result_is(t, 0);
		goto out;
	}
	if (ctx.optlen > (s32)room || ctx.optlen < -1) {
		if (len > OPT_BULK && ctx.optlen >= 0)
			goto out; /* longer than what programs can see: as it is */
		result_is(t, -EFAULT);
		goto out;
	}
	if (has_pointers((u32)ctx.level, (u32)ctx.optname))
		goto out;
	/* Length 0: what the task has written. */
	if (!ctx.optlen) {
		ctx.optlen = len;
		memcpy(buf, before, sizeof(buf));
	}
	changed = ctx.level != (s32)c->args[1] || ctx.optname != (s32)c->args[2] ||
		  ctx.optlen != len || memcmp(buf, before, sizeof(buf));
	if (changed || (size && decide_may_change(t, c->args[3], size)))
		set_here(t, &s, &ctx, buf, (u32)ctx.optlen);
out:
	cgroup_sock_close(&s);
}

/*
 * The length that the call gives back can be more than the room that there was: that is kept
 * from its entry on.
 */
static void get_enter(struct task *t)
{
	int room;

	t->call.room = 0;
	if (!cgroup_decides(t, BPF_CGROUP_GETSOCKOPT) ||
	    task_read(t, &room, t->call.args[4], sizeof(room)) || room < 0)
		return;
	t->call.room = (u32)room + 1;
}

static void get_exit(struct task *t)
{
	struct cgroup_result result = { .ctx_retval = NULL };
	struct task_call *c = &t->call;
	struct bpf_sockopt ctx = { 0 };
	u32 room = c->room - 1, max;
	struct cgroup_sock s;
	u8 buf[OPT_BULK];
	bool nowhere = !c->args[3]; /* the length alone is asked for */
	int len = (int)room;
	s32 ret;

	if (!c->room || cgroup_sock_open(t, (int)c->args[0], &s))
		return;
	memset(buf, 0, sizeof(buf));
	if (!c->ret && (task_read(t, &len, c->args[4], sizeof(len)) || len < 0)) {
		c->ret = -EFAULT;
		goto out;
	}
	max = min_t(u32, room, OPT_BULK);
	if (!c->ret && len && max && task_read(t, buf, c->args[3], min_t(u32, (u32)len, max))) {
		c->ret = -EFAULT;
		goto out;
	}
	ctx.sk = &s.sk.u;
	ctx.level = (s32)c->args[1];
	ctx.optname = (s32)c->args[2];
	ctx.optlen = len;
	ctx.optval = buf;
	ctx.optval_end = buf + max;
	ctx.retval = (s32)c->ret;
	result.ctx_retval = &ctx.retval;
	ret = cgroup_run_task(t, BPF_CGROUP_GETSOCKOPT, &ctx, (s32)c->ret, &result);
	if (!result.ran)
		goto out;
	if (ret < 0) {
		c->ret = ret;
		goto out;
	}
	if (!nowhere && (ctx.optlen > (s32)max || ctx.optlen < 0)) {
		if (len > OPT_BULK && ctx.optlen >= 0)
			goto out;
		c->ret = -EFAULT;
		goto out;
	}
	c->ret = ret;
	if (ctx.optlen && ((!nowhere && task_write(t, c->args[3], buf, (u32)ctx.optlen)) ||
			   task_write(t, c->args[4], &ctx.optlen, sizeof(ctx.optlen))))
		c->ret = -EFAULT;
out:
	cgroup_sock_close(&s);
}

static u32 wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_setsockopt:
		return cgroup_in_use(sys, BPF_CGROUP_SETSOCKOPT) ? WANT_ENTER : 0;
	case SYS_getsockopt:
		return cgroup_in_use(sys, BPF_CGROUP_GETSOCKOPT) ? WANT_ENTER | WANT_EXIT : 0;
	}
	return 0;
}

static void enter(struct task *t)
{
	if (t->call.compat || t->call.skip || !t->sys->cgroups)
		return;
	if (t->call.nr == SYS_setsockopt)
		set_enter(t);
	else if (t->call.nr == SYS_getsockopt)
		get_enter(t);
}

static void leave(struct task *t)
{
	if (!t->call.compat && t->call.nr == SYS_getsockopt && t->sys->cgroups)
		get_exit(t);
}

const struct process_source cgroup_opt_source = {
	.name = "cgroup_opt",
	.wants = wants,
	.enter = enter,
	.exit = leave,
};
