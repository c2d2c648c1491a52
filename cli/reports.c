/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reports of skep verify: SARIF 2.1.0, which code hosts show at the source line, and JUnit XML,
 * one test case for each program.
 */
#include "messages.h"
#include "reports.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SARIF_SCHEMA                                                                               \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"                      \
	"sarif-schema-2.1.0.json"

/* What libbpf or the object file was refused for without a message of the verifier's. */
#define NO_RULE "NOT_LOADED"

static const char *text(const cJSON *j, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, name));
}

static double number(const cJSON *j, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(j, name);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static bool is(const cJSON *j, const char *verdict)
{
	const char *v = text(j, "verdict");

	return v && !strcmp(v, verdict);
}

/* Bytes of the well-formed character at @s; 0: none is there, or one that XML does not allow. */
static int char_length(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned code;
	int n;

	if (p[0] < 0x80)
		return p[0] >= ' ' || p[0] == '\t' || p[0] == '\n' || p[0] == '\r';
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	code = p[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) || (n == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code < 0xe000) || code == 0xfffe || code == 0xffff)
		return 0;
	return n;
}

/* @s may be any bytes: names and lines come from the object. In place. */
static char *make_clean(char *s)
{
	for (char *p = s; p && *p;) {
		int n = char_length(p);

		if (!n)
			*p = '?';
		p += n ?: 1;
	}
	return s;
}

/* A new string, well-formed, or NULL. */
static char *clean(const char *s)
{
	return s ? make_clean(strdup(s)) : NULL;
}

/* ---- SARIF ---- */

static void add_text(cJSON *j, const char *name, const char *s)
{
	char *copy = clean(s);

	if (copy)
		cJSON_AddStringToObject(j, name, copy);
	free(copy);
}

/* { @name: { "text": @s } } */
static void add_message(cJSON *j, const char *name, const char *s)
{
	add_text(cJSON_AddObjectToObject(j, name), "text", s);
}

/*
 * A path as a URI reference: relative ones stay so, and those below the current folder become so,
 * as code hosts want them.
 */
static void add_uri(cJSON *j, const char *path)
{
	static const char plain[] = "-._~/!$&'()*+,=@";
	char *uri = malloc(strlen(path) * 3 + 8), *out = uri, *here = getcwd(NULL, 0);
	size_t n = here ? strlen(here) : 0;

	if (n > 1 && !strncmp(path, here, n) && path[n] == '/' && path[n + 1] != '/')
		path += n + 1;
	free(here);
	if (!uri)
		return;
	if (*path == '/')
		out += sprintf(out, "file://");
	for (const char *p = path; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			      (*p >= '0' && *p <= '9');

		if (letter || strchr(plain, *p))
			*out++ = *p;
		else
			out += sprintf(out, "%%%02X", (unsigned char)*p);
	}
	*out = 0;
	cJSON_AddStringToObject(cJSON_AddObjectToObject(j, "artifactLocation"), "uri", uri);
	free(uri);
}

/* The number of rule @id in @rules, which it is added to when it is new. */
static int rule_index(cJSON *rules, const char *id, const char *advice)
{
	const cJSON *rule;
	cJSON *new;
	int i = 0;

	cJSON_ArrayForEach(rule, rules)
	{
		if (!strcmp(text(rule, "id"), id))
			return i;
		i++;
	}
	new = cJSON_CreateObject();
	cJSON_AddStringToObject(new, "id", id);
	add_message(new, "shortDescription",
		    strcmp(id, NO_RULE) ? "The verifier rejects the program" :
					  "The program cannot be loaded");
	if (advice && *advice) {
		add_message(new, "fullDescription", advice);
		add_message(new, "help", advice);
	}
	if (message_page(id)) {
		const char *base = getenv("SKEP_DOCS_URL") ?: "file://" SKEP_DOC_DIR "/messages";
		char *url = NULL;

		if (asprintf(&url, "%s/%s.md", base, id) >= 0)
			cJSON_AddStringToObject(new, "helpUri", url);
		free(url);
	}
	cJSON_AddStringToObject(cJSON_AddObjectToObject(new, "defaultConfiguration"), "level",
				"error");
	cJSON_AddItemToArray(rules, new);
	return i;
}

static cJSON *sarif_location(const cJSON *v)
{
	cJSON *location = cJSON_CreateObject(), *logical, *physical, *region;
	const char *file = text(v, "source_path") ?: text(v, "source_file"),
		   *source = text(v, "source");
	int line = (int)number(v, "line"), column = (int)number(v, "column");

	physical = cJSON_AddObjectToObject(location, "physicalLocation");
	add_uri(physical, file ?: text(v, "file") ?: "");
	if (file && line > 0) {
		region = cJSON_AddObjectToObject(physical, "region");
		cJSON_AddNumberToObject(region, "startLine", line);
		if (column > 0)
			cJSON_AddNumberToObject(region, "startColumn", column);
		if (source && *source)
			add_message(region, "snippet", source);
	}
	if (text(v, "program")) {
		logical = cJSON_CreateObject();
		add_text(logical, "name", text(v, "program"));
		cJSON_AddStringToObject(logical, "kind", "function");
		cJSON_AddItemToArray(cJSON_AddArrayToObject(location, "logicalLocations"), logical);
	}
	return location;
}

