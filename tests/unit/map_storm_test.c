/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Four processes update maps of every type at once and are killed, or stopped and then killed or
 * continued, at random moments. Whatever they leave, the maps stay whole: all structures check
 * out, no value is torn, no lock is lost. MAPS_KILLS says how many (make kill: many).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/map_fixture.h"
#include "helper/dynptr.h"
#include "map/storage.h"
#include "object/helper.h"
#include "object/map_arena.h"
#include "object/map_ringbuf.h"
#include "object/prog.h"

BPF_HELPER_DECLARE(bpf_ringbuf_reserve);
BPF_HELPER_DECLARE(bpf_ringbuf_submit);
BPF_HELPER_DECLARE(bpf_ringbuf_output);

u64 kfunc_bpf_arena_alloc_pages(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
u64 kfunc_bpf_arena_free_pages(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run);
BPF_HELPER_DECLARE(bpf_user_ringbuf_drain);

#define WORKERS	 FIXTURE_CPUS
#define PAGES	 1024		/* of the arena */
#define AT	 0x100000000ULL /* that is where its user space has it */
#define KEYS	 300
#define WORDS	 6
#define KILLS	 300
#define CHECK_AT 25 /* kills between two checks */

static const struct map_spec specs[] = {
	{ BPF_MAP_TYPE_HASH, 16, 8 * WORDS, 2 * KEYS },
	{ BPF_MAP_TYPE_HASH, 16, 8 * WORDS, KEYS / 2 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 16, 8 * WORDS, KEYS },
	{ BPF_MAP_TYPE_LRU_HASH, 16, 8 * WORDS, KEYS / 2 },
	{ BPF_MAP_TYPE_LRU_HASH, 16, 8 * WORDS, 1100 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 16, 8 * WORDS, KEYS / 2 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8 * WORDS, KEYS },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8 * WORDS, KEYS },
	{ BPF_MAP_TYPE_LPM_TRIE, 12, 8 * WORDS, KEYS, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_QUEUE, 0, 8 * WORDS, 50 },
	{ BPF_MAP_TYPE_STACK, 0, 8 * WORDS, 50 },
	{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8 * WORDS, KEYS },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 8 * 10, 64 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 8192 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8 * WORDS, 0 },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 8, 8 * WORDS, 0 },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, KEYS / 2 },
	{ BPF_MAP_TYPE_SOCKHASH, 8, 8, KEYS / 2 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, KEYS },
	{ BPF_MAP_TYPE_HASH, 16, 8 * WORDS, 2 * KEYS, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_LRU_HASH, 16, 8 * WORDS, KEYS / 2, BPF_F_NO_COMMON_LRU },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 16, 8 * WORDS, 4 * 1100, BPF_F_NO_COMMON_LRU },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, KEYS },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, KEYS },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, KEYS },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, KEYS },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 8, 4, KEYS / 2 },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 8, KEYS },
	{ BPF_MAP_TYPE_CPUMAP, 4, 8, FIXTURE_CPUS },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, KEYS },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, KEYS },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 8 * WORDS, 0, BPF_F_NO_PREALLOC, .btf = 1 },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 8 * WORDS, 0, BPF_F_NO_PREALLOC, .btf = 1 },
	{ BPF_MAP_TYPE_TASK_STORAGE, 4, 8 * WORDS, 0, BPF_F_NO_PREALLOC, .btf = 1 },
	{ BPF_MAP_TYPE_CGRP_STORAGE, 4, 8 * WORDS, 0, BPF_F_NO_PREALLOC, .btf = 1 },
	{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096 },
	{ BPF_MAP_TYPE_RHASH, 16, 8 * WORDS, 2 * KEYS, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_ARENA, 0, 0, PAGES, BPF_F_MMAPABLE },
};
/* Not here: struct_ops and instruction arrays, which only the system's own process changes. */

#define MAPS ARRAY_SIZE(specs)

static struct bpf_map *maps[MAPS];
static struct bpf_map *inner[3]; /* of the maps of maps */
static u64 *done;		 /* operations of all workers, shared: that they get on */
static u64 *torn;		 /* what a worker has seen that cannot be, shared */

static bool is_htab(u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_DEVMAP_HASH || type == BPF_MAP_TYPE_SOCKHASH ||
	       type == BPF_MAP_TYPE_HASH_OF_MAPS || type == BPF_MAP_TYPE_RHASH;
}

/* Values in a table that the map keeps for itself. */
static bool is_storage(u32 type)
{
	return type == BPF_MAP_TYPE_CGROUP_STORAGE || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE ||
	       type == BPF_MAP_TYPE_SK_STORAGE || type == BPF_MAP_TYPE_INODE_STORAGE ||
	       type == BPF_MAP_TYPE_TASK_STORAGE || type == BPF_MAP_TYPE_CGRP_STORAGE;
}

