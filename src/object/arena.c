/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The shared memory of a system: see arena.h (Linux: vmalloc, bpf_prog_pack and
 * call_rcu do these jobs).
 *
 * The allocator hands out page ranges, first fit, from a table of free ranges. A
 * process may be killed while it changes the table: so there are two copies, the
 * change is made in the idle one, and one store of .active publishes it. The
 * survivor that finds the lock's owner dead takes the lock over and continues from
 * the published copy; at worst a range is lost.
 */
#include "object/packet.h"
#include "object/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "object/machine.h"
#include "object/object.h"
#include "object/platform.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PAGE	    4096ULL
#define ARENA_MAGIC 0x70656b73616e6572ULL
#define EXTENTS_MAX 65536
#define INT3	    0xcc

struct extent {
	u64 start, len; /* bytes, page-aligned */
};

struct extent_table {
	u32 active;
	u32 n[2];
	u32 backed; /* entries of each copy that have pages */
	struct extent v[2][EXTENTS_MAX];
};

/*
 * Pages that are free, but still have memory: most segments are one page, and the
 * file system's part of giving one back and getting it again costs more than the rest of
 * what they are for. Like the tables, an entry is there once .n says so.
 */
#define SPARE_MAX  32
#define SPARE_STEP 8 /* taken at once when there is none */

struct spare {
	u32 n;
	u64 at[SPARE_MAX];
};

struct arena_private {
	struct arena pub;
	u64 inode, code_inode; /* of the two files */
	struct spare pages;    /* as their last owner left them */
	struct spare codes;    /* a page and its guard, all traps */
	struct extent_table heap, code;
};

_Static_assert(sizeof(struct arena_private) < ARENA_WORLD, "the header has room");

static struct arena_private *priv(const struct arena *arena)
{
	return (struct arena_private *)arena;
}

/* ---- the owner of a lock ---- */

bool thread_is_dead(u32 tid)
{
	char path[32], buf[256], *p;
	ssize_t n;
	int fd;

	if (syscall(SYS_tkill, tid, 0) < 0)
		return errno == ESRCH;
	/* It exists, but a zombie answers, too. */
	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return true; /* died between the two looks */
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X' || p[2] == 'x');
}