/* The steps of @v's path as one thread flow: where what is known came from. */
static void add_flow(cJSON *result, const cJSON *v)
{
	const cJSON *path = cJSON_GetObjectItemCaseSensitive(v, "path"), *step;
	const char *file = text(v, "source_path") ?: text(v, "source_file"),
		   *needed = text(v, "needed");
	cJSON *flow = cJSON_CreateObject(), *flows, *locations;

	if (!file || cJSON_GetArraySize(path) < 2) {
		cJSON_Delete(flow);
		return;
	}
	locations = cJSON_AddArrayToObject(flow, "locations");
	cJSON_ArrayForEach(step, path)
	{
		const char *in = text(step, "file"), *says = text(step, "text"),
			   *source = text(step, "source");
		const char *main_file = text(v, "source_file") ?: "";
		int line = (int)number(step, "line"), column = (int)number(step, "column");
		cJSON *entry, *location, *physical, *region;
		char *all = NULL;

		if (!in)
			continue;
		entry = cJSON_CreateObject();
		location = cJSON_AddObjectToObject(entry, "location");
		physical = cJSON_AddObjectToObject(location, "physicalLocation");
		add_uri(physical, strcmp(in, main_file) ? in : file);
		region = cJSON_AddObjectToObject(physical, "region");
		cJSON_AddNumberToObject(region, "startLine", line > 0 ? line : 1);
		if (column > 0)
			cJSON_AddNumberToObject(region, "startColumn", column);
		if (source)
			add_message(region, "snippet", source);
		if (!step->next && needed &&
		    asprintf(&all, "%s%sneeded: %s", says ?: "", says ? "; " : "", needed) < 0)
			all = NULL;
		add_message(location, "message", all ?: says ?: text(v, "reason"));
		free(all);
		cJSON_AddItemToArray(cJSON_AddArrayToObject(entry, "kinds"),
				     cJSON_CreateString(text(step, "kind") ?: "unknown"));
		cJSON_AddItemToArray(locations, entry);
	}
	flows = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(flows, "threadFlows"), flow);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(result, "codeFlows"), flows);
}

static cJSON *sarif_result(const cJSON *v, cJSON *rules)
{
	const char *advice = text(v, "advice"), *id = text(v, "id") ?: NO_RULE;
	const char *kernel = text(v, "kernel"), *reason = text(v, "reason") ?: "rejected";
	cJSON *result = cJSON_CreateObject(), *properties;
	char *message = NULL;

	cJSON_AddStringToObject(result, "ruleId", id);
	cJSON_AddNumberToObject(result, "ruleIndex", rule_index(rules, id, advice));
	cJSON_AddStringToObject(result, "level", "error");
	if (asprintf(&message, "%s%s%s%s%s", kernel ? "Linux " : "", kernel ?: "",
		     kernel ? ": " : "", reason, advice && *advice ? "\n" : "") >= 0) {
		char *all = NULL;

		if (asprintf(&all, "%s%s", message, advice ?: "") >= 0)
			add_message(result, "message", all);
		free(all);
		free(message);
	}
	cJSON_AddItemToArray(cJSON_AddArrayToObject(result, "locations"), sarif_location(v));
	add_flow(result, v);
	properties = cJSON_AddObjectToObject(result, "properties");
	add_text(properties, "object", text(v, "file"));
	add_text(properties, "program", text(v, "program"));
	add_text(properties, "section", text(v, "section"));
	if (kernel)
		add_text(properties, "kernel", kernel);
	return result;
}

