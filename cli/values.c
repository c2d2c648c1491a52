/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values become JSON by their types, and are printed as such, one line each, also for
 * people; what has no BTF is shown in hex, and says so. Per-CPU values are shown one by one.
 */
#include "values.h"
#include "hist.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

static cJSON *number(double exact, const char *fmt, unsigned long long v)
{
	char text[32];

	/* Integers above 2^53 keep all their digits as strings. */
	if (exact < 9007199254740992.0 && exact > -9007199254740992.0)
		return cJSON_CreateNumber(exact);
	snprintf(text, sizeof(text), fmt, v);
	return cJSON_CreateString(text);
}

static cJSON *hex_json(const unsigned char *data, size_t size)
{
	char text[3 * 64 + 8] = "";
	size_t n = 0;

	for (size_t i = 0; i < size && i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, i ? " %02x" : "%02x", data[i]);
	if (size > 64)
		snprintf(text + n, sizeof(text) - n, " …");
	return cJSON_CreateString(text);
}

/* An __int128, in decimal. */
static cJSON *wide_json(const unsigned char *data, bool is_signed)
{
	unsigned __int128 v;
	bool negative;
	char text[48], *p = text + sizeof(text) - 1;

	memcpy(&v, data, sizeof(v));
	negative = is_signed && v >> 127;
	if (negative)
		v = -v;
	*p = 0;
	do
		*--p = (char)('0' + (int)(v % 10));
	while (v /= 10);
	if (negative)
		*--p = '-';
	return strlen(p) > 15 ? cJSON_CreateString(p) : cJSON_CreateRaw(p);
}

static cJSON *float_json(const unsigned char *data, size_t size)
{
	double wide;
	float narrow;

	if (size == sizeof(wide))
		memcpy(&wide, data, size);
	else if (size == sizeof(narrow))
		memcpy(&narrow, data, size), wide = (double)narrow;
	else
		return hex_json(data, size);
	return cJSON_CreateNumber(wide);
}

/* @size bytes (at most 8, or 16) as an integer; of a bit-field @bits from bit @shift. */
static cJSON *int_json(const unsigned char *data, size_t size, unsigned shift, unsigned bits,
		       bool is_signed, bool is_bool)
{
	unsigned long long v = 0;
	unsigned unused;

	if (size > 8)
		return size == 16 ? wide_json(data, is_signed) : hex_json(data, size);
	memcpy(&v, data, size);
	unused = 64 - (bits ? bits : (unsigned)size * 8);
	v = v >> shift << unused;
	if (is_signed)
		return number((double)((long long)v >> unused), "%lld",
			      (unsigned long long)((long long)v >> unused));
	v >>= unused;
	return is_bool ? cJSON_CreateBool(v != 0) : number((double)v, "%llu", v);
}

static bool is_char(const struct btf *btf, const struct btf_type *t)
{
	return btf_is_int(t) && t->size == 1 &&
	       !strcmp(btf__name_by_offset(btf, t->name_off), "char");
}

static cJSON *array_json(const struct btf *btf, const struct btf_type *t, const unsigned char *data,
			 size_t size)
{
	const struct btf_array *a = btf_array(t);
	int elem = btf__resolve_type(btf, a->type);
	long long each = elem < 0 ? -1 : btf__resolve_size(btf, (__u32)elem);
	cJSON *list;

	/* Characters are text up to the first NUL; what is behind it says nothing. */
	if (elem > 0 && is_char(btf, btf__type_by_id(btf, (__u32)elem)))
		return text_json((const char *)data, strnlen((const char *)data, size));
	list = cJSON_CreateArray();
	for (__u32 i = 0;
	     each > 0 && (i < a->nelems || !a->nelems) && (i + 1) * (size_t)each <= size; i++)
		cJSON_AddItemToArray(list,
				     value_json(btf, elem, data + i * (size_t)each, (size_t)each));
	return list;
}

