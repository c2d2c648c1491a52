/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * BPF_MAP_CREATE and BPF_MAP_FREEZE (Linux: map_create() and map_freeze() in
 * kernel/bpf/syscall.c). What a type accepts is its own .alloc_check; elements are
 * in map_elem.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "command/command.h"
#include "hook/hook.h"
#include "object/caller.h"
#include "command/map.h"
#include "command/struct_ops.h"
#include "isa/tag.h"
#include "object/map_arena.h"
#include "object/security.h"
#include "object/token.h"
#include "object/vocabulary.h"
#include "object/psock.h"
#include "object/watch.h"

#define NUMA_NO_NODE   (-1)
#define TEMPLATE_BYTES 4096

/* Map types that need no capability, or CAP_NET_ADMIN; all others need CAP_BPF. */
static bool map_type_allowed(u32 type, u32 caps)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		return true;
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_SOCKHASH:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_XSKMAP:
		return caps & BPF_CAP_NET_ADMIN;
	default:
		return caps & BPF_CAP_BPF;
	}
}

bool map_type_visible(const struct profile *profile, u32 type)
{
	const struct vocabulary_row *row = vocabulary_by_value(VOCABULARY_MAP, type);

	return row && row_visible(profile, (struct kernel_row){ ROW_MAP, type, 0, row->since });
}

/* BPF_F_RDONLY and BPF_F_WRONLY as a mode of open(2); -EINVAL for both. */
static int access_of_flags(u32 flags)
{
	switch (flags & (BPF_F_RDONLY | BPF_F_WRONLY)) {
	case 0:
		return O_RDWR;
	case BPF_F_RDONLY:
		return O_RDONLY;
	case BPF_F_WRONLY:
		return O_WRONLY;
	default:
		return -EINVAL;
	}
}

static bool node_online(u32 node)
{
	char path[64];

	if (node == 0)
		return true;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	return access(path, F_OK) == 0;
}

