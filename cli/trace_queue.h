/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lines of bpf_trace_printk() on their way from the supervisor, which must not wait for a
 * terminal or a pipe, to the main thread, which may. As trace_pipe, it forgets what nobody
 * has read in time, but counts it.
 */
#ifndef SKEP_CLI_TRACE_QUEUE_H
#define SKEP_CLI_TRACE_QUEUE_H

#include <stdint.h>

struct trace_queue;

struct trace_queue *trace_queue_new(void); /* NULL and errno */
/* For skep_set_trace(), with the queue as argument. From any thread. */
void trace_queue_push(void *queue, const char *line, uint32_t len);
/* The oldest line without its newline, NUL-terminated in the queue's buffer; NULL: none. */
const char *trace_queue_pop(struct trace_queue *q);
int trace_queue_fd(const struct trace_queue *q); /* readable when there are lines */
uint64_t trace_queue_lost(const struct trace_queue *q);
void trace_queue_free(struct trace_queue *q);

#endif
