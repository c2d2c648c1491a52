/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Memory of objects that programs allocate: see rt_heap.h. */
#include "object/rt_heap.h"

#include "object/async.h"
#include "object/lock.h"
#include "object/rt_string.h"
#include "object/uptr.h"

#define HEAP_PAGE  4096U
#define HEAP_GRAIN 16U
#define HEAP_MAGIC 0x736b6570u

/* In front of each block. */
struct block {
	u32 magic, class;
	union {
		struct block *next; /* free, or waiting to be */
		u64 pad;
	};
	u64 epoch;			 /* waiting: since */
	const struct bpf_record *record; /* of what is in it */
};

#define NR_CLASSES 17 /* 16 << n bytes behind the header: up to 1 MiB */

struct heap {
	u32 lock, pad;
	u64 used, backed; /* bytes from the start of the heap */
	u64 live;	  /* objects */
	struct block *free[NR_CLASSES];
	struct block *waiting, **waiting_end; /* oldest first */
};

static struct heap *heap_of(struct arena *arena)
{
	return (struct heap *)((u8 *)arena + ARENA_OBJECTS);
}

static u32 class_of(u32 size)
{
	u32 class = 0;

	while ((HEAP_GRAIN << class) < size)
		class ++;
	return class;
}

/* Makes the heap's header, once. The lock is held. */
static void heap_start(struct heap *h)
{
	if (h->backed)
		return;
	h->used = round_up(sizeof(*h), 64UL);
	h->waiting_end = &h->waiting;
	h->backed = HEAP_PAGE;
}

/* What no run can see any more becomes free. */
static void reclaim(struct arena *arena, struct heap *h)
{
	while (h->waiting && arena_quiescent(arena, h->waiting->epoch)) {
		struct block *b = h->waiting;

		h->waiting = b->next;
		if (!h->waiting)
			h->waiting_end = &h->waiting;
		b->next = h->free[b->class];
		h->free[b->class] = b;
	}
}

static struct block *carve(struct arena *arena, const struct skep_platform *platform,
			   struct heap *h, u32 class)
{
	u64 bytes = sizeof(struct block) + (HEAP_GRAIN << class);
	struct block *b = (struct block *)((u8 *)h + h->used);

	if (h->used + bytes > ARENA_OBJECTS_SIZE)
		return NULL;
	if (h->used + bytes > h->backed) {
		u64 grow = round_up(h->used + bytes - h->backed, 16UL * HEAP_PAGE);

		if (platform->back(arena, (u8 *)h + h->backed, grow))
			return NULL;
		h->backed += grow;
	}
	h->used += bytes;
	b->magic = HEAP_MAGIC;
	b->class = class;
	return b;
}

void *heap_alloc(struct arena *arena, const struct skep_platform *platform, u32 size,
		 const struct bpf_record *record)
{
	struct heap *h = heap_of(arena);
	u32 class = class_of(size);
	struct block *b;

	if (!size || class >= NR_CLASSES)
		return NULL;
	/* The first page holds the lock. */
	if (unlikely(!READ_ONCE(h->backed)) && platform->back(arena, h, HEAP_PAGE))
		return NULL;
	lock_take(&h->lock, platform);
	heap_start(h);
	if (!h->free[class])
		reclaim(arena, h);
	b = h->free[class];
	if (b)
		h->free[class] = b->next;
	else
		b = carve(arena, platform, h, class);
	h->live += !!b;
	lock_drop(&h->lock);
	if (!b)
		return NULL;
	b->record = record;
	rt_zero(b + 1, HEAP_GRAIN << class);
	return b + 1;
}

void heap_free(struct arena *arena, const struct skep_platform *platform, void *p)
{
	struct heap *h = heap_of(arena);
	struct block *b = (struct block *)p - 1;

	if (!p)
		return;
	if (b->magic != HEAP_MAGIC || b->class >= NR_CLASSES)
		platform->abort("object heap: freed what is no object");
	lock_take(&h->lock, platform);
	b->epoch = __atomic_add_fetch(&arena->epoch, 1, __ATOMIC_SEQ_CST);
	b->next = NULL;
	*h->waiting_end = b;
	h->waiting_end = &b->next;
	h->live--;
	lock_drop(&h->lock);
}

