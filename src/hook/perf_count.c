/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What perf events count, for bpf_perf_event_read() (Linux: kernel/events/core.c,
 * perf_event_read_local()). A clock of a CPU is read off the clock, by the helper. All else is
 * counted by an event of the machine's, opened in the caller's name, where it lets us; without it a
 * task's clock is what the scheduler says.
 */
#include "hook/perf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

struct perf_counter {
	int fd;		   /* the machine's event; -1: the scheduler's account of .ring->tid */
	u64 base, counted; /* ns, of the account: when it was enabled, and before that */
	bool on;
};

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec;
}

/* The kernel's answer: syscall() of a program linked with us is answered by src/front. */
static long host_open(const struct perf_event_attr *attr, long pid, long cpu)
{
	register long r10 __asm__("r10") = -1, r8 __asm__("r8") = PERF_FLAG_FD_CLOEXEC;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_perf_event_open), "D"(attr), "S"(pid), "d"(cpu), "r"(r10),
			   "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

static u64 account(u32 tid)
{
	char path[48], text[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/schedstat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return 0;
	text[n] = 0;
	return strtoull(text, NULL, 10);
}

/* An event of the machine's that counts what @attr says and never interrupts. */
static int open_host(const struct perf_event_attr *attr, u32 tid, s32 cpu)
{
	struct perf_event_attr a = *attr;

	a.size = sizeof(a);
	a.sample_type = 0;
	a.sample_period = 0;
	a.freq = 0;
	a.wakeup_events = 0;
	a.watermark = 0;
	a.disabled = 1;
	a.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return (int)host_open(&a, tid ? (long)tid : -1, cpu);
}

int perf_counter_open(struct perf_object *p, const struct perf_event_attr *attr, u32 tid)
{
	struct perf_ring *r = p->ring;
	bool clock = attr->type == PERF_TYPE_SOFTWARE && (attr->config == PERF_COUNT_SW_CPU_CLOCK ||
							  attr->config == PERF_COUNT_SW_TASK_CLOCK);
	struct perf_counter *c;
	int fd;

	r->counts = PERF_COUNTS_TIME;
	if (clock && !tid)
		return 0;
	fd = open_host(attr, tid, r->cpu);
	if (fd < 0 && !clock) /* what is refused by a filter is no answer of the kernel's */
		return fd == -EPERM || fd == -ENOSYS ? -ENOENT : fd;
	c = mem_zalloc(sizeof(*c));
	if (!c) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	c->fd = fd < 0 ? -1 : fd;
	r->counts = PERF_COUNTS_ASKED;
	p->counter = c;
	return 0;
}

void perf_counter_close(struct perf_object *p)
{
	if (p->counter && p->counter->fd >= 0)
		close(p->counter->fd);
	mem_free(p->counter);
	p->counter = NULL;
}

static void count(struct perf_counter *c, u32 tid, bool on)
{
	if (c->fd >= 0) {
		ioctl(c->fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
	} else if (on != c->on) {
		if (on)
			c->base = account(tid);
		else
			c->counted += account(tid) - c->base;
		c->on = on;
	}
}

void perf_counter_enable(struct perf_object *p, bool on)
{
	struct perf_ring *r = p->ring;

	relock_take(&p->obj.sys->lock);
	if (on != !!r->since) {
		u64 t = now();

		/* Readers look at both: odd while they change. */
		__atomic_add_fetch(&r->times, 1, __ATOMIC_SEQ_CST);
		if (!on)
			r->before += t - r->since;
		r->since = on ? t : 0;
		__atomic_add_fetch(&r->times, 1, __ATOMIC_SEQ_CST);
	}
	if (p->counter)
		count(p->counter, r->tid, on);
	relock_give(&p->obj.sys->lock);
}

void perf_counter_reset(struct perf_object *p)
{
	struct perf_ring *r = p->ring;
	u64 v[3] = { 0 };

	WRITE_ONCE(r->count, 0);
	if (p->counter && p->counter->fd >= 0) {
		ioctl(p->counter->fd, PERF_EVENT_IOC_RESET, 0);
		return;
	}
	if (p->counter)
		perf_counter_read(p, v);
	relock_take(&p->obj.sys->lock);
	/* The count begins again, the times go on. */
	r->reset = p->counter ? r->reset + v[0] : r->before + (r->since ? now() - r->since : 0);
	relock_give(&p->obj.sys->lock);
}

int perf_counter_read(struct perf_object *p, u64 v[3])
{
	const struct perf_counter *c = p->counter;

	if (!c)
		return -EINVAL;
	if (c->fd >= 0)
		return read(c->fd, v, 3 * sizeof(*v)) == 3 * sizeof(*v) ? 0 : -EINVAL;
	v[1] = v[2] = c->counted + (c->on ? account(p->ring->tid) - c->base : 0);
	v[0] = v[1] - p->ring->reset;
	return 0;
}
