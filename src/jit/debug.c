/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Native code under its names: to GDB by its JIT interface (an object file in memory with
 * symbols, source lines and how to unwind; "JIT Compilation Interface" in its manual), to
 * perf by files in /tmp when asked for ($SKEP_PERF=1; jit-interface.txt and
 * jitdump-specification.txt of tools/perf/Documentation). Linux shows such code in
 * /proc/kallsyms (kernel/bpf/core.c: bpf_ksym).
 *
 * GDB's interface is one list for the process, under names that it looks for: the
 * project's only global state beside the front's choice of a system.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "btf/btf.h"
#include "jit/jit.h"
#include "object/system.h"
#include "skep/skep.h"

/* ---- GDB's side ---- */

struct jit_code_entry {
	struct jit_code_entry *next_entry, *prev_entry;
	const char *symfile_addr;
	u64 symfile_size;
};

enum { JIT_NOACTION, JIT_REGISTER_FN, JIT_UNREGISTER_FN };

struct jit_descriptor {
	u32 version;
	u32 action_flag;
	struct jit_code_entry *relevant_entry, *first_entry;
};

SKEP_API extern struct jit_descriptor __jit_debug_descriptor;
SKEP_API void __jit_debug_register_code(void);

/* weak: the program may have another compiler's. */
__attribute__((weak)) struct jit_descriptor __jit_debug_descriptor = { .version = 1 };

/* GDB has a breakpoint here. */
__attribute__((weak, noinline)) void __jit_debug_register_code(void)
{
	__asm__ volatile("" ::: "memory");
}

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

static void tell(struct jit_code_entry *e, u32 action)
{
	__jit_debug_descriptor.relevant_entry = e;
	__jit_debug_descriptor.action_flag = action;
	__jit_debug_register_code();
	__jit_debug_descriptor.action_flag = JIT_NOACTION;
	__jit_debug_descriptor.relevant_entry = NULL;
}

static void list_add(struct jit_code_entry *e)
{
	pthread_mutex_lock(&list_lock);
	e->next_entry = __jit_debug_descriptor.first_entry;
	if (e->next_entry)
		e->next_entry->prev_entry = e;
	__jit_debug_descriptor.first_entry = e;
	tell(e, JIT_REGISTER_FN);
	pthread_mutex_unlock(&list_lock);
}

static void list_del(struct jit_code_entry *e)
{
	pthread_mutex_lock(&list_lock);
	if (e->prev_entry)
		e->prev_entry->next_entry = e->next_entry;
	else
		__jit_debug_descriptor.first_entry = e->next_entry;
	if (e->next_entry)
		e->next_entry->prev_entry = e->prev_entry;
	tell(e, JIT_UNREGISTER_FN);
	pthread_mutex_unlock(&list_lock);
}

/* ---- bytes ---- */

struct bytes {
	VEC(u8);
	bool failed; /* out of memory, told at the end */
};

static void put(struct bytes *b, const void *p, size_t n)
{
	b->failed |= vec_reserve(b, b->n + n) != 0;
	if (b->failed)
		return;
	memcpy(b->v + b->n, p, n);
	b->n += n;
}

static void put1(struct bytes *b, u8 v)
{
	put(b, &v, 1);
}

static void put2(struct bytes *b, u16 v)
{
	put(b, &v, 2);
}

static void put4(struct bytes *b, u32 v)
{
	put(b, &v, 4);
}

static void put8(struct bytes *b, u64 v)
{
	put(b, &v, 8);
}

static u32 put_string(struct bytes *b, const char *s)
{
	u32 at = (u32)b->n;

	put(b, s, strlen(s) + 1);
	return at;
}

static void put_padding(struct bytes *b)
{
	put(b, (u8[8]){ 0 }, -b->n % 8);
}

static void put_uleb(struct bytes *b, u64 v)
{
	for (; v >= 0x80; v >>= 7)
		put1(b, (u8)v | 0x80);
	put1(b, (u8)v);
}

static void put_sleb(struct bytes *b, s64 v)
{
	while (v < -0x40 || v > 0x3f) {
		put1(b, (u8)(v & 0x7f) | 0x80);
		v >>= 7;
	}
	put1(b, (u8)(v & 0x7f));
}

