/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_trace_printk(), bpf_trace_vprintk() and bpf_snprintf() (Linux:
 * kernel/trace/bpf_trace.c, kernel/bpf/helpers.c). A message goes to platform->trace() as
 * the line that trace_pipe would show, newline included.
 */
#include "helper/bprintf.h"
#include "helper/helper.h"
#include "object/task.h"

#define CLOCK_BOOTTIME 7
#define COMM_LEN       16

struct line {
	char text[MAX_BPRINTF_BUF + 96];
	u32 len;
};

static void add(struct line *l, const char *s)
{
	while (*s)
		l->text[l->len++] = *s++;
}

/* @width: at least so many characters; negative: left-justified. */
static void add_number(struct line *l, u64 v, s32 width, char pad)
{
	char digits[24];
	s32 n = 0, right = width < 0 ? -width : 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (s32 i = n; i < width; i++)
		l->text[l->len++] = pad;
	right -= n;
	while (n)
		l->text[l->len++] = digits[--n];
	while (right-- > 0)
		l->text[l->len++] = ' ';
}

/* "            comm-pid     [cpu] d..21 seconds.micros: bpf_trace_printk: text" */
static void trace_line(struct bpf_run *run, const char *text, u32 len)
{
	const struct skep_platform *p = run->platform;
	u64 us = p->ktime_ns(CLOCK_BOOTTIME) / 1000;
	char comm[COMM_LEN];
	struct line l;
	u32 n = 0;

	l.len = 0;
	run_comm(run, comm, sizeof(comm));
	while (n < COMM_LEN && comm[n])
		n++;
	for (u32 i = n; i < COMM_LEN; i++)
		l.text[l.len++] = ' ';
	for (u32 i = 0; i < n; i++)
		l.text[l.len++] = comm[i];
	add(&l, "-");
	add_number(&l, (u32)run_pid_tgid(run), -7, ' ');
	add(&l, " [");
	add_number(&l, run->cpu, 3, '0');
	add(&l, "] d..21 ");
	add_number(&l, us / 1000000, 5, ' ');
	add(&l, ".");
	add_number(&l, us % 1000000, 6, '0');
	add(&l, ": bpf_trace_printk: ");
	for (u32 i = 0; i < len; i++)
		l.text[l.len++] = text[i];
	add(&l, "\n");
	p->trace(run, l.text, l.len);
}

static u64 trace_format(struct bpf_run *run, const char *fmt, u32 fmt_size, const u64 *args,
			u32 nr_args)
{
	char text[MAX_BPRINTF_BUF];
	long n = bprintf(run, text, sizeof(text), fmt, fmt_size, args, nr_args);

	if (n >= 0)
		trace_line(run, text, min_t(u32, (u32)n, sizeof(text) - 1));
	return (u64)n;
}

BPF_HELPER(trace_printk)
{
	u64 args[3] = { r3, r4, r5 };

	return trace_format(run, PTR(r1), (u32)r2, args, ARRAY_SIZE(args));
}

static bool bad_args(u64 args, u32 len)
{
	return len & 7 || len > MAX_BPRINTF_VARARGS * 8 || (len && !args);
}

BPF_HELPER(trace_vprintk)
{
	u32 len = (u32)r4;

	if (bad_args(r3, len))
		return ERR(EINVAL);
	return trace_format(run, PTR(r1), (u32)r2, PTR(r3), len / 8);
}

BPF_KFUNC(bpf_stream_vprintk_impl)
{
	u32 len = (u32)r4;
	char text[MAX_BPRINTF_BUF];
	long n;

	if ((u32)r1 != 1 && (u32)r1 != 2)
		return ERR(ENOENT);
	if (bad_args(r3, len))
		return ERR(EINVAL);
	n = bprintf(run, text, sizeof(text), PTR(r2), UINT32_MAX, PTR(r3), len / 8);
	if (n < 0)
		return (u64)n;
	return (u64)(s64)run->platform->stream(run, (u32)r1, text,
					       min_t(u32, (u32)n, sizeof(text) - 1));
}

BPF_HELPER(snprintf)
{
	u32 len = (u32)r5;
	long n;

	if (bad_args(r4, len))
		return ERR(EINVAL);
	/* The verifier knows that the format ends. */
	n = bprintf(run, PTR(r1), (u32)r2, PTR(r3), UINT32_MAX, PTR(r4), len / 8);
	return n < 0 ? (u64)n : (u64)n + 1;
}

BPF_KFUNC(bpf_stream_print_stack)
{
	const u64 args[] = { r1 };
	RUN_FRAME(frame, run);
	u64 ret = run->platform->kernel_call(run, KERNEL_CALL_STREAM_STACK, args);

	run->frames = frame.prev;
	return INT(ret);
}

BPF_KFUNC_ALIAS(bpf_stream_vprintk, bpf_stream_vprintk_impl)
