/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Object files: what is wrong with one is said here, with file, program and
 * reason, before libbpf gets to it or from what libbpf and the verifier left.
 */
#include "messages.h"
#include "object.h"
#include "sections.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

/* ---- libbpf's messages ---- */

static struct {
	char text[16384];
	size_t len;
	int verbose;
	enum libbpf_print_level level; /* up to which they are kept */
} messages;

static int collect(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (messages.verbose > 1 || (messages.verbose && level == LIBBPF_WARN)) {
		va_copy(again, ap);
		vfprintf(stderr, fmt, again);
		va_end(again);
	}
	if (level > messages.level)
		return 0;
	n = vsnprintf(messages.text + messages.len, sizeof(messages.text) - messages.len, fmt, ap);
	if (n > 0) {
		messages.len += (size_t)n;
		if (messages.len >= sizeof(messages.text))
			messages.len = sizeof(messages.text) - 1;
	}
	return n;
}

void libbpf_messages_start(const struct cli *cli)
{
	messages.len = 0;
	messages.text[0] = 0;
	messages.verbose = cli->verbose;
	messages.level = LIBBPF_WARN;
	libbpf_set_print(collect);
}

/* The first message that names a cause, without libbpf's prefix and newline; NULL when none. */
char *libbpf_message(void)
{
	static const char *const noise[] = { "Error in bpf_create_map_xattr",
					     "-- BEGIN PROG",
					     "bump RLIMIT_MEMLOCK",
					     "failed to load object",
					     "failed to load program",
					     "BPF program load failed",
					     "Error loading BTF" };
	char *copy = strdup(messages.text), *line, *save = NULL, *found = NULL;

	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		bool skip = !strncmp(line, "-- END", 6);

		if (strncmp(line, "libbpf: ", 8))
			continue;
		for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
			skip |= strstr(line, noise[i]) != NULL;
		if (!skip)
			found = strdup(line + 8);
	}
	free(copy);
	return found;
}

/* ---- checks before libbpf ---- */

static const char *machine_name(int machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "AArch64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "ARM";
	case EM_RISCV:
		return "RISC-V";
	default:
		return "another";
	}
}

/* What keeps @elf from being a BPF object; NULL: nothing found. */
static const char *elf_problem(Elf *elf, size_t file_size, char *buf, size_t size)
{
	bool has_maps = false, has_btf = false, has_symbols = false;
	Elf_Scn *scn = NULL;
	GElf_Ehdr eh;
	size_t names;

	if (!gelf_getehdr(elf, &eh))
		return "damaged ELF header";
	if (eh.e_machine != EM_BPF) {
		snprintf(buf, size,
			 "wrong machine: compiled for %s (e_machine %d), not BPF; compile with "
			 "clang -target bpf",
			 machine_name(eh.e_machine), eh.e_machine);
		return buf;
	}
	if (eh.e_type != ET_REL)
		return "not a relocatable object (ELF type REL)";
	if (eh.e_shoff + (size_t)eh.e_shnum * eh.e_shentsize > file_size || !eh.e_shoff) {
		snprintf(buf, size,
			 "truncated: the section headers should end at byte %zu, the file ends at "
			 "%zu",
			 (size_t)eh.e_shoff + (size_t)eh.e_shnum * eh.e_shentsize, file_size);
		return buf;
	}
	if (elf_getshdrstrndx(elf, &names))
		return "damaged ELF: no section names";
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(elf, names, sh.sh_name)))
			return "damaged ELF section header";
		if (sh.sh_type != SHT_NOBITS && sh.sh_offset + sh.sh_size > file_size) {
			snprintf(buf, size,
				 "truncated: section %s should end at byte %llu, the file ends at "
				 "%zu",
				 name, (unsigned long long)(sh.sh_offset + sh.sh_size), file_size);
			return buf;
		}
		has_maps |= !strcmp(name, ".maps");
		has_btf |= !strcmp(name, ".BTF");
		has_symbols |= sh.sh_type == SHT_SYMTAB;
	}
	if (!has_symbols)
		return "no symbol table (was the object stripped?)";
	if (has_maps && !has_btf)
		return "no BTF: section .maps is described by BTF, but there is no section .BTF; "
		       "compile with clang -g";
	return NULL;
}

