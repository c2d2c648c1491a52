/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Dynptrs (Linux: kernel/bpf/helpers.c, ringbuf.c, net/core/filter.c). A dynptr is 16
 * bytes that only these functions read and write.
 */
#include "helper/dynptr.h"
#include "helper/probe.h"
#include "object/dynptr.h"
#include "object/packet.h"
#include "object/rt_heap.h"
#include "object/task.h"

enum {
	DYNPTR_INVALID,
	DYNPTR_LOCAL,
	DYNPTR_RINGBUF,
	DYNPTR_SKB,
	DYNPTR_XDP,
	DYNPTR_FILE,
	DYNPTR_SKB_META
};

#define DYNPTR_MAX_SIZE DYNPTR_SIZE_MASK

BPF_HELPER_DECLARE(bpf_skb_load_bytes);
BPF_HELPER_DECLARE(bpf_skb_store_bytes);
BPF_HELPER_DECLARE(bpf_xdp_load_bytes);
BPF_HELPER_DECLARE(bpf_xdp_store_bytes);
BPF_HELPER_DECLARE(bpf_xdp_get_buff_len);
BPF_HELPER_DECLARE(bpf_ringbuf_reserve);
BPF_HELPER_DECLARE(bpf_ringbuf_submit);
BPF_HELPER_DECLARE(bpf_ringbuf_discard);

static u32 type_of(const struct dynptr *d)
{
	return (d->size & ~DYNPTR_RDONLY) >> DYNPTR_TYPE_SHIFT;
}

/* .data of DYNPTR_FILE, whose bytes are counted by 64 bits. */
struct dynptr_file {
	u64 file, offset, size;
	bool may_wait;
};

static struct dynptr_file *file_of(const struct dynptr *d)
{
	return d->data && type_of(d) == DYNPTR_FILE ? d->data : NULL;
}

static u64 size_of(const struct dynptr *d)
{
	const struct dynptr_file *f = file_of(d);

	return unlikely(f != NULL) ? f->size : d->size & DYNPTR_SIZE_MASK;
}

/* Offsets and lengths are 64 bits wide since there are dynptrs of files. */
static u64 wide(const struct bpf_run *run, u64 v)
{
	return run_visible(run, KVER(6, 19)) ? v : (u32)v;
}

static bool is_rdonly(const struct dynptr *d)
{
	return d->size & DYNPTR_RDONLY;
}

static void set(struct dynptr *d, void *data, u32 type, u32 size)
{
	d->data = data;
	d->offset = 0;
	d->size = size | type << DYNPTR_TYPE_SHIFT;
}

static void set_null(struct dynptr *d)
{
	d->data = NULL;
	d->offset = d->size = 0;
}

static int check_range(const struct dynptr *d, u64 off, u64 len)
{
	u64 size = size_of(d);

	return len > size || off > size - len ? -E2BIG : 0;
}

static s64 read_file(const struct dynptr *d, void *to, u64 len, u64 off, struct bpf_run *run)
{
	const struct dynptr_file *f = d->data;
	u64 args[] = { f->file, (u64)to, len, off + f->offset, f->may_wait };

	return to ? (s64)run->platform->world(run, WORLD_FILE_READ, args) : -EINVAL;
}

/* What XDP has put before the packet, which may have moved since. */
static u8 *skb_meta(const struct dynptr *d, u32 off)
{
	const struct sk_buff *skb = d->data;

	return skb->data_meta + d->offset + off;
}

static s64 do_read(void *to, u64 len, const struct dynptr *d, u64 off, u64 flags,
		   struct bpf_run *run)
{
	if (!d->data || flags)
		return -EINVAL;
	if (check_range(d, off, len))
		return -E2BIG;
	switch (type_of(d)) {
	case DYNPTR_LOCAL:
	case DYNPTR_RINGBUF:
		__builtin_memmove(to, (u8 *)d->data + d->offset + off, len);
		return 0;
	case DYNPTR_SKB:
		return (s64)bpf_skb_load_bytes((u64)d->data, d->offset + off, (u64)to, len, 0, run);
	case DYNPTR_XDP:
		return (s64)bpf_xdp_load_bytes((u64)d->data, d->offset + off, (u64)to, len, 0, run);
	case DYNPTR_FILE:
		return read_file(d, to, len, off, run);
	case DYNPTR_SKB_META:
		__builtin_memmove(to, skb_meta(d, off), len);
		return 0;
	}
	return -EFAULT;
}

