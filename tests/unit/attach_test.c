/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaching tracing programs: every way and every refusal, with what the link and BPF_TASK_FD_QUERY say
 * afterwards. Each scenario writes down results. They must be those of Linux 6.1 and 6.12
 * (tests/data/attach-*.txt; RECORD=FILE writes such a file on a kernel that has kprobes), and those of the
 * running kernel where that is a Linux 6.18 that permits it.
 */
#include "../lib/system_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../lib/kernel.h"
#include "btf/btf.h"
#include "hook/perf.h"
#include "hook/record.h"

static char binary[] = "/tmp/skep-attach-XXXXXX.b"; /* nobody runs it */

/* One of the two that are asked, and what it answered. */
struct side {
	struct skep_system *sys; /* NULL: the running kernel */
	bool same_types;	 /* the kernel's BTF is that of its release */
	u32 enter_id, exec_id, uprobe_type, kprobe_type;
	char text[16384];
	size_t len;
};

static void note(struct side *s, const char *what, long result)
{
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s %ld\n", what,
				   result >= 0 && strstr(what, "fd") ? 0 : result);
}

static void note_text(struct side *s, const char *what, const char *text)
{
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s '%s'\n", what,
				   strcmp(text, binary) ? text : "BINARY");
}

static int bpf(struct side *s, int cmd, union bpf_attr *attr)
{
	return s->sys ? skep_bpf(s->sys, cmd, attr, sizeof(*attr)) :
			kernel_bpf_raw(cmd, attr, sizeof(*attr));
}

static int perf_open(struct side *s, struct perf_event_attr *attr, int pid, int cpu)
{
	attr->size = sizeof(*attr);
	if (s->sys)
		return skep_perf_event_open(s->sys, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return (int)kernel_call(SYS_perf_event_open, (long)attr, pid, cpu, -1,
				PERF_FLAG_FD_CLOEXEC);
}

static int perf_ioctl(struct side *s, int fd, unsigned long request, void *arg)
{
	return s->sys ? skep_ioctl(s->sys, fd, request, arg) :
			(int)kernel_call(SYS_ioctl, fd, (long)request, (long)arg, 0, 0);
}

static int load_reading(struct side *s, u32 type, u32 attach, int off)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1, .off = (s16)off },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach;
	attr.insns = (unsigned long)(off < 0 ? insns + 1 : insns);
	attr.insn_cnt = off < 0 ? 2 : 3;
	attr.license = (unsigned long)"GPL";
	fd = bpf(s, BPF_PROG_LOAD, &attr);
	note(s, "load fd", fd);
	return fd;
}

static int load(struct side *s, u32 type)
{
	return load_reading(s, type, 0, -1);
}

static int link_create(struct side *s, int prog, int target, u32 attach, u64 cookie)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_fd = target;
	attr.link_create.attach_type = attach;
	attr.link_create.perf_event.bpf_cookie = cookie;
	return bpf(s, BPF_LINK_CREATE, &attr);
}

static int raw_open(struct side *s, int prog, const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = prog;
	attr.raw_tracepoint.name = (unsigned long)name;
	return bpf(s, BPF_RAW_TRACEPOINT_OPEN, &attr);
}

/* @type: BPF_FD_TYPE_*; what is no such thing is refused. */
static void fd_query(struct side *s, int fd, u32 room, u32 type)
{
	union bpf_attr attr;
	char name[64] = "-";
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.task_fd_query.pid = getpid();
	attr.task_fd_query.fd = fd;
	attr.task_fd_query.buf = (unsigned long)name;
	attr.task_fd_query.buf_len = room;
	err = bpf(s, BPF_TASK_FD_QUERY, &attr);
	note(s, "query", err);
	if (err && err != -ENOSPC)
		return;
	assert_int_equal(attr.task_fd_query.fd_type, type);
	note_text(s, " name", name);
	note(s, " type", attr.task_fd_query.fd_type);
	note(s, " len", attr.task_fd_query.buf_len);
	note(s, " offset", (long)attr.task_fd_query.probe_offset);
	note(s, " has id", attr.task_fd_query.prog_id != 0);
}

