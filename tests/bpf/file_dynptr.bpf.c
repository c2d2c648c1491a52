/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Dynptrs of files (6.19) over the program that runs, and fs-verity: tests/unit/file_dynptr_test.c. */
#include "kfunc.h"

#include <bpf/bpf_tracing.h>

struct task_struct {
	int pid;
} CORE;
struct file {
	unsigned int f_flags;
} CORE;

extern struct file *bpf_get_task_exe_file(struct task_struct *task) __ksym;
extern void bpf_put_file(struct file *file) __ksym;
extern int bpf_dynptr_from_file(struct file *file, __u32 flags,
				struct bpf_dynptr *ptr__uninit) __ksym;
extern int bpf_dynptr_file_discard(struct bpf_dynptr *dynptr) __ksym;
extern int bpf_get_fsverity_digest(struct file *file, struct bpf_dynptr *digest_p) __ksym;

/* As since 6.19; libbpf's and kfunc.h's have 32 bits. */
static long (*const dynptr_read)(void *dst, __u64 len, const struct bpf_dynptr *src, __u64 offset,
				 __u64 flags) = (void *)201; /* BPF_FUNC_dynptr_read */

struct io {
	__u64 at, size; /* the file's size */
	__s64 out[16];
	char copy[2][64];
} io;

static __always_inline void look(struct bpf_dynptr *d)
{
	char text[64];
	void *p;

	io.out[1] = dynptr_read(io.copy[0], sizeof(io.copy[0]), d, io.at, 0);
	p = bpf_dynptr_slice(d, io.at, text, sizeof(text));
	io.out[2] = p != NULL;
	if (p)
		__builtin_memcpy(io.copy[1], p, sizeof(io.copy[1]));
	io.out[3] = bpf_dynptr_size(d);
	io.out[4] = bpf_dynptr_is_rdonly(d) & 255;
	io.out[5] = bpf_dynptr_write(d, 0, text, 1, 0);
	io.out[6] = dynptr_read(text, 64, d, io.size, 0);
	io.out[7] = dynptr_read(text, 64, d, 1ULL << 40, 0);
	io.out[8] = dynptr_read(text, 64, d, -32ULL, 0);
	io.out[9] = dynptr_read(text, 1, d, 0, 1);
	io.out[10] = bpf_dynptr_adjust(d, 1, io.size);
	io.out[11] = bpf_dynptr_size(d);
	io.out[12] = dynptr_read(text, 3, d, 0, 0);
	if (!io.out[12])
		io.out[13] = text[0] << 16 | text[1] << 8 | text[2];
	io.out[14] = dynptr_read(text, 64, d, io.size - 64, 0);
}

static __always_inline int run(void)
{
	struct file *f = bpf_get_task_exe_file(bpf_get_current_task_btf());
	struct bpf_dynptr d;

	if (!f)
		return -1;
	io.out[0] = bpf_dynptr_from_file(f, 0, &d);
	if (!io.out[0])
		look(&d);
	bpf_dynptr_file_discard(&d);
	io.out[15] = bpf_dynptr_from_file(f, 1, &d);
	bpf_dynptr_file_discard(&d);
	bpf_put_file(f);
	return 0;
}

SEC("?lsm/task_free") int atomic(void *ctx)
{
	return run();
}

SEC("?lsm.s/bprm_check_security") int waits(void *ctx)
{
	return run();
}

SEC("?lsm.s/bprm_check_security") int verity(void *ctx)
{
	struct file *f = bpf_get_task_exe_file(bpf_get_current_task_btf());
	struct bpf_dynptr d;

	if (!f)
		return -1;
	for (int i = 0; i < 3; i++) {
		bpf_dynptr_from_mem(io.copy[0] + (i == 1), i ? 40 : 3, 0, &d);
		io.out[i] = bpf_get_fsverity_digest(f, &d);
	}
	bpf_put_file(f);
	return 0;
}

/* What is not given back. */
SEC("?lsm/task_free") int kept(void *ctx)
{
	struct file *f = bpf_get_task_exe_file(bpf_get_current_task_btf());
	struct bpf_dynptr d;

	if (!f)
		return -1;
	bpf_dynptr_from_file(f, 0, &d);
	bpf_put_file(f);
	return 0;
}

/* What is of another kind. */
SEC("?lsm/task_free") int other(void *ctx)
{
	struct bpf_dynptr d;

	bpf_dynptr_from_mem(io.copy[0], 8, 0, &d);
	bpf_dynptr_file_discard(&d);
	return 0;
}

/* A slice of what has been given back. */
SEC("?lsm/task_free") int stale(void *ctx)
{
	struct file *f = bpf_get_task_exe_file(bpf_get_current_task_btf());
	struct bpf_dynptr d;
	char text[8];
	char *p;

	if (!f)
		return -1;
	bpf_dynptr_from_file(f, 0, &d);
	p = bpf_dynptr_slice(&d, 0, text, sizeof(text));
	bpf_dynptr_file_discard(&d);
	bpf_put_file(f);
	return p ? *p : 0;
}

char _license[] SEC("license") = "GPL";
