/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep map: maps by id, name or pin; their elements by the types of keys and values. */
#include "cli.h"
#include "encode.h"
#include "hist.h"
#include "instance.h"
#include "text.h"
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

struct map {
	int fd;
	struct bpf_map_info info;
	struct btf *btf; /* NULL: see .why_hex */
	const char *why_hex;
	unsigned values; /* of one element: a value for each CPU, or 1 */
	size_t stride;
};

static bool is_percpu(unsigned type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static bool is_indexed(unsigned type)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
		return true;
	default:
		return false;
	}
}

static const char *type_name(unsigned type)
{
	const char *name = libbpf_bpf_map_type_str(type);

	return name ? name : "unknown";
}

static void map_close(struct map *m)
{
	btf__free(m->btf);
	if (m->fd >= 0)
		close(m->fd);
}

/* Takes @fd over. 0 or -errno. */
static int map_open(struct map *m, int fd)
{
	__u32 len = sizeof(m->info);

	memset(m, 0, sizeof(*m));
	m->fd = fd;
	if (bpf_obj_get_info_by_fd(fd, &m->info, &len))
		return -errno;
	m->values = is_percpu(m->info.type) ? (unsigned)libbpf_num_possible_cpus() : 1;
	m->stride = m->values > 1 ? (m->info.value_size + 7) / 8 * 8 : m->info.value_size;
	if (m->info.btf_id)
		m->btf = btf__load_from_kernel_by_id(m->info.btf_id);
	if (m->btf && !m->info.btf_value_type_id)
		m->why_hex = "its BTF says nothing of the values";
	else if (!m->btf && m->info.btf_id)
		m->why_hex = "its BTF cannot be read";
	else if (!m->btf)
		m->why_hex = "it was created without BTF (types)";
	return 0;
}

/* The map that @what names: an id, the path of a pin, or a name that one map has. */
static int map_find(const struct cli *cli, const char *what, struct map *m)
{
	int fd = -1, found = -1, err;
	char *end;
	__u32 id = (__u32)strtoul(what, &end, 10);

	m->fd = -1;
	m->btf = NULL;
	if (*what && !*end) {
		fd = bpf_map_get_fd_by_id(id);
	} else if (strchr(what, '/')) {
		fd = bpf_obj_get(what);
	} else {
		for (id = 0; !bpf_map_get_next_id(id, &id);) {
			struct bpf_map_info info = { 0 };
			__u32 len = sizeof(info);

			fd = bpf_map_get_fd_by_id(id);
			if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
			    !strncmp(info.name, what, sizeof(info.name) - 1)) {
				if (found >= 0) {
					close(fd);
					close(found);
					return cli_error(
						cli,
						"several maps are called %s: name one by its "
						"id (skep map list)",
						what);
				}
				found = fd;
			} else if (fd >= 0) {
				close(fd);
			}
		}
		fd = found;
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT)
		return cli_error(
			cli, "there is no map %s here: skep map lists those that there are", what);
	if (fd < 0)
		return cli_error(cli, "map %s: %s", what, strerror(errno));
	err = map_open(m, fd);
	return err ? cli_error(cli, "map %s: %s", what, strerror(-err)) : EXIT_DONE;
}

/* ---- showing ---- */

static cJSON *info_json(const struct map *m)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddNumberToObject(j, "id", m->info.id);
	cJSON_AddStringToObject(j, "name", m->info.name);
	cJSON_AddStringToObject(j, "type", type_name(m->info.type));
	cJSON_AddNumberToObject(j, "key_size", m->info.key_size);
	cJSON_AddNumberToObject(j, "value_size", m->info.value_size);
	cJSON_AddNumberToObject(j, "max_entries", m->info.max_entries);
	cJSON_AddNumberToObject(j, "flags", m->info.map_flags);
	if (m->info.btf_id)
		cJSON_AddNumberToObject(j, "btf_id", m->info.btf_id);
	if (m->why_hex)
		cJSON_AddStringToObject(j, "hex_because", m->why_hex);
	return j;
}

