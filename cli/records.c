/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Records of ring buffers and perf event arrays; see records.h. */
#include "records.h"
#include "supervise.h"
#include "text.h"
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PERF_PAGES 64 /* of each CPU's ring */
#define HEX_BYTES  32 /* of an unknown record, for people */

struct source {
	struct source *next;
	struct records *records;
	const struct bpf_map *map;
	const struct btf *btf;
	int type; /* by --event; 0: by size */
	bool perf;
	struct perf_buffer *buffer;
	uint64_t seen, lost, unknown;
};

struct event_type {
	struct event_type *next;
	char *map;
	const char *name;
	bool met_map, met_type;
};

struct records {
	const struct cli *cli;
	bool header;
	bool several; /* buffers: each line says which */
	struct source *sources;
	struct event_type *types;
	struct ring_buffer *rings;
	int epoll; /* of all perf buffers */
	unsigned taken;
};

struct records *records_new(const struct cli *cli, bool header)
{
	struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->cli = cli;
	r->header = header;
	r->epoll = -1;
	return r;
}

int records_set_type(struct records *r, const char *spec)
{
	const char *equals = strchr(spec, '=');
	struct event_type *t;

	if (!equals || equals == spec || !equals[1])
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->map = strndup(spec, (size_t)(equals - spec));
	t->name = equals + 1;
	if (!strncmp(t->name, "struct ", 7))
		t->name += 7;
	t->next = r->types;
	r->types = t;
	return 0;
}

/* ---- which struct ---- */

static const struct btf_type *strip(const struct btf *btf, __u32 id, __u32 *out)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t))) {
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	*out = id;
	return t;
}

/* The data of a perf record are padded so that they end, with a length of 4 bytes, at 8. */
static bool fits(const struct source *s, __u32 type_size, size_t size)
{
	return type_size == size || (s->perf && ((type_size + 4 + 7) & ~7u) - 4 == size);
}

/* The struct of that size to which a global pointer is declared; 0: none, or several. */
static int declared_type(const struct source *s, size_t size)
{
	int found = 0;

	for (__u32 id = 1; s->btf && id < btf__type_cnt(s->btf); id++) {
		const struct btf_type *t = btf__type_by_id(s->btf, id);
		__u32 target;

		if (!btf_is_var(t))
			continue;
		t = strip(s->btf, t->type, &target);
		if (!t || !btf_is_ptr(t))
			continue;
		t = strip(s->btf, t->type, &target);
		if (!t || !btf_is_composite(t) || !fits(s, t->size, size))
			continue;
		if (found && found != (int)target)
			return 0;
		found = (int)target;
	}
	return found;
}

/* ---- printing ---- */

static void print_time(const struct records *r)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	fprintf(r->cli->out, "%s.%03ld ", text, now.tv_nsec / 1000000);
}

static void print_record(struct records *r, const struct source *s, cJSON *data)
{
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(data, "pid");
	const cJSON *comm = cJSON_GetObjectItemCaseSensitive(data, "comm");
	FILE *out = r->cli->out;
	cJSON *field;

	if (r->header)
		fprintf(out, "%s%-12s %-7s %-16s %s%s\n", cli_bold(r->cli), "TIME", "PID", "COMM",
			r->several ? "BUFFER: EVENT" : "EVENT", cli_plain(r->cli));
	r->header = false;
	if (!cJSON_IsNumber(pid))
		pid = NULL;
	if (!cJSON_IsString(comm))
		comm = NULL;
	print_time(r);
	if (pid)
		fprintf(out, "%-7.0f ", cJSON_GetNumberValue(pid));
	else
		fprintf(out, "%-7s ", "-");
	if (comm) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		if (f) {
			text_print_safe(f, comm->valuestring, strlen(comm->valuestring));
			fclose(f);
		}
		fprintf(out, "%-16s", text ?: "");
		free(text);
	} else {
		fprintf(out, "%-16s", "-");
	}
	if (r->several)
		fprintf(out, " %s:", bpf_map__name(s->map));
	cJSON_ArrayForEach(field, data)
	{
		if (field == pid || field == comm)
			continue;
		fprintf(out, " %s=", field->string);
		text_print(out, field);
	}
	putc('\n', out);
}

