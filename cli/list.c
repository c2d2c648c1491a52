/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep list: the hook points, searched; and what to say when one is missing. */
#include "hook_points.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KIND_WIDTH  11
#define LABEL_WIDTH 6
#define MIN_WIDTH   40

/* "kind:name", which patterns are matched with, too. */
static bool matches(const struct skep_hook_point *p, const char *pattern)
{
	char full[256];

	snprintf(full, sizeof(full), "%s:%s", p->kind, p->name);
	if (!strpbrk(pattern, "*?["))
		return strstr(full, pattern) != NULL;
	return !fnmatch(pattern, p->name, 0) || !fnmatch(pattern, full, 0);
}

/* How programs are attached to it, in libbpf's words. */
static const char *section_of(const struct skep_hook_point *p, char *buf, size_t size)
{
	const char *colon = strchr(p->name, ':');

	if (!strcmp(p->kind, "tracepoint") && colon)
		snprintf(buf, size, "tp/%.*s/%s", (int)(colon - p->name), p->name, colon + 1);
	else if (!strcmp(p->kind, "raw_tp"))
		snprintf(buf, size, "raw_tp/%s, tp_btf/%s", p->name, p->name);
	else if (p->returns)
		snprintf(buf, size, "kprobe/%s, kretprobe/…, fentry/…, fexit/…", p->name);
	else
		snprintf(buf, size, "kprobe/%s, fentry/…", p->name);
	return buf;
}

static cJSON *point_json(const struct skep_hook_point *p)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "kind", p->kind);
	cJSON_AddStringToObject(j, "name", p->name);
	cJSON_AddStringToObject(j, "arguments", p->what ?: "");
	cJSON_AddStringToObject(j, "when", p->when ?: "");
	cJSON_AddBoolToObject(j, "returns", p->returns);
	cJSON_AddStringToObject(j, "result", p->result ?: "");
	return j;
}

/* Of the terminal; 0: lines go to a file or a filter, and stay whole. */
static size_t width(const struct cli *cli)
{
	struct winsize size;

	if (!isatty(fileno(cli->out)) || ioctl(fileno(cli->out), TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col < MIN_WIDTH ? MIN_WIDTH : size.ws_col;
}

/* Length of what stays on one line: words, or an argument with its type. */
static size_t unit(const char *text, bool arguments)
{
	size_t n = strcspn(text, " ");

	while (arguments && text[n] && text[n - 1] != ',')
		n += 1 + strcspn(text + n + 1, " ");
	return n;
}

/* Prints @text from column @at on; further lines begin at @indent. */
static void print_wrapped(const struct cli *cli, const char *text, size_t at, size_t indent,
			  bool arguments)
{
	size_t margin = width(cli);

	for (bool first = true; *text; first = false) {
		size_t n = unit(text, arguments);

		if (first) {
			fprintf(cli->out, "%.*s", (int)n, text);
			at += n;
		} else if (margin && at + 1 + n > margin) {
			fprintf(cli->out, "\n%*s%.*s", (int)indent, "", (int)n, text);
			at = indent + n;
		} else {
			fprintf(cli->out, " %.*s", (int)n, text);
			at += 1 + n;
		}
		text += n + (text[n] == ' ');
	}
	fputc('\n', cli->out);
}

static void print_line(const struct cli *cli, const char *label, const char *text)
{
	fprintf(cli->out, "%*s%-*s", KIND_WIDTH, "", LABEL_WIDTH, label);
	print_wrapped(cli, text, KIND_WIDTH + LABEL_WIDTH, KIND_WIDTH + LABEL_WIDTH, false);
}

/* What is the same for hundreds of points is printed for few of them. */
static bool is_plain(const struct skep_hook_point *p)
{
	return !p->when || !*p->when || !strncmp(p->name, "syscalls:", 9) ||
	       !strncmp(p->name, "__x64_sys_", 10);
}

static void print_point(const struct cli *cli, const struct skep_hook_point *p, bool details)
{
	bool result = p->result && *p->result;
	char *rest, buf[512];

	if (asprintf(&rest, "(%s)%s%s", p->what ?: "", result ? " -> " : "",
		     result ? p->result : "") < 0)
		return;
	fprintf(cli->out, "%-*s%s%s%s", KIND_WIDTH, p->kind, cli_bold(cli), p->name,
		cli_plain(cli));
	print_wrapped(cli, rest, KIND_WIDTH + strlen(p->name), KIND_WIDTH + LABEL_WIDTH, true);
	free(rest);
	if (!is_plain(p) || (details && p->when && *p->when))
		print_line(cli, "when:", p->when);
	if (details)
		print_line(cli, "SEC:", section_of(p, buf, sizeof(buf)));
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct skep_hook_point p = { .sz = sizeof(p) };
	cJSON *list = cli->json ? cJSON_CreateArray() : NULL;
	const char *pattern = NULL;
	unsigned shown = 0, total = 0;
	bool details;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			return cli_usage(&cmd_list, "no option %s", argv[i]);
		if (pattern)
			return cli_usage(&cmd_list, "one pattern at a time");
		pattern = argv[i];
	}
	if (cli->engine == ENGINE_KERNEL)
		return cli_error(cli, "the running kernel's hook points are listed by bpftrace -l");
	for (unsigned i = 0; !skep_hook_point_get(cli->system, i, &p); i++) {
		total++;
		shown += !pattern || matches(&p, pattern);
	}
	details = cli->verbose || (pattern && shown <= 10);
	for (unsigned i = 0; !skep_hook_point_get(cli->system, i, &p); i++) {
		if (pattern && !matches(&p, pattern))
			continue;
		if (list)
			cJSON_AddItemToArray(list, point_json(&p));
		else
			print_point(cli, &p, details);
	}
	if (list)
		cli_print_json(cli, list);
	if (!shown)
		return list ? EXIT_REFUSED :
			      cli_error(cli,
					"no hook point matches '%s'; skep list shows all %u, "
					"docs/howto says how to add one",
					pattern ?: "", total);
	return EXIT_DONE;
}

/* ---- what a missing one was meant to be ---- */

/* Letters of @a and @b in common by pairs, 0 to 1 (Dice). */
static double likeness(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), same = 0;

	if (n < 2 || m < 2)
		return 0;
	for (size_t i = 0; i + 1 < n; i++) {
		char pair[3] = { a[i], a[i + 1], 0 };

		same += strstr(b, pair) != NULL;
	}
	for (size_t i = 0; i + 1 < m; i++) {
		char pair[3] = { b[i], b[i + 1], 0 };

		same += strstr(a, pair) != NULL;
	}
	return (double)same / (double)(n + m - 2);
}

