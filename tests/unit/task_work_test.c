/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Task work (tests/bpf/task_work.bpf.c): natively, interpreted, and on the running kernel where it
 * has that: the same callbacks in the same order, the same words about what is refused. Tasks that
 * wait in a call are supervised ones for skep.
 */
#include "object/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "skep/skep.h"

enum { JIT, INTERPRETER, KERNEL, ENGINES };

struct io { /* as in the programs */
	u64 text;
	u32 pid, n;
	s64 out[16];
	struct {
		u32 key, mark;
		u64 pid_tgid;
		s64 copied;
		char text[16];
	} seen[8];
};

static struct skep_system *systems[ENGINES]; /* of KERNEL: NULL */
static bool works[ENGINES];
static char text[] = "hello world";

struct engine {
	struct skep_system *sys;
	struct bpf_object *obj;
	struct bpf_map *bss;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && getenv("V"))
		return vfprintf(stderr, format, args);
	return 0;
}

static struct bpf_object *open_object(const char *only)
{
	const char *out = getenv("O");
	struct bpf_object *obj;
	struct bpf_program *p;
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/task_work.bpf.o", out ? out : "build");
	obj = bpf_object__open_file(path, NULL);
	assert_non_null(obj);
	if (only)
		bpf_object__for_each_program(p, obj)
			bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), only));
	return obj;
}

static bool engine_open(struct engine *e, int which, const char *only)
{
	e->sys = systems[which];
	skep_front_use(e->sys);
	e->obj = open_object(only);
	if (bpf_object__load(e->obj)) {
		bpf_object__close(e->obj);
		skep_front_use(NULL);
		return false;
	}
	e->bss = bpf_object__find_map_by_name(e->obj, ".bss");
	assert_non_null(e->bss);
	return true;
}

static void engine_close(struct engine *e)
{
	skep_front_use(e->sys);
	bpf_object__close(e->obj);
	skep_front_use(NULL);
}

static void get(struct engine *e, struct io *io)
{
	skep_front_use(e->sys);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(e->bss), &(u32){ 0 }, io), 0);
	skep_front_use(NULL);
}

static void put(struct engine *e, const struct io *io)
{
	skep_front_use(e->sys);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(e->bss), &(u32){ 0 }, io, 0), 0);
	skep_front_use(NULL);
}

static void run(struct engine *e, const char *name, struct io *io)
{
	struct bpf_program *p = bpf_object__find_program_by_name(e->obj, name);
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	io->text = (u64)(uintptr_t)text;
	put(e, io);
	skep_front_use(e->sys);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p), &opts), 0);
	assert_int_equal(opts.retval, 0);
	skep_front_use(NULL);
	get(e, io);
}

static u64 self(void)
{
	return (u64)getpid() << 32 | (u32)syscall(SYS_gettid);
}

static void check_seen(const struct io *io, u32 at, u32 key, u32 mark, u64 pid_tgid, bool memory)
{
	assert_int_equal(io->seen[at].key, key);
	assert_int_equal(io->seen[at].mark, mark);
	assert_int_equal(io->seen[at].pid_tgid, pid_tgid);
	if (!memory)
		return;
	assert_int_equal(io->seen[at].copied, sizeof(text));
	assert_string_equal(io->seen[at].text, text);
}

static bool next_engine(struct engine *e, int *which)
{
	if (e->obj)
		engine_close(e);
	e->obj = NULL;
	while (++*which < ENGINES)
		if (works[*which] && engine_open(e, *which, NULL))
			return true;
	return false;
}

#define for_each_engine(e, which)                                                                  \
	struct engine e = { 0 };                                                                   \
	for (int which = -1; next_engine(&e, &which);)

