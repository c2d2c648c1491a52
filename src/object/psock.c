/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See psock.h. */
#include "object/psock.h"

#include <errno.h>
#include <string.h>

#include "base/idmap.h"
#include "base/mem.h"
#include "object/map.h"
#include "object/prog.h"
#include "object/system.h"

struct psock_prog {
	struct psock_prog *next; /* of those that are to be put */
	struct prog_object *prog;
	u32 refs;
};

struct psock_map {
	struct psock_map *next;
	struct map_object *m;
	struct psock_prog *prog[PSOCK_KINDS];
	struct link_object *link[PSOCK_KINDS];
};

struct psocks {
	pthread_mutex_t lock;
	struct psock_map *maps;
	struct psock *first;
	struct idmap by_cookie, by_inode;
	struct psock_prog *unused;
	u32 nr[2]; /* sockets whose messages are judged, that receive through programs */
	u32 unmet;
	void (*changed)(void *arg);
	void *changed_arg;
	bool (*answer)(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk);
};

static struct psocks *psocks_of(struct skep_system *sys)
{
	return load_acquire(&sys->psocks);
}

static struct psocks *psocks_get(struct skep_system *sys)
{
	struct psocks *p = psocks_of(sys), *new, *none = NULL;

	if (p)
		return p;
	new = mem_zalloc(sizeof(*new));
	if (!new)
		return NULL;
	pthread_mutex_init(&new->lock, NULL);
	if (__atomic_compare_exchange_n(&sys->psocks, &none, new, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return new;
	pthread_mutex_destroy(&new->lock);
	mem_free(new);
	return none;
}

/* ---- programs ---- */

static void prog_unuse(struct psocks *p, struct psock_prog **at)
{
	struct psock_prog *pp = *at;

	store_release(at, NULL);
	if (!pp || --pp->refs)
		return;
	pp->next = p->unused;
	p->unused = pp;
}

static void prog_use(struct psocks *p, struct psock_prog **at, struct psock_prog *pp)
{
	pp->refs++;
	prog_unuse(p, at);
	store_release(at, pp);
}

void psocks_reap(struct skep_system *sys)
{
	struct psocks *p = psocks_of(sys);
	struct psock_prog *pp, *next;

	if (!p || !READ_ONCE(p->unused))
		return;
	pthread_mutex_lock(&p->lock);
	pp = p->unused;
	p->unused = NULL;
	pthread_mutex_unlock(&p->lock);
	for (; pp; pp = next) {
		next = pp->next;
		object_put(&pp->prog->obj);
		mem_free(pp);
	}
}

/* ---- sockets; the lock is held ---- */

static u32 wants_of(const struct psock *ps)
{
	return (ps->prog[PSOCK_MSG] ? PSOCKS_SEND : 0) | (ps->started ? PSOCKS_RECEIVE : 0);
}

static void count(struct psocks *p, u32 before, u32 after)
{
	bool changed = false;

	for (u32 i = 0; i < 2; i++) {
		int was = before >> i & 1, is = after >> i & 1;

		p->nr[i] += (u32)(is - was);
		changed |= is != was;
	}
	if (changed && p->changed)
		p->changed(p->changed_arg);
}

static void psock_free(struct psocks *p, struct psock *ps)
{
	for (u32 i = 0; i < PSOCK_KINDS; i++)
		prog_unuse(p, &ps->prog[i]);
	for (size_t i = 0; i < ps->links.n; i++)
		mem_free(ps->links.v[i].key);
	vec_free(&ps->links);
	if (ps->flow)
		ps->flow_free(ps->flow);
	mem_free(ps);
}

static int enlist(struct psocks *p, struct psock *ps)
{
	if (idmap_set(&p->by_cookie, ps->cookie, ps))
		return -ENOMEM;
	if (ps->inode && idmap_set(&p->by_inode, ps->inode, ps)) {
		idmap_del(&p->by_cookie, ps->cookie);
		return -ENOMEM;
	}
	ps->next = p->first;
	ps->at = &p->first;
	if (ps->next)
		ps->next->at = &ps->next;
	p->first = ps;
	ps->listed = true;
	p->unmet += !ps->inode;
	return 0;
}

static void unlist(struct psocks *p, struct psock *ps)
{
	*ps->at = ps->next;
	if (ps->next)
		ps->next->at = ps->at;
	idmap_del(&p->by_cookie, ps->cookie);
	/* The number of a socket that has ended may be another's by now. */
	if (ps->inode && idmap_get(&p->by_inode, ps->inode) == ps)
		idmap_del(&p->by_inode, ps->inode);
	ps->listed = false;
	p->unmet -= !ps->inode;
	count(p, wants_of(ps), 0);
	if (!ps->refs)
		psock_free(p, ps);
}

static struct psock_map *map_find(const struct psocks *p, const struct map_object *m)
{
	struct psock_map *pm = p->maps;

	while (pm && pm->m != m)
		pm = pm->next;
	return pm;
}

/* An element of @pm is gone: what comes by that map now stops, be it what the socket has or not. */
static void stop_programs(struct psocks *p, struct psock *ps, const struct psock_map *pm)
{
	bool parser = ps->started && pm && pm->prog[PSOCK_PARSER];
	bool verdict = ps->started && pm && (pm->prog[PSOCK_STREAM] || pm->prog[PSOCK_SKB]);
	u32 before = wants_of(ps);

	if (parser)
		prog_unuse(p, &ps->prog[PSOCK_PARSER]);
	if (verdict) {
		prog_unuse(p, &ps->prog[PSOCK_STREAM]);
		prog_unuse(p, &ps->prog[PSOCK_SKB]);
	}
	if (parser || verdict)
		ps->started = false;
	count(p, before, wants_of(ps));
}

static void drop_link(struct psocks *p, struct psock *ps, size_t i)
{
	stop_programs(p, ps, map_find(p, ps->links.v[i].map));
	mem_free(ps->links.v[i].key);
	ps->links.v[i] = ps->links.v[--ps->links.n];
}

static bool is_linked(const struct psock *ps, const struct psock_link *l)
{
	return (u64)(uintptr_t)l->map->ops->obj_lookup(l->map->map, l->key) == ps->cookie;
}

int psock_map_made(struct map_object *m)
{
	struct psocks *p = psocks_get(m->obj.sys);
	struct psock_map *pm = p ? mem_zalloc(sizeof(*pm)) : NULL;

	if (!pm)
		return -ENOMEM;
	pm->m = m;
	pthread_mutex_lock(&p->lock);
	pm->next = p->maps;
	store_release(&p->maps, pm);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

struct map_object *psock_map_of(struct skep_system *sys, const struct bpf_map *map)
{
	struct psocks *p = psocks_of(sys);
	struct map_object *m = NULL;

	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	for (const struct psock_map *pm = p->maps; pm && !m; pm = pm->next)
		if (pm->m->map == map)
			m = pm->m;
	pthread_mutex_unlock(&p->lock);
	return m;
}

/* Elements that are no more; @m: not looked at, gone. False: it has left all maps, and is gone. */
static bool look(struct psocks *p, struct psock *ps, const struct map_object *m)
{
	for (size_t i = 0; i < ps->links.n;)
		if (ps->links.v[i].map == m || !is_linked(ps, &ps->links.v[i]))
			drop_link(p, ps, i);
		else
			i++;
	if (ps->links.n || ps->rooms)
		return true;
	unlist(p, ps);
	return false;
}

static struct psock *find(struct psocks *p, u64 cookie, u64 inode)
{
	struct psock *ps =
		cookie ? idmap_get(&p->by_cookie, cookie) : idmap_get(&p->by_inode, inode);

	return ps && look(p, ps, NULL) ? ps : NULL;
}

static struct psock *find_get(struct skep_system *sys, u64 cookie, u64 inode)
{
	struct psocks *p = psocks_of(sys);
	struct psock *ps;

	if (!p || (!cookie && !inode))
		return NULL;
	pthread_mutex_lock(&p->lock);
	ps = find(p, cookie, inode);
	if (ps)
		ps->refs++;
	pthread_mutex_unlock(&p->lock);
	return ps;
}

struct psock *psock_by_inode(struct skep_system *sys, u64 inode)
{
	return find_get(sys, 0, inode);
}

struct psock *psock_by_cookie(struct skep_system *sys, u64 cookie)
{
	return find_get(sys, cookie, 0);
}

void psock_put(struct skep_system *sys, struct psock *ps)
{
	struct psocks *p = psocks_of(sys);

	if (!ps)
		return;
	pthread_mutex_lock(&p->lock);
	if (!--ps->refs && !ps->listed)
		psock_free(p, ps);
	pthread_mutex_unlock(&p->lock);
}

const struct bpf_prog *psock_prog(struct skep_system *sys, struct psock *ps, enum psock_kind kind)
{
	struct psocks *p = psocks_of(sys);
	const struct bpf_prog *prog;

	pthread_mutex_lock(&p->lock);
	prog = ps->prog[kind] ? ps->prog[kind]->prog->prog : NULL;
	pthread_mutex_unlock(&p->lock);
	return prog;
}

int psocks_each(struct skep_system *sys, int (*fn)(struct psock *ps, void *arg), void *arg)
{
	struct psocks *p = psocks_of(sys);
	VEC(struct psock *) all = { 0 };
	struct psock *next;
	int ret = 0;

	if (!p)
		return 0;
	pthread_mutex_lock(&p->lock);
	for (struct psock *ps = p->first; ps; ps = next) {
		next = ps->next;
		if (look(p, ps, NULL) && !vec_push(&all, ps))
			ps->refs++;
	}
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < all.n; i++) {
		if (!ret)
			ret = fn(all.v[i], arg);
		psock_put(sys, all.v[i]);
	}
	vec_free(&all);
	return ret;
}

u32 psocks_wanted(struct skep_system *sys)
{
	const struct psocks *p = psocks_of(sys);

	return p ? (READ_ONCE(p->nr[0]) ? PSOCKS_SEND : 0) |
			       (READ_ONCE(p->nr[1]) ? PSOCKS_RECEIVE : 0) :
		   0;
}

void psocks_notify(struct skep_system *sys, void (*fn)(void *arg), void *arg)
{
	struct psocks *p = psocks_get(sys);

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->changed = fn;
	p->changed_arg = arg;
	pthread_mutex_unlock(&p->lock);
}

void psocks_answer(struct skep_system *sys,
		   bool (*fn)(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk))
{
	struct psocks *p = psocks_get(sys);

	if (p)
		store_release(&p->answer, fn);
}

bool psocks_ask(struct skep_system *sys, u64 cookie, struct bpf_rt_sock *sk)
{
	struct psocks *p = psocks_of(sys);
	bool (*answer)(struct skep_system * sys, u64 cookie, struct bpf_rt_sock * sk) =
		p ? load_acquire(&p->answer) : NULL;

	return answer && answer(sys, cookie, sk);
}

/* ---- sockets into maps ---- */

/* Linux compares what the map brings with what the socket has. */
static int conflict(const struct psock_map *pm, const struct psock *ps)
{
	struct psock_prog *const *a = pm->prog, *const *b = ps->prog;

	return (a[PSOCK_MSG] && b[PSOCK_MSG]) || (a[PSOCK_PARSER] && b[PSOCK_PARSER]) ||
	       ((a[PSOCK_SKB] || a[PSOCK_STREAM]) && (b[PSOCK_SKB] || b[PSOCK_STREAM]));
}

static void take_programs(struct psocks *p, const struct psock_map *pm, struct psock *ps,
			  bool start)
{
	u32 before = wants_of(ps);

	for (u32 i = 0; i < PSOCK_KINDS; i++)
		if (pm->prog[i])
			prog_use(p, &ps->prog[i], pm->prog[i]);
	if (start && (pm->prog[PSOCK_STREAM] || pm->prog[PSOCK_SKB]))
		ps->started = true;
	count(p, before, wants_of(ps));
}

/* What is against socket @s, which is @ps or, NULL, in no map. */
static int may_link(struct psocks *p, const struct psock_map *pm, struct psock *ps,
		    const struct psock_socket *s)
{
	if (!pm)
		return 0;
	if (ps && conflict(pm, ps))
		return -EBUSY;
	if (pm->prog[PSOCK_PARSER] && pm->prog[PSOCK_STREAM] && !s->tcp && !(ps && ps->started)) {
		if (ps) /* it has them from now on, as in Linux */
			take_programs(p, pm, ps, false);
		return -EOPNOTSUPP;
	}
	return 0;
}

static struct psock *psock_new(struct psocks *p, const struct psock_socket *s)
{
	struct psock *ps = mem_zalloc(sizeof(*ps));

	if (!ps)
		return NULL;
	ps->cookie = s->cookie;
	ps->inode = s->inode;
	if (!enlist(p, ps))
		return ps;
	mem_free(ps);
	return NULL;
}

int psock_reserve(struct map_object *m, const void *key, const struct psock_socket *s,
		  struct psock_room *room)
{
	struct psocks *p = psocks_get(m->obj.sys);
	struct psock *ps;
	int err;

	*room = (struct psock_room){ 0 };
	if (!p)
		return -ENOMEM;
	pthread_mutex_lock(&p->lock);
	ps = find(p, s->cookie, 0);
	err = may_link(p, map_find(p, m), ps, s);
	if (err)
		goto out;
	err = -ENOMEM;
	room->key = mem_dup(key, m->map->key_size);
	if (!room->key)
		goto out;
	if (!ps)
		ps = psock_new(p, s);
	if (ps && !vec_reserve(&ps->links, ps->links.n + ps->rooms + 1)) {
		ps->rooms++;
		room->ps = ps;
		err = 0;
		goto out;
	}
	if (ps)
		look(p, ps, NULL); /* a new one goes */
	mem_free(room->key);
	room->key = NULL;
out:
	pthread_mutex_unlock(&p->lock);
	return err;
}

void psock_link(struct map_object *m, struct psock_room *room)
{
	struct psocks *p = psocks_of(m->obj.sys);
	const struct psock_map *pm;
	struct psock *ps = room->ps;
	bool again = false; /* the same in the same place */

	if (!ps)
		return;
	pthread_mutex_lock(&p->lock);
	pm = map_find(p, m);
	look(p, ps, NULL);
	for (size_t i = 0; i < ps->links.n; i++)
		if (ps->links.v[i].map == m &&
		    !memcmp(ps->links.v[i].key, room->key, m->map->key_size))
			again = true;
	ps->rooms--;
	if (!again) {
		ps->links.v[ps->links.n++] = (struct psock_link){ m, room->key };
		room->key = NULL;
	}
	if (pm)
		take_programs(p, pm, ps, true);
	if (again)
		stop_programs(p, ps, pm); /* the element before */
	pthread_mutex_unlock(&p->lock);
	mem_free(room->key);
}

void psock_not_linked(struct map_object *m, struct psock_room *room)
{
	struct psocks *p = psocks_of(m->obj.sys);
	const struct psock_map *pm;

	if (!room->ps)
		return;
	pthread_mutex_lock(&p->lock);
	pm = map_find(p, m);
	room->ps->rooms--;
	if (look(p, room->ps, NULL) && pm)
		take_programs(p, pm, room->ps, true);
	pthread_mutex_unlock(&p->lock);
	mem_free(room->key);
}

void psock_look(struct skep_system *sys, u64 cookie)
{
	struct psocks *p = psocks_of(sys);

	if (!p || !cookie)
		return;
	pthread_mutex_lock(&p->lock);
	find(p, cookie, 0);
	pthread_mutex_unlock(&p->lock);
	psocks_reap(sys);
}

bool psock_met(struct skep_system *sys, u64 cookie, u64 inode)
{
	struct psocks *p = psocks_of(sys);
	struct psock *ps;
	bool new = false;

	if (!p || !READ_ONCE(p->unmet))
		return false;
	pthread_mutex_lock(&p->lock);
	ps = find(p, cookie, 0);
	if (ps && !ps->inode && inode && !idmap_set(&p->by_inode, inode, ps)) {
		ps->inode = inode;
		p->unmet--;
		new = true;
	}
	pthread_mutex_unlock(&p->lock);
	return new;
}

bool psocks_unmet(struct skep_system *sys)
{
	const struct psocks *p = psocks_of(sys);

	return p && READ_ONCE(p->unmet);
}

/* ---- programs of maps ---- */

int psock_kind_of(u32 attach_type)
{
	switch (attach_type) {
	case BPF_SK_MSG_VERDICT:
		return PSOCK_MSG;
	case BPF_SK_SKB_STREAM_PARSER:
		return PSOCK_PARSER;
	case BPF_SK_SKB_STREAM_VERDICT:
		return PSOCK_STREAM;
	case BPF_SK_SKB_VERDICT:
		return PSOCK_SKB;
	default:
		return -1;
	}
}

/* The map's record, and which of its programs: -EOPNOTSUPP, -EBUSY: there can be none. */
static int place(struct psocks *p, struct map_object *m, u32 attach_type, struct psock_map **out)
{
	int kind = psock_kind_of(attach_type);
	struct psock_map *pm = map_find(p, m);

	*out = pm;
	if (!pm || kind < 0)
		return -EOPNOTSUPP;
	if ((kind == PSOCK_STREAM && pm->prog[PSOCK_SKB]) ||
	    (kind == PSOCK_SKB && pm->prog[PSOCK_STREAM]))
		return -EBUSY;
	return kind;
}

/* A record of @prog, with no use yet; takes a reference. */
static struct psock_prog *prog_new(struct prog_object *prog)
{
	struct psock_prog *pp = mem_zalloc(sizeof(*pp));

	if (!pp)
		return NULL;
	object_get(&prog->obj);
	pp->prog = prog;
	return pp;
}

static void prog_drop(struct psock_prog *pp)
{
	if (!pp)
		return;
	object_put(&pp->prog->obj);
	mem_free(pp);
}

int psock_map_set(struct map_object *m, struct prog_object *prog, struct prog_object *old,
		  struct link_object *link, u32 attach_type)
{
	struct psocks *p = psocks_get(m->obj.sys);
	struct psock_prog *new = prog &&p ? prog_new(prog) : NULL;
	struct psock_map *pm;
	int kind;

	if (!p || (prog && !new))
		return -ENOMEM;
	pthread_mutex_lock(&p->lock);
	kind = place(p, m, attach_type, &pm);
	if (kind < 0)
		goto out;
	if (pm->link[kind] && (!link || prog)) {
		kind = -EBUSY;
	} else if (old && (!pm->prog[kind] || pm->prog[kind]->prog != old)) {
		kind = -ENOENT;
	} else if (new) {
		prog_use(p, &pm->prog[kind], new);
		new = NULL;
		pm->link[kind] = link;
		kind = 0;
	} else {
		prog_unuse(p, &pm->prog[kind]);
		pm->link[kind] = NULL;
		kind = 0;
	}
out:
	pthread_mutex_unlock(&p->lock);
	prog_drop(new);
	psocks_reap(m->obj.sys);
	return min(kind, 0);
}

int psock_map_update(struct map_object *m, struct prog_object *prog, struct prog_object *old,
		     const struct link_object *link, u32 attach_type)
{
	struct psocks *p = psocks_get(m->obj.sys);
	struct psock_prog *new = p ? prog_new(prog) : NULL;
	struct psock_map *pm;
	int kind;

	if (!new)
		return -ENOMEM;
	pthread_mutex_lock(&p->lock);
	kind = place(p, m, attach_type, &pm);
	if (kind >= 0 && pm->link[kind] != link) {
		kind = -EBUSY;
	} else if (kind >= 0 && old && (!pm->prog[kind] || pm->prog[kind]->prog != old)) {
		kind = -ENOENT;
	} else if (kind >= 0) {
		prog_use(p, &pm->prog[kind], new);
		new = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	prog_drop(new);
	psocks_reap(m->obj.sys);
	return min(kind, 0);
}

int psock_map_query(struct map_object *m, u32 attach_type, u32 *id)
{
	struct psocks *p = psocks_get(m->obj.sys);
	struct psock_map *pm;
	int kind;

	*id = 0;
	if (!p)
		return -ENOMEM;
	pthread_mutex_lock(&p->lock);
	kind = place(p, m, attach_type, &pm);
	if (kind >= 0 && pm->prog[kind])
		*id = pm->prog[kind]->prog->obj.id;
	pthread_mutex_unlock(&p->lock);
	return min(kind, 0);
}

void psock_map_unheld(struct map_object *m)
{
	struct psocks *p = psocks_of(m->obj.sys);
	struct psock_map *pm;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	pm = map_find(p, m);
	/* A link holds its map as a descriptor would. */
	for (u32 i = 0; pm && i < PSOCK_KINDS; i++)
		if (pm->link[i])
			pm = NULL;
	for (u32 i = 0; pm && i < PSOCK_KINDS; i++)
		prog_unuse(p, &pm->prog[i]);
	pthread_mutex_unlock(&p->lock);
	psocks_reap(m->obj.sys);
}

void psock_map_gone(struct map_object *m)
{
	struct psocks *p = psocks_of(m->obj.sys);
	struct psock_map **at, *pm;
	struct psock *next;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	for (struct psock *ps = p->first; ps; ps = next) {
		next = ps->next;
		look(p, ps, m);
	}
	for (at = &p->maps; *at && (*at)->m != m; at = &(*at)->next)
		;
	pm = *at;
	if (pm) {
		*at = pm->next;
		for (u32 i = 0; i < PSOCK_KINDS; i++)
			prog_unuse(p, &pm->prog[i]);
		mem_free(pm);
	}
	pthread_mutex_unlock(&p->lock);
	psocks_reap(m->obj.sys);
}

void psocks_stop(struct skep_system *sys)
{
	struct psocks *p = sys->psocks;
	struct psock_map *pm;

	if (!p)
		return;
	p->changed = NULL;
	while ((pm = p->maps)) {
		p->maps = pm->next;
		for (u32 i = 0; i < PSOCK_KINDS; i++)
			prog_unuse(p, &pm->prog[i]);
		mem_free(pm);
	}
	while (p->first)
		unlist(p, p->first);
	idmap_free(&p->by_cookie);
	idmap_free(&p->by_inode);
	psocks_reap(sys);
	sys->psocks = NULL;
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}
