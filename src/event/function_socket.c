/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of calls on sockets, and of read and write, which sockets share with files (Linux:
 * net/socket.c, net/ipv4/af_inet.c, net/ipv6/af_inet6.c, net/unix/af_unix.c, fs/read_write.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "event/function.h"

#define FAMILIES	  46 /* NPROTO */
#define SOMAXCONN_DEFAULT 4096

/* ---- the socket at argument 0 ---- */

static const struct fd_info *info0(struct call_model *m)
{
	return descriptor_info(m, (int)arg0(m), 0, true);
}

static bool is_socket(struct call_model *m)
{
	return info0(m)->socket;
}

static bool is_inet(struct call_model *m)
{
	return info0(m)->socket &&
	       (m->info[0]->family == AF_INET || m->info[0]->family == AF_INET6);
}

static bool is_inet4(struct call_model *m)
{
	return info0(m)->socket && m->info[0]->family == AF_INET;
}

static bool is_inet6(struct call_model *m)
{
	return info0(m)->socket && m->info[0]->family == AF_INET6;
}

static bool is_tcp(struct call_model *m)
{
	return is_inet(m) && m->info[0]->protocol == IPPROTO_TCP;
}

static bool is_inet_stream(struct call_model *m)
{
	return is_inet(m) && m->info[0]->type == SOCK_STREAM;
}

static bool is_udp4(struct call_model *m)
{
	return is_inet4(m) && m->info[0]->protocol == IPPROTO_UDP;
}

static bool is_udp6(struct call_model *m)
{
	return is_inet6(m) && m->info[0]->protocol == IPPROTO_UDP;
}

static bool is_unix(struct call_model *m)
{
	return info0(m)->socket && m->info[0]->family == AF_UNIX;
}

static bool is_unix_stream(struct call_model *m)
{
	return is_unix(m) && m->info[0]->type == SOCK_STREAM;
}

static bool is_unix_dgram(struct call_model *m)
{
	return is_unix(m) && m->info[0]->type == SOCK_DGRAM;
}

static u64 socket0(struct call_model *m)
{
	u64 v;

	if (memo_get(m, MEMO_SOCKET, &v))
		return v;
	return memo_set(m, MEMO_SOCKET, world_socket(m->t, (int)arg0(m)));
}

static u64 sock0(struct call_model *m)
{
	u64 v;

	if (memo_get(m, MEMO_SOCK, &v))
		return v;
	return memo_set(m, MEMO_SOCK, world_sock(m->t, (int)arg0(m)));
}

/* f_flags, of which protocols look at O_NONBLOCK. */
static u64 file_flags(struct call_model *m)
{
	return (u32)info0(m)->flags;
}

/* ---- addresses ---- */

static bool sends_to(u64 nr)
{
	return nr == SYS_sendto;
}

/* Copies the address as move_addr_to_kernel() does. Its length, or -1 when it cannot. */
static int read_address(struct call_model *m, struct sockaddr_storage *to)
{
	u64 at = sends_to(m->t->call.nr) ? arg4(m) : arg1(m);
	int len = (int)(sends_to(m->t->call.nr) ? arg5(m) : arg2(m));

	memset(to, 0, sizeof(*to));
	if (len < 0 || (size_t)len > sizeof(*to) || task_read(m->t, to, at, (size_t)len))
		return -1;
	return len;
}

static u64 address(struct call_model *m)
{
	struct sockaddr_storage a;
	u64 v;

	if (memo_get(m, MEMO_ADDR, &v))
		return v;
	if (read_address(m, &a) < 0)
		return memo_set(m, MEMO_ADDR, 0);
	return model_bytes(m, MEMO_ADDR, &a, sizeof(a));
}

static bool has_address(struct call_model *m)
{
	struct sockaddr_storage a;

	return is_socket(m) && read_address(m, &a) >= 0;
}

/* ---- making ---- */

static bool known_family(struct call_model *m)
{
	u64 type = arg1(m) & 15;

	return arg0(m) < FAMILIES && type && type < 11;
}

static u64 socket_type(struct call_model *m)
{
	return arg1(m) & 15;
}

static u64 socket_returned(struct call_model *m)
{
	u64 v;

	if (memo_get(m, MEMO_NEW_SOCKET, &v))
		return v;
	return memo_set(m, MEMO_NEW_SOCKET, world_socket(m->t, (int)m->ret));
}

static const struct step socket_steps[] = {
	STEP(__sys_socket, 1, STEP_ENTRY, NULL, call_ret, { int0, int1, int2 }),
	STEP(security_socket_create, 2, STEP_ENTRY, known_family, NULL,
	     { int0, socket_type, int2, value_zero }),
	STEP(security_socket_post_create, 2, STEP_EXIT, call_succeeded, NULL,
	     { socket_returned, int0, socket_type, int2, value_zero }),
};

static u64 pair_socket(struct call_model *m, u32 i)
{
	int fds[2];

	if (task_read(m->t, fds, arg3(m), sizeof(fds)))
		return 0;
	return world_socket(m->t, fds[i]);
}

static u64 pair_first(struct call_model *m)
{
	return pair_socket(m, 0);
}

static u64 pair_second(struct call_model *m)
{
	return pair_socket(m, 1);
}

static const struct step socketpair_steps[] = {
	STEP(__sys_socketpair, 1, STEP_ENTRY, NULL, call_ret, { int0, int1, int2, arg3 }),
	STEP(security_socket_create, 2, STEP_ENTRY, known_family, NULL,
	     { int0, socket_type, int2, value_zero }),
	STEP(security_socket_post_create, 2, STEP_EXIT, call_succeeded, NULL,
	     { pair_first, int0, socket_type, int2, value_zero }),
	STEP(security_socket_create, 2, STEP_EXIT, call_succeeded, NULL,
	     { int0, socket_type, int2, value_zero }),
	STEP(security_socket_post_create, 2, STEP_EXIT, call_succeeded, NULL,
	     { pair_second, int0, socket_type, int2, value_zero }),
	STEP(security_socket_socketpair, 2, STEP_EXIT, call_succeeded, NULL,
	     { pair_first, pair_second }),
};

/* ---- bind ---- */

static bool binds4(struct call_model *m)
{
	return has_address(m) && is_inet4(m);
}

static bool binds6(struct call_model *m)
{
	return has_address(m) && is_inet6(m);
}

/* Raw sockets have a bind of their own. */
static bool binds4_inside(struct call_model *m)
{
	return binds4(m) && m->info[0]->type != SOCK_RAW && (int)arg2(m) >= 16;
}

static bool binds6_inside(struct call_model *m)
{
	return binds6(m) && m->info[0]->type != SOCK_RAW && (int)arg2(m) >= 24;
}

static bool binds_unix(struct call_model *m)
{
	return has_address(m) && is_unix(m);
}

static u64 bind_flags(struct call_model *m)
{
	return 2; /* BIND_WITH_LOCK */
}

/* The name that a UNIX socket is given. */
static u64 bind_name(struct call_model *m, enum memo which)
{
	struct sockaddr_storage a;
	const struct sockaddr_un *un = (const void *)&a;
	char path[sizeof(un->sun_path) + 1] = "";
	int len = read_address(m, &a);
	u64 v;

	if (memo_get(m, which, &v))
		return v;
	memo_set(m, MEMO_DENTRY, 0);
	memo_set(m, MEMO_DIR, 0);
	memo_set(m, MEMO_PARENT, 0);
	if (len > 2 && un->sun_family == AF_UNIX && is_unix(m)) {
		memcpy(path, un->sun_path, min_t(size_t, (size_t)len - 2, sizeof(path) - 1));
		if (path[0])
			find_path(m, AT_FDCWD, path, MEMO_DENTRY, MEMO_DIR, MEMO_PARENT);
	}
	memo_get(m, which, &v);
	return v;
}

static u64 bind_dentry(struct call_model *m)
{
	return bind_name(m, MEMO_DENTRY);
}

static u64 bind_dir(struct call_model *m)
{
	return bind_name(m, MEMO_DIR);
}

static u64 bind_parent(struct call_model *m)
{
	return bind_name(m, MEMO_PARENT);
}

static u64 bind_mode(struct call_model *m)
{
	return S_IFSOCK | (0777 & ~task_umask(m->t));
}

static bool bound_name(struct call_model *m)
{
	return call_succeeded(m) && m->memo[MEMO_DENTRY];
}

static const struct step bind_steps[] = {
	STEP(__sys_bind, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, int2 }),
	STEP(security_socket_bind, 2, STEP_ENTRY, has_address, NULL, { socket0, address, int2 }),
	STEP(inet_bind, 2, STEP_ENTRY, binds4, call_ret, { socket0, address, int2 }),
	STEP(inet_bind_sk, 3, STEP_ENTRY, binds4, call_ret, { sock0, address, int2 }),
	STEP(__inet_bind, 4, STEP_ENTRY, binds4_inside, call_ret,
	     { sock0, address, int2, bind_flags }),
	STEP(inet6_bind, 2, STEP_ENTRY, binds6, call_ret, { socket0, address, int2 }),
	STEP(inet6_bind_sk, 3, STEP_ENTRY, binds6, call_ret, { sock0, address, int2 }),
	STEP(__inet6_bind, 4, STEP_ENTRY, binds6_inside, call_ret,
	     { sock0, address, int2, bind_flags }),
	STEP(unix_bind, 2, STEP_ENTRY, binds_unix, call_ret, { socket0, address, int2 }),
	STEP(security_path_mknod, 3, STEP_KEPT, bound_name, NULL,
	     { bind_parent, bind_dentry, bind_mode, value_zero }),
	STEP(vfs_mknod_before_6_3, 3, STEP_KEPT, bound_name, NULL,
	     { idmap, bind_dir, bind_dentry, bind_mode, value_zero }),
	STEP(vfs_mknod, 3, STEP_KEPT, bound_name, NULL,
	     { idmap, bind_dir, bind_dentry, bind_mode, value_zero }),
	STEP(security_inode_mknod, 4, STEP_KEPT, bound_name, NULL,
	     { bind_dir, bind_dentry, bind_mode, value_zero }),
};