bool heap_holds(struct arena *arena, u64 addr, u32 size)
{
	struct heap *h = heap_of(arena);
	u64 off = addr - (u64)h, end = READ_ONCE(h->backed);

	return off >= sizeof(*h) && off < end && size <= end - off;
}

u64 heap_live(struct arena *arena)
{
	return heap_of(arena)->live;
}

/* ---- trees: red-black, with the kernel's layout of nodes ---- */

enum { RB_RED, RB_BLACK };

static struct rb_link *rb_parent(const struct rb_link *n)
{
	return (struct rb_link *)(n->parent_color & ~3UL);
}

static bool rb_is_red(const struct rb_link *n)
{
	return n && !(n->parent_color & 1);
}

static void rb_set(struct rb_link *n, struct rb_link *parent, u64 color)
{
	n->parent_color = (u64)parent | color;
}

static void rb_paint(struct rb_link *n, u64 color)
{
	n->parent_color = (n->parent_color & ~1UL) | color;
}

static void rb_replace(struct rb_tree *tree, struct rb_link *old, struct rb_link *new)
{
	struct rb_link *parent = rb_parent(old);

	if (!parent)
		tree->node = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		rb_set(new, parent, new->parent_color & 1);
}

/* @n goes down to the left (@left), its child on the other side comes up. */
static void rb_rotate(struct rb_tree *tree, struct rb_link *n, bool left)
{
	struct rb_link *up = left ? n->right : n->left;
	struct rb_link *middle = left ? up->left : up->right;

	rb_replace(tree, n, up);
	if (left) {
		n->right = middle;
		up->left = n;
	} else {
		n->left = middle;
		up->right = n;
	}
	if (middle)
		rb_set(middle, n, middle->parent_color & 1);
	rb_set(n, up, n->parent_color & 1);
}

struct rb_link *rb_first(const struct rb_tree *tree)
{
	return tree->leftmost;
}

static struct rb_link *leftmost_of(struct rb_link *n)
{
	while (n && n->left)
		n = n->left;
	return n;
}

void rb_insert(struct rb_tree *tree, struct rb_link *n, struct rb_link *parent,
	       struct rb_link **link)
{
	struct rb_link *grand, *uncle;

	n->left = n->right = NULL;
	rb_set(n, parent, RB_RED);
	*link = n;
	while (rb_is_red(parent = rb_parent(n))) {
		bool left;

		grand = rb_parent(parent);
		left = grand->left == parent;
		uncle = left ? grand->right : grand->left;
		if (rb_is_red(uncle)) {
			rb_paint(parent, RB_BLACK);
			rb_paint(uncle, RB_BLACK);
			rb_paint(grand, RB_RED);
			n = grand;
			continue;
		}
		if (n == (left ? parent->right : parent->left)) {
			rb_rotate(tree, parent, left);
			n = parent;
			parent = rb_parent(n);
		}
		rb_paint(parent, RB_BLACK);
		rb_paint(grand, RB_RED);
		rb_rotate(tree, grand, !left);
	}
	rb_paint(tree->node, RB_BLACK);
	tree->leftmost = leftmost_of(tree->node);
}

static void rb_erase_fixup(struct rb_tree *tree, struct rb_link *n, struct rb_link *parent)
{
	while (n != tree->node && !rb_is_red(n)) {
		bool left = parent->left == n;
		struct rb_link *s = left ? parent->right : parent->left, *near, *far;

		if (rb_is_red(s)) {
			rb_paint(s, RB_BLACK);
			rb_paint(parent, RB_RED);
			rb_rotate(tree, parent, left);
			s = left ? parent->right : parent->left;
		}
		near = left ? s->left : s->right;
		far = left ? s->right : s->left;
		if (!rb_is_red(near) && !rb_is_red(far)) {
			rb_paint(s, RB_RED);
			n = parent;
			parent = rb_parent(n);
			continue;
		}
		if (!rb_is_red(far)) {
			rb_paint(near, RB_BLACK);
			rb_paint(s, RB_RED);
			rb_rotate(tree, s, !left);
			s = left ? parent->right : parent->left;
			far = left ? s->right : s->left;
		}
		rb_paint(s, parent->parent_color & 1);
		rb_paint(parent, RB_BLACK);
		rb_paint(far, RB_BLACK);
		rb_rotate(tree, parent, left);
		n = tree->node;
	}
	if (n)
		rb_paint(n, RB_BLACK);
}

