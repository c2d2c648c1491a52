/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Security hooks that bpf(2) asks in the midst of a command (Linux: security/bpf/hooks.c, called from
 * kernel/bpf/syscall.c and token.c). The thread that answers the command has the supervisor's loop run the
 * programs, on behalf of the task that waits for the answer.
 */
#include <errno.h>
#include <string.h>

#include "command/iter.h"
#include "event/function.h"
#include "event/lsm.h"
#include "event/supervisor.h"
#include "object/caller.h"
#include "object/security.h"
#include "object/token.h"

#define OBJECTS 0x1e4f0 /* numbers of made-up objects that nobody else uses */

struct asked {
	const struct security_question *q;
	u32 tid;
	s32 ret;
};

static u32 row_of(enum security_hook hook)
{
	static const u16 rows[] = {
		[SECURITY_BPF_TOKEN_CREATE] = LSM_bpf_token_create,
		[SECURITY_BPF_TOKEN_CAPABLE] = LSM_bpf_token_capable,
		[SECURITY_BPF_TOKEN_CMD] = LSM_bpf_token_cmd,
		[SECURITY_BPF_MAP_CREATE] = LSM_bpf_map_create,
		[SECURITY_BPF_PROG_LOAD] = LSM_bpf_prog_load,
		[SECURITY_BPF_MAP] = LSM_bpf_map,
		[SECURITY_BPF_PROG] = LSM_bpf_prog,
	};

	return rows[hook];
}

static u64 put_token(struct iter_walk *w, const struct token_object *t)
{
	u64 at = t ? iter_object(w, "bpf_token", OBJECTS) : 0;

	if (!at)
		return 0;
	ITER_PUT(w, at, "refcnt.counter", (u64)1);
	ITER_PUT(w, at, "allowed_cmds", t->allowed.mask[DELEGATE_CMDS]);
	ITER_PUT(w, at, "allowed_maps", t->allowed.mask[DELEGATE_MAPS]);
	ITER_PUT(w, at, "allowed_progs", t->allowed.mask[DELEGATE_PROGS]);
	ITER_PUT(w, at, "allowed_attachs", t->allowed.mask[DELEGATE_ATTACHS]);
	return at;
}

/* A copy that ends with the task's call, which is being made. */
static u64 put_attr(struct task *t, const union bpf_attr *attr)
{
	u64 at = attr ? world_temp(t, "union bpf_attr") : 0;

	if (!attr)
		return 0;
	if (!at)
		return world_temp_bytes(t, attr, sizeof(*attr));
	world_set_bytes(t->sys, at, "", attr, sizeof(*attr));
	return at;
}

/* In the loop. */
static int run(struct skep_system *sys, void *arg)
{
	struct asked *a = arg;
	const struct security_question *q = a->q;
	struct task *t = task_find(sys, (pid_t)a->tid);
	struct iter_walk w = { .sys = sys };
	u64 args[4] = { 0 };
	u32 n = 0;

	if (!t || world_start(sys))
		return 0; /* not supervised: nobody decides about it */
	w.run.task = &t->bpf;
	w.run.arena = sys->arena;
	w.run.platform = sys->platform;
	switch (q->hook) {
	case SECURITY_BPF_TOKEN_CREATE:
		args[n++] = put_token(&w, q->token);
		args[n++] = put_attr(t, q->attr);
		args[n++] = world_path(t, (int)q->attr->token_create.bpffs_fd, ".", true);
		break;
	case SECURITY_BPF_TOKEN_CAPABLE:
	case SECURITY_BPF_TOKEN_CMD:
		args[n++] = put_token(&w, q->token);
		args[n++] = q->number;
		break;
	case SECURITY_BPF_MAP_CREATE:
		args[n++] = iter_map(&w, q->map);
		args[n++] = put_attr(t, q->attr);
		args[n++] = put_token(&w, q->token);
		n += visible(sys->profile, KVER(6, 16)); /* not by the kernel itself */
		break;
	case SECURITY_BPF_PROG_LOAD:
		args[n++] = iter_prog(&w, q->prog);
		args[n++] = put_attr(t, q->attr);
		args[n++] = put_token(&w, q->token);
		n += visible(sys->profile, KVER(6, 16));
		break;
	case SECURITY_BPF_MAP:
		args[n++] = iter_map(&w, q->map);
		args[n++] = q->number;
		break;
	case SECURITY_BPF_PROG:
		args[n++] = iter_prog(&w, q->prog);
		break;
	}
	a->ret = lsm_run(t, row_of(q->hook), args, n);
	return 0;
}

int lsm_bpf_ask(struct skep_system *sys, const struct security_question *q)
{
	const struct caller *c = caller_current();
	struct asked a = { .q = q };

	if (!lsm_active(sys, row_of(q->hook)) || !c || !sys->supervisor_ask)
		return 0;
	a.tid = c->tid;
	sys->supervisor_ask(sys, run, &a);
	return a.ret;
}