static s64 do_write(const struct dynptr *d, u64 off, const void *from, u64 len, u64 flags,
		    struct bpf_run *run)
{
	if (!d->data || is_rdonly(d))
		return -EINVAL;
	if (check_range(d, off, len))
		return -E2BIG;
	switch (type_of(d)) {
	case DYNPTR_LOCAL:
	case DYNPTR_RINGBUF:
		if (flags)
			return -EINVAL;
		__builtin_memmove((u8 *)d->data + d->offset + off, from, len);
		return 0;
	case DYNPTR_SKB:
		return (s64)bpf_skb_store_bytes((u64)d->data, d->offset + off, (u64)from, len,
						flags, run);
	case DYNPTR_XDP:
		if (flags)
			return -EINVAL;
		return (s64)bpf_xdp_store_bytes((u64)d->data, d->offset + off, (u64)from, len, 0,
						run);
	case DYNPTR_SKB_META:
		if (flags)
			return -EINVAL;
		__builtin_memmove(skb_meta(d, off), from, len);
		return 0;
	}
	return -EFAULT;
}

/* [off, off + len) of the frame where it lies in one piece, else NULL. */
static u8 *xdp_piece(const struct xdp_buff *xdp, u32 off, u32 len)
{
	u32 part = (u32)(xdp->data_end - xdp->data);
	u8 *at = xdp->data;

	for (u32 i = 0;; i++) {
		if (off < part)
			return len <= part - off ? at + off : NULL;
		off -= part;
		if (i == xdp->nr_frags)
			return NULL;
		at = xdp->frags[i].data;
		part = xdp->frags[i].len;
	}
}

/* The bytes themselves, or a copy in @buf (may be NULL), or NULL. */
static void *slice(const struct dynptr *d, u64 from, void *buf, u64 len, struct bpf_run *run)
{
	const struct sk_buff *skb;
	u32 off = (u32)from;
	u8 *p;

	if (!d->data || check_range(d, from, len))
		return NULL;
	if (file_of(d))
		return read_file(d, buf, len, from, run) ? NULL : buf;
	off += d->offset;
	switch (type_of(d)) {
	case DYNPTR_LOCAL:
	case DYNPTR_RINGBUF:
		return (u8 *)d->data + off;
	case DYNPTR_SKB:
		skb = d->data;
		if (off <= skb->len - skb->data_len && len <= skb->len - skb->data_len - off)
			return skb->data + off;
		if (!buf || bpf_skb_load_bytes((u64)skb, off, (u64)buf, len, 0, run))
			return NULL;
		return buf;
	case DYNPTR_XDP:
		p = xdp_piece(d->data, off, len);
		if (p || !buf)
			return p;
		bpf_xdp_load_bytes((u64)d->data, off, (u64)buf, len, 0, run);
		return buf;
	case DYNPTR_SKB_META:
		return skb_meta(d, off - d->offset);
	}
	return NULL;
}

/* ---- for others ---- */

u32 dynptr_len(const struct dynptr *d)
{
	return d->data ? (u32)size_of(d) : 0;
}

bool dynptr_is_rdonly(const struct dynptr *d)
{
	return is_rdonly(d);
}

u8 *dynptr_bytes(const struct dynptr *d, u32 len, struct bpf_run *run)
{
	return slice(d, 0, NULL, len, run);
}

/* ---- helpers ---- */

BPF_HELPER(dynptr_from_mem)
{
	struct dynptr *d = PTR(r4);
	u32 size = (u32)r2;

	set_null(d);
	if (size > DYNPTR_MAX_SIZE)
		return ERR(E2BIG);
	if (r3)
		return ERR(EINVAL);
	set(d, PTR(r1), DYNPTR_LOCAL, size);
	return 0;
}

