/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of supervised processes, compared with what real kernels called: the
 * workloads of tests/functions, recorded on 6.1 and 6.12 (tools/record-functions.sh), are run
 * again with the same programs attached, and say the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "skep/skep.h"
#include "tests/lib/function_trace.h"
#include "tests/lib/system_fixture.h"

static const char *built(const char *name)
{
	static char path[4096];
	const char *o = getenv("O");
	char *full;

	snprintf(path, sizeof(path), "%s/functions/%s", o ? o : "build", name);
	full = realpath(path, NULL);
	assert_non_null(full);
	snprintf(path, sizeof(path), "%s", full);
	free(full);
	return path;
}

/* ---- what is compared ---- */

/*
 * Functions that the recorded kernels' compilers copied into some of their callers, where no
 * probe sees them (DIFF(functions-inlined)).
 */
static bool is_inlined(const char *release, const char *function)
{
	static const char *const always[] = {
		"do_sys_truncate", "vfs_fchmod", "vfs_fchown",	"ksys_fallocate",
		"do_mount",	   "do_execve",	 "do_execveat", "do_sys_open",
		"do_readv",	   "vfs_fsync",	 "vfs_getattr", "ksys_pread64",
		"ksys_pwrite64",   "vfs_llseek", "vfs_readv",	"do_fchmodat",
	};
	static const char *const in_6_1[] = { "do_fsync", "vfs_fsync_range" };

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (!strcmp(function, always[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(in_6_1) && !strcmp(release, "6.1"); i++)
		if (!strcmp(function, in_6_1[i]))
			return true;
	return false;
}

/* Modelled since the other workloads were recorded: "memory" alone has it. */
static bool is_later(const char *workload, const char *function)
{
	return strcmp(workload, "memory") && !strcmp(function, "security_file_mprotect");
}

/* Of "memory" what it does itself: it was recorded as parts of other programs, too. */
static const char *own_calls(const char *workload, const char *text)
{
	const char *at =
		strcmp(workload, "memory") ? NULL : strstr(text, " security_file_mprotect(");

	while (at && at > text && at[-1] != '\n')
		at--;
	return at ? at : text;
}

/* Called when packets arrive, in whoever runs then (DIFF(tcp-states)): counted, not compared in order. */
static bool is_by_packets(const char *function)
{
	return !strcmp(function, "tcp_set_state") || !strcmp(function, "tcp_rcv_state_process");
}

#define TCP_STATES 13

static void count_states(const char *text, unsigned counts[TCP_STATES])
{
	static const char call[] = " tcp_set_state(";

	memset(counts, 0, TCP_STATES * sizeof(counts[0]));
	for (const char *at = text; (at = strstr(at, call)); at++) {
		unsigned state = 0;

		sscanf(at + strcspn(at, ",\n"), ", %u", &state);
		if (state < TCP_STATES)
			counts[state]++;
	}
}

/* As many sockets reach each state; a close after a shutdown sets the FIN_WAIT that it finds again. */
static void compare_states(const char *have_text, const char *want_text)
{
	unsigned have[TCP_STATES], want[TCP_STATES];

	count_states(have_text, have);
	count_states(want_text, want);
	for (unsigned i = 0; i < TCP_STATES; i++) {
		bool repeated = i == 4 || i == 5;

		if (repeated ? !have[i] != !want[i] : have[i] != want[i])
			fail_msg("state %u is set %u times, by Linux %u times", i, have[i],
				 want[i]);
	}
}

struct lines {
	char **v;
	size_t n;
};

/* The size of ld.so.cache, which is another on each machine, as its mapping tells it; 0: not mapped. */
static unsigned long cache_size(const char *text)
{
	static const char mapping[] = "vm_mmap_pgoff(\"ld.so.cache\"";
	const char *at = strstr(text, mapping), *comma = at ? strchr(at, ',') : NULL;
	unsigned long size = 0;

	if (comma && (comma = strchr(comma + 1, ',')))
		sscanf(comma, ", %lu", &size);
	return size;
}

/* Replaces ", @size," in a line about a mapping. */
static void hide_size(char *line, size_t room, unsigned long size)
{
	char number[32], rest[400];
	char *at;

	snprintf(number, sizeof(number), ", %lu,", size);
	at = size && strstr(line, "mmap") ? strstr(line, number) : NULL;
	if (!at)
		return;
	snprintf(rest, sizeof(rest), "%s", at + strlen(number));
	snprintf(at, room - (size_t)(at - line), ", SIZE,%s", rest);
}

/*
 * The lines of @text that are compared: "kf name(args)" without the kinds that @t could not
 * attach. As DIFF(functions-late) says: the file of vfs_open() is empty yet when Linux enters it, that of
 * do_dentry_open() has a path only, and a
 * connection that was refused has a peer while Linux is in tcp_connect(), but not afterwards.
 * tcp_cleanup_rbuf() of nothing is called as often as a reader waits; what ports a socket still has
 * at its last close depends on when the peer's packets come.
 */
static struct lines comparable(const char *text, const char *release, const char *workload,
			       const struct trace *t)
{
	struct lines l = { 0 };
	char *copy = strdup(text), *save = NULL;
	unsigned long cache = cache_size(text);
	bool waited = false;

	for (char *s = strtok_r(copy, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		char kinds[8], name[64], out[400], *k = out, *comma;

		if (sscanf(s, "%7s %63[a-z0-9A-Z_]", kinds, name) != 2)
			fail_msg("not a line of a recording: %s", s);
		if (strcmp(kinds, "process")) {
			if (is_inlined(release, name) || is_by_packets(name) ||
			    is_later(workload, name) ||
			    !strncmp(name, "ext4_", 5)) /* where the files were: on tmpfs */
				continue;
			if (!strcmp(name, "tcp_cleanup_rbuf")) {
				bool returns = waited;

				waited = strstr(s, ", 0)") != NULL;
				if (waited || returns)
					continue;
			}
			for (const char *c = kinds; *c; c++)
				if (trace_attached(t, *c, name))
					*k++ = *c;
			if (k == out)
				continue;
			snprintf(k, sizeof(out) - 8, "%s", s + strlen(kinds));
			if (!strcmp(name, "vfs_open") && (comma = strchr(k, ',')))
				*comma = 0;
			if (!strcmp(name, "do_dentry_open") && (comma = strchr(k, '#')))
				*comma = 0;
			if (!strcmp(name, "tcp_close") && (comma = strchr(k, '/')) &&
			    (comma = strchr(comma + 1, '/')))
				*comma = 0;
			if (!strcmp(name, "tcp_connect") && (comma = strchr(k, '>')))
				*comma = 0;
		} else {
			snprintf(out, sizeof(out), "%s", s);
		}
		hide_size(out, sizeof(out), cache);
		l.v = realloc(l.v, (l.n + 1) * sizeof(*l.v));
		l.v[l.n++] = strdup(out);
	}
	free(copy);
	return l;
}

static void lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static void compare(const struct lines *have, const struct lines *want)
{
	size_t n = have->n < want->n ? have->n : want->n;

	for (size_t i = 0; i <= n; i++) {
		const char *h = i < have->n ? have->v[i] : "(end)";
		const char *w = i < want->n ? want->v[i] : "(end)";

		if (!strcmp(h, w))
			continue;
		for (size_t j = i > 6 ? i - 6 : 0; j < i; j++)
			print_message("#   %s\n", have->v[j]);
		print_message("#  skep: %s\n# Linux: %s\n", h, w);
		for (size_t j = i + 1; j < i + 4; j++)
			print_message("#   then %s | %s\n", j < have->n ? have->v[j] : "",
				      j < want->n ? want->v[j] : "");
		fail_msg("line %zu of %zu differs", i + 1, want->n);
	}
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text;
	long size;

	if (!f)
		fail_msg("no %s", path);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, f), (size_t)size);
	fclose(f);
	return text;
}

/* A system of each release, with all programs attached: that takes longer than the workloads. */
static struct machine {
	const char *release;
	struct skep_system *sys;
	struct trace *trace;
} machines[] = { { "6.1" }, { "6.12" } };

static struct machine *machine(const char *release)
{
	struct machine *m = &machines[!strcmp(release, "6.12")];
	unsigned major, minor;
	const char *why;

	if (!m->sys) {
		struct skep_system_opts opts = { .sz = sizeof(opts),
						 .kernel = release,
						 .caps = "full" };
		char btf[64];

		/* the recorded kernel's types: prototypes differ between releases */
		snprintf(btf, sizeof(btf), "tests/data/world-%s.btf", release);
		opts.btf = btf;
		m->sys = skep_system_new(&opts);
		assert_non_null(m->sys);
	}
	skep_front_use(m->sys);
	if (m->trace)
		return m;
	sscanf(release, "%u.%u", &major, &minor);
	m->trace = trace_open(built("probes.bpf.o"), "kfxr", major << 8 | minor, getenv("MATCH"),
			      &why);
	if (!m->trace)
		fail_msg("%s", why);
	return m;
}

static int close_machines(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct machine *m = &machines[i];

		if (!m->sys)
			continue;
		skep_front_use(m->sys);
		if (m->trace)
			trace_free(m->trace);
		skep_front_use(NULL);
		skep_system_free(m->sys);
	}
	return 0;
}

