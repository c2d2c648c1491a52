/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Map types whose elements are things of the kernel (tasks, cgroups, sockets, devices …), and
 * ring buffers: what can be created, and what bpf(2) answers for elements, beside the running kernel.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/types.h"
#include "base/uapi.h"
#include "skep/skep.h"
#include "tests/lib/asm.h"
#include "tests/lib/kernel.h"

static struct skep_system *sys;

enum { SKEP, KERNEL };

static int call(int side, int cmd, union bpf_attr *attr)
{
	return side == SKEP ? skep_bpf(sys, cmd, attr, sizeof(*attr)) :
			      kernel_bpf_raw(cmd, attr, 144);
}

static u32 rnd(u32 n)
{
	return (u32)random() % n;
}

static int create_attr(int side, union bpf_attr attr)
{
	return call(side, BPF_MAP_CREATE, &attr);
}

static int create(int side, u32 type, u32 key, u32 value, u32 entries, u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	return create_attr(side, attr);
}

static int setup(void **state)
{
	struct utsname u;

	uname(&u);
	sys = skep_system_new(&(struct skep_system_opts){ .sz = sizeof(struct skep_system_opts),
							  .kernel = u.release });
	if (!sys) /* a kernel newer than the newest profile */
		sys = skep_system_new(NULL);
	return sys ? 0 : -1;
}

static int teardown(void **state)
{
	skep_system_free(sys);
	return 0;
}

static bool kernel_permits(void)
{
	int fd = create(KERNEL, BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

#define NEED_KERNEL()                                                                              \
	do {                                                                                       \
		if (!kernel_permits()) {                                                           \
			print_message("# the running kernel does not let us use bpf(2)\n");        \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* ---- what can be created ---- */

struct shape {
	u32 type, key, value, entries, flags;
};

/* One that is right for each type; the test then spoils it. */
static const struct shape shapes[] = {
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_CPUMAP, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, 8, 0 },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_SOCKHASH, 8, 8, 8, 0 },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0, 0 },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0, 0 },
};

static void test_create(void **state)
{
	static const u32 sizes[] = { 0,	 1,    3,     4,     5,	    8,	   12,	   16,
				     64, 4096, 32768, 32769, 65439, 65440, 1 << 22 };
	static const u32 entries[] = { 0, 1, 2, 3, 100, 4096, 8192, 12288, 1U << 20 };

	NEED_KERNEL();
	srandom(1);
	for (u32 i = 0; i < 400 * ARRAY_SIZE(shapes); i++) {
		struct shape s = shapes[i % ARRAY_SIZE(shapes)];
		u32 what = rnd(8);
		int fd[2];

		if (what == 1)
			s.key = sizes[rnd(ARRAY_SIZE(sizes))];
		if (what == 2)
			s.value = sizes[rnd(ARRAY_SIZE(sizes))];
		if (what == 3 || what == 7)
			s.entries = entries[rnd(ARRAY_SIZE(entries))];
		if (s.type == BPF_MAP_TYPE_CPUMAP &&
		    s.entries > 8) /* NR_CPUS is each kernel's own */
			continue;
		if (what > 4)
			s.flags ^= 1U << rnd(20);
		if (s.flags & BPF_F_TOKEN_FD)
			continue;
		for (int side = 0; side < 2; side++)
			fd[side] = create(side, s.type, s.key, s.value, s.entries, s.flags);
		if ((fd[0] < 0 || fd[1] < 0) && fd[0] != fd[1])
			fail_msg("create type %u key %u value %u entries %u flags %#x: skep %d, "
				 "kernel %d",
				 s.type, s.key, s.value, s.entries, s.flags, fd[0], fd[1]);
		if (fd[0] >= 0) {
			close(fd[0]);
			close(fd[1]);
		}
	}
}

/* ---- elements ---- */

static int elem(int side, int cmd, int fd, const void *key, void *value, u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (u32)fd;
	attr.key = (u64)key;
	attr.value = (u64)value;
	attr.flags = flags;
	return call(side, cmd, &attr);
}

static int batch(int side, int cmd, int fd, void *keys, void *values, u32 count)
{
	union bpf_attr attr;
	u64 cursor[2];

	memset(&attr, 0, sizeof(attr));
	attr.batch.map_fd = (u32)fd;
	attr.batch.keys = (u64)keys;
	attr.batch.values = (u64)values;
	attr.batch.out_batch = (u64)cursor;
	attr.batch.count = count;
	return call(side, cmd, &attr);
}

