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
#include "hook/cls_bpf.h"
#include "hook/internal.h"
#include "object/perf_ring.h"
#include "hook/points.h"
#include "object/task.h"

/* ---- the table ---- */

struct hook *hook_add(struct skep_system *sys, enum hook_kind kind, u32 ifindex, const char *name)
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

	relock_take(&sys->lock);
	for (h = sys->hooks ? sys->hooks->first : NULL; h; h = h->next)
		if (h->kind == kind && (name ? !strcmp(h->name, name) : h->ifindex == ifindex))
			break;
	relock_give(&sys->lock);
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
	int err;

	return hook_point_get(sys, HOOK_RAW_TP, name, &err);
}

static void progs_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct hook_progs, retired));
}

static bool is_netkit(const struct hook *h)
{
	return h->kind == HOOK_NETKIT_PRIMARY || h->kind == HOOK_NETKIT_PEER;
}

/* Puts @progs (NULL: none) in the place of what @h has. */
static void publish(struct hook *h, struct hook_progs *progs)
{
	struct hook_progs *old = h->progs;

	if (!old && !h->counts)
		h->since = h->sys->hooks->revision;
	store_release(&h->progs, progs);
	/* Linux forgets an empty list, but that of a netkit device. */
	h->revision = progs || is_netkit(h) ? h->revision + 1 : 1;
	hooks_changed(h->sys);
	if (old) {
		old->retired.free = progs_free;
		arena_retire(h->sys->arena, &h->sys->retired, &old->retired);
	}
}

static void counts_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct hook_counts, retired));
}

int hook_count(struct hook *h, struct perf_ring *ring, const void *key)
{
	struct hook_counts *old = h->counts, *new = NULL;
	u32 n = old ? old->n : 0, kept = 0;

	for (u32 i = 0; i < n; i++)
		kept += old->v[i].key != key;
	if (kept + !!ring) {
		new = mem_zalloc(sizeof(*new) + (kept + 1) * sizeof(new->v[0]));
		if (!new &&ring)
			return -ENOMEM;
	} else if (!old) {
		return 0;
	}
	if (!new &&kept) { /* no memory: what is taken away counts nothing, as it is disabled */
		for (u32 i = 0; i < n; i++)
			if (old->v[i].key == key)
				WRITE_ONCE(old->v[i].ring, NULL);
		return 0;
	}
	for (u32 i = 0; i < n; i++)
		if (old->v[i].key != key)
			new->v[new->n++] = old->v[i];
	if (ring)
		new->v[new->n++] = (struct hook_count){ ring, key };
	if (!old && !h->progs)
		h->since = h->sys->hooks->revision;
	store_release(&h->counts, new);
	hooks_changed(h->sys);
	if (old) {
		old->retired.free = counts_free;
		arena_retire(h->sys->arena, &h->sys->retired, &old->retired);
	}
	return 0;
}

/* Takes everything off and frees the hook; runs of it may still be going on. */
static void drop(struct hook *h)
{
	struct hook_progs *progs = h->progs;

	for (u32 i = 0; progs && i < progs->n; i++)
		if (progs->v[i].link)
			progs->v[i].link->hook = NULL;
		else if (progs->v[i].key == progs->v[i].owner) /* tcx.c */
			object_put(&progs->v[i].owner->obj);
	publish(h, NULL);
	while (h->counts)
		hook_count(h, NULL, h->counts->v[0].key);
	hook_uprobe_free(h->uprobe);
	mem_free(h->sampling);
	mem_free(h);
}

int netdev_hooks_add(struct skep_system *sys, u32 ifindex, const char *name)
{
	static const enum hook_kind kinds[] = { HOOK_XDP, HOOK_TCX_INGRESS, HOOK_TCX_EGRESS };
	int err = 0;

	if (!ifindex)
		return -EINVAL;
	relock_take(&sys->lock);
	if (hook_find_netdev(sys, HOOK_XDP, ifindex))
		err = -EEXIST;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !err; i++)
		if (!hook_add(sys, kinds[i], ifindex, name))
			err = -ENOMEM;
	if (err == -ENOMEM)
		netdev_hooks_del(sys, ifindex);
	relock_give(&sys->lock);
	return err;
}