/* Owners are part of what was recorded. */
static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("recorded as root\n");
	skip();
}

static void replay(const char *release, const char *workload, int expected)
{
	char top[] = "/tmp/skep-functions-XXXXXX", dir[64], path[256], program[4096], *text = NULL,
	     *recorded;
	struct skep_spawn_opts opts = { .sz = sizeof(opts), .envp = trace_environment };
	char *argv[] = { program, (char *)workload, dir, NULL }, error[200];
	struct machine *m = machine(release);
	struct skep_system *sys = m->sys;
	struct trace *t = m->trace;
	struct lines have, want;
	struct skep_process *p;
	size_t size;
	int err, status = 0, null, saved[3];
	FILE *f;

	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/w", top);
	mkdir(dir, 0755);
	snprintf(path, sizeof(path), "tests/functions/%s.sh", workload);
	if (!realpath(path, program))
		snprintf(program, sizeof(program), "%s",
			 built(strcmp(workload, "memory") ? "workload" : workload));
	trace_root(t, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		dup2(null, fd);
	}
	err = skep_spawn(sys, program, argv, &opts, &p, error, sizeof(error));
	for (int fd = 0; fd < 3; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
	close(null);
	if (err)
		fail_msg("cannot start %s: %s", program, error);
	while ((err = skep_process_wait(p, true, 20, &status)) == -EAGAIN)
		trace_poll(t, 0);
	trace_poll(t, 0);
	skep_process_free(p);
	f = open_memstream(&text, &size);
	trace_print(t, f);
	fclose(f);
	if (getenv("SHOW"))
		fputs(text, stderr);
	snprintf(path, sizeof(path), "tests/data/functions/%s-%s.txt", release, workload);
	recorded = read_file(path);
	want = comparable(own_calls(workload, recorded), release, workload, t);
	have = comparable(own_calls(workload, text), release, workload, t);
	skep_front_use(NULL);
	assert_int_equal(err, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	compare(&have, &want);
	compare_states(text, recorded);
	lines_free(&have);
	lines_free(&want);
	free(text);
	free(recorded);
	rmdir(dir);
	rmdir(top);
}

static void test_pipes_6_12(void **state)
{
	replay("6.12", "pipes", 7);
}

static void test_server_6_12(void **state)
{
	replay("6.12", "server", 0);
}

static void test_stages_6_12(void **state)
{
	replay("6.12", "stages", 0);
}

static void test_memory_6_12(void **state)
{
	replay("6.12", "memory", 0);
}

static void test_memory_6_1(void **state)
{
	replay("6.1", "memory", 0);
}

static void test_pipes_6_1(void **state)
{
	replay("6.1", "pipes", 7);
}

static void test_server_6_1(void **state)
{
	replay("6.1", "server", 0);
}

static void test_stages_6_1(void **state)
{
	replay("6.1", "stages", 0);
}

/* Real programs make the recorded calls only if they are the recorded ones. */
static bool is_debian_12(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/etc/os-release", "r");

	while (f && fgets(line, sizeof(line), f))
		found |= !strcmp(line, "VERSION_CODENAME=bookworm\n");
	if (f)
		fclose(f);
	return found && !access("/usr/bin/dash", X_OK);
}

static void replay_shell(const char *release)
{
	if (!is_debian_12()) {
		print_message("# the programs that were recorded are Debian 12's\n");
		skip();
	}
	replay(release, "shell", 6);
}

static void test_shell_6_12(void **state)
{
	replay_shell("6.12");
}

static void test_shell_6_1(void **state)
{
	replay_shell("6.1");
}

/* Whose text is part of what is recorded: cc1 is Debian 12's. */
static void replay_compile(const char *release)
{
	if (!is_debian_12() || access("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", X_OK)) {
		print_message("# the compiler that was recorded is Debian 12's\n");
		skip();
	}
	replay(release, "compile", 5);
}

static void test_compile_6_12(void **state)
{
	replay_compile("6.12");
}

static void test_compile_6_1(void **state)
{
	replay_compile("6.1");
}

static void test_calls_6_12(void **state)
{
	need_root();
	replay("6.12", "calls", 0);
}

static void test_calls_6_1(void **state)
{
	need_root();
	replay("6.1", "calls", 0);
}

static void replay_ipv6(const char *release)
{
	if (access("/proc/net/if_inet6", R_OK)) {
		print_message("# no IPv6\n");
		skip();
	}
	replay(release, "ipv6", 0);
}

static void test_ipv6_6_12(void **state)
{
	replay_ipv6("6.12");
}

static void test_ipv6_6_1(void **state)
{
	replay_ipv6("6.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_6_12),   cmocka_unit_test(test_calls_6_1),
		cmocka_unit_test(test_ipv6_6_12),    cmocka_unit_test(test_ipv6_6_1),
		cmocka_unit_test(test_shell_6_12),   cmocka_unit_test(test_shell_6_1),
		cmocka_unit_test(test_pipes_6_12),   cmocka_unit_test(test_server_6_12),
		cmocka_unit_test(test_stages_6_12),  cmocka_unit_test(test_pipes_6_1),
		cmocka_unit_test(test_server_6_1),   cmocka_unit_test(test_stages_6_1),
		cmocka_unit_test(test_compile_6_12), cmocka_unit_test(test_compile_6_1),
		cmocka_unit_test(test_memory_6_12),  cmocka_unit_test(test_memory_6_1),
	};

	/* What we were started with is not for the workloads: their descriptors have numbers. */
	for (int fd = 3; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);

	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 65536, 65536 });
	return cmocka_run_group_tests(tests, NULL, close_machines);
}