static void print_hex(struct records *r, const struct source *s, const unsigned char *data,
		      size_t size)
{
	FILE *out = r->cli->out;

	print_time(r);
	fprintf(out, "%s: %zu bytes:", bpf_map__name(s->map), size);
	for (size_t i = 0; i < size && i < HEX_BYTES; i++)
		fprintf(out, " %02x", data[i]);
	fputs(size > HEX_BYTES ? " …\n" : "\n", out);
}

static void emit(struct source *s, const unsigned char *data, size_t size)
{
	struct records *r = s->records;
	int type = s->type ?: declared_type(s, size);
	cJSON *json, *value = type ? record_json(s->btf, type, data, size) : NULL;

	s->seen++;
	s->unknown += !value;
	r->taken++;
	if (r->cli->json) {
		json = supervise_json("event");
		cJSON_AddStringToObject(json, "map", bpf_map__name(s->map));
		if (value) {
			const struct btf_type *t = btf__type_by_id(s->btf, (__u32)type);

			cJSON_AddStringToObject(json, "struct",
						btf__name_by_offset(s->btf, t->name_off));
			cJSON_AddItemToObject(json, "data", value);
		} else {
			char *hex = malloc(2 * size + 1);

			for (size_t i = 0; hex && i < size; i++)
				sprintf(hex + 2 * i, "%02x", data[i]);
			cJSON_AddStringToObject(json, "hex", hex && size ? hex : "");
			free(hex);
		}
		cli_print_json(r->cli, json);
		return;
	}
	if (value)
		print_record(r, s, value);
	else
		print_hex(r, s, data, size);
	cJSON_Delete(value);
}

/* ---- buffers ---- */

static int ring_record(void *ctx, void *data, size_t size)
{
	emit(ctx, data, size);
	return 0;
}

static void perf_record(void *ctx, int cpu, void *data, __u32 size)
{
	emit(ctx, data, size);
}

static void tell_lost(struct source *s, uint64_t count)
{
	const struct cli *cli = s->records->cli;
	cJSON *json;

	s->lost += count;
	if (cli->json) {
		json = supervise_json("lost");
		cJSON_AddStringToObject(json, "map", bpf_map__name(s->map));
		cJSON_AddNumberToObject(json, "count", (double)count);
		cli_print_json(cli, json);
		return;
	}
	fprintf(cli->out, "%s: lost %" PRIu64 " records: it was full\n", bpf_map__name(s->map),
		count);
}

static void perf_lost(void *ctx, int cpu, __u64 count)
{
	tell_lost(ctx, count);
}

static int open_ring(struct records *r, struct source *s)
{
	int fd = bpf_map__fd(s->map);

	if (r->rings)
		return ring_buffer__add(r->rings, fd, ring_record, s);
	r->rings = ring_buffer__new(fd, ring_record, s, NULL);
	return r->rings ? 0 : -errno;
}

static int open_perf(struct records *r, struct source *s)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd;

	s->buffer =
		perf_buffer__new(bpf_map__fd(s->map), PERF_PAGES, perf_record, perf_lost, s, NULL);
	if (!s->buffer)
		return -errno;
	if (r->epoll < 0)
		r->epoll = epoll_create1(EPOLL_CLOEXEC);
	fd = perf_buffer__epoll_fd(s->buffer);
	return r->epoll < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void choose_type(struct records *r, struct source *s)
{
	for (struct event_type *t = r->types; t; t = t->next) {
		int id;

		if (strcmp(t->map, bpf_map__name(s->map)))
			continue;
		t->met_map = true;
		id = s->btf ? btf__find_by_name_kind(s->btf, t->name, BTF_KIND_STRUCT) : -ENOENT;
		if (id < 0 && s->btf)
			id = btf__find_by_name_kind(s->btf, t->name, BTF_KIND_UNION);
		if (id < 0 && s->btf)
			id = btf__find_by_name_kind(s->btf, t->name, BTF_KIND_TYPEDEF);
		if (id < 0)
			continue;
		t->met_type = true;
		s->type = id;
	}
}