/*
 * Members that lie within @size. An array at the end that goes beyond, as flexible ones
 * and long texts of records do, is shown as far as it goes.
 */
static void add_members(cJSON *object, const struct btf *btf, const struct btf_type *t,
			const unsigned char *data, size_t size)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *name = btf__name_by_offset(btf, m->name_off);
		__u32 bit = btf_member_bit_offset(t, (__u32)i);
		__u32 bits = btf_member_bitfield_size(t, (__u32)i);
		int id = btf__resolve_type(btf, m->type);
		const struct btf_type *mt = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
		long long bytes = id > 0 ? btf__resolve_size(btf, (__u32)id) : -1;

		if (mt && btf_is_array(mt) && !bits && bit / 8 < size &&
		    (!btf_array(mt)->nelems || bit / 8 + (size_t)bytes > size))
			bytes = (long long)(size - bit / 8);
		if (!mt || bytes < 0 ||
		    bit / 8 + (bits ? (bit % 8 + bits + 7) / 8 : (size_t)bytes) > size)
			continue;
		if (bits)
			cJSON_AddItemToObject(
				object, name,
				int_json(data + bit / 8, (bit % 8 + bits + 7) / 8, bit % 8, bits,
					 btf_is_int(mt) && btf_int_encoding(mt) & BTF_INT_SIGNED,
					 false));
		else if (!*name &&
			 btf_is_composite(mt)) /* members of an unnamed one belong to this one */
			add_members(object, btf, mt, data + bit / 8, (size_t)bytes);
		else
			cJSON_AddItemToObject(
				object, name,
				btf_is_array(mt) ?
					array_json(btf, mt, data + bit / 8, (size_t)bytes) :
					value_json(btf, id, data + bit / 8, (size_t)bytes));
	}
}

/* The variables of a section, as global data is kept in maps. */
static cJSON *section_json(const struct btf *btf, const struct btf_type *t,
			   const unsigned char *data, size_t size)
{
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	cJSON *object = cJSON_CreateObject();

	for (int i = 0; i < btf_vlen(t); i++, v++) {
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (var && btf_is_var(var) && v->offset <= size && v->size <= size - v->offset)
			cJSON_AddItemToObject(
				object, btf__name_by_offset(btf, var->name_off),
				value_json(btf, (int)var->type, data + v->offset, v->size));
	}
	return object;
}

cJSON *record_json(const struct btf *btf, int id, const void *data, size_t size)
{
	const struct btf_type *t;
	cJSON *object;

	id = btf__resolve_type(btf, (__u32)id);
	t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	object = cJSON_CreateObject();
	if (t && btf_is_composite(t))
		add_members(object, btf, t, data, size);
	else
		cJSON_AddItemToObject(object, "value", value_json(btf, id, data, size));
	return object;
}

/* The enumerator's name; the number where none has the value. */
static cJSON *enum_json(const struct btf *btf, const struct btf_type *t, const unsigned char *data)
{
	bool is_signed = btf_kflag(t);
	long long v = 0;

	memcpy(&v, data, t->size);
	if (t->size < 8 && is_signed)
		v = (long long)((unsigned long long)v << (64 - t->size * 8)) >> (64 - t->size * 8);
	for (int i = 0; i < btf_vlen(t); i++) {
		if (btf_is_enum64(t) ? (long long)btf_enum64_value(btf_enum64(t) + i) == v :
				       (unsigned)btf_enum(t)[i].val == (unsigned)v)
			return cJSON_CreateString(btf__name_by_offset(
				btf, btf_is_enum64(t) ? btf_enum64(t)[i].name_off :
							btf_enum(t)[i].name_off));
	}
	return is_signed ? number((double)v, "%lld", (unsigned long long)v) :
			   number((double)(unsigned long long)v, "%llu", (unsigned long long)v);
}

