/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects that programs allocate: bpf_obj_new(), CPU masks, iterators that need memory
 * (Linux: kernel/bpf/memalloc.c). They lie in a part of the window of world objects, so
 * that a load through a pointer that may be stale finds something readable. Memory is
 * given out again only when every run that could have seen it has ended.
 * Freestanding.
 *
 * A process that is killed while it holds an object loses it to the system: nothing
 * else breaks.
 */
#ifndef SKEP_OBJECT_RT_HEAP_H
#define SKEP_OBJECT_RT_HEAP_H

#include "object/arena.h"
#include "object/record.h"

/*
 * Zeroed memory of at least @size bytes, aligned to 16; NULL when there is none or @size is
 * too large. @record (or NULL) stays with it.
 */
void *heap_alloc(struct arena *arena, const struct skep_platform *platform, u32 size,
		 const struct bpf_record *record);
const struct bpf_record *object_record(const void *p);
/* Whether [addr, addr + size) is memory that was given out at some time. */
bool heap_holds(struct arena *arena, u64 addr, u32 size);
/* Objects that have not been freed, for tests. */
u64 heap_live(struct arena *arena);
/* Takes @p back once no current run can see it. */
void heap_free(struct arena *arena, const struct skep_platform *platform, void *p);

/* One reference to @p goes; at the last one what it holds goes, too, and its memory. */
void object_drop(struct arena *arena, const struct skep_platform *platform, void *p);
/* Lets go of what the special fields of @p hold; they are empty then. */
void object_drop_fields(struct arena *arena, const struct skep_platform *platform, void *p,
			const struct bpf_record *record);

/* The kernel's layout of nodes and roots, which programs reserve room for. */
struct list_link {
	struct list_link *next, *prev;
	void *owner; /* the head that it is in; NULL: none */
};

struct rb_link {
	u64 parent_color;
	struct rb_link *right, *left;
	void *owner; /* the root that it is in; NULL: none */
};

struct rb_tree {
	struct rb_link *node, *leftmost;
};

void rb_insert(struct rb_tree *tree, struct rb_link *node, struct rb_link *parent,
	       struct rb_link **link);
void rb_erase(struct rb_tree *tree, struct rb_link *node);
struct rb_link *rb_first(const struct rb_tree *tree);

#endif