static void print_row(const struct cli *cli, const struct map *m, bool first)
{
	if (first)
		fprintf(cli->out, "%6s  %-16s %-20s %6s %6s %10s  %s\n", "id", "name", "type",
			"key", "value", "entries", "types");
	fprintf(cli->out, "%6u  %-16s %-20s %6u %6u %10u  %s\n", m->info.id, m->info.name,
		type_name(m->info.type), m->info.key_size, m->info.value_size, m->info.max_entries,
		m->btf ? "yes" : "no");
}

static int list(struct cli *cli, const char *where)
{
	cJSON *json = cli->json ? cJSON_CreateArray() : NULL;
	bool any = false;
	struct map m;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0)
			continue; /* it has just ended */
		if (!map_open(&m, fd)) {
			if (json)
				cJSON_AddItemToArray(json, info_json(&m));
			else
				print_row(cli, &m, !any);
			any = true;
		}
		map_close(&m);
	}
	if (errno != ENOENT) {
		cJSON_Delete(json);
		return cli_error(cli, "walking the maps: %s", strerror(errno));
	}
	if (json)
		cli_print_json(cli, json);
	else if (!any)
		fprintf(cli->out, "no maps in %s\n", where);
	return EXIT_DONE;
}

static void print_type(const struct cli *cli, const struct map *m, const char *what, int id)
{
	const struct btf_type *t = m->btf && id ? btf__type_by_id(m->btf, (unsigned)id) : NULL;

	if (t)
		fprintf(cli->out, "  %s type: %s (BTF %u, type %d)\n", what,
			t->name_off ? btf__name_by_offset(m->btf, t->name_off) : "without name",
			m->info.btf_id, id);
}

static int show(struct cli *cli, const struct map *m)
{
	if (cli->json) {
		cli_print_json(cli, info_json(m));
		return EXIT_DONE;
	}
	fprintf(cli->out, "%s%u: %s%s  %s, key %u bytes, value %u bytes, at most %u entries\n",
		cli_bold(cli), m->info.id, *m->info.name ? m->info.name : "(no name)",
		cli_plain(cli), type_name(m->info.type), m->info.key_size, m->info.value_size,
		m->info.max_entries);
	print_type(cli, m, "key", (int)m->info.btf_key_type_id);
	print_type(cli, m, "value", (int)m->info.btf_value_type_id);
	if (m->why_hex)
		fprintf(cli->out, "  elements are shown in hex: %s\n", m->why_hex);
	return EXIT_DONE;
}

static cJSON *key_json(const struct map *m, const void *key)
{
	__u32 index;

	/* That of an array is a number, whatever types there are. */
	if (is_indexed(m->info.type) && !m->info.btf_key_type_id) {
		memcpy(&index, key, sizeof(index));
		return cJSON_CreateNumber(index);
	}
	return value_json(m->btf, (int)m->info.btf_key_type_id, key, m->info.key_size);
}

/* Values that are not the program's: ids of what is in there, addresses of a stack. */
static cJSON *special_json(const struct map *m, const unsigned char *values)
{
	unsigned long long at;
	char text[24];
	cJSON *list;
	__u32 id;

	switch (m->info.type) {
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		memcpy(&id, values, sizeof(id));
		return cJSON_CreateNumber(id);
	case BPF_MAP_TYPE_STACK_TRACE:
		if (m->info.map_flags & BPF_F_STACK_BUILD_ID)
			return NULL;
		list = cJSON_CreateArray();
		for (__u32 i = 0; i + sizeof(at) <= m->info.value_size; i += sizeof(at)) {
			memcpy(&at, values + i, sizeof(at));
			snprintf(text, sizeof(text), "0x%llx", at);
			if (at)
				cJSON_AddItemToArray(list, cJSON_CreateString(text));
		}
		return list;
	default:
		return NULL;
	}
}

