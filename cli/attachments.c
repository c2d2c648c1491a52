/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs find their places by libbpf's rules for section names. What libbpf does not attach
 * by itself is attached here (samples), or refused with what to do.
 */
#include "attachments.h"
#include "hook_points.h"
#include "object.h"
#include "supervise.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

static bool wanted(const struct attach_opts *opts, const char *name)
{
	if (!opts->progs || !opts->progs[0])
		return true;
	for (size_t i = 0; opts->progs[i]; i++)
		if (!strcmp(opts->progs[i], name))
			return opts->progs_met[i] = true;
	return false;
}

/* ---- loading ---- */

struct left_out {
	char **names;
	unsigned n;
};

static bool is_left_out(const struct left_out *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->names[i], name))
			return true;
	return false;
}

static bool leave_out(struct left_out *l, const char *name)
{
	char **names = reallocarray(l->names, l->n + 1, sizeof(*names));

	if (!names)
		return false;
	l->names = names;
	names[l->n] = strdup(name);
	return names[l->n++] != NULL;
}

static void refusal(const struct cli *cli, const struct verdict *v)
{
	if (cli->json)
		cli_print_json(cli, verdict_json(v));
	else
		verdict_print(cli, v);
}

/* What libbpf says of a function that the kernel types do not have. */
static void explain_target(const struct cli *cli, struct verdict *v)
{
	const char *at =
		v->reason ? strstr(v->reason, "failed to find kernel BTF type ID of '") : NULL;
	char *name, *advice;

	if (!at || v->advice)
		return;
	at = strchr(at, '\'') + 1;
	name = strndup(at, strcspn(at, "'"));
	advice = hook_points_advice(cli, name);
	free(v->reason);
	if (asprintf(&v->reason, "there is no kernel function %s to attach to", name) < 0)
		v->reason = NULL;
	v->advice = advice;
	free(name);
}

/* Opens the object, with what is wanted of it chosen. */
static int open_object(const struct cli *cli, const char *path, const struct attach_opts *opts,
		       const struct left_out *left, struct attached_object *o)
{
	struct bpf_program *prog;
	int status;

	o->obj = object_open(cli, path);
	if (!o->obj)
		return EXIT_REFUSED;
	bpf_object__for_each_program(prog, o->obj)
	{
		const char *name = bpf_program__name(prog);

		/* SEC("?…") means: not by itself. */
		bool chosen = opts->progs && opts->progs[0] ? wanted(opts, name) :
							      bpf_program__autoload(prog);

		bpf_program__set_autoload(prog, chosen && !is_left_out(left, name));
	}
	for (size_t i = 0; opts->set && opts->set[i]; i++) {
		status = global_set(cli, o->obj, opts->set[i], &opts->set_met[i]);
		if (status)
			return status;
	}
	return 0;
}

int attachments_load(const struct cli *cli, const char *path, const struct attach_opts *opts,
		     struct attached_object *o)
{
	struct left_out left = { 0 };
	struct verdict v;
	int status, err;

	memset(o, 0, sizeof(*o));
	o->path = path;
	for (;;) {
		status = open_object(cli, path, opts, &left, o);
		if (status)
			break;
		err = object_load(cli, o->obj, path, 0, &v);
		if (!err) {
			verdict_free(&v);
			break;
		}
		explain_target(cli, &v);
		refusal(cli, &v);
		status = EXIT_REFUSED;
		if (!opts->keep_going || !v.prog || is_left_out(&left, v.prog) ||
		    !leave_out(&left, v.prog)) {
			verdict_free(&v);
			break;
		}
		verdict_free(&v);
		bpf_object__close(o->obj);
		o->obj = NULL;
	}
	for (unsigned i = 0; i < left.n; i++)
		free(left.names[i]);
	free(left.names);
	return status;
}

/* ---- attaching ---- */

static bool add_link(struct attachment *a, struct bpf_link *link)
{
	struct bpf_link **links = reallocarray(a->links, a->n + 1, sizeof(*links));

	if (!links) {
		bpf_link__destroy(link);
		return false;
	}
	a->links = links;
	links[a->n++] = link;
	return true;
}

/* Samples of the CPU time of what is supervised: an event for each CPU, as Linux has it. */
static int attach_samples(struct attachment *a, unsigned frequency)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.freq = 1,
					.sample_freq = frequency };
	int cpus = libbpf_num_possible_cpus(), opened = 0, err = 0;

	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd =
			(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
		struct bpf_link *link;

		if (fd < 0) { /* perhaps this one is off */
			err = -errno;
			continue;
		}
		link = bpf_program__attach_perf_event(a->prog, fd);
		if (!link) {
			err = -errno;
			close(fd);
			return err;
		}
		if (!add_link(a, link))
			return -ENOMEM;
		opened++;
	}
	return opened ? 0 : err ? err : -EINVAL;
}

static bool section_is(const char *section, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(section, prefix, n) &&
	       (!section[n] || section[n] == '/' || section[n] == '+');
}

/* "uprobe/usr/lib/libssl.so.3/SSL_write", as some texts spell it, is "uprobe//usr/lib/libssl.so.3:SSL_write". */
static char *uprobe_advice(const char *section)
{
	const char *slash = strchr(section, '/'), *last = slash ? strrchr(slash, '/') : NULL;
	char *text = NULL;
	int n;

	if (!slash || !slash[1])
		n = asprintf(&text, "say where: SEC(\"%s/PATH:FUNCTION\")", section);
	else if (!strchr(section, ':') && last != slash)
		n = asprintf(&text, "libbpf's spelling is SEC(\"%.*s//%.*s:%s\")",
			     (int)(slash - section), section,
			     (int)(last - slash - 1) - (slash[1] == '/'),
			     slash + 1 + (slash[1] == '/'), last + 1);
	else
		n = asprintf(&text,
			     "check that the file exists and has such a symbol (nm -D FILE)");
	return n < 0 ? NULL : text;
}

