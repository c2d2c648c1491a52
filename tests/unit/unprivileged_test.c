/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loaders without capabilities (SKEP_CAPS=real): what the sysctl lets them do, and paths that
 * only a wrong guess of the processor takes, which kernels until 6.16 refuse if they are
 * not valid.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "object/system.h"
#include "skep/skep.h"
#include "tests/lib/system_fixture.h"

/* Takes the effective capabilities away, or gives back what is permitted. */
static void hold_capabilities(bool hold)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	for (int i = 0; i < 2; i++)
		data[i].effective = hold ? data[i].permitted : 0;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static int load_as_nobody(const char *kernel, const char *sysctl, const struct bpf_insn *insns,
			  u32 n, char *log, u32 log_size)
{
	struct skep_system *sys =
		skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							    .kernel = kernel,
							    .caps = "real",
							    .unprivileged_bpf_disabled = sysctl });
	int fd;

	assert_non_null(sys);
	hold_capabilities(false);
	fd = sys_prog_load(sys, BPF_PROG_TYPE_SOCKET_FILTER, insns, n, log, log_size);
	hold_capabilities(true);
	if (fd >= 0)
		close(fd);
	skep_system_free(sys);
	return fd < 0 ? fd : 0;
}

static const struct bpf_insn plain[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* The sysctl decides who may call bpf(2) at all. */
static void sysctl_decides(void **state)
{
	assert_int_equal(load_as_nobody("6.12", "0", plain, 2, NULL, 0), 0);
	assert_int_equal(load_as_nobody("6.12", "1", plain, 2, NULL, 0), -EPERM);
	assert_int_equal(load_as_nobody("6.12", "2", plain, 2, NULL, 0), -EPERM);
}

/* if (0 == 0) skip what reads a register that was never set. */
static void dead_side_of_a_jump(void **state)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .off = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .src_reg = 9 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	struct skep_system *sys = system_for("6.12");
	int fd = sys_prog_load(sys, BPF_PROG_TYPE_SOCKET_FILTER, insns, 4, NULL, 0);

	assert_true(fd >= 0); /* with CAP_PERFMON nobody asks */
	close(fd);
	skep_system_free(sys);
	assert_int_equal(load_as_nobody("6.12", "0", insns, 4, log, sizeof(log)), -EACCES);
	assert_non_null(strstr(log, "R9 !read_ok"));
	assert_int_equal(load_as_nobody("6.1", "0", insns, 4, NULL, 0), -EACCES);
	assert_int_equal(load_as_nobody("6.17", "0", insns, 4, NULL, 0), 0);
	assert_int_equal(load_as_nobody("6.18", "0", insns, 4, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sysctl_decides),
		cmocka_unit_test(dead_side_of_a_jump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
