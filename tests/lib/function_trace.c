/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See function_trace.h. */
#include "function_trace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "function_record.h"

static const struct row {
	const char *name;
	unsigned since, until;
	const char *ret;
	unsigned nr_args;
	const char *args[6];
} rows[] = {
#include "function_rows.h"
};

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

struct trace {
	struct bpf_object *obj;
	struct ring_buffer *ring;
	struct record *v;
	size_t n, max;
	bool has[RECORD_KINDS][NR_ROWS];
};

char *const trace_environment[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LANG=C", NULL };

static const char kind_letter[] = "kfxr";

static int take(void *arg, void *data, size_t size)
{
	struct trace *t = arg;

	if (size < sizeof(struct record))
		return 0;
	if (t->n == t->max) {
		t->max = t->max ? 2 * t->max : 1024;
		t->v = realloc(t->v, t->max * sizeof(*t->v));
		if (!t->v)
			abort();
	}
	memcpy(&t->v[t->n++], data, sizeof(struct record));
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return level == LIBBPF_WARN && getenv("TRACE_VERBOSE") ? vfprintf(stderr, format, ap) : 0;
}

static bool in_release(const struct row *r, unsigned release)
{
	return r->since <= release && (!r->until || release < r->until);
}

static bool has_type(const struct row *r)
{
	return libbpf_find_vmlinux_btf_id(r->name, BPF_TRACE_FENTRY) > 0; /* or in split BTF */
}

struct trace *trace_open(const char *object, const char *kinds, unsigned release, const char *match,
			 const char **why)
{
	struct trace *t = calloc(1, sizeof(*t));
	struct bpf_program *p;

	libbpf_set_print(quiet);
	*why = "cannot open the object";
	if (!t)
		return NULL;
	t->obj = bpf_object__open(object);
	if (!t->obj) {
		free(t);
		return NULL;
	}
	bpf_object__for_each_program(p, t->obj)
	{
		const char *name = bpf_program__name(p);
		const struct row *r = &rows[atoi(name + 2)];
		bool wanted = strchr(kinds, name[0]) && in_release(r, release) &&
			      (!match || strstr(r->name, match));

		/* __noreturn: newer kernels refuse fexit. */
		if (name[0] == 'x' &&
		    (!strcmp(r->name, "do_exit") || !strcmp(r->name, "do_group_exit")))
			wanted = false;
		if (wanted && (name[0] == 'f' || name[0] == 'x'))
			wanted = has_type(r);
		bpf_program__set_autoload(p, wanted);
	}
	*why = "cannot load the object";
	if (bpf_object__load(t->obj))
		goto bad;
	bpf_object__for_each_program(p, t->obj)
	{
		const char *name = bpf_program__name(p);

		if (bpf_program__autoload(p) && bpf_program__attach(p))
			t->has[strchr(kind_letter, name[0]) - kind_letter][atoi(name + 2)] = true;
	}
	*why = "no ring buffer";
	t->ring =
		ring_buffer__new(bpf_object__find_map_fd_by_name(t->obj, "records"), take, t, NULL);
	if (t->ring)
		return t;
bad:
	bpf_object__close(t->obj);
	free(t);
	return NULL;
}

void trace_root(struct trace *t, pid_t root)
{
	struct bpf_map *map = bpf_object__find_map_by_name(t->obj, ".data.root");
	__u32 key = 0;

	if (!map || bpf_map_update_elem(bpf_map__fd(map), &key, &root, 0))
		abort();
	t->n = 0;
}

bool trace_attached(const struct trace *t, char kind, const char *function)
{
	for (size_t i = 0; i < NR_ROWS; i++)
		if (!strcmp(rows[i].name, function) &&
		    t->has[strchr(kind_letter, kind) - kind_letter][i])
			return true;
	return false;
}

void trace_poll(struct trace *t, int timeout_ms)
{
	ring_buffer__poll(t->ring, timeout_ms);
	ring_buffer__consume(t->ring);
}

/* ---- printing ---- */

/* Processes are named by how they came to be: 1; its children 1.1, 1.2; theirs 1.1.1 ... */
struct process {
	__u32 tid;
	char key[64];
	unsigned children;
	__u64 inodes[64];
	unsigned nr_inodes;
};

static struct process processes[256];
static unsigned nr_processes;

static struct process *process(__u32 tid)
{
	for (unsigned i = nr_processes; i-- > 0;)
		if (processes[i].tid == tid)
			return &processes[i];
	return NULL;
}

static struct process *process_add(__u32 tid, struct process *parent)
{
	struct process *p = &processes[nr_processes < 255 ? nr_processes++ : 255];

	memset(p, 0, sizeof(*p));
	p->tid = tid;
	if (parent)
		snprintf(p->key, sizeof(p->key), "%.50s.%u", parent->key, ++parent->children);
	else
		strcpy(p->key, "1");
	return p;
}

static unsigned inode_number(struct process *p, __u64 ino)
{
	for (unsigned i = 0; i < p->nr_inodes; i++)
		if (p->inodes[i] == ino)
			return i + 1;
	if (p->nr_inodes < 64)
		p->inodes[p->nr_inodes++] = ino;
	return p->nr_inodes;
}

static void print_port(FILE *out, unsigned port)
{
	if (port >= 32768) /* the kernel's choice */
		fputs("*", out);
	else
		fprintf(out, "%u", port);
}

/* Where the files are is the machine's; what mkstemp() and mkdtemp() choose is nobody's. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path;
	static char made[2][96];
	static unsigned n;
	size_t len = strlen(name);

	if (!strncmp(name, "skep-functions-", 15))
		return "skep-functions-*";
	/* of the compiler: cc, six random letters and digits, a suffix */
	if (strncmp(name, "cc", 2) || len < 8 || len >= sizeof(made[0]) ||
	    strspn(name + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != 6)
		return name;
	n ^= 1;
	snprintf(made[n], sizeof(made[n]), "cc*%s", name + 8);
	return made[n];
}

static void print_value(FILE *out, struct process *p, const char *how, const struct record *r,
			unsigned i, unsigned *text)
{
	__u64 v = r->value[i];

	if (!strcmp(how, "number") || !strcmp(how, "word") || ((__s64)v < 0 && (__s64)v >= -4095)) {
		fprintf(out, "%lld", (long long)v);
	} else if (!strcmp(how, "file") || !strcmp(how, "inode")) {
		if (!strcmp(how, "file"))
			fprintf(out, "\"%.95s\"", base_name(r->text[(*text)++ & 1]));
		fprintf(out, "#%u/%o", v ? inode_number(p, v) : 0, r->mode[i]);
	} else if (!strcmp(how, "renamed")) {
		fprintf(out, "\"%.95s\" \"%.95s\"", base_name(r->text[0]), base_name(r->text[1]));
	} else if (!strcmp(how, "sock")) {
		if (!v) {
			fputs("0", out);
			return;
		}
		fprintf(out, "%u/%u/", (unsigned)(v >> 48), (unsigned)(v >> 40) & 255);
		print_port(out, (unsigned)(v >> 16) & 65535);
		fputs(">", out);
		print_port(out, (unsigned)v & 65535);
	} else if (!strcmp(how, "sockaddr")) {
		if ((v & 65535) == 2)
			fprintf(out, "2/%llx/%u", (unsigned long long)(v >> 32),
				__builtin_bswap16((__u16)(v >> 16)));
		else
			fprintf(out, "%u", (unsigned)v & 65535);
	} else if (!strcmp(how, "task")) {
		fprintf(out, "\"%.95s\"", r->text[(*text)++ & 1]);
	} else if (!strcmp(how, "bprm")) {
		fprintf(out, "\"%.95s\" %u %u", base_name(r->text[(*text)++ & 1]),
			(unsigned)(v >> 32), (unsigned)v);
	} else if (!strcmp(how, "clone_args")) {
		fprintf(out, "%llx/%u", (unsigned long long)(v >> 8), (unsigned)v & 255);
	} else {
		if (!strcmp(how, "filename") || !strcmp(how, "dentry") || !strcmp(how, "path") ||
		    !strcmp(how, "user_string")) {
			fprintf(out, "\"%.95s\"", base_name(r->text[(*text)++ & 1]));
			return;
		}
		fprintf(out, "%s%llu", strcmp(how, "pointer") ? "" : "p", (unsigned long long)v);
	}
}

static void print_record(FILE *out, struct process *p, const struct record *r)
{
	const struct row *row = &rows[r->function];
	unsigned text = 0;

	if (r->kind == RECORD_KPROBE || r->kind == RECORD_FENTRY) {
		fprintf(out, "%s(", row->name);
		for (unsigned i = 0; i < row->nr_args; i++) {
			fputs(i ? ", " : "", out);
			if (!strcmp(row->name, "kernel_wait4") && !i && (__s64)r->value[0] > 0) {
				fputs("child", out);
				continue;
			}
			print_value(out, p, row->args[i], r, i, &text);
		}
		fputs(")", out);
		return;
	}
	fprintf(out, "%s = ", row->name);
	if (!strcmp(row->ret, "void"))
		fputs("void", out);
	else if (!strcmp(row->name, "kernel_clone") && (__s64)r->value[0] > 0)
		fputs("child", out);
	else if (!strcmp(row->name, "kernel_wait4") && (__s64)r->value[0] > 0)
		fputs("child", out);
	else if (!strcmp(row->name, "do_readlinkat") && (__s64)r->value[0] > 0)
		fputs("length", out);
	else
		print_value(out, p, row->ret, r, 0, &text);
}

static char *line_of(struct process *p, const struct record *r)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	print_record(f, p, r);
	fclose(f);
	return text;
}

