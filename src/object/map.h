/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps, and the operations that give a map type its behaviour (Linux:
 * include/linux/bpf.h, struct bpf_map and bpf_map_ops).
 *
 * struct bpf_map lies at the start of the map's segment, in shared memory at one
 * address in every process; that address is what programs hold in a register.
 * Map types extend it (struct bpf_htab { struct bpf_map map; ... }). It holds no
 * process-private pointer: functions are found through bpf_map_ops_of(type).
 * What only the owning system knows (references, descriptor, BTF) is in struct
 * map_object (object.h).
 */
#ifndef SKEP_OBJECT_MAP_H
#define SKEP_OBJECT_MAP_H

#include "base/types.h"
#include "base/uapi.h"
#include "object/rt_string.h"
#include "object/run.h"

struct btf;
struct bpf_record;
struct async_cb;

/* Fields with a meaning inside a map value, found by BTF (Linux: struct btf_record). */
enum bpf_special_field {
	BPF_FIELD_SPIN_LOCK,
	BPF_FIELD_RES_SPIN_LOCK,
	BPF_FIELD_TIMER,
	BPF_FIELD_WORKQUEUE,
	BPF_FIELD_TASK_WORK,
	BPF_FIELD_KPTR_UNREF,
	BPF_FIELD_KPTR_REF,
	BPF_FIELD_KPTR_PERCPU,
	BPF_FIELD_UPTR,
	BPF_FIELD_LIST_HEAD,
	BPF_FIELD_LIST_NODE,
	BPF_FIELD_RB_ROOT,
	BPF_FIELD_RB_NODE,
	BPF_FIELD_REFCOUNT,
	BPF_FIELD_MAX,
};

#define BPF_MAP_FIELDS_MAX 11

struct bpf_map_field {
	u16 kind; /* enum bpf_special_field */
	u16 size;
	u32 offset;
	u32 btf_id;
};

struct bpf_map {
	u32 map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
	u32 id;
	u32 nr_cpus; /* values of a per-CPU map */
	u32 frozen;
	u32 writers; /* mmaps and pending updates that forbid a freeze */
	u32 lock;    /* owner's tid; see object/lock.h */
	struct arena *arena;
	u64 reserved; /* bytes of address space of the segment */
	u64 backed;   /* bytes backed so far; grows under .lock */
	/* The client-visible pages, mapped here too; NULL when there are none. */
	void *client;
	u64 client_size;
	u32 nr_fields;
	struct bpf_map_field fields[BPF_MAP_FIELDS_MAX];
	const struct bpf_record *record; /* of values that hold objects (record.h), else NULL */
	/* Timers and work queues in values (async.h). Without descriptors and pins there are none. */
	struct {
		u32 lock, unheld;
		struct async_cb *first;
	} async;
	u64 map_extra;
	/* map-in-map: the template's meta data; a common field, set before .init */
	struct {
		u32 map_type, key_size, value_size, max_entries, map_flags, nr_fields;
	} inner;
	/* prog array: first user fixes type, jited-ness and attach type (see Linux's bpf_prog_map_compatible) */
	struct {
		u32 set, type, jited, attach_type, xdp_has_frags, func_proto, storage[2];
	} owner;
	char name[BPF_OBJ_NAME_LEN];
};

/* What a type needs to know to lay a new map out. */
struct bpf_map_params {
	const union bpf_attr *attr; /* MAP_CREATE, already checked for zero tail */
	u32 nr_cpus;
	struct bpf_map *inner;	     /* template of a map-in-map; NULL: none, or a bad descriptor */
	bool has_special;	     /* the value has special fields */
	bool cap_bpf, cap_sys_admin; /* capabilities that the creator holds */
};

struct bpf_map_layout {
	u64 reserve;	    /* bytes of segment, struct bpf_map included */
	u64 backed;	    /* of which backed at once */
	u64 client_size;    /* bytes of the client-visible file (mmap-able), or 0 */
	bool client_sparse; /* its pages come as they are touched */
	u64 charge;	    /* memlock as Linux reports it, bytes */
};

/*
 * Keys and values are kernel-side copies: @value of per-CPU types in the *_copy
 * operations is nr_cpus values, each rounded up to 8 bytes, as bpf(2) passes it.
 * Operations without _copy are called by helpers too and run inside a slot.
 * An absent operation (NULL) means the errno that Linux gives: -ENOTSUPP (524),
 * or as the comment says. All of it is freestanding.
 */
struct bpf_map_ops {
	/* Validates @p and lays the map out; 0 or -errno as MAP_CREATE returns it. */
	int (*alloc_check)(const struct bpf_map_params *p, struct bpf_map_layout *layout);
	/*
	 * Builds the type's structures in zeroed memory; map's common fields are set (and
	 * .client, where the layout asked for client pages). 0 or -errno.
	 */
	int (*init)(struct bpf_map *map, const struct skep_platform *platform);

	void *(*lookup_elem)(struct bpf_map *map, const void *key, struct bpf_run *run);
	long (*update_elem)(struct bpf_map *map, const void *key, const void *value, u64 flags,
			    struct bpf_run *run);
	long (*delete_elem)(struct bpf_map *map, const void *key, struct bpf_run *run);
	int (*get_next_key)(struct bpf_map *map, const void *key, void *next_key);
	/*
	 * Hashes: up to @room keys from place *@cursor on (0: the first), which moves behind
	 * them. 0, -ENOENT at the end (*@n may not be 0), -ENOSPC: what is next does not fit.
	 */
	int (*keys_from)(struct bpf_map *map, u32 *cursor, void *keys, u32 room, u32 *n);

