/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Helpers on messages (Linux: net/core/filter.c, bpf_msg_*()). A message is in one piece
 * here, so what a program asks to be pulled is there; room is left before and behind it.
 */
#include "helper/helper.h"
#include "object/sock.h"

BPF_HELPER(msg_apply_bytes)
{
	((struct bpf_rt_msg *)PTR(r1))->apply_bytes = (u32)r2;
	return 0;
}

BPF_HELPER(msg_cork_bytes)
{
	((struct bpf_rt_msg *)PTR(r1))->cork_bytes = (u32)r2;
	return 0;
}

static void show(struct bpf_rt_msg *msg, u32 start, u32 len)
{
	msg->u.data = msg->start + start;
	msg->u.data_end = (u8 *)msg->u.data + len;
}

BPF_HELPER(msg_pull_data)
{
	struct bpf_rt_msg *msg = PTR(r1);
	u32 start = (u32)r2, end = (u32)r3;

	if (unlikely(r4 || end <= start || start >= msg->u.size || end > msg->u.size))
		return ERR(EINVAL);
	show(msg, start, end - start);
	return 0;
}

BPF_HELPER(msg_push_data)
{
	struct bpf_rt_msg *msg = PTR(r1);
	u32 start = (u32)r2, len = (u32)r3, size = msg->u.size;

	if (unlikely(r4))
		return ERR(EINVAL);
	if (unlikely(!len))
		return 0;
	if (unlikely(start > size))
		return ERR(EINVAL);
	if (unlikely(len > (u64)(msg->end - msg->start) - size))
		return ERR(ENOMEM);
	__builtin_memmove(msg->start + start + len, msg->start + start, size - start);
	__builtin_memset(msg->start + start, 0, len);
	msg->u.size += len;
	show(msg, 0, msg->u.size);
	return 0;
}

BPF_HELPER(msg_pop_data)
{
	struct bpf_rt_msg *msg = PTR(r1);
	u32 start = (u32)r2, len = (u32)r3, size = msg->u.size;

	if (unlikely(r4))
		return ERR(EINVAL);
	if (unlikely(!len))
		return 0;
	if (unlikely(start >= size || (u64)start + len > size))
		return ERR(EINVAL);
	__builtin_memmove(msg->start + start, msg->start + start + len, size - start - len);
	msg->u.size -= len;
	show(msg, 0, msg->u.size);
	return 0;
}
