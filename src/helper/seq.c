/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What iterators write (Linux: bpf_seq_printf() and its kin in kernel/trace/bpf_trace.c). A
 * program has one output, so which seq_file it names does not matter.
 */
#include "helper/bprintf.h"
#include "helper/helper.h"
#include "helper/probe.h"
#include "object/iter.h"

static u64 put(struct bpf_run *run, const char *text, u32 len)
{
	struct bpf_seq *seq = run->seq;

	if (!seq)
		return ERR(EINVAL);
	if (len > seq->size - seq->len) {
		seq->overflow = true;
		seq->len = seq->size; /* full from now on, as a seq_file */
		return ERR(EOVERFLOW);
	}
	for (u32 i = 0; i < len; i++)
		seq->buf[seq->len++] = text[i];
	return 0;
}

BPF_HELPER(seq_printf)
{
	struct bpf_seq *seq = run->seq;
	u32 len = (u32)r5, room;
	long n;

	if (len & 7 || len > MAX_BPRINTF_VARARGS * 8 || (len && !r4) || !seq)
		return ERR(EINVAL);
	room = seq->size - seq->len;
	n = bprintf(run, seq->buf + seq->len, room, PTR(r2), (u32)r3, PTR(r4), len / 8);
	if (n < 0)
		return (u64)n;
	if (n >= room) { /* the NUL that it wrote needs a place, too */
		seq->overflow = true;
		seq->len = seq->size;
		return ERR(EOVERFLOW);
	}
	seq->len += (u32)n;
	return 0;
}

BPF_HELPER(seq_write)
{
	return put(run, PTR(r2), (u32)r3);
}

BPF_HELPER(seq_printf_btf)
{
	struct bpf_seq *seq = run->seq;
	u32 room;
	long n;

	if (r4 & ~(u64)BTF_F_ALL || (u32)r3 != sizeof(struct btf_ptr) || !seq)
		return ERR(EINVAL);
	room = seq->size - seq->len;
	u64 args[] = { (u64)(uintptr_t)(seq->buf + seq->len), room, r2, r4,
		       (u64)(uintptr_t)probe_kernel };
	n = (long)run->platform->world(run, WORLD_SHOW, args);
	if (n < 0)
		return (u64)n;
	if (n >= room) {
		seq->overflow = true;
		seq->len = seq->size;
		return ERR(EOVERFLOW);
	}
	seq->len += (u32)n;
	return 0;
}