static int link_info(struct side *s, int fd, struct bpf_link_info *info)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (unsigned long)info;
	err = bpf(s, BPF_OBJ_GET_INFO_BY_FD, &attr);
	note(s, "info", err);
	if (!err || err == -ENOSPC)
		note(s, " type", info->type);
	return err;
}

static void end(int n, ...)
{
	va_list ap;

	va_start(ap, n);
	while (n--) {
		int fd = va_arg(ap, int);

		if (fd >= 0)
			close(fd);
	}
	va_end(ap);
}

/* ---- scenarios ---- */

static void tracepoints(struct side *s)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .config = s->enter_id };
	int tp = load(s, BPF_PROG_TYPE_TRACEPOINT), kp = load(s, BPF_PROG_TYPE_KPROBE);
	int far = load_reading(s, BPF_PROG_TYPE_TRACEPOINT, 0, 40), fits, e, e2, l;
	struct bpf_link_info info;
	char name[32] = "-";

	a.config = 65000;
	note(s, "unknown id", perf_open(s, &a, -1, 0));
	a.config = s->enter_id;
	note(s, "pid and cpu -1", perf_open(s, &a, -1, -1));
	note(s, "no such pid", perf_open(s, &a, 0x3fffffff, -1));
	note(s, "far cpu", perf_open(s, &a, -1, 100000));
	e = perf_open(s, &a, -1, 0);
	note(s, "fd", e);
	fd_query(s, e, 64, BPF_FD_TYPE_TRACEPOINT);
	note(s, "set no prog", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)-1L));
	note(s, "set map for prog", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)e));
	note(s, "set kprobe prog", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)kp));
	note(s, "set beyond record", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)far));
	note(s, "set", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
	note(s, "set again", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
	note(s, "enable", perf_ioctl(s, e, PERF_EVENT_IOC_ENABLE, 0));
	note(s, "disable", perf_ioctl(s, e, PERF_EVENT_IOC_DISABLE, 0));
	fd_query(s, e, 64, BPF_FD_TYPE_TRACEPOINT);
	fd_query(s, e, 4, BPF_FD_TYPE_TRACEPOINT);
	e2 = perf_open(s, &a, 0, -1);
	note(s, "fd2", e2);
	note(s, "same prog", perf_ioctl(s, e2, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
	note(s, "link same prog", link_create(s, tp, e2, BPF_PERF_EVENT, 0));
	fits = load_reading(s, BPF_PROG_TYPE_TRACEPOINT, 0, 32);
	l = link_create(s, fits, e2, BPF_PERF_EVENT, 77);
	note(s, "link fd", l);
	memset(&info, 0, sizeof(info));
	link_info(s, l, &info);
	note(s, " kind", info.perf_event.type);
	note(s, " len", info.perf_event.tracepoint.name_len);
	note(s, " cookie", (long)info.perf_event.tracepoint.cookie);
	memset(&info, 0, sizeof(info));
	info.perf_event.tracepoint.tp_name = (unsigned long)name;
	link_info(s, l, &info);
	info.perf_event.tracepoint.name_len = 5;
	link_info(s, l, &info);
	note_text(s, " name", name);
	info.perf_event.tracepoint.name_len = sizeof(name);
	link_info(s, l, &info);
	note_text(s, " name", name);
	fd_query(s, l, 64, BPF_FD_TYPE_TRACEPOINT);
	note(s, "link to no event", link_create(s, tp, -1, BPF_PERF_EVENT, 0));
	note(s, "link to prog", link_create(s, tp, kp, BPF_PERF_EVENT, 0));
	note(s, "link of xdp type", link_create(s, tp, e2, BPF_XDP, 0));
	close(e2); /* the link keeps the event */
	link_info(s, l, &info);
	end(6, l, fits, e, tp, kp, far);
	/* The tracepoint is free again. */
	tp = load(s, BPF_PROG_TYPE_TRACEPOINT);
	e = perf_open(s, &a, -1, 0);
	note(s, "once more", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
	end(2, e, tp);
}

static void events_of_processes(struct side *s)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .config = s->exec_id };
	int fits = load_reading(s, BPF_PROG_TYPE_TRACEPOINT, 0, 8), e = perf_open(s, &a, -1, 0);
	/* The record ends at byte 20; a string follows it that cannot be read directly. */
	int far = load_reading(s, BPF_PROG_TYPE_TRACEPOINT, 0, 16);

	note(s, "set beyond record", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)far));
	note(s, "set", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)fits));
	fd_query(s, e, 64, BPF_FD_TYPE_TRACEPOINT);
	end(3, e, fits, far);
}

