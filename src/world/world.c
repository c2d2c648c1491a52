/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Objects of the world: addresses, identities, reads. The window behind the text is cut into
 * slabs of one type each (Linux: mm/slub.c), so an address leads to its object by two
 * divisions. An object's bytes lie at its address, in private pages of the supervisor:
 * whoever reads them without asking sees what has been filled so far, and zeros.
 */
#include "world/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "object/arena.h"

#define SLAB_SIZE (1ULL << 20)
/* Dead objects of a type wait until so many of them died later, or until this much memory is used. */
#define FREE_KEEP 512
#define LIVE_MAX  16384

/* ---- lists ---- */

static void list_add(struct wlist *l, struct wobj *o)
{
	o->next = NULL;
	o->prev = l->last;
	if (l->last)
		l->last->next = o;
	else
		l->first = o;
	l->last = o;
	l->n++;
}

static void list_del(struct wlist *l, struct wobj *o)
{
	if (o->prev)
		o->prev->next = o->next;
	else
		l->first = o->next;
	if (o->next)
		o->next->prev = o->prev;
	else
		l->last = o->prev;
	l->n--;
}

/* ---- addresses ---- */

static int slab_new(struct world *w, struct world_type *t)
{
	u64 size = max(SLAB_SIZE, round_up(t->stride, SLAB_SIZE));
	u32 n = (u32)(size / SLAB_SIZE);
	struct slab *s;
	u64 at;

	if (w->nr_slabs + n > w->max_slabs)
		return -ENOMEM;
	at = w->base + w->nr_slabs * SLAB_SIZE;
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->type = t;
	s->max = (u32)(size / t->stride);
	s->objs = mem_calloc(s->max, sizeof(*s->objs));
	if (!s->objs || mprotect((void *)(uintptr_t)at, size, PROT_READ | PROT_WRITE)) {
		mem_free(s->objs);
		mem_free(s);
		return -ENOMEM;
	}
	s->base = at;
	for (u32 i = 0; i < n; i++)
		w->slabs[w->nr_slabs++] = s;
	t->slab = s;
	return 0;
}

struct wobj *world_at(struct world *w, u64 addr)
{
	struct slab *s;
	u64 i;

	if (addr < w->base || (addr - w->base) / SLAB_SIZE >= w->nr_slabs)
		return NULL;
	s = w->slabs[(addr - w->base) / SLAB_SIZE];
	i = (addr - s->base) / s->type->stride;
	return i < s->nr ? s->objs[i] : NULL;
}

static u32 hash_key(const struct world_type *t, u64 k0, u64 k1)
{
	u64 h = (k0 ^ (uintptr_t)t) * 0x9e3779b97f4a7c15ULL;

	h = (h ^ h >> 29 ^ k1) * 0xbf58476d1ce4e5b9ULL;
	return (u32)(h >> 40) % WORLD_HASH;
}

static void unhash(struct world *w, struct wobj *o)
{
	struct wobj **at = &w->hash[hash_key(o->type, o->key[0], o->key[1])];

	for (; *at; at = &(*at)->next_hash) {
		if (*at == o) {
			*at = o->next_hash;
			break;
		}
	}
}

static void obj_clean(struct world *w, struct wobj *o)
{
	if (o->release)
		o->release(w, o);
	o->release = NULL;
	mem_free(o->priv);
	o->priv = NULL;
}

void world_kill(struct world *w, struct wobj *o)
{
	if (!o || o->state == WOBJ_FREE)
		return;
	if (o->state == WOBJ_LRU)
		list_del(&o->type->lru, o);
	if (o->state != WOBJ_TEMP)
		unhash(w, o);
	obj_clean(w, o);
	o->state = WOBJ_FREE;
	list_add(&o->type->free, o);
}

static struct wobj *obj_new(struct world *w, struct world_type *t)
{
	u32 valid = round_up(t->size, 64) / 8;
	struct slab *s = t->slab;
	struct wobj *o;