	/* bpf(2) forms for types where they differ from the above. */
	int (*lookup_copy)(struct bpf_map *map, const void *key, void *value, u64 flags,
			   struct bpf_run *run);
	int (*update_copy)(struct bpf_map *map, const void *key, const void *value, u64 flags,
			   struct bpf_run *run);
	int (*lookup_and_delete)(struct bpf_map *map, const void *key, void *value, u64 flags,
				 struct bpf_run *run);

	void *(*lookup_percpu_elem)(struct bpf_map *map, const void *key, u32 cpu);
	long (*push_elem)(struct bpf_map *map, const void *value, u64 flags, struct bpf_run *run);
	long (*pop_elem)(struct bpf_map *map, void *value, struct bpf_run *run);
	long (*peek_elem)(struct bpf_map *map, void *value, struct bpf_run *run);
	/* Calls back for each element until it returns non-zero; returns the count or -errno. */
	long (*for_each)(struct bpf_map *map,
			 long (*fn)(struct bpf_map *map, const void *key, void *value, void *arg),
			 void *arg, struct bpf_run *run);

	/*
	 * Maps whose elements are objects: values are the runtime address of the
	 * object (struct bpf_map *, struct bpf_prog *, perf ring ...). The caller
	 * resolved the descriptor and took a reference; *old is the element that was
	 * replaced or removed, whose reference the caller drops after a grace period.
	 * bpf(2) lookup shows the id of what obj_lookup gives (absent: -ENOTSUPP).
	 * obj_check, where present, refuses what Linux refuses before it looks at the
	 * descriptor; call it first.
	 */
	int (*obj_check)(const struct bpf_map *map, const void *key, u64 flags);
	int (*obj_update)(struct bpf_map *map, const void *key, void *obj, u64 flags, void **old,
			  const struct skep_platform *platform);
	int (*obj_delete)(struct bpf_map *map, const void *key, void **old,
			  const struct skep_platform *platform);
	void *(*obj_lookup)(struct bpf_map *map, const void *key);

	/*
	 * Stack maps: stores the @nr (at most STACK_MAX_DEPTH) addresses of a stack and gives
	 * their id, or -errno. @flags of bpf_get_stackid(), checked; object/stack.h.
	 */
	long (*stack_id)(struct bpf_map *map, const u64 *ips, u32 nr, u64 flags,
			 struct bpf_run *run);

	/*
	 * Storages: the value of what has identity @owner (two words), made from @value (NULL:
	 * zeros) when there is none and @create is set; or NULL. Keys of the operations above are
	 * identities there, too.
	 */
	void *(*storage_get)(struct bpf_map *map, const u64 *owner, const void *value, bool create,
			     struct bpf_run *run);
	/* Of storages whose delete_elem is not for the system: drops the value of @owner. */
	int (*storage_forget)(struct bpf_map *map, const u64 *owner, struct bpf_run *run);

	/*
	 * The function that a program's call of helper @func_id (BPF_FUNC_map_lookup_elem
	 * ...) with R1 always this map may go to instead of the general helper: one that
	 * knows the type and sizes. For the fix-ups (prog->calls). NULL: the general one.
	 */
	bpf_helper_t (*helper)(const struct bpf_map *map, u32 func_id);

	/* The key of @value, which may be put into *index; for types that can have timers. */
	const void *(*key_of)(const struct bpf_map *map, const void *value, u32 *index);

	/* Address of byte @off of the value area of a single-value array; for BPF_PSEUDO_MAP_VALUE. */
	int (*direct_value_addr)(const struct bpf_map *map, u64 *addr, u32 off);
	/* Elements, of the types that Linux counts them of (struct bpf_map.elem_count); NULL: 0. */
	u64 (*elem_count)(const struct bpf_map *map);
	/* Bytes that Linux would report as memlock now. */
	u64 (*mem_usage)(const struct bpf_map *map);
	/* Full structural check for tests: NULL, or what is wrong (a constant string). */
	const char *(*check)(struct bpf_map *map);
};

/*
 * Special fields (locks, timers, kptrs) belong to the place, not to the value: a
 * copy leaves them out, and bpf(2) shows zeros in their stead. Fields are sorted by
 * offset. All freestanding, in rt_map.c.
 */
const struct bpf_map_field *map_field(const struct bpf_map *map, enum bpf_special_field kind);
void map_value_copy_special(const struct bpf_map *map, void *dst, const void *src);
void map_value_hide_special(const struct bpf_map *map, void *value);
void map_value_zero(const struct bpf_map *map, void *value); /* all but the special fields */
/* Copies under the bpf_spin_lock of @src or @dst, which the map must have. */
void map_value_copy_locked(const struct bpf_map *map, void *dst, const void *src, bool lock_src,
			   const struct skep_platform *platform);

static inline void map_value_copy(const struct bpf_map *map, void *dst, const void *src)
{
	if (unlikely(map->nr_fields))
		map_value_copy_special(map, dst, src);
	else
		rt_copy(dst, src, map->value_size);
}

/* The type's operations; NULL for a type that is absent. Built from tables/maps.def. */
const struct bpf_map_ops *bpf_map_ops_of(u32 map_type);

static inline u64 map_elem_count(const struct bpf_map *map)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(map->map_type);

	return ops && ops->elem_count ? ops->elem_count(map) : 0;
}

static inline u32 bpf_map_value_stride(const struct bpf_map *map)
{
	return round_up(map->value_size, 8);
}

#endif
