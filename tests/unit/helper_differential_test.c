/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers with generated operands, on skep and on the running kernel, each by a test run of a program
 * type that the kernel has one for: what is returned, and what is written, must be equal.
 * (prog_differential_test does the same for what changes packets, and for text.) What says a time
 * lies between two answers of the kernel. SKEP_ROUNDS=N calls each N times.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "../bpf/helper_each.h"
#include "../lib/beside.h"

#define PAGE 4096

/* What an operand is made of. */
enum kind {
	NONE,
	SMALL,	 /* 0 to 9 */
	BITS,	 /* 0, or a few low or high bits */
	ANY,	 /* any number */
	ADDRESS, /* of memory that is there, or ends, or is not there */
	MAP_FLAG,
	DEVICE, /* of a pid namespace, and inode; or nearly */
	INODE,
	SIGNAL_NR,
	OFFSET, /* into 128 bytes, or not */
	NETNS,
	IFINDEX,
	IFINDEX_GONE, /* nor a descriptor */
	PACKET_LEN,
};

enum judge {
	EQUAL,
	BETWEEN, /* a time */
	NEARLY,	 /* a time in ticks */
	REFUSED, /* whether it is -EINVAL */
};

static const struct row {
	const char *prog;
	enum each which;
	enum kind a, b, c, d;
	enum judge judge;
	u8 text; /* what .buf holds: 0 random bytes, 't' a name of a type, 'u' a tuple, 'f' a route */
} rows[] = {
	{ "each_tp", EACH_LOOKUP, SMALL, SMALL },
	{ "each_tp", EACH_UPDATE, SMALL, SMALL, MAP_FLAG, ANY },
	{ "each_tp", EACH_DELETE, SMALL, SMALL },
	{ "each_tp", EACH_PUSH, NONE, SMALL, MAP_FLAG, ANY },
	{ "each_tp", EACH_POP, NONE, SMALL },
	{ "each_tp", EACH_PEEK, NONE, SMALL },
	{ "each_tp", EACH_PERCPU, SMALL, SMALL, SMALL },
	{ "each_tp", EACH_READ, ADDRESS },
	{ "each_tp", EACH_READ_STR, ADDRESS },
	{ "each_tp", EACH_READ_USER, ADDRESS },
	{ "each_tp", EACH_READ_USER_STR, ADDRESS },
	{ "each_tp", EACH_READ_KERNEL, ADDRESS },
	{ "each_tp", EACH_READ_KERNEL_STR, ADDRESS },
	{ "each_tp", EACH_COMM },
	{ "each_tp", EACH_PID_TGID },
	{ "each_tp", EACH_UID_GID },
	{ "each_tp", EACH_NS_PID, DEVICE, INODE },
	{ "each_tp", EACH_NS_PID_SIZE, DEVICE, INODE },
	{ "each_tp", EACH_CPU },
	{ "each_tp", EACH_NUMA },
	{ "each_tp", EACH_SIGNAL, SIGNAL_NR },
	{ "each_tp", EACH_SIGNAL_THREAD, SIGNAL_NR },
	{ "each_tp", EACH_UNDER_CGROUP, SMALL },
	{ "each_tp", EACH_FIND_VMA, ADDRESS, BITS },
	{ "each_tp", EACH_TASK_STORAGE, BITS },
	{ "each_tp", EACH_TASK_STORAGE_DELETE },
	{ "each_tp", EACH_CURRENT },
	{ "each_tp", EACH_BRANCHES, BITS },
	{ "each_tp", EACH_KTIME, .judge = BETWEEN },
	{ "each_tp", EACH_BOOT, .judge = BETWEEN },
	{ "each_tp", EACH_TAI, .judge = BETWEEN },
	{ "each_tp", EACH_JIFFIES, .judge = NEARLY },
	{ "each_tp", EACH_RING_OUTPUT, BITS },
	{ "each_tp", EACH_RING_QUERY, SMALL },
	{ "each_tp", EACH_RING_RESERVE, BITS, SMALL, SMALL },
	{ "each_tp", EACH_RING_DYNPTR, OFFSET, SMALL, BITS, OFFSET },
	{ "each_tp", EACH_DYNPTR, BITS, OFFSET, BITS, OFFSET },
	{ "each_tp", EACH_STACKID, BITS, .judge = REFUSED },
	{ "each_tp", EACH_STACK, BITS, .judge = REFUSED },
	{ "each_tp", EACH_TASK_STACK, BITS, .judge = REFUSED },
	{ "each_tp", EACH_COOKIE },
	{ "each_call", EACH_COPY, ADDRESS },
	{ "each_call", EACH_COPY_TASK, ADDRESS, BITS },
	{ "each_call", EACH_BTF_FIND, SMALL, BITS, SMALL, .text = 't' },
	{ "each_call", EACH_CLOSE, IFINDEX_GONE },
	{ "each_tc", EACH_FOR_EACH_ARRAY, BITS, SMALL },
	{ "each_tc", EACH_FOR_EACH_HASH, BITS, SMALL },
	{ "each_tc", EACH_FIB, BITS, .text = 'f' },
	{ "each_tc", EACH_FIB_SIZE, BITS, .text = 'f' },
	{ "each_tc", EACH_MTU, IFINDEX, PACKET_LEN, BITS, PACKET_LEN },
	{ "each_tc", EACH_CLASSID },
	{ "each_tc", EACH_UNDER, SMALL },
	{ "each_tc", EACH_CGROUP_ID },
	{ "each_tc", EACH_ANCESTOR_ID, ANY },
	{ "each_tc", EACH_COARSE, .judge = BETWEEN },
	{ "each_tc", EACH_REALM },
	{ "each_tc", EACH_NETNS },
	{ "each_tc", EACH_LOOKUP_TCP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_tc", EACH_LOOKUP_UDP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_tc", EACH_SKC_LOOKUP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_tc", EACH_FIGURES, .text = 'c' },
	{ "each_cg", EACH_LOOKED_UP_CGROUP, SMALL, .text = 'c' },
	{ "each_xdp", EACH_FIB, BITS, .text = 'f' },
	{ "each_xdp", EACH_MTU, IFINDEX, PACKET_LEN, BITS, PACKET_LEN },
	{ "each_xdp", EACH_LOOKUP_TCP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_xdp", EACH_LOOKUP_UDP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_xdp", EACH_SKC_LOOKUP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_xdp", EACH_REDIRECT, IFINDEX, BITS },
	{ "each_cg", EACH_LOOKUP_TCP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_cg", EACH_LOOKUP_UDP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_cg", EACH_SKC_LOOKUP, SMALL, NETNS, BITS, .text = 'u' },
	{ "each_cg", EACH_CGROUP_ID },
	{ "each_cg", EACH_SK_CGROUP_ID },
	{ "each_cg", EACH_SK_ANCESTOR_ID, ANY },
};

static struct beside b[2];
static u32 nr;
static cpu_set_t cpus;
static char *memory; /* a page with text, one without access behind it */
static struct stat pid_ns;
static u16 tcp_port, udp_port;
static u16 ends[2]; /* of a connection over which something has gone */

static void connect_ends(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(tcp_port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);
	char text[3000] = "";

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    write(fd, text, sizeof(text)) != sizeof(text) || write(fd, text, 7) != 7)
		return;
	getsockname(fd, (struct sockaddr *)&at, &len);
	ends[0] = tcp_port;
	ends[1] = ntohs(at.sin_port);
	usleep(60000); /* what is delayed has been sent, and the figures stay */
}

static u16 listening(int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(fd, (struct sockaddr *)&at, sizeof(at));
	if (type == SOCK_STREAM)
		listen(fd, 1);
	getsockname(fd, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

static void put_cgroup(const struct beside *s)
{
	int dir = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	u32 index = 1;

	if (dir < 0)
		return;
	skep_front_use(s->sys);
	bpf_map_update_elem(bpf_object__find_map_fd_by_name(s->obj, "cgroups"), &index, &dir, 0);
	skep_front_use(NULL);
	close(dir);
}

static int setup(void **state)
{
	cpu_set_t first;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	nr = beside_open_both(b, "helper_each");
	if (!nr)
		return -1;
	memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(memory + PAGE, PAGE, PROT_NONE);
	stat("/proc/self/ns/pid", &pid_ns);
	tcp_port = listening(SOCK_STREAM);
	udp_port = listening(SOCK_DGRAM);
	connect_ends();
	signal(SIGURG, SIG_IGN);
	for (u32 i = 0; i < nr; i++)
		put_cgroup(&b[i]);
	return 0;
}

static int teardown(void **state)
{
	sched_setaffinity(0, sizeof(cpus), &cpus);
	beside_close_both(b);
	return 0;
}

/* ---- operands ---- */

static u64 number(void)
{
	return (u64)beside_random(1U << 30) << 34 ^ (u64)beside_random(1U << 30) << 10 ^
	       beside_random(1024);
}

static u64 address(void)
{
	switch (beside_random(8)) {
	case 0:
		return beside_random(PAGE);
	case 1:
		return (u64)(uintptr_t)memory + PAGE + beside_random(PAGE);
	case 2:
		return 1ULL << 47 | beside_random(PAGE);
	case 3:
	case 4:
		return (u64)(uintptr_t)memory + PAGE - beside_random(128);
	default:
		return (u64)(uintptr_t)memory + beside_random(PAGE - 128);
	}
}

static u64 operand(enum kind kind)
{
	switch (kind) {
	case NONE:
		return 0;
	case SMALL:
		return beside_random(10);
	case BITS:
		return beside_random(3) ? 0 :
		       beside_random(2) ? beside_random(16) :
		       beside_random(2) ? 1ULL << beside_random(64) :
					  0x100ULL * beside_random(16);
	case ANY:
		return beside_random(4) ? (u64)(s64)(s32)beside_random(40) - 5 +
						  100000 * (u64)beside_random(2) :
					  number() | 1ULL << 20;
	case ADDRESS:
		return address();
	case MAP_FLAG:
		return beside_random(4) ? beside_random(4) : number();
	case DEVICE:
		return beside_random(4) ? pid_ns.st_dev : beside_random(4) ? 1 : number();
	case INODE:
		return beside_random(4) ? pid_ns.st_ino : number();
	case SIGNAL_NR:
		return beside_random(2) ? SIGURG : 65 + beside_random(1000);
	case OFFSET:
		return beside_random(6) ? beside_random(140) : number();
	case NETNS:
		return beside_random(4) ? (u64)-1 : number() | 1ULL << 33;
	case IFINDEX:
		return beside_random(4) ? beside_random(2) : 100000 + beside_random(1000);
	case IFINDEX_GONE:
		return 100000 + beside_random(1000);
	case PACKET_LEN:
		return (u64)(s64)((s32)beside_random(70000) * (s32)beside_random(2) -
				  (s32)beside_random(80));
	}
	return 0;
}

static void text(struct call *c, u8 what)
{
	static const char *const names[] = { "task_struct", "int",   "file", "no_such_type",
					     "sk_buff",	    "pid_t", "",     "bpf_attr" };
	struct bpf_sock_tuple *t = (struct bpf_sock_tuple *)c->buf;
	struct bpf_fib_lookup *f = (struct bpf_fib_lookup *)c->buf;

	switch (what) {
	case 't':
		memset(c->buf, 0, sizeof(c->buf));
		strcpy((char *)c->buf, names[beside_random(ARRAY_SIZE(names))]);
		c->c = beside_random(4) ? strlen((char *)c->buf) : beside_random(16);
		c->a = beside_random(3) ? 4 : beside_random(20); /* BTF_KIND_STRUCT */
		break;
	case 'u':
		memset(c->buf, 0, sizeof(c->buf));
		t->ipv4.saddr = htonl(INADDR_LOOPBACK);
		t->ipv4.daddr = htonl(INADDR_LOOPBACK + (beside_random(4) == 0));
		t->ipv4.sport = htons((u16)(20000 + beside_random(100)));
		t->ipv4.dport = htons(beside_random(3) ? tcp_port : udp_port);
		break;
	case 'c': /* a connection's end */
		memset(c->buf, 0, sizeof(c->buf));
		t->ipv4.saddr = t->ipv4.daddr = htonl(INADDR_LOOPBACK);
		t->ipv4.sport = htons(ends[0]);
		t->ipv4.dport = htons(ends[1]);
		break;
	case 'f':
		memset(c->buf, 0, sizeof(c->buf));
		f->family = beside_random(8) ? AF_INET : (u8)beside_random(20);
		f->ifindex = beside_random(8) ? 1 : beside_random(3) * 50000;
		f->ipv4_src = beside_random(2) ? htonl(INADDR_LOOPBACK) : 0;
		f->ipv4_dst = beside_random(2) ? htonl(INADDR_LOOPBACK) : (u32)number();
		f->tot_len = beside_random(2) ? 0 : (u16)number();
		f->l4_protocol = IPPROTO_UDP;
		break;
	default:
		for (u32 i = 0; i < sizeof(c->buf); i++)
			c->buf[i] = (u8)beside_random(256);
	}
}

static void make(const struct row *r, struct call *c)
{
	memset(c, 0, sizeof(*c));
	c->which = r->which;
	c->len = beside_random(8) ? beside_random(128) : beside_random(4);
	c->a = operand(r->a);
	c->b = operand(r->b);
	c->c = operand(r->c);
	c->d = operand(r->d);
	c->ret = 4242;
	text(c, r->text);
	memset(c->out, 0x5a, sizeof(c->out));
}

/* ---- comparison ---- */

static void write_memory(void)
{
	for (u32 i = 0; i < PAGE; i++)
		memory[i] = i % 61 == 60 ? 0 : (char)(i * 7 + 1);
}

static void ask(const struct beside *s, const struct row *r, struct call *c, char *after)
{
	bool packet = strcmp(r->prog, "each_tp") && strcmp(r->prog, "each_call");

	write_memory();
	beside_run(s, "call", r->prog, packet, c);
	memcpy(after, memory, PAGE);
}

static void differs(const struct row *r, const struct call *in, const struct call *got,
		    const struct call *want, const char *what)
{
	for (u32 i = 0, shown = 0; i < sizeof(got->out) && shown < 4; i++)
		if ((got->out[i] != want->out[i] || got->buf[i] != want->buf[i]) && ++shown)
			print_message("# byte %u: out %02x, kernel %02x; buf %02x, kernel %02x\n",
				      i, got->out[i], want->out[i], got->buf[i], want->buf[i]);
	fail_msg("%s, call %u, len %u, a %#llx, b %#llx, c %#llx, d %#llx: %s: ret %lld, kernel "
		 "%lld; x %#llx, %#llx; y %#llx, %#llx; z %#llx, %#llx",
		 r->prog, r->which, in->len & 127, in->a, in->b, in->c, in->d, what, got->ret,
		 want->ret, got->x, want->x, got->y, want->y, got->z, want->z);
}

static void compare(const struct row *r, u32 rounds)
{
	static char after[2][PAGE];
	struct call in, got, want, later;

	for (u32 i = 0; i < rounds; i++) {
		make(r, &in);
		got = want = in;
		ask(&b[1], r, &want, after[1]);
		ask(&b[0], r, &got, after[0]);
		if (r->judge == BETWEEN) {
			later = in;
			ask(&b[1], r, &later, after[1]);
			if (got.ret < want.ret || got.ret > later.ret)
				differs(r, &in, &got, &want, "time");
			continue;
		}
		if (r->judge == NEARLY) {
			if (llabs(got.ret - want.ret) > 250)
				differs(r, &in, &got, &want, "ticks");
			continue;
		}
		if (r->text == 'c')
			assert_int_equal(want.ret, 5); /* it is found */
		if (r->judge == REFUSED) {
			if ((got.ret == -EINVAL) != (want.ret == -EINVAL))
				differs(r, &in, &got, &want, "refusal");
			continue;
		}
		if (got.ret != want.ret)
			differs(r, &in, &got, &want, "result");
		if (memcmp(got.out, want.out, sizeof(got.out)) ||
		    memcmp(got.buf, want.buf, sizeof(got.buf)))
			differs(r, &in, &got, &want, "buffer");
		if (got.x != want.x || got.y != want.y || got.z != want.z)
			differs(r, &in, &got, &want, "value");
		if (memcmp(after[0], after[1], PAGE))
			differs(r, &in, &got, &want, "memory");
	}
}

static void one_row(void **state)
{
	const char *rounds = getenv("SKEP_ROUNDS");

	if (nr < 2)
		skip();
	compare(*state, rounds ? (u32)atoi(rounds) : 150);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows)];
	static char names[ARRAY_SIZE(rows)][32];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(names[i], sizeof(names[i]), "%s call %u", rows[i].prog, rows[i].which);
		tests[i] = (struct CMUnitTest){ .name = names[i],
						.test_func = one_row,
						.initial_state = (void *)&rows[i] };
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