	if (t->free.n > FREE_KEEP || (t->nr >= LIVE_MAX && (t->free.n || t->lru.n))) {
		if (!t->free.n)
			world_kill(w, t->lru.first);
		o = t->free.first;
		list_del(&t->free, o);
		memset(wdata(o), 0, t->stride);
		memset(o->valid, 0, valid);
		o->filled = 0;
		o->run = 0;
		return o;
	}
	if (!s || s->nr == s->max) {
		if (slab_new(w, t))
			return NULL;
		s = t->slab;
	}
	o = mem_zalloc(sizeof(*o) + valid);
	if (!o)
		return NULL;
	o->type = t;
	o->valid = (u8 *)(o + 1);
	o->addr = s->base + (u64)s->nr * t->stride;
	s->objs[s->nr++] = o;
	t->nr++;
	return o;
}

static struct wobj *find(struct world *w, struct world_type *t, u64 k0, u64 k1)
{
	struct wobj *o = w->hash[hash_key(t, k0, k1)];

	while (o && (o->type != t || o->key[0] != k0 || o->key[1] != k1))
		o = o->next_hash;
	if (o && o->state == WOBJ_LRU) {
		list_del(&t->lru, o);
		list_add(&t->lru, o);
	}
	return o;
}

static struct wobj *obj_of(struct world *w, struct world_type *t, u64 k0, u64 k1, bool *made)
{
	struct wobj *o = find(w, t, k0, k1), **head;

	if (made)
		*made = !o;
	if (o)
		return o;
	o = obj_new(w, t);
	if (!o)
		return NULL;
	o->key[0] = k0;
	o->key[1] = k1;
	o->state = WOBJ_LRU;
	list_add(&t->lru, o);
	head = &w->hash[hash_key(t, k0, k1)];
	o->next_hash = *head;
	*head = o;
	return o;
}

struct wobj *world_find(struct world *w, enum world_type_id type, u64 k0, u64 k1)
{
	return find(w, &w->types[type], k0, k1);
}

struct wobj *world_obj(struct world *w, enum world_type_id type, u64 k0, u64 k1, bool *made)
{
	return obj_of(w, &w->types[type], k0, k1, made);
}

void world_rekey(struct world *w, struct wobj *o, u64 k0, u64 k1)
{
	struct wobj **head = &w->hash[hash_key(o->type, k0, k1)];

	unhash(w, o);
	o->key[0] = k0;
	o->key[1] = k1;
	o->next_hash = *head;
	*head = o;
}

void world_pin(struct world *w, struct wobj *o)
{
	if (o->state != WOBJ_LRU)
		return;
	list_del(&o->type->lru, o);
	o->state = WOBJ_PINNED;
}

/* ---- bytes ---- */

static const u32 byte_classes[] = { 64, 256, 1024, 4096, 16384, 65536 };

static struct world_type *bytes_type(struct world *w, u32 size)
{
	struct world_type *t;
	u32 i = 0;

	while (i < ARRAY_SIZE(byte_classes) - 1 && byte_classes[i] < size)
		i++;
	t = w->bytes[i];
	if (t)
		return t;
	t = mem_zalloc(sizeof(*t));
	if (!t)
		return NULL;
	t->name = "bytes";
	t->id = WT_BYTES;
	t->size = t->stride = byte_classes[i];
	t->opaque = true;
	w->bytes[i] = t;
	return t;
}

static void set_bytes(struct wobj *o, const void *bytes, u32 size)
{
	size = min(size, o->type->size);
	memcpy(wdata(o), bytes, size);
	memset(wdata(o) + size, 0, o->type->size - size);
}

u64 world_bytes(struct world *w, u64 k0, u64 k1, const void *bytes, u32 size)
{
	struct world_type *t = bytes_type(w, size);
	struct wobj *o = t ? obj_of(w, t, k0, k1, NULL) : NULL;

	if (!o)
		return 0;
	set_bytes(o, bytes, size);
	return o->addr;
}

/* ---- values ---- */

static void make_valid(struct wobj *o, u32 off, u32 size)
{
	for (u32 i = off; i < off + size; i++)
		o->valid[i / 8] |= (u8)(1 << i % 8);
}