static void query_programs(struct side *s)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .config = s->exec_id };
	int one = load(s, BPF_PROG_TYPE_TRACEPOINT), two = load(s, BPF_PROG_TYPE_TRACEPOINT);
	int e1 = perf_open(s, &a, -1, 0), e2 = perf_open(s, &a, -1, 0), clock;
	struct {
		struct perf_event_query_bpf q;
		u32 ids[4];
	} q = { .q.ids_len = 4 };

	perf_ioctl(s, e1, PERF_EVENT_IOC_SET_BPF, (void *)(long)one);
	perf_ioctl(s, e2, PERF_EVENT_IOC_SET_BPF, (void *)(long)two);
	note(s, "query", perf_ioctl(s, e1, PERF_EVENT_IOC_QUERY_BPF, &q));
	note(s, "count", q.q.prog_cnt);
	note(s, "ascending", q.ids[0] && q.ids[0] < q.ids[1]);
	q.q.ids_len = 1;
	q.ids[1] = 0;
	note(s, "short", perf_ioctl(s, e2, PERF_EVENT_IOC_QUERY_BPF, &q));
	note(s, "count", q.q.prog_cnt);
	note(s, "untouched", q.ids[1]);
	q.q.ids_len = 100;
	note(s, "long", perf_ioctl(s, e2, PERF_EVENT_IOC_QUERY_BPF, &q));
	note(s, "bad", perf_ioctl(s, e2, PERF_EVENT_IOC_QUERY_BPF, NULL));
	a.type = PERF_TYPE_SOFTWARE;
	a.config = PERF_COUNT_SW_CPU_CLOCK;
	a.sample_period = 1000000;
	a.disabled = 1;
	clock = perf_open(s, &a, 0, -1);
	note(s, "of a clock", perf_ioctl(s, clock, PERF_EVENT_IOC_QUERY_BPF, &q));
	end(5, e1, e2, one, two, clock);
}

static void clocks(struct side *s)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .disabled = 1 };
	int tp = load(s, BPF_PROG_TYPE_TRACEPOINT), pe = load(s, BPF_PROG_TYPE_PERF_EVENT);
	static const u64 configs[] = { PERF_COUNT_SW_CPU_CLOCK, PERF_COUNT_SW_TASK_CLOCK };
	struct bpf_link_info info;
	int e, l;

	a.freq = 1;
	a.sample_freq = 10000000;
	note(s, "too often", perf_open(s, &a, 0, -1));
	a.freq = 0;
	a.sample_period = 1ULL << 63;
	note(s, "too seldom", perf_open(s, &a, 0, -1));
	a.sample_period = 10000000;
	for (u32 i = 0; i < 2; i++) {
		a.config = configs[i];
		e = perf_open(s, &a, 0, -1);
		note(s, "fd", e);
		note(s, "set tp", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
		note(s, "set", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)pe));
		note(s, "again", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)pe));
		fd_query(s, e, 64, BPF_FD_TYPE_TRACEPOINT);
		close(e);
		e = perf_open(s, &a, 0, -1);
		l = link_create(s, pe, e, BPF_PERF_EVENT, 5);
		note(s, "link fd", l);
		memset(&info, 0, sizeof(info));
		link_info(s, l, &info);
		note(s, " kind", info.perf_event.type);
		note(s, " event", info.perf_event.event.type);
		note(s, " config", (long)info.perf_event.event.config);
		note(s, " cookie", (long)info.perf_event.event.cookie);
		end(2, e, l);
	}
	a.type = PERF_TYPE_RAW + 50;
	note(s, "unknown type", perf_open(s, &a, 0, -1));
	a.type = PERF_TYPE_HARDWARE;
	a.config = PERF_COUNT_HW_CPU_CYCLES;
	note(s, "cycles", perf_open(s, &a, 0, -1));
	end(2, tp, pe);
}