cJSON *value_json(const struct btf *btf, int id, const void *bytes, size_t size)
{
	const unsigned char *data = bytes;
	const struct btf_type *t;
	unsigned long long address;
	char text[24];
	cJSON *object;

	t = btf && id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	if (t && btf_is_datasec(t))
		return section_json(btf, t, data, size);
	id = btf && id > 0 ? btf__resolve_type(btf, (__u32)id) : -1;
	t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	if (!t || btf__resolve_size(btf, (__u32)id) > (long long)size)
		return hex_json(data, size);
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return int_json(data, t->size, 0, 0, btf_int_encoding(t) & BTF_INT_SIGNED,
				btf_int_encoding(t) & BTF_INT_BOOL);
	case BTF_KIND_FLOAT:
		return float_json(data, t->size);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return enum_json(btf, t, data);
	case BTF_KIND_PTR:
		memcpy(&address, data, sizeof(address));
		snprintf(text, sizeof(text), "0x%llx", address);
		return cJSON_CreateString(text);
	case BTF_KIND_ARRAY:
		return array_json(btf, t, data, size);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		object = cJSON_CreateObject();
		add_members(object, btf, t, data, size);
		return object;
	default:
		return hex_json(data, size);
	}
}

static bool per_cpu(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

/* Values that one key has. */
static unsigned copies(const struct bpf_map *map)
{
	int n = per_cpu(bpf_map__type(map)) ? libbpf_num_possible_cpus() : 1;

	return n > 0 ? (unsigned)n : 1;
}

static void print_value(const struct cli *cli, const struct btf *btf, int id, const void *data,
			size_t size)
{
	cJSON *j = value_json(btf, id, data, size);

	text_print(cli->out, j);
	cJSON_Delete(j);
}

/* ---- histograms ---- */

#define HIST_SLOTS_MIN 4

static const struct btf_type *type_of(const struct btf *btf, __u32 id)
{
	int resolved = btf ? btf__resolve_type(btf, id) : -1;

	return resolved > 0 ? btf__type_by_id(btf, (__u32)resolved) : NULL;
}

static bool is_counter(const struct btf_type *t)
{
	return t && btf_is_int(t) && (t->size == 4 || t->size == 8);
}

/* Of an array with that name: what its slots mean. */
static enum hist_kind slots_kind(const struct btf *btf, const struct btf_type *t, const char *name)
{
	if (!t || !btf_is_array(t) || btf_array(t)->nelems < HIST_SLOTS_MIN ||
	    !is_counter(type_of(btf, btf_array(t)->type)))
		return HIST_NONE;
	return hist_kind_of(name);
}

static void draw_slots(const struct cli *cli, const struct btf *btf, const struct btf_type *t,
		       enum hist_kind kind, const unsigned char *data)
{
	size_t n = btf_array(t)->nelems, each = type_of(btf, btf_array(t)->type)->size;
	uint64_t *slots = calloc(n, sizeof(*slots));

	for (size_t i = 0; slots && i < n; i++)
		memcpy(&slots[i], data + i * each, each);
	if (slots)
		hist_draw(cli->out, "    ", kind, slots, n);
	free(slots);
}

/* The member of struct @t that is a histogram; NULL: none. */
static const struct btf_member *hist_member(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_member *m = t && btf_is_struct(t) ? btf_members(t) : NULL;

	for (int i = 0; m && i < btf_vlen(t); i++, m++)
		if (slots_kind(btf, type_of(btf, m->type), btf__name_by_offset(btf, m->name_off)))
			return m;
	return NULL;
}

static void draw_struct(const struct cli *cli, const struct btf *btf, int id,
			const unsigned char *data, size_t size)
{
	const struct btf_type *t = type_of(btf, (__u32)id);
	const struct btf_member *m = hist_member(btf, t);
	const char *name = btf__name_by_offset(btf, m->name_off);
	cJSON *rest = value_json(btf, id, data, size);

	cJSON_DeleteItemFromObjectCaseSensitive(rest, name);
	if (cJSON_GetArraySize(rest))
		text_print(cli->out, rest);
	putc('\n', cli->out);
	cJSON_Delete(rest);
	t = type_of(btf, m->type);
	draw_slots(cli, btf, t, slots_kind(btf, t, name), data + m->offset / 8);
}

/* "LABEL = VALUE" and a newline, with histograms drawn. */
static void print_labelled(const struct cli *cli, const struct btf *btf, const char *label,
			   const char *name, int id, const unsigned char *data, size_t size)
{
	const struct btf_type *t = type_of(btf, id > 0 ? (__u32)id : 0), *elem;
	enum hist_kind kind = slots_kind(btf, t, name);

	if (t && size < (size_t)btf__resolve_size(btf, (__u32)id))
		t = NULL;
	if (t && kind) {
		fprintf(cli->out, "  %s\n", label);
		draw_slots(cli, btf, t, kind, data);
		return;
	}
	if (hist_member(btf, t)) {
		fprintf(cli->out, "  %s = ", label);
		draw_struct(cli, btf, id, data, size);
		return;
	}
	elem = t && btf_is_array(t) ? type_of(btf, btf_array(t)->type) : NULL;
	if (hist_member(btf, elem)) {
		for (__u32 i = 0; i < btf_array(t)->nelems; i++) {
			const unsigned char *at = data + (size_t)i * elem->size;

			if (all_zero(at, elem->size))
				continue;
			fprintf(cli->out, "  %s[%u] = ", label, i);
			draw_struct(cli, btf, (int)btf_array(t)->type, at, elem->size);
		}
		return;
	}
	fprintf(cli->out, "  %s = ", label);
	print_value(cli, btf, id, data, size);
	putc('\n', cli->out);
}

/* A map that is one histogram: an array of counters with such a name. */
static enum hist_kind map_kind(const struct bpf_map *map, const struct btf *btf)
{
	const struct btf_type *t = type_of(btf, bpf_map__btf_value_type_id(map));

	if ((bpf_map__type(map) != BPF_MAP_TYPE_ARRAY &&
	     bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY) ||
	    !is_counter(t) || bpf_map__max_entries(map) < HIST_SLOTS_MIN)
		return HIST_NONE;
	return hist_kind_of(bpf_map__name(map));
}

static void draw_map(const struct cli *cli, const struct bpf_map *map, enum hist_kind kind)
{
	unsigned n = bpf_map__max_entries(map), cpus = copies(map),
		 vsize = bpf_map__value_size(map);
	unsigned char *value = calloc(cpus, 8);
	uint64_t *slots = calloc(n, sizeof(*slots)), one;

	for (__u32 i = 0; value && slots && i < n; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, value))
			continue;
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			one = 0;
			memcpy(&one, value + 8 * cpu, vsize);
			slots[i] += one;
		}
	}
	if (value && slots)
		hist_draw(cli->out, "    ", kind, slots, n);
	free(value);
	free(slots);
}