static void place_put(struct wobj *o, const struct world_place *at, u64 v)
{
	u64 old = 0;
	u32 n = min_t(u32, at->size, 8);

	if (!n || at->off + at->size > o->type->size)
		return;
	if (at->bits) {
		u64 mask = ((1ULL << at->bits) - 1) << at->shift;

		memcpy(&old, wdata(o) + at->off, n);
		v = (old & ~mask) | (v << at->shift & mask);
	}
	memcpy(wdata(o) + at->off, &v, n);
	if (at->size > 8 && !at->bits)
		memset(wdata(o) + at->off + 8, 0, at->size - 8);
	make_valid(o, at->off, at->size);
}

void put(struct world *w, struct wobj *o, enum world_field_id f, u64 v)
{
	place_put(o, &w->at[f], v);
}

void put_bytes(struct world *w, struct wobj *o, enum world_field_id f, const void *v, u32 size)
{
	const struct world_place *at = &w->at[f];

	if (!at->size || at->off + at->size > o->type->size)
		return;
	size = min_t(u32, size, at->size);
	memcpy(wdata(o) + at->off, v, size);
	memset(wdata(o) + at->off + size, 0, at->size - size);
	make_valid(o, at->off, at->size);
}

/* ---- reading ---- */

static void fill(struct world *w, struct wobj *o, u32 off, u32 end)
{
	const struct world_type *t = o->type;
	u32 lo = 0, hi = t->nr_fields, from = off > t->longest ? off - t->longest : 0;
	u32 need = 0;

	if (o->state == WOBJ_FREE)
		return;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (t->fields[mid].off < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < t->nr_fields && t->fields[lo].off < end; lo++)
		if (t->fields[lo].end > off)
			need |= 1U << t->fields[lo].group;
	if (o->run != w->run) {
		o->run = w->run;
		for (u32 g = 0; g < t->nr_groups; g++)
			if (t->fresh[g] == RUN)
				o->filled &= ~(1U << g);
	}
	need &= ~o->filled;
	o->filled |= need;
	for (u32 g = 0; need; g++, need >>= 1)
		if (need & 1 && t->fill[g](w, o) == -EAGAIN)
			o->filled &= ~(1U << g);
}

u64 world_get(struct world *w, struct wobj *o, enum world_field_id f)
{
	const struct world_place *at = &w->at[f];
	u64 v = 0;

	if (!at->size)
		return 0;
	fill(w, o, at->off, at->off + at->size);
	memcpy(&v, wdata(o) + at->off, min_t(u32, at->size, 8));
	return at->bits ? v >> at->shift & ((1ULL << at->bits) - 1) : v;
}

static bool is_modelled(const struct world_type *t, u32 off)
{
	for (u32 i = 0; i < t->nr_fields && t->fields[i].off <= off; i++)
		if (t->fields[i].end > off)
			return true;
	return false;
}

static void note(struct world *w, const struct bpf_run *run, const struct wobj *o, u32 off)
{
	const char *prog = run && run->prog ? run->prog->name : "skep";
	struct world_note *n;
	char member[160];
	u64 key;

	layout_member_name(w, o->type, off, member, sizeof(member));
	if (!*member) /* padding */
		return;
	key = (uintptr_t)o->type;
	for (const char *s = member; *s; s++)
		key = (key ^ (u8)*s) * 0x100000001b3ULL;
	for (n = w->notes; n; n = n->next) {
		if (n->key == key && !strcmp(n->prog, prog)) {
			n->times++;
			return;
		}
	}
	n = mem_zalloc(sizeof(*n));
	if (!n)
		return;
	n->key = key;
	n->times = 1;
	snprintf(n->prog, sizeof(n->prog), "%s", prog);
	n->what = mem_printf("%s.%s (%s)", o->type->name, member,
			     is_modelled(o->type, off) ? "could not be told" : "not modelled");
	n->next = w->notes;
	w->notes = n;
}

static bool is_valid(const struct wobj *o, u32 off)
{
	return o->type->opaque || o->valid[off / 8] & 1 << off % 8;
}

