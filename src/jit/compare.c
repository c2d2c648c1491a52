/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Both engines on the same input. What a run can see of its surroundings goes through
 * the platform's table, so the first run's answers are logged there and given again
 * to the second; what it can change is the context's block and the pages of its maps,
 * which are copied before and put back between. Nothing like it exists in Linux.
 */
#include "object/compare.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "object/object.h"
#include "object/system.h"

struct region {
	const char *what;
	u8 *at, *before, *after;
	u64 len;
};

/*
 * The platform's functions have no argument that could carry the log, so it is found
 * through the thread: one comparison per thread at a time, set only during it.
 */
struct replay {
	const struct skep_platform *real;
	VEC(u64) log;
	size_t next;
	bool replaying;
};

static __thread struct replay *current;

/* The next answer of the log while replaying; else logs @fresh. */
static u64 answer(u64 (*fresh)(void *arg), void *arg)
{
	struct replay *r = current;
	u64 v;

	if (r->replaying && r->next < r->log.n)
		return r->log.v[r->next++];
	v = fresh(arg);
	/* a failed push shows as a difference of the runs, if it matters */
	if (!r->replaying)
		(void)vec_push(&r->log, v);
	return v;
}

static u64 fresh_ktime(void *arg)
{
	return current->real->ktime_ns(*(int *)arg);
}

static u64 logged_ktime(int clock)
{
	return answer(fresh_ktime, &clock);
}

static u64 fresh_random(void *arg)
{
	return current->real->random();
}

static u64 logged_random(void)
{
	return answer(fresh_random, NULL);
}

static u64 fresh_pid(void *arg)
{
	return current->real->pid_tgid();
}

static u64 logged_pid(void)
{
	return answer(fresh_pid, NULL);
}

/* What goes out goes out once, by the second run, which is the one that counts. */
static void once_trace(struct bpf_run *run, const char *line, u32 len)
{
	if (current->replaying)
		current->real->trace(run, line, len);
}

static void once_wake(void *ring)
{
	if (current->replaying)
		current->real->wake(ring);
}

static void regions_free(struct region *r, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		mem_free(r[i].before);
		mem_free(r[i].after);
	}
	mem_free(r);
}

static int region_add(struct region *r, u32 *n, const char *what, void *at, u64 len)
{
	if (!at || !len)
		return 0;
	r += (*n)++;
	r->what = what;
	r->at = at;
	r->len = len;
	r->before = mem_dup(at, len);
	return r->before ? 0 : -ENOMEM;
}

/* bpf_sys_bpf() makes objects and descriptors. */
static bool makes_objects(const struct prog_object *prog)
{
	for (u32 i = 0; i < prog->orig_len; i++)
		if (prog->orig_insns[i].code == (BPF_JMP | BPF_CALL) &&
		    !prog->orig_insns[i].src_reg && prog->orig_insns[i].imm == BPF_FUNC_sys_bpf)
			return true;
	return false;
}

/* Whether the run's effects can be taken back. */
static bool comparable(const struct prog_object *prog)
{
	u64 sum = 0;
	u32 i;

	if (prog->prog->type == BPF_PROG_TYPE_SYSCALL && makes_objects(prog))
		return false;

	for (i = 0; i < prog->nr_used_maps; i++) {
		const struct bpf_map *map = prog->used_maps[i]->map;

		if (map->map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			return false;
		sum += map->backed + map->client_size;
	}
	return prog->prog->entry && sum <= COMPARE_MAX;
}

static int disagree(struct skep_system *sys, const struct prog_object *prog, const char *what,
		    u64 at, u64 interp, u64 jit)
{
	int err = diag_set(&sys->last, DIAG_EXEC_DISAGREE, what, (unsigned long long)at,
			   (unsigned long long)interp, (unsigned long long)jit);

	sys->last.insn = -1;
	diag_render(&sys->last, sys->last_text, sizeof(sys->last_text));
	if (sys->log)
		sys->log(sys->log_arg, 0, sys->last_text);
	return err;
}

static int compare(struct skep_system *sys, const struct prog_object *prog, const struct region *r,
		   u32 n, u64 interp, u64 jit)
{
	u64 k;
	u32 i;

	if (interp != jit)
		return disagree(sys, prog, "R0", 0, interp, jit);
	for (i = 0; i < n; i++) {
		if (!memcmp(r[i].at, r[i].after, r[i].len))
			continue;
		for (k = 0; r[i].at[k] == r[i].after[k]; k++)
			;
		return disagree(sys, prog, r[i].what, k, r[i].after[k], r[i].at[k]);
	}
	return 0;
}

/*
 * Privileged programs may read stack that nobody wrote. Zeroes where both engines will
 * put it, so that what they find there is the same (but for what helpers leave).
 */
static __attribute__((noinline)) void wipe_stack(void)
{
	volatile u8 below[32 << 10];
	u32 i;

	for (i = 0; i < sizeof(below); i++)
		below[i] = 0;
}

/* Below what the frame of wipe_stack() itself leaves unwiped. */
static __attribute__((noinline)) u64 run_on_wiped_stack(const struct bpf_prog *prog, void *ctx,
							struct bpf_run *run)
{
	u8 above[256];
	u64 ret;

	__asm__ volatile("" : : "r"(above) : "memory");
	ret = bpf_prog_run(prog, ctx, run);
	__asm__ volatile("" : : "r"(above) : "memory"); /* no tail call: the gap stays */
	return ret;
}

int prog_run_compare(struct skep_system *sys, struct prog_object *prog, void *ctx,
		     struct bpf_run *run, const struct compare_block *block, u64 *ret)
{
	struct replay replay = { .real = run->platform };
	struct skep_platform logged = *run->platform;
	struct bpf_run first = *run;
	struct region *r = NULL;
	u32 n = 0, i;
	u64 interp;
	int err;

	if (!comparable(prog)) {
		*ret = bpf_prog_run(prog->prog, ctx, run);
		return 0;
	}
	err = -ENOMEM;
	r = mem_calloc(2 * prog->nr_used_maps + 1, sizeof(*r));
	if (!r)
		return err;
	err = region_add(r, &n, "context and packet", block->at, block->len);
	for (i = 0; !err && i < prog->nr_used_maps; i++) {
		struct bpf_map *map = prog->used_maps[i]->map;

		err = region_add(r, &n, map->name, map, map->backed);
		if (!err)
			err = region_add(r, &n, map->name, map->client, map->client_size);
	}
	if (err)
		goto out;
	logged.ktime_ns = logged_ktime;
	logged.random = logged_random;
	logged.pid_tgid = logged_pid;
	logged.trace = once_trace;
	logged.wake = once_wake;
	current = &replay;
	first.platform = &logged;
	first.interpret = 1;
	wipe_stack();
	interp = run_on_wiped_stack(prog->prog, ctx, &first);
	uptrs_leave(&first);
	for (i = 0; i < n; i++) {
		r[i].after = mem_dup(r[i].at, r[i].len);
		if (!r[i].after)
			err = -ENOMEM;
		memcpy(r[i].at, r[i].before, r[i].len);
	}
	replay.replaying = true;
	run->platform = &logged;
	wipe_stack();
	*ret = run_on_wiped_stack(prog->prog, ctx, run);
	run->platform = replay.real;
	current = NULL;
	if (!err)
		err = compare(sys, prog, r, n, interp, *ret);
	if (!err && memcmp(&first.redirect, &run->redirect, sizeof(run->redirect)))
		err = disagree(sys, prog, "redirect", 0, first.redirect.tgt_index,
			       run->redirect.tgt_index);
out:
	vec_free(&replay.log);
	regions_free(r, n);
	return err;
}