static cJSON *values_json(const struct map *m, const unsigned char *values)
{
	cJSON *all = special_json(m, values);

	if (all)
		return all;
	if (m->values == 1)
		return value_json(m->btf, (int)m->info.btf_value_type_id, values,
				  m->info.value_size);
	all = cJSON_CreateArray();
	for (unsigned i = 0; i < m->values; i++)
		cJSON_AddItemToArray(all, value_json(m->btf, (int)m->info.btf_value_type_id,
						     values + i * m->stride, m->info.value_size));
	return all;
}

static void print_element(const struct cli *cli, const struct map *m, const void *key,
			  const unsigned char *values)
{
	cJSON *k = key_json(m, key), *v = values_json(m, values);

	text_print(cli->out, k);
	fputs(": ", cli->out);
	text_print(cli->out, v);
	fputc('\n', cli->out);
	cJSON_Delete(k);
	cJSON_Delete(v);
}

/* ---- histograms ---- */

static uint64_t number_at(const unsigned char *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size < 8 ? size : 8);
	return v;
}

/* A map that is a histogram itself: an array of counters with such a name. */
static bool draw_map(const struct cli *cli, const struct map *m)
{
	enum hist_kind kind = hist_kind_of(m->info.name);
	unsigned char *values;
	uint64_t *slots;
	bool drawn = false;

	if (kind == HIST_NONE || (m->info.value_size != 4 && m->info.value_size != 8) ||
	    (m->info.type != BPF_MAP_TYPE_ARRAY && m->info.type != BPF_MAP_TYPE_PERCPU_ARRAY))
		return false;
	values = calloc(m->values, m->stride);
	slots = calloc(m->info.max_entries, sizeof(*slots));
	for (__u32 i = 0; values && slots && i < m->info.max_entries; i++)
		if (!bpf_map_lookup_elem(m->fd, &i, values))
			for (unsigned c = 0; c < m->values; c++)
				slots[i] += number_at(values + c * m->stride, m->info.value_size);
	if (values && slots) {
		hist_draw(cli->out, "", kind, slots, m->info.max_entries);
		drawn = true;
	}
	free(values);
	free(slots);
	return drawn;
}

/* The sum of a counter over all CPUs. */
static uint64_t counter_at(const struct map *m, const unsigned char *values, size_t off,
			   size_t size)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < m->values; c++)
		sum += number_at(values + c * m->stride + off, size);
	return sum;
}

/*
 * A hash that is a histogram, or several: its counters' keys are slots, or structures whose last member is the
 * slot (as of BCC's BPF_HISTOGRAM) and whose other members say of what.
 */
#define KEYED_SLOTS 1024

struct keyed {
	const struct map *m;
	enum hist_kind kind;
	size_t slot, size; /* of the slot in the key; bytes before it name the histogram */
};

static bool is_keyed(const struct map *m, struct keyed *k)
{
	int id = m->btf ? btf__resolve_type(m->btf, m->info.btf_key_type_id) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(m->btf, (unsigned)id) : NULL;

	*k = (struct keyed){ m, hist_kind_of(m->info.name), 0, m->info.key_size };
	if (k->kind == HIST_NONE || !t || (m->info.value_size != 4 && m->info.value_size != 8) ||
	    (m->info.type != BPF_MAP_TYPE_HASH && m->info.type != BPF_MAP_TYPE_PERCPU_HASH &&
	     m->info.type != BPF_MAP_TYPE_LRU_HASH && m->info.type != BPF_MAP_TYPE_LRU_PERCPU_HASH))
		return false;
	if (btf_is_struct(t) && btf_vlen(t) > 1) {
		const struct btf_member *last = &btf_members(t)[btf_vlen(t) - 1];

		k->slot = btf_member_bit_offset(t, btf_vlen(t) - 1u) / 8;
		if (strcmp(btf__name_by_offset(m->btf, last->name_off), "slot"))
			return false;
		id = btf__resolve_type(m->btf, last->type);
		t = id > 0 ? btf__type_by_id(m->btf, (unsigned)id) : NULL;
		k->size = t ? t->size : 0;
	}
	return t && btf_is_int(t) && (k->size == 4 || k->size == 8) &&
	       k->slot + k->size <= m->info.key_size;
}