/* The length that was left out at @at, up to here. */
static void put_length(struct bytes *b, size_t at)
{
	u32 len = (u32)(b->n - at - 4);

	if (!b->failed)
		memcpy(b->v + at, &len, 4);
}

/* ---- names ---- */

static const char *text(const struct prog_object *p, u32 off)
{
	const char *s = p->btf ? btf_str(p->btf->btf, off) : NULL;

	return s ? s : "";
}

/* As Linux names them, "bpf_prog_TAG_NAME"; entries for C get ".entry". */
static void frame_name(const struct prog_object *p, const struct jit_frame *f, char *buf,
		       size_t size)
{
	const struct btf_type *t = NULL;
	const char *name = p->prog->name;
	int n = snprintf(buf, size, "bpf_prog_");

	for (u32 i = 0; i < BPF_TAG_SIZE; i++)
		n += snprintf(buf + n, size - (size_t)n, "%02x", p->prog->tag[i]);
	if (p->btf && f->sub < p->nr_func_info)
		t = btf_type_get(p->btf->btf, p->func_info[f->sub].type_id);
	if (t && *text(p, t->name_off))
		name = text(p, t->name_off);
	snprintf(buf + n, size - (size_t)n, "_%s%s", name, f->stub ? ".entry" : "");
}

/* ---- sections ---- */

enum { TEXT = 1, SYMTAB, STRTAB, FRAME, ABBREV, INFO, LINE, SECTIONS };

