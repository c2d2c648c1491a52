/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What global functions may take (btf_prepare_func_args() and its callers in Linux): every program of
 * tests/bpf/global_args.bpf.c alone. Its verdict is the table's, and the running kernel's where that is of the
 * profile's release, with all that the log says beside the instructions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "base/uapi.h"

#include <bpf/bpf.h>

#include "tests/lib/beside.h"

#define LOG_SIZE  (1U << 18)
#define AS_KERNEL 1 /* the verdict depends on the kernel types in force */

enum {
	RUN = 1,    /* has the same result on both sides */
	DIFFERS = 2 /* is refused here alone: docs/differences.md */
};

static const struct row {
	const char *name;
	int err;
	const char *says;
	u32 flags;
} rows[] = {
	{ "trusted", 0, NULL, RUN },
	{ "trusted_flavour", 0, NULL, RUN },
	{ "trusted_const_alias", 0, NULL, 0 },
	{ "trusted_untagged", -EINVAL, "access beyond struct", 0 },
	{ "trusted_null", -EACCES, "R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "trusted_number", -EACCES, "R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "trusted_memory", -EACCES, "R1 type=map_value expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "trusted_walked", -EACCES, "R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_",
	  0 },
	{ "trusted_walked_mm", -EACCES,
	  "R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "trusted_other", -EACCES, "R1 is of type task_struct but mm_struct is expected", 0 },
	{ "trusted_written", -EACCES, "only read is supported", 0 },
	{ "trusted_outside", -EACCES, "access beyond struct task_struct", 0 },
	{ "trusted_nullable", 0, NULL, RUN },
	{ "trusted_nullable_null", 0, NULL, RUN },
	{ "trusted_nullable_blind", -EACCES, "R1 invalid mem access 'trusted_ptr_or_null_'", 0 },
	{ "trusted_nonnull", -EINVAL, "arg#0 has invalid combination of tags", 0 },
	{ "trusted_nowhere", -ENOENT, "arg#0 reference type('STRUCT nowhere') has no matches", 0 },
	{ "trusted_ambiguous", AS_KERNEL, NULL, 0 },
	{ "trusted_int", -EACCES, "R1 is of type task_struct but int is expected", 0 },
	{ "trusted_void", -EINVAL,
	  "arg#0 reference type('UNKNOWN (anon)') candidate matching error: -22", 0 },
	{ "trusted_storage", 0, NULL, 0 },
	{ "trusted_from_iter", 0, NULL, 0 },
	{ "nullable_from_iter", 0, NULL, 0 },
	{ "trusted_from_iter_blind", -EACCES,
	  "R1 type=trusted_ptr_or_null_ expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "untrusted", 0, NULL, RUN },
	{ "untrusted_walked", 0, NULL, 0 },
	{ "untrusted_number", 0, NULL, RUN },
	{ "untrusted_null", 0, NULL, RUN },
	{ "untrusted_memory", 0, NULL, 0 },
	{ "untrusted_context", 0, NULL, 0 },
	{ "untrusted_written", -EACCES, "only read is supported", 0 },
	{ "untrusted_passed", -EACCES,
	  "R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "untrusted_storage", -EACCES,
	  "R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_", 0 },
	{ "untrusted_int", -ENOTSUP, "not supported by skep yet: loads from untrusted memory",
	  DIFFERS },
	{ "untrusted_int_number", -ENOTSUP,
	  "not supported by skep yet: loads from untrusted memory", DIFFERS },
	{ "untrusted_int_written", -EACCES, "R1 cannot write into rdonly_untrusted_mem", 0 },
	{ "untrusted_enum", -ENOTSUP, "not supported by skep yet: loads from untrusted memory",
	  DIFFERS },
	{ "untrusted_void", -ENOTSUP, "not supported by skep yet: loads from untrusted memory",
	  DIFFERS },
	{ "untrusted_mem_passed", 0, NULL, 0 },
	{ "untrusted_union", 0, NULL, 0 },
	{ "untrusted_pointer", -EINVAL,
	  "arg#0 reference type('PTR (anon)') candidate matching error: -22", 0 },
	{ "untrusted_nowhere", -ENOENT, "arg#0 reference type('STRUCT nowhere') has no matches",
	  0 },
	{ "untrusted_nonnull", -EINVAL, "arg#0 untrusted cannot be combined with any other tags",
	  0 },
	{ "untrusted_trusted", 0, NULL, 0 },
	{ "memory", 0, NULL, RUN },
	{ "memory_unsure", 0, NULL, RUN },
	{ "memory_null", 0, NULL, RUN },
	{ "memory_blind", -EACCES, "R1 invalid mem access 'mem_or_null'", 0 },
	{ "memory_short", -EINVAL, "invalid read from stack R1 off=-4 size=8", 0 },
	{ "memory_number", -EINVAL, "R1 type=scalar expected=fp", 0 },
	{ "memory_unsized", -EINVAL, "size cannot be determined", 0 },
	{ "nonnull", 0, NULL, RUN },
	{ "nonnull_unsure", -EINVAL, "arg#0 is expected to be non-NULL", 0 },
	{ "nonnull_null", -EINVAL, "arg#0 is expected to be non-NULL", DIFFERS },
	{ "nullable_alone", -EINVAL, "arg#0 has invalid combination of tags", 0 },
	{ "unknown_tag", -ENOTSUP, "arg#0 has unsupported set of tags", 0 },
	{ "number_tagged", -EINVAL, "arg#0 has pointer tag, but is not a pointer type", 0 },
	{ "number_pointer", 0, NULL, 0 },
	{ "arena_number", 0, NULL, RUN },
	{ "arena_memory", -EINVAL, "R1 is not a pointer to arena or scalar.", 0 },
	{ "arena_nonnull", -EINVAL, "arg#0 arena cannot be combined with any other tags", 0 },
	{ "static_tagged", 0, NULL, RUN },
	{ "context", 0, NULL, 0 },
	{ "context_kernel", 0, NULL, 0 },
	{ "context_tagged", 0, NULL, 0 },
	{ "context_void", 0, NULL, 0 },
	{ "context_wrong", -EINVAL, "arg#0 should be `struct xdp_md *`", 0 },
	{ "context_kernel_tagged", -EINVAL, "arg#0 should be `struct xdp_md *`", 0 },
	{ "context_int", -EINVAL, "arg#0 should be `struct xdp_md *`", 0 },
	{ "context_pointer", -EINVAL, "arg#0 type doesn't have a name", 0 },
	{ "context_nonnull", -EINVAL, "arg#0 has invalid combination of tags", 0 },
	{ "context_number", -EINVAL, "arg#0 has pointer tag, but is not a pointer type", 0 },
	{ "context_null", -EINVAL, "arg#0 expects pointer to ctx", 0 },
	{ "context_other", -EINVAL, "arg#0 expects pointer to ctx", 0 },
	{ "context_skb", 0, NULL, 0 },
	{ "context_uapi", 0, NULL, 0 },
	{ "context_u64", 0, NULL, 0 },
	{ "context_u32", -EINVAL, "arg#0 should be `struct bpf_raw_tracepoint_args *`", 0 },
	{ "context_args", 0, NULL, 0 },
	{ "context_regs", -EINVAL, "arg#0 should be `struct bpf_raw_tracepoint_args *`", 0 },
	{ "context_any", 0, NULL, 0 },
	{ "context_perf", 0, NULL, 0 },
	{ "context_perf_regs", 0, NULL, 0 },
	{ "context_perf_alias", 0, NULL, 0 },
	{ "context_perf_wrong", -EINVAL, "arg#0 should be `struct bpf_perf_event_data *`", 0 },
	{ "context_record", 0, NULL, 0 },
	{ "context_iter", 0, NULL, 0 },
	{ "context_iter_other", 0, NULL, 0 },
	{ "context_iter_u64", -EINVAL, "arg#0 should be void pointer", 0 },
	{ "context_iter_wrong", -EINVAL, "arg#0 should be void pointer", 0 },
	{ "context_tp_btf_u64", 0, NULL, 0 },
	{ "context_tp_btf_args", 0, NULL, 0 },
	{ "context_tp_btf_wrong", -EINVAL, "arg#0 should be void pointer", 0 },
	{ "dynptr", 0, NULL, RUN },
	{ "dynptr_write", 0, NULL, RUN },
	{ "dynptr_slice", 0, NULL, RUN },
	{ "dynptr_past", -EACCES, "R0 min value is outside of the allowed memory range", 0 },
	{ "dynptr_made", -EINVAL, "Dynptr has to be an uninitialized dynptr", 0 },
	{ "dynptr_inside", -EACCES, "R1 invalid mem access 'dynptr_ptr'", 0 },
	{ "dynptr_tagged", -EINVAL, "arg#0 has invalid combination of tags", 0 },
	{ "dynptr_unset", -EINVAL, "Expected an initialized dynptr as arg #0", 0 },
	{ "dynptr_null", -EINVAL, "arg#0 expected pointer to stack or const struct bpf_dynptr", 0 },
	{ "dynptr_map", -EINVAL, "arg#0 expected pointer to stack or const struct bpf_dynptr", 0 },
	{ "dynptr_twice", 0, NULL, RUN },
};

struct outcome {
	int err;
	u32 retval;
	char log[LOG_SIZE];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static struct bpf_object *open_object(const char *name)
{
	const char *out = getenv("O");
	char path[512];

	snprintf(path, sizeof(path), "%s/bpf/%s.bpf.o", out ? out : "build", name);
	return bpf_object__open_file(path, NULL);
}

/* Loads program @which of object @name alone, and runs it if @run. */
static void ask(struct skep_system *sys, const char *name, const char *which, bool run,
		struct outcome *o)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct bpf_program *p;
	struct bpf_object *obj;

	memset(o, 0, sizeof(*o));
	skep_front_use(sys);
	obj = open_object(name);
	assert_non_null(obj);
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), which));
	p = bpf_object__find_program_by_name(obj, which);
	assert_non_null(p);
	bpf_program__set_log_level(p, 1);
	bpf_program__set_log_buf(p, o->log, LOG_SIZE);
	o->err = bpf_object__load(obj);
	if (!o->err && run) {
		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p), &opts), 0);
		o->retval = opts.retval;
	}
	bpf_object__close(obj);
	skep_front_use(NULL);
}

