#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A course's BCC program: a kprobe on do_sys_openat2, BPF_HASH in its three forms, perf output, trace_print.
# Opens /etc/hostname by another process, prints what it has seen of that, and ends.
import os
import subprocess
import sys

from bcc import BPF

TEXT = r"""
#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>

struct key_t {
	u32 pid;
	char comm[TASK_COMM_LEN];
};
struct event_t {
	u32 pid;
	char comm[TASK_COMM_LEN];
	char name[64];
};

BPF_HASH(stats);
BPF_HASH(counts, struct key_t);
BPF_HASH(cpu_time, uint64_t, uint64_t, 4096);
BPF_PERF_OUTPUT(events);

int opened(struct pt_regs *ctx, int dfd, const char __user *filename, struct open_how *how)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 zero = 0, one = 1, flags = how->flags, *n;
	struct event_t e = {};
	struct key_t k = {};

	if (task->tgid != bpf_get_current_pid_tgid() >> 32)
		return 0;
	k.pid = e.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(&k.comm, sizeof(k.comm));
	bpf_get_current_comm(&e.comm, sizeof(e.comm));
	bpf_probe_read_user_str(&e.name, sizeof(e.name), (void *)filename);
	counts.increment(k);
	n = stats.lookup_or_try_init(&zero, &zero);
	if (n)
		(*n)++;
	cpu_time.update(&flags, &one);
	events.perf_submit(ctx, &e, sizeof(e));
	bpf_trace_printk("opened %s\n", e.name);
	return 0;
}
"""

b = BPF(text=TEXT)
b.attach_kprobe(event="do_sys_openat2", fn_name="opened")
assert b.get_syscall_fnname("openat") == b"__x64_sys_openat"
assert BPF.ksymname(b"do_sys_openat2") > 0
seen = []


def handle(cpu, data, size):
    e = b["events"].event(data)
    seen.append((e.comm.decode(), e.name.decode()))


b["events"].open_perf_buffer(handle)
subprocess.run(["cat", "/etc/hostname"], stdout=subprocess.DEVNULL)
for _ in range(100):
    b.perf_buffer_poll(timeout=100)
    if ("cat", "/etc/hostname") in seen:
        break
print("event", ("cat", "/etc/hostname") in seen)
print("stats", b["stats"][b["stats"].Key(0)].value >= len(seen))
print("counts", any(k.comm == b"cat" and v.value >= 1 for k, v in b["counts"].items()))
print("flags", os.O_LARGEFILE in [k.value & 0o100000 for k in b["cpu_time"].keys()] if os.O_LARGEFILE else True)
print("kernel", BPF.kernel_struct_has_field(b"task_struct", b"tgid"))
while True:
    line = b.trace_fields()
    if b"hostname" in line[5]:
        print("trace", line[0].decode(), line[5].decode())
        break
sys.stdout.flush()