/* The newest first, when the call that ran the program returns. */
static void test_order(void **state)
{
	for_each_engine(e, which)
	{
		struct io io = { 0 };

		run(&e, "order", &io);
		for (u32 i = 0; i < 4; i++) {
			assert_int_equal(io.out[i], 0);
			assert_int_equal(io.out[4 + i], -EBUSY);
			check_seen(&io, i, 3 - i, 103 - i, self(), true);
		}
		assert_int_equal(io.out[8], 0);
		assert_int_equal(io.n, 4);
		io.n = 0;
		run(&e, "order", &io); /* the fields serve again */
		assert_int_equal(io.out[3], 0);
		assert_int_equal(io.n, 4);
	}
}

static void test_again(void **state)
{
	for_each_engine(e, which)
	{
		struct io io = { 0 };

		run(&e, "again", &io);
		assert_int_equal(io.out[0], 0);
		assert_int_equal(io.out[1], -EBUSY);
		assert_int_equal(io.out[2], 0);
		assert_int_equal(io.n, 2);
		check_seen(&io, 0, 5, 105, self(), true);
		check_seen(&io, 1, 6, 106, self(), true);
	}
}

static void test_deleted(void **state)
{
	for_each_engine(e, which)
	{
		struct io io = { 0 };

		run(&e, "deleted", &io);
		for (u32 i = 0; i < 5; i++)
			assert_int_equal(io.out[i], 0);
		assert_int_equal(io.out[5], 500);
		assert_int_equal(io.out[7], 0);
		assert_int_equal(io.out[6], 0);
		assert_int_equal(io.n, 3);
		check_seen(&io, 0, 9, 109, self(), true);
		check_seen(&io, 1, 2, 500, self(), true);
		check_seen(&io, 2, 0, 100, self(), true);
	}
}

/* ---- another task, which waits for a byte and says it ---- */

struct other {
	struct skep_process *p;
	pid_t pid;
	int to, from;
};

static void other_start(struct other *o, int which)
{
	static char name[] = "cat", *const argv[] = { name, NULL };
	int to[2], from[2];
	char error[256];

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	memset(o, 0, sizeof(*o));
	if (which == KERNEL) {
		o->pid = fork();
		if (!o->pid) {
			dup2(to[0], 0);
			dup2(from[1], 1);
			execvp("cat", argv);
			_exit(127);
		}
	} else {
		struct skep_spawn_opts opts = { .sz = sizeof(opts) };
		int in = dup(0), out = dup(1);

		fflush(stdout);
		dup2(to[0], 0);
		dup2(from[1], 1);
		assert_int_equal(
			skep_spawn(systems[which], "cat", argv, &opts, &o->p, error, sizeof(error)),
			0);
		dup2(in, 0);
		dup2(out, 1);
		close(in);
		close(out);
		o->pid = skep_process_pid(o->p);
	}
	close(to[0]);
	close(from[1]);
	o->to = to[1];
	o->from = from[0];
}

/* Whether it sleeps in read(). */
static bool other_waits(struct other *o)
{
	char path[64], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)o->pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return !strncmp(line, "0 0x0 ", 6);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void wait_reading(struct other *o)
{
	for (u32 i = 0; i < 6000; i++) {
		if (other_waits(o))
			return;
		pause_ms(10);
	}
	fail_msg("it does not read");
}

static void wait_seen(struct engine *e, struct io *io, u32 n)
{
	for (u32 i = 0; i < 6000; i++) {
		get(e, io);
		if (io->n >= n)
			return;
		pause_ms(10);
	}
	fail_msg("its work is not done");
}

/* Interrupted for it or not, it gets its byte and goes on. */
static void other_end(struct other *o, const char *bytes)
{
	char got[16] = "";
	int status;

	assert_int_equal(read(o->from, got, sizeof(got)), (ssize_t)strlen(bytes));
	assert_string_equal(got, bytes);
	close(o->to);
	if (o->p)
		assert_int_equal(skep_process_wait(o->p, true, 60000, &status), 0);
	else
		assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
	assert_int_equal(status, 0);
	close(o->from);
	if (o->p)
		skep_process_free(o->p);
}

