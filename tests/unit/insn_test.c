/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Machine instructions: lengths as objdump sees them; copies and emulation as the
 * processor executes the original, in a traced child.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/insn.h"
#include "tests/lib/kernel.h"

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

/* ---- lengths ---- */

/* "  address:\tbytes \tmnemonic" */
static u32 bytes_of(const char *line, u8 *out, const char **mnemonic)
{
	const char *p = strchr(line, '\t');
	u32 n = 0;

	for (p = p ? p + 1 : ""; n < 16; p += 3) {
		char hex[3] = { p[0], p[0] ? p[1] : 0, 0 }, *end;
		u8 v = (u8)strtoul(hex, &end, 16);

		if (end != hex + 2)
			break;
		out[n++] = v;
	}
	*mnemonic = strchr(p, '\t');
	return *mnemonic ? n : 0;
}

static void test_lengths(void **state)
{
	FILE *f = popen("objdump -d -w -j .text /lib/x86_64-linux-gnu/libc.so.6 2>/dev/null", "r");
	u32 total = 0, branches = 0, riprel = 0;
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		u8 bytes[32] = { 0 };
		const char *mnemonic;
		struct x86_insn in;
		u32 n = bytes_of(line, bytes, &mnemonic);

		if (!n || strstr(mnemonic, "(bad)"))
			continue;
		memset(bytes + n, 0xcc, sizeof(bytes) - n);
		if (x86_decode(bytes, sizeof(bytes), &in) || in.len != n)
			fail_msg("length %u, not %u: %s", in.len, n, line);
		if (x86_decode(bytes, n - 1, &in) != -ENOEXEC) /* a part of it is none */
			fail_msg("decoded without its last byte: %s", line);
		x86_decode(bytes, n, &in);
		total++;
		riprel += in.rip_relative;
		if (in.rip_relative != !!strstr(mnemonic, "(%rip)"))
			fail_msg("%%rip-relative or not: %s", line);
		branches += mnemonic[1] == 'j';
	}
	if (f)
		pclose(f);
	if (!total)
		skip(); /* no objdump, or no libc there */
	assert_true(total > 100000 && branches > 10000 && riprel > 5000);
}

/* ---- execution ---- */

#define CODE  0x10000000UL
#define DATA  0x10010000UL
#define SLOTS 0x10020000UL
#define SIZE  0x10000UL
#define AT    (CODE + 0x8000) /* of the instruction */

static pid_t child;
static struct user_regs_struct start; /* of the child, as it was stopped first */

static void *page_at(u64 addr)
{
	void *p = mmap((void *)addr, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return p == (void *)addr ? p : NULL;
}

static int setup(void **state)
{
	int status;

	if (!page_at(CODE) || !page_at(DATA) || !page_at(SLOTS))
		return -1;
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(1);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
	ptrace(PTRACE_GETREGS, child, NULL, &start);
	srandom(3);
	return WIFSTOPPED(status) ? 0 : -1;
}

static int teardown(void **state)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}

/* Runs the child from @regs to its next stop: the signal. int3 is stepped back. */
static int go(struct user_regs_struct *regs)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, regs), 0);
	assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, regs), 0);
	if (WSTOPSIG(status) == SIGTRAP)
		regs->rip--;
	return WSTOPSIG(status);
}

static u8 data_before[SIZE], data_real[SIZE];

static void describe(const u8 *bytes, u32 len, char *out)
{
	for (u32 i = 0; i < len; i++)
		sprintf(out + 3 * i, "%02x ", bytes[i]);
}

/*
 * The instruction by the processor in its place, and by us: registers, memory and
 * where it goes on are equal. Returns whether the processor executed it.
 */
