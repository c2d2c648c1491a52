/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep prog: programs as they were loaded: their figures, their instructions, their native code. */
#include "instance.h"
#include "object.h"
#include "text.h"
#include "prog_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <Zydis/Zydis.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

struct prog_opts {
	const char *only; /* one program */
	bool jited;
	bool plain; /* no source lines */
	bool bytes; /* the code's bytes, too */
};

/* What the kernel, or skep, tells of a loaded program. */
struct prog_dump {
	int fd;
	struct bpf_prog_info info;
	struct bpf_insn *insns;
	unsigned char *code;
	unsigned long long *func_at, *line_at; /* native addresses */
	unsigned *func_len;
	struct bpf_func_info *funcs;
	struct bpf_line_info *lines;
	struct btf *btf;
	unsigned nr_maps;
	char *symbols; /* /proc/kallsyms; NULL: not needed, or not to be had */
	unsigned long long call_base;
};

static void dump_free(struct prog_dump *d)
{
	free(d->insns);
	free(d->code);
	free(d->func_at);
	free(d->line_at);
	free(d->func_len);
	free(d->funcs);
	free(d->lines);
	btf__free(d->btf);
	free(d->symbols);
}

static void *room(unsigned n, size_t size)
{
	return calloc(n ? n : 1, size);
}

/* Everything that there is to know of @fd. 0 or -errno. */
static int dump_get(struct prog_dump *d, int fd)
{
	struct bpf_prog_info n = { 0 }, *i = &d->info;
	__u32 len = sizeof(n);

	memset(d, 0, sizeof(*d));
	d->fd = fd;
	if (bpf_obj_get_info_by_fd(fd, &n, &len))
		return -errno;
	d->nr_maps = n.nr_map_ids;
	d->insns = room(n.xlated_prog_len, 1);
	d->code = room(n.jited_prog_len, 1);
	d->func_at = room(n.nr_jited_ksyms, sizeof(*d->func_at));
	d->func_len = room(n.nr_jited_func_lens, sizeof(*d->func_len));
	d->line_at = room(n.nr_jited_line_info, sizeof(*d->line_at));
	d->funcs = room(n.nr_func_info, sizeof(*d->funcs));
	d->lines = room(n.nr_line_info, sizeof(*d->lines));
	if (!d->insns || !d->code || !d->func_at || !d->func_len || !d->line_at || !d->funcs ||
	    !d->lines)
		return -ENOMEM;
	*i = (struct bpf_prog_info){
		.xlated_prog_len = n.xlated_prog_len,
		.xlated_prog_insns = (unsigned long)d->insns,
		.jited_prog_len = n.jited_prog_len,
		.jited_prog_insns = (unsigned long)d->code,
		.nr_jited_ksyms = n.nr_jited_ksyms,
		.jited_ksyms = (unsigned long)d->func_at,
		.nr_jited_func_lens = n.nr_jited_func_lens,
		.jited_func_lens = (unsigned long)d->func_len,
		.nr_jited_line_info = n.nr_jited_line_info,
		.jited_line_info_rec_size = sizeof(*d->line_at),
		.jited_line_info = (unsigned long)d->line_at,
		.nr_func_info = n.nr_func_info,
		.func_info_rec_size = sizeof(*d->funcs),
		.func_info = (unsigned long)d->funcs,
		.nr_line_info = n.nr_line_info,
		.line_info_rec_size = sizeof(*d->lines),
		.line_info = (unsigned long)d->lines,
	};
	len = sizeof(*i);
	if (bpf_obj_get_info_by_fd(fd, i, &len))
		return -errno;
	d->btf = i->btf_id ? btf__load_from_kernel_by_id(i->btf_id) : NULL;
	return 0;
}

static void print_tag(FILE *out, const struct bpf_prog_info *i)
{
	for (size_t k = 0; k < sizeof(i->tag); k++)
		fprintf(out, "%02x", i->tag[k]);
}

