/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Walks of paths (walk.h). Linux does it in one go where a path cannot lead through what is
 * different for us; otherwise, and for every error, it is done step by step. Different are:
 * /proc/self, links of /proc that jump, a root directory of its own, and what belongs to this
 * process, which a task may not look into as we may.
 */
#include "event/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/supervisor.h"

#define LINKS_MAX     40 /* Linux: MAXSYMLINKS */
#define REST_MAX      (2 * PATH_MAX)
#define PROC_ROOT_INO 1

struct walk {
	struct task *t;
	u32 flags;
	u64 resolve;
	int root; /* -1: not opened yet */
	int base; /* where a scoped walk began; -1 */
	int cur;
	u32 links;
	bool ours; /* in /proc/PID of this process, or of one that is none of the subject's */
	u64 mnt;   /* RESOLVE_NO_XDEV */
	char rest[REST_MAX];
};

static int path_fd(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_PATH | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

static bool on_proc(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static int task_root(struct task *t)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/root", t->bpf.tid);
	decide_pause(t);
	fd = path_fd(AT_FDCWD, path, O_DIRECTORY);
	decide_unpause(t);
	return fd;
}

static u64 mount_of(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH, 0x1000 /* STATX_MNT_ID */, &st) ? 0 : st.stx_mnt_id;
}

static bool same_place(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
	       mount_of(a) == mount_of(b);
}

static int walk_root(struct walk *w)
{
	if (w->root < 0)
		w->root = task_root(w->t);
	return w->root;
}

static void move_to(struct walk *w, int fd)
{
	close(w->cur);
	w->cur = fd;
}

/* @text goes before what is left. */
static int prepend(struct walk *w, const char *text)
{
	size_t n = strlen(text), left = strlen(w->rest);
	bool slash = left && w->rest[0] != '/';

	if (n + slash + left >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + n + slash, w->rest, left + 1);
	memcpy(w->rest, text, n);
	if (slash)
		w->rest[n] = '/';
	return 0;
}

/* An absolute path begins, of the call or of a link. */
static int go_to_root(struct walk *w)
{
	int root;

	if (w->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	root = w->resolve & RESOLVE_IN_ROOT ? w->base : walk_root(w);
	if (root < 0)
		return root;
	root = path_fd(root, ".", 0);
	if (root < 0)
		return root;
	if (w->resolve & RESOLVE_NO_XDEV && mount_of(root) != w->mnt) {
		close(root);
		return -EXDEV;
	}
	w->ours = false;
	move_to(w, root);
	return 0;
}

/* ---- /proc ---- */

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* A process or thread of ours: the supervisor, or the program that it shares memory with. */
static bool is_ours(const struct walk *w, const char *name)
{
	char path[64];

	if (!is_number(name) || strlen(name) > 10)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%s", name);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task/%s", (int)w->t->sys->supervisor->host, name);
	return !access(path, F_OK);
}

/* A process that subject .t does not see more of than everybody: any outside of its own tree. */
static bool is_outside(const struct walk *w, const char *name)
{
	const struct task *t;

	if (!w->t->trace->process->confined || !is_number(name))
		return false;
	t = strlen(name) > 9 ? NULL : task_find(w->t->sys, atoi(name));
	return !t || t->trace->process != w->t->trace->process;
}

/* Whether @fd, where the walk begins or has jumped to, is in a folder of such a process. */
static bool is_within(const struct walk *w, int fd)
{
	char link[32], path[PATH_MAX], *at = path, *name;
	bool first = true;
	ssize_t n;

	if (!on_proc(fd))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return true;
	path[n] = 0;
	while ((name = strsep(&at, "/"))) {
		if (!is_number(name))
			continue;
		if (is_ours(w, name) || (first && is_outside(w, name)))
			return true;
		first = false;
	}
	return false;
}

