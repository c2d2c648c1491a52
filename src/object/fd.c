/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Descriptors of objects (Linux: anon_inode_getfd() and the release functions of
 * the files).
 *
 * The file is a memfd named as the kernel names the object's file. The client's
 * descriptor is opened anew through /proc/self/fd, because only such a description
 * is counted by the inode (the one that memfd_create() returns is not). We keep a
 * read-only description: a write lease on it is granted exactly when no other
 * description of the inode exists: no duplicate, none in flight, no mapping, in any
 * process.
 *
 * inotify says that a description was closed, not how many, and says so shortly
 * before the count drops. An object whose close was seen while the probe still
 * counts somebody is therefore a suspect for a while, and probed again.
 *
 * DIFF(fork): after fork() the child has its own copy of the object table over the same shared
 * memory: it may use every map and program that it inherited, and what it makes is
 * its own. It does not see what its parent makes later (unless handed the
 * descriptor of an object that it knows), and does not give back pages of objects
 * that its parent made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "object/async.h"
#include "object/caller.h"
#include "object/platform.h"
#include "object/security.h"
#include "object/system.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define SUSPECT_NS 100000000ULL

static const char *const file_names[OBJECT_KINDS] = {
	[OBJECT_MAP] = "bpf-map",	[OBJECT_PROG] = "bpf-prog",
	[OBJECT_LINK] = "bpf_link",	[OBJECT_BTF] = "btf",
	[OBJECT_PERF] = "[perf_event]", [OBJECT_STATS] = "bpf-stats",
	[OBJECT_TOKEN] = "bpf-token",	[OBJECT_FS_CONTEXT] = "[fscontext]",
};

int fd_move_up(int fd)
{
	struct rlimit limit;
	int high, from = 768;

	if (!getrlimit(RLIMIT_NOFILE, &limit))
		from = (int)(min_t(u64, limit.rlim_cur, 4096) / 4 * 3);
	high = fcntl(fd, F_DUPFD_CLOEXEC, from);
	if (high < 0)
		return fd; /* a low number is not an error */
	close(fd);
	return high;
}

static int reopen(int fd, int access)
{
	char path[32] = "/proc/self/fd/", *p = path + 14;
	u32 unit = 1;
	int new;

	while ((u32)fd / unit >= 10)
		unit *= 10;
	for (; unit; unit /= 10)
		*p++ = (char)('0' + (u32)fd / unit % 10);
	new = open(path, access | O_CLOEXEC);
	return new < 0 ? -errno : new;
}

/*
 * A file may serve one object after the other (see keep_file()). Which life it is in stands in
 * the shared memory, so that a forked child does not take a later object for one that it knows.
 */
static struct file_life *life_of(const struct skep_system *sys, u64 inode)
{
	for (u32 i = 0; i < ARRAY_SIZE(sys->arena->lives); i++)
		if (READ_ONCE(sys->arena->lives[i].inode) == inode)
			return &sys->arena->lives[i];
	return NULL;
}

static u64 life_number(const struct object *o)
{
	const struct file_life *l = life_of(o->sys, o->inode);

	return l ? READ_ONCE(l->number) : 0;
}

static bool is_file_of(const struct stat *st, const struct object *o)
{
	return st->st_ino == o->inode && st->st_dev == o->sys->memfd_device &&
	       (!o->plain_file || life_number(o) == o->life);
}

/*
 * The position of an open file says which object it was opened for, in which life of the file: nobody reads
 * these files, and asking for a position costs less than half of what fstat() does. 0: it cannot be said, and
 * fstat() will have to. A position that somebody has moved says nothing, either.
 */
#define TAG_HERE      (1ULL << 62)
#define TAG_LIFE_BITS 29
#define TAG_LIFE      ((1ULL << TAG_LIFE_BITS) - 1)

static u64 tag_of(const struct object *o)
{
	bool readable = o->kind == OBJECT_PERF || o->kind == OBJECT_STATS;

	if (readable || o->inode >> 32 || o->life > TAG_LIFE)
		return 0;
	return TAG_HERE | o->inode << TAG_LIFE_BITS | o->life;
}

/* Whether o->probe_fd still is ours: a client may have closed it and got the number again. */
static bool is_ours(const struct object *o)
{
	struct stat st;

	return o->probe_fd >= 0 && !fstat(o->probe_fd, &st) && is_file_of(&st, o);
}

