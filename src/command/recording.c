/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * `bpftool feature probe` of the machine that programs are for, read as a profile. Vendors bring
 * features to older kernels and leave others out; the recording says which. See recording.h.
 *
 * What a recording cannot know is left to the release: helpers of program types that bpftool does
 * not try (tracing, lsm …), helpers that it tries only when asked for everything since they
 * write to the kernel's log, and those newer than the recording bpftool.
 */
#include "command/recording.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "object/vocabulary.h"

#define NEW_WORDS_SINCE KVER(6, 10) /* "program of this type cannot use helper" */
#define RECORDING_MAX	(16UL << 20)

struct recording {
	const char *path;
	struct probes *probes;
	kver release;	/* named in it; 0: not */
	u32 recognized; /* items that say something */
	u32 newest_helper;
	u32 wrong_lists; /* of helpers, that cannot be true */
	u32 list;	 /* program type whose helpers the lines name; plain text only */
	char *notes;
	size_t notes_size, notes_len;
};

static void note(struct recording *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct recording *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (r->notes_len + 1 >= r->notes_size)
		return;
	if (r->notes_len)
		r->notes[r->notes_len++] = '\n';
	va_start(ap, fmt);
	n = vsnprintf(r->notes + r->notes_len, r->notes_size - r->notes_len, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->notes_len = min(r->notes_len + (size_t)n, r->notes_size - 1);
}

/* ---- names ---- */

/* The number of "hash" in a vocabulary where it is BPF_MAP_TYPE_HASH; 0: not there. */
static u32 value_of(enum vocabulary v, const char *prefix, const char *name, size_t len)
{
	char full[80];
	size_t n = strlen(prefix);
	const struct vocabulary_row *row;

	if (n + len >= sizeof(full))
		return 0;
	memcpy(full, prefix, n);
	for (size_t i = 0; i < len; i++)
		full[n++] = (char)toupper((unsigned char)name[i]);
	full[n] = 0;
	row = vocabulary_by_name(v, full);
	/* types that were renamed when they were superseded */
	if (!row && n > 11 && !strcmp(full + n - 11, "_DEPRECATED")) {
		full[n - 11] = 0;
		row = vocabulary_by_name(v, full);
	}
	return row ? (u32)row->value : 0;
}

static u32 prog_type(const char *name, size_t len)
{
	return value_of(VOCABULARY_PROG, "BPF_PROG_TYPE_", name, len);
}

static u32 map_type(const char *name, size_t len)
{
	return value_of(VOCABULARY_MAP, "BPF_MAP_TYPE_", name, len);
}

static void saw(struct recording *r, u64 *seen, u64 *has, u32 bit, bool available)
{
	*seen |= BIT_ULL(bit);
	if (available)
		*has |= BIT_ULL(bit);
	r->recognized++;
}

static void saw_prog(struct recording *r, u32 type, bool available)
{
	if (type && type < PROBED_PROGS)
		saw(r, &r->probes->seen.progs, &r->probes->has.progs, type, available);
}

static void saw_map(struct recording *r, u32 type, bool available)
{
	if (type && type < PROBED_MAPS)
		saw(r, &r->probes->seen.maps, &r->probes->has.maps, type, available);
}

static void saw_misc(struct recording *r, enum row_misc row, bool available)
{
	saw(r, &r->probes->seen.misc, &r->probes->has.misc, row, available);
}

static void saw_helper(struct recording *r, u32 type, const char *name)
{
	const struct vocabulary_row *row = vocabulary_by_name(VOCABULARY_HELPER, name);
	u32 id = row ? (u32)row->value : 0;

	if (!type || type >= PROBED_PROGS || !id || id >= PROBED_HELPERS)
		return;
	r->probes->has.helpers[type][id / 64] |= BIT_ULL(id % 64);
	r->newest_helper = max(r->newest_helper, id);
	r->recognized++;
}

/* "6.1.0-13-amd64", perhaps behind "Linux version " or "Linux NAME ". */
static void saw_release(struct recording *r, const char *text)
{
	kver v;

	if (!strncmp(text, "Linux ", 6)) {
		text = strchr(text + 6, ' ');
		text = text ? text + 1 : "";
	}
	if (!r->release && !kver_parse(text, &v))
		r->release = v;
}

/* ---- JSON ---- */

static const struct {
	const char *json, *plain;
	enum row_misc row;
} misc_rows[] = {
	{ "have_large_insn_limit", "Large program size limit", ROW_LARGE_PROGRAMS },
	{ "have_bounded_loops", "Bounded loop support", ROW_BOUNDED_LOOPS },
	{ "have_v2_isa_extension", "ISA extension v2", ROW_ISA_V2 },
	{ "have_v3_isa_extension", "ISA extension v3", ROW_ISA_V3 },
	{ "have_v4_isa_extension", "ISA extension v4", ROW_ISA_V4 },
};

/* Whether @name is @before, something, @after; that something in @part and @len. */
static bool between(const char *name, const char *before, const char *after, const char **part,
		    size_t *len)
{
	size_t n = strlen(name), b = strlen(before), a = strlen(after);

	if (n < a + b || strncmp(name, before, b) || strcmp(name + n - a, after))
		return false;
	*part = name + b;
	*len = n - a - b;
	return true;
}

static int json_item(void *arg, const struct json_item *item)
{
	const char *group = item->path[0], *name = item->path[1], *part;
	struct recording *r = arg;
	size_t len;

	if (item->kind == JSON_STRING &&
	    ((item->depth == 1 && (!strcmp(group, "kernel") || !strcmp(group, "release"))) ||
	     (item->depth == 2 && !strcmp(group, "system_config") &&
	      (!strcmp(name, "kernel") || !strcmp(name, "release")))))
		saw_release(r, item->text);
	if (item->depth == 3 && item->kind == JSON_STRING && !strcmp(group, "helpers") &&
	    between(name, "", "_available_helpers", &part, &len))
		saw_helper(r, prog_type(part, len), item->text);
	if (item->depth != 2 || (item->kind != JSON_TRUE && item->kind != JSON_FALSE))
		return 0;
	if (!strcmp(group, "program_types") && between(name, "have_", "_prog_type", &part, &len))
		saw_prog(r, prog_type(part, len), item->kind == JSON_TRUE);
	if (!strcmp(group, "map_types") && between(name, "have_", "_map_type", &part, &len))
		saw_map(r, map_type(part, len), item->kind == JSON_TRUE);
	for (size_t i = 0; i < ARRAY_SIZE(misc_rows) && !strcmp(group, "misc"); i++)
		if (!strcmp(name, misc_rows[i].json))
			saw_misc(r, misc_rows[i].row, item->kind == JSON_TRUE);
	return 0;
}

static int read_json(struct recording *r, const char *text, size_t size)
{
	u32 line = 1, column = 1;
	const char *why;
	size_t at;
	int err = json_read(text, size, json_item, r, &at, &why);

	if (!err)
		return 0;
	for (size_t i = 0; i < at; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	note(r, "%s:%u:%u: not JSON: %s", r->path, line, column, why);
	return err;
}

/* ---- plain text ---- */

static void plain_line(struct recording *r, const char *line)
{
	const char *part;
	bool available;
	size_t len;

	while (*line == ' ' || *line == '\t')
		line++;
	if (between(line, "- ", "", &part, &len)) {
		saw_helper(r, r->list, part);
		return;
	}
	if (between(line, "eBPF helpers supported for program type ", ":", &part, &len)) {
		r->list = prog_type(part, len);
		return;
	}
	available = !between(line, "", " is NOT available", &part, &len);
	if (available && !between(line, "", " is available", &part, &len)) {
		saw_release(r, line);
		return;
	}
	if (!strncmp(part, "eBPF program_type ", 18))
		saw_prog(r, prog_type(part + 18, len - 18), available);
	if (!strncmp(part, "eBPF map_type ", 14))
		saw_map(r, map_type(part + 14, len - 14), available);
	for (size_t i = 0; i < ARRAY_SIZE(misc_rows); i++)
		if (len == strlen(misc_rows[i].plain) && !strncmp(part, misc_rows[i].plain, len))
			saw_misc(r, misc_rows[i].row, available);
}

static void read_plain(struct recording *r, char *text)
{
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, "\r")] = 0;
		plain_line(r, line);
	}
}

