/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Socket filters of processes in an instance: setsockopt(SO_ATTACH_BPF) on a packet socket (Linux: net/core/filter.c,
 * sk_attach_bpf(); net/packet/af_packet.c, packet_rcv()). The socket itself becomes ours, and in its
 * place the process gets one end of a pair: what the program keeps of a frame, of the observer's copy, is
 * written to the other end by a thread. What the process writes is sent by the socket.
 *
 * DIFF(socket-filter): other sockets are refused, and the descriptor is no packet socket any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"
#include "event/frame.h"
#include "event/reuseport.h"
#include "object/system.h"

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif
#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif
#define FRAME_MAX 65600
#define BUFFER	  (SKB_ROOM + FRAME_MAX)

struct observer {
	struct observer *next;
	struct instance *inst;
	struct prog_object *prog; /* referenced; NULL: taken off again */
	pthread_mutex_t lock;	  /* of .prog */
	int socket, ours;	  /* the process's packet socket; our end of the pair */
	u64 inode;		  /* of its end */
	u8 frame[SKB_ROOM / 2 + FRAME_MAX], skb[BUFFER];
};

/* ---- the thread ---- */

/* How much of the frame the program keeps. */
static u32 keep(struct observer *o, const struct sockaddr_ll *from, struct tpacket_auxdata *aux,
		const u8 *data, u32 len)
{
	struct bpf_run run = { .event = NULL };
	struct skep_system *sys = o->inst->sys;
	struct sk_buff skb;
	u32 kept = UINT32_MAX;

	frame_to_skb(&skb, o->skb, sizeof(o->skb), data, len, 0, (u32)from->sll_ifindex);
	skb.pkt_type = from->sll_pkttype;
	skb.protocol = from->sll_protocol;
	if (from->sll_pkttype == PACKET_OUTGOING)
		skb.is_ingress = skb.ingress_ifindex = 0;
	if (aux->tp_status & TP_STATUS_VLAN_VALID) {
		skb.vlan_present = 1;
		skb.vlan_tci = aux->tp_vlan_tci;
		skb.vlan_proto = __builtin_bswap16(aux->tp_vlan_tpid);
	}
	pthread_mutex_lock(&o->lock);
	if (o->prog) {
		slot_claim(sys->arena, sys->platform, &run);
		kept = (u32)bpf_prog_run(o->prog->prog, &skb, &run);
		slot_release(&run);
	}
	pthread_mutex_unlock(&o->lock);
	return min(kept, len);
}

