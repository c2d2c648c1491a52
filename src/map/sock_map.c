/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Sockets by index or by hash (Linux: net/core/sock_map.c). An element is the socket's cookie,
 * which bpf(2) shows where values have eight bytes. DIFF(sock-maps): the
 * socket is not kept; its element goes when object/watch.h sees its end.
 */
#include "map/words.h"

#include "object/arena.h"
#include "object/sock.h"
#include "object/sock_map.h"

#define LINUX_STAB_SIZE	  376 /* sizeof(struct bpf_stab) on 6.18, x86-64 */
#define LINUX_SHTAB_SIZE  384
#define LINUX_BUCKET_SIZE 16
#define LINUX_ELEM_SIZE	  40 /* without the key */
#define MAX_BPF_STACK	  512

#define AF_UNIX	    1
#define IPPROTO_TCP 6

static bool is_hash(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_SOCKHASH;
}

static u64 hash_usage(u64 max_entries, u32 key_size, u64 count)
{
	u64 buckets = max_entries <= 1 ? 1 : 1ULL << (64 - __builtin_clzll(max_entries - 1));

	return LINUX_SHTAB_SIZE + buckets * LINUX_BUCKET_SIZE +
	       count * (LINUX_ELEM_SIZE + round_up(key_size, 8));
}

static int sock_map_alloc_check(const struct bpf_map_params *p, struct bpf_map_layout *layout)
{
	const union bpf_attr *a = p->attr;
	int err;

	if (!a->max_entries || !a->key_size || (a->value_size != 4 && a->value_size != 8) ||
	    a->map_flags & ~(u32)FD_MAP_FLAGS)
		return -EINVAL;
	if (a->map_type == BPF_MAP_TYPE_SOCKMAP)
		return a->key_size == 4 ? words_layout(a, LINUX_STAB_SIZE, layout) : -EINVAL;
	if (a->key_size > MAX_BPF_STACK)
		return -E2BIG;
	err = htab_words_layout(p, layout);
	/* What Linux could not count is not a matter of memory there. */
	if (err == -E2BIG)
		err = -EINVAL;
	layout->charge = hash_usage(a->max_entries, a->key_size, 0);
	return err;
}

static int sock_hash_init(struct bpf_map *map, const struct skep_platform *platform)
{
	return htab_words_init(map, platform);
}

/* For programs: the socket as it is now, to be given back. */
static void *sock_map_lookup_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	const u64 *word = is_hash(map) ? htab_words_lookup(map, key) : word_at(map, key);
	u64 cookie = word ? load_acquire(word) : 0;

	return cookie ? (void *)run->platform->world(run, WORLD_SK_BY_COOKIE, &cookie) : NULL;
}

static int sock_map_lookup_copy(struct bpf_map *map, const void *key, void *value, u64 flags,
				struct bpf_run *run)
{
	const u64 *word;
	u64 v;

	if (map->value_size != sizeof(u64))
		return -ENOSPC;
	word = is_hash(map) ? htab_words_lookup(map, key) : word_at(map, key);
	v = word ? load_acquire(word) : 0;
	if (!v)
		return -ENOENT;
	*(rt_u64 *)value = v;
	return 0;
}

static int sock_map_obj_update(struct bpf_map *map, const void *key, void *obj, u64 flags,
			       void **old, const struct skep_platform *platform)
{
	u64 *word, was, ignored;

	*old = NULL;
	if (flags > BPF_EXIST) /* Linux has looked at the socket before */
		return -EINVAL;
	if (is_hash(map))
		return htab_words_update(map, key, (u64)obj, flags, &ignored, platform);
	word = word_at(map, key);
	if (!word)
		return -E2BIG;
	was = load_acquire(word);
	do {
		if (was ? flags == BPF_NOEXIST : flags == BPF_EXIST)
			return was ? -EEXIST : -ENOENT;
	} while (!__atomic_compare_exchange_n(word, &was, (u64)obj, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return 0;
}

static int sock_map_obj_delete(struct bpf_map *map, const void *key, void **old,
			       const struct skep_platform *platform)
{
	u64 *word, ignored;

	*old = NULL;
	if (is_hash(map))
		return htab_words_delete(map, key, &ignored, platform);
	word = word_at(map, key);
	return word && __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) ? 0 : -EINVAL;
}

static void *sock_map_obj_lookup(struct bpf_map *map, const void *key)
{
	const u64 *word = is_hash(map) ? htab_words_lookup(map, key) : word_at(map, key);

	return word ? (void *)load_acquire(word) : NULL;
}

/* By programs: @value is a socket, of the world or of the run. Cookies tell sockets apart. */
static long sock_map_update_elem(struct bpf_map *map, const void *key, const void *value, u64 flags,
				 struct bpf_run *run)
{
	u64 sk = (u64)value, cookie;
	const u64 protocol[] = { sk, (u64)(uintptr_t) "sk_protocol" };
	const u64 family[] = { sk, (u64)(uintptr_t) "skc_family" };
	const struct bpf_rt_sock *rt = value;
	bool tcp;

	if (!sk)
		return -EINVAL;
	if (sk - ((u64)run->arena + ARENA_WORLD) < ARENA_HEAP - ARENA_WORLD) {
		cookie = run->platform->world(run, WORLD_SOCK_HOLD, &sk);
		tcp = run->platform->world(run, WORLD_FIELD, protocol) == IPPROTO_TCP &&
		      run->platform->world(run, WORLD_FIELD, family) != AF_UNIX;
	} else if (sk - (u64)run->arena < ARENA_LEASE_SIZE) { /* of an XSKMAP */
		return -EOPNOTSUPP;
	} else {
		cookie = rt->cookie;
		tcp = rt->u.protocol == IPPROTO_TCP && rt->u.family != AF_UNIX;
	}
	if (!cookie || (s64)cookie < 0)
		return -EOPNOTSUPP;
	return sock_map_put(map, key, cookie, tcp, flags, run);
}

static long sock_map_delete_elem(struct bpf_map *map, const void *key, struct bpf_run *run)
{
	void *old;

	return sock_map_obj_delete(map, key, &old, run->platform);
}

static u64 sock_map_mem_usage(const struct bpf_map *map)
{
	return is_hash(map) ? hash_usage(map->max_entries, map->key_size, htab_words_count(map)) :
			      LINUX_STAB_SIZE + (u64)map->max_entries * 8;
}

const struct bpf_map_ops sock_map_ops = {
	.alloc_check = sock_map_alloc_check,
	.lookup_elem = sock_map_lookup_elem,
	.lookup_copy = sock_map_lookup_copy,
	.update_elem = sock_map_update_elem,
	.delete_elem = sock_map_delete_elem,
	.get_next_key = words_next_key,
	.obj_update = sock_map_obj_update,
	.obj_delete = sock_map_obj_delete,
	.obj_lookup = sock_map_obj_lookup,
	.mem_usage = sock_map_mem_usage,
};

const struct bpf_map_ops sock_hash_ops = {
	.alloc_check = sock_map_alloc_check,
	.init = sock_hash_init,
	.lookup_elem = sock_map_lookup_elem,
	.lookup_copy = sock_map_lookup_copy,
	.update_elem = sock_map_update_elem,
	.delete_elem = sock_map_delete_elem,
	.get_next_key = htab_words_next_key,
	.obj_update = sock_map_obj_update,
	.obj_delete = sock_map_obj_delete,
	.obj_lookup = sock_map_obj_lookup,
	.mem_usage = sock_map_mem_usage,
	.check = htab_words_check,
};