static bool compare(const u8 *bytes, struct user_regs_struct *regs, const char *what)
{
	struct user_regs_struct real = *regs, ours = *regs;
	u64 slot = SLOTS + 0x100 + rnd(64) * 64;
	enum x86_kind kind;
	struct x86_insn in;
	char text[64];
	int sig, err;

	err = x86_probe_check(bytes, X86_INSN_MAX, &in, &kind);
	describe(bytes, in.len, text);
	if (err)
		fail_msg("%s (%s): refused, %d", text, what, err);
	memset((void *)CODE, 0xcc, SIZE);
	memset((void *)SLOTS, 0xcc, SIZE);
	memcpy((void *)AT, bytes, in.len);
	memcpy(data_before, (void *)DATA, SIZE);
	real.rip = AT;
	sig = go(&real);
	memcpy(data_real, (void *)DATA, SIZE);
	memcpy((void *)DATA, data_before, SIZE);

	ours.rip = AT;
	if (kind == X86_COPY) {
		struct x86_slot out;

		assert_int_equal(x86_relocate(&in, bytes, AT, slot, &out), 0);
		assert_in_range(out.len, 1, X86_SLOT_SIZE);
		memcpy((void *)slot, out.code, out.len);
		memset((void *)AT, 0xcc, in.len); /* where it came from is a breakpoint now */
		ours.rip = slot;
		err = go(&ours);
		if (out.pushed && ours.rip == slot + out.second)
			ours.rsp += 8;
		if (ours.rip == slot || (out.pushed && ours.rip == slot + out.second))
			ours.rip = AT;
		if (err != sig)
			fail_msg("%s (%s): signal %d in its place, %d elsewhere", text, what, sig,
				 err);
	} else {
		insn_emulate(&in, kind, &ours);
	}
	real.orig_rax = ours.orig_rax;
	/* Resume flag: set by the trap, of no meaning. */
	real.eflags &= ~0x10000UL, ours.eflags &= ~0x10000UL;
	if (memcmp(&real, &ours, sizeof(real)))
		for (u32 i = 0; i < sizeof(real) / 8; i++)
			if (((u64 *)&real)[i] != ((u64 *)&ours)[i])
				fail_msg("%s (%s): word %u of the registers is %#lx in its place, "
					 "%#lx by us",
					 text, what, i, ((u64 *)&real)[i], ((u64 *)&ours)[i]);
	if (sig == SIGTRAP && memcmp(data_real, (void *)DATA, SIZE))
		fail_msg("%s (%s): memory differs", text, what);
	return sig == SIGTRAP;
}

static struct user_regs_struct some_regs(void)
{
	struct user_regs_struct r = start;
	unsigned long long *gp[] = { &r.rax, &r.rbx, &r.rcx, &r.rdx, &r.rsi, &r.rdi, &r.rbp, &r.r8,
				     &r.r9,  &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15 };
	static const u32 flags[] = { 1, 4, 0x40, 0x80, 0x800 };

	for (u32 i = 0; i < ARRAY_SIZE(gp); i++)
		*gp[i] = DATA + 0x4000 + rnd(0x4000);
	if (!rnd(3))
		r.rcx = rnd(3);
	r.rsp = DATA + 0xc000 + rnd(64) * 8;
	r.orig_rax = ~0ULL;
	r.eflags = 0x202;
	for (u32 i = 0; i < ARRAY_SIZE(flags); i++)
		r.eflags |= rnd(2) ? flags[i] : 0;
	for (u32 i = 0; i < SIZE; i += 8) /* any word is a place to jump to */
		*(u64 *)(DATA + i) = CODE + 0x1000 + rnd(0xc000);
	return r;
}

static void put32(u8 *p, s32 v)
{
	memcpy(p, &v, sizeof(v));
}