#define SAME(what, s, k)                                                                           \
	do {                                                                                       \
		int _s = (s), _k = (k);                                                            \
		if (_s != _k)                                                                      \
			fail_msg("%s: skep %d, kernel %d", what, _s, _k);                          \
	} while (0)

static void test_user_ringbuf(void **state)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				    BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	static const int batches[] = { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH,
				       BPF_MAP_DELETE_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH };
	int fd[2];
	u64 v[4] = { 0 };

	NEED_KERNEL();
	for (int side = 0; side < 2; side++)
		fd[side] = create(side, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	for (u32 i = 0; i < ARRAY_SIZE(cmds); i++)
		for (u32 key = 0; key < 2; key++)
			SAME("command", elem(SKEP, cmds[i], fd[0], key ? v : NULL, v, 0),
			     elem(KERNEL, cmds[i], fd[1], key ? v : NULL, v, 0));
	for (u32 i = 0; i < ARRAY_SIZE(batches); i++)
		SAME("batch", batch(SKEP, batches[i], fd[0], v, v, 1),
		     batch(KERNEL, batches[i], fd[1], v, v, 1));
	close(fd[0]);
	close(fd[1]);
}

/* What a client may map: all but the drainer's page is its own to write. */
static void test_user_ringbuf_mmap(void **state)
{
	static const struct {
		size_t len;
		int prot;
		long off;
	} rows[] = {
		{ 4096, PROT_READ, 0 },
		{ 4096, PROT_READ | PROT_WRITE, 0 },
		{ 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 3 * 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 4 * 4096, PROT_READ, 0 },
		{ 5 * 4096, PROT_READ, 0 },
		{ 4 * 4096, PROT_READ | PROT_WRITE, 4096 },
		{ 2 * 4096, PROT_READ | PROT_WRITE, 8192 },
	};
	int fd[2];

	NEED_KERNEL();
	for (int side = 0; side < 2; side++)
		fd[side] = create(side, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		int ours = skep_mmap(sys, fd[0], rows[i].len, rows[i].prot, rows[i].off);
		void *p = mmap(NULL, rows[i].len, rows[i].prot, MAP_SHARED, fd[1], rows[i].off);

		SAME("mmap", ours, p == MAP_FAILED ? -errno : 0);
		if (p != MAP_FAILED)
			munmap(p, rows[i].len);
	}
	close(fd[0]);
	close(fd[1]);
}

/* ---- devices, CPUs, sockets ---- */

static int load_xdp(int side, u32 attach)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = attach;
	attr.insns = (u64)insns;
	attr.insn_cnt = 2;
	attr.license = (u64) "GPL";
	fd = call(side, BPF_PROG_LOAD, &attr);
	assert_true(fd >= 0);
	return fd;
}

#define CHOICES 16

struct choice {
	u64 value[2]; /* of each side */
};

/* Random commands on the two maps; values are of @choice, and @ids says what lookups show of them. */
static void play(const struct shape *shape, const struct choice *choice, u32 nr, u32 domain)
{
	static const int cmds[] = { BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_UPDATE_ELEM,
				    BPF_MAP_LOOKUP_ELEM,
				    BPF_MAP_DELETE_ELEM,
				    BPF_MAP_GET_NEXT_KEY,
				    BPF_MAP_LOOKUP_AND_DELETE_ELEM,
				    BPF_MAP_LOOKUP_BATCH };
	static const u64 flags[] = { 0, 0, 0, 1, 2, 3, 4, 5, 1ULL << 33 };
	bool hash = shape->type == BPF_MAP_TYPE_DEVMAP_HASH || shape->type == BPF_MAP_TYPE_SOCKHASH;
	int fd[2];

	for (int side = 0; side < 2; side++)
		fd[side] = create(side, shape->type, shape->key, shape->value, shape->entries,
				  shape->flags);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	for (u32 i = 0; i < 400; i++) {
		int cmd = cmds[rnd(ARRAY_SIZE(cmds))], ret[2];
		u64 f = flags[rnd(ARRAY_SIZE(flags))], got[2] = { 0 }, key = rnd(domain);
		const struct choice *c = &choice[rnd(nr)];

		if (cmd != BPF_MAP_UPDATE_ELEM)
			f = 0;
		if (cmd == BPF_MAP_GET_NEXT_KEY && hash)
			continue; /* in no order */
		for (int side = 0; side < 2; side++) {
			got[side] = cmd == BPF_MAP_UPDATE_ELEM ? c->value[side] : 0;
			ret[side] = cmd == BPF_MAP_LOOKUP_BATCH ?
					    batch(side, cmd, fd[side], &key, &got[side], 1) :
					    elem(side, cmd, fd[side], &key,
						 cmd == BPF_MAP_DELETE_ELEM ? NULL : &got[side], f);
		}
		if (ret[0] != ret[1])
			fail_msg("type %u step %u command %d key %llu value %llx flags %llx: skep "
				 "%d, kernel %d",
				 shape->type, i, cmd, (unsigned long long)key,
				 (unsigned long long)c->value[0], (unsigned long long)f, ret[0],
				 ret[1]);
		if (cmd == BPF_MAP_LOOKUP_ELEM && !ret[0]) {
			/* a program's id differs; that there is one does not */
			if (shape->type == BPF_MAP_TYPE_DEVMAP ||
			    shape->type == BPF_MAP_TYPE_DEVMAP_HASH ||
			    shape->type == BPF_MAP_TYPE_CPUMAP) {
				assert_int_equal((u32)got[0], (u32)got[1]);
				assert_int_equal(!(got[0] >> 32), !(got[1] >> 32));
			} else {
				assert_int_equal(got[0], got[1]);
			}
		}
	}
	close(fd[0]);
	close(fd[1]);
}

