/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * States of TCP sockets: sock:inet_sock_set_state, tcp_set_state(), and what closes a socket (Linux:
 * net/ipv4/af_inet.c, net/ipv4/tcp.c).
 *
 * Half of the changes are made by packets, when nobody is watching; each socket therefore has the
 * state that was told last, and a call on it tells what happened in between.
 *
 * DIFF(tcp-states): changes that packets make are told at the next call on the socket, on behalf of
 * its caller; those after the last close at that close, as if the peer had answered at once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/decide.h"
#include "event/fire.h"
#include "event/function.h"
#include "event/sock_ops.h"

#define TCP_NEW_STATES 13

static bool closing_in_use(const struct skep_system *sys)
{
	return function_active(sys, FUNC_inet_release) || function_active(sys, FUNC_tcp_close) ||
	       cgroup_in_use(sys, BPF_CGROUP_INET_SOCK_RELEASE);
}

static u32 packet_row(const struct skep_system *sys)
{
	return visible(sys->profile, KVER(6, 10)) ? FUNC_tcp_rcv_state_process :
						    FUNC_tcp_rcv_state_process_before_6_10;
}

bool tcp_states_in_use(const struct skep_system *sys)
{
	return sock_ops_in_use(sys) || function_active(sys, FUNC_tcp_set_state) ||
	       function_active(sys, packet_row(sys)) ||
	       tracepoint_in_use(sys, RAW_TP_tcp_destroy_sock, TP_tcp_destroy_sock) ||
	       tracepoint_in_use(sys, RAW_TP_inet_sock_set_state, TP_inet_sock_set_state);
}

/* What can close descriptors. */
static bool closes(u64 nr)
{
	return nr == SYS_close || nr == SYS_dup2 || nr == SYS_dup3 || nr == SYS_close_range;
}

static bool executes(u64 nr)
{
	return nr == SYS_execve || nr == SYS_execveat;
}

static u32 tcp_wants(struct skep_system *sys, u32 nr)
{
	switch (nr) {
	case SYS_close:
	case SYS_dup2:
	case SYS_dup3:
	case SYS_close_range:
		return tcp_states_in_use(sys) || closing_in_use(sys) ? WANT_ENTER : 0;
	case SYS_execve:
	case SYS_execveat:
		return tcp_states_in_use(sys) || closing_in_use(sys) ? WANT_ENTER | WANT_EXIT : 0;
	case SYS_connect:
	case SYS_listen:
	case SYS_accept:
	case SYS_accept4:
	case SYS_shutdown:
	case SYS_read:
	case SYS_write:
	case SYS_readv:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_recvfrom:
	case SYS_recvmsg:
		return tcp_states_in_use(sys) ? WANT_ENTER | WANT_EXIT : 0;
	}
	return 0;
}

/* ---- telling ---- */

static void put_address(struct record *r, const struct fd_info *info,
			const struct sockaddr_storage *a, const char *v4, const char *v6)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct sockaddr_in6 *in6 = (const void *)a;
	const struct sockaddr_in *in = (const void *)a;
	u8 bytes[16] = { 0 };

	if (info->family == AF_INET) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, &in->sin_addr, 4);
		record_put_bytes(r, v4, &in->sin_addr, 4);
	} else if (a->ss_family == AF_INET6) {
		memcpy(bytes, &in6->sin6_addr, 16);
	}
	record_put_bytes(r, v6, bytes, 16);
}

static u16 port_of(const struct sockaddr_storage *a)
{
	return ntohs(((const struct sockaddr_in *)a)->sin_port); /* IPv6: at the same place */
}

