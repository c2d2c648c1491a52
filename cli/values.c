/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values become JSON by their types, and are printed as such, one line each, also for
 * people; what has no BTF is shown in hex, and says so. Per-CPU values are shown one by one.
 */
#include "values.h"

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

/* @size bytes (at most 8) as an integer; of a bit-field @bits from bit @shift. */
static cJSON *int_json(const unsigned char *data, size_t size, unsigned shift, unsigned bits,
		       bool is_signed, bool is_bool)
{
	unsigned long long v = 0;
	unsigned unused;

	if (size > 8)
		return hex_json(data, size); /* __int128 */
	memcpy(&v, data, size);
	unused = 64 - (bits ? bits : (unsigned)size * 8);
	v = v >> shift << unused;
	if (is_signed)
		return number((double)((long long)v >> unused), "%lld",
			      (unsigned long long)((long long)v >> unused));
	v >>= unused;
	return is_bool ? cJSON_CreateBool(v != 0) : number((double)v, "%llu", v);
}

static cJSON *typed_json(const struct btf *btf, int id, const unsigned char *data, size_t size);

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
	size_t end = strnlen((const char *)data, size);
	bool text = elem > 0 && is_char(btf, btf__type_by_id(btf, (__u32)elem));
	cJSON *list;

	for (size_t i = 0; i < end; i++)
		text &= data[i] >= 0x20 && data[i] < 0x7f;
	for (size_t i = end; i < size; i++)
		text &= !data[i];
	if (text) {
		char *copy = strndup((const char *)data, size);
		cJSON *string = cJSON_CreateString(copy ?: "");

		free(copy);
		return string;
	}
	list = cJSON_CreateArray();
	for (__u32 i = 0; each > 0 && i < a->nelems && (i + 1) * (size_t)each <= size; i++)
		cJSON_AddItemToArray(list,
				     typed_json(btf, elem, data + i * (size_t)each, (size_t)each));
	return list;
}

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
			cJSON_AddItemToObject(object, name,
					      typed_json(btf, id, data + bit / 8, (size_t)bytes));
	}
}

/* @data as type @id of @btf; in hex when the type is unknown or does not fit. */
static cJSON *typed_json(const struct btf *btf, int id, const unsigned char *data, size_t size)
{
	const struct btf_type *t;
	cJSON *object;

	id = btf && id > 0 ? btf__resolve_type(btf, (__u32)id) : -1;
	t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	if (!t || btf__resolve_size(btf, (__u32)id) > (long long)size)
		return hex_json(data, size);
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		return int_json(data, t->size, 0, 0, btf_int_encoding(t) & BTF_INT_SIGNED,
				btf_int_encoding(t) & BTF_INT_BOOL);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return int_json(data, t->size, 0, 0, true, false);
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

static void print_value(const struct btf *btf, int id, const void *data, size_t size)
{
	cJSON *j = typed_json(btf, id, data, size);
	char *text =
		cJSON_IsString(j) ? strdup(cJSON_GetStringValue(j)) : cJSON_PrintUnformatted(j);

	fputs(text ?: "", stdout);
	free(text);
	cJSON_Delete(j);
}

/* Global variables: one line per variable of the section's DATASEC. */
static void print_globals(const struct cli *cli, const struct bpf_map *map, const struct btf *btf,
			  cJSON *json)
{
	const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
	const struct btf_var_secinfo *vi;
	unsigned char *data;
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
		if (json) {
			cJSON_AddItemToObject(
				json, name,
				typed_json(btf, (int)var->type, data + vi->offset, vi->size));
			continue;
		}
		printf("  %s = ", name);
		print_value(btf, (int)var->type, data + vi->offset, vi->size);
		putchar('\n');
	}
out:
	free(data);
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

static void print_elements(const struct cli *cli, const struct bpf_map *map, const struct btf *btf,
			   unsigned limit, cJSON *json)
{
	unsigned ksize = bpf_map__key_size(map), vsize = bpf_map__value_size(map), shown = 0,
		 more = 0;
	unsigned cpus = per_cpu(bpf_map__type(map)) ? (unsigned)libbpf_num_possible_cpus() : 1;
	unsigned stride = cpus > 1 ? (vsize + 7) & ~7u : vsize;
	bool array = bpf_map__type(map) == BPF_MAP_TYPE_ARRAY ||
		     bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
	unsigned char *key = calloc(2, ksize + 8), *next = key + ksize + 8;
	unsigned char *value = calloc(cpus, stride + 8);
	int key_id = (int)bpf_map__btf_key_type_id(map),
	    value_id = (int)bpf_map__btf_value_type_id(map);
	int fd = bpf_map__fd(map), err;

	if (!key || !value)
		goto out;
	for (err = bpf_map_get_next_key(fd, NULL, next); !err;
	     err = bpf_map_get_next_key(fd, key, next)) {
		memcpy(key, next, ksize);
		if (bpf_map_lookup_elem(fd, key, value))
			continue;
		if (array && all_zero(value, (size_t)stride * cpus))
			continue; /* untouched elements of an array say nothing */
		if (shown == limit) {
			more++;
			continue;
		}
		shown++;
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			const unsigned char *at = value + (size_t)cpu * stride;

			if (json) {
				cJSON *e = cJSON_CreateObject();

				cJSON_AddItemToObject(e, "key",
						      typed_json(btf, key_id, key, ksize));
				if (cpus > 1)
					cJSON_AddNumberToObject(e, "cpu", cpu);
				cJSON_AddItemToObject(e, "value",
						      typed_json(btf, value_id, at, vsize));
				cJSON_AddItemToArray(json, e);
				continue;
			}
			printf("  [");
			print_value(btf, key_id, key, ksize);
			if (cpus > 1)
				printf("] cpu %u: ", cpu);
			else
				printf("] = ");
			print_value(btf, value_id, at, vsize);
			putchar('\n');
		}
	}
	if (!json && !shown)
		printf("  (empty)\n");
	if (!json && more)
		printf("  … and %u more\n", more);
	if (!json && shown && !bpf_map__btf_value_type_id(map))
		printf("  (in hex: the map's definition gives no type for its value)\n");
out:
	free(key);
	free(value);
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
		else if (internal)
			printf("%svariables%s\n", cli_bold(cli), cli_plain(cli));
		else
			printf("%smap %s%s\n", cli_bold(cli), name, cli_plain(cli));
		if (internal)
			print_globals(cli, map, btf, part);
		else
			print_elements(cli, map, btf, limit, part);
	}
}