/* Leaves of @log what is neither source, instruction, state nor statistics. */
static void only_words(char *log)
{
	char *out = log, *next;

	for (char *line = log; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if ((*line >= '0' && *line <= '9') || *line == ';' || !strncmp(line, "func '", 6) ||
		    !strncmp(line, "processed ", 10) || !strncmp(line, "verification time", 17) ||
		    !strncmp(line, "stack depth", 11))
			continue;
		memmove(out, line, (size_t)(next - line));
		out += next - line;
	}
	*out = 0;
}

/* The running kernel loads programs and is a 6.18. */
static bool kernel_compares(void)
{
	static struct outcome o;
	struct utsname u;

	if (uname(&u) || strncmp(u.release, "6.18.", 5)) {
		print_message("# the running kernel is not 6.18: not compared\n");
		return false;
	}
	ask(NULL, "global_dynptr", "forward", false, &o);
	if (o.err)
		print_message("# no bpf(2) here: not compared\n");
	return !o.err;
}

static struct skep_system *sys;

static void check_row(const struct row *r, const char *object, bool compare)
{
	static struct outcome ours, theirs;

	ask(sys, object, r->name, r->flags & RUN, &ours);
	only_words(ours.log);
	if (r->err != AS_KERNEL && ours.err != r->err)
		fail_msg("%s: %d, not %d\n%s", r->name, ours.err, r->err, ours.log);
	if (r->says && !strstr(ours.log, r->says))
		fail_msg("%s: \"%s\" is not in\n%s", r->name, r->says, ours.log);
	if (!compare)
		return;
	ask(NULL, object, r->name, r->flags & RUN, &theirs);
	only_words(theirs.log);
	if (r->flags & DIFFERS) {
		assert_int_equal(theirs.err, 0);
		return;
	}
	if (ours.err != theirs.err || ours.retval != theirs.retval || strcmp(ours.log, theirs.log))
		fail_msg("%s: here %d, %u:\n%s\nthe kernel %d, %u:\n%s", r->name, ours.err,
			 ours.retval, ours.log, theirs.err, theirs.retval, theirs.log);
}