/* What everybody may read of a process that may not be traced. */
static bool is_public(const char *name)
{
	static const char *const names[] = { "stat",	 "statm",     "status",	      "cmdline",
					     "comm",	 "cgroup",    "limits",	      "sched",
					     "loginuid", "sessionid", "oom_score",    "oom_adj",
					     "cpuset",	 "schedstat", "oom_score_adj" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* At @name in a folder of /proc: 1 when .rest has been rewritten, 0 to go on, or -errno. */
static int step_in_proc(struct walk *w, const char *name)
{
	struct stat st;
	char text[64];

	if (w->ours)
		return is_public(name) || !strcmp(name, "..") ? 0 : -EACCES;
	if (fstat(w->cur, &st) || st.st_ino != PROC_ROOT_INO)
		return 0;
	if (!strcmp(name, "self"))
		snprintf(text, sizeof(text), "%u", w->t->bpf.tgid);
	else if (!strcmp(name, "thread-self"))
		snprintf(text, sizeof(text), "%u/task/%u", w->t->bpf.tgid, w->t->bpf.tid);
	else
		return 0;
	if (w->resolve & RESOLVE_NO_SYMLINKS)
		return -ELOOP;
	return prepend(w, text) ?: 1;
}

/* ---- links ---- */

/* fs.protected_symlinks */
static bool link_is_safe(int dir, const struct stat *link)
{
	static int protects = -1; /* the machine's */
	struct stat st;
	char c = '1';
	int fd;

	if (protects < 0) {
		fd = open("/proc/sys/fs/protected_symlinks", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			(void)!read(fd, &c, 1);
			close(fd);
		}
		protects = c != '0';
	}
	if (!protects || fstat(dir, &st))
		return true;
	return (st.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
	       link->st_uid == (uid_t)syscall(SYS_setfsuid, -1) || link->st_uid == st.st_uid;
}

/* Link @fd named @name in .cur, which it closes: 1: .cur is where it leads; 0: .rest says so. */
static int follow(struct walk *w, int fd, const char *name, const struct stat *st)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	char target[PATH_MAX];
	ssize_t n;
	int there;

	if (w->resolve & RESOLVE_NO_SYMLINKS || ++w->links > LINKS_MAX) {
		close(fd);
		return -ELOOP;
	}
	if (on_proc(fd)) {
		there = (int)syscall(SYS_openat2, w->cur, name, &how, sizeof(how));
		if (there < 0 && errno == ELOOP) { /* it jumps */
			close(fd);
			if (w->resolve & RESOLVE_NO_MAGICLINKS)
				return -ELOOP;
			if (w->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_XDEV))
				return -EXDEV;
			there = path_fd(w->cur, name, 0);
			if (there < 0)
				return there;
			move_to(w, there);
			return 1;
		}
		if (there >= 0)
			close(there);
	}
	if (!link_is_safe(w->cur, st)) {
		close(fd);
		return -EACCES;
	}
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	close(fd);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	target[n] = 0;
	there = prepend(w, target);
	if (!there && target[0] == '/')
		there = go_to_root(w);
	return there;
}

/* ---- steps ---- */

/* Takes the next name off .rest: its length, 0 at the end, -ENAMETOOLONG. */
static int next_name(struct walk *w, char *name, bool *last, bool *slash)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(from, "/"), skip;

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, from, n);
	name[n] = 0;
	from += n;
	skip = strspn(from, "/");
	*slash = skip;
	*last = !from[skip];
	memmove(w->rest, from, strlen(from) + 1);
	return (int)n;
}

static int step_up(struct walk *w)
{
	int root, up;

	w->ours = false;
	if (w->base >= 0 && w->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT) &&
	    same_place(w->cur, w->base))
		return w->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
	root = walk_root(w);
	if (root < 0)
		return root;
	if (same_place(w->cur, root))
		return 0;
	up = path_fd(w->cur, "..", 0);
	if (up < 0)
		return up;
	if (w->resolve & RESOLVE_NO_XDEV && mount_of(up) != w->mnt) {
		close(up);
		return -EXDEV;
	}
	move_to(w, up);
	return 0;
}

/* Through @name, of which more follows or not: 0 or -errno. */
static int step(struct walk *w, const char *name, bool last, bool slash)
{
	bool proc = on_proc(w->cur);
	struct stat st;
	int fd, err;

	if (proc) {
		err = step_in_proc(w, name);
		if (err)
			return err < 0 ? err : 0;
	}
	fd = path_fd(w->cur, name, O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st)) {
		err = -errno;
		close(fd);
		return err;
	}
	if (w->resolve & RESOLVE_NO_XDEV && mount_of(fd) != w->mnt) {
		close(fd);
		return -EXDEV;
	}
	if (S_ISLNK(st.st_mode) && (!last || slash || w->flags & WALK_FOLLOW)) {
		err = follow(w, fd, name, &st);
		if (err <= 0)
			return err;
		if ((!last || slash) && (fstat(w->cur, &st) || !S_ISDIR(st.st_mode)))
			return -ENOTDIR;
		w->ours = is_within(w, w->cur);
		return 0;
	}
	if ((!last || slash) && !S_ISDIR(st.st_mode)) {
		close(fd);
		return -ENOTDIR;
	}
	if (proc && (is_ours(w, name) ||
		     (!fstat(w->cur, &st) && st.st_ino == PROC_ROOT_INO && is_outside(w, name))))
		w->ours = true;
	move_to(w, fd);
	return 0;
}

