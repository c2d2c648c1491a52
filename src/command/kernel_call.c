/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that programs make of the system which runs them (skep_platform.kernel_call): bpf(2) by
 * programs of type syscall (Linux: __sys_bpf() with a KERNEL_BPFPTR()).
 */
#include <errno.h>
#include <stdio.h>

#include "btf/btf.h"
#include "command/command.h"
#include "command/iter.h"
#include "command/keys.h"
#include "command/task_work.h"
#include "hook/perf.h"
#include "hook/points.h"
#include "object/caller.h"
#include "object/platform.h"
#include "object/psock.h"
#include "skep/skep.h"

#define STACK_FRAMES (8 * 512 + 4096) /* of a program, and what lies between them */

/*
 * The attribute of such a call is in a program's memory, and so may be what it points to: map
 * values, the program's stack. Everything else is the memory of the process that runs the program.
 */
struct program_caller {
	struct caller caller;
	struct caller *outer;
	const struct arena *arena;
	u64 attr, attr_size, stack;
};

static bool is_program_memory(const struct program_caller *c, u64 at, u64 size)
{
	u64 arena = (u64)c->arena;

	if (at >= arena && at + size >= at && at + size <= arena + ARENA_LEASE_SIZE)
		return true;
	return at >= c->stack && at + size >= at && at + size <= c->stack + STACK_FRAMES;
}

static int program_read(struct caller *caller, void *dst, u64 src, size_t size)
{
	struct program_caller *c = (struct program_caller *)caller;

	if (is_program_memory(c, src, size))
		return platform_read(dst, src, size);
	return c->outer->ops->read(c->outer, dst, src, size);
}

/* Results go into the attribute; logs to the process. */
static int program_write(struct caller *caller, u64 dst, const void *src, size_t size)
{
	struct program_caller *c = (struct program_caller *)caller;

	if (dst >= c->attr && dst + size <= c->attr + c->attr_size && dst + size >= dst)
		return platform_write(dst, src, size);
	return c->outer->ops->write(c->outer, dst, src, size);
}

static int program_take_fd(struct caller *caller, int fd)
{
	struct program_caller *c = (struct program_caller *)caller;

	return c->outer->ops->take_fd(c->outer, fd);
}

static int program_give_fd(struct caller *caller, int fd, bool cloexec)
{
	struct program_caller *c = (struct program_caller *)caller;

	return c->outer->ops->give_fd(c->outer, fd, cloexec);
}

static const struct caller_ops program_ops = {
	.read = program_read,
	.write = program_write,
	.take_fd = program_take_fd,
	.give_fd = program_give_fd,
};

static s64 call_bpf(struct skep_system *sys, struct bpf_run *run, const u64 *args)
{
	struct program_caller c = { .caller.ops = &program_ops,
				    .outer = caller_current(),
				    .arena = run->arena,
				    .attr = args[1],
				    .attr_size = args[2],
				    .stack = (u64)__builtin_frame_address(0) };
	struct caller *before;
	s64 ret;

	if (!c.outer) /* its memory is the program's, too */
		return bpf_nested(sys, (int)args[0], (union bpf_attr *)args[1], (u32)args[2]);
	c.caller.tid = c.outer->tid;
	c.caller.tgid = c.outer->tgid;
	before = caller_enter(&c.caller);
	ret = bpf_nested(sys, (int)args[0], (union bpf_attr *)args[1], (u32)args[2]);
	caller_leave(before);
	return ret;
}

static s64 find_btf(struct skep_system *sys, const char *name, u32 kind)
{
	struct object_btf *b = system_vmlinux(sys);
	s32 id = b ? btf_find_by_name_kind(b->btf, name, kind) : -ENOENT;
	int fd;

	if (id > 0 || !b)
		return id;
	b = system_functions(sys);
	id = b ? btf_find_by_name_kind(b->btf, name, kind) : -ENOENT;
	if (id <= 0)
		return id ? id : -ENOENT;
	fd = object_new_fd(&b->obj);
	return fd < 0 ? fd : (s64)fd << 32 | id;
}

static u64 symbol(struct skep_system *sys, const char *name)
{
	int row = hook_point_row(sys, HOOK_KPROBE, name);
	struct object_btf *b;
	s32 id;

	if (row >= 0)
		return function_ip(sys, (u32)row);
	/* One that skep does not fire has the address that a reference to it has. */
	b = system_vmlinux(sys);
	id = b ? btf_find_by_name_kind(b->btf, name, BTF_KIND_FUNC) : -ENOENT;
	return id > 0 && sys->function_address ? sys->function_address(sys, name, (u32)id) : 0;
}

