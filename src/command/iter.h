/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Iterators between iter.c (links, the text) and iter_targets.c (what they go over).
 */
#ifndef SKEP_COMMAND_ITER_H
#define SKEP_COMMAND_ITER_H

#include "command/command.h"
#include "object/iter.h"

struct iter_ops;

/* An iterator's link: a program, its target, and what of the target it was made for. */
struct iter_link {
	struct link_object l;
	const struct iter_ops *ops;
	struct map_object *map;	  /* bpf_map_elem, bpf_sk_storage_map */
	u32 tid, pid;		  /* tasks: only this thread, this process; 0: all */
	u32 asked_tid, asked_pid; /* as given, for the link's info */
	u64 cgroup;		  /* id, where it begins */
	u32 order;		  /* BPF_CGROUP_ITER_* */
};

/* One going over everything. */
struct iter_walk {
	struct skep_system *sys;
	struct iter_link *link;
	struct bpf_run run; /* in a slot throughout */
	struct bpf_seq seq;
	char *text;
	size_t len, cap;
	u32 chunk; /* of .len: what one read() would have given so far */
	u64 session, seq_num;
	bool shown;  /* an object, at least */
	pid_t self;  /* the reader's process */
	u64 last[4]; /* arguments of the call behind the last object: what is there always */
	int err;     /* why it stopped early */
	bool ended;  /* by the program, .ends */
};

struct iter_ops {
	const char *name;
	kver since;
	u32 nr_args; /* behind the meta data */
	/* Takes what is needed out of @info (zero where none was given). NULL: nothing. */
	int (*attach)(struct call *c, struct iter_link *l, const union bpf_iter_link_info *info);
	/* Calls iter_show() for each thing, until it is not 0. */
	int (*walk)(struct iter_walk *w);
	bool tasks;  /* goes over tasks: done in the supervisor's loop */
	bool sleeps; /* may be left between two objects: for sleepable programs */
	bool ends;   /* a program that returns 1 has seen enough; else it wants the same again */
};

/* By the function of the target, "bpf_iter_task"; NULL: none. */
const struct iter_ops *iter_ops_of(const char *func, kver profile);

/*
 * Runs the program on @args (the context's words behind the meta data). 0, or non-zero to stop.
 */
int iter_show(struct iter_walk *w, const u64 *args);
/* An object of the world of type @type that lasts until the next one with the same @nr; 0: none. */
u64 iter_object(struct iter_walk *w, const char *type, u64 nr);
void iter_put(struct iter_walk *w, u64 object, const char *field, const void *v, u32 size);
#define ITER_PUT(w, object, field, value)                                                          \
	do {                                                                                       \
		__typeof__(value) _value = (value);                                                \
		iter_put((w), (object), (field), &_value, sizeof(_value));                         \
	} while (0)

/* struct bpf_map of @m, until the next one. */
u64 iter_map(struct iter_walk *w, const struct map_object *m);
/* struct bpf_prog of @p, until the next one. */
u64 iter_prog(struct iter_walk *w, const struct prog_object *p);

/* ---- iter_socks.c ---- */

int iter_walk_tcp(struct iter_walk *w);
int iter_walk_udp(struct iter_walk *w);
int iter_walk_unix(struct iter_walk *w);
int iter_walk_netlink(struct iter_walk *w);
int iter_attach_sockmap(struct call *c, struct iter_link *l, const union bpf_iter_link_info *info);
int iter_walk_sockmap(struct iter_walk *w);
int iter_attach_sk_storage(struct call *c, struct iter_link *l,
			   const union bpf_iter_link_info *info);
int iter_walk_sk_storage(struct iter_walk *w);
int iter_walk_ksym(struct iter_walk *w);

/* ---- iter_route.c ---- */

int iter_walk_ipv6_route(struct iter_walk *w);
/* The slab cache after @nr others, as struct kmem_cache; 0: there are no more. */
u64 iter_nth_kmem_cache(struct skep_system *sys, u64 nr);
int iter_walk_kmem_cache(struct iter_walk *w);

#endif
