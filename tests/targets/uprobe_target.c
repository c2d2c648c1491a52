/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A program to put uprobes on: each mode does something that breakpoints could disturb, checks
 * that nothing did, and says how often its functions were called.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PROBED __attribute__((noinline, noclone))

/* Functions whose first instruction is one of each kind. */
long first_push(long n), first_jump(long n), first_call(long n), first_jcc(long n),
	first_rip(long n), first_ret(long n), first_load(long *p), first_call_memory(long n),
	first_loop(long n);
extern const char fault_at[];
__asm__(".text\n"
	".macro FN name\n.globl \\name\n.type \\name, @function\n\\name:\n.endm\n"
	"FN first_push\n push %rbp\n mov %rsp, %rbp\n lea 1(%rdi), %rax\n pop %rbp\n ret\n"
	"FN first_jump\n jmp 1f\n int3\n1: lea 1(%rdi), %rax\n ret\n"
	"FN first_call\n call 1f\n add $1, %rax\n ret\n1: mov %rdi, %rax\n ret\n"
	"FN first_jcc\n jmp 2f\n2: test %rdi, %rdi\nFN jcc_at\n jz 1f\n"
	" lea 1(%rdi), %rax\n ret\n1: mov $1, %eax\n ret\n"
	"FN first_rip\n lea table(%rip), %rax\n mov (%rax), %rax\n add %rdi, %rax\n ret\n"
	"FN first_ret\n ret\n"
	"FN first_load\nfault_at: mov (%rdi), %rax\n ret\n"
	"FN first_call_memory\n call *pointer(%rip)\n add $1, %rax\n ret\n"
	"FN first_loop\n mov %edi, %ecx\n xor %eax, %eax\n1: inc %eax\nFN loop_at\n"
	"loop 1b\n ret\n"
	"identity: mov %rdi, %rax\n ret\n"
	".data\ntable: .quad 1\npointer: .quad identity\n.text\n");

static volatile long sink;

PROBED long work(long a, long b)
{
	__asm__ volatile("" ::: "memory");
	return a * 2 + b;
}

PROBED long recurse(long n)
{
	long r = n > 0 ? recurse(n - 1) + n : 0;

	__asm__ volatile("" ::: "memory");
	return r;
}

/* A tail call: one return for two functions. */
PROBED long tail_called(long n)
{
	__asm__ volatile("" ::: "memory");
	return n + 5;
}
long tail_calls(long n);
__asm__("FN tail_calls\n add $1, %rdi\n jmp tail_called\n");

/* What the DTRACE_PROBE2() of a <sys/sdt.h> makes, with a semaphore: probe skep:tick. */
unsigned short skep_tick_semaphore __attribute__((section(".probes")));
void tick(int a, long b);
__asm__("FN tick\n990: nop\n ret\n"
	".pushsection .note.stapsdt, \"\", \"note\"\n.balign 4\n"
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n"
	"993: .8byte 990b, _.stapsdt.base, skep_tick_semaphore\n"
	".asciz \"skep\"\n.asciz \"tick\"\n.asciz \"-4@%edi 8@%rsi\"\n994: .balign 4\n"
	".popsection\n"
	".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
	".weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n"
	".size _.stapsdt.base, 1\n.popsection\n");

static void ticks(void)
{
	int armed = 0;

	for (int i = 0; i < 10; i++) {
		armed += *(volatile unsigned short *)&skep_tick_semaphore;
		tick(-i, 100L + i);
	}
	printf("armed %d\n", armed);
	if (!fork())
		_exit(skep_tick_semaphore);
	wait(&armed);
	printf("child %d\n", WEXITSTATUS(armed));
}

static jmp_buf env;

PROBED void jumps(long n)
{
	__asm__ volatile("" ::: "memory");
	if (n)
		longjmp(env, 1);
	sink++;
}

PROBED long jumped_over(long n)
{
	jumps(n);
	__asm__ volatile("" ::: "memory");
	return n;
}

static int fail(const char *what, long got, long want)
{
	if (got == want)
		return 0;
	printf("FAILED: %s is %ld, not %ld\n", what, got, want);
	exit(1);
}

static void kinds(void)
{
	long x = 6;

	for (long i = 0; i < 100; i++) {
		fail("push", first_push(i), i + 1);
		fail("jump", first_jump(i), i + 1);
		fail("call", first_call(i), i + 1);
		fail("jcc", first_jcc(i), i + 1);
		fail("rip", first_rip(i), i + 1);
		first_ret(i);
		x = i;
		fail("load", first_load(&x), i);
		fail("call memory", first_call_memory(i), i + 1);
		fail("loop", first_loop(10), 10);
	}
}

static long per_thread;

static void *hammer(void *arg)
{
	long sum = 0;

	for (long i = 0; i < per_thread; i++)
		sum += work(i, (long)arg) + first_push(i) + first_rip(i);
	return (void *)sum;
}

static void threads(long n, long calls)
{
	pthread_t t[64];
	void *ret;

	per_thread = calls;
	for (long i = 0; i < n; i++)
		pthread_create(&t[i], NULL, hammer, (void *)i);
	for (long i = 0; i < n; i++) {
		pthread_join(t[i], &ret);
		fail("sum of a thread", (long)ret,
		     calls * (calls - 1) + calls * i + 2 * (calls * (calls - 1) / 2 + calls));
	}
}

/* Where signals find us: only in code that is ours or a library's. */
static volatile long signals, strange;
extern const char __executable_start[], etext[];