/* Notes each member of [@off, @end) that is not valid; whether anything is valid. */
static bool check_valid(struct world *w, const struct bpf_run *run, struct wobj *o, u32 off,
			u32 end)
{
	struct btf_member_at m;
	bool any = false;
	u32 size;

	while (off < end) {
		if (is_valid(o, off)) {
			any = true;
			off++;
			continue;
		}
		note(w, run, o, off);
		/* on behind that member */
		if (btf_member_at(w->btf, o->type->btf_id, off, &m) ||
		    btf_type_size(w->btf, m.type_id, &size) || m.bits ||
		    m.bit_offset / 8 + size <= off)
			size = 1;
		else
			size = m.bit_offset / 8 + size - off;
		while (size-- && off < end && !is_valid(o, off))
			off++;
	}
	return any;
}

void world_enter(struct world *w, const struct bpf_run *run)
{
	/* A slot counts its runs: the pair names this one. What is no run is none of theirs, and has the upper half. */
	w->run = run ? (u64)run->cpu << 48 | run->arena->slots[run->cpu].runs :
		       1ULL << 63 | ++w->outside;
}

static int read_locked(struct skep_system *sys, struct bpf_run *run, void *dst, u64 src, u32 size)
{
	struct world *w = sys->world;
	struct wobj *o = world_at(w, src);
	u32 off, end, n;

	if (!o)
		return -EFAULT;
	off = (u32)(src - o->addr);
	if (off >= o->type->size)
		return -EFAULT;
	n = min(size, o->type->size - off);
	end = off + n;
	if (!o->type->opaque) {
		bool all = true;

		world_enter(w, run);
		fill(w, o, off, end);
		for (u32 i = off; i < end && all; i++)
			all = is_valid(o, i);
		if (!all && !check_valid(w, run, o, off, end))
			return -EFAULT;
	}
	memcpy(dst, (const void *)(uintptr_t)src, n);
	memset((u8 *)dst + n, 0, size - n); /* what lies behind it is nothing */
	return 0;
}

static long read_str_locked(struct skep_system *sys, struct bpf_run *run, char *dst, u64 src,
			    u32 size)
{
	struct world *w = sys->world;
	struct wobj *o = world_at(w, src);
	u32 off, n = 0;

	if (!o || src - o->addr >= o->type->size)
		return -EFAULT;
	off = (u32)(src - o->addr);
	world_enter(w, run);
	for (; n < size - 1 && off + n < o->type->size; n++) {
		if (!o->type->opaque) {
			fill(w, o, off + n, off + n + 1);
			if (!is_valid(o, off + n)) {
				if (!n) {
					note(w, run, o, off);
					return -EFAULT;
				}
				break;
			}
		}
		dst[n] = (char)wdata(o)[off + n];
		if (!dst[n])
			break;
	}
	dst[n] = 0;
	return n + 1;
}

static int world_read(struct skep_system *sys, struct bpf_run *run, void *dst, u64 src, u32 size)
{
	int err;

	relock_take(&sys->world_lock);
	err = sys->world ? read_locked(sys, run, dst, src, size) : -EFAULT;
	relock_give(&sys->world_lock);
	return err;
}

static long world_read_str(struct skep_system *sys, struct bpf_run *run, char *dst, u64 src,
			   u32 size)
{
	long n;

	relock_take(&sys->world_lock);
	n = sys->world ? read_str_locked(sys, run, dst, src, size) : -EFAULT;
	relock_give(&sys->world_lock);
	return n;
}

/* ---- temporary objects ---- */

static struct wobj *temp_new(struct task *t, struct world_type *type)
{
	struct world *w = world_of(t->sys);
	struct wobj *owner = w ? world_task_obj(w, t) : NULL, *o;

	if (!owner || !type)
		return NULL;
	o = obj_new(w, type);
	if (!o)
		return NULL;
	o->state = WOBJ_TEMP;
	o->next_temp = wtask(owner)->temps;
	wtask(owner)->temps = o;
	return o;
}