static const char *file_problem(const char *path, char *buf, size_t size)
{
	const char *problem = NULL;
	struct stat st;
	char magic[4];
	Elf *elf = NULL;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st)) {
		problem = strerror(errno);
		goto out;
	}
	if (S_ISDIR(st.st_mode)) {
		problem = "is a directory";
		goto out;
	}
	if (st.st_size == 0) {
		problem = "empty file";
		goto out;
	}
	if (pread(fd, magic, 4, 0) != 4 || memcmp(magic, ELFMAG, SELFMAG)) {
		problem = "not an ELF object file";
		goto out;
	}
	if (st.st_size < (off_t)sizeof(Elf64_Ehdr)) {
		snprintf(buf, size, "truncated: %lld bytes are less than an ELF header",
			 (long long)st.st_size);
		problem = buf;
		goto out;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf) {
		snprintf(buf, size, "damaged ELF: %s", elf_errmsg(-1));
		problem = buf;
		goto out;
	}
	problem = elf_problem(elf, (size_t)st.st_size, buf, size);
out:
	elf_end(elf);
	close(fd);
	return problem;
}

/* Damaged BTF, and maps that are only declared; NULL: nothing found. */
static const char *btf_problem(const struct cli *cli, const char *path, char *buf, size_t size)
{
	const char *problem = NULL;
	struct btf *btf;
	char *message;
	int sec;

	libbpf_messages_start(cli);
	messages.level = LIBBPF_DEBUG; /* where libbpf says what is wrong with BTF */
	btf = btf__parse_elf(path, NULL);
	if (!btf && (errno == ENODATA || errno == ENOENT)) /* since libbpf 1.2, before */
		return NULL; /* no .BTF: fine for objects that need none */
	if (!btf) {
		message = libbpf_message();
		snprintf(buf, size, "bad BTF in section .BTF: %s", message ?: strerror(errno));
		free(message);
		return buf;
	}
	sec = btf__find_by_name_kind(btf, ".maps", BTF_KIND_DATASEC);
	if (sec > 0) {
		const struct btf_type *t = btf__type_by_id(btf, (__u32)sec);
		const struct btf_var_secinfo *vi = btf_var_secinfos(t);

		for (int i = 0; i < btf_vlen(t) && !problem; i++) {
			const struct btf_type *var = btf__type_by_id(btf, vi[i].type);

			if (!btf_is_var(var) || btf_var(var)->linkage != BTF_VAR_GLOBAL_EXTERN)
				continue;
			snprintf(buf, size,
				 "map %s is declared extern but not defined in this object "
				 "(bpftool gen "
				 "object links several)",
				 btf__name_by_offset(btf, var->name_off));
			problem = buf;
		}
	}
	btf__free(btf);
	return problem;
}

struct bpf_object *object_open(const struct cli *cli, const char *path)
{
	struct bpf_program *prog;
	struct bpf_object *obj;
	const char *problem;
	char buf[512], *message;
	int err;