static void test_devices(void **state)
{
	static const struct shape maps[] = {
		{ BPF_MAP_TYPE_DEVMAP, 4, 8, 4, 0 },	  { BPF_MAP_TYPE_DEVMAP, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4, 0 }, { BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_CPUMAP, 4, 8, 4, 0 },	  { BPF_MAP_TYPE_CPUMAP, 4, 4, 4, 0 },
	};
	static const u32 attach[] = { BPF_XDP, BPF_XDP_DEVMAP, BPF_XDP_CPUMAP };
	static const u32 low[] = { 0, 1, 1, 192, 100000 };
	struct choice choice[5 * 6];
	int prog[2][3];

	NEED_KERNEL();
	srandom(2);
	for (int side = 0; side < 2; side++) {
		for (u32 i = 0; i < 3; i++)
			prog[side][i] = load_xdp(side, attach[i]);
		for (u32 i = 0; i < 5; i++)
			for (u32 k = 0; k < 6; k++)
				choice[i * 6 + k].value[side] =
					low[i] | (u64)(u32)(k < 3  ? prog[side][k] :
							    k == 3 ? 0 :
							    k == 4 ? -1 :
								     999)
							 << 32;
	}
	for (u32 i = 0; i < ARRAY_SIZE(maps); i++)
		play(&maps[i], choice, ARRAY_SIZE(choice), 8);
	for (int side = 0; side < 2; side++)
		for (u32 i = 0; i < 3; i++)
			close(prog[side][i]);
}

static int bound(int family, int type, bool reuse)
{
	struct sockaddr_storage at = { .ss_family = (sa_family_t)family };
	int fd = socket(family, type, 0), on = 1;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at,
		 family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)))
		return -1;
	if (type == SOCK_STREAM)
		listen(fd, 1);
	return fd;
}

