/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep prog run: one program on one context. The context's fields are named as in the uapi
 * struct of the type, which the kernel's BTF describes.
 */
#include "prog_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "object.h"
#include "pulses.h"
#include "text.h"
#include "values.h"

#define CTX_MAX	 8192
#define DATA_MAX (1 << 20)
#define OUT_ROOM 131072 /* data may grow */
#define NR_ARGS	 12

struct prog_opts {
	const struct command *cmd;
	const char *object, *prog, *data_out, *ctx_out, *expect;
	unsigned repeat, cpu, batch, flags;
	bool ctx_given, data_given, pulses, args_given;
	unsigned char ctx[CTX_MAX];
	size_t ctx_size;
	unsigned char *data;
	size_t data_size;
	const char **fields; /* "NAME=VALUE", set when the type is known */
	int nr_fields;
	char *objects; /* lines "2.f_flags=3" */
};

/* ---- contexts by name ---- */

static const struct ctx_type {
	int prog;
	const char *name; /* of the struct; NULL: plain words */
	size_t size;	  /* bytes handed over, when not the struct's */
} ctx_types[] = {
	{ BPF_PROG_TYPE_SOCKET_FILTER, "__sk_buff" },
	{ BPF_PROG_TYPE_KPROBE, "pt_regs" },
	{ BPF_PROG_TYPE_SCHED_CLS, "__sk_buff" },
	{ BPF_PROG_TYPE_SCHED_ACT, "__sk_buff" },
	{ BPF_PROG_TYPE_XDP, "xdp_md" },
	{ BPF_PROG_TYPE_PERF_EVENT, "bpf_perf_event_data" },
	{ BPF_PROG_TYPE_CGROUP_SKB, "__sk_buff" },
	{ BPF_PROG_TYPE_CGROUP_SOCK, "bpf_sock" },
	{ BPF_PROG_TYPE_LWT_IN, "__sk_buff" },
	{ BPF_PROG_TYPE_LWT_OUT, "__sk_buff" },
	{ BPF_PROG_TYPE_LWT_XMIT, "__sk_buff" },
	{ BPF_PROG_TYPE_SOCK_OPS, "bpf_sock_ops" },
	{ BPF_PROG_TYPE_SK_SKB, "__sk_buff" },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, "bpf_cgroup_dev_ctx" },
	{ BPF_PROG_TYPE_SK_MSG, "sk_msg_md" },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bpf_sock_addr" },
	{ BPF_PROG_TYPE_LWT_SEG6LOCAL, "__sk_buff" },
	{ BPF_PROG_TYPE_SK_REUSEPORT, "sk_reuseport_md" },
	{ BPF_PROG_TYPE_FLOW_DISSECTOR, "bpf_flow_keys" },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, "bpf_sysctl" },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, "bpf_sockopt" },
	{ BPF_PROG_TYPE_SK_LOOKUP, "bpf_sk_lookup" },
	{ 32 /* BPF_PROG_TYPE_NETFILTER */, "nf_hook_state" },
};

static const struct ctx_type *ctx_type_of(int prog)
{
	for (size_t i = 0; i < sizeof(ctx_types) / sizeof(ctx_types[0]); i++)
		if (ctx_types[i].prog == prog)
			return &ctx_types[i];
	return NULL;
}

struct place {
	unsigned off, size;
};

/* Member @name of struct @t, in its unnamed members, too. */
static bool find_member(const struct btf *btf, const struct btf_type *t, const char *name,
			size_t len, unsigned base, struct place *out, const struct btf_type **type)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *s = btf__name_by_offset(btf, m->name_off);
		int id = btf__resolve_type(btf, m->type);
		unsigned off = base + btf_member_bit_offset(t, (__u32)i) / 8;

		if (id < 0 || btf_member_bitfield_size(t, (__u32)i))
			continue;
		if (!*s && btf_is_composite(btf__type_by_id(btf, (__u32)id)) &&
		    find_member(btf, btf__type_by_id(btf, (__u32)id), name, len, off, out, type))
			return true;
		if (strncmp(s, name, len) || s[len])
			continue;
		*type = btf__type_by_id(btf, (__u32)id);
		*out = (struct place){ off, (unsigned)btf__resolve_size(btf, (__u32)id) };
		return true;
	}
	return false;
}

