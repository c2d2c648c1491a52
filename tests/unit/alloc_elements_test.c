/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Memory, pages and files run out at every point of every command on the elements of every type of map, and of
 * the commands that attach. What fails with ENOMEM has changed nothing: the same elements are there,
 * with the same values.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "alloc_faults.h"
#include "object/psock.h"
#include "tests/lib/int_btf.h"
#include "tests/lib/own_cgroup.h"

#define CPUS  256
#define ROOM  (8 * CPUS)
#define COUNT 6 /* elements that are there */
#define BATCH 3 /* that come at once */
#define GROWN 2000

enum what { DATA, MAPS, PROGS, SOCKETS, DEVICES, CPUMAPS, CGROUPS, STACKS };
enum at { NUMBERS, NONE, PREFIXES, OF_SOCKET, OF_FILE, OF_TASK, OF_CGROUP };

static const struct shape {
	u32 type, key, value, entries, flags;
	enum what what;
	enum at at;
} shapes[] = {
	{ BPF_MAP_TYPE_HASH, 4, 64, 50000, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_HASH, 4, 64, 50000, BPF_F_NO_PREALLOC, DATA, NUMBERS },
	{ BPF_MAP_TYPE_RHASH, 4, 64, 50000, BPF_F_NO_PREALLOC, DATA, NUMBERS },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 50000, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 50000, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 50000, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_ARRAY, 4, 64, 16, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_ARRAY, 4, 64, 16, BPF_F_MMAPABLE, DATA, NUMBERS },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 16, 0, DATA, NUMBERS },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 64, 50000, BPF_F_NO_PREALLOC, DATA, PREFIXES },
	{ BPF_MAP_TYPE_QUEUE, 0, 8, 16, 0, DATA, NONE },
	{ BPF_MAP_TYPE_STACK, 0, 8, 16, 0, DATA, NONE },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 16, 0, MAPS, NUMBERS },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 50000, 0, MAPS, NUMBERS },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 16, 0, PROGS, NUMBERS },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, 16, 0, SOCKETS, NUMBERS },
	/* One socket in thousands of elements is looked for in all of them, as in Linux: the table's growth is tried with devices. */
	{ BPF_MAP_TYPE_SOCKHASH, 4, 8, GROWN, 0, SOCKETS, NUMBERS },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 1, 0, SOCKETS, NUMBERS },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, 16, 0, DEVICES, NUMBERS },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 50000, 0, DEVICES, NUMBERS },
	{ BPF_MAP_TYPE_CPUMAP, 4, 8, 1, 0, CPUMAPS, NUMBERS },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 16, 0, CGROUPS, NUMBERS },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 80, 16, 0, STACKS, NUMBERS },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, DATA, OF_SOCKET },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, DATA, OF_FILE },
	{ BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, DATA, OF_TASK },
	{ BPF_MAP_TYPE_CGRP_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, DATA, OF_CGROUP },
};
/*
 * Not here: types whose elements only programs or clients write (ring buffers, arena, cgroup storages), or
 * that take descriptors of perf events and AF_XDP sockets, which tests may not get.
 */

static int inner[2], prog, link_prog, tcp, udp, file, task, btf, cgroup = -1;
static char cgroup_path[4096];

/* ---- the map that is tried ---- */

static const struct shape *shape;
static int map;
static u32 next_new; /* keys from here on are not there */

static void key_of(u32 n, u8 *key)
{
	u32 word = n;

	memset(key, 0, 8);
	switch (shape->at) {
	case NONE:
		return;
	case NUMBERS:
		break;
	case PREFIXES:
		word = 32;
		memcpy(key + 4, &(u32){ n * 0x9e3779b1U }, 4);
		break;
	case OF_SOCKET:
		word = (u32)(n % 2 ? udp : tcp);
		break;
	case OF_FILE:
		word = (u32)file;
		break;
	case OF_TASK:
		word = (u32)task;
		break;
	case OF_CGROUP:
		word = (u32)cgroup;
		break;
	}
	memcpy(key, &word, 4);
}