void world_promote(struct world *w, struct wtask *p, struct wobj *o, u64 k0, u64 k1)
{
	struct wobj **at = &p->temps;

	while (*at && *at != o)
		at = &(*at)->next_temp;
	if (!*at)
		return;
	*at = o->next_temp;
	o->state = WOBJ_LRU;
	list_add(&o->type->lru, o);
	world_rekey(w, o, k0, k1);
}

u64 world_temp(struct task *t, const char *type)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *o = w ? temp_new(t, layout_type(w, type)) : NULL;

	return o ? o->addr : 0;
}

u64 world_temp_bytes(struct task *t, const void *bytes, u32 size)
{
	WORLD_HOLD(t->sys);
	struct world *w = world_of(t->sys);
	struct wobj *o = w ? temp_new(t, bytes_type(w, size)) : NULL;

	if (!o)
		return 0;
	set_bytes(o, bytes, size);
	return o->addr;
}

void world_call_end(struct task *t)
{
	WORLD_HOLD(t->sys);
	struct world *w = t->sys->world;
	struct wobj *owner = w && t->kernel_task ? world_at(w, t->kernel_task) : NULL, *o;

	if (!owner || !owner->priv)
		return;
	while ((o = wtask(owner)->temps)) {
		wtask(owner)->temps = o->next_temp;
		if (o->state == WOBJ_TEMP)
			world_kill(w, o);
	}
}

static struct wobj *set_at(struct skep_system *sys, u64 object, const char *field,
			   struct world_place *at)
{
	struct world *w = sys->world;
	struct wobj *o = w ? world_at(w, object) : NULL;
	const struct world_place *p;

	if (!o || o->state == WOBJ_FREE || o->addr != object)
		return NULL;
	p = layout_name(w, o->type, field);
	if (!p)
		return NULL;
	*at = *p;
	return o;
}

void world_set(struct skep_system *sys, u64 object, const char *field, u64 value)
{
	WORLD_HOLD(sys);
	struct world_place at;
	struct wobj *o = set_at(sys, object, field, &at);

	if (o)
		place_put(o, &at, value);
}

void world_set_bytes(struct skep_system *sys, u64 object, const char *field, const void *bytes,
		     u32 size)
{
	WORLD_HOLD(sys);
	struct world_place at;
	struct wobj *o = set_at(sys, object, field, &at);

	if (!o || at.off + at.size > o->type->size)
		return;
	size = min_t(u32, size, at.size ? at.size : o->type->size - at.off);
	memcpy(wdata(o) + at.off, bytes, size);
	make_valid(o, at.off, size);
}

u64 world_field(struct skep_system *sys, u64 object, const char *field)
{
	WORLD_HOLD(sys);
	struct world_place at;
	struct wobj *o = set_at(sys, object, field, &at);

	return o ? object + at.off : 0;
}

/* ---- objects that are made up ---- */

struct wobj *world_made_up(struct world *w, const char *type, u64 key)
{
	struct world_type *t = layout_plain(w, type);
	u64 tid = (u64)syscall(SYS_gettid);

	if (!t || !t->btf_id)
		return NULL;
	world_kill(w, find(w, t, key, tid));
	return obj_of(w, t, key, tid, NULL);
}

struct wobj *world_reused(struct world *w, const char *type, u64 key)
{
	struct world_type *t = layout_plain(w, type);

	return t && t->btf_id ? obj_of(w, t, key, (u64)syscall(SYS_gettid), NULL) : NULL;
}

u64 world_get_field(struct world *w, struct bpf_run *run, u64 object, const char *field)
{
	struct world_place at;
	u64 v = 0;

	if (!set_at(w->sys, object, field, &at) || !at.size || at.size > 8 ||
	    w->sys->read_world(w->sys, run, &v, object + at.off, at.size))
		return 0;
	return at.bits ? v >> at.shift & ((1ULL << at.bits) - 1) : v;
}