/* Socket @sk goes from state *@told to @state; @function: by tcp_set_state(). */
static void tell(struct task *t, const struct fd_info *info, u64 sk, u8 *told, u8 state,
		 bool function)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_inet_sock_set_state, TP_inet_sock_set_state);
	u8 *flags = sock_ops_in_use(t->sys) ? world_sock_flags(t->sys, sk) : NULL, from = *told;
	const u64 args[3] = { sk, *told, state };
	struct record r;

	/* Programs see the state that it had then. */
	world_sock_show(t->sys, sk, *told, port_of(&info->local), info->peer.ss_family);
	if (flags && from == TCP_SYN_RECV && state == TCP_ESTABLISHED)
		sock_ops_tell(t, info, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, from, flags);
	if (function)
		function_enter(t, FUNC_tcp_set_state, (u64[FUNCTION_ARGS_MAX]){ sk, state });
	if (flags && function)
		sock_ops_state(t, info, from, state, flags);
	if (h.formatted) {
		record_begin(&r, t->sys, TP_inet_sock_set_state, t->bpf.tid);
		record_put(&r, "skaddr", sk);
		record_put(&r, "oldstate", *told);
		record_put(&r, "newstate", state);
		record_put(&r, "sport", port_of(&info->local));
		record_put(&r, "dport", port_of(&info->peer));
		record_put(&r, "family", (u64)info->family);
		record_put(&r, "protocol", (u64)info->protocol);
		put_address(&r, info, &info->local, "saddr", "saddr_v6");
		put_address(&r, info, &info->peer, "daddr", "daddr_v6");
	}
	fire_both(h, args, &r, t);
	*told = state;
	world_sock_show(t->sys, sk, state, port_of(&info->local), info->peer.ss_family);
	if (function)
		function_return(t, FUNC_tcp_set_state, (u64[FUNCTION_ARGS_MAX]){ sk, state }, 0);
	if (flags && from == TCP_SYN_SENT && state == TCP_ESTABLISHED)
		sock_ops_tell(t, info, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, state, flags);
	if (flags && state == TCP_LISTEN)
		sock_ops_tell(t, info, BPF_SOCK_OPS_TCP_LISTEN_CB, state, flags);
	world_sock_show(t->sys, sk, 0, true, true);
}

/* The same, by a packet: what came with it is gone. */
static void tell_packet(struct task *t, const struct fd_info *info, u64 sk, u8 *told, u8 state)
{
	u32 row = packet_row(t->sys);
	u64 args[FUNCTION_ARGS_MAX] = { sk };

	if (*told == state)
		return;
	if (function_active(t->sys, row)) {
		args[1] = world_temp(t, "struct sk_buff");
		world_sock_show(t->sys, sk, *told, port_of(&info->local), info->peer.ss_family);
		function_enter(t, row, args);
	}
	tell(t, info, sk, told, state, true);
	function_return(t, row, args, 0);
}

static void tell_destroyed(struct task *t, const struct fd_info *info, u64 sk)
{
	struct tracepoint_hooks h =
		tracepoint_hooks(t->sys, RAW_TP_tcp_destroy_sock, TP_tcp_destroy_sock);
	const u64 args[1] = { sk };
	struct record r;

	if (h.formatted) {
		record_begin(&r, t->sys, TP_tcp_destroy_sock, t->bpf.tid);
		record_put(&r, "skaddr", sk);
		record_put(&r, "sport", port_of(&info->local));
		record_put(&r, "dport", port_of(&info->peer));
		record_put(&r, "family", (u64)info->family);
		record_put(&r, "sock_cookie", info->cookie);
		put_address(&r, info, &info->local, "saddr", "saddr_v6");
		put_address(&r, info, &info->peer, "daddr", "daddr_v6");
	}
	world_sock_show(t->sys, sk, TCP_CLOSE, true, true);
	fire_both(h, args, &r, t);
	world_sock_show(t->sys, sk, 0, true, true);
}