static bool is_pointer(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = type_of(btf, id);

	return t && btf_is_ptr(t);
}

/* Global variables: one line per variable of the section's DATASEC. */
static void print_globals(const struct cli *cli, const struct bpf_map *map, const struct btf *btf,
			  cJSON *json)
{
	const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
	const struct btf_var_secinfo *vi;
	unsigned char *data;
	bool any = false;
	__u32 zero = 0;

	if (!sec || !btf_is_datasec(sec))
		return;
	data = calloc(1, bpf_map__value_size(map));
	if (!data || bpf_map_lookup_elem(bpf_map__fd(map), &zero, data))
		goto out;
	vi = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec); i++, vi++) {
		const struct btf_type *var = btf__type_by_id(btf, vi->type);
		const char *name = btf__name_by_offset(btf, var->name_off);

		if (!btf_is_var(var) || vi->offset + vi->size > bpf_map__value_size(map) ||
		    btf_var(var)->linkage == BTF_VAR_STATIC)
			continue;
		if (is_pointer(btf, var->type) && all_zero(data + vi->offset, vi->size))
			continue; /* only there to name a type, as in "struct event *unused" */
		if (json) {
			cJSON_AddItemToObject(
				json, name,
				value_json(btf, (int)var->type, data + vi->offset, vi->size));
			continue;
		}
		if (!any)
			fprintf(cli->out, "%svariables%s\n", cli_bold(cli), cli_plain(cli));
		any = true;
		print_labelled(cli, btf, name, name, (int)var->type, data + vi->offset, vi->size);
	}
