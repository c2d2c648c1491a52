/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep diff: each program of an object, loaded and test-run on skep and on the
 * running kernel with the same packets; prints what differs. The profile is the
 * kernel's own release unless --kernel says otherwise.
 */
#include "object.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>

#define PACKET_MAX 1500
#define OUT_MAX	   4096

struct diff_opts {
	const char *only;
	unsigned packets;
	uint64_t seed;
};

/* One engine's side of a comparison. */
struct side {
	struct skep_system *system; /* NULL: the kernel */
	struct bpf_object *obj;
	struct bpf_program *prog;
	struct verdict verdict;
	int run_err;
	unsigned retval;
	unsigned char out[OUT_MAX];
	unsigned out_size;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static void put16(unsigned char *at, unsigned v)
{
	at[0] = (unsigned char)(v >> 8);
	at[1] = (unsigned char)v;
}

/* A packet that parsers find interesting: mostly well-formed headers, now and then damaged. */
static unsigned make_packet(unsigned char *p, uint64_t *seed)
{
	static const unsigned protocols[] = { 6, 17, 1, 47, 50, 132 };
	static const unsigned ports[] = { 22, 53, 80, 123, 443, 8080 };
	unsigned size = 14 + (unsigned)(next_random(seed) % 200), at = 14;
	uint64_t kind = next_random(seed) % 8;

	if (size < 60)
		size = 60;
	for (unsigned i = 0; i < size; i++)
		p[i] = (unsigned char)next_random(seed);
	if (kind == 0) { /* VLAN tag before IPv4 */
		put16(p + 12, 0x8100);
		put16(p + 16, 0x0800);
		at = 18;
	} else {
		put16(p + 12, kind == 1 ? 0x86dd : kind == 2 ? 0x0806 : 0x0800);
	}
	if (kind == 1) {
		p[at] = 0x60;
		p[at + 6] = (unsigned char)protocols[next_random(seed) % 6];
		at += 40;
	} else if (kind != 2) {
		p[at] = (unsigned char)(0x45 + (next_random(seed) % 8 == 0 ? 1 : 0));
		put16(p + at + 2, size - at);
		p[at + 8] = (unsigned char)(next_random(seed) % 3 + 1);
		p[at + 9] = (unsigned char)protocols[next_random(seed) % 6];
		memcpy(p + at + 16, "\x0a\x00\x00\x50", 4);
		at += 20;
	}
	if (at + 4 <= size)
		put16(p + at + 2, ports[next_random(seed) % 6]);
	return size;
}

static void use(const struct side *s)
{
	skep_front_use(s->system);
}

static int side_load(const struct cli *cli, struct side *s, const char *path, int index)
{
	struct bpf_program *prog;
	int i = 0;

	use(s);
	s->obj = object_open(cli, path);
	if (!s->obj)
		return -1;
	bpf_object__for_each_program(prog, s->obj)
	{
		bpf_program__set_autoload(prog, i == index);
		if (i++ == index)
			s->prog = prog;
	}
	object_load(cli, s->obj, path, 0, &s->verdict);
	return 0;
}

static void side_run(struct side *s, const unsigned char *packet, unsigned size)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = size,
		    .data_out = s->out, .data_size_out = sizeof(s->out), .repeat = 1);

	use(s);
	s->run_err = bpf_prog_test_run_opts(bpf_program__fd(s->prog), &o);
	if (s->run_err)
		s->run_err = -errno;
	s->retval = o.retval;
	s->out_size = s->run_err ? 0 : o.data_size_out;
}

static void side_close(struct side *s)
{
	use(s);
	verdict_free(&s->verdict);
	bpf_object__close(s->obj);
	s->obj = NULL;
}

/* What was found, as text lines and as JSON. */
struct findings {
	const struct cli *cli;
	cJSON *list;
	int count;
};

static void found(struct findings *f, const char *what, const char *skep, const char *kernel)
{
	f->count++;
	if (f->list) {
		cJSON *j = cJSON_CreateObject();

		cJSON_AddStringToObject(j, "what", what);
		cJSON_AddStringToObject(j, "skep", skep);
		cJSON_AddStringToObject(j, "kernel", kernel);
		cJSON_AddItemToArray(f->list, j);
	} else {
		printf("  %sdiffers%s: %s\n    skep:   %s\n    kernel: %s\n", cli_red(f->cli),
		       cli_plain(f->cli), what, skep, kernel);
	}
}

static void hex(char *to, size_t room, const unsigned char *p, unsigned size, unsigned from)
{
	size_t n = 0;

	to[0] = 0;
	for (unsigned i = from; i < size && n + 4 < room && i < from + 16; i++)
		n += (size_t)snprintf(to + n, room - n, "%02x ", p[i]);
}

