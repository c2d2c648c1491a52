/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Trace lines between the supervisor and the main thread; see trace_queue.h. */
#include "trace_queue.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUEUE_SIZE (4u << 20) /* a power of two */
#define LINE_MAX   2048

/* Shared pages, so that it does not matter whether the supervisor shares our memory or has a copy. */
struct trace_queue {
	atomic_flag writing;	     /* producers only; held for a copy of one line */
	_Atomic uint64_t head, tail; /* bytes ever written, ever read */
	_Atomic uint64_t lost;
	int fd;
	char line[LINE_MAX];
	char data[QUEUE_SIZE]; /* lines, each with its length before it */
};

struct trace_queue *trace_queue_new(void)
{
	struct trace_queue *q =
		mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (q == MAP_FAILED)
		return NULL;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		munmap(q, sizeof(*q));
		return NULL;
	}
	return q;
}

static void copy_in(struct trace_queue *q, uint64_t at, const void *src, uint32_t len)
{
	uint32_t off = (uint32_t)(at & (QUEUE_SIZE - 1));
	uint32_t first = len < QUEUE_SIZE - off ? len : QUEUE_SIZE - off;

	memcpy(q->data + off, src, first);
	memcpy(q->data, (const char *)src + first, len - first);
}

static void copy_out(const struct trace_queue *q, uint64_t at, void *dst, uint32_t len)
{
	uint32_t off = (uint32_t)(at & (QUEUE_SIZE - 1));
	uint32_t first = len < QUEUE_SIZE - off ? len : QUEUE_SIZE - off;

	memcpy(dst, q->data + off, first);
	memcpy((char *)dst + first, q->data, len - first);
}

void trace_queue_push(void *queue, const char *line, uint32_t len)
{
	struct trace_queue *q = queue;
	uint64_t head, one = 1;
	bool was_empty;

	while (len && line[len - 1] == '\n')
		len--;
	if (len > LINE_MAX - 1)
		len = LINE_MAX - 1;
	while (atomic_flag_test_and_set_explicit(&q->writing, memory_order_acquire))
		sched_yield();
	head = q->head;
	was_empty = head == q->tail;
	if (QUEUE_SIZE - (head - q->tail) < len + sizeof(len)) {
		q->lost++;
		was_empty = false;
	} else {
		copy_in(q, head, &len, sizeof(len));
		copy_in(q, head + sizeof(len), line, len);
		q->head = head + sizeof(len) + len;
		/* Again: the reader may have emptied it meanwhile, and gone to sleep. */
		was_empty |= q->tail == head;
	}
	atomic_flag_clear_explicit(&q->writing, memory_order_release);
	if (was_empty && write(q->fd, &one, sizeof(one)) < 0)
		return; /* its counter is full: it is readable */
}

const char *trace_queue_pop(struct trace_queue *q)
{
	uint64_t tail = q->tail, count;
	uint32_t len;

	if (tail == q->head) {
		if (read(q->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return NULL;
		if (tail == q->head)
			return NULL;
	}
	copy_out(q, tail, &len, sizeof(len));
	copy_out(q, tail + sizeof(len), q->line, len);
	q->line[len] = 0;
	q->tail = tail + sizeof(len) + len;
	return q->line;
}

int trace_queue_fd(const struct trace_queue *q)
{
	return q->fd;
}

uint64_t trace_queue_lost(const struct trace_queue *q)
{
	return q->lost;
}

void trace_queue_free(struct trace_queue *q)
{
	if (!q)
		return;
	close(q->fd);
	munmap(q, sizeof(*q));
}
