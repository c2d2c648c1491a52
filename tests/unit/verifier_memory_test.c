/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a verification keeps at a time: programs that make the most of the limit of a
 * million instructions (tests/lib/bombs.h), each in a process of its own, end, and stay below 200 MB.
 * BOMB=NAME: only that one; BOMB=all; BOMB_LOG=1: with its log.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "skep/skep.h"
#include "tests/lib/bombs.h"
#include "tests/lib/peak.h"

struct measured {
	int result; /* of PROG_LOAD */
	u32 processed, ms;
	long peak_kb;
};

static void verify(const struct bomb *b, struct measured *m)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts);
	struct timespec t0, t1;
	static char log[1 << 16];
	union bpf_attr attr;
	const char *insns;
	long before;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (u64)(uintptr_t)b->insn;
	attr.insn_cnt = b->n;
	attr.license = (u64)(uintptr_t) "GPL";
	attr.log_buf = (u64)(uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 4;
	before = peak_forget();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	m->result = skep_bpf(sys, BPF_PROG_LOAD, &attr, sizeof(attr));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	m->peak_kb = peak_kb() - before;
	m->ms = (u32)((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
	insns = strstr(log, "\nprocessed ");
	if (insns)
		m->processed = (u32)atoi(insns + 11);
	if (getenv("BOMB_LOG"))
		fputs(log, stderr);
}

static void the_peak_stays_below_the_limit(void **state)
{
	struct measured *m =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *only = getenv("BOMB");
	bool too_much = false;

	assert_ptr_not_equal(m, MAP_FAILED);
	for (u32 i = 0; i < ARRAY_SIZE(bombs); i++) {
		struct bomb b = { 0 };
		int status;
		pid_t pid;

		if (only ? strcmp(only, "all") && strcmp(only, bombs[i].name) : !bombs[i].always)
			continue;
		bombs[i].make(&b);
		memset(m, 0, sizeof(*m));
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			verify(&b, m);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
		print_message("# %-14s %7u instructions, %7u processed, %5u ms, result %3d, peak "
			      "%4ld MB\n",
			      bombs[i].name, b.n, m->processed, m->ms,
			      m->result < 0 ? m->result : 0, m->peak_kb / 1024);
		too_much |= m->peak_kb > bombs[i].mb * 1024;
		assert_true(m->processed > 100000);
		free(b.insn);
	}
	munmap(m, 4096);
	assert_false(too_much);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_peak_stays_below_the_limit) };

	return cmocka_run_group_tests_name("memory of a verification", tests, NULL, NULL);
}
