/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hooks: who is attached where, and running them (Linux: kernel/bpf/mprog.c, tcx.c,
 * the XDP part of net/core/dev.c, bpf_trace_run() of kernel/trace/bpf_trace.c).
 *
 * Programs run in a slot; the array of programs is replaced as a whole and retired,
 * so a reader in a slot may use the one it found. sys->lock serialises writers.
 */
#include "hook/hook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Raw tracepoints that skep itself fires; sources add theirs with hook_add_raw_tp(). */
static const struct {
	const char *name;
	u32 nr_args;
} raw_tracepoints[] = {
	{ "bpf_trace_printk", 1 }, /* const char *bpf_string */
	{ "bpf_test_finish", 1 },  /* int *err */
	{ "xdp_exception", 3 },	   /* const struct net_device *, const struct bpf_prog *, u32 act */
};

struct hook_table {
	struct hook *first;
	/* Those of the rows above, to be found without a lock. */
	struct hook *builtin[ARRAY_SIZE(raw_tracepoints)];
};

/* ---- the table ---- */

static struct hook *add(struct skep_system *sys, enum hook_kind kind, u32 ifindex, const char *name)
{
	struct hook *h = mem_zalloc(sizeof(*h));

	if (!h)
		return NULL;
	h->sys = sys;
	h->kind = kind;
	h->ifindex = ifindex;
	h->revision = 1;
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->next = sys->hooks->first;
	sys->hooks->first = h;
	return h;
}

static struct hook *find(struct skep_system *sys, enum hook_kind kind, u32 ifindex,
			 const char *name)
{
	struct hook *h;

	pthread_mutex_lock(&sys->lock);
	for (h = sys->hooks ? sys->hooks->first : NULL; h; h = h->next)
		if (h->kind == kind && (name ? !strcmp(h->name, name) : h->ifindex == ifindex))
			break;
	pthread_mutex_unlock(&sys->lock);
	return h;
}

struct hook *hook_find_netdev(struct skep_system *sys, enum hook_kind kind, u32 ifindex)
{
	return ifindex ? find(sys, kind, ifindex, NULL) : NULL;
}

struct hook *hook_find_netdev_by_name(struct skep_system *sys, enum hook_kind kind,
				      const char *name)
{
	return find(sys, kind, 0, name);
}

struct hook *hook_find_raw_tp(struct skep_system *sys, const char *name)
{
	return find(sys, HOOK_RAW_TP, 0, name);
}

static void progs_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct hook_progs, retired));
}

/* Puts @progs (NULL: none) in the place of what @h has. */
static void publish(struct hook *h, struct hook_progs *progs)
{
	struct hook_progs *old = h->progs;

	store_release(&h->progs, progs);
	h->revision++;
	if (old) {
		old->retired.free = progs_free;
		arena_retire(h->sys->arena, &h->sys->retired, &old->retired);
	}
}

/* Takes everything off and frees the hook; runs of it may still be going on. */
static void drop(struct hook *h)
{
	struct hook_progs *progs = h->progs;

	for (u32 i = 0; progs && i < progs->n; i++)
		if (progs->v[i].link)
			progs->v[i].link->hook = NULL;
	publish(h, NULL);
	mem_free(h);
}

int netdev_hooks_add(struct skep_system *sys, u32 ifindex, const char *name)
{
	static const enum hook_kind kinds[] = { HOOK_XDP, HOOK_TCX_INGRESS, HOOK_TCX_EGRESS };
	int err = 0;

	if (!ifindex)
		return -EINVAL;
	pthread_mutex_lock(&sys->lock);
	if (hook_find_netdev(sys, HOOK_XDP, ifindex))
		err = -EEXIST;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !err; i++)
		if (!add(sys, kinds[i], ifindex, name))
			err = -ENOMEM;
	if (err == -ENOMEM)
		netdev_hooks_del(sys, ifindex);
	pthread_mutex_unlock(&sys->lock);
	return err;
}

