/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An arena that is mapped where the kernel likes: its program, loaded afterwards, stores at the address
 * that this process has. Prints "1234".
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 4
#define ARENA 33 /* BPF_MAP_TYPE_ARENA */

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int main(void)
{
	unsigned long size = PAGES * 4096UL, at;
	union bpf_attr attr;
	char log[4096] = "";
	volatile long *area;
	int map, prog;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = ARENA;
	attr.map_flags = BPF_F_MMAPABLE;
	attr.max_entries = PAGES;
	map = (int)bpf(BPF_MAP_CREATE, &attr);
	if (map < 0) {
		perror("map");
		return 77;
	}
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (area == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	area[512] = 1; /* of the second page, which it now has */
	at = (unsigned long)(area + 512);

	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 2, .imm = (int)at },
		{ .imm = (int)(at >> 32) },
		/* r2 = addr_space_cast(r2, 0, 1) */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = 2,
		  .src_reg = 2,
		  .off = 1,
		  .imm = 1 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 2, .imm = 1234 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SYSCALL;
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (unsigned long)"GPL";
	attr.log_level = 1;
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	prog = (int)bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0) {
		perror("prog");
		fputs(log, stderr);
		return 1;
	}
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (unsigned)prog;
	if (bpf(BPF_PROG_TEST_RUN, &attr)) {
		perror("run");
		return 1;
	}
	printf("%ld\n", area[512]);
	return 0;
}