static int symbol_at(struct skep_system *sys, u64 addr, char *name, u64 where[2])
{
	u64 others = addr - function_ip(sys, FUNC_ROWS + 1);
	int row = function_around(sys, addr, &where[0], &where[1]);
	const struct btf_type *t;
	struct object_btf *b;

	if (row >= 0) {
		snprintf(name, KERNEL_SYMBOL_MAX, "%s", function_name_of((u32)row));
		return 0;
	}
	b = (s64)others >= 0 ? system_vmlinux(sys) : NULL;
	if (!b || others / where[1] >= btf_nr_types(b->btf))
		return -ENOENT;
	t = btf_type_get(b->btf, (u32)(others / where[1]));
	if (btf_kind(t) != BTF_KIND_FUNC)
		return -ENOENT;
	snprintf(name, KERNEL_SYMBOL_MAX, "%s", btf_type_name(b->btf, (u32)(others / where[1])));
	return 0;
}

static int read_counter(struct skep_system *sys, const void *ring, u64 v[3])
{
	struct object *o = object_of(sys, ring);

	return o ? perf_counter_read((struct perf_object *)o, v) : -EINVAL;
}

static int sock_link(struct skep_system *sys, const u64 *args, bool done)
{
	struct map_object *m = psock_map_of(sys, (const struct bpf_map *)args[0]);
	const struct psock_socket s = { .cookie = args[2], .tcp = args[3] };
	struct psock_room *room = (struct psock_room *)args[4];

	if (!m)
		return 0;
	if (!done)
		return psock_reserve(m, (const void *)args[1], &s, room);
	if (args[5])
		psock_not_linked(m, room);
	else
		psock_link(m, room);
	return 0;
}

static u64 count_of_map(struct skep_system *sys, u32 id)
{
	int err;
	struct object *o = object_get_id(sys, id, OBJECT_MAP, &err);
	u64 n = o ? map_elem_count(((struct map_object *)o)->map) : 0;

	object_put(o);
	return n;
}

u64 kernel_call(struct skep_system *sys, struct bpf_run *run, enum kernel_call op, const u64 *args)
{
	switch (op) {
	case KERNEL_CALL_BPF:
		return (u64)call_bpf(sys, run, args);
	case KERNEL_CALL_CLOSE:
		return (u64)(s64)caller_close_fd((int)args[0]);
	case KERNEL_CALL_COUNTER:
		return (u64)(s64)read_counter(sys, (const void *)args[0], (u64 *)args[1]);
	case KERNEL_CALL_SYMBOL:
		return symbol(sys, (const char *)args[0]);
	case KERNEL_CALL_SYMBOL_AT:
		return (u64)(s64)symbol_at(sys, args[0], (char *)args[1], (u64 *)args[2]);
	case KERNEL_CALL_STREAM_STACK:
		return (u64)(s64)stream_stack(sys, run, (u32)args[0]);
	case KERNEL_CALL_SOCK_RESERVE:
	case KERNEL_CALL_SOCK_LINK:
		return (u64)(s64)sock_link(sys, args, op == KERNEL_CALL_SOCK_LINK);
	case KERNEL_CALL_MAP_COUNT:
		return count_of_map(sys, (u32)args[0]);
	case KERNEL_CALL_KEY_LOOKUP:
		return key_lookup_user(run, (s32)args[0], args[1]);
	case KERNEL_CALL_KEY_SYSTEM:
		return key_lookup_system(run, args[0]);
	case KERNEL_CALL_KEY_VERIFY:
		return (u64)(s64)key_verify_pkcs7(run, (const void *)args[0], (u32)args[1],
						  (const void *)args[2], (u32)args[3], args[4]);
	case KERNEL_CALL_SLAB_CACHE:
		return iter_nth_kmem_cache(sys, args[0]);
	case KERNEL_CALL_RSTAT_UPDATED:
		rstat_updated(sys, run, args[0], (u32)args[1]);
		return 0;
	case KERNEL_CALL_RSTAT_FLUSH:
		rstat_flush(sys, run, args[0]);
		return 0;
	case KERNEL_CALL_TASK_WORK:
		return (u64)(s64)task_work_add(sys, run, (struct async_cb *)args[0], args[1],
					       (enum task_work_mode)args[2]);
	case KERNEL_CALL_BTF:
		return (u64)find_btf(sys, (const char *)args[0], (u32)args[1]);
	}
	return (u64)-EINVAL;
}
