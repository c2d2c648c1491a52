/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs on kernel functions: their contexts, the helpers about the function, what they may
 * refuse and which attachments are refused. (Sequences of functions: functions_test.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/system_fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hook/points.h"
#include "skep/skep.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return getenv("TRACE_VERBOSE") ? vfprintf(stderr, format, ap) : 0;
}

/* Opens the object with only the programs that are named; loads it. */
static struct bpf_object *open_with(const char *const names[], int *err)
{
	const char *o = getenv("O");
	struct bpf_object *obj;
	struct bpf_program *p;
	char path[512];

	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/bpf/functions.bpf.o", o ? o : "build");
	obj = bpf_object__open(path);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
	{
		bool wanted = false;

		for (int i = 0; names[i]; i++)
			wanted |= !strcmp(names[i], bpf_program__name(p));
		bpf_program__set_autoload(p, wanted);
	}
	*err = bpf_object__load(obj);
	return obj;
}

static int attach_all(struct bpf_object *obj)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj) if (bpf_program__autoload(p) &&
						 !bpf_program__attach(p)) return -errno;
	return 0;
}

static u64 seen[32];

static void read_seen(struct bpf_object *obj, const char *map, void *to, size_t size)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, map);
	char value[1024];
	u32 key = 0;

	assert_non_null(m);
	assert_true(bpf_map__value_size(m) <= sizeof(value));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(m), &key, value), 0);
	memcpy(to, value, size);
}

/* Attaches, runs "sh -c COMMAND"; its wait status. */
static int run(struct skep_system *sys, const char *const names[], const char *command)
{
	struct skep_spawn_opts opts = { .sz = sizeof(opts) };
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL }, error[200];
	struct skep_process *p;
	struct bpf_object *obj;
	int err, status = 0;

	skep_front_use(sys);
	obj = open_with(names, &err);
	assert_int_equal(err, 0);
	assert_int_equal(attach_all(obj), 0);
	err = skep_spawn(sys, "sh", argv, &opts, &p, error, sizeof(error));
	if (err)
		fail_msg("%s", error);
	assert_int_equal(skep_process_wait(p, true, 20000, &status), 0);
	skep_process_free(p);
	read_seen(obj, ".bss", seen, sizeof(seen));
	bpf_object__close(obj);
	skep_front_use(NULL);
	return status;
}

#define RUN(sys, command, ...) run(sys, (const char *const[]){ __VA_ARGS__, NULL }, command)

static void test_context(void **state)
{
	struct skep_system *sys = system_for("6.12");
	char dir[] = "/tmp/skep-function-XXXXXX", command[128];
	u64 ip = function_ip(sys, FUNC_do_unlinkat);

	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "cd %s; : > victim; rm victim", dir);
	assert_int_equal(RUN(sys, command, "fexit_unlink", "fentry_unlink", "kprobe_unlink",
			     "kretprobe_unlink", "kprobe_sys"),
			 0);
	assert_int_equal(seen[0], 2);
	assert_int_equal(seen[1], 0);
	assert_int_equal((int)seen[2], AT_FDCWD);
	assert_int_equal((s64)seen[3], -EINVAL);
	assert_int_equal(seen[4], 0);
	assert_int_equal(seen[5], 0);
	assert_int_equal(seen[6], 0);
	assert_int_equal(seen[7], ip);
	assert_int_equal((s64)seen[8], -EOPNOTSUPP);
	assert_int_equal(seen[9], ip);
	assert_int_equal(seen[10], ip);
	assert_true(seen[11] > ip && seen[11] < ip + 16);
	assert_int_equal((int)seen[12], AT_FDCWD);
	assert_int_equal(seen[13], 0);
	assert_int_not_equal(seen[14], 0);
	assert_int_equal(seen[15], 0);
	assert_int_equal(seen[16], ip);
	assert_int_equal(seen[17], 0);
	assert_int_equal((int)seen[18], AT_FDCWD);
	assert_int_equal(seen[19], 0);
	assert_int_equal(seen[20], 263);
	skep_system_free(sys);
	assert_int_equal(rmdir(dir), 0);
}

