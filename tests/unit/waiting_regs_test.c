/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_task_pt_regs() of a thread that waits in a call, and is not stopped, on skep and on the running kernel. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "tests/lib/beside.h"

#define REGS 11

static void ask(const struct beside *b, pid_t pid, u64 out[REGS])
{
	struct bpf_map *bss = bpf_object__find_map_by_name(b->obj, ".bss");
	u64 value[1 + REGS] = { 0 };
	struct bpf_link *link;
	u32 zero = 0;
	char buf[16];
	int fd;

	assert_int_equal(bpf_map__value_size(bss), sizeof(value));
	skep_front_use(b->sys);
	memcpy(value, &pid, sizeof(pid));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(bss), &zero, value, 0), 0);
	link = bpf_program__attach_iter(bpf_object__find_program_by_name(b->obj, "registers"),
					NULL);
	assert_non_null(link);
	fd = bpf_iter_create(bpf_link__fd(link));
	assert_true(fd >= 0);
	skep_front_use(NULL);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
	skep_front_use(b->sys);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bss), &zero, value), 0);
	bpf_link__destroy(link);
	skep_front_use(NULL);
	memcpy(out, value + 1, REGS * sizeof(*out));
}

/* Until it waits in its call. */
static void wait_for_call(pid_t pid, u64 nr)
{
	char path[64], text[256];
	unsigned long n = 0;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	for (u32 i = 0; i < 6000 && n != nr; i++) {
		FILE *f = fopen(path, "re");

		if (!f || !fgets(text, sizeof(text), f) || sscanf(text, "%lu", &n) != 1)
			n = 0;
		if (f)
			fclose(f);
		if (n != nr)
			usleep(10000);
	}
	assert_int_equal(n, nr);
}

static pid_t waiter;

static void *waits(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_store_n(&waiter, gettid(), __ATOMIC_RELEASE);
	syscall(SYS_pselect6, 0L, 0L, 0L, 0L, 0L, 0L);
	return arg;
}

static void test_waiting(void **state)
{
	struct beside b[2] = { { NULL } };
	u64 regs[2][REGS] = { { 0 } };
	u32 kinds = beside_open_both(b, "waiting_regs");
	pthread_t thread;

	assert_true(kinds);
	assert_int_equal(pthread_create(&thread, NULL, waits, NULL), 0);
	while (!__atomic_load_n(&waiter, __ATOMIC_ACQUIRE))
		usleep(1000);
	wait_for_call(waiter, SYS_pselect6);
	for (u32 i = 0; i < kinds; i++)
		ask(&b[i], waiter, regs[i]);
	assert_int_equal(regs[0][0], SYS_pselect6);
	assert_int_equal((s64)regs[0][10], -ENOSYS);
	assert_true(regs[0][7] && regs[0][8] && regs[0][8] == regs[0][9]);
	for (u32 i = 0; kinds == 2 && i < REGS; i++)
		if (regs[0][i] != regs[1][i])
			fail_msg("register %u: skep %#llx, kernel %#llx", i,
				 (unsigned long long)regs[0][i], (unsigned long long)regs[1][i]);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	beside_close_both(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