static int walk_slowly(struct walk *w, struct walked *out)
{
	char name[NAME_MAX + 1];
	bool last, slash;
	int n, err = 0;

	if (w->rest[0] == '/')
		err = go_to_root(w);
	else
		w->ours = is_within(w, w->cur);
	while (!err) {
		n = next_name(w, name, &last, &slash);
		if (n < 0)
			return n;
		if (w->flags & WALK_PARENT && (!n || last)) {
			struct stat st;

			if (fstat(w->cur, &st) || !S_ISDIR(st.st_mode))
				return -ENOTDIR;
			if (w->ours && n && !is_public(name))
				return -EACCES;
			/* As a name that is made or removed "self" is only a name. */
			memcpy(out->name, name, (size_t)n + 1);
			out->slash = slash;
			return 0;
		}
		if (!n)
			return 0;
		if (!strcmp(name, "."))
			continue;
		err = !strcmp(name, "..") ? step_up(w) : step(w, name, last, slash);
	}
	return err;
}

/* ---- in one go ---- */

static bool same_root(int root)
{
	int own = path_fd(AT_FDCWD, "/", O_DIRECTORY);
	bool same = own >= 0 && same_place(own, root);

	if (own >= 0)
		close(own);
	return same;
}

/* What Linux finds without a jump, outside of /proc: a descriptor, or less than 0: unknown. */
static int walk_at_once(struct walk *w, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	int fd, root = walk_root(w);

	if (root < 0)
		return -1;
	if (!(w->flags & WALK_FOLLOW))
		how.flags |= O_NOFOLLOW;
	if (*path == '/')
		how.resolve |= RESOLVE_IN_ROOT;
	else if (!same_root(root))
		return -1;
	fd = (int)syscall(SYS_openat2, *path == '/' ? root : w->cur, path, &how, sizeof(how));
	if (fd >= 0 && on_proc(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The same for a folder and the name in it. */
static int parent_at_once(struct walk *w, const char *path, struct walked *out)
{
	char up[PATH_MAX];
	size_t n = strlen(path), len;
	const char *name;
	u32 flags = w->flags;
	int fd;

	while (n && path[n - 1] == '/')
		n--;
	out->slash = path[n];
	for (len = n; len && path[len - 1] != '/'; len--)
		;
	name = path + len;
	if (n == len || n - len > NAME_MAX)
		return -1;
	memcpy(up, path, len);
	strcpy(up + len, ".");
	w->flags |= WALK_FOLLOW;
	fd = walk_at_once(w, up);
	w->flags = flags;
	if (fd < 0)
		return fd;
	memcpy(out->name, name, n - len);
	out->name[n - len] = 0;
	return fd;
}

/* ---- the whole ---- */

static int walk_from(struct walk *w, const char *path, struct walked *out)
{
	int fd = -1, err;

	if (!w->resolve)
		fd = w->flags & WALK_PARENT ? parent_at_once(w, path, out) : walk_at_once(w, path);
	if (fd >= 0) {
		move_to(w, fd);
		err = 0;
	} else {
		strcpy(w->rest, path);
		err = walk_slowly(w, out);
	}
	if (w->root >= 0)
		close(w->root);
	if (w->base >= 0)
		close(w->base);
	if (err)
		close(w->cur);
	else
		out->fd = w->cur;
	return err;
}

int walk_path(struct task *t, int dfd, const char *path, u32 flags, u64 resolve, struct walked *out)
{
	struct walk w = { .t = t, .flags = flags, .resolve = resolve, .root = -1, .base = -1 };

	*out = (struct walked){ .fd = -1 };
	if (!*path && !(flags & WALK_EMPTY))
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (resolve & RESOLVE_CACHED)
		return -EAGAIN;
	if (*path == '/' && !(resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)))
		w.cur = task_root(t);
	else
		w.cur = decide_take_dir(t, dfd);
	if (w.cur < 0)
		return w.cur;
	if (!*path) {
		out->fd = w.cur;
		return 0;
	}
	if (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		w.base = fcntl(w.cur, F_DUPFD_CLOEXEC, 0);
	if (resolve & RESOLVE_NO_XDEV)
		w.mnt = mount_of(w.cur);
	return walk_from(&w, path, out);
}

int walk_link(struct task *t, struct walked *out, u64 resolve, u32 *links)
{
	struct walk w = { .t = t, .flags = WALK_PARENT, .root = -1, .base = -1, .links = *links };
	char name[NAME_MAX + 1];
	struct stat st;
	int fd, err;

	strcpy(name, out->name);
	w.cur = out->fd;
	w.resolve = resolve;
	fd = path_fd(w.cur, name, O_NOFOLLOW);
	err = fd < 0 ? fd : fstat(fd, &st) ? -errno : 0;
	if (!err)
		err = follow(&w, fd, name, &st);
	if (err == 1) { /* it has jumped: there is no name */
		out->name[0] = 0;
		out->fd = w.cur;
		err = 0;
	} else if (!err) {
		err = walk_slowly(&w, out);
		out->fd = w.cur;
	}
	*links = w.links;
	if (w.root >= 0)
		close(w.root);
	if (err) {
		close(w.cur);
		out->fd = -1;
	}
	return err;
}