static char *advice_for(const struct cli *cli, const struct bpf_program *prog, int err)
{
	const char *section = bpf_program__section_name(prog), *name;

	switch ((int)bpf_program__type(prog)) {
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_SOCKET_FILTER:
		return strdup("it runs on packets, which a command's run does not have: skep run "
			      "OBJ --pcap FILE; or choose others with --prog");
	case BPF_PROG_TYPE_SYSCALL:
		return strdup("only BPF_PROG_TEST_RUN runs it; choose others with --prog");
	default:
		break;
	}
	if (section_is(section, "uprobe") || section_is(section, "uretprobe") ||
	    section_is(section, "uprobe.s") || section_is(section, "uretprobe.s"))
		return uprobe_advice(section);
	if (section_is(section, "usdt"))
		return strdup("say where: SEC(\"usdt/PATH:PROVIDER:NAME\"); readelf -n FILE lists "
			      "what a file has");
	name = strrchr(section, '/');
	if (err == -EOPNOTSUPP && (!name || !name[1]))
		return strdup("its section does not say where to attach it, as in "
			      "SEC(\"kprobe/do_unlinkat\")");
	if (err == -ENOENT || err == -ESRCH)
		return hook_points_advice(cli, name ? name + 1 : section);
	return NULL;
}

/* What the system itself has to say of this attachment, if it was asked at all. */
static void refused_for(const struct cli *cli, const struct bpf_program *prog, char **reason,
			char **advice)
{
	const char *section = bpf_program__section_name(prog), *name = strrchr(section, '/');
	struct skep_refusal r = { .sz = sizeof(r) };

	name = name ? name + 1 : section;
	if (!cli->system || skep_last_refusal(cli->system, &r) || !r.message ||
	    strncmp(r.id, "ATTACH_", 7) || !strstr(r.message, name))
		return;
	free(*reason);
	*reason = strdup(r.message);
	if (!*advice && r.advice && *r.advice)
		*advice = strdup(r.advice);
}

static int attach_one(const struct cli *cli, const struct attach_opts *opts, const char *path,
		      struct attachment *a)
{
	struct bpf_link *link;
	char *message, *advice, *reason;
	int err = 0;

	libbpf_messages_start(cli);
	if (bpf_program__type(a->prog) == BPF_PROG_TYPE_PERF_EVENT) {
		err = attach_samples(a, opts->frequency);
	} else {
		link = bpf_program__attach(a->prog);
		err = link ? 0 : -errno;
		if (link && !add_link(a, link))
			err = -ENOMEM;
	}
	if (!err)
		return 0;
	reason = strdup(strerror(-err));
	message = libbpf_message();
	advice = advice_for(cli, a->prog, err);
	refused_for(cli, a->prog, &reason, &advice);
	if (cli->json) {
		cJSON *j = supervise_json("error");

		cJSON_AddStringToObject(j, "file", path);
		cJSON_AddStringToObject(j, "program", bpf_program__name(a->prog));
		cJSON_AddStringToObject(j, "section", bpf_program__section_name(a->prog));
		cJSON_AddStringToObject(j, "error", reason ?: "");
		if (advice)
			cJSON_AddStringToObject(j, "advice", advice);
		cli_print_json(cli, j);
	}
	fprintf(stderr, "skep: %s: program %s (%s) cannot be attached: %s\n", path,
		bpf_program__name(a->prog), bpf_program__section_name(a->prog), reason ?: "");
	if (message && cli->verbose)
		fprintf(stderr, "  libbpf: %s\n", message);
	if (advice)
		fprintf(stderr, "  advice: %s\n", advice);
	free(reason);
	free(message);
	free(advice);
	return EXIT_REFUSED;
}

int attachments_attach(const struct cli *cli, const struct attach_opts *opts,
		       struct attached_object *o)
{
	struct attachment **tail = &o->first;
	struct bpf_program *prog;
	int status = 0;

	bpf_object__for_each_program(prog, o->obj)
	{
		struct attachment *a;

		if (!bpf_program__autoload(prog))
			continue;
		a = calloc(1, sizeof(*a));
		if (!a)
			return cli_error(cli, "out of memory");
		a->prog = prog;
		if (attach_one(cli, opts, o->path, a)) {
			/* All are tried, so that all that must be mended is said at once. */
			free(a->links);
			free(a);
			if (!opts->keep_going)
				status = EXIT_REFUSED;
			continue;
		}
		*tail = a;
		tail = &a->next;
		o->attached++;
	}
	return status;
}

int attachment_runs(const struct attachment *a, uint64_t *count, uint64_t *ns, uint64_t *missed)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(a->prog), &info, &len))
		return -errno;
	*count = info.run_cnt;
	*ns = info.run_time_ns;
	*missed = info.recursion_misses;
	return 0;
}

void attachments_detach(struct attached_object *o)
{
	for (struct attachment *a = o->first; a; a = a->next) {
		for (unsigned i = 0; i < a->n; i++)
			bpf_link__destroy(a->links[i]);
		a->n = 0;
	}
}

void attachments_free(struct attached_object *o)
{
	attachments_detach(o);
	for (struct attachment *a = o->first, *next; a; a = next) {
		next = a->next;
		free(a->links);
		free(a);
	}
	o->first = NULL;
	bpf_object__close(o->obj);
	o->obj = NULL;
}