/* ---- making the file ---- */

static void watch(struct object *o)
{
	struct skep_system *sys = o->sys;
	char path[32];
	int wd;

	if (sys->inotify_fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", o->probe_fd);
	wd = inotify_add_watch(sys->inotify_fd, path, IN_CLOSE);
	if (wd < 0)
		return;
	if (idmap_set(&sys->by_watch, (u64)wd, o))
		inotify_rm_watch(sys->inotify_fd, wd);
	else
		o->watch = wd;
}

/*
 * Files of dead objects, for the next ones: making one takes as long as all the rest of loading a
 * small program. Only where nobody but this process can know the file, and when a
 * probe has shown that it does not have it any more.
 */
static bool keep_file(struct object *o)
{
	struct skep_system *sys = o->sys;
	struct file_life *life;
	u64 none = 0;

	if (!o->plain_file || !o->let_go || o->watch < 0 || sys->inotify_fd < 0 ||
	    sys->nr_spare_files == ARRAY_SIZE(sys->spare_files) || !object_is_mine(o))
		return false;
	life = life_of(sys, o->inode) ?: life_of(sys, 0);
	if (!life ||
	    (!life->inode && !__atomic_compare_exchange_n(&life->inode, &none, o->inode, false,
							  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)))
		return false;
	WRITE_ONCE(life->number, life->number + 1);
	sys->spare_files[sys->nr_spare_files++] =
		(struct spare_file){ o->kind, o->probe_fd, o->watch, o->inode };
	return true;
}

static void end_life(struct skep_system *sys, u64 inode)
{
	struct file_life *life = life_of(sys, inode);

	if (life)
		store_release(&life->inode, 0);
}

static bool take_file(struct object *o)
{
	struct skep_system *sys = o->sys;
	struct spare_file f;
	u32 i;

	for (i = 0; i < sys->nr_spare_files && sys->spare_files[i].kind != o->kind; i++)
		;
	if (i == sys->nr_spare_files || caller_current())
		return false;
	f = sys->spare_files[i];
	sys->spare_files[i] = sys->spare_files[--sys->nr_spare_files];
	o->probe_fd = f.fd;
	o->inode = f.inode;
	o->life = life_number(o);
	o->plain_file = true;
	if (!is_ours(o)) /* the client closed it */
		goto fail;
	if (idmap_set(&sys->by_inode, f.inode, o))
		goto close;
	if (idmap_set(&sys->by_watch, (u64)f.watch, o)) {
		idmap_del(&sys->by_inode, f.inode);
		goto close;
	}
	o->watch = f.watch;
	return true;
close:
	close(f.fd);
fail:
	inotify_rm_watch(sys->inotify_fd, f.watch);
	end_life(sys, f.inode);
	o->probe_fd = -1;
	o->inode = 0;
	o->plain_file = false;
	return false;
}

/* In a forked child the files and lives are its parent's, too. */
static void drop_files(struct skep_system *sys, bool mine)
{
	struct stat st;

	while (sys->nr_spare_files) {
		const struct spare_file *f = &sys->spare_files[--sys->nr_spare_files];

		if (!fstat(f->fd, &st) && st.st_ino == f->inode && st.st_dev == sys->memfd_device)
			close(f->fd);
		if (mine)
			end_life(sys, f->inode);
	}
}

static int make_file(struct object *o, u64 size, bool final, bool sparse, void **client, int *raw)
{
	struct skep_system *sys = o->sys;
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | (final ? F_SEAL_SEAL : 0);
	struct stat st;
	int fd, err = 0;

	if (client)
		*client = NULL;
	else if (!raw && !size && final && take_file(o))
		return 0;
	fd = memfd_create(file_names[o->kind], MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create(file_names[o->kind], MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (size &&
	    (ftruncate(fd, (off_t)size) < 0 || (!sparse && fallocate(fd, 0, 0, (off_t)size) < 0)))
		err = errno == EMFILE || errno == ENFILE ? -errno : -ENOMEM;
	if (!err && !raw && fcntl(fd, F_ADD_SEALS, seals) < 0)
		err = -errno;
	if (!err && fstat(fd, &st) < 0)
		err = -errno;
	if (!err && size && client)
		*client = arena_map_fd(sys->arena, fd, size, &err);
	if (!err) {
		int probe = reopen(fd, O_RDONLY);

		if (probe < 0)
			err = probe;
		else
			o->probe_fd = fd_move_up(probe);
	}
	if (raw && !err)
		*raw = fd_move_up(fd);
	else
		close(fd);
	if (!err) {
		sys->memfd_device = st.st_dev;
		o->inode = st.st_ino;
		o->plain_file = !client && !raw && !size && final && !caller_current();
		o->life = life_number(o);
		err = idmap_set(&sys->by_inode, o->inode, o);
		if (err)
			o->inode = 0;
		else
			watch(o);
	}
	if (err) {
		if (o->probe_fd >= 0)
			close(o->probe_fd);
		o->probe_fd = -1;
		if (raw && *raw >= 0)
			close(*raw);
		if (client && *client) {
			arena_unmap_fd(sys->arena, *client, size);
			*client = NULL;
		}
	}
	return err;
}

int object_make_file(struct object *o, u64 size, bool final, bool sparse, void **client)
{
	int err;

	relock_take(&o->sys->lock);
	err = make_file(o, size, final, sparse, client, NULL);
	relock_give(&o->sys->lock);
	return err;
}

/*
 * No new writable mapping, no write(2): the seal that a map which programs may only
 * read gets when it is frozen. Ours stays. 0 or -errno.
 */
int object_seal_writes(struct object *o)
{
	const int seals = F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	int fd, err = 0;

	relock_take(&o->sys->lock);
	fd = is_ours(o) ? reopen(o->probe_fd, O_RDWR) : -EBADF;
	if (fd < 0)
		err = fd;
	else if (fcntl(fd, F_ADD_SEALS, seals) < 0 && errno != EINVAL) /* Linux before 5.1 */
		err = -errno;
	if (fd >= 0)
		close(fd);
	relock_give(&o->sys->lock);
	return err;
}

int object_make_file_unsealed(struct object *o, int *raw)
{
	int err;

	*raw = -1;
	relock_take(&o->sys->lock);
	err = make_file(o, 0, true, false, NULL, raw);
	if (err)
		*raw = -1;
	relock_give(&o->sys->lock);
	return err;
}

int object_size_file(struct object *o, int raw, u64 size, void **client)
{
	int err = 0;

	if (ftruncate(raw, (off_t)size) < 0 || fallocate(raw, 0, 0, (off_t)size) < 0)
		return -ENOMEM;
	if (fcntl(raw, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	*client = arena_map_fd(o->sys->arena, raw, size, &err);
	return err;
}

static bool is_inotify(int fd)
{
	char path[32], link[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, "anon_inode:inotify");
}

int object_new_fd_flags(struct object *o, int flags)
{
	struct skep_system *sys = o->sys;
	bool new = o->probe_fd < 0;
	int fd = 0;

	relock_take(&sys->lock);
	if (o->probe_fd < 0)
		fd = make_file(o, 0, true, false, NULL, NULL);
	if (!fd)
		fd = new || is_ours(o) ? reopen(o->probe_fd, flags & O_ACCMODE) : -EBADF;
	if (fd >= 0) {
		if (tag_of(o))
			lseek(fd, (off_t)tag_of(o), SEEK_SET);
		if ((flags & O_ACCMODE) != O_RDWR)
			WRITE_ONCE(o->restricted, true);
		o->held = true;
		o->let_go = false;
		if (o->kind == OBJECT_MAP && ((struct map_object *)o)->map)
			WRITE_ONCE(((struct map_object *)o)->map->async.unheld, 0);
	}
	relock_give(&sys->lock);
	if (!caller_current() && flags & O_CLOEXEC)
		return fd; /* as it is */
	return caller_give_fd(fd, flags & O_CLOEXEC);
}

int object_new_fd_mode(struct object *o, int access)
{
	struct security_question q = {
		.hook = o->kind == OBJECT_MAP ? SECURITY_BPF_MAP : SECURITY_BPF_PROG,
		.map = o->kind == OBJECT_MAP ? (struct map_object *)o : NULL,
		.prog = o->kind == OBJECT_PROG ? (struct prog_object *)o : NULL,
		.number = (u32)access + 1, /* FMODE_READ, FMODE_WRITE */
	};
	int err = q.map || q.prog ? security_ask(o->sys, &q) : 0;

	return err ? err : object_new_fd_flags(o, access | O_CLOEXEC);
}

int object_new_fd(struct object *o)
{
	return object_new_fd_mode(o, O_RDWR);
}

/* Gives up the file of a dying object. */
void object_forget_file(struct object *o)
{
	struct skep_system *sys = o->sys;

	if (o->suspect) {
		o->suspect = false;
		sys->suspects--;
	}
	if (o->inode)
		idmap_del(&sys->by_inode, o->inode);
	if (o->watch >= 0)
		idmap_del(&sys->by_watch, (u64)o->watch);
	if (keep_file(o)) {
		o->watch = -1;
		o->probe_fd = -1;
		o->inode = 0;
		return;
	}
	if (o->watch >= 0) {
		if (sys->inotify_fd >= 0 && object_is_mine(o))
			inotify_rm_watch(sys->inotify_fd, o->watch);
	}
	o->watch = -1;
	if (is_ours(o))
		close(o->probe_fd);
	if (o->plain_file && object_is_mine(o))
		end_life(sys, o->inode);
	o->probe_fd = -1;
	o->inode = 0;
}

/* ---- from a descriptor to its object ---- */

/* By the position of this process's @fd. NULL and 0: it does not tell. */
static struct object *get_by_tag(struct skep_system *sys, int fd, int *err)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct object *o;

	*err = 0;
	if (at < 0) {
		*err = errno == EBADF ? -EBADF : -EINVAL;
		return NULL;
	}
	if (!((u64)at & TAG_HERE))
		return NULL;
	relock_take(&sys->lock);
	o = idmap_get(&sys->by_inode, ((u64)at & ~TAG_HERE) >> TAG_LIFE_BITS);
	if (o && tag_of(o) == (u64)at)
		o->refs++;
	else
		o = NULL;
	relock_give(&sys->lock);
	return o;
}

struct object *object_get_any(struct skep_system *sys, int fd, int *err)
{
	struct object *o = NULL;
	struct stat st;

	if (!caller_current()) {
		o = get_by_tag(sys, fd, err);
		if (o || *err)
			return o;
	}
	if (caller_fstat(fd, &st)) {
		*err = -EBADF;
		return NULL;
	}
	*err = -EINVAL;
	relock_take(&sys->lock);
	if (st.st_ino && st.st_dev == sys->memfd_device)
		o = idmap_get(&sys->by_inode, st.st_ino);
	if (o && is_file_of(&st, o)) {
		o->refs++;
		*err = 0;
	} else {
		o = NULL;
	}
	relock_give(&sys->lock);
	return o;
}

struct object *object_get_fd(struct skep_system *sys, int fd, enum object_kind kind, int *err)
{
	struct object *o = object_get_any(sys, fd, err);

	if (o && o->kind != kind) {
		object_put(o);
		*err = -EINVAL;
		return NULL;
	}
	return o;
}

/* ---- who still holds what ---- */

static bool somebody_holds(const struct object *o)
{
	if (fcntl(o->probe_fd, F_SETLEASE, F_WRLCK) < 0)
		return true; /* EAGAIN; any other failure must not free what is in use */
	fcntl(o->probe_fd, F_SETLEASE, F_UNLCK);
	return !is_ours(o);
}

/* The last descriptor of @o is gone. The lock is held; @o may be gone afterwards. */
static void unheld(struct object *o)
{
	o->held = false;
	if (o->suspect) {
		o->suspect = false;
		o->sys->suspects--;
	}
	o->refs++;
	if (o->kind == OBJECT_MAP && !o->pins)
		map_object_unheld((struct map_object *)o);
	object_put(o);
}

void object_end_hold(struct object *o)
{
	unheld(o);
}

static void probe(struct object *o, bool closed, u64 now)
{
	struct skep_system *sys = o->sys;

	if (!o->held || o->probe_fd < 0)
		return;
	if (!somebody_holds(o)) {
		o->let_go = true;
		unheld(o);
		return;
	}
	if (closed) {
		if (!o->suspect)
			sys->suspects++;
		o->suspect = true;
		o->suspect_since = now;
	} else if (o->suspect && now - o->suspect_since > SUSPECT_NS) {
		o->suspect = false;
		sys->suspects--;
	}
}

/*
 * Probes all objects, or the suspects among them. Probing may free any object, so
 * the table is walked by inode numbers taken beforehand.
 */
static void probe_many(struct skep_system *sys, bool all, u64 now)
{
	u64 chunk[64], from = 0;
	size_t n;

	/* Inode numbers in growing order, a chunk at a time: no allocation to fail. */
	do {
		n = 0;
		for (size_t i = 0; i < sys->by_inode.cap; i++) {
			struct idmap_slot *s = &sys->by_inode.slots[i];
			struct object *o = s->value;
			size_t k;

			if (s->key <= from || !o->held || (!all && !o->suspect))
				continue;
			for (k = n; k && chunk[k - 1] > s->key; k--)
				if (k < ARRAY_SIZE(chunk))
					chunk[k] = chunk[k - 1];
			if (k < ARRAY_SIZE(chunk))
				chunk[k] = s->key;
			if (n < ARRAY_SIZE(chunk))
				n++;
		}
		for (size_t i = 0; i < n; i++) {
			struct object *o = idmap_get(&sys->by_inode, chunk[i]);

			if (o)
				probe(o, false, now);
			from = chunk[i];
		}
	} while (n == ARRAY_SIZE(chunk));
}

/*
 * In the child of a fork. The lock may have been held by a thread that is not here,
 * and the events of the inherited queue are the parent's; here we probe.
 */
static void notice_fork(struct skep_system *sys)
{
	u32 generation = platform_fork_generation(), old = sys->generation;

	if (likely(old == generation) ||
	    !__atomic_compare_exchange_n(&sys->generation, &old, generation, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	sys->lock = sys->world_lock = (struct relock){ 0 };
	drop_files(sys, false);
	if (sys->inotify_fd >= 0 && is_inotify(sys->inotify_fd))
		close(sys->inotify_fd);
	sys->inotify_fd = -1;
}

void objects_drain(struct skep_system *sys, bool all)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct stat st;
	u64 now = 0;
	int unread;
	ssize_t n;

	notice_fork(sys);
	relock_take(&sys->lock);
	if (sys->inotify_fd < 0) {
		if (all)
			probe_many(sys, true, 0);
		goto out;
	}
	/* Mostly nothing has been closed. Now and then we look whether it is ours at all. */
	if (!all && !sys->suspects && ++sys->drains % 64 &&
	    !ioctl(sys->inotify_fd, FIONREAD, &unread) && !unread)
		goto out;
	if (fstat(sys->inotify_fd, &st) < 0 || st.st_ino != sys->inotify_inode) {
		sys->inotify_fd = -1; /* the client closed it, and may have the number again */
		drop_files(sys, true);
		all = true;
	}
	do {
		n = sys->inotify_fd >= 0 ? read(sys->inotify_fd, buf, sizeof(buf)) : 0;
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *e = (struct inotify_event *)p;
			struct object *o;

			p += sizeof(*e) + e->len;
			if (e->mask & IN_Q_OVERFLOW) {
				all = true;
				continue;
			}
			if (!(e->mask & IN_CLOSE))
				continue;
			if (!now)
				now = sys->platform->ktime_ns(CLOCK_MONOTONIC);
			o = idmap_get(&sys->by_watch, (u64)e->wd);
			if (o)
				probe(o, true, now);
		}
	} while (n > (ssize_t)sizeof(buf) / 2); /* else that was all */
	if (sys->suspects || all)
		probe_many(sys, all, sys->platform->ktime_ns(CLOCK_MONOTONIC));
out:
	async_drain(sys);
	arena_reclaim(sys->arena, &sys->retired);
	relock_give(&sys->lock);
}

int objects_start(struct skep_system *sys)
{
	struct stat st;

	sys->generation = platform_fork_generation();
	sys->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (sys->inotify_fd >= 0) {
		sys->inotify_fd = fd_move_up(sys->inotify_fd);
		sys->inotify_inode = fstat(sys->inotify_fd, &st) ? 0 : st.st_ino;
	}
	return 0; /* without inotify we probe */
}

void objects_stop(struct skep_system *sys)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		vec_free(&sys->tables[kind].by_id);
	idmap_free(&sys->by_inode);
	idmap_free(&sys->by_watch);
	idmap_free(&sys->by_address);
	drop_files(sys, true);
	if (sys->inotify_fd >= 0 && is_inotify(sys->inotify_fd))
		close(sys->inotify_fd);
	sys->inotify_fd = -1;
}
