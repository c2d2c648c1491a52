/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects that programs allocate, and lists and trees of them (Linux:
 * kernel/bpf/helpers.c). Records of special fields come from the fix-ups.
 */
#include "helper/helper.h"
#include "object/fixup.h"
#include "object/rt_heap.h"

#define BUSY ((void *)~0UL) /* the owner of a node that is just being linked */

/* ---- objects ---- */

BPF_KFUNC(bpf_obj_new_impl) /* r1: size, r2: record */
{
	const struct bpf_record *r = PTR(r2);
	u8 *p = heap_alloc(run->arena, run->platform, (u32)r1, r);

	if (!p)
		return 0;
	for (u32 i = 0; r && i < r->nr; i++) {
		void *at = p + r->fields[i].offset;
		struct list_link *l = at;
		struct rb_link *n = at;

		switch (r->fields[i].kind) {
		case BPF_FIELD_REFCOUNT:
			*(u32 *)at = 1;
			break;
		case BPF_FIELD_LIST_HEAD:
		case BPF_FIELD_LIST_NODE:
			l->next = l->prev = l;
			break;
		case BPF_FIELD_RB_NODE:
			n->parent_color = (u64)n;
			break;
		}
	}
	return (u64)p;
}

BPF_KFUNC(bpf_obj_drop_impl)
{
	object_drop(run->arena, run->platform, PTR(r1));
	return 0;
}

