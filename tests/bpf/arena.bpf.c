/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Memory shared with user space at one address: run by the kernel and by skep. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "arena.h"

#define __arena __attribute__((address_space(1)))

#ifndef BPF_MAP_TYPE_ARENA
#define BPF_MAP_TYPE_ARENA 33
#endif

struct {
	__uint(type, 33);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ARENA_PAGES);
} arena SEC(".maps");

void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, __u32 page_cnt, int node_id,
				    __u64 flags) __ksym __weak;
void bpf_arena_free_pages(void *map, void __arena *ptr, __u32 page_cnt) __ksym __weak;

struct arena_answer answer;
struct arena_node __arena *head;

SEC("syscall")
int list(void *ctx)
{
	struct arena_node __arena *page, *n;
	__u64 sum = 0;

	page = bpf_arena_alloc_pages(&arena, NULL, 2, -1, 0);
	if (!page)
		return 1;
	answer.page = (__u64)page;
	for (int i = 0; i < 300; i++) {
		n = page + i;
		n->value = i;
		n->next = head;
		head = n;
	}
	n = head;
	for (int i = 0; n && i < 400; i++, n = n->next)
		sum += n->value;
	answer.sum = sum;
	__sync_fetch_and_add(&head->value, 5);
	answer.old = __sync_val_compare_and_swap(&head->value, 304, 77);
	answer.last = head->value;
	answer.byte = *((volatile signed char __arena *)page + 24);
	return 0;
}

SEC("syscall")
int pages(void *ctx)
{
	int __arena *a, *b, *c;

	a = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	b = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	if (!a || !b)
		return 1;
	answer.page = (__u64)a;
	answer.page2 = (__u64)b;
	*a = 1;
	*b = 2;
	bpf_arena_free_pages(&arena, b, 1);
	answer.freed = *b;
	c = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	answer.page3 = (__u64)c;
	if (!c)
		return 2;
	answer.again = *c; /* zeroed */
	answer.none = !bpf_arena_alloc_pages(&arena, NULL, ARENA_PAGES, -1, 0);
	answer.flags = !bpf_arena_alloc_pages(&arena, NULL, 1, -1, 1);
	answer.odd = !bpf_arena_alloc_pages(&arena, (void __arena *)((__u64)a + 8), 1, -1, 0);
	answer.taken = !bpf_arena_alloc_pages(&arena, a, 1, -1, 0);
	answer.at = (__u64)bpf_arena_alloc_pages(&arena, (void __arena *)(ARENA_START + 50 * 4096),
						 3, -1, 0);
	bpf_arena_free_pages(&arena, a, 1);
	bpf_arena_free_pages(&arena, c, 1);
	return 0;
}

/* Nothing is there: 0, and the program goes on. */
SEC("syscall")
int absent(void *ctx)
{
	volatile int __arena *p = (volatile int __arena *)(ARENA_START + 90 * 4096);
	volatile int __arena *far = (volatile int __arena *)0x10ULL;

	if (!ctx)
		bpf_arena_free_pages(&arena, (void __arena *)p, 1); /* names the arena */
	answer.sum = *p + *far;
	answer.last = *(p - 100000000);
	return 0;
}

char _license[] SEC("license") = "GPL";