bool map_is_fd_array(u32 type)
{
	return type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
	       type == BPF_MAP_TYPE_CGROUP_ARRAY || type == BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

bool map_is_map_in_map(u32 type)
{
	return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* A private copy of what inner maps must be like (Linux: bpf_map_meta_alloc()). */
static int make_template(struct skep_system *sys, int fd, struct map_object **out)
{
	struct map_object *inner, *t = NULL;
	int err;

	inner = map_get_fd(sys, fd, &err);
	if (!inner)
		return err;
	err = -EINVAL;
	/* Two levels only; and no type whose values cannot be shared like this. */
	if (map_is_map_in_map(inner->map->map_type))
		goto out;
	err = -ENOTSUPP;
	if (inner->map->map_type == BPF_MAP_TYPE_PROG_ARRAY ||
	    inner->map->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		goto out;
	err = -ENOMEM;
	t = mem_zalloc(sizeof(*t));
	if (!t)
		goto out;
	t->obj.kind = OBJECT_MAP;
	t->obj.sys = sys;
	/*
	 * Only what all inner maps have in common, and no contents: what a type keeps
	 * behind struct bpf_map reads as zero, and a frozen map as not frozen.
	 */
	t->map = mem_zalloc(TEMPLATE_BYTES);
	if (!t->map) {
		mem_free(t);
		goto out;
	}
	*t->map = *inner->map;
	t->map->id = 0;
	t->map->frozen = 0;
	t->map->client = NULL;
	t->ops = inner->ops;
	t->btf = inner->btf;
	t->btf_key_type_id = inner->btf_key_type_id;
	t->btf_value_type_id = inner->btf_value_type_id;
	if (t->btf)
		object_get(&t->btf->obj);
	*out = t;
	err = 0;
out:
	object_put(&inner->obj);
	return err;
}

/*
 * Memory of @node first, as Linux asks its allocators. What it cannot have there, and where we may not ask
 * (a container's filter), it has elsewhere, as in Linux.
 */
static void prefer_node(const struct bpf_map *map, u32 node)
{
	arena_prefer_node((void *)map, map->reserved, (int)node);
	arena_prefer_node(map->client, map->client_size, (int)node);
}

/* The map's structures, in the arena. On success m->map is complete. */
static int build_map(struct map_object *m, const union bpf_attr *attr,
		     const struct bpf_map_ops *ops, const struct bpf_map_layout *layout)
{
	struct skep_system *sys = m->obj.sys;
	struct bpf_map *map;
	int err;

	map = arena_alloc(sys->arena, layout->reserve, layout->backed, &err);
	if (!map)
		return err;
	m->map = map;
	map->reserved = layout->reserve;
	map->backed = layout->backed;
	map->arena = sys->arena;
	map->map_type = attr->map_type;
	map->key_size = attr->key_size;
	map->value_size = attr->value_size;
	map->max_entries = attr->max_entries;
	/* How descriptors may be used is theirs to know, not the map's. */
	map->map_flags = attr->map_flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY);
	map->map_extra = attr->map_extra;
	map->nr_cpus = sys->arena->nr_slots;
	if (layout->client_size) {
		err = object_make_file(&m->obj, layout->client_size,
				       !(attr->map_flags & BPF_F_RDONLY_PROG),
				       layout->client_sparse, &map->client);
		if (err)
			return err;
		map->client_size = layout->client_size;
	}
	if (attr->map_flags & BPF_F_NUMA_NODE && (int)attr->numa_node != NUMA_NO_NODE)
		prefer_node(map, attr->numa_node);
	if (m->inner_template) {
		const struct bpf_map *t = m->inner_template->map;

		map->inner.map_type = t->map_type;
		map->inner.key_size = t->key_size;
		map->inner.value_size = t->value_size;
		map->inner.max_entries = t->max_entries;
		map->inner.map_flags = t->map_flags;
		map->inner.nr_fields = t->nr_fields;
	}
	m->charge = layout->charge;
	err = ops->init ? ops->init(map, sys->platform) : 0;
	if (!err && map->map_type == BPF_MAP_TYPE_ARENA && attr->map_extra)
		err = arena_map_place((struct bpf_arena_map *)map, attr->map_extra);
	return err;
}

/* The hash of the only program that may use the map, if there is to be one. */
static int set_exclusive(struct call *c, struct map_object *m)
{
	const union bpf_attr *attr = c->attr;

	if (!attr->excl_prog_hash && !attr->excl_prog_hash_size)
		return 0;
	if (!attr->excl_prog_hash || attr->excl_prog_hash_size != SHA256_SIZE)
		return common_log(c, -EINVAL, "Invalid excl_prog_hash_size.\n");
	m->exclusive = true;
	return user_read(c->sys, m->exclusive_to, attr->excl_prog_hash, SHA256_SIZE) ? -EFAULT : 0;
}

int command_map_create(struct call *c)
{
	union bpf_attr *attr = c->attr;
	struct skep_system *sys = c->sys;
	struct bpf_map_params params = { .attr = attr };
	struct bpf_map_layout layout = { 0 };
	const struct bpf_map_ops *ops;
	struct map_object *m = NULL, *template = NULL;
	u32 caps = system_caps(sys), type = attr->map_type, flags = attr->map_flags;
	struct token_object *token = NULL;
	bool with_token;
	int access, err, node;

	with_token = flags & BPF_F_TOKEN_FD && visible(sys->profile, KVER(6, 9));
	if (with_token) /* no flag of the map */
		attr->map_flags = flags &= ~(u32)BPF_F_TOKEN_FD;
	if (attr->btf_vmlinux_value_type_id) {
		if (type != BPF_MAP_TYPE_STRUCT_OPS)
			return common_log(c, -EINVAL,
					  "btf_vmlinux_value_type_id can only be used "
					  "with struct_ops maps.\n");
		if (attr->btf_key_type_id || attr->btf_value_type_id)
			return common_log(c, -EINVAL,
					  "btf_vmlinux_value_type_id is mutually exclusive with "
					  "btf_key_type_id and btf_value_type_id.\n");
	} else if (attr->btf_key_type_id && !attr->btf_value_type_id) {
		return common_log(c, -EINVAL, "Invalid btf_value_type_id.\n");
	}
	if (type != BPF_MAP_TYPE_BLOOM_FILTER && type != BPF_MAP_TYPE_ARENA &&
	    type != BPF_MAP_TYPE_RHASH && attr->map_extra)
		return common_log(c, -EINVAL, "Invalid map_extra.\n");
	access = access_of_flags(flags);
	if (access < 0)
		return access;
	node = flags & BPF_F_NUMA_NODE ? (int)attr->numa_node : NUMA_NO_NODE;
	if (node != NUMA_NO_NODE && !node_online((u32)node))
		return common_log(c, -EINVAL, "Invalid numa_node.\n");
	ops = map_type_visible(&sys->kernel, type) ? bpf_map_ops_of(type) : NULL;
	if (!ops)
		return common_log(c, -EINVAL, "Invalid map_type.\n");
	if (flags & BPF_F_RB_OVERWRITE && !visible(sys->profile, KVER(6, 19)))
		return -EINVAL;
	params.nr_cpus = sys->arena->nr_slots;
	params.cap_bpf = caps & BPF_CAP_BPF;
	params.cap_sys_admin = caps & BPF_CAP_SYS_ADMIN;
	if (ops->alloc_check) {
		err = ops->alloc_check(&params, &layout);
		/* -EBADF: all is well but for the template, which is looked up later, as in Linux. */
		if (err && !(err == -EBADF && map_is_map_in_map(type)))
			return err;
	}
	if (attr->map_ifindex) /* no device offload */
		return -EOPNOTSUPP;
	if (with_token) {
		token = token_get_fd(sys, attr->map_token_fd, &err);
		if (!token)
			return common_log(c, err, "Invalid map_token_fd.\n");
		/* One that does not allow it is of no use: as without it. */
		if (token_allows(token, DELEGATE_CMDS, BPF_MAP_CREATE) &&
		    token_allows(token, DELEGATE_MAPS, type)) {
			caps = token_caps(sys, token);
		} else {
			object_put(&token->obj);
			token = NULL;
		}
	}
	err = -EPERM;
	if (caps & BPF_UNPRIV_DISABLED || !map_type_allowed(type, caps))
		goto out;
	err = -ENOMEM;
	m = map_object_new(sys);
	if (!m)
		goto out;
	if (map_is_map_in_map(type)) {
		err = make_template(sys, (int)attr->inner_map_fd, &template);
		if (err)
			goto out;
		m->inner_template = template;
		params.inner = template->map;
		err = ops->alloc_check ? ops->alloc_check(&params, &layout) : 0;
		if (err)
			goto out;
	}
	m->open_flags = flags & (BPF_F_RDONLY | BPF_F_WRONLY);
	err = build_map(m, attr, ops, &layout);
	if (err)
		goto out;
	if (type == BPF_MAP_TYPE_STRUCT_OPS) {
		err = struct_ops_map_start(m, attr);
		if (err)
			goto out;
	}
	err = object_name_copy(m->map->name, attr->map_name, sizeof(attr->map_name));
	if (err < 0)
		err = common_log(c, err, "Invalid map_name.\n");
	if (err < 0)
		goto out;
	if (attr->btf_key_type_id || attr->btf_value_type_id || attr->btf_vmlinux_value_type_id) {
		err = map_set_btf(m, ops, c->attr, caps);
		if (err == -EBADF)
			err = common_log(c, err, "Invalid btf_fd.\n");
		if (err)
			goto out;
	}
	err = set_exclusive(c, m);
	if (err)
		goto out;
	m->ops = ops;
	err = security_ask(sys, &(struct security_question){ .hook = SECURITY_BPF_MAP_CREATE,
							     .attr = attr,
							     .map = m,
							     .token = token });
	if (err)
		goto out;
	if (type == BPF_MAP_TYPE_TASK_STORAGE)
		sys->task_storages = true;
	err = map_is_watching(type) ? watches_start(sys) : 0;
	if (!err && (type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH))
		err = psock_map_made(m);
	if (err)
		goto out;
	err = object_set_address(&m->obj, m->map);
	if (!err)
		err = object_publish(&m->obj);
	if (err)
		goto out;
	if (type == BPF_MAP_TYPE_SK_STORAGE && attr->map_flags & BPF_F_CLONE)
		hooks_touch(sys); /* accept() matters from now on */
	m->map->id = m->obj.id;
	if (m->map->map_type == BPF_MAP_TYPE_RINGBUF ||
	    m->map->map_type == BPF_MAP_TYPE_USER_RINGBUF)
		WRITE_ONCE(sys->has_rings, true);
	err = object_new_fd_mode(&m->obj, access);
out:
	object_put((struct object *)token);
	object_put((struct object *)m);
	return err;
}

/* ---- access by descriptor ---- */

struct map_object *map_get_access(struct skep_system *sys, int fd, bool read, bool write, int *err)
{
	struct map_object *m = map_get_fd(sys, fd, err);
	int mode;

	if (!m)
		return NULL;
	mode = READ_ONCE(m->obj.restricted) ? caller_fd_mode(fd) : O_RDWR;
	if ((read && mode == O_WRONLY) ||
	    (write && (mode == O_RDONLY || READ_ONCE(m->map->frozen)))) {
		object_put(&m->obj);
		*err = -EPERM;
		return NULL;
	}
	return m;
}

/*
 * Whether the caller has pages of @m mapped writable, other than by the arena.
 * DIFF(freeze-mmap): Linux counts the writable mappings of all processes.
 */
static bool mapped_writable(const struct map_object *m)
{
	unsigned long long start, end, off, inode;
	char line[512], perms[8], dev[16];
	bool found = false;
	FILE *f;

	if (!m->map->client)
		return false;
	if (caller_path("/proc/self/maps", line, sizeof(line)))
		return false;
	f = fopen(line, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx %7s %llx %15s %llu", &start, &end, perms, &off, dev,
			   &inode) != 6)
			continue;
		found = inode == m->obj.inode && perms[1] == 'w' && perms[3] == 's' &&
			arena_lease_of((void *)(uintptr_t)start) < 0;
	}
	fclose(f);
	return found;
}

