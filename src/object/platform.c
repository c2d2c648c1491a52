/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The platform functions for the process that called skep_system_new(): clock by
 * the vDSO, CPU by rseq, thread id and random state per thread.
 *
 * What is cached per thread must not survive fork(): one page of the process is
 * wiped on fork (MADV_WIPEONFORK), and a thread trusts its cache only while that
 * page's generation is the one it saw. This works for raw fork system calls, too,
 * where pthread_atfork() does not.
 */
#include "object/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "object/async.h"
#include "object/caller.h"
#include "object/system.h"
#include "object/uptr.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/*
 * State of the process, not of a system: there is one platform per process. The
 * entries of .systems are set and cleared by platform_register().
 */
static struct {
	u32 *generation; /* on the wiped page; 0 there: just forked */
	u32 last_generation;
	struct skep_system *systems[ARENA_LEASES];
} process;

static __thread struct {
	u32 generation;
	u32 tid, tgid;
	u64 random;
} self __attribute__((tls_model("initial-exec")));

static u32 *generation_page(void)
{
	u32 *page = load_acquire(&process.generation), *none = NULL;

	if (likely(page))
		return page;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, 4096, MADV_WIPEONFORK) < 0 ||
	    !__atomic_compare_exchange_n(&process.generation, &none, page, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		munmap(page, 4096);
	return load_acquire(&process.generation);
}