static void test_branches(void **state)
{
	u32 taken = 0;

	for (u32 i = 0; i < 6000; i++) {
		struct user_regs_struct regs = some_regs();
		s32 near = (s32)rnd(200) - 100, far = (s32)rnd(0xe000) - 0x7000;
		u8 b[X86_INSN_MAX] = { 0 };
		const char *what = "";
		u32 reg = rnd(8), mod = rnd(4), n = 0;

		if (near > -16 && near < 16)
			near = 40;
		if (far > -16 && far < 16)
			far = 4000;
		switch (rnd(9)) {
		case 0:
			what = "jcc rel8", b[0] = (u8)(0x70 + rnd(16)), b[1] = (u8)near;
			break;
		case 1:
			what = "jcc rel32", b[0] = 0x0f, b[1] = (u8)(0x80 + rnd(16));
			put32(b + 2, far);
			break;
		case 2:
			what = "loop", b[0] = (u8)(0xe0 + rnd(4)), b[1] = (u8)near;
			break;
		case 3:
			what = "jmp rel8", b[0] = 0xeb, b[1] = (u8)near;
			break;
		case 4:
			what = "jmp, call rel32", b[0] = rnd(2) ? 0xe9 : 0xe8;
			put32(b + 1, far);
			break;
		case 5:
			what = "ret", b[0] = rnd(2) ? 0xc3 : 0xc2;
			b[1] = (u8)rnd(256), b[2] = b[0] == 0xc2 ? (u8)rnd(30) : 0;
			break;
		case 6:
			what = "nop", n = rnd(5);
			memcpy(b,
			       n == 0 ? "\x90" :
			       n == 1 ? "\xf3\x0f\x1e\xfa" :
			       n == 2 ? "\x66\x0f\x1f\x44\x00\x00" :
			       n == 3 ? "\x0f\x1f\x80\x00\x00\x00\x00" :
					"\x66\x90",
			       n == 0 ? 1 :
			       n == 1 ? 4 :
			       n == 2 ? 6 :
			       n == 3 ? 7 :
					2);
			break;
		default:
			what = "jmp, call indirect";
			if (rnd(2))
				b[n++] = (u8)(0x40 + rnd(16));
			b[n++] = 0xff;
			b[n++] = (u8)(mod << 6 | (rnd(2) ? 2 : 4) << 3 | reg);
			if (mod == 3) { /* the register itself is the target */
				b[n - 1] ^= (b[n - 1] & 7) == 4; /* but the stack pointer */
				regs.rax = regs.rbx = regs.rcx = regs.rdx = regs.rsi = CODE + 100;
				regs.rdi = regs.rbp = regs.r8 = regs.r9 = regs.r10 = CODE + 300;
				regs.r11 = regs.r12 = regs.r13 = regs.r14 = regs.r15 = CODE + 900;
				break;
			}
			if (reg == 4)
				b[n++] = (u8)(rnd(8) << 3 | rnd(8)); /* scale 1 */
			if (mod == 1)
				b[n] = (u8)rnd(256);
			else if (mod == 0 && reg == 5)
				put32(b + n, (s32)(DATA - AT) + (s32)rnd(0x8000));
			else
				put32(b + n, (s32)rnd(0x2000) - 0x1000);
			/* base and index together must stay in memory that is there */
			if (reg == 4) {
				regs.rax = regs.rcx = regs.rdx = regs.rbx = rnd(0x1000);
				regs.r8 = regs.r9 = regs.r10 = regs.r11 = rnd(0x1000);
				b[n - 1] = (u8)(rnd(2) << 6 | rnd(4) << 3 | (5 + rnd(3)));
				if (!rnd(3)) { /* relative to the stack, which the call moves */
					b[n - 1] = 0x24;
					memset(b + n, 0, 4);
					b[n] = (u8)(mod == 1 ? rnd(128) : rnd(256));
				}
				if ((b[n - 1] & 7) == 5 && !mod)
					put32(b + n, (s32)(DATA + rnd(0x8000)));
				b[0] = b[0] == 0xff ? 0xff : (u8)(b[0] & ~1);
			}
			break;
		}
		taken += compare(b, &regs, what);
	}
	assert_true(taken > 5000);
}

