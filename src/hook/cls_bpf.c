/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Filters of traffic control (Linux: net/sched/cls_bpf.c, and what of cls_api.c and sch_ingress.c
 * belongs to it).
 *
 * The filters of a direction are one array that is replaced as a whole; runs read it in a slot, so the
 * old one goes when none can see it. A priority of Linux's ("tcf_proto") is there as long as it has
 * filters, so it needs no object of its own. Programs reach other chains by actions only, and there
 * are none: chains other than 0 are kept and never run.
 */
#include "hook/cls_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "hook/internal.h"

/* ---- running ---- */

static struct tc_qdisc *find(const struct skep_system *sys, u32 ifindex)
{
	struct tc_qdisc *q = load_acquire(&sys->tc);

	while (q && q->ifindex != ifindex)
		q = load_acquire(&q->next);
	return q;
}

bool cls_bpf_active(const struct skep_system *sys, u32 ifindex, bool ingress)
{
	const struct tc_qdisc *q = find(sys, ifindex);

	return q && load_acquire(&q->at[ingress ? TC_INGRESS : TC_EGRESS]);
}

/* What a direct-action program may decide; all else is as if it had not. */
static s32 action_of(s32 code)
{
	switch (code) {
	case TC_ACT_OK:
	case TC_ACT_SHOT:
	case TC_ACT_STOLEN:
	case TC_ACT_TRAP:
	case TC_ACT_REDIRECT:
		return code;
	}
	return TC_ACT_UNSPEC;
}

static s32 run_filter(const struct tc_filter *f, struct sk_buff *skb, struct bpf_run *run)
{
	u32 classid;
	s32 ret;

	skb->tc_classid = (u16)f->classid;
	ret = (s32)bpf_prog_run(f->prog, skb, run);
	if (f->direct) {
		ret = action_of(ret);
		classid = (f->classid & TC_H_MAJ_MASK) | skb->tc_classid;
	} else {
		/* It says whether, and which class, and there are no actions. */
		classid = ret == -1 ? f->classid : (u32)ret;
		ret = ret ? TC_ACT_OK : TC_ACT_UNSPEC;
	}
	if (ret == TC_ACT_OK)
		skb->tc_index = (u16)TC_H_MIN(classid);
	return ret;
}

s32 cls_bpf_run(struct skep_system *sys, u32 ifindex, bool ingress, struct sk_buff *skb,
		struct bpf_run *run)
{
	const struct tc_filters *filters;
	s32 ret = TC_ACT_UNSPEC;
	struct tc_qdisc *q;

	if (likely(!load_acquire(&sys->tc)))
		return ret;
	slot_claim(sys->arena, sys->platform, run);
	q = find(sys, ifindex);
	filters = q ? load_acquire(&q->at[ingress ? TC_INGRESS : TC_EGRESS]) : NULL;
	for (u32 i = 0; filters && i < filters->n && ret == TC_ACT_UNSPEC; i++) {
		const struct tc_filter *f = &filters->v[i];

		if (f->chain)
			continue;
		if (f->protocol == skb->protocol || f->protocol == htons(ETH_P_ALL))
			ret = run_filter(f, skb, run);
	}
	if (filters) {
		__atomic_fetch_add(&q->packets, 1, __ATOMIC_RELAXED);
		/* What has arrived counts from its network header on, says Linux. */
		__atomic_fetch_add(&q->bytes, skb->len - (ingress ? ETH_HLEN : 0),
				   __ATOMIC_RELAXED);
		if (ret == TC_ACT_SHOT)
			__atomic_fetch_add(&q->drops, 1, __ATOMIC_RELAXED);
	}
	slot_release(run);
	return ret;
}

/* ---- qdiscs ---- */

struct tc_qdisc *tc_qdisc_find(const struct skep_system *sys, u32 ifindex)
{
	return find(sys, ifindex);
}

int tc_qdisc_add(struct skep_system *sys, u32 ifindex, bool clsact)
{
	struct tc_qdisc *q;

	if (find(sys, ifindex))
		return -EEXIST;
	q = mem_zalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->ifindex = ifindex;
	q->clsact = clsact;
	q->next = sys->tc;
	store_release(&sys->tc, q);
	hooks_changed(sys);
	return 0;
}

static void filters_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct tc_filters, retired));
}

static void qdisc_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct tc_qdisc, retired));
}

/* Puts @new (NULL: none) in the place of what there is. */
static void publish(struct skep_system *sys, struct tc_filters **at, struct tc_filters *new)
{
	struct tc_filters *old = *at;

	store_release(at, new);
	hooks_changed(sys);
	if (old) {
		old->retired.free = filters_free;
		arena_retire(sys->arena, &sys->retired, &old->retired);
	}
}

