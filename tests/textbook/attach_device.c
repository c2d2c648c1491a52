// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The texts' bare system calls: a map, and a program attached to a control group. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int main(int argc, char **argv)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8, .max_entries = 16
	};
	long map = bpf(BPF_MAP_CREATE, &attr), prog, attached;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)"GPL";
	prog = bpf(BPF_PROG_LOAD, &attr);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd =
		(unsigned)open(argc > 1 ? argv[1] : "/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	attr.attach_bpf_fd = (unsigned)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attached = bpf(BPF_PROG_ATTACH, &attr);
	printf("map %s, program %s, attached %s\n", map >= 0 ? "made" : "refused",
	       prog >= 0 ? "loaded" : "refused", attached ? "no" : "yes");
	return 0;
}