void rb_erase(struct rb_tree *tree, struct rb_link *n)
{
	struct rb_link *child, *parent, *next;
	bool was_red = rb_is_red(n);

	if (!n->left || !n->right) {
		child = n->left ? n->left : n->right;
		parent = rb_parent(n);
		rb_replace(tree, n, child);
	} else {
		next = leftmost_of(n->right);
		was_red = rb_is_red(next);
		child = next->right;
		if (rb_parent(next) == n) {
			parent = next;
		} else {
			parent = rb_parent(next);
			rb_replace(tree, next, child);
			next->right = n->right;
			rb_set(next->right, next, next->right->parent_color & 1);
		}
		rb_replace(tree, n, next);
		next->left = n->left;
		rb_set(next->left, next, next->left->parent_color & 1);
		rb_set(next, rb_parent(n), n->parent_color & 1);
		if (!rb_parent(next))
			tree->node = next;
	}
	if (!was_red && tree->node)
		rb_erase_fixup(tree, child, parent);
	tree->leftmost = leftmost_of(tree->node);
	n->left = n->right = NULL;
	n->parent_color = 0;
}

/* ---- letting go ---- */

static void drop_list(struct arena *arena, const struct skep_platform *platform,
		      struct list_link *head, const struct bpf_record_field *f, u32 *lock)
{
	struct list_link *n, *next, *all;

	if (lock)
		lock_take(lock, platform);
	all = head->next;
	head->next = head->prev = head;
	if (lock)
		lock_drop(lock);
	if (!all) /* never used */
		return;
	for (n = all; n != head; n = next) {
		next = n->next;
		n->next = n->prev = n;
		store_release(&n->owner, NULL);
		object_drop(arena, platform, (u8 *)n - f->node_offset);
	}
}

static void drop_tree(struct arena *arena, const struct skep_platform *platform,
		      struct rb_tree *root, const struct bpf_record_field *f, u32 *lock)
{
	struct rb_link *n;

	for (;;) {
		if (lock)
			lock_take(lock, platform);
		n = rb_first(root);
		if (n) {
			rb_erase(root, n);
			store_release(&n->owner, NULL);
		}
		if (lock)
			lock_drop(lock);
		if (!n)
			return;
		object_drop(arena, platform, (u8 *)n - f->node_offset);
	}
}

void object_drop_fields(struct arena *arena, const struct skep_platform *platform, void *p,
			const struct bpf_record *r)
{
	u32 *lock = r && r->lock_off >= 0 ? (u32 *)((u8 *)p + r->lock_off) : NULL;

	for (u32 i = 0; r && i < r->nr; i++) {
		const struct bpf_record_field *f = &r->fields[i];
		void *at = (u8 *)p + f->offset, *held;

		switch (f->kind) {
		case BPF_FIELD_KPTR_REF:
		case BPF_FIELD_KPTR_PERCPU:
			held = __atomic_exchange_n((void **)at, NULL, __ATOMIC_ACQ_REL);
			if (held && !f->world)
				object_drop(arena, platform, held);
			break;
		case BPF_FIELD_KPTR_UNREF:
			WRITE_ONCE(*(u64 *)at, 0);
			break;
		case BPF_FIELD_UPTR:
			held = __atomic_exchange_n((void **)at, NULL, __ATOMIC_ACQ_REL);
			if (held)
				uptr_put(arena, platform, uptr_of(held));
			break;
		case BPF_FIELD_LIST_HEAD:
			drop_list(arena, platform, at, f, lock);
			break;
		case BPF_FIELD_RB_ROOT:
			drop_tree(arena, platform, at, f, lock);
			break;
		case BPF_FIELD_TIMER:
		case BPF_FIELD_WORKQUEUE:
		case BPF_FIELD_TASK_WORK:
			async_release_field(at, platform);
			break;
		}
	}
}

const struct bpf_record *object_record(const void *p)
{
	return ((const struct block *)p - 1)->record;
}

void object_drop(struct arena *arena, const struct skep_platform *platform, void *p)
{
	const struct bpf_record *r = object_record(p);

	if (r && r->refcount_off >= 0 &&
	    __atomic_sub_fetch((u32 *)((u8 *)p + r->refcount_off), 1, __ATOMIC_ACQ_REL))
		return;
	object_drop_fields(arena, platform, p, r);
	heap_free(arena, platform, p);
}
