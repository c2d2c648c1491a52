/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Pulses and spaces of an infrared receiver (lirc(4), mode2(1), ir-ctl(1)); see pulses.h. */
#include "pulses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_PULSES (16u << 20)

static const char *protocol_name(unsigned nr)
{
	static const char *const names[] = {
		"unknown",    "other",	  "rc-5",      "rc-5x-20", "rc-5-sz",	 "jvc",
		"sony-12",    "sony-15",  "sony-20",   "nec",	   "nec-x",	 "nec-32",
		"sanyo",      "mce-kbd",  "mce-mouse", "rc-6-0",   "rc-6-6a-20", "rc-6-6a-24",
		"rc-6-6a-32", "rc-6-mce", "sharp",     "xmp",	   "cec",	 "imon",
		"rc-mm-12",   "rc-mm-24", "rc-mm-32",  "xbox-dvd",
	};

	return nr < sizeof(names) / sizeof(names[0]) ? names[nr] : "?";
}

static int parse_text(const struct cli *cli, const char *path, const char *text, unsigned *to,
		      size_t max, size_t *n)
{
	const char *at = text;
	uint32_t sample;
	int got, line = 1;

	while ((got = skep_pulse_parse(&at, &sample)) > 0) {
		if (*n == max)
			return cli_error(cli, "%s: more than %zu samples", path, max);
		to[(*n)++] = sample;
	}
	if (!got)
		return 0;
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return cli_error(cli,
			 "%s:%d: '%.*s': neither \"pulse N\", \"space N\" nor \"+N -N\" "
			 "(microseconds)",
			 path, line, (int)strcspn(at, " \t\r\n,"), at);
}

int pulses_read(const struct cli *cli, const char *path, void *to, size_t room, size_t *size)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, len;
	char *text;
	int status = 0;

	if (!f)
		return cli_error(cli, "%s: %s", path, strerror(errno));
	text = malloc(room + 1);
	len = text ? fread(text, 1, room, f) : 0;
	fclose(f);
	if (!text)
		return EXIT_BROKEN;
	text[len] = 0;
	if (memchr(text, 0, len)) { /* samples as bytes */
		memcpy(to, text, len);
		*size = len;
		if (len % 4)
			status = cli_error(cli, "%s: %zu bytes are no whole samples", path, len);
	} else {
		status = parse_text(cli, path, text, to, room / 4, &n);
		*size = n * 4;
	}
	free(text);
	return status;
}

bool pulses_check(const struct cli *cli, const char *path)
{
	struct stat st;
	size_t size;
	void *to;
	int status;

	if (*path && stat(path, &st)) {
		cli_error(cli, "--lirc: %s: %s", path, strerror(errno));
		return false;
	}
	if (!*path || !S_ISREG(st.st_mode) || st.st_size > SIZE_MAX_PULSES)
		return true;
	to = malloc(SIZE_MAX_PULSES);
	status = to ? pulses_read(cli, path, to, SIZE_MAX_PULSES, &size) : EXIT_BROKEN;
	free(to);
	return !status;
}

cJSON *pulses_events(const void *data, size_t size)
{
	static const char *const kinds[] = { "keydown", "repeat", "pointer" };
	const struct skep_lirc_event *e = data;
	cJSON *list = cJSON_CreateArray();
	char code[32];

	for (; size >= sizeof(*e); size -= sizeof(*e), e++) {
		cJSON *j = cJSON_CreateObject();

		cJSON_AddStringToObject(j, "event", kinds[e->kind % 3]);
		if (e->kind == 0) {
			snprintf(code, sizeof(code), "0x%llx", (unsigned long long)e->scancode);
			cJSON_AddStringToObject(j, "protocol", protocol_name(e->protocol));
			cJSON_AddStringToObject(j, "scancode", code);
			cJSON_AddNumberToObject(j, "toggle", e->toggle);
		} else if (e->kind == 2) {
			cJSON_AddNumberToObject(j, "x", e->x);
			cJSON_AddNumberToObject(j, "y", e->y);
		}
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

void pulses_print_event(FILE *out, const cJSON *event)
{
	fputs("  lirc", out);
	for (const cJSON *m = event->child; m; m = m->next) {
		if (cJSON_IsNumber(m))
			fprintf(out, " %s=%g", m->string, m->valuedouble);
		else if (!strcmp(m->string, "event"))
			fprintf(out, " %s", m->valuestring);
		else
			fprintf(out, " %s=%s", m->string, m->valuestring);
	}
	fputc('\n', out);
}