static void arguments(void **state)
{
	bool compare = kernel_compares();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i], "global_args", compare);
}

/* No program of the object is without its row. */
static void whole(void **state)
{
	struct bpf_object *obj = open_object("global_args");
	struct bpf_program *p;
	size_t n = 0;

	assert_non_null(obj);
	bpf_object__for_each_program(p, obj) n++;
	assert_int_equal(n, ARRAY_SIZE(rows));
	bpf_object__close(obj);
}

static void forward_declared(void **state)
{
	static const struct row r = { "forward", 0, NULL, RUN };

	check_row(&r, "global_dynptr", kernel_compares());
}

static void load_on(const char *kernel, const char *which, struct outcome *o)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = kernel, .caps = "full" };
	struct skep_system *other = skep_system_new(&opts);

	assert_non_null(other);
	ask(other, "global_args", which, false, o);
	skep_system_free(other);
	only_words(o->log);
}

/* Each tag since its own release; what it means to releases before. */
static void releases(void **state)
{
	static const struct {
		const char *kernel, *name;
		int err;
		const char *says;
	} known[] = {
		{ "6.8", "nonnull", 0, NULL },
		{ "6.7", "nonnull", -EACCES, "mem_or_null" },
		{ "6.9", "trusted", 0, NULL },
		{ "6.8", "trusted", -EOPNOTSUPP, "has unsupported set of tags" },
		{ "6.9", "arena_number", 0, NULL },
		{ "6.8", "arena_number", -EOPNOTSUPP, "has unsupported set of tags" },
		{ "6.17", "untrusted", 0, NULL },
		{ "6.16", "untrusted", -EOPNOTSUPP, "has unsupported set of tags" },
		{ "6.8", "dynptr_write", 0, NULL },
		{ "6.7", "dynptr_write", -EINVAL, "Caller passes invalid args" },
		{ "6.8", "context_wrong", -EINVAL, "should be `struct xdp_md *`" },
		{ "6.4", "context_kernel", 0, NULL },
		{ "6.3", "context_kernel", -EINVAL, "Caller passes invalid args" },
	};
	static struct outcome o;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		load_on(known[i].kernel, known[i].name, &o);
		if (o.err != known[i].err || (known[i].says && !strstr(o.log, known[i].says)))
			fail_msg("%s on %s: %d\n%s", known[i].name, known[i].kernel, o.err, o.log);
	}
}

static int setup(void **state)
{
	struct skep_system_opts opts = { .sz = sizeof(opts), .kernel = "6.18", .caps = "full" };

	libbpf_set_print(quiet);
	sys = skep_system_new(&opts);
	return !sys;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(whole),
		cmocka_unit_test(forward_declared),
		cmocka_unit_test(releases),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