static void test_other(void **state)
{
	for_each_engine(e, which)
	{
		struct io io = { 0 };
		struct other o;

		other_start(&o, which);
		wait_reading(&o);
		io.pid = (u32)o.pid;
		run(&e, "other_signal", &io);
		assert_int_equal(io.out[0], 0);
		wait_seen(&e, &io, 1);
		check_seen(&io, 0, 0, 100, (u64)o.pid << 32 | (u32)o.pid, false);
		wait_reading(&o);
		run(&e, "other_resume", &io);
		assert_int_equal(io.out[0], 0);
		pause_ms(100);
		get(&e, &io);
		assert_int_equal(io.n, 1); /* it waits */
		wait_reading(&o);
		assert_int_equal(write(o.to, "x", 1), 1);
		wait_seen(&e, &io, 2);
		check_seen(&io, 1, 1, 101, (u64)o.pid << 32 | (u32)o.pid, false);
		other_end(&o, "x");
	}
}

/* It does it on its way out, too, where its memory is gone. */
static void test_killed(void **state)
{
	for_each_engine(e, which)
	{
		struct io io = { 0 };
		struct other o;
		int status;

		other_start(&o, which);
		wait_reading(&o);
		io.pid = (u32)o.pid;
		run(&e, "other_resume", &io);
		assert_int_equal(io.out[0], 0);
		kill(o.pid, SIGKILL);
		if (o.p)
			assert_int_equal(skep_process_wait(o.p, true, 60000, &status), 0);
		else
			assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
		wait_seen(&e, &io, 1);
		check_seen(&io, 0, 1, 101, (u64)o.pid << 32 | (u32)o.pid, false);
		assert_int_equal(io.seen[0].copied, -EFAULT);
		close(o.to);
		close(o.from);
		if (o.p)
			skep_process_free(o.p);
	}
}

/* Scheduled at a call's entry, it is done when that ends. */
static void test_event(void **state)
{
	static char name[] = "sh", flag[] = "-c", script[] = "echo $PPID >/dev/null",
		    *const argv[] = { name, flag, script, NULL };
	struct skep_spawn_opts opts = { .sz = sizeof(opts) };
	struct io io = { 0 };
	struct skep_process *p;
	struct bpf_link *link;
	struct engine e;
	char error[256];
	int status;

	if (!works[JIT])
		skip();
	assert_true(engine_open(&e, JIT, "entered"));
	put(&e, &io);
	skep_front_use(e.sys);
	link = bpf_program__attach(bpf_object__find_program_by_name(e.obj, "entered"));
	assert_non_null(link);
	skep_front_use(NULL);
	assert_int_equal(skep_spawn(e.sys, "sh", argv, &opts, &p, error, sizeof(error)), 0);
	assert_int_equal(skep_process_wait(p, true, 60000, &status), 0);
	get(&e, &io);
	assert_int_equal(io.out[0], 0);
	assert_int_equal(io.out[1], 0); /* not yet */
	assert_int_equal(io.n, 1);
	check_seen(&io, 0, 2, 102, (u64)skep_process_pid(p) << 32 | (u32)skep_process_pid(p),
		   false);
	skep_process_free(p);
	skep_front_use(e.sys);
	bpf_link__destroy(link);
	engine_close(&e);
}

/* Nobody of ours: Linux would do it, too. */
static void test_out_of_reach(void **state)
{
	struct engine e;
	struct io io = { .pid = 1 };

	if (!works[JIT] || getpid() == 1)
		skip();
	assert_true(engine_open(&e, JIT, NULL));
	run(&e, "other_resume", &io);
	assert_int_equal(io.out[0], -EBADF);
	engine_close(&e);
}

/* ---- refusals ---- */

/* The last line before what says how much work it was. */
static void last_line(const char *log, char *out, size_t size)
{
	const char *end = strstr(log, "processed "), *begin;

	while (end && end > log && end[-1] != '\n') /* "processed" within a line */
		end = strstr(end + 1, "processed ");
	if (!end)
		end = log + strlen(log);
	while (end > log && end[-1] == '\n')
		end--;
	for (begin = end; begin > log && begin[-1] != '\n'; begin--)
		;
	snprintf(out, size, "%.*s", (int)(end - begin), begin);
}