struct keyed_row {
	unsigned char *key;
	uint64_t slots[KEYED_SLOTS];
};

/* "{"dev":8,"slot":3}" without the slot. */
static void print_of_what(const struct cli *cli, const struct keyed *k, const void *key)
{
	cJSON *j = key_json(k->m, key);

	cJSON_DeleteItemFromObject(j, "slot");
	text_print(cli->out, j);
	cJSON_Delete(j);
	fputs(":\n", cli->out);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct keyed_row *const *x = a, *const *y = b;
	size_t n = ((const struct keyed *)arg)->slot;
	uint64_t of_x = number_at((*x)->key, n), of_y = number_at((*y)->key, n);

	if (n == 4 || n == 8)
		return (of_x > of_y) - (of_x < of_y);
	return memcmp((*x)->key, (*y)->key, n);
}

/* False: not drawn, since it is none, or has slots beyond what is drawn. */
static bool draw_keyed(const struct cli *cli, const struct map *m)
{
	unsigned char *key = calloc(2, m->info.key_size + 1), *next = key + m->info.key_size + 1;
	unsigned char *values = calloc(m->values, m->stride + 1);
	struct keyed_row **rows = NULL, **grown;
	bool fits = true;
	struct keyed k;
	size_t n = 0, i;
	void *at = NULL;

	fits = is_keyed(m, &k) && key && values;
	while (fits && !bpf_map_get_next_key(m->fd, at, next)) {
		uint64_t slot = number_at(next + k.slot, k.size);

		memcpy(key, next, m->info.key_size);
		at = key;
		if (bpf_map_lookup_elem(m->fd, key, values))
			continue;
		for (i = 0; i < n && memcmp(rows[i]->key, key, k.slot); i++)
			;
		if (i == n) {
			grown = realloc(rows, (n + 1) * sizeof(*rows));
			rows = grown ? grown : rows;
			fits = grown && (rows[n] = calloc(1, sizeof(**rows)));
			if (!fits)
				break;
			rows[n]->key = malloc(m->info.key_size);
			memcpy(rows[n++]->key, key, m->info.key_size);
		}
		fits = slot < KEYED_SLOTS;
		if (fits)
			rows[i]->slots[slot] += counter_at(m, values, 0, m->info.value_size);
	}
	fits = fits && n;
	if (fits)
		qsort_r(rows, n, sizeof(*rows), compare_rows, &k);
	for (i = 0; i < n; i++) {
		if (fits && k.slot)
			print_of_what(cli, &k, rows[i]->key);
		if (fits)
			hist_draw(cli->out, k.slot ? "  " : "", k.kind, rows[i]->slots,
				  KEYED_SLOTS);
		free(rows[i]->key);
		free(rows[i]);
	}
	free(rows);
	free(key);
	free(values);
	return fits;
}