int records_open(struct records *r, struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		enum bpf_map_type type = bpf_map__type(map);
		struct source *s;
		int err;

		if (bpf_map__fd(map) < 0 ||
		    (type != BPF_MAP_TYPE_RINGBUF && type != BPF_MAP_TYPE_PERF_EVENT_ARRAY))
			continue;
		s = calloc(1, sizeof(*s));
		if (!s)
			return cli_error(r->cli, "out of memory");
		s->records = r;
		s->map = map;
		s->btf = bpf_object__btf(obj);
		s->perf = type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
		s->next = r->sources;
		r->several |= r->sources != NULL;
		r->sources = s;
		choose_type(r, s);
		err = s->perf ? open_perf(r, s) : open_ring(r, s);
		if (err)
			return cli_error(r->cli, "map %s: its records cannot be read: %s",
					 bpf_map__name(map), strerror(-err));
	}
	return 0;
}

int records_check_types(struct records *r)
{
	for (const struct event_type *t = r->types; t; t = t->next) {
		if (!t->met_map)
			return cli_error(r->cli,
					 "--event %s=%s: no ring buffer or perf event array is "
					 "called %s",
					 t->map, t->name, t->map);
		if (!t->met_type)
			return cli_error(r->cli,
					 "--event %s=%s: the object's BTF has no struct %s. clang "
					 "writes down only what a global names: declare "
					 "'struct %s *unused_%s;' in the program's source",
					 t->map, t->name, t->name, t->name, t->name);
	}
	return 0;
}

unsigned records_consume(struct records *r)
{
	unsigned before = r->taken;

	/* poll() takes the wake-up, consume() also what came without one. */
	if (r->rings) {
		ring_buffer__poll(r->rings, 0);
		ring_buffer__consume(r->rings);
	}
	for (struct source *s = r->sources; s; s = s->next) {
		if (!s->buffer)
			continue;
		perf_buffer__poll(s->buffer, 0);
		perf_buffer__consume(s->buffer);
	}
	return r->taken - before;
}

void records_fds(const struct records *r, int fds[2])
{
	fds[0] = r->rings ? ring_buffer__epoll_fd(r->rings) : -1;
	fds[1] = r->epoll;
}

/* What no record has told of. */
static void count_lost(struct records *r, struct source *s)
{
	uint64_t lost = 0;

	if (r->cli->system && !skep_lost(r->cli->system, bpf_map__fd(s->map), &lost) && lost)
		tell_lost(s, lost);
}

void records_finish(struct records *r)
{
	records_consume(r);
	for (struct source *s = r->sources; s; s = s->next)
		count_lost(r, s);
}

void records_summary(struct records *r)
{
	for (const struct source *s = r->sources; s; s = s->next) {
		const char *name = bpf_map__name(s->map);

		if (s->lost)
			supervise_note(r->cli,
				       "map %s: %" PRIu64 " of %" PRIu64 " records were lost", name,
				       s->lost, s->lost + s->seen);
		if (s->unknown)
			supervise_note(r->cli,
				       "map %s: %" PRIu64 " records are shown in hex: the object "
				       "does not tell their type. Say it with --event %s=STRUCT, "
				       "or declare 'struct STRUCT *unused;' in its source",
				       name, s->unknown, name);
	}
}

void records_free(struct records *r)
{
	if (!r)
		return;
	ring_buffer__free(r->rings);
	for (struct source *s = r->sources, *next; s; s = next) {
		next = s->next;
		perf_buffer__free(s->buffer);
		free(s);
	}
	for (struct event_type *t = r->types, *next; t; t = next) {
		next = t->next;
		free(t->map);
		free(t);
	}
	if (r->epoll >= 0)
		close(r->epoll);
	free(r);
}