	problem = file_problem(path, buf, sizeof(buf));
	if (!problem)
		problem = btf_problem(cli, path, buf, sizeof(buf));
	if (problem) {
		cli_error(cli, "%s: %s", path, problem);
		return NULL;
	}
	sections_register();
	libbpf_messages_start(cli);
	obj = bpf_object__open_file(path, NULL);
	if (!obj) {
		err = errno;
		message = libbpf_message();
		cli_error(cli, "%s: cannot be opened: %s", path, message ?: strerror(err));
		free(message);
		return NULL;
	}
	prog = bpf_object__next_program(obj, NULL);
	if (!prog) {
		cli_error(cli, "%s: no program in it: programs are functions with SEC(\"…\")",
			  path);
		bpf_object__close(obj);
		return NULL;
	}
	for (; prog; prog = bpf_object__next_program(obj, prog)) {
		if (bpf_program__type(prog) != BPF_PROG_TYPE_UNSPEC)
			continue;
		cli_error(cli,
			  "%s: program %s: section \"%s\" names no program type that libbpf knows "
			  "(skep features section lists them)",
			  path, bpf_program__name(prog), bpf_program__section_name(prog));
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}

/* ---- loading ---- */

const char *prog_type_name(int type)
{
	const char *name = libbpf_bpf_prog_type_str((enum bpf_prog_type)type);

	if (!name && type == 32)
		return "netfilter"; /* younger than some libbpf */
	return name ?: "unknown";
}

void verdict_free(struct verdict *v)
{
	free(v->file);
	free(v->prog);
	free(v->section);
	free(v->reason);
	free(v->id);
	free(v->advice);
	free(v->source);
	free(v->source_file);
	free(v->source_path);
	free(v->log);
	why_free(&v->why);
	memset(v, 0, sizeof(*v));
}

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* The last line of @log that is not a statistic: the kernel's reason. */
static char *log_reason(const char *log)
{
	const char *end = log ? log + strlen(log) : NULL;

	while (end && end > log) {
		const char *start;

		while (end > log && end[-1] == '\n')
			end--;
		for (start = end; start > log && start[-1] != '\n'; start--)
			;
		if (start == end)
			break;
		if (strncmp(start, "processed ", 10) && strncmp(start, "verification time", 17) &&
		    strncmp(start, "stack depth", 11) && strncmp(start, "max_states", 10))
			return strndup(start, (size_t)(end - start));
		end = start;
	}
	return NULL;
}

/* libbpf marks the instruction of an unresolved CO-RE relocation with this call. */
static char *core_reason(const char *log)
{
	const char *at = log ? strstr(log, "failed to resolve CO-RE relocation") : NULL;

	return at ? strndup(at, strcspn(at, "\n")) : NULL;
}

static void fill_refusal(const struct cli *cli, struct verdict *v)
{
	struct skep_refusal r = { .sz = sizeof(r) };
	char *reason = core_reason(v->log);

	if (reason) {
		v->reason = reason;
		v->advice =
			strdup("the kernel types in force have no such field or type: test with "
			       "bpf_core_field_exists(), or give other types with --btf FILE");
		v->id = strdup("CORE_UNRESOLVED");
		return;
	}
	if (cli->system && !skep_last_refusal(cli->system, &r) && r.message) {
		v->reason = strdup(r.message);
		v->id = dup_or_null(r.id);
		v->advice = dup_or_null(r.advice);
		v->insn = r.insn;
		v->source = dup_or_null(r.source);
		v->source_file = dup_or_null(r.file);
		v->line = r.line;
		v->column = r.column;
		why_get(cli, &v->why);
		return;
	}
	v->reason = log_reason(v->log);
}

/* The one path in the object's BTF that ends in file @name; NULL: none, or not the only one. */
static char *path_of_file(const struct bpf_object *obj, const char *name)
{
	const struct btf *btf = bpf_object__btf(obj);
	size_t n = strlen(name), len;
	const char *s, *found = NULL;

	for (__u32 off = 1; btf && (s = btf__str_by_offset(btf, off)); off += (__u32)len + 1) {
		len = strlen(s);
		if (len < n || strcmp(s + len - n, name) || (len > n && s[len - n - 1] != '/'))
			continue;
		if (found && strcmp(found, s))
			return NULL;
		found = s;
	}
	return found ? strdup(found) : NULL;
}

/* The program that libbpf's message is about: "prog 'NAME': …". */
static struct bpf_program *named_program(struct bpf_object *obj, const char *message)
{
	struct bpf_program *prog = NULL;
	char *name;

	if (!message || strncmp(message, "prog '", 6))
		return NULL;
	name = strndup(message + 6, strcspn(message + 6, "'"));
	if (name)
		prog = bpf_object__find_program_by_name(obj, name);
	free(name);
	return prog;
}

int object_load(const struct cli *cli, struct bpf_object *obj, const char *path, int level,
		struct verdict *v)
{
	struct bpf_program *prog, *only = NULL;
	struct timespec t0, t1;
	char *log;
	int err;