/* Instructions that a copy executes, with an operand relative to %rip where '@' is. */
static const char *const copied[] = {
	"50",
	"41 57",
	"55",
	"5d",
	"41 5c",
	"48 89 e5",
	"48 83 ec 28",
	"48 81 ec 98 00 00 00",
	"48 8d 05 @",
	"4c 8d 3d @",
	"8b 05 @",
	"48 8b 0d @",
	"89 15 @",
	"48 03 05 @",
	"01 05 @",
	"ff 05 @",
	"48 ff 0d @",
	"80 3d @ 00",
	"83 3d @ 07",
	"48 81 3d @ 44 33 22 11",
	"66 81 05 @ 34 12",
	"c6 05 @ 5a",
	"c7 05 @ 78 56 34 12",
	"48 c7 05 @ 78 56 34 12",
	"66 c7 05 @ 34 12",
	"f6 05 @ 81",
	"f7 05 @ 01 00 00 80",
	"f7 1d @",
	"48 f7 25 @",
	"48 0f af 05 @",
	"48 69 05 @ 10 27 00 00",
	"6b 05 @ 7f",
	"0f b6 05 @",
	"48 0f be 05 @",
	"48 63 05 @",
	"0f b1 0d @",
	"48 87 1d @",
	"0f a4 15 @ 05",
	"0f ac 15 @ 05",
	"48 0f ba 25 @ 05",
	"0f 94 05 @",
	"0f 44 05 @",
	"d1 25 @",
	"c1 2d @ 03",
	"d3 05 @",
	"f3 0f 6f 05 @",
	"0f 29 05 @",
	"66 0f 6f 0d @",
	"f2 0f 58 05 @",
	"66 0f 3a 0f 05 @ 03",
	"66 0f 38 00 05 @",
	"8f 05 @",
	"ff 35 @",
	"d9 05 @",
	"dd 1d @",
	"0f c7 0d @",
	"0f ae 1d @",
	"64 48 8b 04 25 28 00 00 00",
	"c8 20 00 00",
	"c9",
	"9c",
	"9d",
	"fc",
	"f3 aa",
	"f3 48 ab",
	"aa",
	"48 a5",
	"98",
	"48 99",
	"d7",
	"48 b8 88 77 66 55 44 33 22 11",
	"b8 44 33 22 11",
	"66 b8 22 11",
	"b0 7f",
	"6a ff",
	"68 44 33 22 11",
	"a8 01",
	"48 a9 00 00 00 80",
	"0f c8",
	"48 0f cf",
	"0f a2",
	"48 31 c0",
	"31 ed",
	"4d 85 c0",
	"48 c1 e0 04",
	"0f 1f c0",
	"f3 90",
	"48 8d 64 24 f8",
	"48 89 7c 24 08",
	"4c 8b 64 24 10",
	"66 83 44 24 08 07",
};

static u32 parse(const char *hex, u8 *out)
{
	u32 n = 0;

	for (; *hex; hex += *hex == ' ')
		if (*hex == '@') {
			put32(out + n, 0);
			n += 4;
			hex++;
		} else {
			out[n++] = (u8)strtoul(hex, NULL, 16);
			hex += 2;
		}
	return n;
}

static void run_copied(const char *hex)
{
	for (u32 i = 0; i < 20; i++) {
		struct user_regs_struct regs = some_regs();
		u8 b[X86_INSN_MAX] = { 0 };
		u32 n = parse(hex, b);
		struct x86_insn in;

		assert_int_equal(x86_decode(b, sizeof(b), &in), 0);
		assert_int_equal(in.len, n);
		assert_int_equal(in.rip_relative, !!strchr(hex, '@'));
		if (in.rip_relative) /* aligned for the vector forms */
			put32(b + in.disp_at, (s32)(DATA + 0x2000 + rnd(0x100) * 16 - AT) - (s32)n);
		if (!strncmp(hex, "f3 ", 3) && (b[1] == 0xaa || b[2] == 0xab))
			regs.rcx = rnd(300);
		if (!strcmp(hex, "d7"))
			regs.rbx = DATA;
		if (!strcmp(hex, "9d")) /* flags from the stack: without trap and other levels */
			*(u64 *)regs.rsp = 0x202 | (rnd(2) ? 0x8d5 : 0);
		compare(b, &regs, hex);
	}
}

static void test_copies(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(copied); i++)
		run_copied(copied[i]);
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
		run_copied("c5 fc 28 05 @");
		run_copied("c5 f8 77");
		run_copied("c4 e2 63 f6 0d @"); /* mulx */
		run_copied("c4 e3 7d 18 05 @ 01");
	}
}

/* A copy that is too far from its operand is not made. */
static void test_far(void **state)
{
	static const u8 lea[] = { 0x48, 0x8d, 0x05, 0, 0, 0, 0 };
	struct x86_slot out;
	struct x86_insn in;

	assert_int_equal(x86_decode(lea, sizeof(lea), &in), 0);
	assert_int_equal(x86_relocate(&in, lea, 1UL << 40, (1UL << 40) + (1UL << 31) - 64, &out),
			 0);
	assert_int_equal(x86_relocate(&in, lea, 1UL << 40, (1UL << 40) + (1UL << 31) + 64, &out),
			 -ERANGE);
}

