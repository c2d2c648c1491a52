/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arguments and results of kernel functions: what a call's registers say, and the objects of
 * the kernel that they name, made when somebody asks (Linux: getname(), fdget(),
 * sockfd_lookup(), move_addr_to_kernel()).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/function.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

bool is_error(u64 v)
{
	return v >= (u64)-4095;
}

bool call_succeeded(struct call_model *m)
{
	return !is_error((u64)m->ret);
}

bool memo_get(struct call_model *m, enum memo memo, u64 *value)
{
	*value = m->memo[memo];
	return m->memo_made & 1ULL << memo;
}

u64 memo_set(struct call_model *m, enum memo memo, u64 value)
{
	m->memo_made |= 1ULL << memo;
	return m->memo[memo] = value;
}

u64 call_ret(struct call_model *m)
{
	return (u64)m->ret;
}

u64 value_cwd(struct call_model *m)
{
	return (u64)AT_FDCWD;
}

u64 value_zero(struct call_model *m)
{
	return 0;
}

static bool may_be_empty(u64 nr)
{
	return nr == SYS_newfstatat || nr == SYS_statx || nr == SYS_execveat;
}

/* getname(): the string's object, or why there is none. */
static u64 name(struct call_model *m, u32 arg)
{
	enum memo memo = MEMO_NAME0 + arg;
	u64 at = m->t->call.args[arg], v;
	char first;

	if (memo_get(m, memo, &v))
		return v;
	if (task_read(m->t, &first, at, 1))
		return memo_set(m, memo, (u64)-EFAULT);
	if (!first && !may_be_empty(m->t->call.nr))
		return memo_set(m, memo, (u64)-ENOENT);
	v = world_filename(m->t, at);
	if (!v)
		v = (u64)-ENAMETOOLONG;
	return memo_set(m, memo, v);
}

u64 name0(struct call_model *m)
{
	return name(m, 0);
}

u64 name1(struct call_model *m)
{
	return name(m, 1);
}

u64 name2(struct call_model *m)
{
	return name(m, 2);
}

u64 name3(struct call_model *m)
{
	return name(m, 3);
}

u64 value_one(struct call_model *m)
{
	return 1;
}

u64 may_read(struct call_model *m)
{
	return 4;
}

u64 may_write(struct call_model *m)
{
	return 2;
}

u64 idmap(struct call_model *m)
{
	bool old = !visible(m->t->sys->profile, KVER(6, 3));

	return model_temp(m, MEMO_COMMON, old ? "struct user_namespace" : "struct mnt_idmap");
}

u64 file0(struct call_model *m)
{
	u64 v;

	if (memo_get(m, MEMO_FILE, &v))
		return v;
	return memo_set(m, MEMO_FILE, world_file(m->t, (int)arg0(m)));
}

u64 file0_path(struct call_model *m)
{
	return world_field(m->t->sys, file0(m), "f_path");
}

bool usable(struct call_model *m)
{
	return descriptor_info(m, (int)arg0(m), 0, false)->valid && file0(m);
}

bool readable(struct call_model *m)
{
	return usable(m) && m->info[0]->read && (s64)arg2(m) >= 0;
}

bool writable(struct call_model *m)
{
	return usable(m) && m->info[0]->write && (s64)arg2(m) >= 0;
}

/* ---- ext4 ---- */

#define EXT4_MAGIC 0xef53