/* ---- connect ---- */

static u16 address_family(struct call_model *m)
{
	struct sockaddr_storage a;

	return read_address(m, &a) >= 2 ? a.ss_family : 0;
}

static bool connects_stream(struct call_model *m)
{
	return has_address(m) && is_inet_stream(m);
}

static bool connects_unix_stream(struct call_model *m)
{
	return has_address(m) && is_unix_stream(m);
}

static bool connects_unix_dgram(struct call_model *m)
{
	return has_address(m) && is_unix_dgram(m);
}

static bool connects_dgram(struct call_model *m)
{
	return has_address(m) && is_inet(m) && m->info[0]->type != SOCK_STREAM;
}

static bool connects_dgram4(struct call_model *m)
{
	return connects_dgram(m) && is_inet4(m) && address_family(m) == AF_INET;
}

static bool connects_dgram6(struct call_model *m)
{
	return connects_dgram(m) && is_inet6(m) && address_family(m) != AF_UNSPEC;
}

/* The protocol is asked once, by a socket that has no connection. */
static bool connects_tcp(struct call_model *m)
{
	return connects_stream(m) && is_tcp(m) && m->info[0]->state == TCP_CLOSE &&
	       address_family(m) != AF_UNSPEC;
}

/* tcp.c fires them. */
#define STATE_STEPS                                                                                \
	STEP(tcp_set_state, 4, STEP_EXIT, never),                                                  \
		STEP(tcp_rcv_state_process_before_6_10, 4, STEP_EXIT, never),                      \
		STEP(tcp_rcv_state_process, 4, STEP_EXIT, never)

