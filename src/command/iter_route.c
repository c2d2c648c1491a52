/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Iterators over what a file of /proc lists (Linux: net/ipv6/ip6_fib.c, mm/kmem_cache_iter.c): routes of IPv6,
 * of the caller's network namespace, and slab caches, which root alone can read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "command/iter.h"
#include "world/world.h"

#define RTF_GATEWAY 2

/* Numbers of made-up objects (iter_object()). */
enum { OBJECT_ROUTE = 16, OBJECT_DEVICE, OBJECT_CACHE, OBJECT_NAME };

struct route {
	u8 dst[16], src[16], gateway[16];
	u32 dst_len, src_len, metric, refs, use, flags;
	char device[16];
};

static bool parse_address(const char *text, u8 address[16])
{
	unsigned byte;

	for (u32 i = 0; i < 16; i++) {
		if (sscanf(text + 2 * (size_t)i, "%2x", &byte) != 1)
			return false;
		address[i] = (u8)byte;
	}
	return true;
}

static bool parse_route(const char *line, struct route *r)
{
	char dst[33], src[33], gateway[33];

	memset(r, 0, sizeof(*r));
	return sscanf(line, "%32s %x %32s %x %32s %x %x %x %x %15s", dst, &r->dst_len, src,
		      &r->src_len, gateway, &r->metric, &r->refs, &r->use, &r->flags,
		      r->device) >= 9 &&
	       parse_address(dst, r->dst) && parse_address(src, r->src) &&
	       parse_address(gateway, r->gateway);
}

static u64 route_object(struct iter_walk *w, const struct route *r)
{
	u64 at = iter_object(w, "fib6_info", OBJECT_ROUTE), none = 0;
	bool gateway = r->flags & RTF_GATEWAY;

	if (!at)
		return 0;
	if (r->device[0]) {
		u64 dev = iter_object(w, "net_device", OBJECT_DEVICE);

		iter_put(w, dev, "name", r->device, sizeof(r->device));
		ITER_PUT(w, at, "fib6_nh[0].nh_common.nhc_dev", dev);
	} else {
		ITER_PUT(w, at, "fib6_nh[0].nh_common.nhc_dev", none);
	}
	ITER_PUT(w, at, "fib6_nh[0].nh_common.nhc_gw_family", (u8)(gateway ? AF_INET6 : 0));
	iter_put(w, at, "fib6_nh[0].nh_common.nhc_gw.ipv6", r->gateway, sizeof(r->gateway));
	iter_put(w, at, "fib6_dst.addr", r->dst, sizeof(r->dst));
	ITER_PUT(w, at, "fib6_dst.plen", r->dst_len);
	iter_put(w, at, "fib6_src.addr", r->src, sizeof(r->src));
	ITER_PUT(w, at, "fib6_src.plen", r->src_len);
	ITER_PUT(w, at, "fib6_metric", r->metric);
	ITER_PUT(w, at, "fib6_flags", r->flags & ~(u32)RTF_GATEWAY); /* the next hop says that */
	ITER_PUT(w, at, "fib6_ref.refs.counter", r->refs);
	ITER_PUT(w, at, "nh", none);
	return at;
}

int iter_walk_ipv6_route(struct iter_walk *w)
{
	char path[64], line[256];
	struct route r;
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/ipv6_route", w->self);
	f = fopen(path, "re");
	while (f && !err && fgets(line, sizeof(line), f)) {
		u64 args[4] = { 0 };

		if (parse_route(line, &r))
			args[0] = route_object(w, &r);
		if (args[0])
			err = iter_show(w, args);
	}
	if (f)
		fclose(f);
	return err;
}

/* ---- slab caches ---- */

static u64 cache_object(struct iter_walk *w, const char *line, u64 nr)
{
	u32 active, all, size, per_slab, pages, order = 0;
	u64 at, name, text;
	char cache[64];

	if (sscanf(line, "%63s %u %u %u %u %u :", cache, &active, &all, &size, &per_slab, &pages) !=
	    6)
		return 0;
	at = iter_object(w, "kmem_cache", OBJECT_CACHE + nr);
	name = iter_object(w, "filename", OBJECT_NAME + nr); /* a struct that ends with a string */
	text = name ? world_field(w->sys, name, "iname") : 0;
	if (!at || !text)
		return 0;
	while (1U << order < pages)
		order++;
	world_set_bytes(w->sys, name, "iname", cache, (u32)strlen(cache) + 1);
	ITER_PUT(w, at, "name", text);
	ITER_PUT(w, at, "size", size);
	/* SLUB: how many objects a slab has, and of how many pages it is. */
	ITER_PUT(w, at, "oo.x", order << 16 | per_slab);
	return at;
}

int iter_walk_kmem_cache(struct iter_walk *w)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[256];
	int err = 0;

	while (f && !err && fgets(line, sizeof(line), f)) {
		u64 args[4] = { cache_object(w, line, 0) };

		if (args[0])
			err = iter_show(w, args);
	}
	if (f)
		fclose(f);
	return err;
}

u64 iter_nth_kmem_cache(struct skep_system *sys, u64 nr)
{
	struct iter_walk w = { .sys = sys };
	FILE *f = fopen("/proc/slabinfo", "re");
	u64 at = 0, seen = 0, numbers = (nr + 1) << 20; /* beside those of other iterators */
	char line[256];

	w.run.arena = sys->arena;
	w.run.platform = sys->platform;
	while (f && !at && fgets(line, sizeof(line), f))
		if (line[0] != '#' && strncmp(line, "slabinfo -", 10) && seen++ == nr)
			at = cache_object(&w, line, numbers);
	if (f)
		fclose(f);
	return at;
}
