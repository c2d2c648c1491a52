/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Verdicts against the live kernel: random programs of three types are loaded on
 * both; verdict, and for accepted ones the result of a test run, the packet and the
 * map that it leaves, must be equal. A program that differs is shrunk.
 * Skipped where the kernel does not permit it, or is not the profile's release.
 *
 *   DIFF_COUNT=n   programs (default 2000)     DIFF_SEED=n    first seed (default 1)
 *   DIFF_LOG=1|2   the logs of that level must be equal, too
 *   DIFF_SHOW=1    print every mismatch in full, go on to the end
 *   SKEP_JIT=compare   skep's side runs each by both engines
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/uapi.h"
#include "isa/disasm.h"
#include "skep/skep.h"
#include "tests/lib/kernel.h"
#include "tests/lib/progen.h"

#define LOG_SIZE (8U << 20)

/* ---- both sides ---- */

static struct skep_system *sys;

static int call_skep(int cmd, union bpf_attr *attr)
{
	return skep_bpf(sys, cmd, attr, sizeof(*attr));
}

static int call_live(int cmd, union bpf_attr *attr)
{
	int ret = kernel_bpf(cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

struct side {
	const char *name;
	int (*call)(int cmd, union bpf_attr *attr);
	int map, ring;
	char *log;
	int verdict;
	u32 retval;
	int run_err;
	u8 out[256]; /* the packet afterwards */
	u32 out_size;
	u8 values[4 * VALUE_SIZE]; /* of the map */
} side[2] = { { .name = "skep", .call = call_skep }, { .name = "live", .call = call_live } };

static int make_map(struct side *s)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = VALUE_SIZE;
	attr.max_entries = 4;
	strcpy(attr.map_name, "m");
	return s->call(BPF_MAP_CREATE, &attr);
}

static int make_ring(struct side *s)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = 4096;
	strcpy(attr.map_name, "r");
	return s->call(BPF_MAP_CREATE, &attr);
}

static void reset_map(struct side *s)
{
	u8 value[VALUE_SIZE];
	union bpf_attr attr;

	for (u32 key = 0; key < 4; key++) {
		for (u32 i = 0; i < VALUE_SIZE; i++)
			value[i] = (u8)(key * 17 + i * 3);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (u32)s->map;
		attr.key = (u64)(unsigned long)&key;
		attr.value = (u64)(unsigned long)value;
		s->call(BPF_MAP_UPDATE_ELEM, &attr);
	}
}

static void read_map(struct side *s)
{
	union bpf_attr attr;

	for (u32 key = 0; key < 4; key++) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (u32)s->map;
		attr.key = (u64)(unsigned long)&key;
		attr.value = (u64)(unsigned long)&s->values[key * VALUE_SIZE];
		s->call(BPF_MAP_LOOKUP_ELEM, &attr);
	}
}

/* ---- comparison ---- */

static void load(struct side *s, struct gen *g, u32 level)
{
	struct bpf_insn insn[MAX_INSNS];
	u8 packet[64];
	union bpf_attr attr;
	int fd;

	memcpy(insn, g->insn, g->n * sizeof(insn[0]));
	for (u32 i = 0; i < g->n; i++)
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    insn[i].src_reg == BPF_PSEUDO_MAP_FD)
			insn[i].imm = insn[i].imm == -1 ? s->map : s->ring;
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = g->type;
	attr.prog_flags = g->flags;
	attr.insns = (u64)(unsigned long)insn;
	attr.insn_cnt = g->n;
	attr.license = (u64)(unsigned long)"GPL";
	if (level) {
		attr.log_level = level;
		attr.log_buf = (u64)(unsigned long)s->log;
		attr.log_size = LOG_SIZE;
		s->log[0] = 0;
	}
	fd = s->call(BPF_PROG_LOAD, &attr);
	s->verdict = fd < 0 ? fd : 0;
	s->retval = 0;
	s->run_err = 0;
	if (fd < 0)
		return;
	if (g->no_run) {
		close(fd);
		return;
	}
	reset_map(s);
	for (u32 i = 0; i < sizeof(packet); i++)
		packet[i] = (u8)(i * 7 + 1);
	packet[12] = 8; /* IPv4 */
	packet[13] = 0;
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (u32)fd;
	attr.test.data_in = (u64)(unsigned long)packet;
	attr.test.data_size_in = sizeof(packet);
	memset(s->out, 0, sizeof(s->out));
	attr.test.data_out = (u64)(unsigned long)s->out;
	attr.test.data_size_out = sizeof(s->out);
	attr.test.repeat = 1;
	s->run_err = s->call(BPF_PROG_TEST_RUN, &attr);
	s->retval = attr.test.retval;
	s->out_size = attr.test.data_size_out;
	read_map(s);
	close(fd);
}