static bool connects_tcp4(struct call_model *m)
{
	return connects_tcp(m) && is_inet4(m);
}

static bool connects_tcp6(struct call_model *m)
{
	return connects_tcp(m) && is_inet6(m);
}

/* A connection that was begun: the call waits for its end, or does not. */
static bool syn_sent(s64 ret)
{
	switch (-ret) {
	case 0:
	case EINPROGRESS:
	case ECONNREFUSED:
	case ETIMEDOUT:
	case EINTR:
	case ECONNRESET:
	case 512: /* ERESTARTSYS */
		return true;
	}
	return false;
}

static u64 tcp_ret(struct call_model *m)
{
	return syn_sent(m->ret) ? 0 : (u64)m->ret;
}

/* What the socket is like before. */
static void connect_enter(struct call_model *m)
{
	info0(m);
}

static bool tcp_connected(struct call_model *m)
{
	return connects_tcp(m) && syn_sent(m->ret);
}

static const struct step connect_steps[] = {
	STEP(__sys_connect, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, int2 }),
	STEP(security_socket_connect, 2, STEP_ENTRY, has_address, NULL, { socket0, address, int2 }),
	STEP(inet_stream_connect, 2, STEP_ENTRY, connects_stream, call_ret,
	     { socket0, address, int2, file_flags }),
	STEP(__inet_stream_connect, 3, STEP_ENTRY, connects_stream, call_ret,
	     { socket0, address, int2, file_flags, value_zero }),
	STEP(tcp_v4_connect, 4, STEP_ENTRY, connects_tcp4, tcp_ret, { sock0, address, int2 }),
	STEP(tcp_v6_connect, 4, STEP_ENTRY, connects_tcp6, tcp_ret, { sock0, address, int2 }),
	STATE_STEPS,
	{ .depth = 5, .when = STEP_EXIT, .then = tcp_connect_sent },
	STEP(tcp_connect, 5, STEP_EXIT, tcp_connected, NULL, { sock0 }),
	{ .depth = 4, .when = STEP_EXIT, .then = tcp_connect_done },
	STEP(inet_dgram_connect, 2, STEP_ENTRY, connects_dgram, call_ret,
	     { socket0, address, int2, file_flags }),
	STEP(ip4_datagram_connect, 3, STEP_ENTRY, connects_dgram4, call_ret,
	     { sock0, address, int2 }),
	STEP(ip6_datagram_connect, 3, STEP_ENTRY, connects_dgram6, call_ret,
	     { sock0, address, int2 }),
	STEP(unix_stream_connect, 2, STEP_ENTRY, connects_unix_stream, call_ret,
	     { socket0, address, int2, file_flags }),
	STEP(unix_dgram_connect, 2, STEP_ENTRY, connects_unix_dgram, call_ret,
	     { socket0, address, int2, file_flags }),
};