static void on_alarm(int sig, siginfo_t *info, void *uc)
{
	unsigned long ip = (unsigned long)((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP];
	Dl_info where;

	signals++;
	if ((ip < (unsigned long)__executable_start || ip >= (unsigned long)etext) &&
	    !dladdr((void *)ip, &where))
		strange++;
	sink += work(1, 1); /* a probed function inside of the handler */
}

static void during_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval every = { { 0, 700 }, { 0, 700 } }, never = { { 0, 0 }, { 0, 0 } };
	long calls = 0, sum = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (signals < 100 && calls < 3000000) {
		sum += first_push(calls) - calls;
		sum += first_rip(calls) - calls;
		calls++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	fail("sum", sum, 2 * calls);
	fail("signals outside of code", strange, 0);
	printf("calls %ld signals %ld\n", calls, signals);
}

static volatile unsigned long fault_ip;
static long good = 42;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	ucontext_t *c = uc;

	fault_ip = (unsigned long)c->uc_mcontext.gregs[REG_RIP];
	c->uc_mcontext.gregs[REG_RDI] = (greg_t)&good; /* and again */
}

static void faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < 10; i++) {
		fault_ip = 0;
		fail("load after a fault", first_load(NULL), 42);
		fail("place of the fault", (long)fault_ip, (long)fault_at);
	}
}

static volatile long traps;

static void on_trap(int sig)
{
	traps++;
}

static void own_breakpoints(void)
{
	signal(SIGTRAP, on_trap);
	for (int i = 0; i < 5; i++) {
		__asm__ volatile("int3");
		sink += work(i, i);
	}
	fail("own breakpoints", traps, 5);
}

static void forks(int exec, char *self)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = exec ? vfork() : fork();
		int status;

		if (!pid) {
			if (exec) {
				sink += work(i, 1); /* in the parent's memory */
				execl(self, self, "once", (char *)NULL);
			}
			fail("in the child", work(i, 1), i * 2 + 1);
			_exit(7);
		}
		fail("in the parent", work(i, 2), i * 2 + 2);
		waitpid(pid, &status, 0);
		fail("status of the child", WEXITSTATUS(status), 7);
	}
}

/* A child that returns from functions that its parent entered. */
PROBED long forking(long n)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		return 1000 + n;
	waitpid(pid, &status, 0);
	fail("status of the returning child", WEXITSTATUS(status), 7);
	return n;
}

static void library(const char *path)
{
	for (int i = 0; i < 3; i++) {
		void *h = dlopen(path, RTLD_NOW);
		long (*fn)(long);

		if (!h)
			printf("FAILED: %s\n", dlerror());
		if (!h)
			exit(1);
		fn = (long (*)(long))dlsym(h, "in_library");
		for (long k = 0; k < 4; k++)
			fail("library function", fn(k), k + 10);
		dlclose(h);
	}
}

/* Deep calls: the stack grows by the push of a probed call. */
static long deep(long n)
{
	char room[3000];

	memset(room, (int)n, sizeof(room));
	sink += room[n % 3000];
	return n ? deep(n - 1) + first_call(1) - 1 : 0;
}

/* CPU time, three parts to one. */
static inline __attribute__((always_inline)) void burn(long ms)
{
	struct timespec t;

	do
		for (volatile int i = 0; i < 200000; i++)
			;
	while (!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) &&
	       t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
}

PROBED void busy_three(long until)
{
	burn(until);
	__asm__ volatile("" ::: "memory");
}

PROBED void busy_one(long until)
{
	burn(until);
	__asm__ volatile("" ::: "memory");
}

static void busy(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		busy_three(i * 80 + 60);
		busy_one(i * 80 + 80);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "once";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(mode, "once")) {
		fail("work", work(3, 4), 10);
		return 7;
	} else if (!strcmp(mode, "kinds")) {
		kinds();
	} else if (!strcmp(mode, "threads")) {
		threads(atol(argv[2]), atol(argv[3]));
	} else if (!strcmp(mode, "recurse")) {
		fail("recursion", recurse(20), 210);
		fail("tail call", tail_calls(1), 7);
	} else if (!strcmp(mode, "longjmp")) {
		for (volatile int i = 0; i < 10; i++)
			if (!setjmp(env))
				jumped_over(i % 2);
		fail("calls that were not jumped over", sink, 5);
		fail("after all", jumped_over(0), 0);
	} else if (!strcmp(mode, "signals")) {
		during_signals();
	} else if (!strcmp(mode, "faults")) {
		faults();
	} else if (!strcmp(mode, "own")) {
		own_breakpoints();
	} else if (!strcmp(mode, "fork")) {
		forks(0, argv[0]);
		if (forking(1) > 1000)
			_exit(7);
	} else if (!strcmp(mode, "vfork")) {
		forks(1, argv[0]);
	} else if (!strcmp(mode, "library")) {
		library(argv[2]);
	} else if (!strcmp(mode, "deep")) {
		deep(500);
	} else if (!strcmp(mode, "usdt")) {
		ticks();
	} else if (!strcmp(mode, "busy")) {
		busy(atol(argv[2]));
	} else if (!strcmp(mode, "spin")) { /* until told; then what its functions return */
		long n = 0;

		printf("ready\n");
		for (;; n++) {
			fail("work", work(n, 1), 2 * n + 1);
			usleep(1000);
		}
	}
	printf("fine\n");
	return 0;
}
