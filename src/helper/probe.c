/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_probe_read*() and bpf_copy_from_user() (Linux: kernel/trace/bpf_trace.c,
 * kernel/bpf/helpers.c, mm/maccess.c). On failure the buffer is zeroed, as on Linux.
 */
#include "helper/probe.h"
#include "object/arena.h"
#include "object/packet.h"
#include "object/prog.h"
#include "object/task.h"

#define USER_END 0x7ffffffff000ULL /* Linux: TASK_SIZE on x86-64 */

/* All frames of a program: 8 calls deep, 512 bytes each, and what engines add. */
#define PROBE_STACK 16384

static bool in_world(const struct bpf_run *run, u64 addr)
{
	u64 base = (u64)(uintptr_t)run->arena;

	return addr >= base + ARENA_WORLD && addr < base + ARENA_OBJECTS;
}

static bool in_arena(const struct bpf_run *run, u64 addr)
{
	u64 base = (u64)(uintptr_t)run->arena;

	return addr >= base && addr < base + ARENA_LEASE_SIZE;
}

/* Above this frame, which a helper's frame is near to. */
static __attribute__((noinline)) bool on_stack(u64 addr, u64 size)
{
	u64 frame = (u64)(uintptr_t)__builtin_frame_address(0);

	return addr >= frame && addr - frame < PROBE_STACK && size <= PROBE_STACK;
}

/* The linear bytes of the packet that the program, or the one that it watches, was given, or that it is told of. */
static bool in_packet(const struct bpf_run *run, u64 addr, u64 size)
{
	const struct bpf_run *of = run->watched ?: run;
	const struct xdp_buff *xdp = of->ctx;
	const struct sk_buff *skb = of->ctx;
	u64 from, to;

	if (run->packet && addr >= (u64)(uintptr_t)run->packet->head &&
	    addr < (u64)(uintptr_t)run->packet->data_end)
		return size <= (u64)(uintptr_t)run->packet->data_end - addr;
	if (!of->ctx || !of->prog)
		return false;
	if (of->prog->ctx_type == BPF_PROG_TYPE_XDP) {
		from = (u64)(uintptr_t)xdp->data_hard_start;
		to = (u64)(uintptr_t)xdp->data_end;
	} else if (prog_type_has_skb(of->prog->ctx_type)) {
		from = (u64)(uintptr_t)skb->head;
		to = (u64)(uintptr_t)skb->data_end;
	} else {
		return false;
	}
	return addr >= from && addr < to && size <= to - addr;
}

/* Linux (x86-64) does not even try addresses that the kernel cannot have. */
static int refusal(u64 addr)
{
	return addr < 0xffff800000000000ULL ? -ERANGE : -EFAULT;
}

bool probe_is_kernel(const struct bpf_run *run, u64 addr)
{
	return addr >= USER_END || in_arena(run, addr) || on_stack(addr, 1) ||
	       in_packet(run, addr, 1);
}

int probe_kernel(struct bpf_run *run, void *dst, u64 src, u32 size)
{
	if (in_world(run, src))
		return size ? run->platform->read_world(run, dst, src, size) : 0;
	if (!in_arena(run, src) && !on_stack(src, size) && !in_packet(run, src, size))
		return refusal(src);
	/* Not every page there exists. */
	return run->platform->read_own(dst, src, size);
}

/* What reads a string: at most @size (not 0) bytes with the NUL that is always written; its length with NUL. */
typedef long (*str_reader_t)(struct bpf_run *run, char *dst, u64 src, u32 size);

static long world_reader(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	return run->platform->read_world_str(run, dst, src, size);
}

static long own_reader(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	return run->platform->read_own_str(dst, src, size);
}

static long user_reader(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	return run_read_user_str(run, dst, src, size);
}

/* In pieces, as readers copy what is behind the NUL, too: programs find their own bytes there. */
static long read_str(struct bpf_run *run, str_reader_t reader, char *dst, u64 src, u32 size)
{
	char piece[256];
	u32 done = 0, room;
	long n;

	for (;;) {
		room = min_t(u32, size - done, sizeof(piece));
		n = reader(run, piece, src + done, room);
		if (n <= 0)
			return n;
		__builtin_memcpy(dst + done, piece, (u32)n);
		if (n < room || done + room == size)
			return done + n;
		done += room - 1; /* it goes on, or its NUL comes next */
	}
}

/*
 * Linux copies strings of user memory by words, and clears what is behind the NUL in the last one,
 * if the buffer and the memory have all of that.
 */
static long finish_word(struct bpf_run *run, char *dst, u64 src, long n, u32 size)
{
	u32 end = (u32)round_up(n, 8L);
	u64 word;

	if (n <= 0 || end > size || dst[n - 1])
		return n;
	if ((src + end - 8) >> 12 != (src + end - 1) >> 12 &&
	    run_read_user(run, &word, src + end - 8, sizeof(word)))
		return n;
	rt_zero(dst + n, end - (u32)n);
	return n;
}

long probe_kernel_str(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	if (!size)
		return 0;
	if (in_world(run, src))
		return read_str(run, world_reader, dst, src, size);
	if (!in_arena(run, src) && !on_stack(src, 1) && !in_packet(run, src, 1))
		return refusal(src);
	return read_str(run, own_reader, dst, src, size);
}

long probe_user_str(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	if (!size)
		return 0;
	return finish_word(run, dst, src, read_str(run, user_reader, dst, src, size), size);
}

static u64 finish(void *dst, u32 size, long err)
{
	if (unlikely(err < 0))
		rt_zero(dst, size);
	return (u64)err;
}

BPF_HELPER(probe_read_kernel)
{
	return finish(PTR(r1), (u32)r2, probe_kernel(run, PTR(r1), r3, (u32)r2));
}

BPF_HELPER(probe_read_user)
{
	if (unlikely(!(u32)r2))
		return r3 > USER_END ? ERR(EFAULT) : 0;
	return finish(PTR(r1), (u32)r2, run_read_user(run, PTR(r1), r3, (u32)r2));
}

BPF_HELPER(probe_read)
{
	if (probe_is_kernel(run, r3))
		return bpf_probe_read_kernel(r1, r2, r3, r4, r5, run);
	return bpf_probe_read_user(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(probe_read_kernel_str)
{
	return finish(PTR(r1), (u32)r2, probe_kernel_str(run, PTR(r1), r3, (u32)r2));
}

BPF_HELPER(probe_read_user_str)
{
	return finish(PTR(r1), (u32)r2, probe_user_str(run, PTR(r1), r3, (u32)r2));
}

BPF_HELPER(probe_read_str)
{
	if (probe_is_kernel(run, r3))
		return bpf_probe_read_kernel_str(r1, r2, r3, r4, r5, run);
	return bpf_probe_read_user_str(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(copy_from_user)
{
	if (unlikely(!(u32)r2))
		return 0;
	return bpf_probe_read_user(r1, r2, r3, r4, r5, run);
}

BPF_HELPER(probe_write_user)
{
	return (u64)run_write_user(run, r1, PTR(r2), (u32)r3);
}

BPF_HELPER(copy_from_user_task)
{
	u64 args[] = { r1, (u32)r2, r3, r4 };

	if (unlikely(r5))
		return ERR(EINVAL);
	if (unlikely(!(u32)r2))
		return 0;
	return finish(PTR(r1), (u32)r2,
		      (long)run->platform->world(run, WORLD_COPY_FROM_TASK, args));
}