/* ---- listen, accept ---- */

static u64 backlog(struct call_model *m)
{
	return (u32)arg1(m) > SOMAXCONN_DEFAULT ? SOMAXCONN_DEFAULT : int1(m);
}

static const struct step listen_steps[] = {
	STEP(__sys_listen, 1, STEP_ENTRY, NULL, call_ret, { int0, int1 }),
	STEP(security_socket_listen, 2, STEP_ENTRY, is_socket, NULL, { socket0, backlog }),
	STEP(inet_listen, 2, STEP_ENTRY, is_inet_stream, call_ret, { socket0, backlog }),
	STEP(unix_listen, 2, STEP_ENTRY, is_unix, call_ret, { socket0, backlog }),
};

static bool accepts(struct call_model *m)
{
	return is_socket(m) &&
	       (m->t->call.nr == SYS_accept || !(arg3(m) & ~(u64)(SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

static bool accepts_inet(struct call_model *m)
{
	return accepts(m) && is_inet_stream(m);
}

static bool accepts_tcp(struct call_model *m)
{
	return accepts(m) && is_tcp(m);
}

static bool accepts_unix(struct call_model *m)
{
	return accepts(m) && is_unix(m) && m->info[0]->type != SOCK_DGRAM;
}

static u64 accept_call_flags(struct call_model *m)
{
	return m->t->call.nr == SYS_accept4 ? int3(m) : 0;
}

/* What the connection will be put in; of the listener's type. */
static u64 new_socket(struct call_model *m)
{
	u64 at;

	if (memo_get(m, MEMO_NEW_SOCKET, &at))
		return at;
	at = model_temp(m, MEMO_NEW_SOCKET, "struct socket");
	world_set(m->t->sys, at, "type", (u64)info0(m)->type);
	return at;
}

static u64 accept_arg(struct call_model *m)
{
	u64 at;

	if (memo_get(m, MEMO_ARGS, &at))
		return at;
	at = model_temp(m, MEMO_ARGS, "struct proto_accept_arg");
	world_set(m->t->sys, at, "flags", file_flags(m));
	world_set(m->t->sys, at, "err", (u64)-EINVAL);
	return at;
}

static u64 accept_error(struct call_model *m)
{
	int err = -EINVAL;

	return model_bytes(m, MEMO_INFO, &err, sizeof(err));
}

static u64 accepted_sock(struct call_model *m)
{
	return call_succeeded(m) ? world_sock(m->t, (int)m->ret) : 0;
}

/* accept() of a socket gives a descriptor, what is inside gives 0. */
static u64 accept_ret(struct call_model *m)
{
	return m->ret > 0 ? 0 : (u64)m->ret;
}

static const struct step accept_steps[] = {
	STEP(__sys_accept4, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, arg2, accept_call_flags }),
	STEP(security_socket_accept, 2, STEP_ENTRY, accepts, NULL, { socket0, new_socket }),
	STEP(inet_accept_before_6_10, 2, STEP_ENTRY, accepts_inet, accept_ret,
	     { socket0, new_socket, file_flags, value_zero }),
	STEP(inet_accept, 2, STEP_ENTRY, accepts_inet, accept_ret,
	     { socket0, new_socket, accept_arg }),
	STEP(inet_csk_accept_before_6_10, 3, STEP_ENTRY, accepts_tcp, accepted_sock,
	     { sock0, file_flags, accept_error, value_zero }),
	STEP(inet_csk_accept, 3, STEP_ENTRY, accepts_tcp, accepted_sock, { sock0, accept_arg }),
	STEP(unix_accept_before_6_10, 2, STEP_ENTRY, accepts_unix, accept_ret,
	     { socket0, new_socket, file_flags, value_zero }),
	STEP(unix_accept, 2, STEP_ENTRY, accepts_unix, accept_ret,
	     { socket0, new_socket, accept_arg }),
	STATE_STEPS,
};

/* ---- messages ---- */

static u64 iov_bytes(struct call_model *m, u64 at, u64 n)
{
	struct iovec v;
	u64 total = 0;

	for (u64 i = 0; i < n && i < 1024; i++) {
		if (task_read(m->t, &v, at + i * sizeof(v), sizeof(v)))
			return total;
		total += v.iov_len;
	}
	return total;
}

static bool user_msghdr(struct call_model *m, struct msghdr *msg)
{
	return !task_read(m->t, msg, arg1(m), sizeof(*msg));
}

/* How many bytes the call moves at most. */
static u64 message_size(struct call_model *m)
{
	struct msghdr msg;

	switch (m->t->call.nr) {
	case SYS_readv:
	case SYS_writev:
		return iov_bytes(m, arg1(m), arg2(m));
	case SYS_sendmsg:
	case SYS_recvmsg:
		return user_msghdr(m, &msg) ? iov_bytes(m, (u64)msg.msg_iov, msg.msg_iovlen) : 0;
	}
	return arg2(m);
}

u64 iter(struct call_model *m)
{
	u64 at;

	if (memo_get(m, MEMO_ITER, &at))
		return at;
	at = model_temp(m, MEMO_ITER, "struct iov_iter");
	world_set(m->t->sys, at, "count", message_size(m));
	return at;
}

static u64 message_size_int(struct call_model *m)
{
	return as_int(message_size(m));
}

/* MSG_* as the protocol is given them. */
static u64 message_flags(struct call_model *m)
{
	u32 flags = 0;

	switch (m->t->call.nr) {
	case SYS_sendto:
	case SYS_recvfrom:
		flags = (u32)arg3(m);
		break;
	case SYS_sendmsg:
	case SYS_recvmsg:
		flags = (u32)arg2(m);
		break;
	}
	if (info0(m)->flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	return as_int(flags);
}

static u64 message(struct call_model *m)
{
	struct skep_system *sys = m->t->sys;
	struct sockaddr_storage a;
	struct msghdr user;
	u64 at, to = 0;
	int len = 0;

	if (memo_get(m, MEMO_MSG, &at))
		return at;
	at = model_temp(m, MEMO_MSG, "struct msghdr");
	if (m->t->call.nr == SYS_sendto && arg4(m)) {
		len = read_address(m, &a);
		to = len > 0 ? address(m) : 0;
	} else if (m->t->call.nr == SYS_sendmsg && user_msghdr(m, &user) && user.msg_name &&
		   user.msg_namelen <= sizeof(a) &&
		   !task_read(m->t, &a, (u64)user.msg_name, user.msg_namelen)) {
		len = (int)user.msg_namelen;
		to = model_bytes(m, MEMO_ADDR, &a, sizeof(a));
	}
	world_set(sys, at, "msg_name", to);
	world_set(sys, at, "msg_namelen", to ? (u64)len : 0);
	world_set(sys, at, "msg_flags", message_flags(m));
	return at;
}

static u64 address_length(struct call_model *m)
{
	int zero = 0;

	return model_bytes(m, MEMO_INFO, &zero, sizeof(zero));
}

/* Whether what is to be sent can be looked at. */
static bool sends(struct call_model *m)
{
	struct sockaddr_storage a;
	struct msghdr user;

	if (!is_socket(m))
		return false;
	switch (m->t->call.nr) {
	case SYS_sendto:
		return !arg4(m) || read_address(m, &a) >= 0;
	case SYS_sendmsg:
	case SYS_recvmsg:
		return user_msghdr(m, &user);
	}
	return true;
}

/* Of read and write on a socket. */
static bool transfers(struct call_model *m)
{
	u64 nr = m->t->call.nr;

	if (nr == SYS_sendto || nr == SYS_sendmsg || nr == SYS_recvfrom || nr == SYS_recvmsg)
		return sends(m);
	if (nr == SYS_read || nr == SYS_readv)
		return is_socket(m) && message_size(m);
	return is_socket(m);
}

#define TEST(name, kind)                                                                           \
	static bool name(struct call_model *m)                                                     \
	{                                                                                          \
		return transfers(m) && kind(m);                                                    \
	}

TEST(moves_inet4, is_inet4)
TEST(moves_inet6, is_inet6)
TEST(moves_tcp, is_tcp)
/* A socket without a port gets one on the way: then it is known at the end. */
static bool is_bound_udp4(struct call_model *m)
{
	return is_udp4(m) && m->info[0]->port;
}

static bool is_bound_udp6(struct call_model *m)
{
	return is_udp6(m) && m->info[0]->port;
}

static bool is_unbound_udp4(struct call_model *m)
{
	return is_udp4(m) && !m->info[0]->port;
}

static bool is_unbound_udp6(struct call_model *m)
{
	return is_udp6(m) && !m->info[0]->port;
}

TEST(moves_udp4, is_udp4)
TEST(moves_udp6, is_udp6)
TEST(moves_bound_udp4, is_bound_udp4)
TEST(moves_bound_udp6, is_bound_udp6)
TEST(moves_unbound_udp4, is_unbound_udp4)
TEST(moves_unbound_udp6, is_unbound_udp6)
TEST(moves_unix_stream, is_unix_stream)
TEST(moves_unix_dgram, is_unix_dgram)

#define SEND_STEPS(depth)                                                                          \
	STEP(security_socket_sendmsg, depth, STEP_ENTRY, transfers, NULL,                          \
	     { socket0, message, message_size_int }),                                              \
		STEP(inet_sendmsg, depth, STEP_ENTRY, moves_inet4, call_ret,                       \
		     { socket0, message, message_size }),                                          \
		STEP(inet6_sendmsg, depth, STEP_ENTRY, moves_inet6, call_ret,                      \
		     { socket0, message, message_size }),                                          \
		STEP(tcp_sendmsg, depth + 1, STEP_ENTRY, moves_tcp, call_ret,                      \
		     { sock0, message, message_size }),                                            \
		STEP(udp_sendmsg, depth + 1, STEP_ENTRY, moves_bound_udp4, call_ret,               \
		     { sock0, message, message_size }),                                            \
		STEP(udp_sendmsg, depth + 1, STEP_EXIT, moves_unbound_udp4, call_ret,              \
		     { sock0, message, message_size }),                                            \
		STEP(udpv6_sendmsg, depth + 1, STEP_ENTRY, moves_bound_udp6, call_ret,             \
		     { sock0, message, message_size }),                                            \
		STEP(udpv6_sendmsg, depth + 1, STEP_EXIT, moves_unbound_udp6, call_ret,            \
		     { sock0, message, message_size }),                                            \
		STEP(unix_stream_sendmsg, depth, STEP_ENTRY, moves_unix_stream, call_ret,          \
		     { socket0, message, message_size }),                                          \
		STEP(unix_dgram_sendmsg, depth, STEP_ENTRY, moves_unix_dgram, call_ret,            \
		     { socket0, message, message_size })

/* Reading was tried; flags and states that end it before are errors of their own. */
static bool tcp_read(struct call_model *m)
{
	switch (-m->ret) {
	case EAGAIN:
	case EINTR:
	case ECONNRESET:
	case 512: /* ERESTARTSYS */
		break;
	default:
		if (m->ret < 0)
			return false;
	}
	return moves_tcp(m) && !(message_flags(m) & (MSG_ERRQUEUE | MSG_OOB | MSG_PEEK));
}

#define RECV_STEPS(depth)                                                                          \
	STEP(security_socket_recvmsg, depth, STEP_ENTRY, transfers, NULL,                          \
	     { socket0, message, message_size_int, message_flags }),                               \
		STEP(inet_recvmsg, depth, STEP_ENTRY, moves_inet4, call_ret,                       \
		     { socket0, message, message_size, message_flags }),                           \
		STEP(inet6_recvmsg, depth, STEP_ENTRY, moves_inet6, call_ret,                      \
		     { socket0, message, message_size, message_flags }),                           \
		STEP(tcp_recvmsg_before_6_18, depth + 1, STEP_ENTRY, moves_tcp, call_ret,          \
		     { sock0, message, message_size, message_flags, address_length }),             \
		STEP(tcp_recvmsg, depth + 1, STEP_ENTRY, moves_tcp, call_ret,                      \
		     { sock0, message, message_size, message_flags }),                             \
		STEP(tcp_cleanup_rbuf, depth + 2, STEP_EXIT, tcp_read, NULL, { sock0, call_ret }), \
		STEP(udp_recvmsg_before_6_18, depth + 1, STEP_ENTRY, moves_udp4, call_ret,         \
		     { sock0, message, message_size, message_flags, address_length }),             \
		STEP(udp_recvmsg, depth + 1, STEP_ENTRY, moves_udp4, call_ret,                     \
		     { sock0, message, message_size, message_flags }),                             \
		STEP(udpv6_recvmsg_before_6_18, depth + 1, STEP_ENTRY, moves_udp6, call_ret,       \
		     { sock0, message, message_size, message_flags, address_length }),             \
		STEP(udpv6_recvmsg, depth + 1, STEP_ENTRY, moves_udp6, call_ret,                   \
		     { sock0, message, message_size, message_flags }),                             \
		STEP(unix_stream_recvmsg, depth, STEP_ENTRY, moves_unix_stream, call_ret,          \
		     { socket0, message, message_size, message_flags }),                           \
		STEP(unix_dgram_recvmsg, depth, STEP_ENTRY, moves_unix_dgram, call_ret,            \
		     { socket0, message, message_size, message_flags })

static u64 send_flags(struct call_model *m)
{
	return (u32)arg3(m);
}

static u64 msg_flags(struct call_model *m)
{
	return (u32)arg2(m);
}

static const struct step sendto_steps[] = {
	STEP(__sys_sendto, 1, STEP_ENTRY, NULL, call_ret,
	     { int0, arg1, arg2, send_flags, arg4, int5 }),
	SEND_STEPS(2),
};

static const struct step sendmsg_steps[] = {
	STEP(__sys_sendmsg, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, msg_flags, value_one }),
	SEND_STEPS(2),
};

static const struct step recvfrom_steps[] = {
	STEP(__sys_recvfrom, 1, STEP_ENTRY, NULL, call_ret,
	     { int0, arg1, arg2, send_flags, arg4, arg5 }),
	RECV_STEPS(2),
};

static const struct step recvmsg_steps[] = {
	STEP(__sys_recvmsg, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, msg_flags, value_one }),
	RECV_STEPS(2),
};

/* ---- read and write, of files, too ---- */

/* A vector of no bytes goes no further. */
static bool readable_vector(struct call_model *m)
{
	return readable(m) && message_size(m);
}

static bool writable_vector(struct call_model *m)
{
	return writable(m) && message_size(m);
}

static bool reads_ext4_vector(struct call_model *m)
{
	return readable_vector(m) && reads_ext4(m);
}

static bool writes_ext4_vector(struct call_model *m)
{
	return writable_vector(m) && writes_ext4(m);
}

static const struct step read_steps[] = {
	STEP(ksys_read, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, arg2 }),
	STEP(vfs_read, 2, STEP_ENTRY, usable, call_ret, { file0, arg1, arg2, file_position }),
	STEP(security_file_permission, 3, STEP_ENTRY, readable, NULL, { file0, may_read }),
	STEP(ext4_file_read_iter, 3, STEP_ENTRY, reads_ext4, call_ret, { iocb, iter }),
	RECV_STEPS(3),
};

static const struct step write_steps[] = {
	STEP(ksys_write, 1, STEP_ENTRY, NULL, call_ret, { uint0, arg1, arg2 }),
	STEP(vfs_write, 2, STEP_ENTRY, usable, call_ret, { file0, arg1, arg2, file_position }),
	STEP(security_file_permission, 3, STEP_ENTRY, writable, NULL, { file0, may_write }),
	STEP(ext4_file_write_iter, 3, STEP_ENTRY, writes_ext4, call_ret, { iocb, iter }),
	SEND_STEPS(3),
};

static const struct step readv_steps[] = {
	STEP(do_readv, 1, STEP_ENTRY, NULL, call_ret, { arg0, arg1, arg2, value_zero }),
	STEP(vfs_readv, 2, STEP_ENTRY, usable, call_ret,
	     { file0, arg1, arg2, file_position, value_zero }),
	STEP(security_file_permission, 3, STEP_ENTRY, readable_vector, NULL, { file0, may_read }),
	STEP(ext4_file_read_iter, 3, STEP_ENTRY, reads_ext4_vector, call_ret, { iocb, iter }),
	RECV_STEPS(3),
};

static const struct step writev_steps[] = {
	STEP(do_writev, 1, STEP_ENTRY, NULL, call_ret, { arg0, arg1, arg2, value_zero }),
	STEP(vfs_writev, 2, STEP_ENTRY, usable, call_ret,
	     { file0, arg1, arg2, file_position, value_zero }),
	STEP(security_file_permission, 3, STEP_ENTRY, writable_vector, NULL, { file0, may_write }),
	STEP(ext4_file_write_iter, 3, STEP_ENTRY, writes_ext4_vector, call_ret, { iocb, iter }),
	SEND_STEPS(3),
};

/* ---- the end ---- */

static const struct step close_steps[] = {
	STEP(inet_release, 1, STEP_EXIT, never),
	STEP(tcp_close, 2, STEP_EXIT, never),
	STATE_STEPS,
};

/* ---- the rest ---- */

static bool is_inet_socket(struct call_model *m)
{
	return is_inet(m);
}

/* Of a listener or a connection that is not there yet it is the end. */
static bool shuts_tcp(struct call_model *m)
{
	return is_tcp(m) && arg1(m) < 3 && m->info[0]->state != TCP_SYN_SENT &&
	       (m->info[0]->state != TCP_LISTEN || arg1(m) == SHUT_WR);
}

static u64 shut_how(struct call_model *m)
{
	return arg1(m) + 1;
}

static const struct step shutdown_steps[] = {
	STEP(__sys_shutdown, 1, STEP_ENTRY, NULL, call_ret, { int0, int1 }),
	STEP(security_socket_shutdown, 2, STEP_ENTRY, is_socket, NULL, { socket0, int1 }),
	STEP(inet_shutdown, 2, STEP_ENTRY, is_inet_socket, call_ret, { socket0, int1 }),
	STEP(tcp_shutdown, 3, STEP_ENTRY, shuts_tcp, NULL, { sock0, shut_how }),
	STATE_STEPS,
};

static bool sets_option(struct call_model *m)
{
	return is_socket(m) && (int)arg4(m) >= 0;
}

static const struct step setsockopt_steps[] = {
	STEP(__sys_setsockopt, 1, STEP_ENTRY, NULL, call_ret, { int0, int1, int2, arg3, int4 }),
	STEP(security_socket_setsockopt, 2, STEP_ENTRY, sets_option, NULL, { socket0, int1, int2 }),
};

static const struct step getsockopt_steps[] = {
	STEP(__sys_getsockopt, 1, STEP_ENTRY, NULL, call_ret, { int0, int1, int2, arg3, arg4 }),
	STEP(security_socket_getsockopt, 2, STEP_ENTRY, is_socket, NULL, { socket0, int1, int2 }),
};

static const struct step getsockname_steps[] = {
	STEP(__sys_getsockname, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, arg2 }),
	STEP(security_socket_getsockname, 2, STEP_ENTRY, is_socket, NULL, { socket0 }),
};

