// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Arguments of global functions: each program calls one whose BTF states a contract. tests/unit/global_args_test.c says
 * which of them load.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define TAG(t) __attribute__((btf_decl_tag("arg:" #t)))
#define GLOBAL __attribute__((noinline, used))
/* The compiler must neither know what a function returns nor that it does nothing else. */
#define RETURN(x)                                                                                  \
	({                                                                                         \
		int ret = (x);                                                                     \
		asm volatile("" : "+r"(ret));                                                      \
		return ret;                                                                        \
	})
/* Function g_NAME with one argument, the program NAME that calls it with @with. */
#define CASE(sec, name, arg, body, with)                                                           \
	GLOBAL int g_##name(arg)                                                                   \
	{                                                                                          \
		RETURN(body);                                                                      \
	}                                                                                          \
	SEC(sec) int name(void *ctx)                                                               \
	{                                                                                          \
		return g_##name(with) & 1;                                                         \
	}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} values SEC(".maps");

static u64 *value(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&values, &zero);
}

static struct task_struct *task(void)
{
	return bpf_get_current_task_btf();
}

/* As far as the verifier knows there may be none. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} unsure SEC(".maps");

static u64 *maybe(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&unsure, &zero);
}

/* ---- kernel types, trusted ---- */

struct task_struct___mine {
	int pid;
} __attribute__((preserve_access_index));
struct nowhere {
	int a;
};
typedef struct task_struct task_alias;

CASE("syscall", trusted, struct task_struct *p TAG(trusted), p->pid, task())
CASE("syscall", trusted_flavour, struct task_struct___mine *p TAG(trusted), p->pid, (void *)task())
CASE("syscall", trusted_const_alias, const task_alias *p TAG(trusted), p != 0, task())
CASE("syscall", trusted_untagged, struct task_struct *p, p ? p->pid : 0, task())
CASE("syscall", trusted_null, struct task_struct *p TAG(trusted), p->pid, NULL)
CASE("syscall", trusted_number, struct task_struct *p TAG(trusted), p->pid, (void *)7)
CASE("syscall", trusted_memory, struct task_struct *p TAG(trusted), p->pid, (void *)value())
CASE("syscall", trusted_walked, struct task_struct *p TAG(trusted), p->pid, task()->last_wakee)
CASE("syscall", trusted_walked_mm, struct mm_struct *p TAG(trusted), p->map_count, task()->mm)
CASE("syscall", trusted_other, struct mm_struct *p TAG(trusted), p->map_count, (void *)task())
CASE("syscall", trusted_written, struct task_struct *p TAG(trusted), (p->pid = 1), task())
CASE("syscall", trusted_outside, struct task_struct *p TAG(trusted), *((int *)(p + 1)), task())
CASE("syscall", trusted_nullable, struct task_struct *p TAG(trusted) TAG(nullable),
     p ? p->pid : 0, task())
CASE("syscall", trusted_nullable_null, struct task_struct *p TAG(trusted) TAG(nullable),
     p ? p->pid : 0, NULL)
CASE("syscall", trusted_nullable_blind, struct task_struct *p TAG(trusted) TAG(nullable), p->pid,
     task())
CASE("syscall", trusted_nonnull, struct task_struct *p TAG(trusted) TAG(nonnull), p->pid, task())
CASE("syscall", trusted_nowhere, struct nowhere *p TAG(trusted), p->a, (void *)task())
CASE("syscall", trusted_ambiguous, struct console *p TAG(trusted), p != 0, (void *)task())
CASE("syscall", trusted_int, int *p TAG(trusted), p != 0, (void *)task())
CASE("syscall", trusted_void, void *p TAG(trusted), p != 0, task())
CASE("syscall", trusted_storage, struct task_struct *p TAG(trusted),
     bpf_get_task_stack(p, value() ?: (u64[1]){ 0 }, 8, 0), task())

SEC("iter/task") int trusted_from_iter(struct bpf_iter__task *ctx)
{
	struct task_struct *p = ctx->task;

	if (!p)
		return 0;
	return g_trusted(p) & 1;
}

SEC("iter/task") int nullable_from_iter(struct bpf_iter__task *ctx)
{
	return g_trusted_nullable(ctx->task) & 1;
}

SEC("iter/task") int trusted_from_iter_blind(struct bpf_iter__task *ctx)
{
	return g_trusted(ctx->task) & 1;
}

/* ---- kernel types and memory, untrusted ---- */

CASE("syscall", untrusted, struct task_struct *p TAG(untrusted), p->pid, task())
CASE("syscall", untrusted_walked, struct task_struct *p TAG(untrusted), p->last_wakee->pid,
     task()->last_wakee)
CASE("syscall", untrusted_number, struct task_struct *p TAG(untrusted), p->pid, (void *)7)
CASE("syscall", untrusted_null, struct task_struct *p TAG(untrusted), p->pid, NULL)
CASE("syscall", untrusted_memory, struct task_struct *p TAG(untrusted), p->pid, (void *)value())
CASE("syscall", untrusted_context, struct task_struct *p TAG(untrusted), p->pid, ctx)
CASE("syscall", untrusted_written, struct task_struct *p TAG(untrusted), (p->pid = 1), task())
CASE("syscall", untrusted_passed, struct task_struct *p TAG(untrusted), g_trusted(p), task())
CASE("syscall", untrusted_storage, struct task_struct *p TAG(untrusted),
     bpf_get_task_stack(p, value() ?: (u64[1]){ 0 }, 8, 0), task())
CASE("syscall", untrusted_int, int *p TAG(untrusted), p[5], (void *)value())
CASE("syscall", untrusted_int_number, int *p TAG(untrusted), p[5], (void *)4096)
CASE("syscall", untrusted_int_written, int *p TAG(untrusted), (p[0] = 1), (void *)value())
CASE("syscall", untrusted_enum, enum bpf_cmd *p TAG(untrusted), *p, (void *)value())
CASE("syscall", untrusted_void, void *p TAG(untrusted), *(u8 *)p, value())
CASE("syscall", untrusted_mem_passed, void *p TAG(untrusted), bpf_printk("%s", p), value())
CASE("syscall", untrusted_union, union bpf_attr *p TAG(untrusted), p->map_type, (void *)value())
CASE("syscall", untrusted_pointer, void **p TAG(untrusted), *p != 0, (void *)value())
CASE("syscall", untrusted_nowhere, struct nowhere *p TAG(untrusted), p->a, (void *)value())
CASE("syscall", untrusted_nonnull, int *p TAG(untrusted) TAG(nonnull), *p, (void *)value())
CASE("syscall", untrusted_trusted, struct task_struct *p TAG(untrusted) TAG(trusted), p->pid,
     task())

/* ---- memory ---- */

CASE("syscall", memory, u64 *p, p ? *p : 0, value())
CASE("syscall", memory_unsure, u64 *p, p ? *p : 7, maybe())
CASE("syscall", memory_null, u64 *p, p ? *p : 0, NULL)
CASE("syscall", memory_blind, u64 *p, *p, value())
CASE("syscall", memory_short, struct bpf_iter_num *p, p != 0, (void *)&(u32){ 0 })
CASE("syscall", memory_number, u64 *p, p != 0, (void *)7)
CASE("syscall", memory_unsized, void *p, p != 0, value())
CASE("syscall", nonnull, u64 *p TAG(nonnull), *p, &(u64){ 7 })
CASE("syscall", nonnull_unsure, u64 *p TAG(nonnull), *p, maybe())
CASE("syscall", nonnull_null, u64 *p TAG(nonnull), *p, NULL)
CASE("syscall", nullable_alone, u64 *p TAG(nullable), p ? *p : 0, value())
CASE("syscall", unknown_tag, u64 *p TAG(frob), p ? *p : 0, value())
CASE("syscall", number_tagged, int p TAG(nonnull), p, 1)
CASE("syscall", number_pointer, int p, p, (int)(long)value())
CASE("syscall", arena_number, u64 *p TAG(arena), p != 0, (void *)7)
CASE("syscall", arena_memory, u64 *p TAG(arena), p != 0, value())
CASE("syscall", arena_nonnull, u64 *p TAG(arena) TAG(nonnull), p != 0, NULL)

static __attribute__((noinline)) int tagged_static(u64 *p TAG(nonnull))
{
	RETURN(*p);
}

SEC("syscall") int static_tagged(void *ctx)
{
	u64 *p = value();

	return p ? tagged_static(p) : 0;
}

/* ---- the context ---- */

CASE("xdp", context, struct xdp_md *p, p->rx_queue_index, ctx)
CASE("xdp", context_kernel, struct xdp_buff *p, p != 0, (void *)ctx)
CASE("xdp", context_tagged, struct xdp_md *p TAG(ctx), p->rx_queue_index, ctx)
CASE("xdp", context_void, void *p TAG(ctx), ((struct xdp_md *)p)->rx_queue_index, ctx)
CASE("xdp", context_wrong, struct __sk_buff *p TAG(ctx), p != 0, ctx)
CASE("xdp", context_kernel_tagged, struct xdp_buff *p TAG(ctx), p != 0, ctx)
CASE("xdp", context_int, int *p TAG(ctx), p != 0, ctx)
CASE("xdp", context_pointer, void **p TAG(ctx), p != 0, ctx)
CASE("xdp", context_nonnull, struct xdp_md *p TAG(ctx) TAG(nonnull), p != 0, ctx)
CASE("xdp", context_number, int p TAG(ctx), p, 1)
CASE("xdp", context_null, struct xdp_md *p, p != 0, NULL)
CASE("xdp", context_other, struct xdp_md *p, p != 0, (void *)value())
CASE("tc", context_skb, struct sk_buff *p, p != 0, ctx)
CASE("tc", context_uapi, struct __sk_buff *p TAG(ctx), p->len, ctx)
CASE("raw_tp", context_u64, u64 *p TAG(ctx), p[0] != 0, ctx)
CASE("raw_tp", context_u32, u32 *p TAG(ctx), p != 0, ctx)
CASE("raw_tp", context_args, struct bpf_raw_tracepoint_args *p TAG(ctx), p->args[0] != 0, ctx)
CASE("raw_tp", context_regs, struct pt_regs *p TAG(ctx), p != 0, ctx)
CASE("syscall", context_any, struct nowhere *p TAG(ctx), p->a, ctx)
CASE("perf_event", context_perf, struct bpf_perf_event_data *p TAG(ctx), p != 0, ctx)
CASE("perf_event", context_perf_regs, struct pt_regs *p TAG(ctx), p != 0, ctx)
CASE("perf_event", context_perf_alias, bpf_user_pt_regs_t *p TAG(ctx), p != 0, ctx)
CASE("perf_event", context_perf_wrong, struct xdp_md *p TAG(ctx), p != 0, ctx)
CASE("tp/sched/sched_switch", context_record, int *p TAG(ctx), p != 0, ctx)
CASE("iter/task", context_iter, struct bpf_iter__task *p TAG(ctx), p->task != 0, ctx)
CASE("iter/task", context_iter_other, struct bpf_iter__bpf_map *p TAG(ctx), p != 0, ctx)
CASE("iter/task", context_iter_u64, u64 *p TAG(ctx), p != 0, ctx)
CASE("iter/task", context_iter_wrong, struct xdp_md *p TAG(ctx), p != 0, ctx)
CASE("tp_btf/sched_switch", context_tp_btf_u64, u64 *p TAG(ctx), p[0] != 0, ctx)
CASE("tp_btf/sched_switch", context_tp_btf_args, struct bpf_raw_tracepoint_args *p TAG(ctx), p != 0,
     ctx)
CASE("tp_btf/sched_switch", context_tp_btf_wrong, struct xdp_md *p TAG(ctx), p != 0, ctx)

/* ---- dynptrs ---- */

GLOBAL int g_dynptr(const struct bpf_dynptr *p)
{
	u32 got = 0;

	RETURN(bpf_dynptr_read(&got, 4, (void *)p, 0, 0) + got);
}

GLOBAL int g_dynptr_write(struct bpf_dynptr *p)
{
	u32 put = 9;

	RETURN(bpf_dynptr_write(p, 0, &put, 4, 0));
}

GLOBAL int g_dynptr_slice(struct bpf_dynptr *p)
{
	u32 *data = bpf_dynptr_data(p, 0, 4);

	RETURN(data ? *data : 0);
}

GLOBAL int g_dynptr_past(struct bpf_dynptr *p)
{
	u32 *data = bpf_dynptr_data(p, 0, 4);

	RETURN(data ? data[1] : 0);
}

GLOBAL int g_dynptr_made(struct bpf_dynptr *p)
{
	u64 *v = value();

	RETURN(v ? bpf_dynptr_from_mem(v, 8, 0, p) : 0);
}

GLOBAL int g_dynptr_inside(struct bpf_dynptr *p)
{
	RETURN(*(int *)p);
}

GLOBAL int g_dynptr_tagged(struct bpf_dynptr *p TAG(nonnull))
{
	RETURN(p != 0);
}

#define DYNPTR(name)                                                                               \
	SEC("syscall") int name(void *ctx)                                                         \
	{                                                                                          \
		u64 *v = value();                                                                  \
		struct bpf_dynptr d;                                                               \
                                                                                                   \
		if (!v)                                                                            \
			return 0;                                                                  \
		bpf_dynptr_from_mem(v, 8, 0, &d);                                                  \
		return g_##name(&d);                                                               \
	}

DYNPTR(dynptr)
DYNPTR(dynptr_write)
DYNPTR(dynptr_slice)
DYNPTR(dynptr_past)
DYNPTR(dynptr_made)
DYNPTR(dynptr_inside)
DYNPTR(dynptr_tagged)

SEC("syscall") int dynptr_unset(void *ctx)
{
	struct bpf_dynptr d;

	asm volatile("" : : "r"(&d) : "memory");
	return g_dynptr(&d);
}

SEC("syscall") int dynptr_null(void *ctx)
{
	return g_dynptr(NULL);
}

SEC("syscall") int dynptr_map(void *ctx)
{
	return g_dynptr((void *)value());
}

SEC("syscall") int dynptr_twice(void *ctx)
{
	u64 *v = value();
	struct bpf_dynptr d;

	if (!v)
		return 0;
	bpf_dynptr_from_mem(v, 8, 0, &d);
	return g_dynptr_write(&d) + g_dynptr(&d);
}