/* Histograms that are members of the value: "slots" of a struct hist. */
static bool draw_members(const struct cli *cli, const struct map *m, const void *key,
			 const unsigned char *value)
{
	int id = m->btf ? btf__resolve_type(m->btf, m->info.btf_value_type_id) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(m->btf, (unsigned)id) : NULL;
	bool drawn = false;

	for (int i = 0; t && btf_is_struct(t) && i < btf_vlen(t); i++) {
		const struct btf_member *member = &btf_members(t)[i];
		const char *name = btf__name_by_offset(m->btf, member->name_off);
		const struct btf_type *at =
			btf__type_by_id(m->btf, (unsigned)btf__resolve_type(m->btf, member->type));
		enum hist_kind kind = hist_kind_of(name);
		unsigned off = btf_member_bit_offset(t, (unsigned)i) / 8;
		uint64_t slots[256];
		long long each;

		if (kind == HIST_NONE || !at || !btf_is_array(at) ||
		    btf_array(at)->nelems > sizeof(slots) / sizeof(slots[0]))
			continue;
		each = btf__resolve_size(m->btf, btf_array(at)->type);
		if (each != 4 && each != 8)
			continue;
		for (unsigned k = 0; k < btf_array(at)->nelems; k++)
			slots[k] = counter_at(m, value, off + k * (size_t)each, (size_t)each);
		if (!drawn) {
			cJSON *kj = key_json(m, key);

			text_print(cli->out, kj);
			cJSON_Delete(kj);
			fputs(":\n", cli->out);
		}
		hist_draw(cli->out, "  ", kind, slots, btf_array(at)->nelems);
		drawn = true;
	}
	return drawn;
}

/* ---- elements ---- */

#define ENOTSUPP 524 /* the kernel's own, of which libc has no text */

static const char *reason(int err)
{
	return err == ENOTSUPP ?
		       "its elements belong to tasks, sockets, files or cgroups, by whose "
		       "descriptors they are looked up" :
		       strerror(err);
}

/* What an errno of bpf(2) means for this map; NULL: what it says. */
static const char *why_not(const struct map *m, int err)
{
	bool array =
		m->info.type == BPF_MAP_TYPE_ARRAY || m->info.type == BPF_MAP_TYPE_PERCPU_ARRAY;

	if (err == E2BIG && is_indexed(m->info.type))
		return "it has no such index";
	if (err == E2BIG)
		return "it is full";
	if (err == EINVAL && array)
		return "elements of arrays are there from the beginning to the end";
	if (err == EPERM)
		return "it is read-only (constants of a program, or frozen)";
	return NULL;
}

static int cannot(const struct cli *cli, const struct map *m, const char *what, int err)
{
	const char *why = why_not(m, err);

	return cli_error(cli, "cannot %s: %s%s%s%s", what, reason(err), why ? " (" : "",
			 why ? why : "", why ? ")" : "");
}

/* An array of one element that is the global variables of a program. */
static bool is_section(const struct map *m)
{
	const struct btf_type *t =
		m->btf ? btf__type_by_id(m->btf, m->info.btf_value_type_id) : NULL;

	return t && btf_is_datasec(t) && m->info.type == BPF_MAP_TYPE_ARRAY &&
	       m->info.max_entries == 1;
}

/* Why the elements of such a map cannot be gone over; NULL: they can. */
static const char *why_not_walked(const struct map *m)
{
	switch (m->info.type) {
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		return "only the next element can be seen: skep map lookup MAP; delete takes it "
		       "out";
	case BPF_MAP_TYPE_BLOOM_FILTER:
		return "it holds no elements, only whether a value may have been put in: "
		       "skep map lookup MAP VALUE";
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		return "records are read once, by the program's own reader";
	case 33: /* BPF_MAP_TYPE_ARENA, newer than the headers */
		return "it is memory, not elements";
	default:
		return NULL;
	}
}