/* The filter is in no array that a run could still come to. */
static void forget(const struct tc_filter *f)
{
	mem_free(f->name);
	object_put(&f->owner->obj);
}

static void flush(struct skep_system *sys, struct tc_filters **at)
{
	const struct tc_filters *old = *at;

	for (u32 i = 0; old && i < old->n; i++)
		forget(&old->v[i]);
	publish(sys, at, NULL);
}

void tc_qdisc_del(struct skep_system *sys, u32 ifindex)
{
	struct tc_qdisc **p = &sys->tc, *q;

	while (*p && (*p)->ifindex != ifindex)
		p = &(*p)->next;
	q = *p;
	if (!q)
		return;
	store_release(p, q->next);
	for (u32 i = 0; i < TC_SIDES; i++)
		flush(sys, &q->at[i]);
	q->retired.free = qdisc_free;
	arena_retire(sys->arena, &sys->retired, &q->retired);
}

void tc_stop(struct skep_system *sys)
{
	while (sys->tc)
		tc_qdisc_del(sys, sys->tc->ifindex);
}

/* ---- filters ---- */

const struct tc_filter *tc_filter_find(const struct tc_qdisc *q, u32 side, u32 chain, u16 prio,
				       u32 handle)
{
	const struct tc_filters *filters = q->at[side];

	for (u32 i = 0; filters && i < filters->n; i++) {
		const struct tc_filter *f = &filters->v[i];

		if (f->chain == chain && f->prio == prio && (!handle || f->handle == handle))
			return f;
	}
	return NULL;
}

/* Where a filter belongs: *@at, and whether it replaces what is there. */
static bool place(const struct tc_filters *filters, const struct tc_filter *f, u32 *at)
{
	u32 n = filters ? filters->n : 0;

	for (u32 i = 0; i < n && f->handle; i++)
		if (filters->v[i].chain == f->chain && filters->v[i].prio == f->prio &&
		    filters->v[i].handle == f->handle) {
			*at = i;
			return true;
		}
	/* A new chain is the last one. */
	for (*at = 0; *at < n && filters->v[*at].chain != f->chain;)
		(*at)++;
	while (*at < n && filters->v[*at].chain == f->chain && filters->v[*at].prio < f->prio)
		(*at)++;
	return false;
}

int tc_filter_set(struct tc_qdisc *q, struct skep_system *sys, u32 side, struct tc_filter *f)
{
	struct tc_filters *old = q->at[side], *new;
	u32 n = old ? old->n : 0, at;
	bool there = place(old, f, &at);
	struct tc_filter entry = *f, gone;

	if (!f->handle)
		for (entry.handle = 1; tc_filter_find(q, side, f->chain, f->prio, entry.handle);)
			entry.handle++;
	new = mem_zalloc(sizeof(*new) + (n + !there) * sizeof(new->v[0]));
	entry.name = f->name ? mem_dup(f->name, strlen(f->name) + 1) : NULL;
	if (!new || (f->name && !entry.name)) {
		mem_free(new);
		mem_free(entry.name);
		return -ENOMEM;
	}
	new->n = n + !there;
	if (at)
		memcpy(new->v, old->v, at * sizeof(new->v[0]));
	if (n > at + there)
		memcpy(&new->v[at + 1], &old->v[at + there], (n - at - there) * sizeof(new->v[0]));
	new->v[at] = entry;
	if (there)
		gone = old->v[at];
	object_get(&entry.owner->obj);
	publish(sys, &q->at[side], new);
	if (there)
		forget(&gone);
	f->handle = entry.handle;
	return 0;
}

int tc_filter_del(struct tc_qdisc *q, struct skep_system *sys, u32 side, u32 chain, u16 prio,
		  u32 handle)
{
	struct tc_filters *old = q->at[side], *new;
	u32 n = old ? old->n : 0, kept = 0;
	struct tc_filters *rest;

	if (!n)
		return 0;
	new = mem_zalloc(sizeof(*new) + n * sizeof(new->v[0]));
	rest = mem_zalloc(sizeof(*rest) + n * sizeof(rest->v[0]));
	if (!new || !rest) {
		mem_free(new);
		mem_free(rest);
		return -ENOMEM;
	}
	for (u32 i = 0; i < n; i++) {
		const struct tc_filter *f = &old->v[i];

		if (f->chain == chain && (!prio || f->prio == prio) &&
		    (!handle || f->handle == handle))
			rest->v[rest->n++] = *f;
		else
			new->v[kept++] = *f;
	}
	new->n = kept;
	if (!kept || !rest->n) {
		mem_free(new);
		new = NULL;
	}
	if (rest->n)
		publish(sys, &q->at[side], new);
	for (u32 i = 0; i < rest->n; i++)
		forget(&rest->v[i]);
	n = rest->n;
	mem_free(rest);
	return (int)n;
}