/* ---- what is believed ---- */

/* What libbpf loads when it tries a type: some helpers are there for one attach type only. */
static u32 probed_attach(u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return BPF_CGROUP_INET4_CONNECT;
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return BPF_CGROUP_GETSOCKOPT;
	case BPF_PROG_TYPE_SK_LOOKUP:
		return BPF_SK_LOOKUP;
	}
	return 0;
}

/* Whether a probe of program type @type finds helper @id on the newest kernel. */
static bool can_be_found(u32 type, u32 id)
{
	const struct bpf_prog_type_ops *ops = bpf_prog_type_judge_of(type);
	struct bpf_prog prog = { .type = type, .expected_attach_type = probed_attach(type) };

	if (!ops)
		return bpf_helper_allowed(id, type, PROFILE(KVER_NEWEST));
	return bpf_prog_helper_proto(ops, &prog, id, PROFILE(KVER_NEWEST)) != NULL;
}

/* bpftool tries these only with "full": whoever tries them finds it in the kernel's log. */
static bool is_noisy(u32 id)
{
	return id == BPF_FUNC_trace_printk || id == BPF_FUNC_trace_vprintk ||
	       id == BPF_FUNC_probe_write_user;
}

/*
 * Older bpftools take any refusal whose words they do not know for success: since Linux 6.10 has
 * new words, they list all helpers for all types. A list with many that no Linux has for
 * the type is that.
 */
