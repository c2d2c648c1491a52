/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Streams of programs: BPF_PROG_STREAM_READ_BY_FD, and the stack that a program prints (Linux:
 * kernel/bpf/stream.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "btf/btf.h"
#include "command/command.h"
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

/* As bpf_prog_ksym_find() has functions in /proc/kallsyms; places count instructions. */
static int frame_text(const struct prog_object *p, u32 insn, char *text, size_t size)
{
	const struct btf *btf = p->btf ? p->btf->btf : NULL;
	const struct bpf_prog *prog = p->prog;
	int func = entry_before(p->func_info, sizeof(*p->func_info), p->nr_func_info, insn);
	int line = entry_before(p->line_info, sizeof(*p->line_info), p->nr_line_info, insn);
	const char *name =
		btf && func >= 0 ? btf_type_name(btf, p->func_info[func].type_id) : prog->name;
	u32 sub = 0;
	int n = snprintf(text, size, "bpf_prog_");

	for (u32 i = 0; i < BPF_TAG_SIZE; i++)
		n += snprintf(text + n, size - (size_t)n, "%02x", prog->tag[i]);
	while (sub + 1 < prog->nr_subprogs && prog->subprog_start[sub + 1] <= insn)
		sub++;
	n += snprintf(
		text + n, size - (size_t)n, "_%.127s+0x%x/0x%x\n", name ?: "",
		8 * (insn - prog->subprog_start[sub]),
		8 * ((sub + 1 < prog->nr_subprogs ? prog->subprog_start[sub + 1] : prog->len) -
		     prog->subprog_start[sub]));
	if (btf && line >= 0) {
		const struct bpf_line_info *l = &p->line_info[line];
		const char *file = btf_str(btf, l->file_name_off) ?: "", *base = strrchr(file, '/');
		const char *words = btf_str(btf, l->line_off) ?: "";

		n += snprintf(text + n, size - (size_t)n, "  | %.200s @ %.100s:%u\n",
			      words + strspn(words, " \t"), base ? base + 1 : file,
			      BPF_LINE_INFO_LINE_NUM(l->line_col));
	}
	return n;
}

int stream_stack(struct skep_system *sys, struct bpf_run *run, u32 id, u32 insn)
{
	struct object *o;
	char text[1024], comm[16];
	int n;

	if (id != 1 && id != 2)
		return -ENOENT;
	run_comm(run, comm, sizeof(comm));
	n = snprintf(text, sizeof(text), "CPU: %u UID: %u PID: %u Comm: %s\nCall trace:\n",
		     run->cpu, (u32)run_uid_gid(run), (u32)run_pid_tgid(run), comm);
	relock_take(&sys->lock);
	o = object_of(sys, run->prog);
	if (o && o->kind == OBJECT_PROG)
		n += frame_text((struct prog_object *)o, insn, text + n, sizeof(text) - (size_t)n);
	relock_give(&sys->lock);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\n");
	return prog_stream_write(sys, run->prog, id, text, (u32)n);
}