void netdev_hooks_del(struct skep_system *sys, u32 ifindex)
{
	struct hook **p, *h;

	pthread_mutex_lock(&sys->lock);
	for (p = &sys->hooks->first; (h = *p);) {
		if (h->kind >= HOOK_RAW_TP || h->ifindex != ifindex) {
			p = &h->next;
			continue;
		}
		*p = h->next;
		drop(h);
	}
	pthread_mutex_unlock(&sys->lock);
}

int hook_add_raw_tp(struct skep_system *sys, const char *name, u32 nr_args)
{
	struct hook *h;
	int err = 0;

	pthread_mutex_lock(&sys->lock);
	if (hook_find_raw_tp(sys, name)) {
		err = -EEXIST;
	} else {
		h = add(sys, HOOK_RAW_TP, 0, name);
		if (h)
			h->nr_args = nr_args;
		else
			err = -ENOMEM;
	}
	pthread_mutex_unlock(&sys->lock);
	return err;
}

static void fire_by_name(struct skep_system *sys, const char *name, const u64 *args, u32 n)
{
	struct hook *h = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(raw_tracepoints) && !h; i++)
		if (!strcmp(raw_tracepoints[i].name, name))
			h = sys->hooks->builtin[i];
	if (!h)
		h = hook_find_raw_tp(sys, name);
	if (h && h->nr_args <= n)
		hook_fire(h, args);
}

int hooks_start(struct skep_system *sys)
{
	int err = 0;

	sys->hooks = mem_zalloc(sizeof(*sys->hooks));
	if (!sys->hooks)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(raw_tracepoints) && !err; i++) {
		err = hook_add_raw_tp(sys, raw_tracepoints[i].name, raw_tracepoints[i].nr_args);
		sys->hooks->builtin[i] = sys->hooks->first;
	}
	if (!err)
		sys->raw_tp = fire_by_name;
	return err;
}

void hooks_stop(struct skep_system *sys)
{
	struct hook *h;

	if (!sys->hooks)
		return;
	sys->raw_tp = NULL;
	while ((h = sys->hooks->first)) {
		sys->hooks->first = h->next;
		drop(h);
	}
	mem_free(sys->hooks);
	sys->hooks = NULL;
}

/* ---- changing what is attached ---- */

int hook_insert(struct hook *h, u32 at, const struct hook_prog *entry)
{
	struct hook_progs *old = h->progs, *new;
	u32 n = old ? old->n : 0;

	if (n >= HOOK_PROGS_MAX || at > n)
		return -ERANGE;
	new = mem_zalloc(sizeof(*new) + (n + 1) * sizeof(new->v[0]));
	if (!new)
		return -ENOMEM;
	new->n = n + 1;
	if (at)
		memcpy(new->v, old->v, at * sizeof(new->v[0]));
	new->v[at] = *entry;
	if (n > at)
		memcpy(&new->v[at + 1], &old->v[at], (n - at) * sizeof(new->v[0]));
	publish(h, new);
	return 0;
}

static int index_of(const struct hook *h, const struct link_object *link)
{
	for (u32 i = 0; h->progs && i < h->progs->n; i++)
		if (h->progs->v[i].link == link)
			return (int)i;
	return -ENOENT;
}

int hook_remove(struct hook *h, const struct link_object *link)
{
	struct hook_progs *old = h->progs, *new = NULL;
	int at = index_of(h, link);

	if (at < 0)
		return at;
	if (old->n > 1) {
		size_t size = sizeof(*new) + (old->n - 1) * sizeof(new->v[0]);

		new = mem_zalloc(size);
		if (!new) {
			/*
			 * Detaching must not fail: shorten the array in place. A run that is
			 * going through it may see one program twice, as with any change.
			 */
			memmove(&old->v[at], &old->v[at + 1],
				(old->n - 1 - (u32)at) * sizeof(old->v[0]));
			WRITE_ONCE(old->n, old->n - 1);
			h->revision++;
			return 0;
		}
		new->n = old->n - 1;
		memcpy(new->v, old->v, (u32)at * sizeof(new->v[0]));
		memcpy(&new->v[at], &old->v[at + 1], (new->n - (u32)at) * sizeof(new->v[0]));
	}
	publish(h, new);
	return 0;
}

