/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions on files (Linux: fs/bpf_fs_kfuncs.c, kernel/trace/bpf_trace.c before 6.12,
 * fs/verity/measure.c): extended attributes and fs-verity's digest. Who may call them is said by their
 * sets: security modules alone, which cannot come back to themselves by them.
 */
#include "helper/dynptr.h"
#include "helper/helper.h"

#include <linux/fsverity.h>

static u64 world(struct bpf_run *run, enum world_op op, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	u64 args[] = { a, b, c, d, e };

	return run->platform->world(run, op, args);
}

static bool begins(const char *s, const char *with)
{
	while (*with)
		if (*s++ != *with++)
			return false;
	return true;
}

static bool is_modules(const char *name)
{
	return begins(name, "security.bpf.");
}

/* All of the dynptr's bytes to be written to; NULL: none, or not in one piece, or not to be written to. */
static u8 *room_of(const struct dynptr *d, struct bpf_run *run)
{
	return dynptr_is_rdonly(d) ? NULL : dynptr_bytes(d, dynptr_len(d), run);
}

static u64 get_xattr(u64 object, const char *name, const struct dynptr *d, struct bpf_run *run)
{
	bool modules = run_visible(run, KVER(6, 15));
	u8 *room = room_of(d, run);

	if (!room && modules)
		return INT(-EINVAL);
	if (!begins(name, "user.") && !(modules && is_modules(name)))
		return INT(-EPERM);
	if (!room)
		return INT(-EINVAL);
	return INT(world(run, WORLD_XATTR, object, (u64)name, (u64)room, dynptr_len(d), true));
}

BPF_KFUNC(bpf_get_file_xattr)
{
	return get_xattr(r1, PTR(r2), PTR(r3), run);
}

BPF_KFUNC(bpf_get_dentry_xattr)
{
	return get_xattr(r1, PTR(r2), PTR(r3), run);
}

BPF_KFUNC(bpf_cgroup_read_xattr)
{
	const struct dynptr *d = PTR(r3);
	u8 *room;

	if (!begins(PTR(r2), "user."))
		return INT(-EPERM);
	room = room_of(d, run);
	if (!room)
		return INT(-EINVAL);
	return INT(world(run, WORLD_XATTR, r1, r2, (u64)room, dynptr_len(d), false));
}

BPF_KFUNC(bpf_set_dentry_xattr)
{
	const struct dynptr *d = PTR(r3);
	u8 *value = dynptr_bytes(d, dynptr_len(d), run);

	if (!value)
		return INT(-EINVAL);
	if (!is_modules(PTR(r2)))
		return INT(-EPERM);
	return INT(world(run, WORLD_SET_XATTR, r1, r2, (u64)value, dynptr_len(d), (u32)r4));
}

BPF_KFUNC(bpf_remove_dentry_xattr)
{
	if (!is_modules(PTR(r2)))
		return INT(-EPERM);
	return INT(world(run, WORLD_SET_XATTR, r1, r2, 0, 0, (u64)-1));
}

BPF_KFUNC(bpf_get_fsverity_digest)
{
	const struct dynptr *d = PTR(r2);
	u32 size = dynptr_len(d);
	u8 *room;

	if (size < sizeof(struct fsverity_digest))
		return INT(-EINVAL);
	room = room_of(d, run);
	if (!room || (u64)room % __alignof__(struct fsverity_digest))
		return INT(-EINVAL);
	return INT(world(run, WORLD_VERITY, r1, (u64)room, size - sizeof(struct fsverity_digest), 0,
			 0));
}