static void user_functions(struct side *s)
{
	struct perf_event_attr a = { .type = s->uprobe_type };
	int kp = load(s, BPF_PROG_TYPE_KPROBE), tp = load(s, BPF_PROG_TYPE_TRACEPOINT), e, l;
	struct bpf_link_info info;
	char name[256];

	note(s, "no path", perf_open(s, &a, 0, -1));
	a.uprobe_path = 8;
	note(s, "bad path", perf_open(s, &a, 0, -1));
	a.uprobe_path = (unsigned long)"";
	note(s, "empty path", perf_open(s, &a, 0, -1));
	a.uprobe_path = (unsigned long)"/nonexistent";
	note(s, "no file", perf_open(s, &a, 0, -1));
	a.uprobe_path = (unsigned long)"/tmp";
	note(s, "folder", perf_open(s, &a, 0, -1));
	a.uprobe_path = (unsigned long)binary;
	a.probe_offset = 1ULL << 40;
	note(s, "beyond the end", perf_open(s, &a, 0, -1));
	a.probe_offset = 4096;
	a.config = 7ULL << 32;
	note(s, "odd semaphore", perf_open(s, &a, 0, -1));
	a.config = 0;
	note(s, "no such pid", perf_open(s, &a, 0x3fffffff, -1));
	for (u32 ret = 0; ret < 2; ret++) {
		a.config = ret;
		e = perf_open(s, &a, 0, -1);
		note(s, "fd", e);
		note(s, "set tp", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
		l = link_create(s, kp, e, BPF_PERF_EVENT, 9);
		note(s, "link fd", l);
		note(s, "again", link_create(s, kp, e, BPF_PERF_EVENT, 9));
		fd_query(s, e, 64, ret ? BPF_FD_TYPE_URETPROBE : BPF_FD_TYPE_UPROBE);
		memset(&info, 0, sizeof(info));
		memset(name, 0, sizeof(name));
		info.perf_event.uprobe.file_name = (unsigned long)name;
		info.perf_event.uprobe.name_len = sizeof(name);
		link_info(s, l, &info);
		note(s, " kind", info.perf_event.type);
		note_text(s, " file", name);
		note(s, " len", info.perf_event.uprobe.name_len);
		note(s, " offset", info.perf_event.uprobe.offset);
		note(s, " cookie", (long)info.perf_event.uprobe.cookie);
		end(2, l, e);
	}
	end(2, kp, tp);
}

static int uprobe_multi(struct side *s, int prog, const char *path, u64 *offsets, u32 n, u32 flags,
			u32 pid)
{
	static u64 cookies[] = { 11, 12, 13 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.attach_type = BPF_TRACE_UPROBE_MULTI;
	attr.link_create.uprobe_multi.path = (unsigned long)path;
	attr.link_create.uprobe_multi.offsets = (unsigned long)offsets;
	attr.link_create.uprobe_multi.cookies = (unsigned long)cookies;
	attr.link_create.uprobe_multi.cnt = n;
	attr.link_create.uprobe_multi.flags = flags;
	attr.link_create.uprobe_multi.pid = pid;
	return bpf(s, BPF_LINK_CREATE, &attr);
}

static void many_user_functions(struct side *s)
{
	int multi = load_reading(s, BPF_PROG_TYPE_KPROBE, BPF_TRACE_UPROBE_MULTI, -1);
	int plain = load(s, BPF_PROG_TYPE_KPROBE), l;
	u64 offsets[] = { 4096, 4100, 4104 }, got[3] = { 0 }, cookies[3] = { 0 }, far = 1ULL << 40;
	struct bpf_link_info info;
	char name[256] = "";

	note(s, "plain prog", uprobe_multi(s, plain, binary, offsets, 3, 0, 0));
	note(s, "no path", uprobe_multi(s, multi, NULL, offsets, 3, 0, 0));
	note(s, "no offsets", uprobe_multi(s, multi, binary, NULL, 3, 0, 0));
	note(s, "none", uprobe_multi(s, multi, binary, offsets, 0, 0, 0));
	note(s, "flags", uprobe_multi(s, multi, binary, offsets, 3, 2, 0));
	note(s, "many", uprobe_multi(s, multi, binary, offsets, 1 << 21, 0, 0));
	note(s, "folder", uprobe_multi(s, multi, "/", offsets, 3, 0, 0));
	note(s, "no file", uprobe_multi(s, multi, "/nonexistent", offsets, 3, 0, 0));
	note(s, "pid -1", uprobe_multi(s, multi, binary, offsets, 3, 0, (u32)-1));
	note(s, "no pid", uprobe_multi(s, multi, binary, offsets, 3, 0, 0x3fffffff));
	note(s, "far", uprobe_multi(s, multi, binary, &far, 1, 0, 0));
	l = uprobe_multi(s, multi, binary, offsets, 3, BPF_F_UPROBE_MULTI_RETURN, (u32)getpid());
	note(s, "link fd", l);
	memset(&info, 0, sizeof(info));
	link_info(s, l, &info);
	note(s, " count", info.uprobe_multi.count);
	note(s, " flags", info.uprobe_multi.flags);
	note(s, " my pid", (int)info.uprobe_multi.pid == getpid());
	note(s, " path size", info.uprobe_multi.path_size);
	info.uprobe_multi.count = 2;
	info.uprobe_multi.path = (unsigned long)name;
	info.uprobe_multi.path_size = sizeof(name);
	info.uprobe_multi.offsets = (unsigned long)got;
	info.uprobe_multi.cookies = (unsigned long)cookies;
	link_info(s, l, &info);
	note_text(s, " path", name);
	for (u32 i = 0; i < 3; i++) {
		note(s, " offset", (long)got[i]);
		note(s, " cookie", (long)cookies[i]);
	}
	info.uprobe_multi.path_size = 3;
	link_info(s, l, &info);
	end(3, multi, plain, l);
}

static void raw_tracepoints(struct side *s)
{
	int two = load_reading(s, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 8);
	int three = load_reading(s, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 16), l, l2;
	int tp = load(s, BPF_PROG_TYPE_TRACEPOINT);
	struct bpf_link_info info;
	char name[32] = "-";

	note(s, "unknown", raw_open(s, two, "no_such_tracepoint"));
	note(s, "by category", raw_open(s, two, "raw_syscalls:sys_enter"));
	note(s, "three of sys_enter", raw_open(s, three, "sys_enter"));
	note(s, "three of fork", raw_open(s, three, "sched_process_fork"));
	if (s->same_types) {
		l = raw_open(s, two, "sched_process_exit");
		note(s, "two of exit fd", l);
		close(l);
	}
	note(s, "tp prog", raw_open(s, tp, "sys_enter"));
	l = raw_open(s, three, "sched_process_exec");
	note(s, "fd", l);
	l2 = raw_open(s, three, "sched_process_exec");
	note(s, "twice fd", l2);
	fd_query(s, l, 64, BPF_FD_TYPE_RAW_TRACEPOINT);
	memset(&info, 0, sizeof(info));
	info.raw_tracepoint.tp_name = (unsigned long)name;
	info.raw_tracepoint.tp_name_len = sizeof(name);
	link_info(s, l, &info);
	note_text(s, " name", name);
	end(5, l, l2, two, three, tp);
}

/* ---- kernel functions: what tests/data/attach-kernel.txt says ---- */

static int kprobe_multi(struct side *s, int prog, const char **syms, u64 *addrs, u32 n, u32 flags,
			u64 *cookies)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.attach_type = BPF_TRACE_KPROBE_MULTI;
	attr.link_create.kprobe_multi.syms = (unsigned long)syms;
	attr.link_create.kprobe_multi.addrs = (unsigned long)addrs;
	attr.link_create.kprobe_multi.cookies = (unsigned long)cookies;
	attr.link_create.kprobe_multi.cnt = n;
	attr.link_create.kprobe_multi.flags = flags;
	return bpf(s, BPF_LINK_CREATE, &attr);
}

static void kernel_functions(struct side *s)
{
	struct perf_event_attr a = { .type = s->kprobe_type };
	int kp = load(s, BPF_PROG_TYPE_KPROBE), tp = load(s, BPF_PROG_TYPE_TRACEPOINT), e, l;
	char name[64] = "-", longer[600];
	struct bpf_link_info info;
	u64 addr = 0;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	note(s, "no function", perf_open(s, &a, -1, 0));
	a.kprobe_func = 8;
	note(s, "bad name", perf_open(s, &a, -1, 0));
	a.kprobe_func = (unsigned long)longer;
	note(s, "long name", perf_open(s, &a, -1, 0));
	a.kprobe_func = (unsigned long)"";
	note(s, "empty name", perf_open(s, &a, -1, 0));
	a.kprobe_func = (unsigned long)"no_such_function";
	note(s, "unknown", perf_open(s, &a, -1, 0));
	a.kprobe_func = 0;
	a.kprobe_addr = 4096;
	note(s, "no address", perf_open(s, &a, -1, 0));
	a.kprobe_addr = 0;
	a.kprobe_func = (unsigned long)"__x64_sys_openat2";
	for (u32 ret = 0; ret < 2; ret++) {
		a.config = ret;
		e = perf_open(s, &a, -1, 0);
		note(s, "fd", e);
		note(s, "set tp", perf_ioctl(s, e, PERF_EVENT_IOC_SET_BPF, (void *)(long)tp));
		l = link_create(s, kp, e, BPF_PERF_EVENT, 9);
		note(s, "link fd", l);
		note(s, "again", link_create(s, kp, e, BPF_PERF_EVENT, 9));
		fd_query(s, e, 64, ret ? BPF_FD_TYPE_KRETPROBE : BPF_FD_TYPE_KPROBE);
		memset(&info, 0, sizeof(info));
		info.perf_event.kprobe.func_name = (unsigned long)name;
		info.perf_event.kprobe.name_len = sizeof(name);
		link_info(s, l, &info);
		note(s, " kind", info.perf_event.type);
		note_text(s, " name", name);
		note(s, " len", info.perf_event.kprobe.name_len);
		note(s, " offset", info.perf_event.kprobe.offset);
		note(s, " has address", info.perf_event.kprobe.addr != 0);
		note(s, " cookie", (long)info.perf_event.kprobe.cookie);
		addr = info.perf_event.kprobe.addr;
		end(2, l, e);
	}
	/* By address: no name is told. */
	a.config = a.kprobe_func = 0;
	a.kprobe_addr = addr;
	e = perf_open(s, &a, -1, 0);
	note(s, "address fd", e);
	l = link_create(s, kp, e, BPF_PERF_EVENT, 0);
	note(s, "link fd", l);
	fd_query(s, e, 64, BPF_FD_TYPE_KPROBE);
	end(4, l, e, kp, tp);
}

static void many_kernel_functions(struct side *s)
{
	const char *syms[] = { "__x64_sys_openat2", "__x64_sys_execve" };
	const char *wrong[] = { "__x64_sys_openat2", "no_such_function" };
	int multi = load_reading(s, BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, -1);
	int plain = load(s, BPF_PROG_TYPE_KPROBE), l;
	u64 addrs[2] = { 0 }, cookies[2] = { 1, 2 }, none = 4096;
	struct bpf_link_info info;

	note(s, "plain prog", kprobe_multi(s, plain, syms, NULL, 2, 0, NULL));
	note(s, "none", kprobe_multi(s, multi, syms, NULL, 0, 0, NULL));
	note(s, "both", kprobe_multi(s, multi, syms, addrs, 2, 0, NULL));
	note(s, "neither", kprobe_multi(s, multi, NULL, NULL, 2, 0, NULL));
	note(s, "flags", kprobe_multi(s, multi, syms, NULL, 2, 2, NULL));
	note(s, "many", kprobe_multi(s, multi, syms, NULL, 1 << 21, 0, NULL));
	note(s, "unknown", kprobe_multi(s, multi, wrong, NULL, 2, 0, NULL));
	note(s, "no address", kprobe_multi(s, multi, NULL, &none, 1, 0, NULL));
	l = kprobe_multi(s, multi, syms, NULL, 2, 0, cookies);
	note(s, "link fd", l);
	memset(&info, 0, sizeof(info));
	link_info(s, l, &info);
	note(s, " count", info.kprobe_multi.count);
	info.kprobe_multi.addrs = (unsigned long)addrs;
	info.kprobe_multi.count = 1;
	link_info(s, l, &info);
	info.kprobe_multi.count = 2;
	link_info(s, l, &info);
	note(s, " flags", info.kprobe_multi.flags);
	close(l);
	l = kprobe_multi(s, multi, NULL, addrs, 2, BPF_F_KPROBE_MULTI_RETURN, NULL);
	note(s, "by address fd", l);
	end(3, l, multi, plain);
}

/* ---- all sides ---- */

static struct side ours, theirs;
static const char *why_not; /* the running kernel is not asked */

static u32 id_of(const char *event)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", event);
	fd = (int)kernel_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return (u32)atoi(text);
}

