/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The threads of one tree of processes: one answers the calls that its filter holds, the other sees the
 * last process end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"

static void say(const struct session *s, const char *text)
{
	if (s->message_fd >= 0)
		(void)!write(s->message_fd, text, strlen(text));
}

void session_say_once(struct session *s, u32 what, const char *text)
{
	if (!(__atomic_fetch_or(&s->said, what, __ATOMIC_SEQ_CST) & what))
		say(s, text);
}

/* No process is left. */
static void session_end(struct session *s)
{
	struct instance *inst = s->instance;
	struct daemon *d = inst->daemon;

	while (load_acquire(&s->workers))
		usleep(1000);
	pthread_mutex_lock(&d->lock);
	s->over = true;
	pthread_mutex_unlock(&d->lock);
	/* Linux knows of nobody any more: the supervisor will in a moment. */
	while (s->loose && s->process && skep_process_wait(s->process, true, 1000, NULL) == -EAGAIN)
		;
	skep_process_free(s->process);
	if (s->taken_fd >= 0)
		close(s->taken_fd);
	if (s->listener >= 0)
		close(s->listener);
	if (s->pidfd > 0)
		close(s->pidfd);
	members_free(s);
	vec_free(&s->stand_ins);
	gifts_drop(s);
	if (s->message_fd >= 0)
		close(s->message_fd);
	pthread_mutex_lock(&d->lock);
	for (struct session **p = &inst->sessions; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	pthread_mutex_unlock(&d->lock);
	mem_free(s);
	daemon_wake(d);
}

/*
 * Waits in the listener alone: a call costs one wait. That there will be no more is what watch() finds
 * out, whose signal ends the wait.
 */
static void *receive(void *arg)
{
	struct pollfd listener = { .fd = ((struct session *)arg)->listener };
	struct session *s = arg;
	struct request r;
	int err;

	while (!load_acquire(&s->ending)) {
		err = notify_receive(s, &r);
		if (!err)
			calls_answer(&r);
		else if (err != -EINTR && poll(&listener, 1, 0) > 0)
			poll(NULL, 0, 10); /* no process has the filter any more */
	}
	store_release(&s->ended, true);
	return NULL;
}

static void receive_end(struct session *s)
{
	store_release(&s->ending, true);
	while (!load_acquire(&s->ended)) {
		pthread_kill(s->receiver, SESSION_SIGNAL);
		usleep(1000);
	}
	pthread_join(s->receiver, NULL);
}

static void *watch(void *arg)
{
	struct session *s = arg;
	struct pollfd fds[] = {
		{ .fd = s->listener }, /* POLLHUP */
		{ .fd = s->process ? skep_process_fd(s->process) : s->taken_fd, .events = POLLIN },
	};
	bool taken = s->process;
	eventfd_t drained;
	int err;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents) {
			fds[0].fd = -1;
			if (s->loose)
				break;
		}
		if (!fds[1].revents)
			continue;
		if (!taken) {
			taken = true;
			fds[1].fd = skep_process_fd(load_acquire(&s->process));
			continue;
		}
		if (s->loose)
			eventfd_read(fds[1].fd, &drained);
		err = skep_process_wait(s->process, true, 0, NULL);
		if (err == -ECHILD)
			say(s, "skep: the supervisor has been killed: the processes that it "
			       "watched are ended\n");
		/* Others of it may be left that are another tracer's: the listener tells. */
		if (s->loose && err != -ECHILD)
			poll(NULL, 0, 10);
		else if (err != -EAGAIN)
			break;
	}
	receive_end(s);
	session_end(s);
	return NULL;
}

/* In the supervisor, when the daemon has been killed: what it traced has its own end. */
static void orphaned(void *arg, const char *line)
{
	struct instance *inst = arg;

	for (struct session *s = inst->sessions; s; s = s->next) {
		if (!s->loose)
			continue;
		if (!s->process)
			say(s, line);
		for (int i = 0; i < 3; i++) /* who was born meanwhile, too */
			members_signal(s, SIGKILL);
	}
}

void session_owns(struct session *s, struct skep_process *p)
{
	p->owner = s;
	store_release(&p->regift, intercept_regift);
	store_release(&p->gift, intercept_gift);
	store_release(&p->elsewhere, intercept_elsewhere);
	store_release(&p->intercept, intercept_call);
}

int session_start(struct instance *inst, const struct session_opts *o)
{
	struct session *s = mem_zalloc(sizeof(*s));
	struct skep_process *process = o->process;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct session){ .instance = inst,
			       .process = process,
			       .pid = o->pid,
			       .listener = o->listener,
			       .message_fd = o->message_fd,
			       .root = o->root,
			       .confined = o->confined,
			       .receivers = o->receivers,
			       .loose = !process,
			       .hidden = !process && !o->plain,
			       .taken_fd = -1 };
	if (o->plain)
		memcpy(s->plain, o->plain, sizeof(s->plain));
	if (s->loose && !s->hidden)
		s->taken_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->gifts_lock, NULL);
	pthread_mutex_init(&s->members_lock, NULL);
	members_note(s, (u32)o->pid);
	notify_tune(o->listener);
	inst->sys->supervisor->orphaned_arg = inst;
	store_release(&inst->sys->supervisor->orphaned, orphaned);
	if (process)
		session_owns(s, process);
	pthread_mutex_lock(&inst->daemon->lock);
	s->next = inst->sessions;
	inst->sessions = s;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = -pthread_create(&s->receiver, NULL, receive, s);
	if (!err) {
		err = -pthread_create(&thread, &attr, watch, s);
		if (err)
			receive_end(s);
	}
	pthread_attr_destroy(&attr);
	if (err)
		inst->sessions = s->next;
	pthread_mutex_unlock(&inst->daemon->lock);
	if (err) {
		if (process) {
			store_release(&process->intercept, NULL);
			store_release(&process->regift, NULL);
			store_release(&process->gift, NULL);
			store_release(&process->elsewhere, NULL);
		}
		mem_free(s);
	}
	return err;
}