static const char *func_name(const struct prog_dump *d, unsigned k)
{
	const struct btf_type *t = NULL;

	if (d->btf && k < d->info.nr_func_info)
		t = btf__type_by_id(d->btf, d->funcs[k].type_id);
	return t ? btf__name_by_offset(d->btf, t->name_off) : d->info.name;
}

/* Line @k, unless the one before it is the same: columns differ. */
static void print_line(const struct cli *cli, const struct prog_dump *d, unsigned k)
{
	const char *text, *file, *slash;

	if (!d->btf || (k && d->lines[k].line_off == d->lines[k - 1].line_off &&
			BPF_LINE_INFO_LINE_NUM(d->lines[k].line_col) ==
				BPF_LINE_INFO_LINE_NUM(d->lines[k - 1].line_col)))
		return;
	text = btf__name_by_offset(d->btf, d->lines[k].line_off);
	file = btf__name_by_offset(d->btf, d->lines[k].file_name_off);
	if (!text || !file || !*text)
		return;
	slash = strrchr(file, '/');
	text += strspn(text, " \t");
	fprintf(cli->out, "%s; %-56s %s:%u%s\n", cli_bold(cli), text, slash ? slash + 1 : file,
		BPF_LINE_INFO_LINE_NUM(d->lines[k].line_col), cli_plain(cli));
}

/* The function that begins at instruction @i, if one does. */
static void print_func(const struct cli *cli, const struct prog_dump *d, unsigned i)
{
	for (unsigned k = 0; k < d->info.nr_func_info; k++)
		if (d->funcs[k].insn_off == i)
			fprintf(cli->out, "%s%s:\n", i ? "\n" : "", func_name(d, k));
}

/* ---- xlated ---- */

/*
 * The kernel has put the distance from __bpf_call_base where the helper's number was. "" where
 * /proc/kallsyms hides addresses.
 */
static void kernel_helper(const struct prog_dump *d, const struct bpf_insn *insn, char *name,
			  size_t size)
{
	char line[32], symbol[128];
	const char *at;

	*name = 0;
	snprintf(line, sizeof(line), "\n%016llx ", d->call_base + (unsigned long long)insn->imm);
	at = d->call_base ? strstr(d->symbols, line) : NULL;
	if (at && sscanf(at + strlen(line), "%*c %127s", symbol) == 1)
		snprintf(name, size, "%s", symbol);
}

/* The kernel's symbols, whole: a program names many of them. */
static void read_symbols(struct prog_dump *d)
{
	static const char base[] = " __bpf_call_base\n";
	FILE *f = fopen("/proc/kallsyms", "re"), *text;
	char buf[65536];
	size_t n, len = 0;
	char *at;

	text = f ? open_memstream(&d->symbols, &len) : NULL;
	if (text)
		fputc('\n', text);
	while (text && (n = fread(buf, 1, sizeof(buf), f)))
		fwrite(buf, 1, n, text);
	if (text)
		fclose(text);
	if (f)
		fclose(f);
	at = d->symbols ? strstr(d->symbols, base) : NULL;
	if (!at)
		return;
	while (at > d->symbols && at[-1] != '\n')
		at--;
	d->call_base = strtoull(at, NULL, 16);
}

/* Instruction @i of @n as text; how many it takes, 0 or less: damaged. */
static int insn_text(const struct cli *cli, const struct prog_dump *d, unsigned i, unsigned n,
		     char *text, size_t size)
{
	const struct bpf_insn *insn = &d->insns[i];
	char name[128] = "";
	int took = skep_insn_text(insn, n - i, text, size);

	if (!cli->system && d->symbols && insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg)
		kernel_helper(d, insn, name, sizeof(name));
	if (*name)
		snprintf(text, size, "(85) call %s", name);
	return took;
}

static int print_insn(const struct cli *cli, const struct prog_dump *d, unsigned i, unsigned n)
{
	char text[256];
	int took = insn_text(cli, d, i, n, text, sizeof(text));

	if (took > 0)
		fprintf(cli->out, "%4u: %s\n", i, text);
	return took;
}