out:
	free(data);
}

/* What a map holds, read at one go: lookups in a map that changes may miss elements. */
struct elements {
	const struct bpf_map *map;
	const struct btf *btf;
	int key_id, value_id;
	unsigned ksize, vsize, cpus, stride, count, room;
	size_t each; /* bytes of an element here: key, then values */
	unsigned char *data;
};

static bool add_element(struct elements *e, const void *key, const void *value)
{
	unsigned char *at;

	if (e->count == e->room) {
		unsigned room = e->room ? 2 * e->room : 64;

		at = reallocarray(e->data, room, e->each);
		if (!at)
			return false;
		e->data = at;
		e->room = room;
	}
	at = e->data + e->count++ * e->each;
	memcpy(at, key, e->ksize);
	memcpy(at + e->each - (size_t)e->stride * e->cpus, value, (size_t)e->stride * e->cpus);
	return true;
}

static int read_elements(struct elements *e)
{
	enum bpf_map_type type = bpf_map__type(e->map);
	bool array = type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
	unsigned char *key = calloc(2, e->ksize + 8), *next = key + e->ksize + 8;
	unsigned char *value = calloc(e->cpus, e->stride + 8);
	int fd = bpf_map__fd(e->map), err = key && value ? 0 : -ENOMEM;
	/* A key that vanishes between two calls makes the walk begin anew: not for ever. */
	unsigned long long steps = 4ULL * bpf_map__max_entries(e->map) + 64;

	for (err = err ?: bpf_map_get_next_key(fd, NULL, next); !err && steps--;
	     err = bpf_map_get_next_key(fd, key, next)) {
		memcpy(key, next, e->ksize);
		if (bpf_map_lookup_elem(fd, key, value))
			continue;
		if (array && all_zero(value, (size_t)e->stride * e->cpus))
			continue; /* untouched elements of an array say nothing */
		if (!add_element(e, key, value)) {
			err = -ENOMEM;
			break;
		}
	}
	free(key);
	free(value);
	return err == -ENOENT ? 0 : err;
}

/* An integer value as a number to sort by; per-CPU values are added up. */
static long long weight(const struct elements *e, const unsigned char *element)
{
	const unsigned char *at = element + e->each - (size_t)e->stride * e->cpus;
	long long sum = 0;

	for (unsigned cpu = 0; cpu < e->cpus; cpu++, at += e->stride) {
		long long v = 0;

		memcpy(&v, at, e->vsize);
		sum += v;
	}
	return sum;
}

