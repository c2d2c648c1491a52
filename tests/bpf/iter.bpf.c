/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Iterators; what they write is compared with Linux's. tests/unit/iter_test.c */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct config {
	u64 addr;
	u32 fd;
	u32 flood; /* bytes written per object */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct config);
} settings SEC(".maps");

static struct config *current_config(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

struct pair {
	u32 a, b;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 5);
	__type(key, u32);
	__type(value, struct pair);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, u32);
	__type(value, u32);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__type(key, u64);
	__type(value, u64);
} table SEC(".maps");

SEC("iter/bpf_map_elem")
int each_number(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct pair *p = ctx->value;
	u32 *key = ctx->key;

	if (!key || !p) {
		BPF_SEQ_PRINTF(seq, "end %llu\n", ctx->meta->seq_num);
		return 0;
	}
	BPF_SEQ_PRINTF(seq, "%llu: %u = %u,%u\n", ctx->meta->seq_num, *key, p->a, p->b);
	bpf_seq_write(seq, key, sizeof(*key));
	p->b = p->a * 2;
	return 0;
}

SEC("iter/bpf_map_elem")
int each_sum(struct bpf_iter__bpf_map_elem *ctx)
{
	u64 *key = ctx->key, *value = ctx->value;
	static u64 sum, keys;

	if (!key || !value) {
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llu keys %llu values %llu\n", ctx->meta->seq_num,
			       keys, sum);
		return 0;
	}
	keys += *key;
	sum += *value;
	return 0;
}

SEC("iter/bpf_map_elem")
int each_cpu(struct bpf_iter__bpf_map_elem *ctx)
{
	u32 *key = ctx->key;
	u64 *values = ctx->value;

	if (key && values)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u: %u\n", *key, (u32)values[0]);
	return 0;
}

SEC("iter/bpf_map")
int each_map(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u %s %u %u %u %d\n", map->id, map->name,
			       map->key_size, map->value_size, map->max_entries, map->map_type);
	return 0;
}

SEC("iter/bpf_prog")
int each_prog(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;

	if (prog)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u %s %d\n", prog->aux->id, prog->aux->name,
			       prog->type);
	return 0;
}

SEC("iter/bpf_link")
int each_link(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;

	if (link)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u %d %s\n", link->id, link->type,
			       link->prog->aux->name);
	return 0;
}

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task) {
		BPF_SEQ_PRINTF(ctx->meta->seq, "end %llu\n", ctx->meta->seq_num);
		return 0;
	}
	BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d %s\n", task->tgid, task->pid, task->comm);
	return 0;
}

SEC("iter/task_file")
int each_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct config *c = current_config();
	struct file *file = ctx->file;

	if (c && task && file && ctx->fd == c->fd)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %d %lu\n", task->tgid, ctx->fd,
			       file->f_inode->i_ino);
	return 0;
}

SEC("iter/task_vma")
int each_area(struct bpf_iter__task_vma *ctx)
{
	struct config *c = current_config();
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;

	if (c && task && vma && vma->vm_start <= c->addr && vma->vm_end > c->addr)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %lx-%lx %d%d%d\n", task->tgid, vma->vm_start,
			       vma->vm_end, (vma->vm_flags & 1) != 0, (vma->vm_flags & 2) != 0,
			       (vma->vm_flags & 4) != 0);
	return 0;
}

SEC("iter/bpf_map_elem")
int each_flood(struct bpf_iter__bpf_map_elem *ctx)
{
	static char chunk[1024];
	struct config *c = current_config();
	u32 *key = ctx->key;
	int i;

	if (!key || !c)
		return 0;
	for (i = 0; i < 100 && i * sizeof(chunk) < c->flood; i++)
		if (bpf_seq_write(ctx->meta->seq, chunk, sizeof(chunk)))
			break;
	return 0;
}

/* Reaches further than the values of the map go. */
struct wide {
	u64 words[8];
};

SEC("iter/bpf_map_elem")
int too_wide(struct bpf_iter__bpf_map_elem *ctx)
{
	struct wide *w = ctx->value;

	return w && w->words[7] == 12345;
}