static void value_of(u32 n, u32 seed, u8 *value)
{
	u32 word[2] = { 0, 0 };

	memset(value, (int)(n + seed), ROOM);
	switch (shape->what) {
	case DATA:
	case STACKS:
		return;
	case MAPS:
		word[0] = (u32)inner[(n + seed) % 2];
		break;
	case PROGS:
		word[0] = (u32)prog;
		break;
	case SOCKETS:
		word[0] = (u32)(shape->type == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY ? udp : tcp);
		break;
	case DEVICES:
		word[0] = 1;
		break;
	case CPUMAPS:
		word[0] = 64 + seed;
		break;
	case CGROUPS:
		word[0] = (u32)cgroup;
		break;
	}
	memcpy(value, word, sizeof(word));
}

static int element(struct skep_system *sys, int cmd, u32 n, u32 seed)
{
	u8 key[8], value[ROOM];
	ATTR(.map_fd = (u32)map, .key = shape->at == NONE ? 0 : PTR(key));

	key_of(n, key);
	value_of(n, seed, value);
	a.value = cmd == BPF_MAP_DELETE_ELEM ? 0 : PTR(value);
	return call(sys, cmd, &a);
}

/* Sum over the elements, whatever their order; of what has none, the first that would come out. */
static u64 contents(struct skep_system *sys)
{
	u8 key[8] = { 0 }, next[8] = { 0 }, value[ROOM];
	ATTR(.map_fd = (u32)map, .next_key = PTR(next));
	u64 sum = 0;

	for (u32 n = 0; n < 100; n++) {
		u64 h = 1469598103934665603ULL;

		memset(value, 0, sizeof(value));
		if (shape->at == NUMBERS || shape->at == PREFIXES) {
			a.key = n ? PTR(key) : 0;
			a.next_key = PTR(next);
			if (call(sys, BPF_MAP_GET_NEXT_KEY, &a))
				return sum + n;
			memcpy(key, next, sizeof(key));
		} else {
			if (n == 2)
				return sum;
			key_of(n, key);
		}
		a.key = shape->at == NONE ? 0 : PTR(key);
		a.value = PTR(value);
		if (call(sys, BPF_MAP_LOOKUP_ELEM, &a))
			memset(value, 0, sizeof(value));
		for (u32 i = 0; i < sizeof(key); i++)
			h = (h ^ key[i]) * 1099511628211ULL;
		for (u32 i = 0; i < sizeof(value); i++)
			h = (h ^ value[i]) * 1099511628211ULL;
		sum += h;
	}
	return sum;
}

/* What sockets have of their maps: a link for each element, whatever ran out. */
static void links_fit(struct skep_system *sys)
{
	u8 key[8] = { 0 }, next[8] = { 0 }, value[8];
	ATTR(.map_fd = (u32)map, .next_key = PTR(next));
	struct psock *ps;
	u64 cookie = 0;
	size_t elements = 0;

	if (shape->type != BPF_MAP_TYPE_SOCKMAP && shape->type != BPF_MAP_TYPE_SOCKHASH)
		return;
	while (!call(sys, BPF_MAP_GET_NEXT_KEY, &a)) {
		memcpy(key, next, sizeof(key));
		a.key = PTR(key);
		a.value = PTR(value);
		elements += !call(sys, BPF_MAP_LOOKUP_ELEM, &a);
		a.next_key = PTR(next);
	}
	assert_int_equal(
		getsockopt(tcp, SOL_SOCKET, SO_COOKIE, &cookie, &(socklen_t){ sizeof(cookie) }), 0);
	ps = psock_by_cookie(sys, cookie);
	if ((ps ? ps->links.n : 0) != elements || (ps && ps->rooms))
		fail_msg("map type %u, %s: %zu elements, %zu links, %u expected", shape->type,
			 fault->name, elements, ps ? ps->links.n : 0, ps ? ps->rooms : 0);
	psock_put(sys, ps);
}

/* ---- the commands: each under the fault, then undone without it ---- */

static u64 before;

static int ended(struct skep_system *sys, int err)
{
	made = fault->count();
	fault->at(0, false);
	if (err < 0 && contents(sys) != before)
		fail_msg("map type %u, %s: failed with %d, but the elements changed", shape->type,
			 fault->name, err);
	links_fit(sys);
	return err;
}

