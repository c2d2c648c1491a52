/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * trace_pipe: the lines of bpf_trace_printk() for whoever reads them (Linux: kernel/trace/trace.c).
 * Readers get pipes. What nobody has read yet is kept, the newest 64 KiB of it; a reader who is too
 * slow loses lines, as in Linux.
 *
 * DIFF(trace-pipe): in Linux each line goes to one of several readers, here to all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "daemon/daemon.h"

#define KEPT 65536

struct trace_pipe {
	pthread_mutex_t lock;
	VEC(int) readers; /* write ends */
	char kept[KEPT];
	u32 len;
};

struct trace_pipe *trace_pipe_new(void)
{
	struct trace_pipe *p = mem_zalloc(sizeof(*p));

	if (p)
		pthread_mutex_init(&p->lock, NULL);
	return p;
}

/* Whole lines go: room for @len more bytes. */
static void make_room(struct trace_pipe *p, u32 len)
{
	char *nl = p->kept;

	while (nl && p->len + len > KEPT) {
		nl = memchr(p->kept, '\n', p->len);
		if (!nl)
			break;
		p->len -= (u32)(nl + 1 - p->kept);
		memmove(p->kept, nl + 1, p->len);
	}
}

void trace_pipe_write(void *pipe, const char *line, u32 len)
{
	struct trace_pipe *p = pipe;
	char buf[1100];
	u32 n = min_t(u32, len, sizeof(buf) - 1);
	bool read = false;

	memcpy(buf, line, n);
	if (!n || buf[n - 1] != '\n')
		buf[n++] = '\n';
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->readers.n;) {
		if (write(p->readers.v[i], buf, n) < 0 && errno == EPIPE) {
			close(p->readers.v[i]);
			p->readers.v[i] = p->readers.v[--p->readers.n];
			continue;
		}
		read = true;
		i++;
	}
	if (!read) {
		make_room(p, n);
		if (p->len + n <= KEPT) {
			memcpy(p->kept + p->len, buf, n);
			p->len += n;
		}
	}
	pthread_mutex_unlock(&p->lock);
}

int trace_pipe_open(struct trace_pipe *p)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	pthread_mutex_lock(&p->lock);
	err = vec_push(&p->readers, ends[1]);
	if (!err) {
		(void)!write(ends[1], p->kept, p->len);
		p->len = 0;
	}
	pthread_mutex_unlock(&p->lock);
	if (!err)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	return err;
}

void trace_pipe_free(struct trace_pipe *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->readers.n; i++)
		close(p->readers.v[i]);
	vec_free(&p->readers);
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}