/* "name", "name[2]" or "outer.name". */
static bool find_field(const struct btf *btf, const struct btf_type *t, const char *name,
		       struct place *out)
{
	const struct btf_type *type = t;
	unsigned base = 0;

	for (;;) {
		size_t len = strcspn(name, ".[");
		unsigned long nr;
		char *end;

		if (!btf_is_composite(type) || !find_member(btf, type, name, len, base, out, &type))
			return false;
		name += len;
		if (*name == '[') {
			int id = btf_is_array(type) ?
					 btf__resolve_type(btf, btf_array(type)->type) :
					 -1;

			nr = strtoul(name + 1, &end, 10);
			if (id < 0 || *end != ']' || nr >= btf_array(type)->nelems)
				return false;
			type = btf__type_by_id(btf, (__u32)id);
			out->size = (unsigned)btf__resolve_size(btf, (__u32)id);
			out->off += (unsigned)nr * out->size;
			name = end + 1;
		}
		if (!*name)
			return out->size <= 8;
		if (*name++ != '.')
			return false;
		base = out->off;
	}
}

/* A number in any base, or an IPv4 address as the network has it. */
static bool parse_number(const char *text, unsigned long long *v)
{
	struct in_addr a;
	char *end;

	if (strchr(text, '.') && inet_pton(AF_INET, text, &a) == 1) {
		*v = a.s_addr;
		return true;
	}
	errno = 0;
	*v = *text == '-' ? (unsigned long long)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return *text && !*end && !errno;
}

/* --field options. 0 or an exit status. */
static int set_fields(const struct cli *cli, struct prog_opts *o, int type, const struct btf *btf)
{
	const struct ctx_type *ctx = ctx_type_of(type);
	int id = ctx && ctx->name && btf ? btf__find_by_name_kind(btf, ctx->name, BTF_KIND_STRUCT) :
					   -1;
	unsigned long long v;
	struct place at;
	char name[128];

	if (!o->nr_fields)
		return 0;
	if (id < 0)
		return cli_error(cli,
				 "--field: contexts of %s programs have no named fields here: "
				 "give --ctx FILE, or --arg",
				 prog_type_name(type));
	for (int i = 0; i < o->nr_fields; i++) {
		const char *equals = strchr(o->fields[i], '=');

		if (!equals || equals - o->fields[i] >= (long)sizeof(name))
			return cli_usage(o->cmd, "--field %s: NAME=VALUE", o->fields[i]);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - o->fields[i]), o->fields[i]);
		if (!find_field(btf, btf__type_by_id(btf, (__u32)id), name, &at) ||
		    at.off + at.size > CTX_MAX)
			return cli_usage(o->cmd, "--field %s: struct %s has no such number", name,
					 ctx->name);
		if (!parse_number(equals + 1, &v))
			return cli_usage(o->cmd, "--field %s: %s is no number", name, equals + 1);
		memcpy(o->ctx + at.off, &v, at.size);
	}
	if (!o->ctx_given)
		o->ctx_size = (size_t)btf__resolve_size(btf, (__u32)id);
	o->ctx_given = true;
	return 0;
}

/* ---- options ---- */

static int read_file(const struct cli *cli, const char *path, void *to, size_t room, size_t *size)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;

	if (!f)
		return cli_error(cli, "%s: %s", path, strerror(errno));
	*size = fread(to, 1, room, f);
	room -= *size;
	if (!room && fgetc(f) != EOF)
		room = (size_t)-1;
	if (f != stdin)
		fclose(f);
	return room == (size_t)-1 ? cli_error(cli, "%s: too large", path) : 0;
}

static int read_hex(struct prog_opts *o, const char *text)
{
	int digits = 0, v = 0;

	o->data_size = 0;
	for (; *text; text++) {
		const char *all = "0123456789abcdef0123456789ABCDEF", *at = strchr(all, *text);

		if (strchr(" \t\n:", *text))
			continue;
		if (!at || o->data_size == DATA_MAX)
			return cli_usage(o->cmd, "--hex: '%c' is no hexadecimal digit", *text);
		v = v << 4 | (int)((at - all) % 16);
		if (++digits % 2 == 0)
			o->data[o->data_size++] = (unsigned char)v;
	}
	o->data_given = true;
	return digits % 2 ? cli_usage(o->cmd, "--hex: half a byte at the end") : 0;
}