int hook_replace(struct hook *h, const struct link_object *link, struct prog_object *new_prog)
{
	struct hook_progs *old = h->progs, *new;
	int at = index_of(h, link);
	size_t size;

	if (at < 0)
		return at;
	size = sizeof(*new) + old->n * sizeof(new->v[0]);
	new = mem_dup(old, size);
	if (!new)
		return -ENOMEM;
	new->v[at].prog = new_prog->prog;
	new->v[at].owner = new_prog;
	publish(h, new);
	return 0;
}

/* ---- running ---- */

static u64 run_one(const struct hook_prog *e, void *ctx, struct bpf_run *run)
{
	run->attach_cookie = e->cookie;
	return bpf_prog_run(e->prog, ctx, run);
}

/* A tracing program does not run inside itself: that counts as a miss. */
static void run_tracing(const struct hook_prog *e, void *ctx, struct bpf_run *run)
{
	struct bpf_slot *slot = &run->arena->slots[run->cpu];
	u32 depth = slot->nesting - 1;
	bool busy = depth >= BPF_SLOT_NESTING;

	for (u32 i = 0; i < depth && !busy; i++)
		busy = slot->busy[i] == e->prog;
	if (busy) {
		__atomic_fetch_add(&e->prog->recursion_misses, 1, __ATOMIC_RELAXED);
		return;
	}
	slot->busy[depth] = e->prog;
	run_one(e, ctx, run);
	slot->busy[depth] = NULL;
}

s32 hook_run_claimed(struct hook *h, void *ctx, struct bpf_run *run)
{
	const struct hook_progs *progs = load_acquire(&h->progs);
	s32 ret = h->kind == HOOK_XDP ? XDP_PASS : TCX_NEXT;

	if (!progs)
		return h->kind >= HOOK_RAW_TP ? 0 : ret;
	switch (h->kind) {
	case HOOK_XDP:
		return (s32)run_one(&progs->v[0], ctx, run);
	case HOOK_TCX_INGRESS:
	case HOOK_TCX_EGRESS:
		for (u32 i = 0; i < READ_ONCE(progs->n) && ret == TCX_NEXT; i++)
			ret = (s32)run_one(&progs->v[i], ctx, run);
		return ret;
	case HOOK_RAW_TP:
		for (u32 i = 0; i < READ_ONCE(progs->n); i++)
			run_tracing(&progs->v[i], ctx, run);
		return 0;
	case HOOK_TRACEPOINT:
	case HOOK_FENTRY:
	case HOOK_FEXIT:
	case HOOK_FMOD_RET:
	case HOOK_KPROBE:
	case HOOK_KRETPROBE:
	case HOOK_UPROBE:
	case HOOK_URETPROBE:
	case HOOK_PERF_EVENT:
	case HOOK_KINDS:
		break;
	}
	return ret;
}

s32 hook_run(struct hook *h, void *ctx, struct bpf_run *run)
{
	s32 ret;

	slot_claim(h->sys->arena, h->sys->platform, run);
	ret = hook_run_claimed(h, ctx, run);
	slot_release(run);
	return ret;
}

void hook_fire(struct hook *h, const u64 *args)
{
	hook_fire_task(h, args, NULL);
}

void hook_fire_task(struct hook *h, const u64 *args, struct bpf_task *task)
{
	struct bpf_run run = { .task = task };
	u64 copy[12] = { 0 };

	if (likely(!hook_active(h)))
		return;
	memcpy(copy, args, min_t(size_t, h->nr_args, ARRAY_SIZE(copy)) * sizeof(*copy));
	hook_run(h, copy, &run);
}