bool on_ext4(const char *path, bool regular)
{
	struct statfs fs;
	struct stat st;

	return !statfs(path, &fs) && fs.f_type == EXT4_MAGIC && !stat(path, &st) &&
	       (regular ? S_ISREG(st.st_mode) : S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static bool file_of_ext4(struct call_model *m)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", m->t->bpf.tid, (int)arg0(m));
	return on_ext4(path, true);
}

bool reads_ext4(struct call_model *m)
{
	return function_active(m->t->sys, FUNC_ext4_file_read_iter) && readable(m) &&
	       file_of_ext4(m);
}

bool writes_ext4(struct call_model *m)
{
	return function_active(m->t->sys, FUNC_ext4_file_write_iter) && writable(m) &&
	       file_of_ext4(m);
}

static bool is_positioned(u64 nr)
{
	return nr == SYS_pread64 || nr == SYS_pwrite64;
}

u64 iocb(struct call_model *m)
{
	struct skep_system *sys = m->t->sys;
	u64 at;

	if (memo_get(m, MEMO_IOCB, &at))
		return at;
	at = model_temp(m, MEMO_IOCB, "struct kiocb");
	world_set(sys, at, "ki_filp", file0(m));
	world_set(sys, at, "ki_pos",
		  is_positioned(m->t->call.nr) ? arg3(m) : model_read(m, file0(m), "f_pos"));
	return at;
}

u64 file_new(struct call_model *m)
{
	u64 v;

	if (!call_succeeded(m))
		return (u64)m->ret;
	if (memo_get(m, MEMO_NEW_FILE, &v))
		return v;
	return memo_set(m, MEMO_NEW_FILE, world_file(m->t, (int)m->ret));
}

u64 file_position(struct call_model *m)
{
	const struct fd_info *info = descriptor_info(m, (int)arg0(m), 0, false);

	if (S_ISFIFO(info->mode) || S_ISSOCK(info->mode))
		return 0;
	return world_field(m->t->sys, file0(m), "f_pos");
}

u64 model_read(struct call_model *m, u64 object, const char *field)
{
	struct skep_system *sys = m->t->sys;
	u64 at = world_field(sys, object, field), v;

	return at && !sys->read_world(sys, NULL, &v, at, sizeof(v)) ? v : 0;
}

u64 model_temp(struct call_model *m, enum memo memo, const char *type)
{
	u64 v;

	if (memo_get(m, memo, &v))
		return v;
	return memo_set(m, memo, world_temp(m->t, type));
}

u64 model_bytes(struct call_model *m, enum memo memo, const void *bytes, u32 size)
{
	u64 v;

	if (memo_get(m, memo, &v))
		return v;
	return memo_set(m, memo, world_temp_bytes(m->t, bytes, size));
}

/* ---- names ---- */

void find_path(struct call_model *m, int dfd, char *path, enum memo dentry, enum memo dir,
	       enum memo parent)
{
	u64 directory = 0, at = world_dentry_new(m->t, dfd, path, &directory);
	size_t len = strlen(path);
	char *slash;

	memo_set(m, parent, 0);
	memo_set(m, dentry, at);
	memo_set(m, dir, directory);
	if (!at)
		return;
	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		strcpy(path, ".");
	else
		slash[slash == path] = 0;
	memo_set(m, parent, world_path(m->t, dfd, path, true));
}

void find_name(struct call_model *m, int dfd, u64 string, enum memo dentry, enum memo dir,
	       enum memo parent)
{
	char path[4096];

	memo_set(m, parent, 0);
	memo_set(m, dentry, 0);
	memo_set(m, dir, 0);
	if (task_read_str(m->t, path, string, sizeof(path)) > 1)
		find_path(m, dfd, path, dentry, dir, parent);
}

/* umask(2) of the task. */
u32 task_umask(struct task *t)
{
	char text[2048], *at;
	int fd = task_open_proc(t, "status");
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "\nUmask:");
	return at ? (u32)strtoul(at + 7, NULL, 8) : 0;
}

/* ---- descriptors ---- */

static int int_option(int fd, int level, int option)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, level, option, &v, &len) ? 0 : v;
}

void socket_look(struct task *t, int fd, struct fd_info *info)
{
	struct tcp_info tcp = { 0 };
	struct linger linger = { 0 };
	socklen_t len = sizeof(tcp);
	int copy = decide_take_fd(t, fd);

	if (copy < 0)
		return;
	info->socket = true;
	info->family = int_option(copy, SOL_SOCKET, SO_DOMAIN);
	info->type = int_option(copy, SOL_SOCKET, SO_TYPE);
	info->protocol = int_option(copy, SOL_SOCKET, SO_PROTOCOL);
	info->flags = fcntl(copy, F_GETFL);
	if (info->protocol == IPPROTO_TCP && !getsockopt(copy, IPPROTO_TCP, TCP_INFO, &tcp, &len))
		info->state = tcp.tcpi_state;
	if (info->protocol == IPPROTO_TCP && ioctl(copy, FIONREAD, &info->inq))
		info->inq = 0;
	len = sizeof(linger);
	if (!getsockopt(copy, SOL_SOCKET, SO_LINGER, &linger, &len) && linger.l_onoff) {
		info->linger = linger.l_linger;
		info->resets = !linger.l_linger;
	}
	len = sizeof(info->cookie);
	if (getsockopt(copy, SOL_SOCKET, SO_COOKIE, &info->cookie, &len))
		info->cookie = 0;
	len = sizeof(info->local);
	if (getsockname(copy, (struct sockaddr *)&info->local, &len))
		info->local.ss_family = 0;
	len = sizeof(info->peer);
	if (getpeername(copy, (struct sockaddr *)&info->peer, &len))
		info->peer.ss_family = 0;
	if (info->family == AF_INET || info->family == AF_INET6) /* at the same place in both */
		info->port = ntohs(((struct sockaddr_in *)&info->local)->sin_port);
	close(copy);
}

const struct fd_info *descriptor_info(struct call_model *m, int fd, u32 slot, bool socket)
{
	struct fd_info *info = &m->infos[slot];
	struct stat st;
	char path[64];

	if (!m->info[slot]) {
		m->info[slot] = info;
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", m->t->bpf.tid, fd);
		/* The link's permissions are how it was opened; O_PATH gives neither. */
		if (fd < 0 || lstat(path, &st))
			return info;
		info->read = st.st_mode & 0400;
		info->write = st.st_mode & 0200;
		info->valid = info->read || info->write;
		if (!stat(path, &st))
			info->mode = st.st_mode;
	}
	if (socket && !info->socket && S_ISSOCK(info->mode))
		socket_look(m->t, fd, info);
	return info;
}