	memset(v, 0, sizeof(*v));
	v->insn = -1;
	v->file = strdup(path);
	log = calloc(1, VERDICT_LOG_SIZE);
	if (!log)
		return -ENOMEM;
	bpf_object__for_each_program(prog, obj)
	{
		if (!bpf_program__autoload(prog))
			continue;
		bpf_program__set_log_buf(prog, log, VERDICT_LOG_SIZE);
		bpf_program__set_log_level(prog, (unsigned)level);
		only = prog;
	}
	libbpf_messages_start(cli);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	err = bpf_object__load(obj);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	v->ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
	v->log = strdup(log);
	free(log);
	if (err) {
		/* The program that failed is the first one without a descriptor. */
		bpf_object__for_each_program(prog, obj) if (bpf_program__autoload(prog) &&
							    bpf_program__fd(prog) < 0)
		{
			only = prog;
			break;
		}
	}
	if (err) {
		char *message = libbpf_message();

		only = named_program(obj, message) ?: only;
		free(message);
	}
	if (only) {
		v->prog = strdup(bpf_program__name(only));
		v->section = strdup(bpf_program__section_name(only));
		v->type = (int)bpf_program__type(only);
		v->insns = (unsigned)bpf_program__insn_cnt(only);
	}
	if (!err)
		return 0;
	v->err = -err;
	if (strstr(messages.text, "BPF program load failed") ||
	    strstr(messages.text, "failed to load program"))
		fill_refusal(cli, v);
	if (v->source_file)
		v->source_path = path_of_file(obj, v->source_file);
	if (!v->reason && cli->engine == ENGINE_KERNEL && err == -EPERM && !*v->log)
		v->reason = strdup("the kernel does not let this account call bpf(2)");
	if (!v->reason)
		v->reason = libbpf_message();
	if (!v->reason)
		v->reason = strdup(strerror(-err));
	return err;
}

void verdict_print(const struct cli *cli, const struct verdict *v)
{
	if (!v->err) {
		fprintf(cli->out, "%s: program %s (%s): %saccepted%s, %u instructions, %.2f ms\n",
			v->file, v->prog, prog_type_name(v->type), cli_green(cli), cli_plain(cli),
			v->insns, v->ms);
		return;
	}
	fprintf(cli->out, "%s: program %s (%s): %srejected%s (%s)\n", v->file, v->prog ?: "-",
		prog_type_name(v->type), cli_red(cli), cli_plain(cli), strerror(v->err));
	fprintf(cli->out, "  reason: %s%s%s\n", cli_bold(cli), v->reason, cli_plain(cli));
	if (v->why.n) {
		why_print(cli, &v->why);
	} else if (v->source_file)
		fprintf(cli->out, "  source: %s:%u: %s\n", v->source_file, v->line,
			v->source ?: "");
	if (v->insn >= 0 && !v->why.n)
		fprintf(cli->out, "  at:     instruction %d\n", v->insn);
	if (v->advice && *v->advice)
		fprintf(cli->out, "  advice: %s\n", v->advice);
	if (v->id && message_page(v->id))
		fprintf(cli->out, "  more:   skep explain %s\n", v->id);
}

static void add_string(cJSON *j, const char *name, const char *s)
{
	if (s)
		cJSON_AddStringToObject(j, name, s);
}

cJSON *verdict_json(const struct verdict *v)
{
	cJSON *j = cJSON_CreateObject();

	add_string(j, "file", v->file);
	add_string(j, "program", v->prog);
	add_string(j, "section", v->section);
	add_string(j, "type", prog_type_name(v->type));
	add_string(j, "verdict", v->err ? "rejected" : "accepted");
	cJSON_AddNumberToObject(j, "instructions", v->insns);
	cJSON_AddNumberToObject(j, "load_ms", v->ms);
	if (!v->err)
		return j;
	cJSON_AddNumberToObject(j, "errno", v->err);
	add_string(j, "reason", v->reason);
	add_string(j, "id", v->id);
	add_string(j, "advice", v->advice);
	if (v->insn >= 0)
		cJSON_AddNumberToObject(j, "instruction", v->insn);
	if (v->source_file) {
		add_string(j, "source_file", v->source_file);
		add_string(j, "source_path", v->source_path);
		cJSON_AddNumberToObject(j, "line", v->line);
		cJSON_AddNumberToObject(j, "column", v->column);
		add_string(j, "source", v->source);
	}
	add_string(j, "needed", v->why.needed);
	if (v->why.n)
		cJSON_AddItemToObject(j, "path", why_json(&v->why));
	return j;
}

int object_choose(const struct cli *cli, const char *path, const char *only, bool **wanted)
{
	struct bpf_object *obj = object_open(cli, path);
	struct bpf_program *prog;
	int n = 0;

	*wanted = NULL;
	if (!obj)
		return -1;
	bpf_object__for_each_program(prog, obj) n++;
	*wanted = calloc((size_t)n + 1, sizeof(**wanted));
	if (!*wanted) {
		bpf_object__close(obj);
		return cli_error(cli, "%s: %s", path, strerror(ENOMEM)), -1;
	}
	n = 0;
	bpf_object__for_each_program(prog, obj)(*wanted)[n++] =
		!only || !strcmp(only, bpf_program__name(prog));
	bpf_object__close(obj);
	return n;
}