static bool in_place(u32 type) /* as in Linux: values may be seen half written */
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE || type == BPF_MAP_TYPE_RHASH;
}

static void ring_consume(struct bpf_map *map)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;

	while (READ_ONCE(*rb->consumer_pos) < READ_ONCE(*rb->producer_pos)) {
		struct bpf_ringbuf_hdr *hdr = (void *)(rb->data + (*rb->consumer_pos & rb->mask));
		u32 len = READ_ONCE(hdr->len) & ~BPF_RINGBUF_DISCARD_BIT;

		if (len & BPF_RINGBUF_BUSY_BIT)
			return;
		*rb->consumer_pos += (len + 8 + 7) / 8 * 8;
	}
}

/* The client of a user ring buffer, of which there is one: puts a record of @n words there. */
static void user_ring_put(struct bpf_map *map, u64 x, u32 n)
{
	struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;
	u64 at = *rb->producer_pos, *word = (u64 *)(rb->data + (at & rb->mask));

	if (at + 8 + n * 8 - load_acquire(rb->consumer_pos) > rb->mask + 1)
		return;
	word[0] = n * 8;
	for (u32 i = 1; i <= n; i++)
		word[i] = x;
	store_release(rb->producer_pos, at + 8 + n * 8);
}

/* The callback of a drain: a record is whole. */
static u64 taken(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct bpf_run *run)
{
	const struct dynptr *d = (const void *)r1;
	u32 n = dynptr_len(d) / 8;
	const u64 *word = (const u64 *)dynptr_bytes(d, n * 8, run);

	*torn += !n || !word;
	for (u32 i = 1; word && i < n; i++)
		*torn += word[i] != word[0];
	return 0;
}

static const bpf_helper_t drain_callback = taken;
static struct bpf_prog drainer = { .nr_subprogs = 1, .subprog_entry = &drain_callback };

/* Pages are this worker's until it gives them back: nobody else gets them meanwhile. */
static void use_pages(struct bpf_map *map, u64 x, u32 n, struct bpf_run *run)
{
	struct bpf_arena_map *a = (struct bpf_arena_map *)map;
	u64 addr = kfunc_bpf_arena_alloc_pages((u64)map, 0, n, (u64)-1, 0, run);
	volatile u64 *word = (volatile u64 *)(a->window + (u32)addr);

	if (!addr)
		return;
	for (u32 i = 0; i < n * 512; i += 64) {
		*torn += word[i] != 0;
		word[i] = x;
	}
	for (u32 i = 0; i < n * 512; i += 64)
		*torn += word[i] != x;
	kfunc_bpf_arena_free_pages((u64)map, addr, n, 0, 0, run);
}

/* What the elements of a map of things are: a few objects, or any word but 0. */
static void *object_for(u32 type, u64 x)
{
	static struct bpf_prog programs[3];

	switch (type) {
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return inner[(x >> 16) % ARRAY_SIZE(inner)];
	case BPF_MAP_TYPE_PROG_ARRAY:
		return &programs[(x >> 16) % ARRAY_SIZE(programs)];
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
		return (void *)((x | 8) & ~7ULL);
	default:
		return (void *)(x | 1);
	}
}