static u32 pmu_type(const char *pmu)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	fd = (int)kernel_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	return (u32)atoi(text);
}

static void prepare(struct side *s)
{
	s->enter_id = tracepoint_id(tp_sys_enter(SYSCALL_openat2));
	s->exec_id = tracepoint_id(TP_sched_process_exec);
	s->uprobe_type = PERF_TYPE_UPROBE;
	s->kprobe_type = PERF_TYPE_KPROBE;
}

static int group_setup(void **state)
{
	int fd = mkstemps(binary, 2);
	union bpf_attr attr;
	struct utsname u;

	if (fd < 0 || ftruncate(fd, 16384))
		return -1;
	close(fd);
	memset(&attr, 0, sizeof(attr));
	if (uname(&u) || (!getenv("RECORD") && strncmp(u.release, "6.18.", 5)))
		why_not = "the running kernel is not 6.18";
	else if (kernel_bpf_raw(BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) == -EPERM)
		why_not = "the running kernel refuses bpf(2)";
	else if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		 (!id_of("sched/sched_process_exec") &&
		  mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL)))
		why_not = "tracefs cannot be mounted";
	theirs.same_types = true;
	theirs.enter_id = id_of("syscalls/sys_enter_openat2");
	theirs.exec_id = id_of("sched/sched_process_exec");
	theirs.uprobe_type = pmu_type("uprobe");
	theirs.kprobe_type = pmu_type("kprobe");
	if (!why_not && (!theirs.enter_id || !theirs.exec_id || !theirs.uprobe_type))
		why_not = "the running kernel has no such events";
	return 0;
}

