/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs of routes, see lwt.h. */
#include "hook/lwt.h"

#include <string.h>

#include "base/mem.h"

const struct lwt_route *lwt_find(const struct skep_system *sys, const struct lwt_key *key)
{
	const struct lwt_route *r;

	for (r = load_acquire(&sys->lwt); r; r = load_acquire(&r->next))
		if (r->key.family == key->family && r->key.table == key->table &&
		    r->key.priority == key->priority && r->key.dst_len == key->dst_len &&
		    r->key.tos == key->tos && !memcmp(r->key.dst, key->dst, sizeof(key->dst)))
			return r;
	return NULL;
}

static void route_free(struct arena_retired *r)
{
	mem_free(container_of(r, struct lwt_route, retired));
}

static void put_progs(struct lwt_route *r)
{
	for (u32 i = 0; i < LWT_PLACES; i++)
		if (r->at[i].prog)
			object_put(&r->at[i].prog->obj);
}

void lwt_del(struct skep_system *sys, const struct lwt_key *key)
{
	struct lwt_route *r = (struct lwt_route *)lwt_find(sys, key), **at;

	if (!r)
		return;
	for (at = &sys->lwt; *at != r; at = &(*at)->next)
		;
	store_release(at, r->next);
	put_progs(r);
	r->retired.free = route_free;
	arena_retire(sys->arena, &sys->retired, &r->retired);
	hooks_touch(sys);
}

void lwt_put(struct skep_system *sys, struct lwt_route *r)
{
	lwt_del(sys, &r->key);
	r->next = sys->lwt;
	store_release(&sys->lwt, r);
	hooks_touch(sys);
}

void lwt_free(struct lwt_route *r)
{
	if (r)
		put_progs(r);
	mem_free(r);
}

void lwt_stop(struct skep_system *sys)
{
	struct lwt_route *r;

	while ((r = sys->lwt)) {
		sys->lwt = r->next;
		put_progs(r);
		mem_free(r);
	}
}