/* The call is not executed and fails as the program says; nobody else sees it but the kretprobe. */
static void test_override(void **state)
{
	struct skep_system *sys = system_for("6.12");
	char dir[] = "/tmp/skep-function-XXXXXX", command[160];

	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "cd %s; : > victim; rm -f victim 2>/dev/null", dir);
	assert_int_not_equal(RUN(sys, command, "override_sys", "after_override",
				 "fentry_overridden", "fentry_unlink"),
			     0);
	assert_int_equal(seen[21], 1);
	assert_int_equal((s64)seen[22], -EAGAIN);
	assert_int_equal(seen[23], 0);
	assert_int_equal(seen[9], 0);
	strcat(dir, "/victim");
	assert_int_equal(unlink(dir), 0);
	*strrchr(dir, '/') = 0;
	assert_int_equal(rmdir(dir), 0);
	skep_system_free(sys);
}

static void test_fmod_ret(void **state)
{
	struct skep_system *sys = system_for("6.12");
	const char *command = "python3 -c 'import socket\n"
			      "socket.socket(1)\n"
			      "try: socket.socket(16, 3)\n"
			      "except PermissionError: exit(5)'";
	int status;

	if (system("python3 -c 0 2>/dev/null")) {
		skep_system_free(sys);
		skip(); /* no python3 */
	}
	status = RUN(sys, command, "deny_socket", "after_deny", "denied_socket");
	assert_int_equal(WEXITSTATUS(status), 5);
	assert_int_equal(seen[24], 16);
	assert_int_equal(seen[25], 0);
	assert_int_equal((int)seen[26], -EACCES);
	assert_int_equal((int)seen[27], -EACCES);
	assert_true(seen[28] >= 2);
	skep_system_free(sys);
}

static void test_exit(void **state)
{
	struct skep_system *sys = system_for("6.12");
	int status = RUN(sys, "exit 3", "exit_code", "group_exit_code");

	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(seen[29], 3 << 8);
	assert_int_equal(seen[30], 3 << 8);
	status = RUN(sys, "kill -TERM $$", "exit_code", "group_exit_code");
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(seen[29], SIGTERM);
	assert_int_equal(seen[30], SIGKILL); /* all threads get this one */
	status = RUN(sys, "ulimit -c 0; kill -SEGV $$", "exit_code", "group_exit_code");
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(seen[29] & 127, SIGSEGV);
	assert_int_equal(seen[30], SIGSEGV);
	skep_system_free(sys);
}

static int load_of(const char *release, const char *name, int *attach)
{
	struct skep_system *sys = system_for(release);
	struct bpf_object *obj;
	int err;

	skep_front_use(sys);
	obj = open_with((const char *const[]){ name, NULL }, &err);
	if (attach && !err)
		*attach = attach_all(obj);
	bpf_object__close(obj);
	skep_front_use(NULL);
	skep_system_free(sys);
	return err;
}

/* As Linux 6.1 and 6.12 answer (fmod_ret of __x64_sys_*: with CONFIG_FUNCTION_ERROR_INJECTION). */
static void test_refusals(void **state)
{
	int attach = 1;

	assert_int_equal(load_of("6.12", "bad_fmod_ret", NULL), -EINVAL);
	assert_int_equal(load_of("6.1", "bad_fmod_ret", NULL), -EINVAL);
	assert_int_equal(load_of("6.12", "bad_fexit", NULL), -EINVAL);
	assert_int_equal(load_of("6.1", "bad_fexit", NULL), 0);
	assert_int_equal(load_of("6.12", "override_inner", &attach), 0);
	assert_int_equal(attach, -EINVAL);
	/* DIFF(functions-refused) */
	assert_int_equal(load_of("6.12", "late_fmod_ret", &attach), 0);
	assert_int_equal(attach, -524);
	assert_int_equal(load_of("6.12", "override_sys", &attach), 0);
	assert_int_equal(attach, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context),	 cmocka_unit_test(test_override),
		cmocka_unit_test(test_fmod_ret), cmocka_unit_test(test_exit),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