static int group_teardown(void **state)
{
	unlink(binary);
	return 0;
}

/* What skep answers with @profile, into ours.text. */
static void ask_skep(const char *profile, bool same_types, void (*scenario)(struct side *s))
{
	ours.sys = system_for(profile);
	assert_non_null(ours.sys);
	ours.len = 0;
	ours.same_types = same_types;
	prepare(&ours);
	scenario(&ours);
	skep_system_free(ours.sys);
}

/* The part of a recording that is about scenario @name, into theirs.text. */
static void read_recorded(const char *profile, const char *name)
{
	char path[64], line[512];
	bool mine = false;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/attach-%s.txt", profile);
	f = fopen(path, "re");
	assert_non_null(f);
	theirs.text[theirs.len = 0] = 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "== ", 3)) {
			line[strcspn(line, "\n")] = 0;
			mine = !strcmp(line + 3, name);
		} else if (mine) {
			theirs.len +=
				(size_t)snprintf(theirs.text + theirs.len,
						 sizeof(theirs.text) - theirs.len, "%s", line);
		}
	}
	fclose(f);
}

static void compare(const char *who)
{
	char *a = ours.text, *b = theirs.text;

	assert_true(ours.len > 0);
	if (!strcmp(ours.text, theirs.text))
		return;
	for (;;) {
		char *la = strsep(&a, "\n"), *lb = strsep(&b, "\n");

		if (!la && !lb)
			break;
		if (!la || !lb || strcmp(la, lb))
			print_message("# skep: %-40s %s: %s\n", la ?: "", who, lb ?: "");
		else
			print_message("#       %s\n", la);
	}
	fail();
}