static void test_sockets(void **state)
{
	static const struct shape maps[] = {
		{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 4, 0 },  { BPF_MAP_TYPE_SOCKMAP, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_SOCKHASH, 8, 8, 4, 0 }, { BPF_MAP_TYPE_SOCKHASH, 4, 4, 4, 0 },
		{ BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0 },
	};
	struct choice choice[CHOICES];
	struct sockaddr_in at = { 0 };
	socklen_t size = sizeof(at);
	int fd[CHOICES], pair[2], n = 0;

	NEED_KERNEL();
	srandom(3);
	fd[n++] = bound(AF_INET, SOCK_STREAM, false);
	fd[n++] = socket(AF_INET, SOCK_STREAM, 0); /* closed */
	getsockname(fd[0], (struct sockaddr *)&at, &size);
	fd[n++] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd[n - 1], (struct sockaddr *)&at, size), 0);
	fd[n++] = accept(fd[0], NULL, NULL);
	fd[n++] = socket(AF_INET, SOCK_DGRAM, 0);
	fd[n++] = bound(AF_INET, SOCK_DGRAM, true);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fd[n++] = pair[0];
	fd[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fd[n++] = socket(AF_UNIX, SOCK_DGRAM, 0);
	fd[n++] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	fd[n++] = socket(AF_NETLINK, SOCK_RAW, 0);
	fd[n++] = open("/dev/null", O_RDONLY);
	fd[n++] = 999;
	fd[n++] = -1;
	for (int i = 0; i < n; i++)
		choice[i].value[0] = choice[i].value[1] = (u64)(s64)fd[i];
	choice[n].value[0] = choice[n].value[1] = 1ULL << 31;
	choice[n + 1].value[0] = choice[n + 1].value[1] = (u64)(u32)fd[3];
	for (int i = 0; i < n; i++) {
		u32 key = 0;
		int m[2], ret[2];

		for (int side = 0; side < 2; side++) {
			m[side] = create(side, BPF_MAP_TYPE_SOCKMAP, 4, 8, 1, 0);
			ret[side] = elem(side, BPF_MAP_UPDATE_ELEM, m[side], &key,
					 &choice[i].value[side], 0);
			close(m[side]);
		}
		if (ret[0] != ret[1])
			fail_msg("socket %d: skep %d, kernel %d", i, ret[0], ret[1]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(maps); i++)
		play(&maps[i], choice, (u32)n + 2, 8);
	for (int i = 0; i < n; i++)
		close(fd[i]);
	close(pair[1]);
}

/* One socket is in one array once; so a side of its own for each of two. */
static void test_reuseport(void **state)
{
	static const struct shape maps[] = {
		{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4, 0 },
		{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 4, 4, 0 },
	};
	struct choice choice[12];

	NEED_KERNEL();
	srandom(4);
	for (u32 i = 0; i < ARRAY_SIZE(maps); i++) {
		struct shape odd = maps[i];
		int n = 0, first;

		choice[n++].value[0] = (u64)bound(AF_INET, SOCK_STREAM, true);
		choice[n++].value[0] = (u64)bound(AF_INET6, SOCK_STREAM, true);
		choice[n++].value[0] = (u64)bound(AF_INET, SOCK_DGRAM, true);
		choice[n++].value[0] = (u64)bound(AF_INET, SOCK_DGRAM, true);
		choice[n++].value[0] = (u64)bound(AF_INET, SOCK_DGRAM, false);
		choice[n++].value[0] = (u64)bound(AF_INET, SOCK_STREAM, false);
		choice[n++].value[0] = (u64)socket(AF_INET, SOCK_DGRAM, 0);
		choice[n++].value[0] = (u64)socket(AF_UNIX, SOCK_STREAM, 0);
		first = n;
		choice[n++].value[0] = (u64)open("/dev/null", O_RDONLY);
		choice[n++].value[0] = 999;
		for (int k = 0; k < n; k++)
			choice[k].value[1] = choice[k].value[0];
		play(&odd, choice, (u32)n, 8);
		for (int k = 0; k <= first; k++)
			close((int)choice[k].value[0]);
	}
}

/* ---- storages of cgroups ---- */

/* Counts in a storage: R0 = how often it was run, by both maps. */
static int load_counter(int side, int map, int percpu)
{
	const struct bpf_insn insns[] = {
		LDMAP(1, map),
		MOVK(2, 0),
		CALL(get_local_storage),
		LD(DW, 6, 0, 0),
		ADDK(6, 1),
		ST(DW, 0, 0, 6),
		LDMAP(1, percpu),
		MOVK(2, 0),
		CALL(get_local_storage),
		LD(DW, 7, 0, 0),
		ADDK(7, 100),
		ST(DW, 0, 0, 7),
		MOVX(0, 6),
		ADDX(0, 7),
		ANDK(0, 1),
		EXIT,
	};
	char log[4096] = "";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
	attr.expected_attach_type = BPF_CGROUP_INET_EGRESS;
	attr.insns = (u64)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (u64) "GPL";
	attr.log_level = 1;
	attr.log_buf = (u64)log;
	attr.log_size = sizeof(log);
	fd = call(side, BPF_PROG_LOAD, &attr);
	if (fd < 0 && map != percpu)
		fail_msg("side %d: %d %s", side, fd, log);
	return fd;
}

static int test_run(int side, int prog, u32 repeat, u32 *retval)
{
	union bpf_attr attr;
	u8 packet[64] = { 0 };
	int err;

	packet[12] = 8;
	packet[14] = 0x45;
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (u32)prog;
	attr.test.data_in = (u64)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = repeat;
	err = call(side, BPF_PROG_TEST_RUN, &attr);
	*retval = attr.test.retval;
	return err;
}

static int attach_cgroup(int side, int cmd, int cgroup, int prog)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (u32)cgroup;
	attr.attach_bpf_fd = (u32)prog;
	attr.attach_type = BPF_CGROUP_INET_EGRESS;
	return call(side, cmd, &attr);
}