BPF_HELPER(dynptr_read)
{
	return (u64)do_read(PTR(r1), wide(run, r2), PTR(r3), wide(run, r4), r5, run);
}

BPF_HELPER(dynptr_write)
{
	return (u64)do_write(PTR(r1), wide(run, r2), PTR(r3), wide(run, r4), r5, run);
}

BPF_HELPER(dynptr_data)
{
	struct dynptr *d = PTR(r1);

	if (!d->data || check_range(d, wide(run, r2), wide(run, r3)) || is_rdonly(d))
		return 0;
	if (type_of(d) != DYNPTR_LOCAL && type_of(d) != DYNPTR_RINGBUF)
		return 0;
	return (u64)((u8 *)d->data + d->offset + (u32)r2);
}

BPF_HELPER(ringbuf_reserve_dynptr)
{
	struct dynptr *d = PTR(r4);
	u32 size = (u32)r2;
	u64 sample;

	set_null(d);
	if (r3)
		return ERR(EINVAL);
	if (size > DYNPTR_MAX_SIZE)
		return ERR(E2BIG);
	sample = bpf_ringbuf_reserve(r1, size, 0, 0, 0, run);
	if (!sample)
		return ERR(EINVAL);
	set(d, PTR(sample), DYNPTR_RINGBUF, size);
	return 0;
}

BPF_HELPER(ringbuf_submit_dynptr)
{
	struct dynptr *d = PTR(r1);

	if (!d->data)
		return 0;
	bpf_ringbuf_submit((u64)d->data, r2, 0, 0, 0, run);
	set_null(d);
	return 0;
}

BPF_HELPER(ringbuf_discard_dynptr)
{
	struct dynptr *d = PTR(r1);

	if (!d->data)
		return 0;
	bpf_ringbuf_discard((u64)d->data, r2, 0, 0, 0, run);
	set_null(d);
	return 0;
}

/* ---- kernel functions ---- */

BPF_KFUNC(bpf_dynptr_from_skb) /* r4, from the fix-ups: read-only */
{
	struct sk_buff *skb = PTR(r1);
	struct dynptr *d = PTR(r3);

	set_null(d);
	if (run_is_world(run, r1)) /* as tracing and netfilter are given it */
		skb = run->packet;
	if (r2 || !skb)
		return INT(-EINVAL);
	set(d, skb, DYNPTR_SKB, skb->len);
	if (r4)
		d->size |= DYNPTR_RDONLY;
	return 0;
}

BPF_KFUNC(bpf_dynptr_from_skb_meta)
{
	const struct sk_buff *skb = PTR(r1);
	struct dynptr *d = PTR(r3);

	set_null(d);
	if (r2)
		return INT(-EINVAL);
	set(d, PTR(r1), DYNPTR_SKB_META, (u32)(skb->data - skb->data_meta));
	return 0;
}

BPF_KFUNC(bpf_dynptr_from_xdp)
{
	struct dynptr *d = PTR(r3);

	set_null(d);
	if (r2)
		return INT(-EINVAL);
	set(d, PTR(r1), DYNPTR_XDP, (u32)bpf_xdp_get_buff_len(r1, 0, 0, 0, 0, run));
	return 0;
}

BPF_KFUNC(bpf_dynptr_slice)
{
	return (u64)slice(PTR(r1), wide(run, r2), PTR(r3), (u32)r4, run);
}

BPF_KFUNC(bpf_dynptr_slice_rdwr)
{
	const struct dynptr *d = PTR(r1);

	if (!d->data || is_rdonly(d))
		return 0;
	return (u64)slice(d, wide(run, r2), PTR(r3), (u32)r4, run);
}

BPF_KFUNC(bpf_dynptr_adjust)
{
	u64 start = wide(run, r2), end = wide(run, r3), size;
	struct dynptr *d = PTR(r1);
	struct dynptr_file *f = file_of(d);

	if (!d->data || start > end)
		return INT(-EINVAL);
	size = size_of(d);
	if (start > size || end > size)
		return INT(-ERANGE);
	if (f) {
		f->offset += start;
		f->size = end - start;
		return 0;
	}
	d->offset += (u32)start;
	d->size = (d->size & ~DYNPTR_SIZE_MASK) | (u32)(end - start);
	return 0;
}

