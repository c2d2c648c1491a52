/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers of programs that decide for a control group (Linux: kernel/bpf/cgroup.c): what the
 * call is to return, and the sysctl that is read or written.
 */
#include "helper/helper.h"
#include "object/sock.h"

#define PAGE	  4096
#define MAX_ERRNO 4095

BPF_HELPER(get_retval)
{
	return (u64)(s64)run->retval;
}

BPF_HELPER(set_retval)
{
	run->retval = (s32)r1;
	return 0;
}

static u32 length(const char *s)
{
	u32 n = 0;

	while (s[n])
		n++;
	return n;
}

/* As the kernel's strscpy(): length, or -E2BIG with what fits. */
static s64 copy_text(char *to, const char *from, u32 room)
{
	u32 n = length(from);

	if (!room)
		return -E2BIG;
	if (n < room) {
		__builtin_memcpy(to, from, n + 1);
		return n;
	}
	__builtin_memcpy(to, from, room - 1);
	to[room - 1] = 0;
	return -E2BIG;
}

BPF_HELPER(sysctl_get_name)
{
	const struct bpf_rt_sysctl *ctx = PTR(r1);
	const char *name = ctx->name, *base = name;

	for (const char *s = name; *s; s++)
		if (*s == '/')
			base = s + 1;
	return (u64)copy_text(PTR(r2), r4 & BPF_F_SYSCTL_BASE_NAME ? base : name, (u32)r3);
}

static s64 copy_value(char *to, u32 room, const char *from, u32 len)
{
	if (!room)
		return -E2BIG;
	if (!from || !len) {
		__builtin_memset(to, 0, room);
		return -EINVAL;
	}
	__builtin_memcpy(to, from, min(room, len));
	if (room > len) {
		__builtin_memset(to + len, 0, room - len);
		return len;
	}
	to[room - 1] = 0;
	return -E2BIG;
}

BPF_HELPER(sysctl_get_current_value)
{
	const struct bpf_rt_sysctl *ctx = PTR(r1);

	return (u64)copy_value(PTR(r2), (u32)r3, ctx->cur, ctx->cur_len);
}

BPF_HELPER(sysctl_get_new_value)
{
	const struct bpf_rt_sysctl *ctx = PTR(r1);

	if (!ctx->u.write) {
		__builtin_memset(PTR(r2), 0, (u32)r3);
		return ERR(EINVAL);
	}
	return (u64)copy_value(PTR(r2), (u32)r3, ctx->new_val, ctx->new_len);
}

BPF_HELPER(sysctl_set_new_value)
{
	struct bpf_rt_sysctl *ctx = PTR(r1);
	u32 len = (u32)r3;

	if (!ctx->u.write || !ctx->new_val || !ctx->new_len || !len)
		return ERR(EINVAL);
	if (len > PAGE - 1)
		return ERR(E2BIG);
	__builtin_memcpy(ctx->new_val, PTR(r2), len);
	ctx->new_val[len] = 0;
	ctx->new_len = len;
	ctx->new_updated = true;
	return 0;
}