/* The source of line @k, to what is at it. */
static void add_line(cJSON *j, const struct prog_dump *d, unsigned k)
{
	const char *text = d->btf ? btf__name_by_offset(d->btf, d->lines[k].line_off) : NULL;
	const char *file = d->btf ? btf__name_by_offset(d->btf, d->lines[k].file_name_off) : NULL;

	if (!text || !file || !*text)
		return;
	text += strspn(text, " \t");
	cJSON_AddItemToObject(j, "source", text_json(text, strlen(text)));
	cJSON_AddItemToObject(j, "file", text_json(file, strlen(file)));
	cJSON_AddNumberToObject(j, "line", BPF_LINE_INFO_LINE_NUM(d->lines[k].line_col));
}

/* The same as print_xlated() says. */
static cJSON *xlated_json(const struct cli *cli, const struct prog_dump *d)
{
	unsigned n = d->info.xlated_prog_len / sizeof(*d->insns), line = 0;
	cJSON *list = cJSON_CreateArray();
	char text[256];
	int took = 1;

	for (unsigned i = 0; i < n && took > 0; i += (unsigned)took) {
		cJSON *j = cJSON_CreateObject();

		cJSON_AddNumberToObject(j, "insn", i);
		for (unsigned k = 0; k < d->info.nr_func_info; k++)
			if (d->funcs[k].insn_off == i)
				cJSON_AddStringToObject(j, "function", func_name(d, k));
		took = insn_text(cli, d, i, n, text, sizeof(text));
		cJSON_AddStringToObject(j, "text", took > 0 ? text : "(bad)");
		while (line < d->info.nr_line_info && d->lines[line].insn_off < i)
			line++;
		if (line < d->info.nr_line_info && d->lines[line].insn_off == i)
			add_line(j, d, line);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static void print_xlated(const struct cli *cli, const struct prog_dump *d,
			 const struct prog_opts *o)
{
	unsigned n = d->info.xlated_prog_len / sizeof(*d->insns), line = 0;
	int took = 1;

	for (unsigned i = 0; i < n && took > 0; i += (unsigned)took) {
		print_func(cli, d, i);
		for (; line < d->info.nr_line_info && d->lines[line].insn_off <= i; line++)
			if (!o->plain && d->lines[line].insn_off == i)
				print_line(cli, d, line);
		took = print_insn(cli, d, i, n);
	}
}

/* ---- native code ---- */

struct native {
	ZydisDecoder decoder;
	ZydisFormatter formatter;
};

static void native_start(struct native *z)
{
	static const ZydisFormatterProperty plain[] = {
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE,
		ZYDIS_FORMATTER_PROP_DISP_PADDING,
		ZYDIS_FORMATTER_PROP_IMM_PADDING,
	};

	ZydisDecoderInit(&z->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&z->formatter, ZYDIS_FORMATTER_STYLE_ATT);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		ZydisFormatterSetProperty(&z->formatter, plain[i], ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&z->formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
}

/* The instruction at @at of @d's code as text; its length, at least 1. */
static unsigned native_text(const struct native *z, const struct prog_dump *d, unsigned at,
			    char *text, size_t size)
{
	const unsigned char *p = d->code + at;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	unsigned len = 1;

	snprintf(text, size, "(bad)");
	if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&z->decoder, p, d->info.jited_prog_len - at, &insn,
						operands))) {
		len = insn.length;
		/* Addresses are offsets into the program's code, as the ones on the left. */
		ZydisFormatterFormatInstruction(&z->formatter, &insn, operands,
						insn.operand_count_visible, text, size, at, NULL);
	}
	return len;
}

