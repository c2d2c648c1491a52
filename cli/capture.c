/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep run --pcap: programs on the packets of a capture. */
#include "capture.h"
#include "object.h"
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define BPF_TCX_INGRESS_TYPE 46 /* enum bpf_attach_type; newer than the system's header may be */
#define MAP_LIMIT	     20 /* elements shown of a map */

static const char *const xdp_names[] = { "ABORTED", "DROP", "PASS", "TX", "REDIRECT", "invalid" };
static const char *const tc_names[] = { "OK",	  "RECLASSIFY", "SHOT",	    "PIPE", "STOLEN",
					"QUEUED", "REPEAT",	"REDIRECT", "TRAP", "other" };

/* What was found to run: at most one program of each kind. */
struct chosen {
	struct bpf_program *xdp, *tc, *filter;
};

static struct bpf_program **slot_of(struct chosen *c, const struct bpf_program *prog)
{
	switch ((int)bpf_program__type(prog)) {
	case BPF_PROG_TYPE_XDP:
		return &c->xdp;
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
		return &c->tc;
	case BPF_PROG_TYPE_SOCKET_FILTER:
		return &c->filter;
	default:
		return NULL;
	}
}

/* Picks the programs and leaves only them to be loaded. */
static int choose(const struct cli *cli, struct bpf_object *obj, const struct capture_opts *o,
		  struct chosen *c)
{
	struct bpf_program *prog;
	bool any = false;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_program **slot = slot_of(c, prog);
		bool wanted = !o->prog || !strcmp(o->prog, bpf_program__name(prog));

		if (wanted && o->prog && !slot)
			return cli_error(cli,
					 "%s: program %s (%s): packets of a capture are for "
					 "programs of type "
					 "xdp, sched_cls, sched_act and socket_filter",
					 o->object, o->prog,
					 prog_type_name((int)bpf_program__type(prog)));
		if (wanted && slot && *slot)
			return cli_error(
				cli, "%s: programs %s and %s are of one kind: choose with --prog",
				o->object, bpf_program__name(*slot), bpf_program__name(prog));
		bpf_program__set_autoload(prog, wanted && slot);
		if (wanted && slot) {
			*slot = prog;
			any = true;
		}
	}
	if (any)
		return 0;
	return o->prog ? cli_error(cli, "%s: no program named %s", o->object, o->prog) :
			 cli_error(cli, "%s: no program for packets (xdp, tc, socket) in it",
				   o->object);
}

/* Attaches by links, as on a network device. Link descriptors, -1: none. */
static int attach(const struct cli *cli, const struct capture_opts *o, struct skep_pcap *pcap,
		  const struct chosen *c, int links[2])
{
	int ifindex = (int)skep_pcap_ifindex(pcap), err;

	if (c->xdp) {
		links[0] = bpf_link_create(bpf_program__fd(c->xdp), ifindex, BPF_XDP, NULL);
		if (links[0] < 0)
			return cli_error(cli, "%s: program %s: cannot be attached: %s", o->object,
					 bpf_program__name(c->xdp), strerror(errno));
	}
	if (c->tc) {
		links[1] = bpf_link_create(bpf_program__fd(c->tc), ifindex,
					   (enum bpf_attach_type)BPF_TCX_INGRESS_TYPE, NULL);
		if (links[1] < 0)
			return cli_error(cli, "%s: program %s: cannot be attached: %s", o->object,
					 bpf_program__name(c->tc), strerror(errno));
	}
	err = c->filter ? skep_pcap_filter(pcap, bpf_program__fd(c->filter)) : 0;
	if (err < 0)
		return cli_error(cli, "%s: program %s: cannot be attached: %s", o->object,
				 bpf_program__name(c->filter), strerror(-err));
	return 0;
}

static void print_counts(const struct bpf_program *prog, const char *const *names,
			 const uint64_t *counts, size_t n)
{
	printf("%-8s %s:", prog_type_name((int)bpf_program__type(prog)), bpf_program__name(prog));
	for (size_t i = 0; i < n; i++)
		if (counts[i])
			printf("  %s %" PRIu64, names[i], counts[i]);
	putchar('\n');
}

static void print_text(const struct capture_opts *o, const struct chosen *c,
		       const struct skep_pcap_stats *s)
{
	double seconds = (double)s->ns / 1e9;

	printf("%s: %" PRIu64 " packets, %" PRIu64 " bytes in %.3f ms: %.2f million packets/s\n",
	       o->pcap, s->packets, s->bytes, seconds * 1e3,
	       seconds > 0 ? (double)s->packets / seconds / 1e6 : 0);
	if (c->xdp)
		print_counts(c->xdp, xdp_names, s->xdp, 6);
	if (c->filter)
		printf("%-8s %s:  kept %" PRIu64 " (%" PRIu64 " bytes)  ignored %" PRIu64 "\n",
		       "socket", bpf_program__name(c->filter), s->filter_kept, s->filter_bytes,
		       s->filter_dropped);
	if (c->tc)
		print_counts(c->tc, tc_names, s->tc, 10);
	printf("packets:  passed %" PRIu64 "  dropped %" PRIu64, s->passed, s->dropped);
	if (s->transmitted)
		printf("  transmitted %" PRIu64, s->transmitted);
	if (s->redirected)
		printf("  redirected %" PRIu64, s->redirected);
	putchar('\n');
}