static void compare_runs(struct findings *f, const struct side *a, const struct side *b, unsigned n)
{
	char what[64], x[128], y[128];
	unsigned i = 0;

	snprintf(what, sizeof(what), "packet %u: result", n);
	if (a->run_err != b->run_err || (!a->run_err && a->retval != b->retval)) {
		snprintf(x, sizeof(x), "%s %u", a->run_err ? strerror(-a->run_err) : "returned",
			 a->retval);
		snprintf(y, sizeof(y), "%s %u", b->run_err ? strerror(-b->run_err) : "returned",
			 b->retval);
		found(f, what, x, y);
		return;
	}
	if (a->out_size != b->out_size) {
		snprintf(what, sizeof(what), "packet %u: length afterwards", n);
		snprintf(x, sizeof(x), "%u", a->out_size);
		snprintf(y, sizeof(y), "%u", b->out_size);
		found(f, what, x, y);
		return;
	}
	while (i < a->out_size && a->out[i] == b->out[i])
		i++;
	if (i == a->out_size)
		return;
	snprintf(what, sizeof(what), "packet %u: bytes from %u", n, i);
	hex(x, sizeof(x), a->out, a->out_size, i);
	hex(y, sizeof(y), b->out, b->out_size, i);
	found(f, what, x, y);
}

/* Whether values of this type can be compared: plain memory that programs write. */
static bool comparable(const struct bpf_map *map)
{
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
		return true;
	default:
		return false;
	}
}

static void compare_map(struct findings *f, const struct side *a, const struct side *b,
			const struct bpf_map *ma, const struct bpf_map *mb)
{
	unsigned ksize = bpf_map__key_size(ma), vsize = bpf_map__value_size(ma);
	int fa = bpf_map__fd(ma), fb = bpf_map__fd(mb), na = 0, nb = 0;
	unsigned char *key = calloc(3, ksize + 1), *next = key + ksize;
	unsigned char *va = calloc(2, vsize + 8), *vb = va + vsize + 8;
	char what[160], x[128], y[128];

	if (!key || !va)
		goto out;
	use(b);
	for (int e = bpf_map_get_next_key(fb, NULL, next); !e;
	     e = bpf_map_get_next_key(fb, key, next)) {
		memcpy(key, next, ksize);
		nb++;
	}
	use(a);
	for (int e = bpf_map_get_next_key(fa, NULL, next); !e;
	     e = bpf_map_get_next_key(fa, key, next)) {
		int err;

		memcpy(key, next, ksize);
		na++;
		if (bpf_map_lookup_elem(fa, key, va))
			continue;
		use(b);
		err = bpf_map_lookup_elem(fb, key, vb);
		use(a);
		if (!err && !memcmp(va, vb, vsize))
			continue;
		hex(x, sizeof(x), key, ksize, 0);
		snprintf(what, sizeof(what), "map %s, key %s", bpf_map__name(ma), x);
		hex(x, sizeof(x), va, vsize, 0);
		hex(y, sizeof(y), vb, vsize, 0);
		found(f, what, x, err ? "absent" : y);
	}
	if (na != nb) {
		snprintf(what, sizeof(what), "map %s: elements", bpf_map__name(ma));
		snprintf(x, sizeof(x), "%d", na);
		snprintf(y, sizeof(y), "%d", nb);
		found(f, what, x, y);
	}
out:
	free(key);
	free(va);
}

static bool packet_type(int type)
{
	return type == BPF_PROG_TYPE_XDP || type == BPF_PROG_TYPE_SCHED_CLS ||
	       type == BPF_PROG_TYPE_SCHED_ACT || type == BPF_PROG_TYPE_SOCKET_FILTER;
}

static void verdict_text(char *to, size_t room, const struct verdict *v)
{
	if (v->err)
		snprintf(to, room, "rejected (%s): %s", strerror(v->err), v->reason);
	else
		snprintf(to, room, "accepted");
}