static void print_program(const struct gen *g)
{
	char text[160];

	for (u32 i = 0; i < g->n; i++) {
		if (g->insn[i].code == (BPF_JMP | BPF_JA) && !g->insn[i].off)
			continue;
		disasm_insn(text, sizeof(text), &g->insn[i], NULL);
		printf("# %3u: %s\n", i, text);
		if (g->insn[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
	}
}

/* The last lines of a log, where the refusal stands. */
static void print_tail(const char *name, const char *log, u32 lines)
{
	const char *p = log + strlen(log);

	while (p > log && lines)
		if (*--p == '\n' && p[1])
			lines--;
	printf("# --- %s\n%s", name, getenv("DIFF_FULL") ? log : p);
}

/* Addresses and times differ; the rest of a line must not. */
static bool line_counts(const char *line)
{
	return strncmp(line, "verification time", 17) && !strstr(line, "(18) r");
}

static bool logs_equal(const char *a, const char *b)
{
	for (u32 line = 1; *a || *b; line++) {
		size_t na = strcspn(a, "\n"), nb = strcspn(b, "\n");

		if ((na != nb || memcmp(a, b, na)) && (line_counts(a) || line_counts(b))) {
			printf("# log line %u:\n#   skep: %.*s\n#   live: %.*s\n", line, (int)na, a,
			       (int)nb, b);
			return false;
		}
		a += na + (a[na] == '\n');
		b += nb + (b[nb] == '\n');
	}
	return true;
}

static u32 log_mode;
static bool show;

/* Whether what the program leaves depends on where its stack is: an address got into it. */
static __attribute__((noinline)) bool shows_addresses(struct gen *g)
{
	struct side before = side[0];
	u8 above[5008];

	__asm__ volatile("" : : "r"(above) : "memory");
	load(&side[0], g, log_mode);
	__asm__ volatile("" : : "r"(above) : "memory");
	return before.retval != side[0].retval ||
	       memcmp(before.out, side[0].out, sizeof(before.out)) ||
	       memcmp(before.values, side[0].values, sizeof(before.values));
}

/* In what the sides differ about @g, or NULL. */
static const char *difference(struct gen *g)
{
	const char *what = NULL;
	bool ran;

	for (int i = 0; i < 2; i++)
		load(&side[i], g, log_mode);
	ran = !side[0].verdict && !side[0].run_err && !g->no_run && !g->tainted;
	if (!side[0].verdict != !side[1].verdict)
		what = side[0].verdict ? "refused, live accepts" : "accepted, live refuses";
	else if (side[0].verdict != side[1].verdict)
		what = "errno";
	else if (!side[0].verdict && side[0].run_err != side[1].run_err &&
		 side[0].run_err != -524 &&
		 /* the engines' stacks differ, too */
		 !(g->tainted && side[0].run_err == -EFAULT))
		what = "test run";
	else if (ran && side[0].retval != side[1].retval)
		what = "result";
	else if (ran && (side[0].out_size != side[1].out_size ||
			 memcmp(side[0].out, side[1].out, sizeof(side[0].out))))
		what = "packet";
	else if (ran && memcmp(side[0].values, side[1].values, sizeof(side[0].values)))
		what = "map";
	if (what && ran && shows_addresses(g))
		what = NULL;
	if (!what && log_mode && !logs_equal(side[0].log, side[1].log))
		what = "log";
	return what;
}

/* No-ops for every instruction that the difference does not need. */
static void shrink(struct gen *g, const char *what)
{
	struct bpf_insn was[2];
	const char *now;

	for (u32 i = 0; i + 1 < g->n; i++) {
		u32 n = g->insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;

		memcpy(was, &g->insn[i], n * sizeof(was[0]));
		for (u32 k = 0; k < n; k++)
			g->insn[i + k] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
		now = difference(g);
		if (!now || strcmp(now, what))
			memcpy(&g->insn[i], was, n * sizeof(was[0]));
		i += n - 1;
	}
	difference(g);
}

/* True when both sides agree about program @seed. */
static bool compare(u64 seed, u32 *accepted)
{
	static struct gen g;
	const char *what;

	generate(&g, seed);
	what = difference(&g);
	*accepted += !side[1].verdict;
	if (!what)
		return true;
	if (!log_mode)
		shrink(&g, what);
	printf("# seed %llu: %s: skep %d run %d retval %#x, live %d run %d retval %#x\n",
	       (unsigned long long)seed, what, side[0].verdict, side[0].run_err, side[0].retval,
	       side[1].verdict, side[1].run_err, side[1].retval);
	print_program(&g);
	if (show) {
		for (int i = 0; i < 2; i++) {
			load(&side[i], &g, log_mode ? log_mode : 2);
			print_tail(side[i].name, side[i].log, 12);
		}
	}
	return false;
}

static u64 number(const char *name, u64 otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void verdicts_equal_the_live_kernels(void **state)
{
	u64 seed = number("DIFF_SEED", 1), count = number("DIFF_COUNT", 2000);
	u32 accepted = 0, bad = 0;

	(void)state;
	if (!sys)
		skip();
	for (u64 i = 0; i < count; i++) {
		bad += !compare(seed + i, &accepted);
		if (bad >= 20 && !show)
			break;
	}
	printf("# %llu programs, %u accepted, %u differ\n", (unsigned long long)count, accepted,
	       bad);
	assert_true(accepted > 0 || count < 100);
	assert_int_equal(bad, 0);
}

/* NULL, or why there is nothing to compare with. */
static const char *prepare(void)
{
	struct skep_system_opts opts = { .sz = sizeof(opts) };
	char release[16];
	struct utsname u;
	int major = 0, minor = 0;

	side[1].map = make_map(&side[1]);
	if (side[1].map < 0)
		return "the kernel does not permit bpf()";
	uname(&u);
	if (sscanf(u.release, "%d.%d", &major, &minor) != 2 || (major == 6 && minor != 18) ||
	    major != 6)
		return "the kernel is not 6.18";
	snprintf(release, sizeof(release), "%d.%d", major, minor);
	opts.kernel = release;
	opts.caps = "full";
	sys = skep_system_new(&opts);
	if (!sys)
		return "no system";
	side[0].map = make_map(&side[0]);
	for (int i = 0; i < 2; i++) {
		side[i].ring = make_ring(&side[i]);
		if (side[i].map < 0 || side[i].ring < 0)
			return "no map";
	}
	return NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_equal_the_live_kernels),
	};
	const char *why = prepare();
	int ret;

	log_mode = (u32)number("DIFF_LOG", 0);
	show = number("DIFF_SHOW", 0);
	if (why) {
		printf("1..1\nok 1 - verdicts_equal_the_live_kernels # SKIP %s\n", why);
		skep_system_free(sys);
		return 0;
	}
	for (int i = 0; i < 2; i++)
		side[i].log = malloc(LOG_SIZE);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	skep_system_free(sys);
	return ret;
}