/* "2=5", "2.f_flags=3", "1.comm=x". */
static int set_arg(struct prog_opts *o, const char *text)
{
	unsigned long nr;
	unsigned long long v;
	char *end, *more;

	nr = strtoul(text, &end, 10);
	if (end == text || nr >= NR_ARGS || (*end != '=' && *end != '.'))
		return cli_usage(o->cmd, "--arg %s: N=VALUE or N.FIELD=VALUE", text);
	o->args_given = o->ctx_given = true;
	o->ctx_size = NR_ARGS * 8;
	if (*end == '.') {
		const char *value = strchr(text, '=');
		const char *quote =
			value && !parse_number(value + 1, &v) && value[1] != '"' ? "\"" : "";

		if (!value || asprintf(&more, "%s%.*s=%s%s%s\n", o->objects ?: "",
				       (int)(value - text), text, quote, value + 1, quote) < 0)
			return cli_usage(o->cmd, "--arg %s: N.FIELD=VALUE", text);
		free(o->objects);
		o->objects = more;
		return 0;
	}
	if (!parse_number(end + 1, &v))
		return cli_usage(o->cmd, "--arg %s: %s is no number", text, end + 1);
	memcpy(o->ctx + nr * 8, &v, 8);
	return 0;
}

static int number(struct prog_opts *o, const char *name, const char *text, unsigned *to)
{
	unsigned long long v;

	if (!parse_number(text, &v) || v > 0xffffffffULL)
		return cli_usage(o->cmd, "%s %s: a number", name, text);
	*to = (unsigned)v;
	return 0;
}

static int option(const struct cli *cli, struct prog_opts *o, int argc, char **argv, int *i)
{
	const char *v;

	if ((v = cli_option("--prog", argc, argv, i)))
		return o->prog = v, 0;
	if ((v = cli_option("--field", argc, argv, i)))
		return o->fields[o->nr_fields++] = v, 0;
	if ((v = cli_option("--arg", argc, argv, i)))
		return set_arg(o, v);
	if ((v = cli_option("--ctx-out", argc, argv, i)))
		return o->ctx_out = v, 0;
	if ((v = cli_option("--data-out", argc, argv, i)))
		return o->data_out = v, 0;
	if ((v = cli_option("--ctx", argc, argv, i))) {
		o->ctx_given = true;
		return read_file(cli, v, o->ctx, sizeof(o->ctx), &o->ctx_size);
	}
	if ((v = cli_option("--data", argc, argv, i))) {
		o->data_given = true;
		return read_file(cli, v, o->data, DATA_MAX, &o->data_size);
	}
	if ((v = cli_option("--hex", argc, argv, i)))
		return read_hex(o, v);
	if ((v = cli_option("--pulses", argc, argv, i))) {
		o->pulses = o->data_given = true;
		return pulses_read(cli, v, o->data, DATA_MAX, &o->data_size);
	}
	if ((v = cli_option("--repeat", argc, argv, i)))
		return number(o, "--repeat", v, &o->repeat);
	if ((v = cli_option("--cpu", argc, argv, i))) {
		o->flags |= BPF_F_TEST_RUN_ON_CPU;
		return number(o, "--cpu", v, &o->cpu);
	}
	if ((v = cli_option("--batch", argc, argv, i)))
		return number(o, "--batch", v, &o->batch);
	if ((v = cli_option("--expect", argc, argv, i)))
		return o->expect = v, 0;
	if (!strcmp(argv[*i], "--live"))
		return o->flags |= 2, 0; /* BPF_F_TEST_XDP_LIVE_FRAMES */
	if (argv[*i][0] == '-' && argv[*i][1])
		return cli_usage(o->cmd, "no option %s", argv[*i]);
	if (o->object)
		return cli_usage(o->cmd, "run: one object file (and --prog NAME)");
	o->object = argv[*i];
	return 0;
}

/* ---- the run ---- */

static struct bpf_program *choose(const struct cli *cli, const struct prog_opts *o,
				  struct bpf_object *obj)
{
	struct bpf_program *prog, *found = NULL;
	int n = 0;

