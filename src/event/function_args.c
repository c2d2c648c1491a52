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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/function.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
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

u64 file0(struct call_model *m)
{
	u64 v;

	if (memo_get(m, MEMO_FILE, &v))
		return v;
	return memo_set(m, MEMO_FILE, world_file(m->t, (int)arg0(m)));
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

/* ---- descriptors ---- */

static int int_option(int fd, int level, int option)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, level, option, &v, &len) ? 0 : v;
}

static void socket_info(struct fd_info *info, struct task *t, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, t->bpf.tgid, 0);
	struct tcp_info tcp = { 0 };
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(tcp);
	int copy;

	if (pidfd < 0)
		return;
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	close(pidfd);
	if (copy < 0)
		return;
	info->socket = true;
	info->family = int_option(copy, SOL_SOCKET, SO_DOMAIN);
	info->type = int_option(copy, SOL_SOCKET, SO_TYPE);
	info->protocol = int_option(copy, SOL_SOCKET, SO_PROTOCOL);
	info->flags = fcntl(copy, F_GETFL);
	if (info->protocol == IPPROTO_TCP && !getsockopt(copy, IPPROTO_TCP, TCP_INFO, &tcp, &len))
		info->state = tcp.tcpi_state;
	memset(&addr, 0, sizeof(addr));
	len = sizeof(addr);
	if (!getsockname(copy, (struct sockaddr *)&addr, &len))
		info->port = ntohs(addr.sin6_port); /* at the same place for IPv4 */
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
		socket_info(info, m->t, fd);
	return info;
}