static void observe(struct observer *o)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct tpacket_auxdata aux = { 0 };
	struct sockaddr_ll from = { 0 };
	struct iovec v = { o->frame, FRAME_MAX };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(o->socket, &m, MSG_DONTWAIT);
	u32 kept;

	if (len < ETH_HLEN)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	kept = keep(o, &from, &aux, o->frame, (u32)len);
	/* Full: lost, as in a socket whose reader is too slow. */
	if (kept)
		send(o->ours, o->frame, kept, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* False: the process has closed its end. */
static bool forward(struct observer *o)
{
	ssize_t len = recv(o->ours, o->frame, sizeof(o->frame), MSG_DONTWAIT);

	if (len > 0)
		(void)!send(o->socket, o->frame, (size_t)len, MSG_DONTWAIT);
	return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static void observer_free(struct observer *o)
{
	object_put((struct object *)o->prog);
	if (o->socket >= 0)
		close(o->socket);
	if (o->ours >= 0)
		close(o->ours);
	pthread_mutex_destroy(&o->lock);
	mem_free(o);
}

static void *observer_main(void *arg)
{
	struct observer *o = arg;
	struct daemon *d = o->inst->daemon;
	struct pollfd fds[] = { { .fd = o->socket, .events = POLLIN },
				{ .fd = o->ours, .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && !forward(o))
			break;
		if (fds[0].revents & POLLIN)
			observe(o);
		else if (fds[0].revents) /* its interface is down: the error is taken off */
			recv(o->socket, o->frame, 1, MSG_DONTWAIT);
	}
	pthread_mutex_lock(&d->lock);
	for (struct observer **p = &o->inst->observers; *p; p = &(*p)->next)
		if (*p == o) {
			*p = o->next;
			break;
		}
	pthread_mutex_unlock(&d->lock);
	observer_free(o);
	return NULL;
}

void observers_stop(struct instance *inst)
{
	bool any;

	do {
		pthread_mutex_lock(&inst->daemon->lock);
		any = inst->observers;
		for (struct observer *o = inst->observers; o; o = o->next)
			shutdown(o->ours, SHUT_RDWR);
		pthread_mutex_unlock(&inst->daemon->lock);
		if (any)
			usleep(1000);
	} while (any);
}

/* ---- setsockopt() ---- */

static int option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? -errno : v;
}

/* The observer whose process's end is @fd of ours; d->lock is held. */
static struct observer *observer_of(const struct instance *inst, int fd)
{
	struct observer *o;
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	for (o = inst->observers; o && o->inode != st.st_ino; o = o->next)
		;
	return o;
}

/* Puts @prog (taken over; NULL: none) in the place of what is there. -ENOENT: there is no observer. */
static int observer_set(struct request *r, int fd, struct prog_object *prog)
{
	struct instance *inst = r->session->instance;
	struct prog_object *old = prog;
	struct observer *o;
	int err = -ENOENT;

	pthread_mutex_lock(&inst->daemon->lock);
	o = observer_of(inst, fd);
	if (o) {
		pthread_mutex_lock(&o->lock);
		old = o->prog;
		o->prog = prog;
		pthread_mutex_unlock(&o->lock);
		err = !prog && !old ? -ENOENT : 0;
	}
	pthread_mutex_unlock(&inst->daemon->lock);
	if (o)
		object_put((struct object *)old);
	return err;
}

/* Flags of the process's descriptor, which has the number of the pair's end from now on. */
static int put_in_place(struct request *r, int end)
{
	struct seccomp_notif_addfd add = { .id = r->id,
					   .flags = SECCOMP_ADDFD_FLAG_SETFD,
					   .srcfd = (u32)end,
					   .newfd = (u32)r->args[0] };
	char path[64], line[128];
	unsigned flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", r->caller.tid, (int)r->args[0]);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (f)
		fclose(f);
	add.newfd_flags = flags & O_CLOEXEC;
	if (fcntl(end, F_SETFL, (int)(flags & O_NONBLOCK)))
		return -errno;
	return ioctl(r->session->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

/* Takes over @socket and @prog. */
static int observer_new(struct request *r, int socket, struct prog_object *prog)
{
	struct instance *inst = r->session->instance;
	struct observer *o = mem_zalloc(sizeof(*o));
	int pair[2] = { -1, -1 }, one = 1, err = -ENOMEM, buffer = 4 << 20;
	pthread_attr_t attr;
	pthread_t thread;
	struct stat st;

	if (!o) {
		close(socket);
		object_put(&prog->obj);
		return -ENOMEM;
	}
	o->inst = inst;
	o->socket = socket;
	o->prog = prog;
	pthread_mutex_init(&o->lock, NULL);
	err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
	o->ours = pair[0];
	if (!err && fstat(pair[1], &st))
		err = -errno;
	if (err)
		goto out;
	o->inode = st.st_ino;
	setsockopt(o->ours, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	setsockopt(socket, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	err = put_in_place(r, pair[1]);
	if (err)
		goto out;
	pthread_mutex_lock(&inst->daemon->lock);
	o->next = inst->observers;
	inst->observers = o;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = -pthread_create(&thread, &attr, observer_main, o);
	pthread_attr_destroy(&attr);
	if (err)
		inst->observers = o->next;
	pthread_mutex_unlock(&inst->daemon->lock);
out:
	if (pair[1] >= 0)
		close(pair[1]);
	if (err)
		observer_free(o);
	return err;
}

static long attach(struct request *r, int fd)
{
	struct prog_object *prog;
	int prog_fd, err;

	if (r->args[4] != sizeof(prog_fd)) {
		close(fd);
		return -EINVAL;
	}
	if (user_read(r->sys, &prog_fd, r->args[3], sizeof(prog_fd))) {
		close(fd);
		return -EFAULT;
	}
	prog = (struct prog_object *)object_get_fd(r->sys, prog_fd, OBJECT_PROG, &err);
	if (!prog) {
		close(fd);
		return err;
	}
	err = prog->prog->type == BPF_PROG_TYPE_SOCKET_FILTER ? 0 : -EINVAL;
	if (!err && option_of(fd, SO_DOMAIN) == AF_UNIX) {
		err = observer_set(r, fd, prog);
		if (err != -ENOENT) {
			close(fd);
			return err;
		}
	}
	if (!err && (option_of(fd, SO_DOMAIN) != AF_PACKET || option_of(fd, SO_TYPE) != SOCK_RAW))
		err = -EOPNOTSUPP;
	if (!err)
		return observer_new(r, fd, prog);
	close(fd);
	object_put(&prog->obj);
	return err == -ENOENT ? -EOPNOTSUPP : err;
}

long answer_setsockopt(struct request *r)
{
	int fd = caller_take_fd((int)r->args[0]);
	long err;

	if (fd < 0 || option_of(fd, SO_DOMAIN) < 0) {
		if (fd >= 0)
			close(fd);
		return ANSWER_CONTINUE; /* the kernel knows what is wrong */
	}
	switch ((int)r->args[2]) {
	case SO_ATTACH_BPF:
		return attach(r, fd);
	case SO_ATTACH_REUSEPORT_CBPF:
	case SO_ATTACH_REUSEPORT_EBPF:
	case SO_DETACH_REUSEPORT_BPF:
		err = reuseport_setsockopt(r->sys, r->caller.tid, fd, (int)r->args[2], r->args[3],
					   (u32)r->args[4]);
		close(fd);
		return err;
	}
	/* SO_DETACH_BPF: of what we have attached; else it is the kernel's. */
	err = option_of(fd, SO_DOMAIN) == AF_UNIX ? observer_set(r, fd, NULL) : -ENOENT;
	close(fd);
	return err ? ANSWER_CONTINUE : 0;
}