static int update_new(struct skep_system *sys)
{
	u32 n = shape->entries && shape->entries < 100 ? COUNT : next_new;
	int err = ended(sys, element(sys, BPF_MAP_UPDATE_ELEM, n, 0));

	next_new++;
	if (!err && shape->at == NONE)
		err = element(sys, BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0, 0);
	else if (!err && element(sys, BPF_MAP_DELETE_ELEM, n, 0) == -EINVAL)
		err = element(sys, BPF_MAP_UPDATE_ELEM, n, 99); /* of an array */
	return err;
}

static int update_old(struct skep_system *sys)
{
	int err = ended(sys, element(sys, BPF_MAP_UPDATE_ELEM, 0, 1));

	return err ? err : element(sys, BPF_MAP_UPDATE_ELEM, 0, 0);
}

static int take(struct skep_system *sys)
{
	int err = ended(sys, element(sys, BPF_MAP_DELETE_ELEM, 0, 0));

	return err ? err : element(sys, BPF_MAP_UPDATE_ELEM, 0, 0);
}

static int look_up(struct skep_system *sys)
{
	return ended(sys, element(sys, BPF_MAP_LOOKUP_ELEM, 0, 0));
}

static int take_out(struct skep_system *sys)
{
	int err = ended(sys, element(sys, BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0, 0));

	return err ? err : element(sys, BPF_MAP_UPDATE_ELEM, 0, 0);
}

static int next_key(struct skep_system *sys)
{
	u8 next[8];
	ATTR(.map_fd = (u32)map, .next_key = PTR(next));

	return ended(sys, call(sys, BPF_MAP_GET_NEXT_KEY, &a));
}

static int look_up_batch(struct skep_system *sys)
{
	static u8 keys[64 * 8], values[64 * ROOM];
	u64 out[2];
	ATTR(.batch = { .map_fd = (u32)map,
			.count = 64,
			.out_batch = PTR(out),
			.keys = PTR(keys),
			.values = PTR(values) });
	int err = ended(sys, call(sys, BPF_MAP_LOOKUP_BATCH, &a));

	return err == -ENOENT ? 0 : err;
}

/* As far as it came, .count says, what it wrote is there. */
static int update_batch(struct skep_system *sys)
{
	static u8 keys[BATCH * 8], values[BATCH * ROOM];
	u32 first = next_new, size = shape->value;
	ATTR(.batch = { .map_fd = (u32)map,
			.count = BATCH,
			.keys = PTR(keys),
			.values = PTR(values) });
	u8 key[8], value[ROOM];
	int err;

	for (u32 i = 0; i < BATCH; i++) {
		key_of(first + i, key);
		value_of(first + i, 0, value);
		memcpy(keys + i * shape->key, key, shape->key);
		memcpy(values + i * size, value, size);
	}
	next_new += BATCH;
	err = call(sys, BPF_MAP_UPDATE_BATCH, &a);
	made = fault->count();
	fault->at(0, false);
	if (err && a.batch.count > BATCH)
		fail_msg("batch: %u came", a.batch.count);
	for (u32 i = 0; i < (err ? a.batch.count : BATCH); i++)
		assert_int_equal(element(sys, BPF_MAP_DELETE_ELEM, first + i, 0), 0);
	assert_true(contents(sys) == before);
	return err;
}

static const struct {
	const char *name;
	int (*run)(struct skep_system *sys);
} commands[] = {
	{ "update of a new key", update_new },
	{ "update", update_old },
	{ "deletion", take },
	{ "lookup", look_up },
	{ "lookup and deletion", take_out },
	{ "next key", next_key },
	{ "batch of lookups", look_up_batch },
	{ "batch of updates", update_batch },
};

static int create(struct skep_system *sys, const struct shape *s)
{
	ATTR(.map_type = s->type, .key_size = s->key, .value_size = s->value,
	     .max_entries = s->entries, .map_flags = s->flags);

	if (s->at >= OF_SOCKET) {
		a.btf_fd = (u32)btf;
		a.btf_key_type_id = a.btf_value_type_id = 1;
	}
	if (s->what == MAPS)
		a.inner_map_fd = (u32)inner[0];
	return call(sys, BPF_MAP_CREATE, &a);
}