static unsigned print_native(const struct cli *cli, const struct native *z,
			     const struct prog_dump *d, unsigned at, const struct prog_opts *o)
{
	const unsigned char *p = d->code + at;
	char text[256];
	unsigned len = native_text(z, d, at, text, sizeof(text));

	fprintf(cli->out, "        %5x:  ", at);
	if (o->bytes)
		for (unsigned k = 0; k < 11; k++)
			fprintf(cli->out, k < len ? "%02x " : "   ", k < len ? p[k] : 0);
	fprintf(cli->out, "%s\n", text);
	return len;
}

/* Instructions between those whose code is known: skep's own engine tells of each. */
static void print_insns_to(const struct cli *cli, const struct prog_dump *d, unsigned at,
			   unsigned *next)
{
	unsigned n = d->info.xlated_prog_len / sizeof(*d->insns);

	while (cli->system && *next < n) {
		long begins = skep_prog_native(cli->system, d->fd, *next);
		int took;

		if (begins < 0 || begins > (long)at)
			return;
		took = print_insn(cli, d, *next, n);
		if (took <= 0)
			return;
		*next += (unsigned)took;
	}
}

/* Functions, with their code's offsets in the program's, and its bytes. */
static cJSON *jited_json(const struct prog_dump *d)
{
	cJSON *list = cJSON_CreateArray();
	struct native z;
	unsigned at = 0;

	native_start(&z);
	for (unsigned f = 0; f < d->info.nr_jited_ksyms; f++) {
		unsigned end = at + d->func_len[f];
		cJSON *j = cJSON_CreateObject(), *code;

		cJSON_AddStringToObject(j, "function", func_name(d, f));
		cJSON_AddNumberToObject(j, "bytes", d->func_len[f]);
		code = cJSON_AddArrayToObject(j, "code");
		while (at < end && at < d->info.jited_prog_len) {
			char text[256], bytes[64] = "";
			unsigned len = native_text(&z, d, at, text, sizeof(text));
			cJSON *one = cJSON_CreateObject();

			for (unsigned k = 0; k < len && k < 15; k++)
				snprintf(bytes + 2 * k, 3, "%02x", d->code[at + k]);
			cJSON_AddNumberToObject(one, "at", at);
			cJSON_AddStringToObject(one, "bytes", bytes);
			cJSON_AddStringToObject(one, "text", text);
			cJSON_AddItemToArray(code, one);
			at += len;
		}
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static void print_jited(const struct cli *cli, const struct prog_dump *d, const struct prog_opts *o)
{
	unsigned at = 0, next = 0, line = 0;
	struct native z;

	native_start(&z);
	for (unsigned f = 0; f < d->info.nr_jited_ksyms; f++) {
		unsigned end = at + d->func_len[f];

		fprintf(cli->out, "%s%s: # %u bytes\n", f ? "\n" : "", func_name(d, f),
			d->func_len[f]);
		while (at < end && at < d->info.jited_prog_len) {
			unsigned long long addr = d->func_at[f] + at - (end - d->func_len[f]);

			for (; line < d->info.nr_jited_line_info && d->line_at[line] <= addr &&
			       d->line_at[line] >= d->func_at[f];
			     line++)
				if (!o->plain)
					print_line(cli, d, line);
			if (!o->plain)
				print_insns_to(cli, d, at, &next);
			at += print_native(cli, &z, d, at, o);
		}
	}
}

/* ---- one program ---- */

/* The whole name is in its BTF; the kernel keeps 15 characters. */
static const char *program_name(const struct prog_dump *d)
{
	const struct btf_type *t = d->btf && d->info.nr_func_info && d->funcs ?
					   btf__type_by_id(d->btf, d->funcs[0].type_id) :
					   NULL;
	const char *whole = t ? btf__name_by_offset(d->btf, t->name_off) : NULL;

	if (whole && !strncmp(whole, d->info.name, strlen(d->info.name)))
		return whole;
	return *d->info.name ? d->info.name : "(no name)";
}

/* Of one that runs: its size, its maps, how often it ran if that is counted. */
static void print_use(const struct cli *cli, const struct prog_dump *d, unsigned loaded)
{
	__u32 ids[64] = { 0 };
	struct bpf_prog_info i = { .map_ids = (unsigned long)ids, .nr_map_ids = 64 };
	__u32 len = sizeof(i);

	fprintf(cli->out, "\n  %u instructions, %u verified", loaded, d->info.verified_insns);
	if (!bpf_obj_get_info_by_fd(d->fd, &i, &len) && i.nr_map_ids) {
		fputs("; maps", cli->out);
		for (unsigned k = 0; k < i.nr_map_ids && k < 64; k++)
			fprintf(cli->out, " %u", ids[k]);
	}
	fputc('\n', cli->out);
	if (i.run_cnt)
		fprintf(cli->out, "  ran %llu times, %llu ns each\n", (unsigned long long)i.run_cnt,
			(unsigned long long)(i.run_time_ns / i.run_cnt));
	if (i.recursion_misses)
		fprintf(cli->out, "  %llu runs missed, as it was running already\n",
			(unsigned long long)i.recursion_misses);
}

/* @prog: NULL, when it has been loaded by somebody. */
static void print_figures(const struct cli *cli, const struct prog_dump *d,
			  const struct bpf_program *prog)
{
	const struct bpf_prog_info *i = &d->info;
	unsigned loaded = (unsigned)(i->xlated_prog_len / sizeof(struct bpf_insn));

	if (!prog)
		fprintf(cli->out, "%s%u: %s%s: %s, tag ", cli_bold(cli), i->id, program_name(d),
			cli_plain(cli), prog_type_name((int)i->type));
	else
		fprintf(cli->out, "%s%s%s: %s, tag ", cli_bold(cli), bpf_program__name(prog),
			cli_plain(cli), prog_type_name((int)i->type));
	print_tag(cli->out, i);
	if (prog)
		fprintf(cli->out,
			"\n  section \"%s\", %zu instructions written, %u as loaded, %u verified\n",
			bpf_program__section_name(prog), bpf_program__insn_cnt(prog), loaded,
			i->verified_insns);
	else
		print_use(cli, d, loaded);
	if (i->jited_prog_len)
		fprintf(cli->out,
			"  %u bytes of native code in %u function%s (%.1f per instruction)\n",
			i->jited_prog_len, i->nr_jited_ksyms, i->nr_jited_ksyms == 1 ? "" : "s",
			(double)i->jited_prog_len /
				((double)i->xlated_prog_len / sizeof(struct bpf_insn)));
	else
		fprintf(cli->out, "  no native code: interpreted\n");
}

static cJSON *figures_json(const struct prog_dump *d, const struct bpf_program *prog)
{
	const struct bpf_prog_info *i = &d->info;
	__u32 ids[64] = { 0 };
	struct bpf_prog_info use = { .map_ids = (unsigned long)ids, .nr_map_ids = 64 };
	cJSON *j = cJSON_CreateObject(), *maps;
	__u32 len = sizeof(use);
	char tag[2 * sizeof(i->tag) + 1];

	for (size_t k = 0; k < sizeof(i->tag); k++)
		snprintf(tag + 2 * k, 3, "%02x", i->tag[k]);
	if (!prog)
		cJSON_AddNumberToObject(j, "id", i->id);
	cJSON_AddStringToObject(j, "name", prog ? bpf_program__name(prog) : program_name(d));
	if (prog)
		cJSON_AddStringToObject(j, "section", bpf_program__section_name(prog));
	cJSON_AddStringToObject(j, "type", prog_type_name((int)i->type));
	cJSON_AddStringToObject(j, "tag", tag);
	if (prog)
		cJSON_AddNumberToObject(j, "insns", (double)bpf_program__insn_cnt(prog));
	cJSON_AddNumberToObject(j, "xlated_insns",
				(double)i->xlated_prog_len / sizeof(struct bpf_insn));
	cJSON_AddNumberToObject(j, "verified_insns", i->verified_insns);
	cJSON_AddNumberToObject(j, "jited_bytes", i->jited_prog_len);
	cJSON_AddNumberToObject(j, "functions", i->nr_jited_ksyms);
	if (!prog && !bpf_obj_get_info_by_fd(d->fd, &use, &len)) {
		maps = cJSON_AddArrayToObject(j, "maps");
		for (unsigned k = 0; k < use.nr_map_ids && k < 64; k++)
			cJSON_AddItemToArray(maps, cJSON_CreateNumber(ids[k]));
		cJSON_AddNumberToObject(j, "run_cnt", (double)use.run_cnt);
		cJSON_AddNumberToObject(j, "run_time_ns", (double)use.run_time_ns);
	}
	return j;
}

enum view { VIEW_SHOW, VIEW_XLATED, VIEW_JITED };

/* @prog: whose descriptor @fd is; NULL: of one that somebody loaded. */
static int show_program(const struct cli *cli, const struct bpf_program *prog, int fd,
			enum view view, const struct prog_opts *o, cJSON *list)
{
	struct prog_dump d;
	int err = dump_get(&d, fd), status = EXIT_DONE;

	if (err) {
		status = cli_error(cli, "program %s: %s",
				   prog ? bpf_program__name(prog) : d.info.name, strerror(-err));
	} else if (list) {
		cJSON *j = figures_json(&d, prog);

		if (view == VIEW_XLATED && !cli->system)
			read_symbols(&d);
		if (view == VIEW_XLATED)
			cJSON_AddItemToObject(j, "xlated", xlated_json(cli, &d));
		else if (view == VIEW_JITED)
			cJSON_AddItemToObject(j, "jited", jited_json(&d));
		cJSON_AddItemToArray(list, j);
	} else {
		print_figures(cli, &d, prog);
		if (view != VIEW_SHOW)
			fputc('\n', cli->out);
		if (view == VIEW_XLATED && !cli->system)
			read_symbols(&d);
		if (view == VIEW_XLATED)
			print_xlated(cli, &d, o);
		else if (view == VIEW_JITED && d.info.jited_prog_len)
			print_jited(cli, &d, o);
		if (view != VIEW_SHOW)
			fputc('\n', cli->out);
	}
	dump_free(&d);
	return status;
}

static int show_object(const struct cli *cli, const char *path, enum view view,
		       const struct prog_opts *o, cJSON *list, int *seen)
{
	struct bpf_object *obj = object_open(cli, path);
	struct bpf_program *prog;
	int status = EXIT_DONE;
	struct verdict v;

	if (!obj)
		return EXIT_REFUSED;
	if (o->only)
		bpf_object__for_each_program(prog, obj)
			bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), o->only));
	if (object_load(cli, obj, path, 0, &v)) {
		verdict_print(cli, &v);
		status = EXIT_REFUSED;
	} else {
		bpf_object__for_each_program(prog, obj)
		{
			if (status || bpf_program__fd(prog) < 0)
				continue;
			(*seen)++;
			status = show_program(cli, prog, bpf_program__fd(prog), view, o, list);
		}
	}
	verdict_free(&v);
	bpf_object__close(obj);
	return status;
}

