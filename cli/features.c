/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep features: every name of eBPF with state, release and note. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static unsigned release(const struct skep_feature *f)
{
	return f->since_major << 8 | f->since_minor;
}

/* *@release: 0 when no kernel was asked for: rows of all are shown. An exit status. */
static int wanted_release(struct cli *cli, unsigned *release)
{
	const char *env = getenv("SKEP_KERNEL");
	unsigned major, minor;
	int status;

	*release = 0;
	if (!cli->system_opts.kernel && (!env || !*env))
		return EXIT_DONE;
	status = cli_start_system(cli);
	if (status)
		return status;
	skep_kernel_release(cli->system, &major, &minor);
	*release = major << 8 | minor;
	return EXIT_DONE;
}

static bool matches(const struct skep_feature *f, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcasestr(f->vocabulary, argv[i]) && !strcasestr(f->name, argv[i]) &&
		    strcmp(f->state, argv[i]))
			return false;
	return true;
}

static cJSON *feature_json(const struct skep_feature *f)
{
	cJSON *j = cJSON_CreateObject();
	char since[16];

	cJSON_AddStringToObject(j, "vocabulary", f->vocabulary);
	cJSON_AddStringToObject(j, "name", f->name);
	cJSON_AddNumberToObject(j, "value", (double)f->value);
	snprintf(since, sizeof(since), "%u.%u", f->since_major, f->since_minor);
	if (f->since_major)
		cJSON_AddStringToObject(j, "since", since);
	cJSON_AddStringToObject(j, "state", f->state);
	if (*f->note)
		cJSON_AddStringToObject(j, "note", f->note);
	return j;
}

static void print_row(const struct cli *cli, const struct skep_feature *f)
{
	const char *color = !strcmp(f->state, "done")	? cli_green(cli) :
			    !strcmp(f->state, "absent") ? cli_red(cli) :
							  "";

	char since[16] = "";

	if (f->since_major)
		snprintf(since, sizeof(since), "%2u.%u", f->since_major, f->since_minor);
	printf("  %-44s %-6s %s%-*s%s%s%s\n", f->name, since, color, *f->note ? 8 : 0, f->state,
	       *color ? cli_plain(cli) : "", *f->note ? " " : "", f->note);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct skep_feature f = { .sz = sizeof(f) };
	unsigned kernel, shown = 0, done = 0, partial = 0;
	const char *title = "";
	cJSON *list;
	int status;

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return cli_usage(&cmd_features, "no option %s", argv[i]);
	status = wanted_release(cli, &kernel);
	if (status)
		return status;
	list = cli->json ? cJSON_CreateArray() : NULL;
	for (unsigned i = 0; !skep_feature_get(i, &f); i++) {
		if (!matches(&f, argc, argv) || (kernel && release(&f) > kernel))
			continue;
		shown++;
		done += !strcmp(f.state, "done");
		partial += !strcmp(f.state, "partial");
		if (list) {
			cJSON_AddItemToArray(list, feature_json(&f));
			continue;
		}
		if (strcmp(title, f.vocabulary)) {
			title = f.vocabulary;
			printf("%s%s%s\n", cli_bold(cli), title, cli_plain(cli));
		}
		print_row(cli, &f);
	}
	if (list)
		cli_print_json(cli, list);
	else if (!shown)
		fputs("skep: no row has all of these words in its kind or name, or as its state "
		      "(done, partial, absent)\n",
		      stderr);
	else
		printf("%u rows: %u done, %u partial, %u absent\n", shown, done, partial,
		       shown - done - partial);
	return shown ? EXIT_DONE : EXIT_REFUSED;
}

const struct command cmd_features = {
	.name = "features",
	.synopsis = "features [WORD…]",
	.help = "Prints every command, map type, program type, attach type, link type, helper, "
		"kfunc, flag,\n"
		"BTF kind, section name and opcode with the Linux release that introduced it and "
		"what\n"
		"skep has of it. Words choose rows whose vocabulary, name or state they match; "
		"--kernel\n"
		"X.Y those that this release has.\n",
	.run = run,
};
