/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Calls that name files and look at them: what lies in the instance's BPF file system (object/pins.h) or is one of
 * the kernel's files about eBPF (front/files.h) is answered here; every other call is the
 * kernel's, as it was made.
 *
 * DIFF(views-symlinks): a path is taken as it is spelled. A symbolic link elsewhere that leads
 * into the views leads to the machine's own files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "command/pin.h"
#include "daemon/view.h"
#include "event/lirc.h"
#include "front/files.h"
#include "front/receivers.h"
#include "hook/hook.h"
#include "object/cgroup_tree.h"

#define TRACEFS		   "/sys/kernel/tracing"
#define TRACEFS_IN_DEBUGFS "/sys/kernel/debug/tracing"
#define TRACEFS_MAGIC	   0x74726163

/* ---- what a path names ---- */

void view_tidy(char *path)
{
	char *to = path, *from = path;

	while (*from) {
		char *end = strchrnul(from + 1, '/');
		size_t len = (size_t)(end - from);

		if (len == 3 && from[1] == '.' && from[2] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (len > 1 && !(len == 2 && from[1] == '.')) {
			memmove(to, from, len);
			to += len;
		}
		from = end;
	}
	if (to == path)
		*to++ = '/';
	*to = 0;
}

/* The folder that a relative path begins at. Length, or less than 0. */
static int folder_of(struct request *r, int dirfd, char *path, size_t size)
{
	const char *shown;
	char link[48];
	struct stat st;
	ssize_t n;

	if (dirfd == AT_FDCWD) {
		snprintf(link, sizeof(link), "/proc/%u/cwd", r->caller.tid);
		if (READ_ONCE(r->session->moved) && !stat(link, &st)) {
			n = pins_path_of(r->sys, &st, path, (u32)size);
			if (n > 0)
				return (int)n;
		}
	} else {
		if (caller_fstat(dirfd, &st) || !S_ISDIR(st.st_mode))
			return -ENOTDIR;
		n = pins_path_of(r->sys, &st, path, (u32)size);
		if (n > 0)
			return (int)n;
		snprintf(link, sizeof(link), "/proc/%u/fd/%d", r->caller.tid, dirfd);
	}
	n = readlink(link, path, size - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	shown = folders_path_of(r->session->instance->folders, path);
	if (cgroup_tree_has_file(r->sys, path)) {
		char real[PATH_MAX];

		memcpy(real, path, (size_t)n + 1);
		if (cgroup_tree_shown(r->sys, real, path, size))
			n = (ssize_t)strlen(path);
	} else if (shown) {
		n = (ssize_t)strlen(shown);
		memmove(path, shown, (size_t)n + 1);
	}
	return (int)n;
}

/* "/proc/self/fd/3" and its like. */
static bool is_descriptor(struct place *p)
{
	char who[16], what[8];
	int n = 0;

	if (strncmp(p->path, "/proc/", 6) ||
	    sscanf(p->path, "/proc/%15[^/]/%7[^/]/%u%n", who, what, &p->fd, &n) != 3 || p->path[n])
		return false;
	if (strcmp(what, "fd") && strcmp(what, "fdinfo"))
		return false;
	if (!strcmp(who, "self") || !strcmp(who, "thread-self"))
		p->pid = p->r->caller.tid;
	else if (sscanf(who, "%u", &p->pid) != 1)
		return false;
	p->kind = strcmp(what, "fd") ? FDINFO : DESCRIPTOR;
	return true;
}

/* "/proc/self/cgroup" and its like. */
static bool is_of_process(struct place *p)
{
	const char *rest;
	u32 tid;
	int n = 0;

	if (strncmp(p->path, "/proc/", 6))
		return false;
	rest = p->path + 6;
	p->pid = p->r->caller.tgid;
	if (!strncmp(rest, "self/", 5))
		rest += 5;
	else if (!strncmp(rest, "thread-self/", 12))
		rest += 12;
	else if (sscanf(rest, "%u/%n", &p->pid, &n) == 1 && n)
		rest += n;
	else if (strcmp(rest, "mounts"))
		return false;
	n = 0;
	if (sscanf(rest, "task/%u/%n", &tid, &n) == 1 && n) {
		p->pid = tid;
		rest += n;
	}
	if (strcmp(rest, "cgroup") && strcmp(rest, "mounts") && strcmp(rest, "mountinfo"))
		return false;
	p->name = rest;
	p->kind = OF_PROCESS;
	return true;
}

/* "/dev/lirc0", "/dev/input/event9": where the filter knows of them, so none of a subject's. */
static bool is_receiver(struct place *p)
{
	int index;

	if (!p->r->session->receivers || strncmp(p->path, "/dev/", 5))
		return false;
	index = receiver_at(p->r->sys, p->path, &p->input);
	if (index < 0)
		return false;
	p->index = (u32)index;
	p->kind = RECEIVER;
	return true;
}

void view_locate(struct request *r, int dirfd, u64 address, struct place *p)
{
	char name[PATH_MAX];
	long len = user_read_str(r->sys, name, address, sizeof(name));
	bool through = false;
	char *up;
	int n = 0;

	p->kind = ELSEWHERE;
	p->r = r;
	p->dot = false;
	if (len <= 0)
		return;
	p->dot = name[len - 1] == '.' && (len == 1 || name[len - 2] == '/');
	if (*name == '/') {
		memcpy(p->path, name, (size_t)len + 1);
	} else {
		n = folder_of(r, dirfd, p->path, sizeof(p->path));
		if (n <= 0 || n + 1 + len >= PATH_MAX)
			return;
		p->path[n] = '/';
		memcpy(p->path + n + 1, name, (size_t)len + 1);
	}
	up = strstr(p->path, "/..");
	if (up && up > p->path) {
		*up = 0;
		through = pins_cover(r->sys, p->path) || cgroup_tree_covers(r->sys, p->path);
		*up = '/';
	}
	view_tidy(p->path);
	if (cgroup_tree_resolve(r->sys, p->path, sizeof(p->path)))
		through = false;
	if (pins_cover(r->sys, p->path))
		p->kind = PIN;
	else if (cgroup_tree_covers(r->sys, p->path))
		p->kind = CGROUP;
	else if (file_is_ours(p->path) ||
		 (r->session->receivers && receivers_show(r->sys, p->path)))
		p->kind = SHOWN;
	else if (through)
		p->kind = BEHIND;
	else if (!is_descriptor(p) && !is_receiver(p) && r->sys->cgroup_tree)
		is_of_process(p);
}

int view_path(struct request *r, int dirfd, u64 path, char *out)
{
	struct place p;

	view_locate(r, dirfd, path, &p);
	if (p.kind == CGROUP && !cgroup_tree_real(r->sys, p.path, out, PATH_MAX))
		return -1;
	if (p.kind != PIN && p.kind != BEHIND)
		return 0;
	memcpy(out, p.path, strlen(p.path) + 1);
	return p.kind == PIN ? 1 : -1;
}

/* Whose: NULL: none of ours. */
static struct object *object_behind(const struct place *p);

bool view_shows(struct request *r, int dirfd, u64 path)
{
	struct object *o = NULL;
	struct place p;

	view_locate(r, dirfd, path, &p);
	if (p.kind == DESCRIPTOR || p.kind == FDINFO) {
		o = object_behind(&p);
		if (o)
			object_put(o);
		return o && (p.kind == FDINFO || r->nr == SYS_readlink || r->nr == SYS_readlinkat);
	}
	return p.kind != ELSEWHERE && p.kind != BEHIND;
}

/* Of a working folder that is one of the tree's, which the kernel knows by another name. */
long view_getcwd(struct request *r)
{
	char path[PATH_MAX], link[48], real[PATH_MAX];
	struct stat st;
	int n, err;

	if (!READ_ONCE(r->session->moved))
		return ANSWER_CONTINUE;
	snprintf(link, sizeof(link), "/proc/%u/cwd", r->caller.tid);
	if (stat(link, &st))
		return ANSWER_CONTINUE;
	n = pins_path_of(r->sys, &st, path, sizeof(path));
	if (n <= 0) {
		n = (int)readlink(link, real, sizeof(real) - 1);
		real[n > 0 ? n : 0] = 0;
		if (!cgroup_tree_shown(r->sys, real, path, sizeof(path)))
			return ANSWER_CONTINUE;
		n = (int)strlen(path);
	}
	n++; /* with its NUL */
	if ((u64)n > r->args[1])
		return -ERANGE;
	err = user_write(r->sys, r->args[0], path, (size_t)n);
	return err ? err : n;
}

/* The object behind /proc/PID/fd/N; NULL: none of ours. */
static struct object *object_behind(const struct place *p)
{
	struct caller other = { NULL, p->pid, p->pid }, *before = caller_enter(&other);
	struct object *o;
	int err;

	o = object_get_any(p->r->sys, (int)p->fd, &err);
	caller_leave(before);
	return o;
}

/* ---- opening ---- */

static bool is_mounted_here(struct skep_system *sys, const char *at)
{
	size_t mount = sizeof(CGROUP_MOUNT) - 1;

	return (!strncmp(at, CGROUP_MOUNT, mount) && (!at[mount] || at[mount] == '/')) ||
	       !strcmp(at, TRACEFS) || !strcmp(at, TRACEFS_IN_DEBUGFS) || pins_cover(sys, at);
}

static void put_mount(FILE *to, const char *file, u32 number, const char *type, const char *at,
		      const char *options)
{
	if (!strcmp(file, "mountinfo"))
		fprintf(to, "%u 23 0:%u / %s rw,nosuid,nodev,noexec,relatime - %s %s rw%s\n",
			900 + number, 900 + number, at, type, type, options);
	else if (!strcmp(file, "mounts"))
		fprintf(to, "%s %s %s rw,nosuid,nodev,noexec,relatime%s 0 0\n", type, at, type,
			options);
}

/* The BPF file system that is number @m of the system's. */
static void put_bpffs(const struct place *p, FILE *to, u32 m, const char *at)
{
	char *options = NULL;
	size_t size;
	FILE *f = open_memstream(&options, &size);

	if (!f)
		return;
	pins_mount_text(p->r->sys, m, f);
	fclose(f);
	put_mount(to, p->name, 3 + m, "bpf", at, options);
	free(options);
}

/*
 * Of the process's file: its cgroup is one of the tree's, and cgroup2 is mounted where the tree
 * is, BPF's file systems and tracefs where ours are, instead of what the machine has there.
 */
static int open_of_process(const struct place *p, int flags)
{
	char path[PATH_MAX], line[8192], at[PATH_MAX];
	bool info = !strcmp(p->name, "mountinfo");
	const char *bpffs;
	FILE *from, *to;
	int fd;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	snprintf(path, sizeof(path), "/proc/%u/%s", p->pid, p->name);
	from = fopen(path, "re");
	if (!from)
		return -errno;
	fd = memfd_create(p->name, MFD_CLOEXEC);
	to = fd < 0 ? NULL : fdopen(dup(fd), "w");
	if (!to) {
		fclose(from);
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	if (!strcmp(p->name, "cgroup")) {
		cgroup_tree_path_of(p->r->sys, p->pid, at, sizeof(at));
		fprintf(to, "0::%s\n", at);
	}
	while (strcmp(p->name, "cgroup") && fgets(line, sizeof(line), from)) {
		if (sscanf(line, info ? "%*s %*s %*s %*s %4095s" : "%*s %4095s", at) == 1 &&
		    is_mounted_here(p->r->sys, at))
			continue;
		fputs(line, to);
	}
	put_mount(to, p->name, 0, "cgroup2", CGROUP_MOUNT, "");
	put_mount(to, p->name, 1, "tracefs", TRACEFS, "");
	put_mount(to, p->name, 2, "tracefs", TRACEFS_IN_DEBUGFS, "");
	for (u32 m = 0; (bpffs = pins_mount_at(p->r->sys, m)); m++)
		put_bpffs(p, to, m, bpffs);
	fclose(from);
	fclose(to);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static long open_place(struct place *p, int flags)
{
	struct request *r = p->r;
	struct pin_who who;
	struct object *o;
	int fd = -1;

	switch (p->kind) {
	case PIN:
		pin_who_of(r->sys, &who);
		fd = pins_open(r->sys, &who, p->path, flags);
		break;
	case SHOWN:
		fd = shown_open(r, p->path, flags);
		break;
	case FDINFO:
		o = object_behind(p);
		if (!o)
			return ANSWER_CONTINUE;
		fd = file_open_fdinfo(o);
		object_put(o);
		break;
	case CGROUP:
		/* Only the tracer sees what is written. */
		if ((flags & O_ACCMODE) != O_RDONLY && !load_acquire(&p->r->session->process))
			members_take_up(p->r->session->instance);
		if ((flags & O_ACCMODE) != O_RDONLY && !load_acquire(&p->r->session->process))
			return -EACCES;
		if ((flags & O_ACCMODE) != O_RDONLY && p->r->session->confined)
			return -EACCES; /* programs that are attached to its cgroup decide about it */
		fd = cgroup_tree_open(p->r->sys, p->path, flags);
		if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY)
			hooks_touch(p->r->sys); /* writes are stopped at */
		break;
	case OF_PROCESS:
		fd = open_of_process(p, flags);
		break;
	case RECEIVER:
		return receiver_open(r, p->index, p->input, flags);
	case ELSEWHERE:
	case BEHIND:
	case DESCRIPTOR:
		return ANSWER_CONTINUE;
	}
	return caller_give_fd(fd, flags & O_CLOEXEC);
}

static long open_at(struct request *r, int dirfd, u64 path, int flags)
{
	struct place p;

	view_locate(r, dirfd, path, &p);
	return open_place(&p, flags);
}

long view_open(struct request *r)
{
	return open_at(r, AT_FDCWD, r->args[0], (int)r->args[1]);
}

long view_openat(struct request *r)
{
	return open_at(r, (int)r->args[0], r->args[1], (int)r->args[2]);
}

long view_openat2(struct request *r)
{
	struct open_how how;

	if (r->args[3] < sizeof(how) || user_read(r->sys, &how, r->args[2], sizeof(how)) ||
	    how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return ANSWER_CONTINUE;
	return open_at(r, (int)r->args[0], r->args[1], (int)how.flags);
}

/* ---- looking ---- */

int view_stat_place(struct place *p, bool follow, struct stat *st)
{
	struct pin_who who;

	switch (p->kind) {
	case PIN:
		pin_who_of(p->r->sys, &who);
		return pins_stat(p->r->sys, &who, p->path, follow, st);
	case SHOWN:
		return shown_stat(p->r, p->path, st);
	case BEHIND:
		return (follow ? stat(p->path, st) : lstat(p->path, st)) ? -errno : 0;
	case CGROUP:
		return cgroup_tree_stat(p->r->sys, p->path, st);
	case RECEIVER:
		receiver_stat(p->r->sys, p->index, p->input, st);
		return 0;
	case FDINFO:
	case ELSEWHERE:
	case DESCRIPTOR:
	case OF_PROCESS:
		break;
	}
	return 1;
}

/* The call names descriptor @fd by an empty path: a receiver's, or the kernel's to answer. */
static bool names_descriptor(struct request *r, int flags, u64 path)
{
	char first[2];

	return flags & AT_EMPTY_PATH && lirc_count(r->sys) &&
	       (!path || !user_read_str(r->sys, first, path, sizeof(first)));
}

static long stat_at(struct request *r, int dirfd, u64 path, u64 to, bool follow)
{
	struct place p;
	struct stat st;
	int err;

	view_locate(r, dirfd, path, &p);
	err = view_stat_place(&p, follow, &st);
	if (err)
		return err > 0 ? ANSWER_CONTINUE : err;
	return user_write(r->sys, to, &st, sizeof(st)); /* the kernel's layout is libc's */
}

long view_stat(struct request *r)
{
	return stat_at(r, AT_FDCWD, r->args[0], r->args[1], true);
}

long view_lstat(struct request *r)
{
	return stat_at(r, AT_FDCWD, r->args[0], r->args[1], false);
}

long view_newfstatat(struct request *r)
{
	struct stat st;

	if (names_descriptor(r, (int)r->args[3], r->args[1]))
		return receiver_fstat(r, (int)r->args[0], &st) ?
			       user_write(r->sys, r->args[2], &st, sizeof(st)) :
			       ANSWER_CONTINUE;
	return stat_at(r, (int)r->args[0], r->args[1], r->args[2],
		       !(r->args[3] & AT_SYMLINK_NOFOLLOW));
}

static struct statx_timestamp statx_time(struct timespec t)
{
	return (struct statx_timestamp){ .tv_sec = t.tv_sec, .tv_nsec = (u32)t.tv_nsec };
}

long view_statx(struct request *r)
{
	struct place p;
	struct stat st;
	struct statx x;
	int err;

	if (names_descriptor(r, (int)r->args[2], r->args[1])) {
		err = receiver_fstat(r, (int)r->args[0], &st) ? 0 : 1;
	} else {
		view_locate(r, (int)r->args[0], r->args[1], &p);
		err = view_stat_place(&p, !(r->args[2] & AT_SYMLINK_NOFOLLOW), &st);
	}
	if (err)
		return err > 0 ? ANSWER_CONTINUE : err;
	memset(&x, 0, sizeof(x));
	x.stx_mask = STATX_BASIC_STATS;
	x.stx_blksize = (u32)st.st_blksize;
	x.stx_nlink = (u32)st.st_nlink;
	x.stx_uid = st.st_uid;
	x.stx_gid = st.st_gid;
	x.stx_mode = (u16)st.st_mode;
	x.stx_ino = st.st_ino;
	x.stx_size = (u64)st.st_size;
	x.stx_blocks = (u64)st.st_blocks;
	x.stx_atime = statx_time(st.st_atim);
	x.stx_mtime = statx_time(st.st_mtim);
	x.stx_ctime = statx_time(st.st_ctim);
	x.stx_dev_major = major(st.st_dev);
	x.stx_dev_minor = minor(st.st_dev);
	x.stx_rdev_major = major(st.st_rdev);
	x.stx_rdev_minor = minor(st.st_rdev);
	return user_write(r->sys, r->args[4], &x, sizeof(x));
}

static long access_at(struct request *r, int dirfd, u64 path, int mode)
{
	struct pin_who who;
	struct place p;

	view_locate(r, dirfd, path, &p);
	if (p.kind == PIN) {
		pin_who_of(r->sys, &who);
		return pins_access(r->sys, &who, p.path, mode);
	}
	if (p.kind == CGROUP)
		return cgroup_tree_access(r->sys, p.path, mode);
	if (p.kind == RECEIVER)
		return mode & X_OK ? -EACCES : 0;
	if (p.kind != SHOWN)
		return ANSWER_CONTINUE;
	return shown_access(r, p.path, mode);
}

long view_access(struct request *r)
{
	return access_at(r, AT_FDCWD, r->args[0], (int)r->args[1]);
}

long view_faccessat(struct request *r)
{
	return access_at(r, (int)r->args[0], r->args[1], (int)r->args[2]);
}

static long readlink_at(struct request *r, int dirfd, u64 path, u64 to, u64 size)
{
	static const char *const names[OBJECT_KINDS] = {
		[OBJECT_MAP] = "anon_inode:bpf-map",
		[OBJECT_PROG] = "anon_inode:bpf-prog",
		[OBJECT_LINK] = "anon_inode:bpf_link",
		[OBJECT_BTF] = "anon_inode:btf",
		[OBJECT_PERF] = "anon_inode:[perf_event]",
		[OBJECT_STATS] = "anon_inode:bpf-stats",
		[OBJECT_TOKEN] = "anon_inode:bpf-token",
		[OBJECT_FS_CONTEXT] = "anon_inode:[fscontext]",
	};
	char text[PATH_MAX];
	struct pin_who who;
	struct object *o;
	struct place p;
	int n, err;

	view_locate(r, dirfd, path, &p);
	size = min_t(u64, size, sizeof(text));
	switch (p.kind) {
	case PIN:
		pin_who_of(r->sys, &who);
		n = pins_readlink(r->sys, &who, p.path, text, (u32)size);
		break;
	case DESCRIPTOR:
		o = object_behind(&p);
		if (!o || !names[o->kind]) {
			object_put(o);
			return ANSWER_CONTINUE;
		}
		n = (int)min_t(u64, strlen(names[o->kind]), size);
		memcpy(text, names[o->kind], (size_t)n);
		object_put(o);
		break;
	case SHOWN:
		return file_access(r->sys, p.path, R_OK) ? -errno : -EINVAL;
	case CGROUP:
		err = cgroup_tree_access(r->sys, p.path, F_OK);
		return err ? err : -EINVAL;
	case RECEIVER:
		return -EINVAL;
	case OF_PROCESS:
	case ELSEWHERE:
	case BEHIND:
	case FDINFO:
	default:
		return ANSWER_CONTINUE;
	}
	if (n < 0)
		return n;
	err = user_write(r->sys, to, text, (size_t)n);
	return err ? err : n;
}

long view_readlink(struct request *r)
{
	return readlink_at(r, AT_FDCWD, r->args[0], r->args[1], r->args[2]);
}

long view_readlinkat(struct request *r)
{
	return readlink_at(r, (int)r->args[0], r->args[1], r->args[2], r->args[3]);
}

long view_statfs(struct request *r)
{
	struct statfs fs = { .f_bsize = 4096, .f_frsize = 4096, .f_namelen = 255 };
	struct place p;
	struct stat st;
	int err;

	view_locate(r, AT_FDCWD, r->args[0], &p);
	if (p.kind == PIN)
		fs.f_type = PINS_FS_MAGIC;
	else if (p.kind == CGROUP)
		fs.f_type = CGROUP2_SUPER_MAGIC;
	else if (p.kind == SHOWN && strstr(p.path, "/tracing"))
		fs.f_type = TRACEFS_MAGIC;
	else
		return ANSWER_CONTINUE;
	err = view_stat_place(&p, true, &st);
	return err ? err : user_write(r->sys, r->args[1], &fs, sizeof(fs));
}

long view_fstatfs(struct request *r)
{
	struct statfs fs = { .f_bsize = 4096, .f_frsize = 4096, .f_namelen = 255 };
	char link[48], real[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", r->caller.tid, (int)r->args[0]);
	n = r->sys->cgroup_tree ? readlink(link, real, sizeof(real) - 1) : -1;
	real[max_t(ssize_t, n, 0)] = 0;
	if (n <= 0 || !cgroup_tree_has_file(r->sys, real))
		return ANSWER_CONTINUE;
	fs.f_type = CGROUP2_SUPER_MAGIC;
	return user_write(r->sys, r->args[1], &fs, sizeof(fs));
}

/* The handle of a cgroup is its id: how clients ask for that. */
long view_name_to_handle(struct request *r)
{
	struct {
		struct file_handle h;
		u64 id;
	} handle;
	struct place p;
	struct stat st;
	int err, mount = 0;

	view_locate(r, (int)r->args[0], r->args[1], &p);
	if (p.kind != CGROUP)
		return ANSWER_CONTINUE;
	if (user_read(r->sys, &handle.h, r->args[2], sizeof(handle.h)))
		return -EFAULT;
	err = cgroup_tree_stat(r->sys, p.path, &st);
	if (err)
		return err;
	if (handle.h.handle_bytes < sizeof(handle.id)) {
		handle.h.handle_bytes = sizeof(handle.id);
		err = user_write(r->sys, r->args[2], &handle.h, sizeof(handle.h));
		return err ? err : -EOVERFLOW;
	}
	handle.h.handle_bytes = sizeof(handle.id);
	handle.h.handle_type = 0xfe; /* FILEID_KERNFS */
	handle.id = st.st_ino;
	err = user_write(r->sys, r->args[2], &handle, sizeof(handle.h) + sizeof(handle.id));
	return err ? err : user_write(r->sys, r->args[3], &mount, sizeof(mount));
}