/* ---- those of an instance ---- */

static int list_programs(struct cli *cli, const char *where, cJSON *list)
{
	bool any = false;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		int fd = bpf_prog_get_fd_by_id(id);
		struct prog_dump d;

		if (fd < 0)
			continue; /* it has just ended */
		if (!dump_get(&d, fd)) {
			if (list)
				cJSON_AddItemToArray(list, figures_json(&d, NULL));
			else if (!any)
				fprintf(cli->out, "%6s  %-24s %-20s %8s %8s %8s\n", "id", "name",
					"type", "insns", "native", "maps");
			any = true;
			if (!list)
				fprintf(cli->out, "%6u  %-24s %-20s %8u %8u %8u\n", d.info.id,
					program_name(&d), prog_type_name((int)d.info.type),
					(unsigned)(d.info.xlated_prog_len /
						   sizeof(struct bpf_insn)),
					d.info.jited_prog_len, d.nr_maps);
		}
		dump_free(&d);
		close(fd);
	}
	if (!any && !list)
		fprintf(cli->out, "no programs in %s\n", where);
	return EXIT_DONE;
}

/* A program by its id, the path of a pin, or a name that one has; or -1 with a message. */
static int find_program(const struct cli *cli, const char *what)
{
	int found = -1, fd;
	char *end;
	__u32 id = (__u32)strtoul(what, &end, 10);

	if (*what && !*end) {
		found = bpf_prog_get_fd_by_id(id);
	} else if (strchr(what, '/')) {
		found = bpf_obj_get(what);
	} else {
		for (id = 0; !bpf_prog_get_next_id(id, &id);) {
			struct prog_dump d;
			bool same;

			fd = bpf_prog_get_fd_by_id(id);
			if (fd < 0)
				continue;
			same = !dump_get(&d, fd) && !strcmp(program_name(&d), what);
			dump_free(&d);
			if (same && found >= 0) {
				close(fd);
				close(found);
				cli_error(cli,
					  "several programs are called %s: name one by its id "
					  "(skep prog list)",
					  what);
				return -1;
			}
			if (same)
				found = fd;
			else
				close(fd);
		}
		errno = ENOENT;
	}
	if (found < 0 && errno == ENOENT)
		cli_error(cli, "there is no program %s here: skep prog lists those that there are",
			  what);
	else if (found < 0)
		cli_error(cli, "program %s: %s", what, strerror(errno));
	return found;
}