/*
 * Writing and freezing exclude each other without a lock: whoever writes counts in
 * .writers first and then looks at .frozen; who freezes needs the count to be 0 and
 * takes FREEZING for the moment.
 */
#define FREEZING 0x80000000U

bool map_write_begin(struct bpf_map *map)
{
	u32 n = __atomic_add_fetch(&map->writers, 1, __ATOMIC_SEQ_CST);

	if (likely(!(n & FREEZING) && !__atomic_load_n(&map->frozen, __ATOMIC_SEQ_CST)))
		return true;
	map_write_end(map);
	return false;
}

void map_write_end(struct bpf_map *map)
{
	__atomic_fetch_sub(&map->writers, 1, __ATOMIC_SEQ_CST);
}

static int freeze(struct map_object *m)
{
	u32 none = 0;
	int err = 0;

	if (!__atomic_compare_exchange_n(&m->map->writers, &none, FREEZING, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return -EBUSY;
	if (mapped_writable(m)) {
		__atomic_fetch_sub(&m->map->writers, FREEZING, __ATOMIC_SEQ_CST);
		return -EBUSY;
	}
	/* Programs are verified with the contents of such a map: no one may change them. */
	if (m->map->client && m->map->map_flags & BPF_F_RDONLY_PROG)
		err = object_seal_writes(&m->obj);
	if (err) {
		__atomic_fetch_sub(&m->map->writers, FREEZING, __ATOMIC_SEQ_CST);
		return err;
	}
	__atomic_store_n(&m->map->frozen, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&m->map->writers, FREEZING, __ATOMIC_SEQ_CST);
	return 0;
}

int command_map_freeze(struct call *c)
{
	struct map_object *m;
	int err, mode, fd = (int)c->attr->map_fd;

	m = map_get_fd(c->sys, fd, &err);
	if (!m)
		return err;
	mode = caller_fd_mode(fd);
	if (m->map->map_type == BPF_MAP_TYPE_STRUCT_OPS || m->map->nr_fields)
		err = -ENOTSUPP;
	else if (mode == O_RDONLY)
		err = -EPERM;
	else if (READ_ONCE(m->map->frozen))
		/* Linux takes the write permission of a frozen map away first. */
		err = -EPERM;
	else
		err = freeze(m);
	object_put(&m->obj);
	return err;
}