static int verdict(int which, const char *name, char *line, size_t size)
{
	static char log[1 << 20];
	struct bpf_object *obj;
	int err;

	skep_front_use(systems[which]);
	obj = open_object(name);
	log[0] = 0;
	bpf_program__set_log_buf(bpf_object__find_program_by_name(obj, name), log, sizeof(log));
	bpf_program__set_log_level(bpf_object__find_program_by_name(obj, name), 1);
	err = bpf_object__load(obj);
	bpf_object__close(obj);
	skep_front_use(NULL);
	last_line(log, line, size);
	if (!err)
		snprintf(line, size, "accepted");
	return err;
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *name, *line; /* NULL: the kernel's */
	} rows[] = {
		{ "bad_map",
		  "bpf_task_work pointer in R2 map_uid=0 doesn't match map pointer in R3 "
		  "map_uid=0" },
		{ "bad_stack", "arg#1 doesn't point to a map value" },
		{ "bad_null", "Possibly NULL pointer passed to trusted arg1" },
		{ "bad_no_map", "Possibly NULL pointer passed to trusted arg2" },
		{ "bad_offset", "off 0 doesn't point to 'struct bpf_task_work' that is at 8" },
		{ "bad_plain", "map 'plain' has no valid bpf_task_work" },
		{ "bad_store", "bpf_task_work cannot be accessed directly by load/store" },
		{ "bad_load", "bpf_task_work cannot be accessed directly by load/store" },
		{ "bad_task", NULL },
		{ "bad_maybe", "Possibly NULL pointer passed to trusted arg0" },
		{ "bad_callback", NULL },
		{ "bad_leak", NULL },
		{ "wide_result", NULL },
		{ "bad_result", NULL },
		{ "bad_beyond", NULL },
		{ "tracing", "accepted" },
		{ "bad_type", NULL },
	};
	char line[ENGINES][512];
	u32 compared = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int err = verdict(JIT, rows[i].name, line[JIT], sizeof(line[JIT])), other;

		if (rows[i].line)
			assert_string_equal(line[JIT], rows[i].line);
		if (!works[KERNEL])
			continue;
		other = verdict(KERNEL, rows[i].name, line[KERNEL], sizeof(line[KERNEL]));
		if (strcmp(line[JIT], line[KERNEL]) || err != other)
			print_message("%s: %d '%s', the kernel: %d '%s'\n", rows[i].name, err,
				      line[JIT], other, line[KERNEL]);
		assert_string_equal(line[JIT], line[KERNEL]);
		assert_int_equal(err, other);
		compared++;
	}
	print_message("# %u verdicts compared with the running kernel's\n", compared);
}

/* Kernels before know no such field; newer ones know the functions by a shorter name. */
static void test_older(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.17", .caps = "full" };
	struct skep_system *sys = skep_system_new(&opts), *current = systems[JIT];
	char line[512];

	assert_non_null(sys);
	systems[JIT] = sys;
	assert_true(verdict(JIT, "order", line, sizeof(line)) < 0);
	systems[JIT] = current;
	skep_system_free(sys);
}

static int start(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };
	struct engine e;

	libbpf_set_print(quiet);
	for (int which = 0; which < ENGINES; which++) {
		if (which != KERNEL) {
			systems[which] = skep_system_new(&opts);
			assert_non_null(systems[which]);
		}
		if (which == INTERPRETER)
			systems[which]->jit_mode = JIT_OFF;
		works[which] = engine_open(&e, which, NULL);
		if (works[which])
			engine_close(&e);
		else
			print_message("# engine %d: no kernel with task work\n", which);
	}
	return 0;
}

static int stop(void **state)
{
	for (int which = 0; which < KERNEL; which++)
		skep_system_free(systems[which]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	cmocka_unit_test(test_again),
		cmocka_unit_test(test_deleted), cmocka_unit_test(test_other),
		cmocka_unit_test(test_killed),	cmocka_unit_test(test_out_of_reach),
		cmocka_unit_test(test_event),	cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_older),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
