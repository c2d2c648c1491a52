/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep explain: what a message of the verifier means and what to do about it. */
#include "messages.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const struct message_page *message_page(const char *id)
{
	for (const struct message_page *p = message_pages; p->id; p++)
		if (!strcasecmp(p->id, id))
			return p;
	return NULL;
}

/* Behind a conversion: "%5lld". */
static const char *skip_conversion(const char *p)
{
	for (p++; *p && strchr("-+ #0123456789.lzh", *p); p++)
		;
	return *p ? p + 1 : p;
}

/* How many characters of @message's own words stand in @line, in order; 0: not all of them do. */
static size_t words_in(const char *message, const char *line)
{
	size_t total = 0;

	while (*message) {
		size_t n = strcspn(message, "%");
		char *words;

		if (!n) {
			message = skip_conversion(message);
			continue;
		}
		words = strndup(message, n);
		line = words ? strstr(line, words) : NULL;
		free(words);
		if (!line)
			return 0;
		line += n;
		total += n;
		message += n;
	}
	return total;
}

/* The message that @line is: the one with the most words of its own in it. */
static const struct message_page *message_of_line(const char *line)
{
	const struct message_page *best = NULL;
	size_t most = 5; /* fewer are in too many lines */

	for (const struct message_page *p = message_pages; p->id; p++) {
		size_t n = words_in(p->message, line);

		if (n > most) {
			most = n;
			best = p;
		}
	}
	return best;
}

/* Whether every word of @argv is in the id or the message. */
static bool has_words(const struct message_page *p, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcasestr(p->id, argv[i]) && !strcasestr(p->message, argv[i]))
			return false;
	return true;
}

/* A paragraph, broken between words. */
static void print_wrapped(FILE *to, const char *line, size_t n)
{
	size_t used = 0;

	while (n) {
		size_t word = 0;

		while (word < n && line[word] != ' ')
			word++;
		if (used && used + 1 + word > 100) {
			fputc('\n', to);
			used = 0;
		}
		used += (size_t)fprintf(to, "%s%.*s", used ? " " : "", (int)word, line);
		line += word;
		n -= word;
		if (n) {
			line++;
			n--;
		}
	}
	fputc('\n', to);
}

static void print_page(const struct cli *cli, const struct message_page *p)
{
	const char *line = p->text;
	bool code = false;

	if (cli->json) {
		cJSON *j = cJSON_CreateObject();

		cJSON_AddStringToObject(j, "id", p->id);
		cJSON_AddStringToObject(j, "message", p->message);
		cJSON_AddStringToObject(j, "page", p->text);
		cli_print_json(cli, j);
		return;
	}
	while (*line) {
		size_t n = strcspn(line, "\n");
		bool fence = !strncmp(line, "```", 3);

		code ^= fence;
		if (!code && *line == '#')
			fprintf(cli->out, "%s%.*s%s\n", cli_bold(cli),
				(int)(n - strspn(line, "# ")), line + strspn(line, "# "),
				cli_plain(cli));
		else if (code && !fence)
			fprintf(cli->out, "    %.*s\n", (int)n, line);
		else if (!strncmp(line, "    ", 4))
			fprintf(cli->out, "%.*s\n", (int)n, line);
		else if (!fence)
			print_wrapped(cli->out, line, n);
		line += n + (line[n] == '\n');
	}
}

static int print_list(const struct cli *cli, int argc, char **argv)
{
	cJSON *list = cli->json ? cJSON_CreateArray() : NULL;
	const struct message_page *only = NULL;
	int found = 0;

	for (const struct message_page *p = message_pages; p->id; p++)
		if (has_words(p, argc, argv)) {
			only = p;
			found++;
		}
	if (found == 1 && argc > 1) {
		cJSON_Delete(list);
		print_page(cli, only);
		return EXIT_DONE;
	}
	for (const struct message_page *p = message_pages; p->id && found; p++) {
		if (!has_words(p, argc, argv))
			continue;
		if (list) {
			cJSON *j = cJSON_CreateObject();

			cJSON_AddStringToObject(j, "id", p->id);
			cJSON_AddStringToObject(j, "message", p->message);
			cJSON_AddItemToArray(list, j);
		} else {
			fprintf(cli->out, "%-26s %s\n", p->id, p->message);
		}
	}
	if (list)
		cli_print_json(cli, list);
	return found ? EXIT_DONE :
		       cli_error(cli, "no message has these words: skep explain lists all");
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct message_page *p;

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return cli_usage(&cmd_explain, "no option %s", argv[i]);
	p = argc == 2 ? message_page(argv[1]) : NULL;
	if (!p && argc == 2)
		p = message_of_line(argv[1]);
	if (!p)
		return print_list(cli, argc, argv);
	print_page(cli, p);
	return EXIT_DONE;
}

const struct command cmd_explain = {
	.name = "explain",
	.synopsis = "explain [ID | 'MESSAGE' | WORD…]",
	.help = "What a message of the verifier means, a program that gets it, what to do about "
		"it, and\n"
		"where Linux has it. Without arguments, all messages.\n\n"
		"  ID         as skep verify names it, e.g. MAP_VALUE_BOUNDS\n"
		"  'MESSAGE'  a line of the kernel's log, e.g. 'R2 !read_ok'\n"
		"  WORD…      messages with all of these words\n\n"
		"The same pages are docs/messages/ID.md.\n",
	.run = run,
};
