/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep features: every name of eBPF with state, release and note. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static unsigned release(const struct skep_feature *f)
{
	return f->since_major << 8 | f->since_minor;
}

/* 0 when no --kernel was given: rows of all releases are shown. */
static unsigned wanted_release(const struct cli *cli)
{
	unsigned major, minor;

	if (!cli->system_opts.kernel ||
	    sscanf(cli->system_opts.kernel, "%u.%u", &major, &minor) != 2)
		return 0;
	return major << 8 | minor;
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

	snprintf(since, sizeof(since), "%u.%u", f->since_major, f->since_minor);
	cJSON_AddStringToObject(j, "vocabulary", f->vocabulary);
	cJSON_AddStringToObject(j, "name", f->name);
	cJSON_AddNumberToObject(j, "value", (double)f->value);
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

	printf("  %-44s %2u.%-3u %s%-8s%s%s%s\n", f->name, f->since_major, f->since_minor, color,
	       f->state, *color ? cli_plain(cli) : "", *f->note ? " " : "", f->note);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct skep_feature f = { .sz = sizeof(f) };
	unsigned kernel = wanted_release(cli), shown = 0, done = 0, partial = 0;
	cJSON *list = cli->json ? cJSON_CreateArray() : NULL;
	const char *title = "";

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return cli_usage(&cmd_features, "no option %s", argv[i]);
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