static void judge_helpers(struct recording *r)
{
	struct probes *p = r->probes;
	u64 anywhere[PROBED_HELPERS / 64] = { 0 };
	u32 lists = 0;

	for (u32 type = 1; type < __MAX_BPF_PROG_TYPE && type < PROBED_PROGS; type++) {
		u64 *has = p->has.helpers[type];
		u32 listed = 0, impossible = 0;

		for (u32 id = 1; id <= r->newest_helper; id++)
			if (has[id / 64] >> id % 64 & 1) {
				listed++;
				impossible += !can_be_found(type, id);
			}
		lists += listed != 0;
		if (listed && impossible * 4 > listed) {
			memset(has, 0, sizeof(p->has.helpers[type]));
			r->wrong_lists++;
		}
		for (u32 i = 0; i < ARRAY_SIZE(anywhere); i++)
			anywhere[i] |= has[i];
	}
	if (r->wrong_lists)
		note(r,
		     "%s: the helpers of %u of %u program types are not believed: they include "
		     "many "
		     "that no Linux has for the type (older bpftools misread what Linux answers "
		     "since 6.10); the release decides there",
		     r->path, r->wrong_lists, lists);
	for (u32 type = 1; type < __MAX_BPF_PROG_TYPE && type < PROBED_PROGS; type++) {
		u64 *has = p->has.helpers[type], *seen = p->seen.helpers[type];
		u64 any = 0;

		for (u32 i = 0; i < PROBED_HELPERS / 64; i++)
			any |= has[i];
		for (u32 id = 1; any && id <= r->newest_helper; id++)
			if (has[id / 64] >> id % 64 & 1 ||
			    (can_be_found(type, id) &&
			     (!is_noisy(id) || anywhere[id / 64] >> id % 64 & 1)))
				seen[id / 64] |= BIT_ULL(id % 64);
	}
}

/* ---- the release ---- */

static bool bit_of(const u64 *words, u32 bit)
{
	return words[bit / 64] >> bit % 64 & 1;
}