static int dump(struct cli *cli, const struct map *m, unsigned long limit)
{
	unsigned char *key = calloc(2, m->info.key_size + 1), *next = key + m->info.key_size + 1;
	unsigned char *values = calloc(m->values, m->stride + 1);
	cJSON *json = cli->json ? cJSON_CreateArray() : NULL;
	unsigned long n = 0;
	void *at = NULL;
	int err = 0;

	if (why_not_walked(m)) {
		cJSON_Delete(json);
		err = cli_error(cli, "map %u (%s): %s", m->info.id, type_name(m->info.type),
				why_not_walked(m));
		json = NULL;
		goto out;
	}
	if (!json && (draw_map(cli, m) || draw_keyed(cli, m)))
		goto out;
	while (n < limit && !(err = bpf_map_get_next_key(m->fd, at, next))) {
		memcpy(key, next, m->info.key_size);
		at = key;
		if (bpf_map_lookup_elem(m->fd, key, values)) {
			if (errno == ENOENT)
				continue; /* gone, or an empty slot */
			err = -errno;
			break;
		}
		if (!n++ && !json && m->why_hex)
			fprintf(cli->out, "# hex: %s\n", m->why_hex);
		if (json) {
			cJSON *e = cJSON_CreateObject();

			cJSON_AddItemToObject(e, "key", key_json(m, key));
			cJSON_AddItemToObject(e, "value", values_json(m, values));
			cJSON_AddItemToArray(json, e);
		} else if (!draw_members(cli, m, key, values)) {
			print_element(cli, m, key, values);
		}
	}
	if (err && errno == ENOENT)
		err = 0;
	if (err) {
		cJSON_Delete(json);
		json = NULL;
		err = cli_error(cli, "map %u (%s) does not show its elements: %s", m->info.id,
				type_name(m->info.type), reason(errno));
	} else if (!json && !n) {
		fprintf(cli->out, "(empty)\n");
	}
out:
	if (json)
		cli_print_json(cli, json);
	free(key);
	free(values);
	return err ? EXIT_REFUSED : EXIT_DONE;
}

static int encode(const struct cli *cli, const struct map *m, bool is_key, const char *text,
		  void *out)
{
	char why[160];
	int err = encode_value(
		m->btf, (int)(is_key ? m->info.btf_key_type_id : m->info.btf_value_type_id), text,
		out, is_key ? m->info.key_size : m->info.value_size, why, sizeof(why));

	return err ? cli_error(cli, "%s: %s", is_key ? "key" : "value", why) : EXIT_DONE;
}

static void print_values(const struct cli *cli, const struct map *m, const unsigned char *values)
{
	cJSON *v = values_json(m, values);

	if (cli->json) {
		cli_print_json(cli, v);
		return;
	}
	text_print(cli->out, v);
	fputc('\n', cli->out);
	cJSON_Delete(v);
}

/* Maps without keys: lookup shows the next element, update adds one, delete takes the next one. */
static int keyless(struct cli *cli, const struct map *m, const char *verb, int n, char **args)
{
	bool bloom = m->info.type == BPF_MAP_TYPE_BLOOM_FILTER;
	unsigned char *value = calloc(1, m->info.value_size + 1);
	int status = EXIT_DONE, wanted = *verb == 'u' || (bloom && *verb == 'l');

	if (n < wanted || (n && !wanted)) {
		free(value);
		return cli_error(cli, "%s of a %s takes %s", verb, type_name(m->info.type),
				 wanted ? "a value, no key" : "no key");
	}
	if (wanted)
		status = encode(cli, m, false, args[0], value);
	if (status)
		goto out;
	if (*verb == 'u') {
		if (bpf_map_update_elem(m->fd, NULL, value, BPF_ANY))
			status = cli_error(cli, "cannot add: %s", strerror(errno));
	} else if (bloom && *verb == 'l') {
		if (!bpf_map_lookup_elem(m->fd, NULL, value))
			fprintf(cli->out, cli->json ? "true\n" : "may have been put in\n");
		else if (errno == ENOENT)
			fprintf(cli->out, cli->json ? "false\n" : "has not been put in\n");
		else
			status = cli_error(cli, "%s", strerror(errno));
	} else if (*verb == 'l' ? bpf_map_lookup_elem(m->fd, NULL, value) :
				  bpf_map_lookup_and_delete_elem(m->fd, NULL, value)) {
		status = cli_error(cli, "%s", errno == ENOENT ? "it is empty" : strerror(errno));
	} else {
		print_values(cli, m, value);
	}
out:
	free(value);
	return status;
}