int world_put(struct world *w, u64 object, const char *field, const void *bytes, u32 size)
{
	struct world_place at;
	struct wobj *o = set_at(w->sys, object, field, &at);
	u64 v = 0;

	if (!o || !at.size)
		return -ENOENT;
	if (at.size > 8) {
		world_set_bytes(w->sys, object, field, bytes, size);
		return 0;
	}
	memcpy(&v, bytes, min_t(u32, size, 8));
	place_put(o, &at, v);
	return 0;
}

/* ---- start, end, report ---- */

void world_report(struct skep_system *sys, void (*emit)(void *arg, const char *line), void *arg)
{
	struct world *w = sys->world;
	struct world_note *n, *prev = NULL, *next;
	char line[256];

	if (!w)
		return;
	for (n = w->notes; n; n = next) { /* in the order of first reads */
		next = n->next;
		n->next = prev;
		prev = n;
	}
	for (n = prev; n; n = n->next) {
		snprintf(line, sizeof(line), "%s: read %llu time%s by %s", n->what ? n->what : "?",
			 (unsigned long long)n->times, n->times == 1 ? "" : "s", n->prog);
		emit(arg, line);
	}
	for (n = prev, prev = NULL; n; n = next) {
		next = n->next;
		n->next = prev;
		prev = n;
	}
	w->notes = prev;
}

int world_start(struct skep_system *sys)
{
	struct object_btf *btf = system_vmlinux(sys);
	struct timespec mono, boot;
	struct world *w;
	int err = -ENOMEM;

	if (sys->world)
		return 0;
	if (!btf)
		return -ENODATA;
	w = mem_zalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->sys = sys;
	w->btf = btf->btf;
	w->base = (u64)(uintptr_t)sys->arena + ARENA_WORLD + WORLD_GAP;
	w->end = (u64)(uintptr_t)sys->arena + ARENA_OBJECTS;
	w->max_slabs = (u32)((w->end - w->base) / SLAB_SIZE);
	w->slabs = mem_calloc(w->max_slabs, sizeof(*w->slabs));
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	w->boot_ns =
		(u64)((boot.tv_sec - mono.tv_sec) * 1000000000LL + boot.tv_nsec - mono.tv_nsec);
	if (w->slabs)
		err = layout_start(w);
	sys->world = w;
	if (err)
		world_stop(sys);
	return err;
}

void world_attach(struct skep_system *sys)
{
	sys->read_world = world_read;
	sys->read_world_str = world_read_str;
	sys->world_call = world_call;
}

struct world *world_of(struct skep_system *sys)
{
	if (unlikely(!sys->world))
		world_start(sys);
	return sys->world;
}

void world_stop(struct skep_system *sys)
{
	struct world *w = sys->world;

	if (!w)
		return;
	sys->world = NULL;
	w->stopping = true;
	mem_free(w->net_text.text);
	for (u32 i = 0; i < w->nr_slabs; i++) {
		struct slab *s = w->slabs[i];

		if (i && w->slabs[i - 1] == s)
			continue;
		for (u32 k = 0; k < s->nr; k++) {
			obj_clean(w, s->objs[k]);
			mem_free(s->objs[k]);
		}
	}
	for (u32 i = w->nr_slabs; i-- > 0;) {
		struct slab *s = w->slabs[i];

		if (i && w->slabs[i - 1] == s)
			continue;
		mem_free(s->objs);
		mem_free(s);
	}
	if (w->nr_slabs) {
		u64 size = w->nr_slabs * SLAB_SIZE;

		madvise((void *)(uintptr_t)w->base, size, MADV_DONTNEED);
		mprotect((void *)(uintptr_t)w->base, size, PROT_READ);
	}
	while (w->notes) {
		struct world_note *n = w->notes;

		w->notes = n->next;
		mem_free(n->what);
		mem_free(n);
	}
	for (u32 i = 0; i < ARRAY_SIZE(w->bytes); i++)
		mem_free(w->bytes[i]);
	mounts_free(w);
	sk_lookups_stop(w);
	mem_free(w->cgroup_mount);
	layout_stop(w);
	mem_free(w->slabs);
	mem_free(w);
}