static __attribute__((noinline)) u32 find_generation(void)
{
	u32 *page = generation_page(), now;

	if (!page) /* Linux before 4.14, or no memory: the process id tells as well */
		return (u32)getpid();
	now = READ_ONCE(*page);
	if (unlikely(!now)) {
		u32 next = __atomic_add_fetch(&process.last_generation, 1, __ATOMIC_SEQ_CST);

		if (__atomic_compare_exchange_n(page, &now, next, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			now = next;
	}
	return now;
}

static inline u32 fork_generation(void)
{
	const u32 *page = load_acquire(&process.generation);
	u32 now = likely(page) ? READ_ONCE(*page) : 0;

	return likely(now) ? now : find_generation();
}

u32 platform_fork_generation(void)
{
	return fork_generation();
}

static __attribute__((noinline)) void refresh(u32 generation)
{
	self.generation = generation;
	self.tid = (u32)syscall(SYS_gettid);
	self.tgid = (u32)getpid();
	self.random = 0;
}

static inline void know_self(void)
{
	u32 generation = fork_generation();

	if (unlikely(self.generation != generation))
		refresh(generation);
}

static u32 process_tid(void)
{
	know_self();
	return self.tid;
}

static u64 process_pid_tgid(void)
{
	if (unlikely(caller_current()))
		return caller_pid_tgid();
	know_self();
	return (u64)self.tgid << 32 | self.tid;
}

static u32 process_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (u32)cpu;
}

static u64 process_ktime_ns(int clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return 0;
	return (u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec;
}

static __attribute__((noinline)) void seed_random(void)
{
	while (!self.random) {
		if (getrandom(&self.random, sizeof(self.random), 0) != sizeof(self.random))
			self.random = process_ktime_ns(CLOCK_MONOTONIC) ^ (u64)self.tid << 40;
	}
}

/* SplitMix64: each state gives one well-mixed number; not for keys. */
static u64 process_random(void)
{
	u64 z;

	know_self();
	if (unlikely(!self.random))
		seed_random();
	z = self.random += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static u64 process_uid_gid(void)
{
	return caller_uid_gid();
}

static void process_comm(char *buf, u32 size)
{
	caller_comm(buf, size);
}

static void process_yield(void)
{
	sched_yield();
}

static void process_recover(u32 *lock, u32 owner)
{
	if (thread_is_dead(owner))
		__atomic_compare_exchange_n(lock, &owner, 0, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED);
}

static void process_abort(const char *why)
{
	struct iovec v[] = {
		{ "skep: broken invariant: ", 24 },
		{ (void *)why, strlen(why) },
		{ "\n", 1 },
	};

	(void)!writev(STDERR_FILENO, v, 3);
	__builtin_trap();
}

static int process_back(struct arena *arena, void *addr, u64 len)
{
	return arena_back(arena, addr, len);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static long process_pages(void *addr, u64 len, enum pages_op op)
{
	u8 in[1024];

	switch (op) {
	case PAGES_REMOVE:
		return madvise(addr, len, MADV_REMOVE) ? -errno : 0;
	case PAGES_POPULATE:
		madvise(addr, len, MADV_REMOVE); /* whatever is there */
		if (!madvise(addr, len, MADV_POPULATE_WRITE))
			return 0;
		if (errno != EINVAL)
			return -ENOMEM;
		for (u64 i = 0; i < len; i += 4096) /* before Linux 5.14 */
			((volatile u8 *)addr)[i] = 0;
		return 0;
	case PAGES_TOUCHED:
		for (u64 i = 0; i < len; i += sizeof(in) * 4096) {
			u64 n = min(len - i, sizeof(in) * 4096);

			if (mincore((u8 *)addr + i, n, in))
				return -1;
			for (u64 k = 0; k < n / 4096; k++)
				if (in[k] & 1)
					return (long)(i / 4096 + k);
		}
		return -1;
	}
	return -EINVAL;
}

/* ---- the process's own memory, read and written without a signal ---- */

/* The kernel copies through a pipe where process_vm_readv() is forbidden. */
static int copy_by_pipe(char *dst, const char *src, u64 size)
{
	int p[2], err = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -EFAULT;
	while (size && !err) {
		u64 n = min_t(u64, size, 4096);

		if (write(p[1], src, n) != (ssize_t)n || read(p[0], dst, n) != (ssize_t)n)
			err = -EFAULT;
		src += n;
		dst += n;
		size -= n;
	}
	close(p[0]);
	close(p[1]);
	return err;
}

/* What lies between the stack's pointer and its beginning is there. */
static bool on_stack(u64 address, u64 size)
{
	static __thread struct {
		u64 low, top;
	} stack __attribute__((tls_model("initial-exec")));
	u64 sp = (u64)__builtin_frame_address(0);
	pthread_attr_t attr;
	size_t bytes;
	void *low;

	if (unlikely(!stack.top)) {
		stack.top = 1;
		if (!pthread_getattr_np(pthread_self(), &attr)) {
			if (!pthread_attr_getstack(&attr, &low, &bytes)) {
				stack.low = (u64)low;
				stack.top = (u64)low + bytes;
			}
			pthread_attr_destroy(&attr);
		}
	}
	return sp >= stack.low && address >= sp && address < stack.top &&
	       size <= stack.top - address;
}

static int copy_own(u64 dst, u64 src, u64 size, bool write)
{
	const u64 step = 1ULL << 30;

	if (on_stack(write ? dst : src, size)) {
		memcpy((void *)dst, (const void *)src, size);
		return 0;
	}
	know_self();
	while (size) {
		u64 n = min(size, step);
		struct iovec local = { (void *)(write ? src : dst), n };
		struct iovec remote = { (void *)(write ? dst : src), n };
		ssize_t got = syscall(write ? SYS_process_vm_writev : SYS_process_vm_readv,
				      self.tgid, &local, 1, &remote, 1, 0);

		if (got < 0 && (errno == EPERM || errno == ENOSYS || errno == EACCES))
			return copy_by_pipe((char *)dst, (const char *)src, size);
		if (got != (ssize_t)n)
			return -EFAULT;
		dst += n;
		src += n;
		size -= n;
	}
	return 0;
}

int platform_read(void *dst, u64 src, u64 size)
{
	return copy_own((u64)dst, src, size, false);
}

int platform_read_two(void *dst1, u64 src1, u64 size1, void *dst2, u64 src2, u64 size2)
{
	struct iovec local[] = { { dst1, size1 }, { dst2, size2 } };
	struct iovec remote[] = { { (void *)src1, size1 }, { (void *)src2, size2 } };

	know_self();
	if (size1 + size2 < 1ULL << 30 && syscall(SYS_process_vm_readv, self.tgid, local, 2, remote,
						  2, 0) == (long)(size1 + size2))
		return 0;
	return platform_read(dst1, src1, size1) ?: platform_read(dst2, src2, size2);
}

int platform_write(u64 dst, const void *src, u64 size)
{
	return copy_own(dst, (u64)src, size, true);
}

static int process_read_user(void *dst, u64 src, u32 size)
{
	return caller_read(dst, src, size);
}

static int process_write_user(u64 dst, const void *src, u32 size)
{
	return caller_write(dst, src, size);
}

/*
 * Up to the end of each page, so that a string at the end of mapped memory is read; what is behind
 * the NUL stays as it is.
 */
static long read_str(int (*reader)(void *, u64, size_t), void *dst, u64 src, u32 size)
{
	char piece[512];
	u32 done = 0;

	if (!size)
		return 0;
	while (done < size) {
		u32 n = min_t(u32, size - done, 4096 - (u32)((src + done) & 4095));
		char *nul;

		n = min_t(u32, n, sizeof(piece));
		if (reader(piece, src + done, n))
			return -EFAULT;
		nul = memchr(piece, 0, n);
		if (nul)
			n = (u32)(nul - piece) + 1;
		memcpy((char *)dst + done, piece, n);
		done += n;
		if (nul)
			return done;
	}
	((char *)dst)[size - 1] = 0;
	return size;
}

static long process_read_user_str(void *dst, u64 src, u32 size)
{
	return read_str(caller_read, dst, src, size);
}

static int process_read_own(void *dst, u64 src, u32 size)
{
	return platform_read(dst, src, size);
}

static long process_read_own_str(void *dst, u64 src, u32 size)
{
	return read_str(platform_read, dst, src, size);
}

/* ---- towards the system ---- */

void platform_register(struct arena *arena, struct skep_system *sys)
{
	int lease = arena_lease_of(arena);

	if (lease >= 0)
		store_release(&process.systems[lease], sys);
}

static struct skep_system *system_of(const void *p)
{
	int lease = arena_lease_of(p);

	return lease < 0 ? NULL : load_acquire(&process.systems[lease]);
}

static void process_trace(struct bpf_run *run, const char *line, u32 len)
{
	struct skep_system *sys = system_of(run->arena);

	u64 arg = (u64)line;

	if (!sys)
		return;
	if (sys->trace)
		sys->trace(sys->trace_arg, line, len);
	if (sys->raw_tp)
		sys->raw_tp(sys, "bpf_trace_printk", &arg, 1);
}

static int process_stream(struct bpf_run *run, u32 id, const char *text, u32 len)
{
	struct skep_system *sys = system_of(run->arena);

	return sys && run->prog ? prog_stream_write(sys, run->prog, id, text, len) : -ENOENT;
}

static void process_wake(void *ring)
{
	struct skep_system *sys = system_of(ring);
	struct waker *w;

	if (!sys)
		return;
	for (w = load_acquire(&sys->wakers); w; w = load_acquire(&w->next))
		if (w->what == ring && w->fd >= 0)
			eventfd_write(w->fd, 1);
}

static int process_read_world(struct bpf_run *run, void *dst, u64 src, u32 size)
{
	struct skep_system *sys = system_of(run->arena);

	return sys && sys->read_world ? sys->read_world(sys, run, dst, src, size) : -EFAULT;
}

static long process_read_world_str(struct bpf_run *run, char *dst, u64 src, u32 size)
{
	struct skep_system *sys = system_of(run->arena);

	return sys && sys->read_world_str ? sys->read_world_str(sys, run, dst, src, size) : -EFAULT;
}

static u64 process_world(struct bpf_run *run, enum world_op op, const u64 *args)
{
	struct skep_system *sys = system_of(run->arena);

	if ((op == WORLD_FLOW_DISSECT || op == WORLD_ROUTE_REALM || op == WORLD_SKB_CGROUP) &&
	    (!sys || !sys->netdev_call))
		return 0;
	if (sys && sys->netdev_call &&
	    (op == WORLD_DEVICE_MTU || op == WORLD_FIB_LOOKUP || op == WORLD_FLOW_DISSECT ||
	     op == WORLD_ROUTE_REALM || op == WORLD_SKB_CGROUP || op == WORLD_NEXT_HOP ||
	     op == WORLD_TUNNEL_SOURCE))
		return sys->netdev_call(sys, run, op, args);
	if (op == WORLD_CLONE_REDIRECT)
		return sys && sys->netdev_call ? sys->netdev_call(sys, run, op, args) :
						 (u64)-ENODEV;
	return sys && sys->world_call ? sys->world_call(sys, run, op, args) : 0;
}

static u64 process_kernel_call(struct bpf_run *run, enum kernel_call op, const u64 *args)
{
	struct skep_system *sys = system_of(run->arena);

	return sys && sys->kernel_call ? sys->kernel_call(sys, run, op, args) : (u64)-EPERM;
}

static void process_async(struct arena *arena, struct async_cb *cb, u64 due)
{
	struct skep_system *sys = system_of(arena);

	if (sys)
		async_queue(sys, cb, due);
}

static int process_prog_get(const struct bpf_prog *prog)
{
	struct skep_system *sys = system_of(prog);

	return sys ? async_prog_get(sys, prog) : -ENOENT;
}

static void process_prog_put(const struct bpf_prog *prog)
{
	struct skep_system *sys = system_of(prog);

	if (sys)
		async_prog_put(sys, prog);
}

static int process_uptr(struct bpf_uptr *u, u32 off, void *buf, u32 size, enum uptr_op op)
{
	off_t at = (off_t)(u->addr + off);
	ssize_t n = 0;

	switch (op) {
	case UPTR_READ:
		n = pread(u->mem, buf, size, at);
		break;
	case UPTR_WRITE:
		n = pwrite(u->mem, buf, size, at);
		break;
	case UPTR_CLOSE:
		if (u->mem >= 0)
			close(u->mem);
		u->mem = -1;
		return 0;
	}
	return n == (ssize_t)size ? 0 : -EFAULT;
}

static const struct skep_platform platform = {
	.ktime_ns = process_ktime_ns,
	.random = process_random,
	.cpu = process_cpu,
	.tid = process_tid,
	.pid_tgid = process_pid_tgid,
	.uid_gid = process_uid_gid,
	.comm = process_comm,
	.yield = process_yield,
	.recover = process_recover,
	.abort = process_abort,
	.back = process_back,
	.pages = process_pages,
	.trace = process_trace,
	.stream = process_stream,
	.wake = process_wake,
	.read_world = process_read_world,
	.read_world_str = process_read_world_str,
	.world = process_world,
	.kernel_call = process_kernel_call,
	.read_own = process_read_own,
	.read_own_str = process_read_own_str,
	.read_user = process_read_user,
	.read_user_str = process_read_user_str,
	.uptr = process_uptr,
	.write_user = process_write_user,
	.async = process_async,
	.prog_get = process_prog_get,
	.prog_put = process_prog_put,
};

const struct skep_platform *platform_process(void)
{
	return &platform;
}
