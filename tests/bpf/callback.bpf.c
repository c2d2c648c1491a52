/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Callbacks whose states look alike until the last path has been explored, which uses as an
 * index what the others leave behind. (The side of a jump that falls through is explored first.)
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[4]);
} values SEC(".maps");

#define DRAW "call %[prandom];"

/* *c becomes 0 or, on the other side of a jump, @index; later it is used. */
#define CALLBACK(name, index)                                                                      \
	static long name(__u32 i, __u64 *c)                                                        \
	{                                                                                          \
		asm volatile("r6 = %[c];" DRAW "if r0 == 5 goto 2f;" DRAW                          \
			     "if r0 != 7 goto 1f; r8 = 0; goto 3f;"                                \
			     "1: r8 = " #index ";"                                                 \
			     "3:" DRAW "if r0 == 1 goto +0; if r0 == 2 goto +0;" DRAW DRAW DRAW    \
				     DRAW DRAW DRAW DRAW DRAW DRAW                                 \
			     "if r0 == 1 goto +0; if r0 == 2 goto +0;"                             \
			     "*(u64 *)(r6 + 0) = r8; goto 4f;"                                     \
			     "2: r1 = 0; *(u32 *)(r10 - 4) = r1; r1 = %[values] ll;"               \
			     "r2 = r10; r2 += -4; call %[lookup]; if r0 == 0 goto 4f;"             \
			     "r1 = *(u64 *)(r6 + 0); r1 <<= 3; r0 += r1; *(u64 *)(r0 + 0) = r1;"   \
			     "4: r0 = 0;"                                                          \
			     :                                                                     \
			     : [c] "r"(c), [prandom] "i"(bpf_get_prandom_u32),                     \
			       [lookup] "i"(bpf_map_lookup_elem), [values] "i"(&values)            \
			     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "memory");    \
		return 0;                                                                          \
	}                                                                                          \
	SEC("xdp") int in_##name(struct xdp_md *ctx)                                               \
	{                                                                                          \
		__u64 c = 0;                                                                       \
                                                                                                   \
		bpf_loop(10, name, &c, 0);                                                         \
		return XDP_PASS;                                                                   \
	}

CALLBACK(first_value, 0)
CALLBACK(last_value, 3)
CALLBACK(beyond, 4)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
