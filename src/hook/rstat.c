/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Statistics of cgroups that programs keep per CPU and sum up when they are asked for (Linux:
 * kernel/cgroup/rstat.c). Which cgroups have news on which CPUs is noted; a flush calls
 * bpf_rstat_flush(), a function without effect that programs attach to, for each of these at and
 * below its cgroup: children before parents, CPU by CPU.
 *
 * DIFF(rstat-own): what the kernel itself accounts for (CPU time) is no news here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hook/functions.h"
#include "hook/internal.h"
#include "hook/points.h"
#include "object/platform.h"

#define WORDS (BPF_MAX_SLOTS / 64)

struct rstat_cgroup {
	u64 cgroup; /* world address */
	u64 cpus[WORDS];
};

struct rstat {
	pthread_mutex_t lock;
	struct idmap by_cgroup;
};

struct flushed {
	u64 cgroup;
	int level;
};

static struct rstat *rstat_of(struct skep_system *sys)
{
	struct rstat *r = load_acquire(&sys->rstat), *new;

	if (r)
		return r;
	new = mem_zalloc(sizeof(*new));
	if (!new)
		return NULL;
	pthread_mutex_init(&new->lock, NULL);
	if (__atomic_compare_exchange_n(&sys->rstat, &r, new, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return new;
	pthread_mutex_destroy(&new->lock);
	mem_free(new);
	return r;
}

static u64 parent_of(struct bpf_run *run, u64 cgroup)
{
	return run->platform->world(run, WORLD_CGROUP_PARENT, &cgroup);
}

/* Under the lock. */
static struct rstat_cgroup *get(struct rstat *r, u64 cgroup)
{
	struct rstat_cgroup *c = idmap_get(&r->by_cgroup, cgroup);

	if (c)
		return c;
	c = mem_zalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->cgroup = cgroup;
	if (idmap_set(&r->by_cgroup, cgroup, c)) {
		mem_free(c);
		return NULL;
	}
	return c;
}

void rstat_updated(struct skep_system *sys, struct bpf_run *run, u64 cgroup, u32 cpu)
{
	struct rstat *r = rstat_of(sys);
	struct rstat_cgroup *c;
	bool known = false;

	if (!r || cpu >= sys->arena->nr_slots)
		return;
	/* Whoever is noted has all above it noted. */
	for (; cgroup && !known; cgroup = parent_of(run, cgroup)) {
		pthread_mutex_lock(&r->lock);
		c = get(r, cgroup);
		known = !c || c->cpus[cpu / 64] >> cpu % 64 & 1;
		if (c)
			c->cpus[cpu / 64] |= 1ULL << cpu % 64;
		pthread_mutex_unlock(&r->lock);
	}
}

/* Takes the note away: whether there was one. */
static bool take(struct rstat *r, u64 cgroup, u32 cpu)
{
	struct rstat_cgroup *c;
	bool was;

	pthread_mutex_lock(&r->lock);
	c = idmap_get(&r->by_cgroup, cgroup);
	was = c && c->cpus[cpu / 64] >> cpu % 64 & 1;
	if (was)
		c->cpus[cpu / 64] &= ~(1ULL << cpu % 64);
	pthread_mutex_unlock(&r->lock);
	return was;
}

static int deepest_first(const void *a, const void *b)
{
	return ((const struct flushed *)b)->level - ((const struct flushed *)a)->level;
}

static bool is_below(struct bpf_run *run, u64 cgroup, u64 top)
{
	while (cgroup && cgroup != top)
		cgroup = parent_of(run, cgroup);
	return cgroup != 0;
}

/* All that have been noted, and are still there. */
static size_t known_cgroups(struct rstat *r, struct bpf_run *run, struct flushed **out)
{
	struct flushed *v;
	size_t n = 0, kept = 0;

	pthread_mutex_lock(&r->lock);
	v = *out = mem_alloc((r->by_cgroup.n + 1) * sizeof(*v));
	for (size_t i = 0; v && i < r->by_cgroup.cap; i++)
		if (r->by_cgroup.slots[i].key)
			v[n++].cgroup = r->by_cgroup.slots[i].key;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < n; i++) {
		if (run->platform->world(run, WORLD_ALIVE, &v[i].cgroup)) {
			v[kept++].cgroup = v[i].cgroup;
			continue;
		}
		pthread_mutex_lock(&r->lock);
		mem_free(idmap_del(&r->by_cgroup, v[i].cgroup));
		pthread_mutex_unlock(&r->lock);
	}
	return kept;
}

void rstat_flush(struct skep_system *sys, struct bpf_run *run, u64 cgroup)
{
	struct rstat *r = load_acquire(&sys->rstat);
	struct flushed *v = NULL;
	size_t n, below = 0;

	if (!r)
		return;
	n = known_cgroups(r, run, &v);
	for (size_t i = 0; i < n; i++) {
		u64 args[] = { v[i].cgroup, (u64)(uintptr_t) "level" };

		if (!is_below(run, v[i].cgroup, cgroup))
			continue;
		v[below].cgroup = v[i].cgroup;
		v[below++].level = (int)run->platform->world(run, WORLD_FIELD, args);
	}
	if (below)
		qsort(v, below, sizeof(*v), deepest_first);
	for (u32 cpu = 0; cpu < sys->arena->nr_slots; cpu++) {
		for (size_t i = 0; i < below; i++) {
			u64 args[FUNCTION_ARGS_MAX] = { v[i].cgroup, 0, cpu };

			if (!take(r, v[i].cgroup, cpu))
				continue;
			args[1] = parent_of(run, v[i].cgroup);
			hook_call_function(sys, FUNC_bpf_rstat_flush, args, run->task);
		}
	}
	mem_free(v);
}

void rstat_stop(struct skep_system *sys)
{
	struct rstat *r = sys->rstat;

	if (!r)
		return;
	for (size_t i = 0; i < r->by_cgroup.cap; i++)
		if (r->by_cgroup.slots[i].key)
			mem_free(r->by_cgroup.slots[i].value);
	idmap_free(&r->by_cgroup);
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
	sys->rstat = NULL;
}