#define NEAREST 3

char *hook_points_advice(const struct cli *cli, const char *name)
{
	struct skep_hook_point p = { .sz = sizeof(p) };
	struct {
		char *name;
		double likeness;
	} best[NEAREST + 1] = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f;
	unsigned n = 0;

	for (unsigned i = 0; cli->system && !skep_hook_point_get(cli->system, i, &p); i++) {
		const char *colon = strchr(p.name, ':'), *short_name = colon ? colon + 1 : p.name;
		double l = likeness(name, short_name);
		unsigned at = n;

		if (!strcmp(name, short_name)) { /* it is there: something else was wrong */
			for (unsigned j = 0; j < n; j++)
				free(best[j].name);
			return NULL;
		}
		if (l < 0.6)
			continue;
		while (at && best[at - 1].likeness < l) {
			best[at] = best[at - 1];
			at--;
		}
		best[at].name = strdup(p.name);
		best[at].likeness = l;
		if (n == NEAREST)
			free(best[NEAREST].name);
		else
			n++;
	}
	f = open_memstream(&text, &len);
	if (f) {
		fputs("'skep list PATTERN' searches what there is", f);
		for (unsigned i = 0; i < n; i++)
			fprintf(f, "%s%s", i ? ", " : "; near: ", best[i].name);
		fclose(f);
	}
	for (unsigned i = 0; i < n; i++)
		free(best[i].name);
	return text;
}

const struct command cmd_list = {
	.name = "list",
	.synopsis = "list [PATTERN]",
	.help = "Prints the hook points that programs can be attached to: tracepoints, raw "
		"tracepoints and\n"
		"kernel functions, with their arguments, what they return, and when they are "
		"reached; for "
		"few of\n"
		"them (or with -v) also how a program's section names them. PATTERN is a part of\n"
		"\"kind:name\", or with * ? [ a shell pattern: skep list openat; skep list "
		"'function:vfs_*'.\n\n"
		"User functions are not listed: uprobes take any symbol of any file.\n\n"
		"Exit status: 0 found some, 1 none matches, 2 wrong usage.\n",
	.run = run,
	.needs_system = true,
};
