/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Sleeping for a time (Linux: kernel/time/hrtimer.c, posix-timers.c). */
#include <sys/syscall.h>
#include <time.h>

#include "event/function.h"

enum { SLEEP_ABSOLUTE, SLEEP_RELATIVE }; /* enum hrtimer_mode */

static u64 sleep_clock(struct call_model *m)
{
	return m->t->call.nr == SYS_nanosleep ? CLOCK_MONOTONIC : as_int(arg0(m));
}

static u64 sleep_mode(struct call_model *m)
{
	return m->t->call.nr == SYS_clock_nanosleep && arg1(m) & TIMER_ABSTIME ? SLEEP_ABSOLUTE :
										 SLEEP_RELATIVE;
}

static bool sleep_time(struct call_model *m, struct timespec *ts)
{
	u64 at = m->t->call.nr == SYS_nanosleep ? arg0(m) : arg2(m);

	return !task_read(m->t, ts, at, sizeof(*ts)) && ts->tv_sec >= 0 && ts->tv_nsec >= 0 &&
	       ts->tv_nsec < 1000000000;
}

static u64 sleep_ns(struct call_model *m)
{
	struct timespec ts;

	if (!sleep_time(m, &ts))
		return 0;
	return ts.tv_sec >= INT64_MAX / 1000000000 ? INT64_MAX :
						     (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static bool sleeps(struct call_model *m)
{
	struct timespec ts;

	switch ((s32)sleep_clock(m)) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return sleep_time(m, &ts);
	}
	return false; /* those of CPU time and of alarms are others' */
}

/* On the kernel's stack: it is there for as long as the sleep lasts. */
static u64 sleeper(struct call_model *m)
{
	u64 at = world_temp(m->t, "struct hrtimer_sleeper");

	world_set(m->t->sys, at, "task", world_task(m->t));
	return at;
}

static const struct step sleep_steps[] = {
	STEP(hrtimer_nanosleep, 1, STEP_ENTRY, sleeps, call_ret,
	     { sleep_ns, sleep_mode, sleep_clock }),
	STEP(do_nanosleep, 2, STEP_ENTRY, sleeps, call_ret, { sleeper, sleep_mode }),
};

const struct call_path *time_path(u32 nr)
{
	static const struct call_path sleep_path = PATH(sleep_steps);

	return nr == SYS_nanosleep || nr == SYS_clock_nanosleep ? &sleep_path : NULL;
}
