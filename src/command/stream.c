/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Streams of programs: BPF_PROG_STREAM_READ_BY_FD, and the stack that a program prints (Linux:
 * kernel/bpf/stream.c).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/command.h"
#include "exec/exec.h"
#include "jit/jit.h"
#include "object/task.h"

int command_prog_stream_read(struct call *c)
{
	const union bpf_attr *attr = c->attr;
	u32 id = attr->prog_stream_read.stream_id, size = attr->prog_stream_read.stream_buf_len;
	struct prog_stream *stream;
	struct prog_object *p;
	int err;

	p = prog_get_fd(c->sys, (int)attr->prog_stream_read.prog_fd, &err);
	if (!p)
		return err;
	if (id != 1 && id != 2) {
		object_put(&p->obj);
		return -ENOENT;
	}
	relock_take(&c->sys->lock);
	stream = &p->streams[id - 1];
	size = min(size, stream->len);
	err = size ? user_write(c->sys, attr->prog_stream_read.stream_buf, stream->text, size) : 0;
	if (!err) {
		stream->len -= size;
		memmove(stream->text, stream->text + size, stream->len);
	}
	if (!stream->len) {
		mem_free(stream->text);
		stream->text = NULL;
	}
	relock_give(&c->sys->lock);
	object_put(&p->obj);
	return err ? err : (int)size;
}

/* The last of @n entries, each beginning with its instruction, that is not behind @insn; -1. */
static int entry_before(const void *entries, size_t size, u32 n, u32 insn)
{
	int found = -1;

	for (u32 i = 0; i < n && *(const u32 *)((const u8 *)entries + i * size) <= insn; i++)
		found = (int)i;
	return found;
}

/* Text that grows; without memory for it, it ends. */
struct text {
	char *v;
	u32 n, cap;
};

#define LINE_ROOM 1024 /* for what one frame adds */

static bool text_room(struct text *t)
{
	char *v;

	if (t->cap - t->n >= LINE_ROOM)
		return true;
	v = mem_realloc(t->v, t->cap + 4 * LINE_ROOM);
	if (!v)
		return false;
	t->v = v;
	t->cap += 4 * LINE_ROOM;
	return true;
}

static __attribute__((format(printf, 2, 3))) void put(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->n += (u32)vsnprintf(t->v + t->n, t->cap - t->n, format, args);
	va_end(args);
}

/* As bpf_prog_ksym_find() has functions in /proc/kallsyms; @off and @size of code, or in instructions. */
static void put_frame(struct text *t, const struct prog_object *p, u32 insn, u32 off, u32 size)
{
	const struct btf *btf = p->btf ? p->btf->btf : NULL;
	int func = entry_before(p->func_info, sizeof(*p->func_info), p->nr_func_info, insn);
	int line = entry_before(p->line_info, sizeof(*p->line_info), p->nr_line_info, insn);
	const char *name =
		btf && func >= 0 ? btf_type_name(btf, p->func_info[func].type_id) : p->prog->name;

	if (!text_room(t))
		return;
	put(t, "bpf_prog_");
	for (u32 i = 0; i < BPF_TAG_SIZE; i++)
		put(t, "%02x", p->prog->tag[i]);
	put(t, "_%.127s+0x%x/0x%x\n", name ?: "", off, size);
	if (btf && line >= 0) {
		const struct bpf_line_info *l = &p->line_info[line];
		const char *file = btf_str(btf, l->file_name_off) ?: "", *base = strrchr(file, '/');
		const char *words = btf_str(btf, l->line_off) ?: "";

		put(t, "  | %.200s @ %.100s:%u\n", words + strspn(words, " \t"),
		    base ? base + 1 : file, BPF_LINE_INFO_LINE_NUM(l->line_col));
	}
}

static void put_interpreted(struct text *t, struct skep_system *sys, const struct bpf_run_frame *f)
{
	const struct bpf_prog *prog = f->prog;
	struct object *o = object_of(sys, prog);
	u32 insn = interp_call_at(f), sub = 0, end;

	if (!o || o->kind != OBJECT_PROG)
		return;
	while (sub + 1 < prog->nr_subprogs && prog->subprog_start[sub + 1] <= insn)
		sub++;
	end = sub + 1 < prog->nr_subprogs ? prog->subprog_start[sub + 1] : prog->len;
	put_frame(t, (struct prog_object *)o, insn, 8 * (insn + 1 - prog->subprog_start[sub]),
		  8 * (end - prog->subprog_start[sub]));
}

/* The functions of programs; DIFF(stream-kernel-frames): what of the kernel is below and between them. */
static void put_frames(struct text *t, struct skep_system *sys, const struct bpf_run *run)
{
	for (const struct bpf_run_frame *f = run->frames; f; f = f->prev) {
		u64 pc = f->at, sp = f->sp;
		struct jit_place at;

		if (f->prog) {
			put_interpreted(t, sys, f);
			continue;
		}
		while (!jit_caller(sys, &pc, &sp, &at))
			if (!at.stub)
				put_frame(t, at.prog, at.insn, at.off, at.size);
	}
}

int stream_stack(struct skep_system *sys, struct bpf_run *run, u32 id)
{
	struct text t = { 0 };
	char comm[16];

	if (id != 1 && id != 2)
		return -ENOENT;
	if (!text_room(&t))
		return 0;
	run_comm(run, comm, sizeof(comm));
	put(&t, "CPU: %u UID: %u PID: %u Comm: %s\nCall trace:\n", run->cpu, (u32)run_uid_gid(run),
	    (u32)run_pid_tgid(run), comm);
	relock_take(&sys->lock);
	put_frames(&t, sys, run);
	relock_give(&sys->lock);
	if (text_room(&t))
		put(&t, "\n");
	prog_stream_write(sys, run->prog, id, t.v,
			  t.n); /* what does not fit is lost, as in Linux */
	mem_free(t.v);
	return 0;
}