/*
 * A map that grows until there is no page: what is in it stays, and nothing else comes. (One that evicts
 * may do without.)
 */
static int grow(struct skep_system *sys)
{
	int err = 0, kept = map;
	u32 n;

	map = create(sys, shape);
	if (map < 0) {
		err = map;
		map = kept;
		return err;
	}
	for (n = 0; n < GROWN && !err; n++)
		err = element(sys, BPF_MAP_UPDATE_ELEM, n, 0);
	made = fault->count();
	fault->at(0, false);
	links_fit(sys);
	for (u32 i = 0; i < n && err; i++)
		assert_int_equal(element(sys, BPF_MAP_LOOKUP_ELEM, i, 0), i + 1 < n ? 0 : -ENOENT);
	close(map);
	map = kept;
	return err;
}

/* How many commands it has; what it has not, it refuses before anything else. */
static u32 try_map(struct skep_system *sys, const struct shape *s)
{
	char name[64];
	u32 tried = 0;

	shape = s;
	next_new = 1000;
	map = create(sys, s);
	if (map < 0)
		fail_msg("map type %u: %d", s->type, map);
	for (u32 n = 0; n < COUNT; n++)
		element(sys, BPF_MAP_UPDATE_ELEM, n, 0);
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		int err;

		/* of numbers below max_entries; per-CPU values would not fit */
		if (commands[i].run == update_batch &&
		    (s->entries < 100 || s->what != DATA || s->type == BPF_MAP_TYPE_PERCPU_HASH ||
		     s->type == BPF_MAP_TYPE_LRU_PERCPU_HASH))
			continue;
		if (commands[i].run == update_new && s->entries == 1)
			continue; /* there is room for one */
		before = contents(sys);
		err = commands[i].run(sys);
		if (err < 0) {
			assert_true(contents(sys) == before);
			continue;
		}
		snprintf(name, sizeof(name), "map type %u, %s", s->type, commands[i].name);
		before = contents(sys);
		sweep(sys, name, commands[i].run, false);
		tried++;
	}
	if (s->entries > GROWN) {
		snprintf(name, sizeof(name), "map type %u, growth", s->type);
		sweep(sys, name, grow, false);
	}
	close(map);
	return tried;
}

static void every_map(struct skep_system *sys)
{
	u32 tried = 0;

	for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (cgroup < 0 && (shapes[i].what == CGROUPS || shapes[i].at == OF_CGROUP))
			continue;
		tried += try_map(sys, &shapes[i]);
	}
	assert_true(tried >= 90);
}

/* ---- commands that attach ---- */

static u32 attached(struct skep_system *sys)
{
	u32 ids[8];
	ATTR(.query = { .target_fd = (u32)cgroup,
			.attach_type = BPF_CGROUP_INET_INGRESS,
			.prog_ids = PTR(ids),
			.prog_cnt = ARRAY_SIZE(ids) });

	assert_int_equal(call(sys, BPF_PROG_QUERY, &a), 0);
	return a.query.prog_cnt;
}

static int attach(struct skep_system *sys)
{
	ATTR(.target_fd = (u32)cgroup, .attach_bpf_fd = (u32)link_prog,
	     .attach_type = BPF_CGROUP_INET_INGRESS, .attach_flags = BPF_F_ALLOW_MULTI);
	int err = call(sys, BPF_PROG_ATTACH, &a);

	made = fault->count();
	fault->at(0, false);
	assert_int_equal(attached(sys), !err);
	a.attach_flags = 0;
	return err ? err : call(sys, BPF_PROG_DETACH, &a);
}

static int detach(struct skep_system *sys)
{
	ATTR(.target_fd = (u32)cgroup, .attach_bpf_fd = (u32)link_prog,
	     .attach_type = BPF_CGROUP_INET_INGRESS, .attach_flags = BPF_F_ALLOW_MULTI);
	int err;

	fault->at(
		0,
		false); /* what comes first shall work: the fault comes at the first of the next */
	err = call(sys, BPF_PROG_ATTACH, &a);
	if (err)
		return err;
	fault->at(1, false);
	a.attach_flags = 0;
	err = call(sys, BPF_PROG_DETACH, &a);
	made = 0;
	fault->at(0, false);
	if (err) {
		assert_int_equal(attached(sys), 1);
		assert_int_equal(call(sys, BPF_PROG_DETACH, &a), 0);
	}
	assert_int_equal(attached(sys), 0);
	return err == -ENOMEM ? 0 : err;
}