static int show_loaded(const struct cli *cli, const char *what, enum view view,
		       const struct prog_opts *o, cJSON *list)
{
	int fd = find_program(cli, what), status;

	if (fd < 0)
		return EXIT_REFUSED;
	status = show_program(cli, NULL, fd, view, o, list);
	close(fd);
	return status;
}

/* Whether the arguments name object files: what else is in an instance. */
static bool names_files(int argc, char **argv)
{
	struct stat st;

	for (int i = 2; i < argc; i++) {
		if (cli_option("--prog", argc, argv, &i))
			return true;
		if (!stat(argv[i], &st) && S_ISREG(st.st_mode) && strncmp(argv[i], "/sys/", 5))
			return true;
		if (strlen(argv[i]) > 2 && !strcmp(argv[i] + strlen(argv[i]) - 2, ".o"))
			return true;
	}
	return false;
}

/* list, show WHAT, dump xlated|jited WHAT */
static int run_loaded(struct cli *cli, int argc, char **argv)
{
	const char *instance = NULL, *where = NULL, *args[8], *v;
	struct prog_opts o = { 0 };
	enum view view = VIEW_SHOW;
	int n = 0, status;
	cJSON *list;

	for (int i = 1; i < argc; i++) {
		if ((v = cli_option("--instance", argc, argv, &i)))
			instance = v;
		else if (!strcmp(argv[i], "--plain"))
			o.plain = true;
		else if (!strcmp(argv[i], "--opcodes"))
			o.bytes = true;
		else if (*argv[i] == '-' || n == 8)
			return cli_usage(&cmd_prog, "no option %s", argv[i]);
		else
			args[n++] = argv[i];
	}
	if (n && !strcmp(args[0], "dump")) {
		if (n < 2 || (strcmp(args[1], "xlated") && strcmp(args[1], "jited")))
			return cli_usage(&cmd_prog, "dump what: xlated or jited");
		view = *args[1] == 'x' ? VIEW_XLATED : VIEW_JITED;
	} else if (n && strcmp(args[0], "list") && strcmp(args[0], "show")) {
		return cli_usage(&cmd_prog, "no '%s': list, show, dump or run", args[0]);
	}
	if (n && view != VIEW_SHOW && n != 3)
		return cli_usage(&cmd_prog, "dump %s: which program?", args[1]);
	status = cli_enter_instance(cli, instance, argc, argv, &where);
	if (status != CLI_HERE)
		return status;
	list = cli->json ? cJSON_CreateArray() : NULL;
	if (n < 2)
		status = list_programs(cli, where, list);
	else
		status = EXIT_DONE;
	for (int i = view == VIEW_SHOW ? 1 : 2; i < n && !status; i++)
		status = show_loaded(cli, args[i], view, &o, list);
	if (list && (!status || cJSON_GetArraySize(list)))
		cli_print_json(cli, list);
	else
		cJSON_Delete(list);
	return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct prog_opts o = { 0 };
	enum view view = VIEW_SHOW;
	cJSON *list = NULL;
	int i = 1, status = EXIT_DONE, seen = 0, files = 0;

	if (argc < 2 || (strcmp(argv[1], "run") && !names_files(argc, argv)))
		return run_loaded(cli, argc, argv);
	if (cli->engine == ENGINE_SKEP) {
		status = cli_start_system(cli);
		if (status)
			return status;
	}
	if (!strcmp(argv[1], "run"))
		return prog_run(cli, &cmd_prog, argc - 1, argv + 1);
	if (!strcmp(argv[i], "show") || !strcmp(argv[i], "list")) {
		i++;
	} else if (!strcmp(argv[i], "dump")) {
		i++;
		if (i < argc && !strcmp(argv[i], "xlated"))
			view = VIEW_XLATED;
		else if (i < argc && !strcmp(argv[i], "jited"))
			view = VIEW_JITED;
		else
			return cli_usage(&cmd_prog, "dump what: xlated or jited");
		i++;
	} else {
		return cli_usage(&cmd_prog, "no '%s': show, dump or run", argv[i]);
	}
	if (cli->json)
		list = cJSON_CreateArray();
	for (int first = i; i < argc; i++) {
		const char *v = cli_option("--prog", argc, argv, &i);

		if (v)
			o.only = v;
		else if (!strcmp(argv[i], "--plain"))
			o.plain = true;
		else if (!strcmp(argv[i], "--opcodes"))
			o.bytes = true;
		else if (argv[i][0] == '-' && argv[i][1])
			return cli_usage(&cmd_prog, "no option %s", argv[i]);
		else
			argv[first + files++] = argv[i];
		if (i == argc - 1)
			for (int k = 0; k < files && !status; k++)
				status = show_object(cli, argv[first + k], view, &o, list, &seen);
	}
	if (!files)
		return cli_usage(&cmd_prog, "no object file");
	if (!status && !seen && o.only)
		status = cli_error(cli, "no program %s in there", o.only);
	else if (!status && !seen)
		status = cli_error(cli, "no program that is loaded unasked (SEC(\"?…\")): ask by "
					"--prog NAME");
	if (list && (!status || cJSON_GetArraySize(list)))
		cli_print_json(cli, list);
	else
		cJSON_Delete(list);
	return status;
}

const struct command cmd_prog = {
	.name = "prog",
	.synopsis =
		"prog [--instance NAME] [list | show PROG… | dump xlated|jited PROG]\n"
		"  skep prog show|dump xlated|dump jited OBJ… [--prog NAME] [--plain] [--opcodes]\n"
		"  skep prog run OBJ [--prog NAME] [--field NAME=VALUE]… [--data FILE] …",
	.help = "The programs of an instance: PROG is an id, a name, or the path of a pin. The "
		"instance "
		"is the one\n"
		"that skep prog runs in, else NAME (default: $SKEP_INSTANCE, else \"default\"); "
		"with "
		"--engine\n"
		"kernel they are the kernel's.\n\n"
		"With files (OBJ), loads their programs and shows what became of them: their "
		"figures (show), "
		"their\n"
		"instructions after the verifier (dump xlated), their native code (dump jited), "
		"with\n"
		"the source lines that they come from. Native code is shown below the instruction\n"
		"that it was made of.\n\n"
		"  --prog NAME    only this program\n"
		"  --plain        instructions alone, no source lines\n"
		"  --opcodes      the bytes of native code, too\n\n" PROG_RUN_HELP,
	.run = run,
};