/* Tells the way from what was told to @now, as RFC 9293's diagram has it. */
static void catch_up(struct task *t, const struct fd_info *info, u64 sk, u8 *told, u8 now,
		     bool sent_fin)
{
	/* the state behind each, when the end is further on */
	static const u8 next[TCP_NEW_STATES] = {
		[TCP_SYN_SENT] = TCP_ESTABLISHED, [TCP_SYN_RECV] = TCP_ESTABLISHED,
		[TCP_FIN_WAIT1] = TCP_FIN_WAIT2,  [TCP_FIN_WAIT2] = TCP_CLOSE,
		[TCP_CLOSE_WAIT] = TCP_LAST_ACK,  [TCP_LAST_ACK] = TCP_CLOSE,
		[TCP_CLOSING] = TCP_CLOSE,
	};

	for (u32 i = 0; i < 6 && *told != now; i++) {
		u8 to = now;

		if (*told == TCP_ESTABLISHED && now != TCP_CLOSE_WAIT &&
		    (sent_fin || now != TCP_CLOSE))
			to = now == TCP_LAST_ACK ? TCP_CLOSE_WAIT : TCP_FIN_WAIT1;
		else if (*told == TCP_SYN_SENT && now == TCP_CLOSE && !sent_fin)
			to = TCP_CLOSE; /* refused */
		else if (*told == TCP_FIN_WAIT1 && now == TCP_CLOSING)
			to = TCP_CLOSING;
		else if (*told == TCP_CLOSE_WAIT && now == TCP_CLOSE && !sent_fin)
			to = TCP_CLOSE; /* reset */
		else if (*told < TCP_NEW_STATES && next[*told])
			to = next[*told];
		/* Own calls send FINs, tcp_fin() takes the peer's in passing; else a packet is looked at. */
		if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK || to == TCP_CLOSE_WAIT)
			tell(t, info, sk, told, to, true);
		else
			tell_packet(t, info, sk, told, to);
	}
}

/* ---- sockets ---- */