static void test_cgroup_storage(void **state)
{
	static const int cmds[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
				    BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM };
	static const u64 flags[] = { 0, 1, 2, 3, 4, 8 };
	int map[2], percpu[2], prog[2], cgroup;
	struct bpf_cgroup_storage_key key[2];
	char path[128];
	u32 ret[2];

	NEED_KERNEL();
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%sskep-storage-%d",
		 access("/sys/fs/cgroup/unified", F_OK) ? "" : "unified/", (int)getpid());
	if (mkdir(path, 0755)) {
		print_message("# no cgroup can be made here\n");
		skip();
	}
	cgroup = open(path, O_RDONLY | O_DIRECTORY);
	for (int side = 0; side < 2; side++) {
		map[side] = create(side, BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0);
		percpu[side] = create(side, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 8, 8, 0, 0);
		prog[side] = load_counter(side, map[side], percpu[side]);
		memset(&key[side], 0xff, sizeof(key[side]));
	}
	/* two of one type */
	for (int side = 0; side < 2; side++) {
		int other = create(side, BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0, 0);

		ret[side] = (u32)load_counter(side, map[side], map[side]);
		if ((int)ret[side] >= 0)
			close((int)ret[side]);
		close(other);
	}
	assert_int_equal((int)ret[0] >= 0, (int)ret[1] >= 0);
	for (u32 repeat = 1; repeat < 4; repeat++) { /* each test run begins at 0 */
		for (int side = 0; side < 2; side++)
			assert_int_equal(test_run(side, prog[side], repeat, &ret[side]), 0);
		assert_int_equal(ret[0], ret[1]);
	}
	for (int side = 0; side < 2; side++) /* of which nothing is seen */
		assert_int_equal(elem(side, BPF_MAP_GET_NEXT_KEY, map[side], NULL, &key[side], 0),
				 -ENOENT);
	for (int side = 0; side < 2; side++)
		assert_int_equal(attach_cgroup(side, BPF_PROG_ATTACH, cgroup, prog[side]), 0);
	for (int side = 0; side < 2; side++)
		assert_int_equal(elem(side, BPF_MAP_GET_NEXT_KEY, map[side], NULL, &key[side], 0),
				 0);
	assert_int_equal(key[0].cgroup_inode_id, key[1].cgroup_inode_id);
	assert_int_equal(key[0].attach_type, key[1].attach_type);
	for (u32 round = 0; round < 2; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(cmds); i++)
			for (u32 k = 0; k < ARRAY_SIZE(flags); k++) {
				u64 value[2][64] = { { 7, 8 }, { 7, 8 } };
				bool plain = cmds[i] == BPF_MAP_DELETE_ELEM ||
					     cmds[i] == BPF_MAP_GET_NEXT_KEY;

				for (int which = 0; which < 2; which++) {
					for (int side = 0; side < 2; side++)
						ret[side] = (u32)elem(
							side, cmds[i],
							which ? percpu[side] : map[side], &key[0],
							cmds[i] == BPF_MAP_DELETE_ELEM ?
								NULL :
								value[side],
							plain ? 0 : flags[k]);
					if (ret[0] != ret[1])
						fail_msg("command %d of map %d, flags %llu: skep "
							 "%d, kernel %d",
							 cmds[i], which,
							 (unsigned long long)flags[k], ret[0],
							 ret[1]);
					assert_memory_equal(value[0], value[1], sizeof(value[0]));
				}
			}
		/* What was attached there stays in the map. */
		if (!round)
			for (int side = 0; side < 2; side++)
				assert_int_equal(
					attach_cgroup(side, BPF_PROG_DETACH, cgroup, prog[side]),
					0);
	}
	for (int side = 0; side < 2; side++) {
		close(prog[side]);
		close(map[side]);
		close(percpu[side]);
	}
	close(cgroup);
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_user_ringbuf),
		cmocka_unit_test(test_user_ringbuf_mmap),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_reuseport),
		cmocka_unit_test(test_cgroup_storage),
	};

	return cmocka_run_group_tests_name("map_types", tests, setup, teardown);
}