	bpf_object__for_each_program(prog, obj)
	{
		bool wanted = !o->prog || !strcmp(bpf_program__name(prog), o->prog);

		bpf_program__set_autoload(prog, wanted);
		n += wanted;
		if (wanted)
			found = prog;
	}
	if (n == 1)
		return found;
	if (o->prog)
		cli_error(cli, "%s: no program %s in it", o->object, o->prog);
	else
		cli_error(cli, "%s: %d programs in it: which one? (--prog NAME)", o->object, n);
	return NULL;
}

/* Contexts that say how long the data is, where the caller did not. */
static void complete(struct prog_opts *o, int type)
{
	struct xdp_md *md = (struct xdp_md *)o->ctx;

	if (type == BPF_PROG_TYPE_XDP && o->ctx_given && !md->data_end)
		md->data_end = (unsigned)o->data_size;
}

struct result {
	struct bpf_test_run_opts t;
	unsigned char ctx[CTX_MAX], data[OUT_ROOM];
	int err;
};

static bool has_no_ctx_out(int type)
{
	return type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_SYSCALL;
}

/* Arguments stay as they are. */
static bool keeps_ctx(int type)
{
	return has_no_ctx_out(type) || type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM ||
	       type == BPF_PROG_TYPE_KPROBE || type == BPF_PROG_TYPE_TRACEPOINT ||
	       type == BPF_PROG_TYPE_PERF_EVENT || type == 32 /* BPF_PROG_TYPE_NETFILTER */;
}

static bool has_no_data(int type)
{
	return type == BPF_PROG_TYPE_SK_LOOKUP || has_no_ctx_out(type);
}

static void run_it(const struct prog_opts *o, int fd, int type, struct result *r)
{
	struct bpf_test_run_opts *t = &r->t;

	memset(t, 0, sizeof(*t));
	t->sz = sizeof(*t);
	if (o->ctx_given) {
		t->ctx_in = o->ctx;
		t->ctx_size_in = (unsigned)o->ctx_size;
		if (!keeps_ctx(type) && !(o->flags & 2)) {
			t->ctx_out = r->ctx;
			t->ctx_size_out = sizeof(r->ctx);
		}
	}
	if (o->objects) {
		t->data_in = o->objects;
		t->data_size_in = (unsigned)strlen(o->objects);
	} else if (o->data_given) {
		t->data_in = o->data;
		t->data_size_in = (unsigned)o->data_size;
	}
	if (!has_no_data(type) && !(o->flags & 2)) {
		t->data_out = r->data;
		t->data_size_out = sizeof(r->data);
	}
	t->repeat = (int)o->repeat;
	t->flags = o->flags;
	t->cpu = o->cpu;
	t->batch_size = o->batch;
	r->err = bpf_prog_test_run_opts(fd, t);
}

static cJSON *hex(const unsigned char *bytes, size_t n)
{
	char *text = malloc(2 * n + 1);
	cJSON *j;

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * n] = 0;
	j = cJSON_CreateString(text);
	free(text);
	return j;
}

/* Members that are 0 say nothing. */
static void drop_zeroes(cJSON *object)
{
	cJSON *m = object ? object->child : NULL, *next;

	for (; m; m = next) {
		bool zero = cJSON_IsNumber(m) && m->valuedouble == 0;

		next = m->next;
		if (cJSON_IsArray(m)) {
			zero = true;
			for (cJSON *e = m->child; e; e = e->next)
				zero &= cJSON_IsNumber(e) && e->valuedouble == 0;
		}
		zero |= cJSON_IsString(m) && !strcmp(m->valuestring, "0x0");
		if (zero)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, m));
	}
}

static cJSON *as_struct(const struct btf *btf, const char *name, const void *bytes, size_t size)
{
	int id = btf && name ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -1;
	cJSON *j;

	if (id < 0 || btf__resolve_size(btf, (__u32)id) > (long long)size)
		return hex(bytes, size);
	j = value_json(btf, id, bytes, size);
	drop_zeroes(j);
	return j;
}

