/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An ordinary libbpf program that attaches every program of tests/bpf/trace.bpf.c, and knows nothing
 * of skep. It also reads what tracing clients read of /sys and /proc.
 *   trace_client OBJECT        prints TAP
 */
#define _FILE_OFFSET_BITS 64 /* as distributions build programs: fopen64() and open64() */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int count, failed;

static void check(int good, const char *what, const char *name)
{
	printf("%sok %d - %s%s%s\n", good ? "" : "not ", ++count, what, *name ? " " : "", name);
	failed += !good;
}

/* The file as a string, in a buffer that the next call uses again. */
static const char *contents(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return "";
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static void check_files(void)
{
	const char *text;
	int id;

	id = atoi(contents("/sys/kernel/tracing/events/sched/sched_process_exec/id"));
	text = contents("/sys/kernel/tracing/events/sched/sched_process_exec/format");
	check(id > 0 && strstr(text, "name: sched_process_exec\n") &&
		      strstr(text, "field:__data_loc char[] filename;\toffset:8;\tsize:4;"),
	      "format of a tracepoint", "");
	check(!strcmp(contents("/sys/kernel/debug/tracing/events/no/such/id"), ""),
	      "no such tracepoint", "");
	text = contents("/sys/kernel/tracing/available_events");
	check(strstr(text, "\nsyscalls:sys_exit_execve\n") != NULL, "list of tracepoints", "");
	text = contents("/sys/kernel/tracing/available_filter_functions");
	check(strstr(text, "\ndo_unlinkat\n") != NULL, "list of functions", "");
	text = contents("/proc/kallsyms");
	check(strstr(text, " T do_unlinkat\n") != NULL, "kallsyms", "");
	check(open("/sys/kernel/tracing/kprobe_events", O_WRONLY | O_APPEND) < 0 && errno == EACCES,
	      "kprobe_events takes nothing", "");
	check(open("/sys/kernel/tracing/available_events", O_WRONLY) < 0 && errno == EACCES,
	      "read-only", "");
	check(!faccessat(AT_FDCWD, "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset",
			 R_OK, AT_EACCESS) &&
		      faccessat(AT_FDCWD,
				"/sys/bus/event_source/devices/kprobe/format/ref_ctr_offset", R_OK,
				AT_EACCESS),
	      "semaphores of user functions", "");
	check(!faccessat(AT_FDCWD, "/sys/kernel/tracing", F_OK, AT_EACCESS), "tracefs", "");
}

static void attach_all(struct bpf_object *obj)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
	{
		struct bpf_link *link;

		if (!strcmp(bpf_program__section_name(p), "uprobe") ||
		    !strcmp(bpf_program__section_name(p), "perf_event"))
			continue;
		link = bpf_program__attach(p);
		check(link != NULL, "attach", bpf_program__section_name(p));
		/* What was attached can be detached and attached again. */
		bpf_link__destroy(link);
		link = bpf_program__attach(p);
		check(link != NULL, "attach again", bpf_program__section_name(p));
	}
}

static void attach_others(struct bpf_object *obj)
{
	DECLARE_LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = 7);
	struct bpf_program *p = bpf_object__find_program_by_name(obj, "on_uprobe");
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.size = sizeof(attr),
					.freq = 1,
					.sample_freq = 99 };
	char buf[64];
	__u32 len = sizeof(buf), prog_id, type;
	__u64 offset, addr;
	int fd, err;

	opts.func_name = "main";
	check(bpf_program__attach_uprobe_opts(p, -1, "/proc/self/exe", 0, &opts) != NULL ||
		      bpf_program__attach_uprobe_opts(p, -1, "/proc/self/exe", 4096, NULL) != NULL,
	      "attach uprobe", "");
	p = bpf_object__find_program_by_name(obj, "on_sample");
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	check(fd >= 0 && bpf_program__attach_perf_event(p, fd) != NULL, "attach perf_event", "");
	attr = (struct perf_event_attr){ .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	attr.config =
		(unsigned)atoi(contents("/sys/kernel/tracing/events/raw_syscalls/sys_exit/id"));
	p = bpf_object__find_program_by_name(obj, "on_tp_raw_enter");
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	check(fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(p)), "set a program",
	      "");
	/* As `bpftool perf show` asks. */
	err = bpf_task_fd_query(getpid(), fd, 0, buf, &len, &prog_id, &type, &offset, &addr);
	check(!err && !strcmp(buf, "sys_exit") && type == BPF_FD_TYPE_TRACEPOINT && prog_id,
	      "query of a descriptor", "");
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;

	if (argc != 2)
		return 2;
	setbuf(stdout, NULL);
	check_files();
	obj = bpf_object__open(argv[1]);
	check(obj != NULL, "open", "");
	if (obj && !bpf_object__load(obj)) {
		check(1, "load", "");
		attach_all(obj);
		attach_others(obj);
	} else {
		check(0, "load", "");
	}
	bpf_object__close(obj);
	printf("1..%d\n", count);
	return failed != 0;
}