int netdev_hooks_netkit(struct skep_system *sys, u32 ifindex, u32 peer_ifindex)
{
	struct hook *xdp, *primary = NULL, *peer = NULL;
	int err = -ENODEV;

	relock_take(&sys->lock);
	xdp = hook_find_netdev(sys, HOOK_XDP, ifindex);
	if (xdp) {
		err = -ENOMEM;
		primary = hook_add(sys, HOOK_NETKIT_PRIMARY, ifindex, xdp->name);
		peer = hook_add(sys, HOOK_NETKIT_PEER, ifindex, xdp->name);
	}
	if (primary && peer) {
		err = 0;
		xdp->no_driver = true;
		primary->peer_ifindex = peer->peer_ifindex = peer_ifindex;
	}
	relock_give(&sys->lock);
	return err;
}

/* Programs that were loaded for the device fit no other one, nor one that gets its number. */
static void unbind_programs(struct skep_system *sys, u32 ifindex)
{
	const struct object_table *t = &sys->tables[OBJECT_PROG];

	for (size_t i = 0; i < t->by_id.n; i++) {
		struct prog_object *p = container_of(t->by_id.v[i], struct prog_object, obj);

		if (p->bound_ifindex == ifindex)
			WRITE_ONCE(p->bound_ifindex, 0);
	}
}

void netdev_hooks_del(struct skep_system *sys, u32 ifindex)
{
	struct hook **p, *h;

	relock_take(&sys->lock);
	unbind_programs(sys, ifindex);
	for (p = &sys->hooks->first; (h = *p);) {
		if (h->kind >= HOOK_RAW_TP || h->ifindex != ifindex) {
			p = &h->next;
			continue;
		}
		*p = h->next;
		drop(h);
	}
	tc_qdisc_del(sys, ifindex);
	relock_give(&sys->lock);
}

/* Those that the runtime fires itself, outside of any source. */
static void fire_by_name(struct skep_system *sys, const char *name, const u64 *args, u32 n)
{
	int row = hook_point_row(sys, HOOK_RAW_TP, name);
	struct hook *h = row < 0 ? NULL : hook_at(sys, HOOK_RAW_TP, (u32)row);

	if (h && h->nr_args <= n)
		hook_fire(h, args);
}

int hooks_start(struct skep_system *sys)
{
	int err;

	sys->hooks = mem_zalloc(sizeof(*sys->hooks));
	if (!sys->hooks)
		return -ENOMEM;
	err = points_start(sys);
	if (!err) {
		sys->raw_tp = fire_by_name;
		sys->packet_freed = hook_packet_freed;
		sys->test_functions = hook_test_functions;
		sys->function_address = function_address;
	}
	return err;
}

void hooks_stop(struct skep_system *sys)
{
	struct hook *h;

	if (!sys->hooks)
		return;
	sys->raw_tp = NULL;
	sys->packet_freed = NULL;
	sys->test_functions = NULL;
	sys->function_address = NULL;
	tc_stop(sys);
	while ((h = sys->hooks->first)) {
		sys->hooks->first = h->next;
		drop(h);
	}
	points_stop(sys);
	rstat_stop(sys);
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

static int index_of(const struct hook *h, const void *key)
{
	for (u32 i = 0; h->progs && i < h->progs->n; i++)
		if (h->progs->v[i].key == key)
			return (int)i;
	return -ENOENT;
}

int hook_remove(struct hook *h, const void *key)
{
	struct hook_progs *old = h->progs, *new = NULL;
	int at = index_of(h, key);

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
			hooks_changed(h->sys);
			return 0;
		}
		new->n = old->n - 1;
		memcpy(new->v, old->v, (u32)at * sizeof(new->v[0]));
		memcpy(&new->v[at], &old->v[at + 1], (new->n - (u32)at) * sizeof(new->v[0]));
	}
	publish(h, new);
	return 0;
}

