/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * poll(2) and select(2) of rings (Linux: perf_poll(), ringbuf_map_poll_kern()). The descriptor of a ring is
 * one of a memfd, which the kernel takes for always ready. A call that names a ring is waited for here, on
 * descriptors of ours for all that it names; every other one is the kernel's.
 *
 * A task in a notified call is not interrupted by signals (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), so we look
 * now and then whether one waits for it, and end the call as Linux would.
 * DIFF(poll-mask): ppoll() and pselect() with a signal mask find rings always ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command/command.h"
#include "daemon/daemon.h"
#include "event/lirc.h"

#define FDS_MAX	       256
#define SLICE_MS       20 /* between two looks at signals */
#define ERESTARTNOHAND 514

struct waiting {
	struct request *r;
	struct pollfd theirs[FDS_MAX]; /* as the task numbers them */
	struct pollfd ours[FDS_MAX + 1];
	bool ring[FDS_MAX];
	u32 n;
	int epoll; /* edges of rings' eventfds: they stay readable */
};

/* Whether a signal would end the wait of a task outside of ours. */
static bool signal_waits(u32 tid)
{
	unsigned long long own, shared, blocked, ignored, caught, pending;
	const unsigned long long harmless = 1ULL << (SIGCHLD - 1) | 1ULL << (SIGURG - 1) |
					    1ULL << (SIGWINCH - 1) | 1ULL << (SIGCONT - 1);
	char path[32], buf[4096], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	p = strstr(buf, "\nSigPnd:");
	if (!p || sscanf(p,
			 "\nSigPnd:\t%llx\nShdPnd:\t%llx\nSigBlk:\t%llx\nSigIgn:\t%llx\n"
			 "SigCgt:\t%llx",
			 &own, &shared, &blocked, &ignored, &caught) != 5)
		return false;
	pending = (own | shared) & ~blocked & ~ignored;
	return pending & ~(harmless & ~caught);
}

/* Descriptors of ours for all of theirs; false: no ring is among them. */
static bool prepare(struct waiting *w)
{
	struct skep_system *sys = w->r->sys;
	bool any = false;
	int wake;

	for (u32 i = 0; i < w->n; i++) {
		w->ring[i] = w->theirs[i].fd >= 0 && ring_events(sys, w->theirs[i].fd, NULL) >= 0;
		any |= w->ring[i];
		w->ours[i] = (struct pollfd){ .fd = -1 };
		w->theirs[i].revents = 0;
	}
	if (!any)
		return false;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (u32 i = 0; i < w->n; i++) {
		struct epoll_event edge = { .events = EPOLLIN | EPOLLET };

		if (w->theirs[i].fd < 0)
			continue;
		if (!w->ring[i]) {
			w->ours[i].fd = caller_take_fd(w->theirs[i].fd);
			w->ours[i].events = w->theirs[i].events;
			if (w->ours[i].fd < 0)
				w->theirs[i].revents = POLLNVAL;
			continue;
		}
		if (ring_events(sys, w->theirs[i].fd, &wake) >= 0 && wake >= 0)
			epoll_ctl(w->epoll, EPOLL_CTL_ADD, wake, &edge);
	}
	w->ours[w->n] = (struct pollfd){ .fd = w->epoll, .events = POLLIN };
	return true;
}

/* Takes over what poll() has said, and looks at the rings. How many are ready. */
static int count_ready(struct waiting *w)
{
	int n = 0, events;

	for (u32 i = 0; i < w->n; i++) {
		if (w->ring[i]) {
			events = ring_events(w->r->sys, w->theirs[i].fd, NULL);
			w->theirs[i].revents =
				events < 0 ? POLLNVAL : (short)(events & w->theirs[i].events);
		} else if (w->ours[i].fd >= 0) {
			w->theirs[i].revents = w->ours[i].revents;
		}
		n += w->theirs[i].revents != 0;
	}
	return n;
}

/* The number of descriptors that are ready, or -errno. @due: in monotonic ns; 0: never. */
static long wait_for(struct waiting *w, u64 due)
{
	struct epoll_event drained[16];
	int ready, ms = 0;
	u64 now;

	for (;;) {
		if (poll(w->ours, w->n + 1, ms) < 0 && errno != EINTR)
			return -errno;
		if (w->ours[w->n].revents)
			epoll_wait(w->epoll, drained, ARRAY_SIZE(drained), 0);
		ready = count_ready(w);
		now = monotonic_ns();
		if (ready || (due && now >= due))
			return ready;
		if (!notify_waits(w->r))
			return -EINTR; /* it has died */
		if (signal_waits(w->r->caller.tid))
			return -ERESTARTNOHAND;
		ms = SLICE_MS;
		if (due && due - now < SLICE_MS * 1000000ULL)
			ms = (int)((due - now + 999999) / 1000000);
	}
}

static void finish(struct waiting *w)
{
	for (u32 i = 0; i < w->n; i++)
		if (w->ours[i].fd >= 0)
			close(w->ours[i].fd);
	close(w->epoll);
}

/* When a wait of that long ends; 0: never. False: no time, or not to be read. */
static bool due_at(struct request *r, u64 address, u64 unit, u64 *due)
{
	s64 t[2];

	*due = 0;
	if (!address)
		return true;
	if (user_read(r->sys, t, address, sizeof(t)) || t[0] < 0 || t[1] < 0)
		return false;
	*due = monotonic_ns() + (u64)t[0] * 1000000000ULL + (u64)t[1] * unit;
	return true;
}