static const struct step getpeername_steps[] = {
	STEP(__sys_getpeername, 1, STEP_ENTRY, NULL, call_ret, { int0, arg1, arg2 }),
	STEP(security_socket_getpeername, 2, STEP_ENTRY, is_socket, NULL, { socket0 }),
};

#define CASE(name)                                                                                 \
	case SYS_##name: {                                                                         \
		static const struct call_path path = PATH(name##_steps);                           \
		return &path;                                                                      \
	}

const struct call_path *socket_path(u32 nr)
{
	static const struct call_path accept_path = PATH(accept_steps),
				      connect_path = PATH(connect_steps, .enter = connect_enter);

	switch (nr) {
	case SYS_accept:
	case SYS_accept4:
		return &accept_path;
	case SYS_connect:
		return &connect_path;
		CASE(socket)
		CASE(socketpair)
		CASE(bind)
		CASE(listen)
		CASE(sendto)
		CASE(sendmsg)
		CASE(recvfrom)
		CASE(recvmsg)
		CASE(read)
		CASE(write)
		CASE(readv)
		CASE(writev)
		CASE(close)
		CASE(shutdown)
		CASE(setsockopt)
		CASE(getsockopt)
		CASE(getsockname)
		CASE(getpeername)
	}
	return NULL;
}
