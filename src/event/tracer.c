/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The tracer: being written; refuses until then. */
#include <errno.h>

#include "event/process.h"
#include "skep/skep.h"

int tracer_step(struct task *t)
{
	(void)t;
	return -ENOSYS;
}

int tracer_interrupt(struct task *t, void (*fn)(struct task *t, void *arg), void *arg)
{
	(void)t, (void)fn, (void)arg;
	return -ENOSYS;
}

long tracer_inject(struct task *t, u64 nr, const u64 args[6])
{
	(void)t, (void)nr, (void)args;
	return -ENOSYS;
}

int tracer_timer(struct skep_system *sys, u64 ns, void (*fn)(struct skep_system *sys, void *arg),
		 void *arg)
{
	(void)sys, (void)ns, (void)fn, (void)arg;
	return -ENOSYS;
}

int skep_spawn(struct skep_system *sys, const char *file, char *const argv[],
	       const struct skep_spawn_opts *opts, struct skep_process **out, char *error,
	       size_t error_size)
{
	(void)sys, (void)file, (void)argv, (void)opts, (void)out, (void)error, (void)error_size;
	return -ENOSYS;
}

int skep_attach(struct skep_system *sys, int pid, struct skep_process **out, char *error,
		size_t error_size)
{
	(void)sys, (void)pid, (void)out, (void)error, (void)error_size;
	return -ENOSYS;
}

int skep_process_pid(const struct skep_process *p)
{
	(void)p;
	return -ENOSYS;
}

int skep_process_fd(const struct skep_process *p)
{
	(void)p;
	return -ENOSYS;
}

int skep_process_wait(struct skep_process *p, bool all, int timeout_ms, int *status)
{
	(void)p, (void)all, (void)timeout_ms, (void)status;
	return -ENOSYS;
}

int skep_process_kill(struct skep_process *p, int sig)
{
	(void)p, (void)sig;
	return -ENOSYS;
}

int skep_process_detach(struct skep_process *p)
{
	(void)p;
	return -ENOSYS;
}

int skep_process_stats(const struct skep_process *p, struct skep_process_stats *out)
{
	(void)p, (void)out;
	return -ENOSYS;
}

void skep_process_report(struct skep_process *p, void (*emit)(void *arg, const char *line),
			 void *arg)
{
	(void)p, (void)emit, (void)arg;
}

void skep_process_free(struct skep_process *p)
{
	(void)p;
}