long poll_answer(struct request *r)
{
	struct waiting *w;
	u64 size, due = 0;
	long result = ANSWER_CONTINUE;

	if (!r->sys->has_rings || r->no_rings || !r->args[1] || r->args[1] > FDS_MAX ||
	    (r->nr == SYS_ppoll && r->args[3]))
		return ANSWER_CONTINUE;
	w = mem_zalloc(sizeof(*w));
	if (!w)
		return ANSWER_CONTINUE;
	w->r = r;
	w->n = (u32)r->args[1];
	size = w->n * sizeof(w->theirs[0]);
	if (r->nr == SYS_poll)
		due = (s32)r->args[2] < 0 ? 0 : monotonic_ns() + r->args[2] * 1000000ULL;
	if ((r->nr == SYS_ppoll && !due_at(r, r->args[2], 1, &due)) ||
	    user_read(r->sys, w->theirs, r->args[0], size) || !prepare(w))
		goto out;
	result = wait_for(w, due);
	finish(w);
	if (result >= 0 && user_write(r->sys, r->args[0], w->theirs, size))
		result = -EFAULT;
out:
	mem_free(w);
	return result;
}

/* ---- select() ---- */

#define SETS 3

static const short set_events[SETS] = { POLLIN, POLLOUT, POLLPRI };
/* Linux: POLLIN_SET and its like. */
static const short set_ready[SETS] = { POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
				       POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, POLLPRI };

long select_answer(struct request *r)
{
	u64 unit = r->nr == SYS_select ? 1000 : 1, due, sets[SETS][FD_SETSIZE / 64], size, now;
	struct waiting *w;
	u32 fds = (u32)r->args[0];
	long result = ANSWER_CONTINUE;

	if (!r->sys->has_rings || r->no_rings || !fds || fds > FD_SETSIZE ||
	    (r->nr == SYS_pselect6 && r->args[5]))
		return ANSWER_CONTINUE;
	w = mem_zalloc(sizeof(*w));
	if (!w)
		return ANSWER_CONTINUE;
	w->r = r;
	memset(sets, 0, sizeof(sets));
	size = round_up(fds, 64) / 8;
	for (u32 s = 0; s < SETS; s++)
		if (r->args[1 + s] && user_read(r->sys, sets[s], r->args[1 + s], size))
			goto out;
	for (u32 fd = 0; fd < fds; fd++) {
		short events = 0;

		for (u32 s = 0; s < SETS; s++)
			if (sets[s][fd / 64] >> (fd % 64) & 1)
				events |= set_events[s];
		if (events && w->n == FDS_MAX)
			goto out;
		if (events)
			w->theirs[w->n++] = (struct pollfd){ .fd = (int)fd, .events = events };
	}
	if (!due_at(r, r->args[4], unit, &due) || !prepare(w))
		goto out;
	result = wait_for(w, due);
	finish(w);
	if (result < 0)
		goto out;
	memset(sets, 0, sizeof(sets));
	result = 0;
	for (u32 i = 0; i < w->n; i++)
		for (u32 s = 0; s < SETS; s++) {
			const struct pollfd *p = &w->theirs[i];

			if (p->revents & POLLNVAL)
				result = -EBADF;
			if (!(p->events & set_events[s]) || !(p->revents & set_ready[s]) ||
			    result < 0)
				continue;
			sets[s][p->fd / 64] |= 1ULL << (p->fd % 64);
			result++;
		}
	for (u32 s = 0; s < SETS && result >= 0; s++)
		if (r->args[1 + s] && user_write(r->sys, r->args[1 + s], sets[s], size))
			result = -EFAULT;
	if (r->args[4] && result >= 0) { /* Linux says what is left of the time */
		s64 t[2];

		now = monotonic_ns();
		t[0] = due > now ? (s64)((due - now) / 1000000000ULL) : 0;
		t[1] = due > now ? (s64)((due - now) % 1000000000ULL / unit) : 0;
		user_write(r->sys, r->args[4], t, sizeof(t));
	}
out:
	mem_free(w);
	return result;
}

/* ---- most calls name no ring: they are not worth a thread ---- */

#define FEW 16

bool poll_may_last(struct request *r)
{
	bool is_select = r->nr == SYS_select || r->nr == SYS_pselect6;
	u32 n = (u32)r->args[is_select ? 0 : 1], named = 0;
	u64 sets[SETS][FD_SETSIZE / 64] = { 0 };
	struct caller *before;
	struct pollfd fds[FEW];
	bool any = false;

	if (!READ_ONCE(r->sys->has_rings) && !lirc_count(r->sys))
		return false;
	if (is_select ? n > FD_SETSIZE : n > FEW)
		return true;
	before = caller_enter(&r->caller);
	for (u32 s = 0; is_select && s < SETS && !any; s++)
		any = r->args[1 + s] &&
		      user_read(r->sys, sets[s], r->args[1 + s], round_up(n, 64) / 8);
	for (u32 fd = 0; is_select && fd < n && !any; fd++)
		if ((sets[0][fd / 64] | sets[1][fd / 64] | sets[2][fd / 64]) >> (fd % 64) & 1) {
			any = named == FEW;
			if (!any)
				fds[named++].fd = (int)fd;
		}
	if (!is_select) {
		named = n;
		any = user_read(r->sys, fds, r->args[0], n * sizeof(fds[0]));
	}
	for (u32 i = 0; i < named && !any; i++) {
		any = fds[i].fd >= 0 && ring_events(r->sys, fds[i].fd, NULL) >= 0;
		if (fds[i].fd >= RECEIVER_FD_FIRST && fds[i].fd < RECEIVER_FD_END)
			receiver_listened(r, fds[i].fd);
	}
	caller_leave(before);
	if (!any)
		r->no_rings = true;
	return any;
}