static int diff_program(const struct cli *cli, struct skep_system *sys, const char *path, int index,
			const struct diff_opts *o, cJSON *list)
{
	struct side a = { .system = sys }, b = { 0 };
	struct findings f = { .cli = cli };
	unsigned char packet[PACKET_MAX];
	uint64_t seed = o->seed ? o->seed : 1;
	char x[1024], y[1024];
	cJSON *j = NULL;
	unsigned runs = 0;

	if (side_load(cli, &a, path, index) || side_load(cli, &b, path, index)) {
		side_close(&a);
		return EXIT_REFUSED;
	}
	if (list) {
		j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "program", bpf_program__name(a.prog));
		f.list = cJSON_AddArrayToObject(j, "differences");
		cJSON_AddItemToArray(list, j);
	} else {
		printf("%s: program %s (%s)\n", path, bpf_program__name(a.prog),
		       prog_type_name((int)bpf_program__type(a.prog)));
	}
	if (!a.verdict.err != !b.verdict.err) {
		verdict_text(x, sizeof(x), &a.verdict);
		verdict_text(y, sizeof(y), &b.verdict);
		found(&f, "verdict", x, y);
	} else if (!a.verdict.err && packet_type((int)bpf_program__type(a.prog))) {
		struct bpf_map *ma, *mb;

		for (runs = 0; runs < o->packets; runs++) {
			unsigned size = make_packet(packet, &seed);

			side_run(&a, packet, size);
			side_run(&b, packet, size);
			compare_runs(&f, &a, &b, runs);
		}
		bpf_object__for_each_map(ma, a.obj)
		{
			mb = bpf_object__find_map_by_name(b.obj, bpf_map__name(ma));
			if (mb && comparable(ma) && bpf_map__fd(ma) >= 0)
				compare_map(&f, &a, &b, ma, mb);
		}
	}
	verdict_text(x, sizeof(x), &a.verdict);
	if (j) {
		cJSON_AddStringToObject(j, "verdict", a.verdict.err ? "rejected" : "accepted");
		cJSON_AddNumberToObject(j, "runs", runs);
	} else if (!f.count) {
		printf("  %ssame%s: %s on both", cli_green(cli), cli_plain(cli),
		       a.verdict.err ? "rejected" : "accepted");
		if (runs)
			printf(", %u packets with equal results and output, equal maps", runs);
		putchar('\n');
	}
	side_close(&a);
	side_close(&b);
	return f.count ? EXIT_REFUSED : EXIT_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct diff_opts o = { .packets = 200, .seed = 1 };
	struct skep_system_opts sys_opts = cli->system_opts;
	struct skep_system *sys;
	const char *path = NULL, *v;
	int status = EXIT_DONE, n, seen = 0;
	bool *wanted = NULL;
	struct utsname un;
	cJSON *list = NULL;

	for (int i = 1; i < argc; i++) {
		if ((v = cli_option("--prog", argc, argv, &i)))
			o.only = v;
		else if ((v = cli_option("--packets", argc, argv, &i)))
			o.packets = (unsigned)strtoul(v, NULL, 0);
		else if ((v = cli_option("--seed", argc, argv, &i)))
			o.seed = strtoull(v, NULL, 0);
		else if (argv[i][0] == '-')
			return cli_usage(&cmd_diff, "no option %s", argv[i]);
		else if (path)
			return cli_usage(&cmd_diff, "one object at a time");
		else
			path = argv[i];
	}
	if (!path)
		return cli_usage(&cmd_diff, "which object file?");
	skep_front_use(NULL);
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCKET_FILTER, NULL) != 1)
		return cli_error(
			cli,
			"the running kernel does not let this user load eBPF programs, so there "
			"is nothing to compare with");
	uname(&un);
	if (!sys_opts.kernel)
		sys_opts.kernel = un.release;
	sys = skep_system_new(&sys_opts);
	if (!sys) {
		cli_error(cli, "cannot start a system like Linux %s: %s", sys_opts.kernel,
			  strerror(errno));
		return EXIT_BROKEN;
	}
	cli->system = sys;
	skep_front_use(sys);
	n = object_choose(cli, path, o.only, &wanted);
	if (n < 0)
		return EXIT_REFUSED;
	if (cli->json)
		list = cJSON_CreateArray();
	for (int i = 0; i < n; i++) {
		if (!wanted[i])
			continue;
		seen++;
		if (diff_program(cli, sys, path, i, &o, list))
			status = EXIT_REFUSED;
	}
	free(wanted);
	if (list)
		cli_print_json(cli, list);
	if (!seen)
		return cli_error(cli, "%s: no program named %s", path, o.only);
	return status;
}

const struct command cmd_diff = {
	.name = "diff",
	.synopsis = "diff OBJ [--prog NAME] [--packets N] [--seed N]",
	.help = "Loads each program of the object on skep and on the running kernel, runs those "
		"that\n"
		"take packets on the same generated packets on both, and prints what differs:\n"
		"verdict, result, packet afterwards, map contents.\n\n"
		"  --prog NAME        only this program\n"
		"  --packets N        packets per program (default 200)\n"
		"  --seed N           of the packet generator (default 1)\n\n"
		"Exit status: 0 nothing differs, 1 something does or the kernel cannot be asked.\n",
	.run = run,
};