/* One operation of those that the map has; @x decides. */
static void act(struct bpf_map *map, u64 x, struct bpf_run *run)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	u64 k = (x >> 33) % KEYS, key[2] = { k, ~k }, ips[10], record, *p;
	u64 v[FIXTURE_CPUS][WORDS];
	bool add = x >> 60 < 10;
	void *old;

	for (u32 i = 0; i < WORDS; i++)
		v[0][i] = x;
	switch (map->map_type) {
	case BPF_MAP_TYPE_LPM_TRIE:
		key[0] = (u32)(x >> 20) % 65 | k << 32;
		__attribute__((fallthrough));
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_RHASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		if (add)
			ops->update_elem(map, key, v, 0, run);
		else
			ops->delete_elem(map, key, run);
		if (x >> 62 == 1)
			ops->lookup_elem(map, key, run);
		break;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		if (add)
			ops->push_elem(map, v, x & BPF_EXIST, run);
		else
			ops->pop_elem(map, v, run);
		break;
	case BPF_MAP_TYPE_BLOOM_FILTER:
		v[0][0] = k;
		ops->push_elem(map, v, 0, run);
		break;
	case BPF_MAP_TYPE_STACK_TRACE:
		for (u32 i = 0; i < 10; i++)
			ips[i] = k % 100 + i;
		if (add)
			ops->stack_id(map, ips, 1 + k % 10, BPF_F_REUSE_STACKID, run);
		else
			ops->delete_elem(map, &(u32){ k % 64 }, run);
		break;
	case BPF_MAP_TYPE_RINGBUF:
		if (add) {
			bpf_ringbuf_output((u64)map, (u64)&record, 8, 0, 0, run);
		} else {
			p = (u64 *)bpf_ringbuf_reserve((u64)map, 8 + k, 0, 0, 0, run);
			if (p)
				bpf_ringbuf_submit((u64)p, 0, 0, 0, 0, run);
		}
		break;
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		key[0]++;
		key[1] = k % 3;
		if (add)
			ops->storage_get(map, key, v, true, run);
		else
			ops->storage_forget(map, key, run);
		break;
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case BPF_MAP_TYPE_CGRP_STORAGE:
		if (add && x & 1 << 12)
			ops->storage_get(map, key, v, true, run);
		else if (add)
			ops->update_elem(map, key, v, 0, run);
		else
			ops->delete_elem(map, key, run);
		break;
	case BPF_MAP_TYPE_USER_RINGBUF:
		if (run->cpu == 0 && x & 1 << 12)
			user_ring_put(map, x, 1 + (u32)k % 40);
		run->prog = &drainer;
		if (!(x & 7))
			bpf_user_ringbuf_drain((u64)map, 0, 0, 0, 0, run);
		break;
	case BPF_MAP_TYPE_ARENA:
		if (!(x >> 4 & 255)) /* each asks the system about all pages */
			use_pages(map, x, 1 + (u32)k % 3, run);
		break;
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		if (ops->obj_check && ops->obj_check(map, key, 0))
			break;
		if (add)
			ops->obj_update(map, key, object_for(map->map_type, x), 0, &old,
					run->platform);
		else
			ops->obj_delete(map, key, &old, run->platform);
		break;
	default:
		abort();
	}
}

static void work_until_killed(u32 cpu, u32 seed)
{
	struct bpf_run run = fixture_run(cpu);
	u64 x = seed * 0x9e3779b97f4a7c15ULL + 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check may fail */
	for (;;) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		act(maps[(x >> 13) % MAPS], x, &run);
		/* programs end between operations: what they had reserved is submitted */
		memset(run.rings, 0, sizeof(run.rings));
		__atomic_fetch_add(done, 1, __ATOMIC_RELAXED);
	}
}

static pid_t start_worker(u32 cpu)
{
	static u32 seed;
	pid_t pid;

	seed++;
	pid = fork();
	if (!pid)
		work_until_killed(cpu, seed);
	assert_true(pid > 0);
	return pid;
}

static void check_values(struct bpf_map *map)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);
	u64 key[2], next[2], v[FIXTURE_CPUS * WORDS];
	u32 n = 0;

	if (!ops->get_next_key || !ops->lookup_copy || map->value_size != 8 * WORDS)
		return;
	for (int err = ops->get_next_key(map, NULL, next); !err;
	     err = ops->get_next_key(map, key, next)) {
		assert_int_equal(ops->lookup_copy(map, next, v, 0, &fx.run), 0);
		for (u32 i = 1; i < WORDS && !in_place(map->map_type); i++)
			assert_int_equal(v[i], v[0]);
		memcpy(key, next, map->key_size);
		assert_true(n++ < 100000);
	}
}

