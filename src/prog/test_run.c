/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_PROG_TEST_RUN (Linux: net/bpf/test_run.c): repetition, the caller's buffers, and
 * the types whose context is plain memory. Packets: test_run_xdp.c, test_run_skb.c.
 * Differs knowingly: no signal ends a long repetition.
 */
#include "prog/test_run_io.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define MAX_BPF_FUNC_ARGS 12
#define ATTR(member)	  offsetof(union bpf_attr, test.member)

static u64 now(const struct skep_system *sys)
{
	return sys->platform->ktime_ns(CLOCK_MONOTONIC);
}

/* The first of many repetitions are compared: each copies the maps twice. */
#define COMPARED_RUNS 4

/* Run number @nr. 0 or -errno. */
static int run_once(struct skep_system *sys, struct prog_object *obj, void *ctx, struct test_run *t,
		    struct bpf_run *run, u32 nr)
{
	u64 ret;
	int err;

	if (unlikely(sys->jit_mode == JIT_COMPARE) && t->block.at && nr < COMPARED_RUNS) {
		err = prog_run_compare(sys, obj, ctx, run, &t->block, &ret);
		t->retval = (u32)ret;
		return err;
	}
	t->retval = (u32)bpf_prog_run(obj->prog, ctx, run);
	return 0;
}

int test_run_repeat(struct skep_system *sys, struct prog_object *prog, void *ctx,
		    struct test_run *t, struct bpf_run *run)
{
	u32 repeat = t->attr->test.repeat ? t->attr->test.repeat : 1;
	u64 start, spent;
	int err = 0;

	slot_claim(sys->arena, sys->platform, run);
	map_storages_reset(prog, run);
	start = now(sys);
	for (u32 i = 0; i < repeat && !err; i++) {
		memset(&run->redirect, 0, sizeof(run->redirect));
		if (t->before)
			t->before(ctx);
		err = run_once(sys, prog, ctx, t, run, i);
		if (t->after)
			t->after(ctx, t->retval);
	}
	spent = (now(sys) - start) / repeat;
	sys->counted_insns = run->insns / repeat;
	slot_release(run);
	t->duration = spent > UINT32_MAX ? UINT32_MAX : (u32)spent;
	return err;
}

/* What the caller gave beyond @size must be zero (Linux: bpf_check_uarg_tail_zero()). */
static int tail_is_zero(struct skep_system *sys, u64 addr, u32 size, u32 actual)
{
	u8 tail[PAGE_BYTES];

	if (actual > PAGE_BYTES)
		return -E2BIG;
	if (actual <= size)
		return 0;
	if (user_read(sys, tail, addr + size, actual - size))
		return -EFAULT;
	for (u32 i = 0; i < actual - size; i++)
		if (tail[i])
			return -E2BIG;
	return 0;
}

int test_run_read_ctx(struct skep_system *sys, const struct test_run *t, u32 size, void **out)
{
	u64 in = t->attr->test.ctx_in;
	u32 given = t->attr->test.ctx_size_in;
	void *ctx;
	int err;

	*out = NULL;
	if (!in && !t->attr->test.ctx_out)
		return 0;
	ctx = mem_zalloc(size);
	if (!ctx)
		return -ENOMEM;
	if (in) {
		err = tail_is_zero(sys, in, size, given);
		if (!err && user_read(sys, ctx, in, min(size, given)))
			err = -EFAULT;
		if (err) {
			mem_free(ctx);
			return err;
		}
	}
	*out = ctx;
	return 0;
}

int test_run_write_ctx(struct skep_system *sys, const struct test_run *t, const void *ctx, u32 size)
{
	u64 out = t->attr->test.ctx_out;
	u32 room = t->attr->test.ctx_size_out;

	if (!ctx || !out)
		return 0;
	if (user_write(sys, out, ctx, min(size, room)) ||
	    user_write(sys, t->uattr + ATTR(ctx_size_out), &size, sizeof(size)))
		return -EFAULT;
	return size > room ? -ENOSPC : 0;
}

static int write_results(struct skep_system *sys, const struct test_run *t, u32 size)
{
	if (user_write(sys, t->uattr + ATTR(data_size_out), &size, sizeof(size)) ||
	    user_write(sys, t->uattr + ATTR(retval), &t->retval, sizeof(t->retval)) ||
	    user_write(sys, t->uattr + ATTR(duration), &t->duration, sizeof(t->duration)))
		return -EFAULT;
	return 0;
}

/* Linux: trace_bpf_test_finish(&err), where programs may have changed it. */
static int finished(struct skep_system *sys, int err)
{
	u64 arg = (u64)&err;

	if (sys->raw_tp)
		sys->raw_tp(sys, "bpf_test_finish", &arg, 1);
	return err;
}