/* In how many rows @release differs from the recording. */
static u32 differences(const struct probes *p, kver release)
{
	const struct profile plain = { .release = release };
	struct profile recorded = { .release = release, .probes = p };
	static const struct {
		enum row_kind kind;
		enum vocabulary v;
	} types[] = { { ROW_PROG, VOCABULARY_PROG }, { ROW_MAP, VOCABULARY_MAP } };
	u32 n, count = 0;

	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		const struct vocabulary_row *rows = vocabulary_rows(types[k].v, &n);

		for (u32 i = 0; i < n; i++) {
			struct kernel_row row = { types[k].kind, (u32)rows[i].value, 0,
						  rows[i].since };

			count += row_visible(&plain, row) != row_visible(&recorded, row);
		}
	}
	for (u32 type = 1; type < __MAX_BPF_PROG_TYPE; type++)
		for (u32 id = 1; id < __BPF_FUNC_MAX_ID; id++)
			if (bit_of(p->seen.helpers[type], id))
				count += bpf_helper_allowed(id, type, &plain) !=
					 bpf_helper_allowed(id, type, &recorded);
	count += profile_isa(&plain) != profile_isa(&recorded);
	return count;
}

/* The release that fits best, @from or newer; the oldest of several. */
static kver nearest_release(const struct probes *p, kver from)
{
	static const struct {
		u8 major, first, last;
	} series[] = {
		{ 4, 14, 20 }, { 5, 0, 19 }, { 6, 0, 19 }, { 7, 0, KVER_MINOR(KVER_NEWEST) }
	};
	u32 best = ~0U;
	kver found = 0;

	for (size_t s = 0; s < ARRAY_SIZE(series); s++)
		for (u32 minor = series[s].first; minor <= series[s].last; minor++) {
			kver v = KVER(series[s].major, minor);
			u32 n = v < from ? best : differences(p, v);

			if (n < best) {
				best = n;
				found = v;
			}
		}
	return found;
}

/* ---- the file ---- */

static int read_file(struct recording *r, char **text, size_t *size)
{
	FILE *f = fopen(r->path, "re");
	size_t cap = 1 << 16, n = 0;
	int err = f ? 0 : -errno;
	char *buf = NULL;

	while (!err) {
		char *more = mem_realloc(buf, cap + 1);

		if (!more) {
			err = -ENOMEM;
			break;
		}
		buf = more;
		n += fread(buf + n, 1, cap - n, f);
		if (ferror(f))
			err = -errno;
		if (n < cap)
			break;
		if (cap >= RECORDING_MAX)
			err = -EFBIG;
		cap *= 2;
	}
	if (f)
		fclose(f);
	if (err) {
		note(r, "%s: %s", r->path, strerror(-err));
		mem_free(buf);
		return err;
	}
	buf[n] = 0;
	*text = buf;
	*size = n;
	return 0;
}

int recording_read(const char *path, struct probes **out, kver *release, char *notes,
		   size_t notes_size)
{
	struct recording r = { .path = path, .notes = notes, .notes_size = notes_size };
	char *text = NULL;
	size_t size = 0;
	int err;

	err = read_file(&r, &text, &size);
	if (err)
		return err;
	err = -ENOMEM;
	r.probes = mem_zalloc(sizeof(*r.probes));
	if (!r.probes)
		goto out;
	err = 0;
	if (text[strspn(text, " \t\r\n")] == '{')
		err = read_json(&r, text, size);
	else
		read_plain(&r, text);
	if (!err && !r.recognized) {
		note(&r,
		     "%s: no output of bpftool feature probe: it tells of no program type, map "
		     "type or helper",
		     path);
		err = -EINVAL;
	}
	if (err)
		goto out;
	judge_helpers(&r);
	if (!*release && r.release)
		*release = r.release;
	if (!*release) {
		*release = nearest_release(r.probes, r.wrong_lists ? NEW_WORDS_SINCE : 0);
		note(&r,
		     "%s: no release is named in it; it fits Linux %u.%u best, whose rules are "
		     "applied "
		     "(--kernel X.Y:%s names another)",
		     path, KVER_MAJOR(*release), KVER_MINOR(*release), path);
	}
	*out = r.probes;
	r.probes = NULL;
out:
	mem_free(r.probes);
	mem_free(text);
	return err;
}