static cJSON *counts_json(const char *const *names, const uint64_t *counts, size_t n)
{
	cJSON *j = cJSON_CreateObject();

	for (size_t i = 0; i < n; i++)
		if (counts[i])
			cJSON_AddNumberToObject(j, names[i], (double)counts[i]);
	return j;
}

static cJSON *stats_json(const struct capture_opts *o, const struct chosen *c,
			 const struct skep_pcap_stats *s)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "object", o->object);
	cJSON_AddStringToObject(j, "pcap", o->pcap);
	cJSON_AddNumberToObject(j, "packets", (double)s->packets);
	cJSON_AddNumberToObject(j, "bytes", (double)s->bytes);
	cJSON_AddNumberToObject(j, "ns", (double)s->ns);
	if (c->xdp)
		cJSON_AddItemToObject(j, "xdp", counts_json(xdp_names, s->xdp, 6));
	if (c->tc)
		cJSON_AddItemToObject(j, "tc", counts_json(tc_names, s->tc, 10));
	if (c->filter) {
		cJSON_AddNumberToObject(j, "filter_kept", (double)s->filter_kept);
		cJSON_AddNumberToObject(j, "filter_bytes", (double)s->filter_bytes);
	}
	cJSON_AddNumberToObject(j, "passed", (double)s->passed);
	cJSON_AddNumberToObject(j, "dropped", (double)s->dropped);
	cJSON_AddNumberToObject(j, "transmitted", (double)s->transmitted);
	cJSON_AddNumberToObject(j, "redirected", (double)s->redirected);
	return j;
}

static char *with_suffix(const char *path, const char *suffix)
{
	char *s = NULL;

	return path && asprintf(&s, "%s%s", path, suffix) >= 0 ? s : NULL;
}

static int replay(const struct cli *cli, const struct capture_opts *o, struct skep_pcap *pcap,
		  struct bpf_object *obj, const struct chosen *c)
{
	struct skep_pcap_run_opts run = { .sz = sizeof(run), .repeat = o->repeat, .out = o->out };
	struct skep_pcap_stats stats = { .sz = sizeof(stats) };
	char *tx = with_suffix(o->out, ".tx"), *redirect = with_suffix(o->out, ".redirect");
	char *filter = with_suffix(o->out, ".filter"), error[512];
	int err, status = EXIT_DONE;

	/* Only what can come about gets a file. */
	run.out_tx = c->xdp ? tx : NULL;
	run.out_redirect = c->xdp || c->tc ? redirect : NULL;
	run.out_filter = c->filter ? filter : NULL;
	err = skep_pcap_run(pcap, &run, &stats, error, sizeof(error));
	if (err < 0) {
		status = cli_error(cli, "%s", error);
	} else if (cli->json) {
		cJSON *j = stats_json(o, c, &stats);

		values_print(cli, obj, UINT32_MAX, cJSON_AddObjectToObject(j, "maps"));
		cli_print_json(cli, j);
	} else {
		print_text(o, c, &stats);
		values_print(cli, obj, MAP_LIMIT, NULL);
	}
	if (o->out && !err) {
		if (!stats.transmitted)
			unlink(tx);
		if (!stats.redirected)
			unlink(redirect);
	}
	free(tx);
	free(redirect);
	free(filter);
	return status;
}

static int run_on_capture(const struct cli *cli, const struct capture_opts *o)
{
	struct bpf_object *obj = object_open(cli, o->object);
	struct skep_pcap *pcap = NULL;
	struct chosen c = { 0 };
	int links[2] = { -1, -1 };
	struct verdict v = { 0 };
	char error[512];
	int status;

	if (!obj)
		return EXIT_REFUSED;
	status = choose(cli, obj, o, &c);
	if (status)
		goto out;
	if (skep_pcap_open(cli->system, o->pcap, &pcap, error, sizeof(error)) < 0) {
		status = cli_error(cli, "%s", error);
		goto out;
	}
	if (object_load(cli, obj, o->object, 0, &v)) {
		if (cli->json)
			cli_print_json(cli, verdict_json(&v));
		else
			verdict_print(cli, &v);
		status = EXIT_REFUSED;
		goto out;
	}
	status = attach(cli, o, pcap, &c, links);
	if (!status)
		status = replay(cli, o, pcap, obj, &c);
out:
	for (int i = 0; i < 2; i++)
		if (links[i] >= 0)
			close(links[i]);
	skep_pcap_close(pcap);
	verdict_free(&v);
	bpf_object__close(obj);
	return status;
}

static void trace_line(void *arg, const char *line, uint32_t len)
{
	const struct cli *cli = arg;

	/* With --json standard output is one JSON text. */
	fprintf(cli->json ? stderr : stdout, "printk:   %.*s%s", (int)len, line,
		len && line[len - 1] == '\n' ? "" : "\n");
}

int capture_run(struct cli *cli, const struct capture_opts *o)
{
	if (cli->engine == ENGINE_KERNEL)
		return cli_error(
			cli,
			"captures run on skep's devices only; skep diff compares with the kernel");
	skep_set_trace(cli->system, trace_line, cli);
	return run_on_capture(cli, o);
}