static const struct {
	const char *name;
	u32 type;
	u64 flags, entry;
	u32 link;
} sections[SECTIONS] = {
	[TEXT] = { ".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0 },
	[SYMTAB] = { ".symtab", SHT_SYMTAB, 0, sizeof(Elf64_Sym), STRTAB },
	[STRTAB] = { ".strtab", SHT_STRTAB, 0, 0, 0 },
	[FRAME] = { ".debug_frame", SHT_PROGBITS, 0, 0, 0 },
	[ABBREV] = { ".debug_abbrev", SHT_PROGBITS, 0, 0, 0 },
	[INFO] = { ".debug_info", SHT_PROGBITS, 0, 0, 0 },
	[LINE] = { ".debug_line", SHT_PROGBITS, 0, 0, 0 },
};

static void write_symbols(const struct prog_object *p, const struct jit_output *out,
			  struct bytes *tab, struct bytes *strings)
{
	Elf64_Sym sym = { 0 };
	char name[256];

	put1(strings, 0);
	put(tab, &sym, sizeof(sym));
	for (u32 i = 0; i < out->nr_frames; i++) {
		frame_name(p, &out->frames[i], name, sizeof(name));
		sym.st_name = put_string(strings, name);
		sym.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
		sym.st_shndx = TEXT;
		sym.st_value = out->frames[i].at;
		sym.st_size = out->frames[i].len;
		put(tab, &sym, sizeof(sym));
	}
}

enum {
	DW_CFA_advance_loc2 = 0x03,
	DW_CFA_def_cfa = 0x0c,
	DW_CFA_def_cfa_offset = 0x0e,
	DW_CFA_offset = 0x80,
};

/* One entry for all, then one per function (DWARF 4, section 6.4). */
static void write_frames(u64 code, const struct jit_output *out, struct bytes *b)
{
	size_t at = b->n;

	put4(b, 0);
	put4(b, 0xffffffff);
	put1(b, 4); /* version */
	put1(b, 0); /* augmentation */
	put1(b, 8); /* bytes of an address */
	put1(b, 0);
	put_uleb(b, 1);
	put_sleb(b, -8);
	put_uleb(b, JIT_DWARF_RA);
	put1(b, DW_CFA_def_cfa);
	put_uleb(b, JIT_DWARF_SP);
	put_uleb(b, 8);
	put1(b, DW_CFA_offset | JIT_DWARF_RA);
	put_uleb(b, 1);
	put_padding(b);
	put_length(b, at);
	for (u32 i = 0; i < out->nr_frames; i++) {
		const struct jit_frame *f = &out->frames[i];
		u32 place = 2;

		at = b->n;
		put4(b, 0);
		put4(b, 0);
		put8(b, code + f->at);
		put8(b, f->len);
		put1(b, DW_CFA_advance_loc2);
		put2(b, (u16)f->prologue);
		put1(b, DW_CFA_def_cfa_offset);
		put_uleb(b, f->depth);
		for (u32 r = 0; r <= 32; r++) {
			u32 reg = r < 32 ? r : f->frame_pointer;

			if (r < 32 ? !(f->saved & BIT(r)) : !reg)
				continue;
			put1(b, (u8)(DW_CFA_offset | jit_arch_dwarf(reg)));
			put_uleb(b, place++);
		}
		put_padding(b);
		put_length(b, at);
	}
}

enum {
	DW_TAG_compile_unit = 0x11,
	DW_AT_name = 0x03,
	DW_AT_stmt_list = 0x10,
	DW_AT_low_pc = 0x11,
	DW_AT_high_pc = 0x12,
	DW_FORM_addr = 0x01,
	DW_FORM_data4 = 0x06,
	DW_FORM_string = 0x08,
};

static void write_unit(const struct prog_object *p, u64 code, u32 len, struct bytes *abbrev,
		       struct bytes *info)
{
	static const u8 attributes[][2] = {
		{ DW_AT_name, DW_FORM_string },
		{ DW_AT_low_pc, DW_FORM_addr },
		{ DW_AT_high_pc, DW_FORM_addr },
		{ DW_AT_stmt_list, DW_FORM_data4 },
		{ 0, 0 },
	};

	put_uleb(abbrev, 1);
	put_uleb(abbrev, DW_TAG_compile_unit);
	put1(abbrev, 0);
	put(abbrev, attributes, sizeof(attributes));
	put1(abbrev, 0);
	put4(info, 0);
	put2(info, 2); /* version */
	put4(info, 0);
	put1(info, 8);
	put_uleb(info, 1);
	put_string(info, p->nr_line_info ? text(p, p->line_info[0].file_name_off) : p->prog->name);
	put8(info, code);
	put8(info, code + len);
	put4(info, 0);
	put_length(info, 0);
}

enum {
	DW_LNS_copy = 1,
	DW_LNS_advance_line = 3,
	DW_LNS_set_file = 4,
	DW_LNS_advance_pc = 2,
	DW_LNE_end_sequence = 1,
	DW_LNE_set_address = 2,
};

/* The number of the file named at @off among @files, put there if it is new; from 1. */
static u32 file_number(const struct prog_object *p, u32 off, u32 *seen, u32 *nr,
		       struct bytes *files)
{
	for (u32 i = 0; i < *nr; i++)
		if (seen[i] == off)
			return i + 1;
	seen[(*nr)++] = off;
	put_string(files, text(p, off));
	put_uleb(files, 0); /* folder: the name has it */
	put_uleb(files, 0);
	put_uleb(files, 0);
	return *nr;
}

static void write_lines(const struct prog_object *p, u64 code, const struct jit_output *out,
			struct bytes *b)
{
	static const u8 operands[] = { 0, 1, 1, 1, 1, 0, 0, 0, 1 }; /* of the standard opcodes */
	struct bytes files = { 0 }, rows = { 0 };
	u32 *seen = mem_calloc(p->nr_line_info + 1, sizeof(*seen));
	u32 nr_files = 0, file = 1, line = 1, at = 0;
	size_t header;

	if (!seen) {
		b->failed = true;
		return;
	}
	put1(&rows, 0);
	put_uleb(&rows, 9);
	put1(&rows, DW_LNE_set_address);
	put8(&rows, code);
	for (u32 i = 0; i < p->nr_line_info; i++) {
		const struct bpf_line_info *l = &p->line_info[i];
		u32 number = l->line_col >> 10;
		u32 f = file_number(p, l->file_name_off, seen, &nr_files, &files);

		if (!number)
			continue;
		if (f != file) {
			put1(&rows, DW_LNS_set_file);
			put_uleb(&rows, f);
			file = f;
		}
		put1(&rows, DW_LNS_advance_pc);
		put_uleb(&rows, out->offsets[l->insn_off] - at);
		at = out->offsets[l->insn_off];
		put1(&rows, DW_LNS_advance_line);
		put_sleb(&rows, (s64)number - line);
		line = number;
		put1(&rows, DW_LNS_copy);
	}
	put1(&rows, DW_LNS_advance_pc);
	put_uleb(&rows, out->native_len - at);
	put1(&rows, 0);
	put_uleb(&rows, 1);
	put1(&rows, DW_LNE_end_sequence);

	put4(b, 0);
	put2(b, 2);
	header = b->n;
	put4(b, 0);
	put1(b, 1);	 /* bytes of the shortest instruction */
	put1(b, 1);	 /* rows are statements */
	put1(b, (u8)-5); /* line base, unused */
	put1(b, 14);	 /* line range, unused */
	put1(b, 10);	 /* the first special opcode */
	put(b, operands, sizeof(operands));
	put1(b, 0); /* folders */
	if (files.n)
		put(b, files.v, files.n);
	put1(b, 0);
	put_length(b, header);
	if (rows.n)
		put(b, rows.v, rows.n);
	put_length(b, 0);
	b->failed |= files.failed || rows.failed;
	vec_free(&files);
	vec_free(&rows);
	mem_free(seen);
}

/* ---- the object file ---- */

static struct jit_code_entry *make_entry(const struct prog_object *p, const struct jit_output *out)
{
	struct bytes s[SECTIONS] = { 0 };
	u64 code = (u64)(uintptr_t)p->prog->code, at;
	Elf64_Shdr headers[SECTIONS] = { 0 };
	struct jit_code_entry *e = NULL;
	bool failed = false;
	Elf64_Ehdr *ehdr;

	write_symbols(p, out, &s[SYMTAB], &s[STRTAB]);
	write_frames(code, out, &s[FRAME]);
	if (p->btf && p->nr_line_info) {
		write_unit(p, code, out->native_len, &s[ABBREV], &s[INFO]);
		write_lines(p, code, out, &s[LINE]);
	}
	at = sizeof(*ehdr) + sizeof(headers);
	for (u32 i = TEXT; i < SECTIONS; i++) {
		headers[i].sh_name = put_string(&s[STRTAB], sections[i].name);
		headers[i].sh_type = sections[i].type;
		headers[i].sh_flags = sections[i].flags;
		headers[i].sh_link = sections[i].link;
		headers[i].sh_info = i == SYMTAB;
		headers[i].sh_entsize = sections[i].entry;
		headers[i].sh_addralign = i == TEXT ? 16 : 1;
	}
	headers[TEXT].sh_addr = code;
	headers[TEXT].sh_size = out->native_len;
	for (u32 i = SYMTAB; i < SECTIONS; i++) {
		headers[i].sh_offset = at;
		headers[i].sh_size = s[i].n;
		at += s[i].n;
		failed |= s[i].failed;
	}
	if (!failed)
		e = mem_zalloc(sizeof(*e) + at);
	if (e) {
		u8 *to = (u8 *)(e + 1);

		ehdr = (Elf64_Ehdr *)to;
		*ehdr = (Elf64_Ehdr){
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_REL,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_shoff = sizeof(*ehdr),
			.e_ehsize = sizeof(*ehdr),
			.e_shentsize = sizeof(headers[0]),
			.e_shnum = SECTIONS,
			.e_shstrndx = STRTAB,
		};
		memcpy(to + sizeof(*ehdr), headers, sizeof(headers));
		for (u32 i = SYMTAB; i < SECTIONS; i++)
			if (s[i].n)
				memcpy(to + headers[i].sh_offset, s[i].v, s[i].n);
		e->symfile_addr = (const char *)to;
		e->symfile_size = at;
	}
	for (u32 i = 0; i < SECTIONS; i++)
		vec_free(&s[i]);
	return e;
}

/* ---- perf ---- */

#define DUMP_MAGIC 0x4a695444 /* "JiTD" */
enum { DUMP_CODE_LOAD = 0, DUMP_DEBUG_INFO = 2 };

/* perf reads such files only when they are its user's, or root's. */
static int open_for_perf(const char *format, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), format, (int)getpid());
	return open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* Names for those who do not ask perf to inject what the dump has. */
