/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Rendering is libbpf's btf_dump, one line per value; what has no BTF is shown in
 * hex, and says so. Per-CPU values are shown one by one.
 */
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

struct text {
	char *s;
	size_t len, cap;
};

static void text_add(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->cap) {
		size_t cap = (t->cap + n + 64) * 2;
		char *p = realloc(t->s, cap);

		if (!p)
			return;
		t->s = p;
		t->cap = cap;
	}
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = 0;
}

static void collect(void *ctx, const char *fmt, va_list ap)
{
	char buf[512];
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);

	if (n > 0)
		text_add(ctx, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

static void hex_value(struct text *t, const unsigned char *data, size_t size)
{
	char buf[4];

	for (size_t i = 0; i < size && i < 64; i++) {
		snprintf(buf, sizeof(buf), i ? " %02x" : "%02x", data[i]);
		text_add(t, buf, strlen(buf));
	}
	if (size > 64)
		text_add(t, " …", strlen(" …"));
}

/* @data as type @id of @btf; hex when the type is unknown. */
static void typed_value(struct text *t, const struct btf *btf, int id, const void *data,
			size_t size)
{
	LIBBPF_OPTS(btf_dump_type_data_opts, o, .compact = true, .skip_names = true);
	struct btf_dump *d;
	int err = -1;

	t->len = 0;
	if (btf && id > 0) {
		d = btf_dump__new(btf, collect, t, NULL);
		if (d) {
			err = btf_dump__dump_type_data(d, (__u32)id, data, size, &o);
			btf_dump__free(d);
		}
	}
	if (err < 0) {
		t->len = 0;
		hex_value(t, data, size);
	}
}

static cJSON *value_json(const char *text)
{
	char *end;
	double d;

	if (!*text)
		return cJSON_CreateString(text);
	d = strtod(text, &end);
	/* Integers above 2^53 keep all their digits as strings. */
	if (!*end && d < 9007199254740992.0 && d > -9007199254740992.0)
		return cJSON_CreateNumber(d);
	return cJSON_CreateString(text);
}

/* Global variables: one line per variable of the section's DATASEC. */
static void print_globals(const struct cli *cli, const struct bpf_map *map, const struct btf *btf,
			  cJSON *json)
{
	const struct btf_type *sec = btf__type_by_id(btf, bpf_map__btf_value_type_id(map));
	const struct btf_var_secinfo *vi;
	unsigned char *data;
	__u32 zero = 0;
	struct text t = { 0 };

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
		typed_value(&t, btf, (int)var->type, data + vi->offset, vi->size);
		if (json)
			cJSON_AddItemToObject(json, name, value_json(t.s ?: ""));
		else
			printf("  %s = %s\n", name, t.s ?: "");
	}
out:
	free(t.s);
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
	struct text k = { 0 }, v = { 0 };
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
		typed_value(&k, btf, (int)bpf_map__btf_key_type_id(map), key, ksize);
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			typed_value(&v, btf, (int)bpf_map__btf_value_type_id(map),
				    value + (size_t)cpu * stride, vsize);
			if (json) {
				cJSON *e = cJSON_CreateObject();

				cJSON_AddItemToObject(e, "key", value_json(k.s ?: ""));
				if (cpus > 1)
					cJSON_AddNumberToObject(e, "cpu", cpu);
				cJSON_AddItemToObject(e, "value", value_json(v.s ?: ""));
				cJSON_AddItemToArray(json, e);
			} else if (cpus > 1) {
				printf("  [%s] cpu %u: %s\n", k.s ?: "", cpu, v.s ?: "");
			} else {
				printf("  [%s] = %s\n", k.s ?: "", v.s ?: "");
			}
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
	free(k.s);
	free(v.s);
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