/* Nobody works now. One operation of each kind takes the locks of the dead; then all must be whole. */
static void check_all(void)
{
	fx.run = fixture_run(0); /* a worker had that slot: what he held when he died is not ours */
	for (u32 i = 0; i < MAPS; i++) {
		struct bpf_map *map = maps[i];
		u64 v[WORDS];

		if (is_htab(map->map_type))
			assert_int_equal(htab_unjam(to_htab(map), fx.run.platform, &fx.run), 0);
		if (is_storage(map->map_type))
			assert_int_equal(
				htab_unjam(to_htab(storage_table(map)), fx.run.platform, &fx.run),
				0);
		for (u64 k = 0; k < 400; k++)
			act(map, k << 33 | (k % 5 ? 0 : 15ULL << 60) | 7, &fx.run);
		memset(fx.run.rings, 0, sizeof(fx.run.rings));
		if (map->map_type == BPF_MAP_TYPE_RINGBUF) {
			for (u32 k = 0; k < 2000; k++) {
				u64 record = k;

				ring_consume(map);
				bpf_ringbuf_output((u64)map, (u64)&record, 8, 0, 0, &fx.run);
			}
			ring_consume(map);
			assert_int_equal(*((struct bpf_ringbuf_map *)map)->consumer_pos,
					 *((struct bpf_ringbuf_map *)map)->producer_pos);
		}
		if (map->map_type == BPF_MAP_TYPE_QUEUE || map->map_type == BPF_MAP_TYPE_STACK) {
			const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);

			while (!ops->pop_elem(map, v, &fx.run))
				for (u32 w = 1; w < WORDS; w++)
					assert_int_equal(v[w], v[0]);
		}
		if (map->map_type == BPF_MAP_TYPE_USER_RINGBUF) {
			struct bpf_ringbuf_map *rb = (struct bpf_ringbuf_map *)map;

			fx.run.prog = &drainer;
			assert_true((s64)bpf_user_ringbuf_drain((u64)map, 0, 0, 0, 0, &fx.run) >=
				    0);
			assert_int_equal(rb->pending, *rb->producer_pos);
			assert_int_equal(rb->pending, *rb->consumer_pos);
		}
		if (map->map_type == BPF_MAP_TYPE_ARENA) { /* all pages can be had */
			kfunc_bpf_arena_free_pages((u64)map, AT, PAGES, 0, 0, &fx.run);
			assert_int_equal(kfunc_bpf_arena_alloc_pages((u64)map, 0, PAGES, (u64)-1, 0,
								     &fx.run),
					 AT);
			assert_int_equal(
				kfunc_bpf_arena_alloc_pages((u64)map, 0, 1, (u64)-1, 0, &fx.run),
				0);
			kfunc_bpf_arena_free_pages((u64)map, AT, PAGES, 0, 0, &fx.run);
		}
		if (bpf_map_ops_of(map->map_type)->check &&
		    bpf_map_ops_of(map->map_type)->check(map))
			print_message("# map %u of type %u\n", i, map->map_type);
		map_ok(map);
		check_values(map);
		assert_int_equal(*torn, 0);
	}
}

static void nap(u32 us)
{
	nanosleep(&(struct timespec){ 0, us * 1000L }, NULL);
}

static void test_storm(void **state)
{
	u32 kills = getenv("MAPS_KILLS") ? (u32)atoi(getenv("MAPS_KILLS")) : KILLS, stops = 0;
	pid_t pid[WORKERS];
	u64 before;

	fixture_start(true);
	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	torn = done + 1;
	for (u32 i = 0; i < ARRAY_SIZE(inner); i++)
		inner[i] = map_must((struct map_spec){ BPF_MAP_TYPE_HASH, 4, 8, 4 });
	for (u32 i = 0; i < MAPS; i++) {
		struct map_spec spec = specs[i];

		if (spec.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
		    spec.type == BPF_MAP_TYPE_HASH_OF_MAPS)
			spec.inner = inner[0];
		maps[i] = map_must(spec);
		if (spec.type == BPF_MAP_TYPE_ARENA) {
			struct bpf_arena_map *a = (struct bpf_arena_map *)maps[i];

			a->user_start = AT;
			a->user_end = AT + PAGES * ARENA_MAP_PAGE;
		}
	}
	srandom(1);
	for (u32 i = 0; i < WORKERS; i++)
		pid[i] = start_worker(i);
	for (u32 n = 0; n < kills; n++) {
		u32 w = (u32)random() % WORKERS;

		nap(50 + (u32)random() % 1000);
		ring_consume(maps[13]);
		if (random() % 3 == 0) { /* stopped, perhaps in the middle of something */
			kill(pid[w], SIGSTOP);
			nap((u32)random() % 2000);
			stops++;
		}
		if (random() % 4 == 0) {
			kill(pid[w], SIGCONT);
			continue;
		}
		kill(pid[w], SIGKILL);
		assert_int_equal(waitpid(pid[w], NULL, 0), pid[w]);
		if (n % CHECK_AT && n + 1 < kills) {
			pid[w] = start_worker(w);
			continue;
		}
		for (u32 i = 0; i < WORKERS; i++) {
			kill(pid[i], SIGKILL);
			if (i != w)
				assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
		}
		check_all();
		before = *done;
		for (u32 i = 0; i < WORKERS; i++)
			pid[i] = start_worker(i);
		/* They get on: no lock was lost. */
		for (u32 i = 0; i < 5000 && READ_ONCE(*done) < before + 1000; i++)
			nap(1000);
		assert_true(READ_ONCE(*done) >= before + 1000);
	}
	for (u32 i = 0; i < WORKERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	check_all();
	print_message("# %u kills and stops, %u stops, %llu operations\n", kills, stops,
		      (unsigned long long)*done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("map_storm", tests, NULL, NULL);
}