void report_sarif(const struct cli *cli, const cJSON *list)
{
	cJSON *root = cJSON_CreateObject(), *run = cJSON_CreateObject(), *driver, *rules, *results,
	      *invocation = cJSON_CreateObject(), *notes = cJSON_CreateArray(), *note;
	const cJSON *v;

	cJSON_AddStringToObject(root, "$schema", SARIF_SCHEMA);
	cJSON_AddStringToObject(root, "version", "2.1.0");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "runs"), run);
	driver = cJSON_AddObjectToObject(cJSON_AddObjectToObject(run, "tool"), "driver");
	cJSON_AddStringToObject(driver, "name", "skep");
	cJSON_AddStringToObject(driver, "version", SKEP_VERSION);
	rules = cJSON_AddArrayToObject(driver, "rules");
	results = cJSON_AddArrayToObject(run, "results");
	cJSON_ArrayForEach(v, list)
	{
		if (is(v, "rejected")) {
			cJSON_AddItemToArray(results, sarif_result(v, rules));
		} else if (is(v, "error")) {
			note = cJSON_CreateObject();
			cJSON_AddStringToObject(note, "level", "error");
			add_message(note, "message", text(v, "reason"));
			cJSON_AddItemToArray(cJSON_AddArrayToObject(note, "locations"),
					     sarif_location(v));
			cJSON_AddItemToArray(notes, note);
		}
	}
	cJSON_AddBoolToObject(invocation, "executionSuccessful", !cJSON_GetArraySize(notes));
	cJSON_AddItemToObject(invocation, "toolExecutionNotifications", notes);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(run, "invocations"), invocation);
	cli_print_json(cli, root);
}

/* ---- JUnit ---- */

static void print_xml(FILE *to, const char *s)
{
	char *copy = clean(s);

	for (const char *p = copy; p && *p; p++)
		switch (*p) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\n': /* attributes would make it a space */
			fputs("&#10;", to);
			break;
		case '\t':
			fputs("&#9;", to);
			break;
		case '\r':
			fputs("&#13;", to);
			break;
		default:
			fputc(*p, to);
		}
	free(copy);
}

static void print_attribute(FILE *to, const char *name, const char *s)
{
	fprintf(to, " %s=\"", name);
	print_xml(to, s);
	fputc('"', to);
}

static void print_case(FILE *to, const cJSON *v)
{
	const char *kernel = text(v, "kernel"), *reason = text(v, "reason") ?: "rejected";
	const char *kind = is(v, "error") ? "error" : "failure", *advice = text(v, "advice");
	const cJSON *step;
	char *name = NULL;

	if (asprintf(&name, "%s%s%s", text(v, "program") ?: "(object)", kernel ? " on Linux " : "",
		     kernel ?: "") < 0)
		return;
	fputs("    <testcase", to);
	print_attribute(to, "classname", text(v, "file") ?: "");
	print_attribute(to, "name", name);
	free(name);
	fprintf(to, " time=\"%.6f\"", number(v, "load_ms") / 1e3);
	if (is(v, "accepted")) {
		fputs("/>\n", to);
		return;
	}
	fprintf(to, ">\n      <%s", kind);
	print_attribute(to, "message", reason);
	print_attribute(to, "type", text(v, "id") ?: NO_RULE);
	fputs(">reason: ", to);
	print_xml(to, reason);
	if (text(v, "source_file")) {
		fputs("\nsource: ", to);
		print_xml(to, text(v, "source_file"));
		fprintf(to, ":%d: ", (int)number(v, "line"));
		print_xml(to, text(v, "source") ?: "");
	}
	cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(v, "path"))
	{
		if (!text(step, "text"))
			continue;
		fputs("\n  ", to);
		if (text(step, "file"))
			fprintf(to, "line %d: ", (int)number(step, "line"));
		print_xml(to, text(step, "text"));
	}
	if (text(v, "needed")) {
		fputs("\nneeded: ", to);
		print_xml(to, text(v, "needed"));
	}
	if (advice && *advice) {
		fputs("\nadvice: ", to);
		print_xml(to, advice);
	}
	fprintf(to, "</%s>\n    </testcase>\n", kind);
}

static bool same_file(const cJSON *a, const cJSON *b)
{
	return !strcmp(text(a, "file") ?: "", text(b, "file") ?: "");
}

/* Cases, failures and errors from @v to the end of its file, or with @all of the list. */
static void print_counts(FILE *to, const cJSON *v, bool all)
{
	int cases = 0, failures = 0, errors = 0;
	double ms = 0;

	for (const cJSON *c = v; c && (all || same_file(c, v)); c = c->next) {
		cases++;
		failures += is(c, "rejected");
		errors += is(c, "error");
		ms += number(c, "load_ms");
	}
	fprintf(to, " tests=\"%d\" failures=\"%d\" errors=\"%d\" time=\"%.6f\">\n", cases, failures,
		errors, ms / 1e3);
}

void report_junit(const struct cli *cli, const cJSON *list)
{
	const cJSON *v = list ? list->child : NULL, *end;
	FILE *to = cli->out;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"skep verify\"", to);
	print_counts(to, v, true);
	for (; v; v = end) {
		fputs("  <testsuite", to);
		print_attribute(to, "name", text(v, "file") ?: "");
		print_counts(to, v, false);
		for (end = v; end && same_file(end, v); end = end->next)
			print_case(to, end);
		fputs("  </testsuite>\n", to);
	}
	fputs("</testsuites>\n", to);
}