static void run(void (*scenario)(struct side *s), const char *name, bool live)
{
	static const char *const profiles[] = { "6.1", "6.12" };
	FILE *f;

	if (getenv("RECORD")) {
		theirs.text[theirs.len = 0] = 0;
		theirs.same_types = false;
		scenario(&theirs);
		f = fopen(getenv("RECORD"), "ae");
		assert_non_null(f);
		fprintf(f, "== %s\n%s", name, theirs.text);
		fclose(f);
		return;
	}
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		ask_skep(profiles[i], false, scenario);
		read_recorded(profiles[i], name);
		if (*theirs.text != '#')
			compare(profiles[i]);
	}
	if (!live)
		return;
	if (why_not) {
		print_message("# not compared with the running kernel: %s\n", why_not);
		return;
	}
	ask_skep("6.18", true, scenario);
	theirs.text[theirs.len = 0] = 0;
	scenario(&theirs);
	compare("running kernel");
}

/* What cannot be attached to is named, with what is known of it. */
static void test_reasons(void **state)
{
	struct side s = { .sys = system_for("6.18") };
	struct perf_event_attr a = { .type = PERF_TYPE_KPROBE };
	int raw = load(&s, BPF_PROG_TYPE_RAW_TRACEPOINT);
	const struct object_btf *vmlinux = system_vmlinux(s.sys);
	struct skep_refusal r = { .sz = sizeof(r) };

	prepare(&s);
	a.kprobe_func = (unsigned long)"no_such_function";
	assert_int_equal(perf_open(&s, &a, -1, 0), -ENOENT);
	assert_int_equal(skep_last_refusal(s.sys, &r), 0);
	assert_string_equal(r.id, "ATTACH_FUNCTION_UNKNOWN");
	assert_string_equal(r.message, "no kernel function 'no_such_function'");
	a.kprobe_func = (unsigned long)"do_execve";
	a.probe_offset = 4;
	assert_int_equal(perf_open(&s, &a, -1, 0), -EINVAL);
	assert_int_equal(skep_last_refusal(s.sys, &r), 0);
	assert_string_equal(r.message, "'do_execve+4' is inside a kernel function");
	assert_int_equal(raw_open(&s, raw, "no_such_tracepoint"), -ENOENT);
	assert_int_equal(skep_last_refusal(s.sys, &r), 0);
	assert_string_equal(r.id, "ATTACH_TRACEPOINT_UNKNOWN");
	a = (struct perf_event_attr){ .type = PERF_TYPE_TRACEPOINT, .config = 65000 };
	assert_int_equal(perf_open(&s, &a, -1, 0), -EINVAL);
	assert_int_equal(skep_last_refusal(s.sys, &r), 0);
	assert_string_equal(r.id, "ATTACH_EVENT_ID");
	/* Those that the kernel in force has and skep never fires. */
	if (vmlinux && btf_find_by_name_kind(vmlinux->btf, "kfree_skbmem", BTF_KIND_FUNC) > 0) {
		a = (struct perf_event_attr){ .type = PERF_TYPE_KPROBE };
		a.kprobe_func = (unsigned long)"kfree_skbmem";
		assert_int_equal(perf_open(&s, &a, -1, 0), -ENOENT);
		assert_int_equal(skep_last_refusal(s.sys, &r), 0);
		assert_string_equal(r.id, "ATTACH_FUNCTION_ABSENT");
		assert_int_equal(raw_open(&s, raw, "netif_rx"), -ENOENT);
		assert_int_equal(skep_last_refusal(s.sys, &r), 0);
		assert_string_equal(r.id, "ATTACH_TRACEPOINT_ABSENT");
	}
	close(raw);
	skep_system_free(s.sys);
}

#define SCENARIO(name, live)                                                                       \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		run(name, #name, live);                                                            \
	}
SCENARIO(tracepoints, true)
SCENARIO(events_of_processes, true)
SCENARIO(query_programs, true)
SCENARIO(clocks, true)
SCENARIO(user_functions, true)
SCENARIO(many_user_functions, true)
SCENARIO(raw_tracepoints, true)
SCENARIO(kernel_functions, false) /* few running kernels have kprobes */
SCENARIO(many_kernel_functions, false)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_events_of_processes),
		cmocka_unit_test(test_query_programs),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_user_functions),
		cmocka_unit_test(test_many_user_functions),
		cmocka_unit_test(test_raw_tracepoints),
		cmocka_unit_test(test_kernel_functions),
		cmocka_unit_test(test_many_kernel_functions),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