/* Faults leave everything as it was, at the instruction. */
static void test_faults(void **state)
{
	static const char *const forms[] = { "48 8b 00", "89 03", "ff 10",	    "ff 20",
					     "50",	 "c3",	  "e8 00 01 00 00", "f3 a4" };

	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		struct user_regs_struct regs = some_regs();
		u8 b[X86_INSN_MAX] = { 0 };

		parse(forms[i], b);
		regs.rax = regs.rbx = regs.rsi = regs.rdi = 0x1000;
		regs.rcx = 4;
		if (b[0] == 0x50 || b[0] == 0xc3 || b[0] == 0xe8)
			regs.rsp = 0x2000;
		assert_false(compare(b, &regs, forms[i]));
	}
}

/* ---- what Linux puts a probe on ---- */

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

struct answer {
	int form, err;
};

static void test_refused(void **state)
{
	static const char *const forms[] = {
		"90",
		"cc",
		"cd 80",
		"cf",
		"f4",
		"fa",
		"ec",
		"6c",
		"e4 00",
		"9a",
		"06",
		"60",
		"f1",
		"f0 ff 00",
		"2e 90",
		"3e ff 00",
		"8e d0",
		"8e c0",
		"0f 05",
		"0f 0b",
		"0f 01 f8",
		"0f a2",
		"0f ae e8",
		"66 e8 00 00 00 00",
		"66 e9 00 00 00 00",
		"66 74 00",
		"66 eb 00",
		"c5 f8 77",
		"c5 f9 6f c1",
		"c5 f9 ef c1",
		"c5 f9 eb c1",
		"c4 e2 79 00 c1",
		"62 f1 7c 48 28 c1",
		"f3 0f 1e fa",
		"0f 1f 44 00 00",
		"e8 00 00 00 00",
		"55",
		"c3",
		"c2 08 00",
		"e3 00",
		"ff d0",
		"ff 20",
		"64 8b 04 25 00 00 00 00",
		"d6",

		"0f 38 00 c1",
		"0f 3a 0f c1 03",
		"cb",
		"c8 08 00 00",
		"9d",
		"0f 30",
		"0f 34",
	};
	char path[] = "/tmp/skep-insn-XXXXXX";
	int fd = mkstemp(path), type = uprobe_type();
	u8 page[4096];
	u32 differ = 0, asked = 0;
	int pipes[2];
	void *code;

	memset(page, 0x11, sizeof(page));
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
		parse(forms[i], page + i * 32);
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	code = mmap(NULL, sizeof(page), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	unlink(path);
	if (type < 0 || code == MAP_FAILED) {
		close(fd);
		skip(); /* the running kernel has no uprobes, or /tmp no programs */
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Making a probe and taking it away takes Linux long: a child for each, never waited for. */
	if (pipe(pipes))
		fail();
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		struct perf_event_attr pe = { .size = sizeof(pe), .type = (u32)type };
		struct answer a = { (int)i, 0 };

		pe.config1 = (u64)path;
		pe.config2 = i * 32;
		if (fork())
			continue;
		a.err = (int)kernel_call(SYS_perf_event_open, (long)&pe, getpid(), -1, -1, 0);
		_exit(write(pipes[1], &a, sizeof(a)) != sizeof(a));
	}
	close(pipes[1]);
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		enum x86_kind kind;
		struct x86_insn in;
		int kernel, ours, at;
		struct answer a;

		if (read(pipes[0], &a, sizeof(a)) != sizeof(a))
			fail();
		kernel = a.err < 0 ? a.err : 0;
		at = a.form;
		if (kernel == -EACCES || kernel == -EPERM)
			break;
		asked++;
		ours = x86_probe_check(page + at * 32, X86_INSN_MAX, &in, &kind);
		if (kernel != ours) {
			printf("# %s: %d, Linux %d\n", forms[at], ours, kernel);
			differ++;
		}
	}
	close(pipes[0]);
	munmap(code, sizeof(page));
	close(fd);
	if (!asked)
		skip(); /* perf_event_open() is refused here */
	assert_int_equal(differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_branches),
		cmocka_unit_test(test_copies),	cmocka_unit_test(test_faults),
		cmocka_unit_test(test_far),	cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