int test_run_write_data(struct skep_system *sys, const struct test_run *t,
			const struct test_run_part *parts, u32 n)
{
	u64 out = t->attr->test.data_out;
	u32 room = t->attr->test.data_size_out, size = 0, left, frags, at = 0;
	int err = 0;

	for (u32 i = 0; i < n; i++)
		size += parts[i].len;
	frags = size - parts[0].len;
	left = size;
	if (room && size > room) {
		left = room;
		err = -ENOSPC;
	}
	/* What is short is short of the linear part; without any of it, nothing goes out. */
	if (out && left < frags)
		return -ENOSPC;
	for (u32 i = 0; out && i < n; i++) {
		u32 len = i ? parts[i].len : left - frags;

		if (user_write(sys, out + at, parts[i].data, len)) {
			err = err ? err : -EFAULT; /* Linux: too little room goes first */
			goto out;
		}
		at += len;
	}
	if (write_results(sys, t, size) && !err)
		err = -EFAULT;
out:
	return finished(sys, err);
}

/* ---- contexts that are plain memory ---- */

/* Runs on CPU slot @cpu, moving this thread there. 0 or -ENXIO. */
static int run_on_cpu(struct skep_system *sys, struct prog_object *prog, void *ctx, u32 cpu,
		      struct test_run *t)
{
	struct bpf_run run = { .event = NULL };
	cpu_set_t old, one;
	int err = 0;

	if (cpu >= sys->arena->nr_slots || cpu >= CPU_SETSIZE)
		return -ENXIO;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_getaffinity(0, sizeof(old), &old) || sched_setaffinity(0, sizeof(one), &one))
		return -ENXIO;
	for (;;) {
		slot_claim(sys->arena, sys->platform, &run);
		if (run.cpu == cpu)
			break;
		slot_release(&run); /* somebody else was on it */
		sys->platform->yield();
	}
	err = run_once(sys, prog, ctx, t, &run, 0);
	slot_release(&run);
	if (sched_setaffinity(0, sizeof(old), &old))
		err = -ENXIO;
	return err;
}

int raw_tp_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	u64 args[MAX_BPF_FUNC_ARGS] = { 0 };
	struct bpf_run run = { .event = NULL };
	u32 size = a->test.ctx_size_in;
	int err = 0;

	if (a->test.data_in || a->test.data_out || a->test.ctx_out || a->test.duration ||
	    a->test.repeat || a->test.batch_size)
		return -EINVAL;
	if (size < prog->max_ctx_offset || size > sizeof(args))
		return -EINVAL;
	if (!(a->test.flags & BPF_F_TEST_RUN_ON_CPU) && a->test.cpu)
		return -EINVAL;
	if (size && user_read(sys, args, a->test.ctx_in, size))
		return -EFAULT;
	t->block = (struct compare_block){ args, sizeof(args) };
	if (a->test.flags & BPF_F_TEST_RUN_ON_CPU) {
		err = run_on_cpu(sys, prog, args, a->test.cpu, t);
	} else {
		slot_claim(sys->arena, sys->platform, &run);
		err = run_once(sys, prog, args, t, &run, 0);
		slot_release(&run);
	}
	if (!err && user_write(sys, t->uattr + ATTR(retval), &t->retval, sizeof(t->retval)))
		err = -EFAULT;
	return err;
}

/* Runs whatever is attached to the functions that the kernel has for it. */
int tracing_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	int err = -EFAULT;

	if (a->test.flags || a->test.cpu || a->test.batch_size)
		return -EINVAL;
	if (sys->test_functions)
		err = sys->test_functions(sys, prog->prog->expected_attach_type, &t->retval);
	if (!err && user_write(sys, t->uattr + ATTR(retval), &t->retval, sizeof(t->retval)))
		err = -EFAULT;
	return finished(sys, err);
}

int syscall_test_run(struct skep_system *sys, struct prog_object *prog, struct test_run *t)
{
	const union bpf_attr *a = t->attr;
	struct bpf_run run = { .event = NULL };
	u32 size = a->test.ctx_size_in;
	void *ctx = NULL;
	int err = 0;

	if (a->test.data_in || a->test.data_out || a->test.ctx_out || a->test.duration ||
	    a->test.repeat || a->test.flags || a->test.batch_size)
		return -EINVAL;
	if (size < prog->max_ctx_offset || size > UINT16_MAX)
		return -EINVAL;
	if (size) {
		ctx = mem_alloc(size);
		if (!ctx)
			return -ENOMEM;
		if (user_read(sys, ctx, a->test.ctx_in, size)) {
			err = -EFAULT;
			goto out;
		}
	}
	slot_claim(sys->arena, sys->platform, &run);
	t->block = (struct compare_block){ ctx, size };
	err = run_once(sys, prog, ctx, t, &run, 0);
	slot_release(&run);
	if (err)
		goto out;
	if (user_write(sys, t->uattr + ATTR(retval), &t->retval, sizeof(t->retval)) ||
	    (size && user_write(sys, a->test.ctx_in, ctx, size)))
		err = -EFAULT;
out:
	mem_free(ctx);
	return err;
}