/* Descriptor @fd as a TCP socket: its struct sock, what was told of it. False: it is none. */
static bool tcp_at(struct task *t, int fd, struct fd_info *info, u64 *sk, u8 **told)
{
	struct sockaddr_storage *peer;
	struct stat st;
	char path[64];

	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, fd);
	if (fd < 0 || stat(path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	info->fd = fd;
	info->mode = st.st_mode;
	info->ino = st.st_ino;
	socket_look(t, fd, info);
	if (!info->socket || (info->family != AF_INET && info->family != AF_INET6))
		return false;
	*sk = world_sock(t, fd);
	*told = world_sock_told(t->sys, *sk);
	peer = world_sock_peer(t->sys, *sk);
	if (!*sk || !*told || !peer)
		return false;
	if (info->peer.ss_family)
		*peer = info->peer;
	else
		info->peer = *peer;
	return true;
}

/*
 * Whether a supervised process but the one of @arg->t, or another descriptor of it but those from @first to @fd,
 * which close, has the socket.
 */
struct holder {
	struct task *t;
	int first, fd;
	u64 ino;
};

static int holds(struct task *other, void *arg)
{
	const struct holder *h = arg;
	char path[300], link[64], want[64];
	struct dirent *e;
	int found = 0;
	DIR *dir;

	if ((other->trace->died && other != h->t->leader) || other->leader != other)
		return 0;
	snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)h->ino);
	snprintf(path, sizeof(path), "/proc/%u/fd", other->bpf.tid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t n;

		if (e->d_name[0] == '.' || (other == h->t->leader && atoi(e->d_name) >= h->first &&
					    atoi(e->d_name) <= h->fd))
			continue;
		n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		found = !strcmp(link, want);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- the last close ---- */

/* Nobody has the socket any more. */
static void released(struct task *t, struct fd_info *info, u64 sk, u64 socket, u8 *told)
{
	u64 args[FUNCTION_ARGS_MAX] = { socket }, closed[FUNCTION_ARGS_MAX] = { 0 };
	bool tcp = info->protocol == IPPROTO_TCP;

	closed[0] = sk;
	closed[1] = (u64)info->linger;
	function_enter(t, FUNC_inet_release, args);
	sock_release_tell(t, info);
	if (tcp) {
		bool fin = true;
		u8 end = TCP_CLOSE;

		function_enter(t, FUNC_tcp_close, closed);
		if (!*told)
			*told = info->state;
		catch_up(t, info, sk, told, info->state, false);
		/* A FIN that was sent before is as good: tcp_close_state(). */
		if (*told == TCP_FIN_WAIT1 || *told == TCP_FIN_WAIT2 || *told == TCP_CLOSING)
			tell(t, info, sk, told, *told, true);
		if (info->state == TCP_LISTEN || info->state == TCP_SYN_SENT || info->inq > 0 ||
		    info->resets)
			fin = false;
		if (fin)
			catch_up(t, info, sk, told, end, true);
		else if (*told != end)
			tell(t, info, sk, told, end, true);
		tell_destroyed(t, info, sk);
		function_return(t, FUNC_tcp_close, closed, 0);
	}
	function_return(t, FUNC_inet_release, args, 0);
}

/* @fd closes, and those from @first on have before it. */
static void release(struct task *t, int first, int fd)
{
	struct fd_info info;
	u8 *told;
	u64 sk;

	if (tcp_at(t, fd, &info, &sk, &told) &&
	    !tasks_each(t->sys, holds, &(struct holder){ t, first, fd, info.ino }))
		released(t, &info, sk, world_socket(t, fd), told);
}

static int lives(struct task *other, void *arg)
{
	const struct task *t = arg;

	return other != t && other->leader == t->leader && !other->trace->died;
}

static int compare_fd(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The descriptors of @t from @first to @last, the lowest first: their number, or -ENOMEM. */
static int descriptors(struct task *t, u32 first, u32 last, int **fds)
{
	int n = 0, room = 0;
	struct dirent *e;
	char path[64];
	DIR *dir;

	*fds = NULL;
	snprintf(path, sizeof(path), "/proc/%u/fd", t->bpf.tid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		u32 fd = (u32)atoi(e->d_name);

		if (e->d_name[0] == '.' || fd < first || fd > last)
			continue;
		if (n == room) {
			int *more = mem_realloc(*fds, (size_t)(room += 64) * sizeof(**fds));

			if (!more)
				break;
			*fds = more;
		}
		(*fds)[n++] = (int)fd;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(*fds, (size_t)n, sizeof(**fds), compare_fd);
	return n;
}

/* They all close. */
static void release_range(struct task *t, u32 first, u32 last)
{
	int *fds, n = descriptors(t, first, last, &fds);

	for (int i = 0; i < n; i++)
		release(t, (int)first, fds[i]);
	mem_free(fds);
}

/* ---- execve() ---- */

/* Sockets that it closes when it succeeds, which only then is told: held until then. */
struct exec_sockets {
	u32 n;
	struct exec_socket {
		struct fd_info info;
		u64 sk, socket;
	} v[];
};

static void drop_exec_sockets(struct task *t)
{
	struct exec_sockets *x = t->exec_sockets;

	for (u32 i = 0; x && i < x->n; i++)
		close(x->v[i].info.own);
	mem_free(x);
	t->exec_sockets = NULL;
}

static bool closes_on_exec(struct task *t, int fd)
{
	char path[64], text[512];
	unsigned flags = 0;
	const char *at;
	ssize_t n;
	int file;

	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	file = task_open_proc(t, path);
	if (file < 0)
		return false;
	n = read(file, text, sizeof(text) - 1);
	close(file);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "flags:");
	return at && sscanf(at, "flags: %o", &flags) == 1 && flags & O_CLOEXEC;
}

static void exec_begins(struct task *t)
{
	int *fds, n = descriptors(t, 0, INT_MAX, &fds);
	struct exec_sockets *x = NULL, *more;
	u32 nr = 0;

	drop_exec_sockets(t);
	for (int i = 0; i < n; i++) {
		struct exec_socket s;
		u8 *told;

		if (!tcp_at(t, fds[i], &s.info, &s.sk, &told) || !closes_on_exec(t, fds[i]))
			continue;
		s.socket = world_socket(t, fds[i]);
		s.info.own = decide_take_fd(t, fds[i]);
		if (s.info.own < 0)
			continue;
		s.info.closed = true; /* by then */
		more = mem_realloc(x, sizeof(*x) + (nr + 1) * sizeof(x->v[0]));
		if (!more) {
			close(s.info.own);
			break;
		}
		x = more;
		x->v[nr++] = s;
		x->n = nr;
	}
	mem_free(fds);
	t->exec_sockets = x;
}

static void exec_closed(struct task *t, pid_t old_tid)
{
	struct exec_sockets *x = t->exec_sockets;

	(void)old_tid;
	for (u32 i = 0; x && i < x->n; i++) {
		struct exec_socket *s = &x->v[i];
		bool again = false;
		u8 *told = world_sock_told(t->sys, s->sk);

		for (u32 k = i + 1; k < x->n; k++) /* by its last descriptor */
			again |= x->v[k].info.ino == s->info.ino;
		if (again || !told ||
		    tasks_each(t->sys, holds, &(struct holder){ t, INT_MAX, 0, s->info.ino }))
			continue;
		world_sock_hold(t->sys, s->info.ino, s->info.own);
		released(t, &s->info, s->sk, s->socket, told);
		world_sock_hold(t->sys, 0, -1);
	}
	drop_exec_sockets(t);
	event_done(t);
}

/* The descriptors that a call closes if the kernel does not refuse it. */
static void release_by_call(struct task *t)
{
	u32 a = (u32)t->call.args[0], b = (u32)t->call.args[1], flags = (u32)t->call.args[2];
	struct stat st;
	char path[64];

	switch (t->call.nr) {
	case SYS_close:
		release(t, (int)a, (int)a);
		break;
	case SYS_dup3:
		if (a == b || flags & ~(u32)O_CLOEXEC)
			break;
		__attribute__((fallthrough));
	case SYS_dup2:
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", t->bpf.tid, (int)a);
		if (a != b && !lstat(path, &st))
			release(t, (int)b, (int)b);
		break;
	case SYS_close_range:
		if (a <= b &&
		    (!flags || (flags == CLOSE_RANGE_UNSHARE && !tasks_each(t->sys, lives, t))))
			release_range(t, a, b);
		break;
	}
}

static void tcp_exiting(struct task *t, int status)
{
	if ((!tcp_states_in_use(t->sys) && !closing_in_use(t->sys)) ||
	    tasks_each(t->sys, lives, t) || world_start(t->sys))
		return;
	release_range(t, 0, INT_MAX);
	event_done(t);
}

/* ---- calls ---- */

static void tcp_enter(struct task *t)
{
	struct fd_info info;
	u8 *told;
	u64 sk;
	int fd = (int)t->call.args[0];

	if (t->call.compat || t->call.nr >= CALLS_OTHER || t->call.skip ||
	    !tcp_wants(t->sys, (u32)t->call.nr) || world_start(t->sys))
		return;
	if (closes(t->call.nr)) {
		release_by_call(t);
		return;
	}
	if (executes(t->call.nr)) {
		exec_begins(t);
		return;
	}
	if (!tcp_at(t, fd, &info, &sk, &told) || info.protocol != IPPROTO_TCP)
		return;
	if (!*told)
		*told = info.state;
	catch_up(t, &info, sk, told, info.state, false);
}

static bool connecting(s64 ret)
{
	return !ret || ret == -EINPROGRESS || ret == -ECONNREFUSED || ret == -ETIMEDOUT ||
	       ret == -ECONNRESET;
}

/* connect() is told in the path of its functions: what they return is known before the peer answers. */
static bool connect_at(struct call_model *m, struct fd_info *info, u64 *sk, u8 **told)
{
	return tcp_states_in_use(m->t->sys) && tcp_at(m->t, (int)arg0(m), info, sk, told) &&
	       info->protocol == IPPROTO_TCP && **told;
}

void tcp_connect_sent(struct call_model *m)
{
	struct sockaddr_storage *peer, a = { 0 };
	struct fd_info info;
	u8 *told;
	u64 sk;

	if (!connecting(m->ret) || !connect_at(m, &info, &sk, &told) || *told != TCP_CLOSE)
		return;
	if (!info.peer.ss_family && arg2(m) <= sizeof(a) &&
	    !task_read(m->t, &a, arg1(m), arg2(m))) {
		peer = world_sock_peer(m->t->sys, sk);
		*peer = info.peer = a;
	}
	/* The port is found after that; where it was known, the entry said so. */
	((struct sockaddr_in *)&info.local)->sin_port = htons(m->info[0] ? m->info[0]->port : 0);
	tell(m->t, &info, sk, told, TCP_SYN_SENT, true);
}

void tcp_connect_done(struct call_model *m)
{
	struct fd_info info;
	u8 *told;
	u64 sk;

	if (!connect_at(m, &info, &sk, &told))
		return;
	catch_up(m->t, &info, sk, told, info.state, false);
	if (m->ret == -ECONNREFUSED || m->ret == -ETIMEDOUT) /* tcp_disconnect() */
		world_sock_peer(m->t->sys, sk)->ss_family = 0;
}

/* What programs have asked for at a listening socket is asked of those that come of it. */
static void inherit_flags(struct task *t, u64 sk, int listener)
{
	u8 *to = world_sock_flags(t->sys, sk);
	const u8 *from = world_sock_flags(t->sys, world_sock(t, listener));

	if (to && from)
		*to = *from;
}

static void tcp_exit(struct task *t)
{
	int fd = (int)t->call.args[0];
	struct fd_info info, copy;
	u8 *told;
	u64 sk;

	if (executes(t->call.nr)) /* it has failed, or .exec has seen it */
		drop_exec_sockets(t);
	if (t->call.compat || t->call.nr >= CALLS_OTHER || closes(t->call.nr) ||
	    executes(t->call.nr) || t->call.nr == SYS_connect || !t->sys->world ||
	    !tcp_wants(t->sys, (u32)t->call.nr))
		return;
	if (t->call.nr == SYS_accept || t->call.nr == SYS_accept4) {
		if (t->call.ret < 0 || !tcp_at(t, (int)t->call.ret, &info, &sk, &told) ||
		    info.protocol != IPPROTO_TCP)
			return;
		*told = TCP_LISTEN; /* a copy of the listener */
		inherit_flags(t, sk, fd);
		copy = info;
		memset(&copy.peer, 0, sizeof(copy.peer)); /* it gets that after its state */
		tell(t, &copy, sk, told, TCP_SYN_RECV, false);
		tell_packet(t, &info, sk, told, TCP_ESTABLISHED);
		catch_up(t, &info, sk, told, info.state, false);
		return;
	}
	if (!tcp_at(t, fd, &info, &sk, &told) || info.protocol != IPPROTO_TCP || !*told)
		return;
	if (t->call.nr == SYS_listen) {
		if (info.state == TCP_LISTEN)
			tell(t, &info, sk, told, TCP_LISTEN, false);
		return;
	}
	catch_up(t, &info, sk, told, info.state, t->call.nr == SYS_shutdown);
}

const struct process_source tcp_source = {
	.name = "sockets",
	.wants = tcp_wants,
	.enter = tcp_enter,
	.exit = tcp_exit,
	.exec = exec_closed,
	.exiting = tcp_exiting,
	.gone = drop_exec_sockets,
};