static void add_to_map(const struct prog_object *p, const struct jit_output *out)
{
	int fd = open_for_perf("/tmp/perf-%d.map", O_WRONLY | O_APPEND);
	char name[256];

	if (fd < 0)
		return;
	for (u32 i = 0; i < out->nr_frames; i++) {
		frame_name(p, &out->frames[i], name, sizeof(name));
		dprintf(fd, "%llx %x %s\n", (unsigned long long)p->prog->code + out->frames[i].at,
			out->frames[i].len, name);
	}
	close(fd);
}

static u64 dump_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static void put_record(struct bytes *b, u32 id, size_t *at)
{
	*at = b->n;
	put4(b, id);
	put4(b, 0);
	put8(b, dump_time());
}

static void end_record(struct bytes *b, size_t at)
{
	u32 len = (u32)(b->n - at);

	if (!b->failed)
		memcpy(b->v + at + 4, &len, 4);
}

static void put_dump_lines(struct bytes *b, const struct prog_object *p,
			   const struct jit_output *out, const struct jit_frame *f)
{
	u64 code = (u64)(uintptr_t)p->prog->code, n = 0;
	size_t at, count;

	put_record(b, DUMP_DEBUG_INFO, &at);
	put8(b, code + f->at);
	count = b->n;
	put8(b, 0);
	for (u32 i = 0; p->btf && i < p->nr_line_info; i++) {
		const struct bpf_line_info *l = &p->line_info[i];
		u32 off = out->offsets[l->insn_off];

		if (off < f->at || off >= f->at + f->len || !(l->line_col >> 10))
			continue;
		put8(b, code + off);
		put4(b, l->line_col >> 10);
		put4(b, 0);
		put_string(b, text(p, l->file_name_off));
		n++;
	}
	if (!n)
		b->n = at;
	else if (!b->failed)
		memcpy(b->v + count, &n, 8);
	end_record(b, at);
}