int hook_replace(struct hook *h, const void *key, struct prog_object *new_prog)
{
	return hook_rekey(h, key, new_prog, key);
}

int hook_rekey(struct hook *h, const void *key, struct prog_object *new_prog, const void *new_key)
{
	struct hook_progs *old = h->progs, *new;
	int at = index_of(h, key);
	size_t size;

	if (at < 0)
		return at;
	size = sizeof(*new) + old->n * sizeof(new->v[0]);
	new = mem_dup(old, size);
	if (!new)
		return -ENOMEM;
	new->v[at].prog = new_prog->prog;
	new->v[at].owner = new_prog;
	new->v[at].key = new_key;
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
static u64 run_tracing(const struct hook_prog *e, void *ctx, struct bpf_run *run)
{
	struct bpf_slot *slot = &run->arena->slots[run->cpu];
	u32 depth = slot->nesting - 1;
	bool busy = depth >= BPF_SLOT_NESTING;
	u64 ret;

	for (u32 i = 0; i < depth && !busy; i++)
		busy = slot->busy[i] == e->prog;
	if (busy) {
		__atomic_fetch_add(&e->prog->recursion_misses, 1, __ATOMIC_RELAXED);
		return 0;
	}
	slot->busy[depth] = e->prog;
	ret = run_one(e, ctx, run);
	slot->busy[depth] = NULL;
	return ret;
}

/* ---- sessions ---- */

void hook_sessions_free(struct hook_sessions *s)
{
	vec_free(&s->v);
}

int hook_sessions_copy(struct hook_sessions *to, const struct hook_sessions *from)
{
	int err = 0;

	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < from->v.n && !err; i++)
		err = vec_push(&to->v, from->v.v[i]);
	return err;
}

static struct bpf_session *session_find(struct hook_sessions *s, const void *key, u64 row)
{
	for (size_t i = s->v.n; i--;)
		if (s->v.v[i].key == key && s->v.v[i].row == row)
			return &s->v.v[i];
	return NULL;
}

/* Functions have a row; user functions keep the sessions of each call apart. */
static u64 session_row(const struct hook *h)
{
	return h->uprobe ? 0 : h->row;
}

static void run_session(const struct hook *h, const struct hook_prog *e, void *ctx,
			struct bpf_run *run)
{
	bool returns =
		h->kind == HOOK_KRETPROBE || h->kind == HOOK_URETPROBE || h->kind == HOOK_FEXIT;
	bool always = h->kind == HOOK_FENTRY; /* whatever the program returns */
	u64 ret;
	struct bpf_session fresh = { .key = e->key, .row = session_row(h) }, *s;

	if (!run->sessions)
		return;
	s = session_find(run->sessions, fresh.key, fresh.row);
	if (returns && (!s || s->skip))
		return;
	if (!returns && s) {
		*s = fresh; /* a call that never returned */
	} else if (!returns) {
		if (vec_push(&run->sessions->v, fresh))
			return;
		s = &run->sessions->v.v[run->sessions->v.n - 1];
	}
	run->session = s;
	run->session_return = returns;
	ret = run_tracing(e, ctx, run);
	s->skip = returns || (ret && !always);
	run->session = NULL;
}

/* Whether @e is for the task of the run: a perf event may have been opened for one process. */
static bool is_for(const struct hook_prog *e, const struct bpf_run *run)
{
	return !e->pid || (run->task && run->task->tgid == e->pid);
}

/*
 * The place was passed. As in Linux an event does not count what a program has said 0 to: at a tracepoint any
 * that a perf event has put there (trace_call_bpf()), at a function its own.
 */