static int link_of(struct skep_system *sys)
{
	ATTR(.link_create = { .prog_fd = (u32)link_prog,
			      .target_fd = (u32)cgroup,
			      .attach_type = BPF_CGROUP_INET_INGRESS });
	int fd = call(sys, BPF_LINK_CREATE, &a);

	made = fault->count();
	fault->at(0, false);
	assert_int_equal(attached(sys), fd >= 0);
	return fd;
}

static int link_update(struct skep_system *sys)
{
	ATTR(.link_create = { .prog_fd = (u32)link_prog,
			      .target_fd = (u32)cgroup,
			      .attach_type = BPF_CGROUP_INET_INGRESS });
	int fd = call(sys, BPF_LINK_CREATE, &a), err;

	if (fd < 0)
		return fd;
	memset(&a, 0, sizeof(a));
	a.link_update.link_fd = (u32)fd;
	a.link_update.new_prog_fd = (u32)link_prog;
	err = call(sys, BPF_LINK_UPDATE, &a);
	memset(&a, 0, sizeof(a));
	a.link_detach.link_fd = (u32)fd;
	if (!err)
		err = call(sys, BPF_LINK_DETACH, &a);
	made = fault->count();
	fault->at(0, false);
	close(fd);
	return err;
}

static void attachments(struct skep_system *sys)
{
	if (cgroup < 0)
		return;
	sweep(sys, "attach", attach, false);
	sweep(sys, "detach", detach, false);
	sweep(sys, "create a link", link_of, true);
	sweep(sys, "update and detach a link", link_update, false);
}

static void with(struct skep_system *sys, const struct fault *f)
{
	fault = f;
	every_map(sys);
	attachments(sys);
	fault = &memory;
}

static void no_memory(void **state)
{
	with(*state, &memory);
}

static void no_page(void **state)
{
	with(*state, &pages);
}

static void no_file(void **state)
{
	with(*state, &files);
}

/* ---- what they need ---- */

static int load(struct skep_system *sys, u32 type, u32 attach_type)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };
	ATTR(.prog_type = type, .expected_attach_type = attach_type, .insns = PTR(insns),
	     .insn_cnt = ARRAY_SIZE(insns), .license = PTR("GPL"));

	return call(sys, BPF_PROG_LOAD, &a);
}

static int load_btf(struct skep_system *sys)
{
	ATTR(.btf = PTR(&int_btf), .btf_size = INT_BTF_SIZE);

	return call(sys, BPF_BTF_LOAD, &a);
}

static int set_up(void **state)
{
	struct skep_system *sys = system_for("7.2");
	struct sockaddr_in any = { .sin_family = AF_INET };

	if (!sys)
		return -1;
	for (u32 i = 0; i < 2; i++)
		inner[i] = sys_map_create(sys, BPF_MAP_TYPE_ARRAY, 4, 4, 4, 0);
	prog = load(sys, BPF_PROG_TYPE_XDP, 0);
	link_prog = load(sys, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS);
	btf = load_btf(sys);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(udp, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(tcp, (struct sockaddr *)&any, sizeof(any)) || listen(tcp, 1) ||
	    bind(udp, (struct sockaddr *)&any, sizeof(any)))
		return -1;
	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	task = (int)syscall(SYS_pidfd_open, getpid(), 0);
	own_cgroup(cgroup_path, sizeof(cgroup_path));
	if (*cgroup_path)
		cgroup = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else
		print_message("# no cgroup can be made: what needs one is left out\n");
	*state = sys;
	return inner[0] < 0 || inner[1] < 0 || prog < 0 || link_prog < 0 || btf < 0;
}

static int tear_down(void **state)
{
	skep_system_free(*state);
	own_cgroup_remove(cgroup_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_page),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests_name("allocation failures, elements", tests, set_up,
					   tear_down);
}