/* Neighbours that say the same become one line, with the letters of their kinds in order. */
static void print_process(struct trace *t, struct process *p, FILE *out)
{
	char kinds[8] = "", *last = NULL;

	fprintf(out, "process %s\n", p->key);
	for (size_t i = 0; i < t->n; i++) {
		char *line;

		if (t->v[i].tid != p->tid)
			continue;
		line = line_of(p, &t->v[i]);
		if (last && !strcmp(line, last) && strlen(kinds) < 2) {
			kinds[1] = kind_letter[t->v[i].kind];
			kinds[2] = 0;
			free(line);
			continue;
		}
		if (last)
			fprintf(out, "%s %s\n", kinds, last);
		free(last);
		last = line;
		kinds[0] = kind_letter[t->v[i].kind];
		kinds[1] = 0;
	}
	if (last)
		fprintf(out, "%s %s\n", kinds, last);
	free(last);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct process *)a)->key, ((const struct process *)b)->key);
}

void trace_print(struct trace *t, FILE *out)
{
	nr_processes = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct record *r = &t->v[i];
		const char *name = rows[r->function].name;

		if (!process(r->tid) && !nr_processes)
			process_add(r->tid, NULL);
		/* Whoever returns first names the child: entries of a child come after its creation. */
		if (!strcmp(name, "kernel_clone") && r->kind == RECORD_FEXIT &&
		    (__s64)r->value[0] > 0 && !process((__u32)r->value[0]) && process(r->tid))
			process_add((__u32)r->value[0], process(r->tid));
	}
	qsort(processes, nr_processes, sizeof(processes[0]), by_key);
	for (unsigned i = 0; i < nr_processes; i++)
		print_process(t, &processes[i], out);
	for (size_t i = 0; i < t->n; i++)
		if (!process(t->v[i].tid)) {
			fprintf(out, "process unknown\n");
			break;
		}
}

void trace_free(struct trace *t)
{
	ring_buffer__free(t->ring);
	bpf_object__close(t->obj);
	free(t->v);
	free(t);
}