static void count_passes(const struct hook *h, const struct hook_progs *progs, u64 vetoes,
			 const struct bpf_run *run)
{
	const struct hook_counts *counts = load_acquire(&h->counts);

	if (h->kind == HOOK_TRACEPOINT && vetoes)
		return;
	for (u32 i = 0; counts && i < counts->n; i++) {
		struct perf_ring *ring = READ_ONCE(counts->v[i].ring);
		bool counted = ring && READ_ONCE(ring->enabled);

		for (u32 k = 0; vetoes && progs && k < READ_ONCE(progs->n) && counted; k++)
			counted = !(vetoes >> k & 1) || progs->v[k].key != counts->v[i].key;
		if (!counted || (ring->tid && (!run->task || run->task->tid != ring->tid)) ||
		    (ring->cpu >= 0 && (u32)ring->cpu != run->cpu))
			continue;
		__atomic_fetch_add(&ring->count, 1, __ATOMIC_RELAXED);
	}
}

s32 hook_run_claimed(struct hook *h, void *ctx, struct bpf_run *run)
{
	const struct hook_progs *progs = load_acquire(&h->progs);
	s32 ret = TCX_NEXT;
	u64 vetoes = 0;

	switch (h->kind) {
	case HOOK_XDP:
		return progs ? (s32)run_one(&progs->v[0], ctx, run) : XDP_PASS;
	case HOOK_TCX_INGRESS:
	case HOOK_TCX_EGRESS:
	case HOOK_NETKIT_PRIMARY:
	case HOOK_NETKIT_PEER:
		for (u32 i = 0; progs && i < READ_ONCE(progs->n) && ret == TCX_NEXT; i++)
			ret = (s32)run_one(&progs->v[i], ctx, run);
		return ret;
	case HOOK_RAW_TP:
	case HOOK_TRACEPOINT:
	case HOOK_FENTRY:
	case HOOK_FEXIT:
	case HOOK_KPROBE:
	case HOOK_KRETPROBE:
	case HOOK_UPROBE:
	case HOOK_URETPROBE:
	case HOOK_PERF_EVENT:
		for (u32 i = 0; progs && i < READ_ONCE(progs->n); i++)
			if (progs->v[i].session && is_for(&progs->v[i], run))
				run_session(h, &progs->v[i], ctx, run);
			else if (is_for(&progs->v[i], run) &&
				 !(run_tracing(&progs->v[i], ctx, run) & 1))
				vetoes |= 1ULL << i;
		if (unlikely(load_acquire(&h->counts) != NULL))
			count_passes(h, progs, vetoes, run);
		return 0;
	case HOOK_FMOD_RET:
	case HOOK_LSM:
		ret = 0;
		for (u32 i = 0; progs && i < READ_ONCE(progs->n) && !ret; i++) {
			ret = (s32)run_tracing(&progs->v[i], ctx, run);
			if (h->returns_nothing)
				ret = 0;
		}
		return ret;
	case HOOK_KINDS:
		break;
	}
	return 0;
}

s32 hook_run(struct hook *h, void *ctx, struct bpf_run *run)
{
	s32 ret;

	slot_claim(h->sys->arena, h->sys->platform, run);
	ret = hook_run_claimed(h, ctx, run);
	slot_release(run);
	return ret;
}

void hook_fire_both(struct hook *raw, struct hook *formatted, const u64 *args, u32 n, void *record,
		    struct bpf_run *run)
{
	bool raw_first = raw && (!formatted || raw->since < formatted->since);
	u64 copy[12] = { 0 };

	memcpy(copy, args, min_t(size_t, n, ARRAY_SIZE(copy)) * sizeof(*copy));
	if (raw_first)
		hook_run_claimed(raw, copy, run);
	if (formatted)
		hook_run_claimed(formatted, record, run);
	if (raw && !raw_first)
		hook_run_claimed(raw, copy, run);
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