static void lock_arena(struct arena *arena)
{
	u32 tid = platform_process()->tid(), spins = 0;

	for (;;) {
		u32 owner = 0;

		if (__atomic_compare_exchange_n(&arena->lock, &owner, tid, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
		/* Not recursive: our own id in it is that of a dead namesake. */
		if (owner == tid || (++spins % 256 == 0 && thread_is_dead(owner))) {
			if (__atomic_compare_exchange_n(&arena->lock, &owner, tid, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		}
		syscall(SYS_sched_yield);
	}
}

static void unlock_arena(struct arena *arena)
{
	store_release(&arena->lock, 0);
}

/* ---- pages ---- */

/*
 * An allocation that the machine cannot hold must fail here: shared memory is not
 * refused by Linux when it is made, the process is killed when it is used up.
 */
static bool memory_suffices(u64 len)
{
	char line[128];
	bool enough = true;
	FILE *f;

	if (len < (64ULL << 20))
		return true;
	f = fopen("/proc/meminfo", "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f)) {
		unsigned long long kib;

		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
			enough = len / 1024 + 16384 < kib;
			break;
		}
	}
	fclose(f);
	return enough;
}

/* Whether @fd still is the file: the client may have closed it and got the number again. */
static bool is_file(int fd, u64 inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_ino == inode;
}

static u64 inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static int back(int fd, u64 inode, u64 off, u64 len)
{
	u64 from = round_down(off, PAGE);

	if (!len)
		return 0;
	if (!is_file(fd, inode))
		return -ENOMEM;
	len = round_up(off + len, PAGE) - from;
	if (!memory_suffices(len))
		return -ENOMEM;
	while (fallocate(fd, 0, (off_t)from, (off_t)len) < 0)
		if (errno != EINTR)
			return -ENOMEM; /* ENOSPC, EFBIG, ENOMEM: no page is to be had */
	return 0;
}

static void unback(int fd, u64 inode, u64 off, u64 len)
{
	if (!is_file(fd, inode))
		return;
	while (len && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
				(off_t)len) < 0)
		if (errno != EINTR)
			break;
}

/* ---- ranges; the lock is held ---- */

static int table_room(struct arena *arena, struct extent_table *t, u32 n)
{
	u32 step = PAGE / sizeof(struct extent) * 16;
	int err = 0;

	if (n > EXTENTS_MAX)
		return -ENOMEM;
	while (t->backed < n && !err) {
		u32 more = min(step, EXTENTS_MAX - t->backed);

		for (int i = 0; i < 2 && !err; i++)
			err = back(arena->fd, priv(arena)->inode,
				   (u64)&t->v[i][t->backed] - (u64)arena,
				   more * sizeof(struct extent));
		if (!err)
			t->backed += more;
	}
	return err;
}

/* Takes @len bytes; 0: none left. */
static u64 range_take(struct extent_table *t, u64 len)
{
	u32 a = t->active, b = !a, n = t->n[a], k = 0;
	u64 start = 0;

	for (u32 i = 0; i < n; i++) {
		struct extent e = t->v[a][i];

		if (!start && e.len >= len) {
			start = e.start;
			e.start += len;
			e.len -= len;
			if (!e.len)
				continue;
		}
		t->v[b][k++] = e;
	}
	if (start) {
		t->n[b] = k;
		store_release(&t->active, b);
	}
	return start;
}

static void range_give(struct arena *arena, struct extent_table *t, u64 start, u64 len)
{
	u32 a = t->active, b = !a, n = t->n[a], k = 0;
	struct extent new = { start, len };
	bool done = false;

	if (table_room(arena, t, n + 1))
		return; /* lost until the arena ends */
	for (u32 i = 0; i < n; i++) {
		struct extent e = t->v[a][i];

		if (!done && e.start + e.len == new.start) {
			new.start = e.start;
			new.len += e.len;
			continue;
		}
		if (!done && new.start + new.len == e.start) {
			new.len += e.len;
			continue;
		}
		if (!done && e.start > new.start) {
			t->v[b][k++] = new;
			done = true;
		}
		t->v[b][k++] = e;
	}
	if (!done)
		t->v[b][k++] = new;
	t->n[b] = k;
	store_release(&t->active, b);
}

/* ---- spare pages; the lock is held ---- */

static u64 spare_take(struct spare *spare)
{
	u32 n = spare->n;

	if (!n)
		return 0;
	store_release(&spare->n, n - 1); /* killed now, a page is lost */
	return spare->at[n - 1];
}

static bool spare_give(struct spare *spare, u64 at)
{
	u32 n = spare->n;

	if (n == SPARE_MAX)
		return false;
	spare->at[n] = at;
	store_release(&spare->n, n + 1);
	return true;
}

/* ---- life of an arena ---- */

static int make_memfd(const char *name, unsigned int flags)
{
	int fd = memfd_create(name, MFD_CLOEXEC | flags);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC);
	return fd < 0 ? -errno : fd_move_up(fd);
}

static int map_range(u64 at, u64 len, int prot, int flags, int fd, u64 off)
{
	void *p = mmap((void *)at, len, prot, flags, fd, (off_t)off);

	if (p == MAP_FAILED)
		return -errno;
	if ((u64)p != at) { /* a kernel before 4.17 takes the address as a hint */
		munmap(p, len);
		return -EEXIST;
	}
	return 0;
}

static int map_code(struct arena *arena)
{
	u64 base = (u64)arena;
	int fd = make_memfd("skep-code", MFD_EXEC), err;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, ARENA_CODE_SIZE) < 0)
		err = -errno;
	else
		err = map_range(base + ARENA_CODE, ARENA_CODE_SIZE, PROT_READ | PROT_EXEC,
				MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int arena_new(struct arena **out, u32 nr_slots)
{
	struct arena_private *p;
	struct arena *arena;
	struct rlimit limit;
	int err = -ENOMEM, fd;
	u64 base = 0, inode;

	if (!nr_slots || nr_slots > BPF_MAX_SLOTS)
		return -EINVAL;
	/* Beyond this limit ftruncate() would raise SIGXFSZ. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < ARENA_CODE)
		return -EFBIG;
	for (u32 i = 0; i < ARENA_LEASES; i++) {
		base = ARENA_BASE + i * ARENA_LEASE_SIZE;
		err = map_range(base, ARENA_LEASE_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
				-1, 0);
		if (!err || err != -EEXIST)
			break;
	}
	if (err)
		return err;
	arena = (struct arena *)base;
	p = priv(arena);
	fd = make_memfd("skep-arena", MFD_NOEXEC_SEAL);
	if (fd < 0) {
		err = fd;
		goto out_unmap;
	}
	inode = inode_of(fd);
	if (ftruncate(fd, ARENA_CODE) < 0) {
		err = -errno;
		goto out_close;
	}
	err = map_range(base, ARENA_WORLD, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
	if (!err) /* any read of it yields zeros */
		err = map_range(base + ARENA_WORLD, ARENA_HEAP - ARENA_WORLD, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	if (!err)
		err = map_range(base + ARENA_OBJECTS, ARENA_OBJECTS_SIZE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, ARENA_OBJECTS);
	if (!err)
		err = map_range(base + ARENA_HEAP, ARENA_CODE - ARENA_HEAP, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, ARENA_HEAP);
	/* All but the entries of the tables, which get pages as they grow. */
	if (!err)
		err = back(fd, inode, 0, offsetof(struct arena_private, heap.v));
	if (!err)
		err = back(fd, inode, offsetof(struct arena_private, code),
			   offsetof(struct extent_table, v));
	if (err)
		goto out_close;
	/* A core dump would fill every hole with pages. */
	madvise((void *)base, ARENA_LEASE_SIZE, MADV_DONTDUMP);
	arena->magic = ARENA_MAGIC;
	arena->size = ARENA_LEASE_SIZE;
	arena->epoch = 1;
	arena->nr_slots = nr_slots;
	machine_describe(arena);
	arena->fd = fd;
	p->inode = inode;
	arena->code_fd = map_code(arena);
	p->code_inode = arena->code_fd >= 0 ? inode_of(arena->code_fd) : 0;
	err = table_room(arena, &p->heap, 1);
	if (!err)
		err = table_room(arena, &p->code, 1);
	if (err)
		goto out_code;
	p->heap.v[0][0] = (struct extent){ base + ARENA_HEAP, ARENA_CODE - ARENA_HEAP };
	p->heap.n[0] = 1;
	p->code.v[0][0] = (struct extent){ base + ARENA_CODE, ARENA_CODE_SIZE };
	p->code.n[0] = 1;
	err = getrandom(arena->cookie_secret, sizeof(arena->cookie_secret), 0) < 0 ||
			      getrandom(arena->pointer_secret, sizeof(arena->pointer_secret), 0) <
				      0 ?
		      -errno :
		      0;
	if (!err) {
		u64 size = round_up(nr_slots * sizeof(*arena->tunnels), 4096);

		arena->tunnels = arena_alloc(arena, size, size, &err);
	}
	if (err)
		goto out_code;
	*out = arena;
	return 0;

out_code:
	if (arena->code_fd >= 0)
		close(arena->code_fd);
out_close:
	close(fd);
out_unmap:
	munmap((void *)base, ARENA_LEASE_SIZE);
	return err;
}

void arena_destroy(struct arena *arena)
{
	int fd, code_fd;

	if (!arena)
		return;
	fd = arena->fd;
	code_fd = arena->code_fd;
	munmap(arena, ARENA_LEASE_SIZE);
	close(fd);
	if (code_fd >= 0)
		close(code_fd);
}

/* ---- segments ---- */

/* Pages for the next few segments of one page, with one call for all of them. */
static void stock_pages(struct arena *arena)
{
	struct arena_private *p = priv(arena);
	u64 len = SPARE_STEP * PAGE, start;

	lock_arena(arena);
	start = range_take(&p->heap, len);
	unlock_arena(arena);
	if (!start)
		return;
	if (back(arena->fd, p->inode, start - (u64)arena, len)) {
		unback(arena->fd, p->inode, start - (u64)arena, len);
		lock_arena(arena);
		range_give(arena, &p->heap, start, len);
		unlock_arena(arena);
		return;
	}
	/* Linux before 5.14 does this at the first touch of each. */
	madvise((void *)start, len, MADV_POPULATE_WRITE);
	lock_arena(arena);
	for (u64 at = start; at < start + len; at += PAGE)
		if (!spare_give(&p->pages, at))
			range_give(arena, &p->heap, at, PAGE);
	unlock_arena(arena);
}

/* A zeroed page, or NULL: there is none to be had so easily. */
static void *alloc_page(struct arena *arena)
{
	struct arena_private *p = priv(arena);
	u64 at;

	if (!READ_ONCE(p->pages.n))
		stock_pages(arena);
	lock_arena(arena);
	at = spare_take(&p->pages);
	unlock_arena(arena);
	return at ? memset((void *)at, 0, PAGE) : NULL;
}

void *arena_alloc(struct arena *arena, u64 reserve, u64 backed, int *err)
{
	struct arena_private *p = priv(arena);
	u64 start;
	void *page;

	*err = -ENOMEM;
	if (!reserve || reserve > ARENA_CODE - ARENA_HEAP || backed > reserve)
		return NULL;
	reserve = round_up(reserve, PAGE);
	backed = reserve == PAGE ? PAGE : round_up(backed, PAGE); /* so a spare page has memory */
	page = reserve == PAGE ? alloc_page(arena) : NULL;
	if (page) {
		*err = 0;
		return page;
	}
	lock_arena(arena);
	start = range_take(&p->heap, reserve);
	unlock_arena(arena);
	if (!start)
		return NULL;
	if (back(arena->fd, p->inode, start - (u64)arena, backed)) {
		arena_free(arena, (void *)start, reserve);
		return NULL;
	}
	*err = 0;
	return (void *)start;
}

int arena_back(struct arena *arena, void *addr, u64 len)
{
	return back(arena->fd, priv(arena)->inode, (u64)addr - (u64)arena, len);
}

void arena_prefer_node(void *at, u64 len, int node)
{
	const unsigned long bits = 8 * sizeof(unsigned long);
	unsigned long mask[16] = { 0 }; /* as many nodes as Linux can be built for */

	if (!len || node >= (int)(bits * ARRAY_SIZE(mask)))
		return;
	if (node >= 0)
		mask[(u32)node / bits] = 1UL << (u32)node % bits;
	syscall(SYS_mbind, at, len, node < 0 ? MPOL_DEFAULT : MPOL_PREFERRED,
		node < 0 ? NULL : mask, node < 0 ? 0 : bits * ARRAY_SIZE(mask) + 1,
		node < 0 ? 0 : MPOL_MF_MOVE);
}

void arena_free(struct arena *arena, void *segment, u64 reserve)
{
	struct arena_private *p = priv(arena);
	bool kept = false;

	if (!segment)
		return;
	reserve = round_up(reserve, PAGE);
	if (reserve == PAGE) {
		lock_arena(arena);
		kept = spare_give(&p->pages, (u64)segment);
		unlock_arena(arena);
	}
	if (kept)
		return;
	unback(arena->fd, p->inode, (u64)segment - (u64)arena, reserve);
	lock_arena(arena);
	range_give(arena, &p->heap, (u64)segment, reserve);
	unlock_arena(arena);
}

static int map_own(struct arena *arena, u64 at, u64 len)
{
	return map_range(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
			 arena->fd, at - (u64)arena);
}

void *arena_map_fd(struct arena *arena, int fd, u64 len, int *err)
{
	struct arena_private *p = priv(arena);
	u64 start;

	len = round_up(len, PAGE);
	lock_arena(arena);
	start = range_take(&p->heap, len);
	unlock_arena(arena);
	if (!start) {
		*err = -ENOMEM;
		return NULL;
	}
	*err = map_range(start, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (*err) {
		arena_unmap_fd(arena, (void *)start, len);
		return NULL;
	}
	return (void *)start;
}

void arena_unmap_fd(struct arena *arena, void *addr, u64 len)
{
	struct arena_private *p = priv(arena);

	if (!addr)
		return;
	len = round_up(len, PAGE);
	if (map_own(arena, (u64)addr, len))
		return; /* keeps the range: no one else may get it */
	lock_arena(arena);
	range_give(arena, &p->heap, (u64)addr, len);
	unlock_arena(arena);
}

int arena_move_fd(struct arena *arena, void *addr, void *to, u64 len)
{
	len = round_up(len, PAGE);
	if (mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		return -errno;
	arena_unmap_fd(arena, addr, len);
	return 0;
}

void arena_unmove_fd(struct arena *arena, void *to, u64 len)
{
	map_own(arena, (u64)to, round_up(len, PAGE));
}

/* ---- code ---- */

static int write_code(struct arena *arena, u64 at, const void *bytes, u64 len)
{
	u64 off = at - (u64)arena - ARENA_CODE;
	const char *from = bytes;

	if (!is_file(arena->code_fd, priv(arena)->code_inode))
		return -ENOMEM;
	while (len) {
		ssize_t n = pwrite(arena->code_fd, from, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENOMEM;
		from += n;
		off += (u64)n;
		len -= (u64)n;
	}
	return 0;
}

/* Fills code with int3. */
static int write_traps(struct arena *arena, u64 at, u64 len)
{
	u64 off = at - (u64)arena - ARENA_CODE, end = off + len;
	struct iovec piece[16];
	u8 traps[PAGE];

	if (!is_file(arena->code_fd, priv(arena)->code_inode))
		return -ENOMEM;
	memset(traps, INT3, sizeof(traps));
	while (off < end) {
		u64 left = end - off;
		int pieces = 0;
		ssize_t n;

		for (; pieces < ARRAY_SIZE(piece) && left; left -= piece[pieces++].iov_len)
			piece[pieces] = (struct iovec){ traps, min(left, PAGE) };
		n = pwritev(arena->code_fd, piece, pieces, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENOMEM;
		off += (u64)n;
	}
	return 0;
}

static void give_code(struct arena *arena, u64 start, u64 size)
{
	struct arena_private *p = priv(arena);

	unback(arena->code_fd, p->code_inode, start - (u64)arena - ARENA_CODE, size);
	lock_arena(arena);
	range_give(arena, &p->code, start, size);
	unlock_arena(arena);
}

/* @size bytes of traps; 0: there are none. */
static u64 take_code(struct arena *arena, u64 size)
{
	struct arena_private *p = priv(arena);
	u64 start;

	lock_arena(arena);
	start = range_take(&p->code, size);
	unlock_arena(arena);
	if (start && write_traps(arena, start, size)) {
		give_code(arena, start, size);
		start = 0;
	}
	return start;
}

/* A page of code and its guard, all of it traps; 0: as above. */
static u64 take_code_page(struct arena *arena)
{
	struct arena_private *p = priv(arena);
	u64 start, len = SPARE_STEP * 2 * PAGE, at;

	if (!READ_ONCE(p->codes.n)) {
		start = take_code(arena, len);
		for (at = start; start && at < start + len; at += 2 * PAGE) {
			bool kept;

			lock_arena(arena);
			kept = spare_give(&p->codes, at);
			unlock_arena(arena);
			if (!kept)
				give_code(arena, at, 2 * PAGE);
		}
	}
	lock_arena(arena);
	at = spare_take(&p->codes);
	unlock_arena(arena);
	return at;
}

void *arena_code_alloc(struct arena *arena, u64 len, int *err)
{
	u64 start = 0;

	if (arena->code_fd < 0) {
		*err = -EACCES;
		return NULL;
	}
	*err = -ENOMEM;
	if (!len || len > ARENA_CODE_SIZE / 2)
		return NULL;
	if (len <= PAGE)
		start = take_code_page(arena);
	if (!start)
		start = take_code(arena, round_up(len, PAGE) + PAGE);
	if (!start)
		return NULL;
	*err = 0;
	return (void *)start;
}

int arena_code_write(struct arena *arena, void *at, const void *bytes, u64 len)
{
	u64 off = (u64)at - (u64)arena - ARENA_CODE;

	if (arena->code_fd < 0)
		return -EACCES;
	if (off >= ARENA_CODE_SIZE || len > ARENA_CODE_SIZE - off)
		return -EINVAL;
	return write_code(arena, (u64)at, bytes, len);
}

void arena_code_free(struct arena *arena, void *code, u64 len)
{
	struct arena_private *p = priv(arena);
	u64 size = round_up(len, PAGE) + PAGE;
	bool kept = false;

	if (!code)
		return;
	/* A stray jump to what was code finds traps, at once. */
	if (size == 2 * PAGE && READ_ONCE(p->codes.n) < SPARE_MAX &&
	    !write_traps(arena, (u64)code, len)) {
		lock_arena(arena);
		kept = spare_give(&p->codes, (u64)code);
		unlock_arena(arena);
	}
	if (!kept)
		give_code(arena, (u64)code, size);
}

u64 arena_pages_used(const struct arena *arena)
{
	struct extent_table *t = &priv(arena)->heap;
	u64 free_bytes = 0;

	for (u32 i = 0; i < t->n[t->active]; i++)
		free_bytes += t->v[t->active][i].len;
	t = &priv(arena)->code;
	for (u32 i = 0; i < t->n[t->active]; i++)
		free_bytes += t->v[t->active][i].len;
	free_bytes += priv(arena)->pages.n * PAGE + priv(arena)->codes.n * 2 * PAGE;
	return ARENA_CODE - ARENA_HEAP + ARENA_CODE_SIZE - free_bytes;
}

/* ---- delayed frees ---- */

void arena_retire(struct arena *arena, struct arena_retired **list, struct arena_retired *r)
{
	r->epoch = __atomic_add_fetch(&arena->epoch, 1, __ATOMIC_SEQ_CST);
	r->next = *list;
	*list = r;
}

void arena_recover_slots(struct arena *arena)
{
	for (u32 i = 0; i < arena->nr_slots; i++) {
		u32 owner = READ_ONCE(arena->slots[i].owner);

		if (owner && thread_is_dead(owner))
			__atomic_compare_exchange_n(&arena->slots[i].owner, &owner, 0, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	}
}

void arena_reclaim(struct arena *arena, struct arena_retired **list)
{
	struct arena_retired *ready = NULL, **p = list, *r;
	bool recovered = false;

	/* Newest first: once one is quiescent, all behind it are. */
	while (*p && !arena_quiescent(arena, (*p)->epoch)) {
		if (!recovered && !(*p)->next) {
			arena_recover_slots(arena);
			recovered = true;
			if (arena_quiescent(arena, (*p)->epoch))
				break;
		}
		p = &(*p)->next;
	}
	ready = *p;
	*p = NULL;
	while ((r = ready)) {
		ready = r->next;
		r->free(r);
	}
}