static bool holds_ids(unsigned type)
{
	return type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* People name programs and maps by id, as they are shown; bpf(2) wants a descriptor. */
static int id_to_fd(const struct cli *cli, const struct map *m, unsigned char *value, int *fd)
{
	bool prog = m->info.type == BPF_MAP_TYPE_PROG_ARRAY;
	__u32 id;

	memcpy(&id, value, sizeof(id));
	*fd = prog ? bpf_prog_get_fd_by_id(id) : bpf_map_get_fd_by_id(id);
	if (*fd < 0)
		return cli_error(cli, "%s %u: %s", prog ? "program" : "map", id, strerror(errno));
	memcpy(value, fd, sizeof(*fd));
	return EXIT_DONE;
}

/* lookup, update, delete: @args are the key, the value, and which elements it may replace. */
static int element(struct cli *cli, const struct map *m, const char *verb, int n, char **args)
{
	unsigned char *key, *values;
	unsigned long long flags = BPF_ANY;
	static char index_0[] = "0";
	int status, fd = -1;

	if (!m->info.key_size)
		return keyless(cli, m, verb, n, args);
	/* Of global variables there is one element: it needs no key. */
	if (is_section(m) && n < 3 && (*verb == 'u' ? n == 1 : !n)) {
		args[1] = args[0];
		args[0] = index_0;
		n++;
	}
	if (n < (*verb == 'u' ? 2 : 1))
		return cli_error(cli, "%s takes %s", verb,
				 *verb == 'u' ? "a key and a value" : "a key");
	key = calloc(1, m->info.key_size + 1);
	values = calloc(m->values, m->stride + 1);
	status = encode(cli, m, true, args[0], key);
	if (status)
		goto out;
	if (*verb == 'l') {
		if (bpf_map_lookup_elem(m->fd, key, values))
			status = errno == ENOENT ? cli_error(cli, "there is no such element") :
						   cannot(cli, m, "look it up", errno);
		else if (cli->json)
			print_values(cli, m, values);
		else
			print_element(cli, m, key, values);
	} else if (*verb == 'd') {
		if (bpf_map_delete_elem(m->fd, key))
			status = cannot(cli, m, "delete", errno);
	} else {
		if (n > 2)
			flags = !strcmp(args[2], "exist") ? BPF_EXIST : BPF_NOEXIST;
		if (m->values == 1) /* global variables that are not named stay as they are */
			bpf_map_lookup_elem(m->fd, key, values);
		status = encode(cli, m, false, args[1], values);
		if (!status && holds_ids(m->info.type))
			status = id_to_fd(cli, m, values, &fd);
		for (unsigned i = 1; i < m->values; i++) /* the same on each CPU */
			memcpy(values + i * m->stride, values, m->info.value_size);
		if (!status && bpf_map_update_elem(m->fd, key, values, flags))
			status = cannot(cli, m, "update", errno);
	}
out:
	if (fd >= 0)
		close(fd);
	free(key);
	free(values);
	return status;
}

static int watch(struct cli *cli, const struct map *m, unsigned long limit, double interval,
		 unsigned long count)
{
	struct timespec pause = { (time_t)interval,
				  (long)((interval - (double)(time_t)interval) * 1e9) };
	int status = EXIT_DONE;

	for (unsigned long i = 0; !status && (!count || i < count); i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (!cli->json && isatty(fileno(cli->out)))
			fputs("\033[H\033[2J", cli->out);
		else if (!cli->json && i)
			fputc('\n', cli->out);
		status = dump(cli, m, limit);
		fflush(cli->out);
	}
	return status;
}

/* ---- the command ---- */

static int run_map(struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *name;
		int min, max; /* arguments behind the map */
	} verbs[] = { { "show", 0, 0 },	  { "dump", 0, 0 },   { "lookup", 0, 1 },
		      { "update", 1, 3 }, { "delete", 0, 1 }, { "watch", 0, 0 } };
	unsigned long limit = (unsigned long)-1, count = 0;
	const char *instance = NULL, *where = NULL;
	double interval = 1;
	bool wrong = false;
	char *args[8], *end;
	struct map m;
	int n = 0, status;

	for (int i = 1; i < argc; i++) {
		const char *v;

		if ((v = cli_option("--limit", argc, argv, &i)))
			limit = strtoul(v, &end, 10), wrong |= !*v || *end || *v == '-';
		else if ((v = cli_option("--interval", argc, argv, &i)))
			interval = strtod(v, &end), wrong |= *end;
		else if ((v = cli_option("--count", argc, argv, &i)))
			count = strtoul(v, &end, 10), wrong |= !*v || *end || *v == '-';
		else if ((v = cli_option("--instance", argc, argv, &i)))
			instance = v;
		else if (n == sizeof(args) / sizeof(args[0]))
			return cli_usage(&cmd_map, "too many arguments");
		else
			args[n++] = argv[i];
	}
	if (wrong)
		return cli_usage(&cmd_map, "--limit, --count and --interval take a number");
	if (interval <= 0)
		return cli_usage(&cmd_map, "--interval is a number of seconds");
	if (n > 1 && !strcmp(args[0], "list"))
		return cli_usage(&cmd_map, "list takes no argument");
	if (!n || !strcmp(args[0], "list")) {
		status = cli_enter_instance(cli, instance, argc, argv, &where);
		return status == CLI_HERE ? list(cli, where) : status;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(args[0], verbs[i].name))
			continue;
		if (n < 2)
			return cli_usage(&cmd_map, "%s: which map?", args[0]);
		if (n - 2 < verbs[i].min || n - 2 > verbs[i].max)
			return cli_usage(&cmd_map, "%s takes %d argument(s) behind the map",
					 args[0], verbs[i].min);
		if (n == 5 && strcmp(args[4], "any") && strcmp(args[4], "exist") &&
		    strcmp(args[4], "noexist"))
			return cli_usage(&cmd_map, "update …: any, exist or noexist, not %s",
					 args[4]);
		if (n == 5 && !strcmp(args[4], "any"))
			n = 4;
		status = cli_enter_instance(cli, instance, argc, argv, &where);
		if (status != CLI_HERE)
			return status;
		status = map_find(cli, args[1], &m);
		if (!status)
			status = !strcmp(args[0], "show") ?
					 show(cli, &m) :
				 !strcmp(args[0], "dump") ?
					 dump(cli, &m, limit) :
				 !strcmp(args[0], "watch") ?
					 watch(cli, &m, limit, interval, count) :
					 element(cli, &m, args[0], n - 2, args + 2);
		map_close(&m);
		return status;
	}
	return cli_usage(&cmd_map, "unknown: %s", args[0]);
}

const struct command cmd_map = {
	.name = "map",
	.synopsis =
		"map [--instance NAME] [list | show MAP | dump MAP | watch MAP | lookup MAP KEY | "
		"update MAP KEY VALUE | delete MAP KEY]",
	.help = "Options: --limit N (elements), --interval SECONDS and --count N (of watch),\n"
		"--instance NAME.\n"
		"update may end with any, exist or noexist: which elements it may replace.\n"
		"\n"
		"MAP is an id, a name, or the path of a pin. The maps are those of the instance: "
		"of "
		"the\n"
		"one that skep map runs in, else of NAME (default: $SKEP_INSTANCE, else "
		"\"default\"); with\n"
		"--engine kernel those of the kernel.\n"
		"Queues, stacks and bloom filters have no keys: lookup shows the next element, "
		"update "
		"adds one,\n"
		"delete takes the next one out.\n"
		"Keys and values are JSON of the map's types ({\"pid\": 1, \"comm\": \"sh\"}), "
		"numbers,\n"
		"names of enumerators, or bytes: hex:01020304. Maps without types are shown in "
		"hex.\n"
		"Arrays and hashes whose name says that they are histograms, and such members, are "
		"drawn.\n",
	.run = run_map,
};