BPF_KFUNC(bpf_dynptr_is_null)
{
	return !((struct dynptr *)PTR(r1))->data;
}

BPF_KFUNC(bpf_dynptr_is_rdonly)
{
	const struct dynptr *d = PTR(r1);

	return d->data && is_rdonly(d);
}

BPF_KFUNC(bpf_dynptr_size)
{
	const struct dynptr *d = PTR(r1);

	if (run_visible(run, KVER(6, 19)))
		return d->data ? size_of(d) : (u64)-EINVAL;
	return d->data ? size_of(d) : INT(-EINVAL);
}

BPF_KFUNC(bpf_dynptr_clone)
{
	const struct dynptr *d = PTR(r1);
	struct dynptr *to = PTR(r2);

	if (!d->data) {
		set_null(to);
		return INT(-EINVAL);
	}
	*to = *d;
	return 0;
}

BPF_KFUNC(bpf_dynptr_from_file) /* r4, from the fix-ups: whether bytes may be waited for */
{
	struct dynptr *d = PTR(r3);
	struct dynptr_file *f;

	set_null(d);
	if ((u32)r2)
		return INT(-EINVAL);
	f = heap_alloc(run->arena, run->platform, sizeof(*f), NULL);
	if (!f)
		return INT(-ENOMEM);
	*f = (struct dynptr_file){ r1, 0, (u64)-1, r4 };
	set(d, f, DYNPTR_FILE, 0);
	d->size |= DYNPTR_RDONLY;
	return 0;
}

BPF_KFUNC(bpf_dynptr_file_discard)
{
	struct dynptr *d = PTR(r1);

	if (d->data)
		heap_free(run->arena, run->platform, d->data);
	set_null(d);
	return 0;
}

BPF_KFUNC(bpf_dynptr_copy)
{
	const struct dynptr *dst = PTR(r1), *src = PTR(r3);
	u64 dst_off = wide(run, r2), src_off = wide(run, r4), size = wide(run, r5);
	u32 n;
	void *from = slice(src, src_off, NULL, size, run);
	void *to = dst->data && !is_rdonly(dst) ? slice(dst, dst_off, NULL, size, run) : NULL;
	u8 buf[256];
	s64 err;

	if (from && to) {
		__builtin_memmove(to, from, size);
		return 0;
	}
	if (from)
		return INT(do_write(dst, dst_off, from, size, 0, run));
	if (to)
		return INT(do_read(to, size, src, src_off, 0, run));
	if (check_range(dst, dst_off, size) || check_range(src, src_off, size))
		return INT(-E2BIG);
	for (u64 off = 0; off < size; off += n) {
		n = (u32)min_t(u64, sizeof(buf), size - off);
		err = do_read(buf, n, src, src_off + off, 0, run);
		if (!err)
			err = do_write(dst, dst_off + off, buf, n, 0, run);
		if (err)
			return INT(err);
	}
	return 0;
}

BPF_KFUNC(bpf_dynptr_memset)
{
	const struct dynptr *d = PTR(r1);
	u64 off = wide(run, r2), size = wide(run, r3);
	u8 buf[256], value = (u8)r4;
	u32 n;
	void *p;
	s64 err;

	if (!d->data || is_rdonly(d))
		return INT(-EINVAL);
	if (check_range(d, off, size))
		return INT(-E2BIG);
	p = slice(d, off, NULL, size, run);
	if (p) {
		__builtin_memset(p, value, size);
		return 0;
	}
	__builtin_memset(buf, value, min_t(u64, sizeof(buf), size));
	for (u64 done = 0; done < size; done += n) {
		n = (u32)min_t(u64, sizeof(buf), size - done);
		err = do_write(d, off + done, buf, n, 0, run);
		if (err)
			return INT(err);
	}
	return 0;
}