static int heavier(const void *a, const void *b, void *arg)
{
	long long x = weight(arg, a), y = weight(arg, b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static void print_elements(const struct cli *cli, struct elements *e, unsigned limit)
{
	bool array = bpf_map__type(e->map) == BPF_MAP_TYPE_ARRAY ||
		     bpf_map__type(e->map) == BPF_MAP_TYPE_PERCPU_ARRAY;
	char *label;
	size_t len;

	if (!array && is_counter(type_of(e->btf, e->value_id > 0 ? (__u32)e->value_id : 0)))
		qsort_r(e->data, e->count, e->each, heavier, e);
	for (unsigned i = 0; i < e->count && i < limit; i++) {
		const unsigned char *key = e->data + i * e->each;
		const unsigned char *value = key + e->each - (size_t)e->stride * e->cpus;
		cJSON *k = value_json(e->btf, e->key_id, key, e->ksize);

		for (unsigned cpu = 0; cpu < e->cpus; cpu++) {
			FILE *f = open_memstream(&label, &len);

			if (!f)
				break;
			putc('[', f);
			text_print(f, k);
			putc(']', f);
			if (e->cpus > 1)
				fprintf(f, " cpu %u", cpu);
			fclose(f);
			print_labelled(cli, e->btf, label, bpf_map__name(e->map), e->value_id,
				       value + (size_t)cpu * e->stride, e->vsize);
			free(label);
		}
		cJSON_Delete(k);
	}
	if (!e->count)
		fputs("  (empty)\n", cli->out);
	if (e->count > limit)
		fprintf(cli->out, "  … and %u more\n", e->count - limit);
	if (e->count && !bpf_map__btf_value_type_id(e->map))
		fputs("  (in hex: the map's definition gives no type for its value)\n", cli->out);
}

static void add_elements(const struct elements *e, cJSON *json)
{
	for (unsigned i = 0; i < e->count; i++) {
		const unsigned char *key = e->data + i * e->each;
		const unsigned char *value = key + e->each - (size_t)e->stride * e->cpus;

		for (unsigned cpu = 0; cpu < e->cpus; cpu++) {
			cJSON *element = cJSON_CreateObject();

			cJSON_AddItemToObject(element, "key",
					      value_json(e->btf, e->key_id, key, e->ksize));
			if (e->cpus > 1)
				cJSON_AddNumberToObject(element, "cpu", cpu);
			cJSON_AddItemToObject(element, "value",
					      value_json(e->btf, e->value_id,
							 value + (size_t)cpu * e->stride,
							 e->vsize));
			cJSON_AddItemToArray(json, element);
		}
	}
}

static void print_map(const struct cli *cli, const struct bpf_map *map, const struct btf *btf,
		      unsigned limit, cJSON *json)
{
	struct elements e = { .map = map,
			      .btf = btf,
			      .key_id = (int)bpf_map__btf_key_type_id(map),
			      .value_id = (int)bpf_map__btf_value_type_id(map),
			      .ksize = bpf_map__key_size(map),
			      .vsize = bpf_map__value_size(map),
			      .cpus = copies(map) };
	enum hist_kind kind = map_kind(map, btf);
	int err;

	if (kind && !json) {
		draw_map(cli, map, kind);
		return;
	}
	e.stride = per_cpu(bpf_map__type(map)) ? (e.vsize + 7) & ~7u : e.vsize;
	e.each = ((e.ksize + 7) & ~7u) + (size_t)e.stride * e.cpus;
	err = read_elements(&e);
	if (err)
		cli_error(cli, "map %s: cannot be read to its end: %s", bpf_map__name(map),
			  strerror(-err));
	if (json)
		add_elements(&e, json);
	else
		print_elements(cli, &e, limit);
	free(e.data);
}

static bool holds_data(enum bpf_map_type type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return true;
	default:
		return false;
	}
}

void values_print(const struct cli *cli, struct bpf_object *obj, unsigned limit, cJSON *json)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		const char *name = bpf_map__name(map);
		bool internal = bpf_map__is_internal(map);
		cJSON *part = NULL;

		if (bpf_map__fd(map) < 0 || !holds_data(bpf_map__type(map)))
			continue;
		/* Constants were the program's to begin with; .rodata also holds format strings. */
		if (internal && (strstr(name, ".rodata") || strstr(name, ".kconfig") || !btf))
			continue;
		if (json)
			part = internal ? cJSON_AddObjectToObject(json, name) :
					  cJSON_AddArrayToObject(json, name);
		else if (!internal)
			fprintf(cli->out, "%smap %s%s\n", cli_bold(cli), name, cli_plain(cli));
		if (internal)
			print_globals(cli, map, btf, part);
		else
			print_map(cli, map, btf, limit, part);
	}
}