BPF_KFUNC(bpf_refcount_acquire_impl)
{
	const struct bpf_record *r = object_record(PTR(r1));
	u32 *count = (u32 *)((u8 *)PTR(r1) + r->refcount_off), n = READ_ONCE(*count);

	/* Somebody else's object may be on its way out. */
	while (n && !__atomic_compare_exchange_n(count, &n, n + 1, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
		;
	return n ? r1 : 0;
}

/* One block for all CPUs; what programs hold is its address. */
BPF_KFUNC(bpf_percpu_obj_new_impl)
{
	u64 stride = round_up(r1, 8UL), *p;

	p = heap_alloc(run->arena, run->platform, (u32)(16 + stride * run->arena->nr_slots), NULL);
	if (!p)
		return 0;
	*p = stride;
	return (u64)p;
}

BPF_KFUNC(bpf_percpu_obj_drop_impl)
{
	heap_free(run->arena, run->platform, PTR(r1));
	return 0;
}

/* DIFF(helper-args): of the kernel's own per-CPU variables there are none. */
BPF_HELPER(per_cpu_ptr)
{
	u64 *p = PTR(r1);

	if ((u32)r2 >= run->arena->nr_slots || !heap_holds(run->arena, r1, sizeof(*p)))
		return 0;
	return (u64)p + 16 + *p * (u32)r2;
}

BPF_HELPER(this_cpu_ptr)
{
	u64 *p = PTR(r1);

	return heap_holds(run->arena, r1, sizeof(*p)) ? (u64)p + 16 + *p * run->cpu : 0;
}

BPF_HELPER(kptr_xchg)
{
	return (u64)__atomic_exchange_n((void **)PTR(r1), PTR(r2), __ATOMIC_ACQ_REL);
}

/* ---- lists ---- */

static bool take_node(void **owner)
{
	void *none = NULL;

	return __atomic_compare_exchange_n(owner, &none, BUSY, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static u64 push(struct list_link *head, struct list_link *n, bool back, u64 off,
		struct bpf_run *run)
{
	struct list_link *prev;

	if (!head->next)
		head->next = head->prev = head;
	/* A counted object may be in a list already, by another owner. */
	if (!take_node(&n->owner)) {
		object_drop(run->arena, run->platform, (u8 *)n - off);
		return INT(-EINVAL);
	}
	prev = back ? head->prev : head;
	n->next = prev->next;
	n->prev = prev;
	n->next->prev = n;
	prev->next = n;
	store_release(&n->owner, head);
	return 0;
}

BPF_KFUNC(bpf_list_push_front_impl) /* r4: offset of the node */
{
	return push(PTR(r1), PTR(r2), false, r4, run);
}

BPF_KFUNC(bpf_list_push_back_impl) /* r4: offset of the node */
{
	return push(PTR(r1), PTR(r2), true, r4, run);
}

static struct list_link *end_of(struct list_link *head, bool back)
{
	struct list_link *n = back ? head->prev : head->next;

	return n == head ? NULL : n; /* NULL, too, before the first use */
}

static u64 list_pop(struct list_link *head, bool back)
{
	struct list_link *n = end_of(head, back);

	if (!n || n->owner != head)
		return 0;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = n;
	store_release(&n->owner, NULL);
	return (u64)n;
}

BPF_KFUNC(bpf_list_pop_front)
{
	return list_pop(PTR(r1), false);
}

BPF_KFUNC(bpf_list_pop_back)
{
	return list_pop(PTR(r1), true);
}

BPF_KFUNC(bpf_list_front)
{
	return (u64)end_of(PTR(r1), false);
}

BPF_KFUNC(bpf_list_back)
{
	return (u64)end_of(PTR(r1), true);
}

/* ---- trees ---- */

BPF_KFUNC(bpf_rbtree_add_impl) /* r3: less(), r5: offset of the node */
{
	struct rb_tree *tree = PTR(r1);
	struct rb_link *n = PTR(r2), *parent = NULL, **link = &tree->node;

	if (!take_node(&n->owner)) {
		object_drop(run->arena, run->platform, (u8 *)n - r5);
		return INT(-EINVAL);
	}
	RUN_FRAME(frame, run);
	while (*link) {
		parent = *link;
		link = bpf_call_subprog(run, r3, (u64)n, (u64)parent, 0, 0, 0) ? &parent->left :
										 &parent->right;
	}
	run->frames = frame.prev;
	rb_insert(tree, n, parent, link);
	store_release(&n->owner, tree);
	return 0;
}

BPF_KFUNC(bpf_rbtree_remove)
{
	struct rb_tree *tree = PTR(r1);
	struct rb_link *n = PTR(r2);

	/* Another owner of a counted object may have taken it out. */
	if (READ_ONCE(n->owner) != tree)
		return 0;
	rb_erase(tree, n);
	store_release(&n->owner, NULL);
	return (u64)n;
}

BPF_KFUNC(bpf_rbtree_first)
{
	return (u64)rb_first(PTR(r1));
}

BPF_KFUNC(bpf_rbtree_root)
{
	return (u64)((struct rb_tree *)PTR(r1))->node;
}

BPF_KFUNC(bpf_rbtree_left)
{
	struct rb_link *n = PTR(r2);

	return READ_ONCE(n->owner) == PTR(r1) ? (u64)n->left : 0;
}

BPF_KFUNC(bpf_rbtree_right)
{
	struct rb_link *n = PTR(r2);

	return READ_ONCE(n->owner) == PTR(r1) ? (u64)n->right : 0;
}

BPF_KFUNC_ALIAS(bpf_obj_new, bpf_obj_new_impl)
BPF_KFUNC_ALIAS(bpf_obj_drop, bpf_obj_drop_impl)
BPF_KFUNC_ALIAS(bpf_percpu_obj_new, bpf_percpu_obj_new_impl)
BPF_KFUNC_ALIAS(bpf_percpu_obj_drop, bpf_percpu_obj_drop_impl)
BPF_KFUNC_ALIAS(bpf_refcount_acquire, bpf_refcount_acquire_impl)
BPF_KFUNC_ALIAS(bpf_list_push_front, bpf_list_push_front_impl)
BPF_KFUNC_ALIAS(bpf_list_push_back, bpf_list_push_back_impl)
BPF_KFUNC_ALIAS(bpf_rbtree_add, bpf_rbtree_add_impl)