/* ---- memory that nobody has checked, into dynptrs ---- */

/* Reads @size bytes, or a string of at most that, from @src: 0, its length with NUL, or -errno. */
typedef long (*reader_t)(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task);

static long read_kernel(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	return probe_kernel(run, dst, src, size);
}

/* Up to what cannot be read, whose page may be the next one; how much. */
static u32 user_pages(struct bpf_run *run, u8 *dst, u64 src, u32 size)
{
	u32 done, n;

	for (done = 0; done < size; done += n) {
		n = min_t(u32, size - done, 4096 - (u32)((src + done) & 4095));
		if (run_read_user(run, dst + done, src + done, n))
			break;
	}
	return done;
}

static long read_user(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	return user_pages(run, dst, src, size) < size ? -EFAULT : 0;
}

/* Those that may sleep clear what they could not read. */
static long copy_user(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	u32 done = user_pages(run, dst, src, size);

	if (done == size)
		return 0;
	rt_zero((u8 *)dst + done, size - done);
	return -EFAULT;
}

static long copy_task(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	u64 args[] = { (u64)dst, size, src, task };

	return size ? (long)run->platform->world(run, WORLD_COPY_FROM_TASK, args) : 0;
}

static long read_kernel_str(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	return probe_kernel_str(run, dst, src, size);
}

static long read_user_str(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	return run_read_user_str(run, dst, src, size);
}

static long copy_task_str(struct bpf_run *run, void *dst, u64 src, u32 size, u64 task)
{
	return task_read_string(run, dst, size, src, task);
}

/* Memory in one piece is read into; packets are written to by pieces. */
static u64 fill(const struct dynptr *d, u32 at, u32 size, u64 src, u64 task, reader_t reader,
		struct bpf_run *run)
{
	void *to = d->data && !is_rdonly(d) ? slice(d, at, NULL, size, run) : NULL;
	u8 buf[256];
	long err;
	u32 n;

	if (to)
		return INT(reader(run, to, src, size, task));
	if (check_range(d, at, size))
		return INT(-E2BIG);
	for (u32 off = 0; off < size; off += n) {
		n = min_t(u32, sizeof(buf), size - off);
		err = reader(run, buf, src + off, n, task);
		if (!err)
			err = do_write(d, at + off, buf, n, 0, run);
		if (err)
			return INT(err);
	}
	return 0;
}

/* Always by pieces: what is behind the NUL stays. */
static u64 fill_str(const struct dynptr *d, u32 at, u32 size, u64 src, u64 task, reader_t reader,
		    struct bpf_run *run)
{
	u8 buf[256];
	u32 off, n;
	long len;
	s64 err;

	if (check_range(d, at, size))
		return INT(-E2BIG);
	for (off = 0; off < size; off += n - 1) { /* over the NUL of a piece */
		n = min_t(u32, sizeof(buf), size - off);
		len = reader(run, buf, src + off, n, task);
		if (len < 0)
			return INT(len);
		err = do_write(d, at + off, buf, (u32)len, 0, run);
		if (err)
			return INT(err);
		if (len < n || n == 1)
			return INT(off + (u32)len);
	}
	return INT(off);
}

#define FILLS(name, how, reader)                                                                   \
	BPF_KFUNC(name)                                                                            \
	{                                                                                          \
		return how(PTR(r1), (u32)r2, (u32)r3, r4, r5, reader, run);                        \
	}
FILLS(bpf_probe_read_kernel_dynptr, fill, read_kernel)
FILLS(bpf_probe_read_kernel_str_dynptr, fill_str, read_kernel_str)
FILLS(bpf_probe_read_user_dynptr, fill, read_user)
FILLS(bpf_probe_read_user_str_dynptr, fill_str, read_user_str)
FILLS(bpf_copy_from_user_dynptr, fill, copy_user)
FILLS(bpf_copy_from_user_str_dynptr, fill_str, read_user_str)
FILLS(bpf_copy_from_user_task_dynptr, fill, copy_task)
FILLS(bpf_copy_from_user_task_str_dynptr, fill_str, copy_task_str)