/* What the run left, as one object. */
static cJSON *result_json(const struct prog_opts *o, struct bpf_program *prog, int type,
			  const struct btf *btf, const struct result *r)
{
	const struct ctx_type *ctx = ctx_type_of(type);
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "program", bpf_program__name(prog));
	cJSON_AddStringToObject(j, "type", prog_type_name(type));
	cJSON_AddNumberToObject(j, "returned", r->t.retval);
	if (r->t.duration)
		cJSON_AddNumberToObject(j, "ns", r->t.duration);
	if (r->t.ctx_out && r->t.ctx_size_out)
		cJSON_AddItemToObject(
			j, "context",
			as_struct(btf, ctx ? ctx->name : NULL, r->ctx, r->t.ctx_size_out));
	if (type == BPF_PROG_TYPE_LIRC_MODE2)
		cJSON_AddItemToObject(j, "decoded", pulses_events(r->data, r->t.data_size_out));
	else if (type == BPF_PROG_TYPE_FLOW_DISSECTOR && r->t.data_out)
		cJSON_AddItemToObject(j, "keys",
				      as_struct(btf, "bpf_flow_keys", r->data, r->t.data_size_out));
	else if (r->t.data_out && r->t.data_size_out)
		cJSON_AddItemToObject(j, "data", hex(r->data, r->t.data_size_out));
	return j;
}

static void print_result(const struct cli *cli, cJSON *j)
{
	const cJSON *decoded = cJSON_GetObjectItem(j, "decoded");

	fprintf(cli->out, "%s (%s) returned %s%.0f%s\n",
		cJSON_GetObjectItem(j, "program")->valuestring,
		cJSON_GetObjectItem(j, "type")->valuestring, cli_bold(cli),
		cJSON_GetObjectItem(j, "returned")->valuedouble, cli_plain(cli));
	for (const cJSON *m = j->child; m; m = m->next) {
		if (m == decoded || !strcmp(m->string, "program") || !strcmp(m->string, "type") ||
		    !strcmp(m->string, "returned"))
			continue;
		fprintf(cli->out, "  %s: ", m->string);
		text_print(cli->out, m);
		fputc('\n', cli->out);
	}
	for (const cJSON *e = decoded ? decoded->child : NULL; e; e = e->next)
		pulses_print_event(cli->out, e);
}

static int write_file(const struct cli *cli, const char *path, const void *bytes, size_t n)
{
	FILE *f = path ? fopen(path, "we") : NULL;
	bool bad;

	if (!path)
		return 0;
	if (!f)
		return cli_error(cli, "%s: %s", path, strerror(errno));
	bad = fwrite(bytes, 1, n, f) != n;
	bad |= fclose(f) != 0;
	return bad ? cli_error(cli, "%s: cannot be written", path) : 0;
}

static void trace_line(void *arg, const char *line, uint32_t len)
{
	const struct cli *cli = arg;

	while (len && line[len - 1] == '\n')
		len--;
	if (cli->quiet)
		return;
	text_print_safe(stderr, line, len);
	fputc('\n', stderr);
}

static const char *why(int err, int type, const struct prog_opts *o)
{
	if (err == 524)
		return "programs of this type cannot be test-run by the kernel: skep's own engine "
		       "can";
	if (err == EINVAL && !o->data_given && type != BPF_PROG_TYPE_SK_LOOKUP)
		return "invalid argument (a packet? --data FILE or --hex BYTES; or a field of the "
		       "context that must be 0)";
	return strerror(err);
}