static void put_dump(struct bytes *b, const struct prog_object *p, const struct jit_output *out)
{
	char name[256];

	for (u32 i = 0; i < out->nr_frames; i++) {
		const struct jit_frame *f = &out->frames[i];
		u64 code = (u64)(uintptr_t)p->prog->code + f->at;
		size_t at;

		put_dump_lines(b, p, out, f);
		put_record(b, DUMP_CODE_LOAD, &at);
		put4(b, (u32)getpid());
		put4(b, (u32)gettid());
		put8(b, code);
		put8(b, code);
		put8(b, f->len);
		put8(b, dump_time() + i); /* a number of its own */
		frame_name(p, f, name, sizeof(name));
		put_string(b, name);
		put(b, out->code + f->at, f->len);
		end_record(b, at);
	}
}

/*
 * perf takes memory of a file for that file, and no map of names for it; but it takes over
 * what the dump tells ("perf inject --jit"), which it finds by the executable mapping of it.
 */
static void add_to_dump(struct skep_system *sys, const struct prog_object *p,
			const struct jit_output *out)
{
	int fd = open_for_perf("/tmp/jit-%d.dump", O_RDWR | O_APPEND);
	struct bytes b = { 0 };

	if (fd < 0)
		return;
	if (!lseek(fd, 0, SEEK_END)) {
		put4(&b, DUMP_MAGIC);
		put4(&b, 1);
		put4(&b, 40);
		put4(&b, EM_X86_64);
		put4(&b, 0);
		put4(&b, (u32)getpid());
		put8(&b, dump_time());
		put8(&b, 0);
	}
	put_dump(&b, p, out);
	if (!b.failed)
		(void)!write(fd, b.v, b.n);
	if (!sys->perf_marked) {
		sys->perf_marked = true; /* the mapping stays as long as the process */
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	}
	vec_free(&b);
	close(fd);
}

static void forget(struct prog_object *p)
{
	struct jit_code_entry *e = p->debug;

	p->debug = NULL;
	p->forget_code = NULL;
	if (!e)
		return;
	list_del(e);
	mem_free(e);
}

/* Debuggers are a convenience: without memory for it, the code runs all the same. */
void jit_debug_add(struct skep_system *sys, struct prog_object *obj, const struct jit_output *out)
{
	struct jit_code_entry *e = make_entry(obj, out);

	if (e) {
		obj->debug = e;
		obj->forget_code = forget;
		list_add(e);
	}
	if (sys->perf) {
		add_to_map(obj, out);
		add_to_dump(sys, obj, out);
	}
}