static int run_object(struct cli *cli, struct prog_opts *o)
{
	struct bpf_object *obj = object_open(cli, o->object);
	struct btf *btf = btf__load_vmlinux_btf();
	struct result *r = calloc(1, sizeof(*r));
	struct bpf_program *prog = NULL;
	unsigned long long expect = 0;
	struct verdict v = { 0 };
	int status = EXIT_REFUSED, type;
	cJSON *j;

	if (obj && r)
		prog = choose(cli, o, obj);
	if (!prog)
		goto out;
	if (object_load(cli, obj, o->object, 0, &v)) {
		if (cli->json)
			cli_print_json(cli, verdict_json(&v));
		else
			verdict_print(cli, &v);
		goto out;
	}
	type = (int)bpf_program__type(prog);
	status = set_fields(cli, o, type, btf);
	if (status)
		goto out;
	complete(o, type);
	if (cli->system)
		skep_set_trace(cli->system, trace_line, cli);
	run_it(o, bpf_program__fd(prog), type, r);
	if (r->err) {
		status = cli_error(cli, "%s: program %s cannot be run: %s", o->object,
				   bpf_program__name(prog), why(-r->err, type, o));
		goto out;
	}
	j = result_json(o, prog, type, btf, r);
	if (!cli->json)
		print_result(cli, j);
	values_print(cli, obj, 64, cli->json ? j : NULL);
	if (cli->json)
		cli_print_json(cli, j);
	else
		cJSON_Delete(j);
	status = write_file(cli, o->ctx_out, r->ctx, r->t.ctx_out ? r->t.ctx_size_out : 0);
	if (!status)
		status = write_file(cli, o->data_out, r->data,
				    r->t.data_out ? r->t.data_size_out : 0);
	if (o->expect && !parse_number(o->expect, &expect))
		status = cli_usage(o->cmd, "--expect %s: a number", o->expect);
	else if (o->expect && (unsigned)expect != r->t.retval)
		status = cli_error(cli, "%s returned %u and not %s", bpf_program__name(prog),
				   r->t.retval, o->expect);
out:
	verdict_free(&v);
	bpf_object__close(obj);
	btf__free(btf);
	free(r);
	return status;
}

/* ---- the same for a benchmark ---- */

struct prog_opts *prog_opts_new(const struct command *cmd, int argc)
{
	struct prog_opts *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->cmd = cmd;
	o->data = malloc(DATA_MAX);
	o->fields = calloc((size_t)argc, sizeof(*o->fields));
	if (o->data && o->fields)
		return o;
	prog_opts_free(o);
	return NULL;
}

void prog_opts_free(struct prog_opts *o)
{
	if (!o)
		return;
	free(o->objects);
	free(o->fields);
	free(o->data);
	free(o);
}

int prog_opts_parse(const struct cli *cli, struct prog_opts *o, int argc, char **argv, int *i)
{
	return option(cli, o, argc, argv, i);
}

const char *prog_opts_object(const struct prog_opts *o)
{
	return o->object;
}

const char *prog_opts_prog(const struct prog_opts *o)
{
	return o->prog;
}

int prog_opts_fit(const struct cli *cli, struct prog_opts *o, int type)
{
	static const unsigned char packet[64] = {
		[12] = 0x08, [14] = 0x45, [17] = 50, [22] = 64, [23] = 6, [46] = 0x50
	};
	struct btf *btf = o->nr_fields ? btf__load_vmlinux_btf() : NULL;
	int status = set_fields(cli, o, type, btf);
	const struct ctx_type *ctx = ctx_type_of(type);

	btf__free(btf);
	/* A packet for those that take one: TCP in IPv4. */
	if (!o->data_given && !o->objects && type != BPF_PROG_TYPE_SK_REUSEPORT && ctx &&
	    (!strcmp(ctx->name, "__sk_buff") || !strcmp(ctx->name, "xdp_md") ||
	     !strcmp(ctx->name, "bpf_flow_keys"))) {
		memcpy(o->data, packet, sizeof(packet));
		o->data_size = sizeof(packet);
		o->data_given = true;
	}
	/* Arguments of which we know nothing are 0. */
	if (!o->ctx_given && (type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
			      type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE)) {
		o->ctx_given = true;
		o->ctx_size = NR_ARGS * 8;
	}
	complete(o, type);
	return status;
}

int prog_opts_run(const struct prog_opts *o, int fd, int type, unsigned repeat, unsigned *ns)
{
	struct prog_opts once = *o;
	struct result *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	once.repeat = repeat;
	run_it(&once, fd, type, r);
	err = r->err;
	*ns = r->t.duration;
	free(r);
	return err;
}

int prog_run(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	struct prog_opts *o = prog_opts_new(cmd, argc);
	int status = 0;

	if (!o)
		return EXIT_BROKEN;
	for (int i = 1; i < argc && !status; i++)
		status = option(cli, o, argc, argv, &i);
	if (!status && !o->object)
		status = cli_usage(cmd, "run: which object file?");
	if (!status)
		status = run_object(cli, o);
	prog_opts_free(o);
	return status;
}
