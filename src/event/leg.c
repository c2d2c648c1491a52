/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Frames in and out of a live link's end, see leg.h (Linux: net/packet/af_packet.c, drivers/net/tun.c). */
#include "event/leg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define VLAN_HLEN 4
#define RESERVE                                                                                    \
	272 /* before a frame, behind the ring's own header: headroom, a VLAN tag, aligned */
#define SLOT	    2048
#define SLOT_TAIL   4096 /* with room as a driver's page has */
#define SLOTS	    4096
#define SLOTS_LEAST 128
#define BLOCK	    65536
#define POOL	    (256 << 10)
#define SEND_MAX    256
#define TRIES	    6

struct leg_out {
	u32 n, used;
	struct mmsghdr msgs[SEND_MAX];
	struct iovec v[SEND_MAX];
	u8 pool[POOL];
};

/* ---- opening ---- */

static int open_ring(struct leg *leg, u32 ifindex)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)ifindex };
	int version = TPACKET_V2, one = 1, reserve = RESERVE, buffer = 8 << 20;
	struct tpacket_req ring = { .tp_block_size = BLOCK, .tp_frame_size = leg->slot_size };

	if (setsockopt(leg->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(leg->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) ||
	    setsockopt(leg->fd, SOL_PACKET, PACKET_COPY_THRESH, &one, sizeof(one)))
		return -errno;
	/* Optional: without these it works, slower. */
	setsockopt(leg->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(leg->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(leg->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(leg->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	for (leg->slots = SLOTS;; leg->slots /= 2) {
		ring.tp_frame_nr = leg->slots;
		ring.tp_block_nr = leg->slots / (BLOCK / leg->slot_size);
		if (!setsockopt(leg->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
			break;
		if (errno != ENOMEM || leg->slots == SLOTS_LEAST)
			return -errno;
	}
	leg->ring_size = (u64)leg->slots * leg->slot_size;
	leg->ring = mmap(NULL, leg->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, leg->fd, 0);
	if (leg->ring == MAP_FAILED) {
		leg->ring = NULL;
		return -errno;
	}
	return bind(leg->fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
}

int leg_open(struct leg *leg, int fd, bool tap, u32 ifindex, bool tail)
{
	memset(leg, 0, sizeof(*leg));
	leg->fd = fd;
	leg->tap = tap;
	leg->opened = true;
	leg->out = mem_alloc(sizeof(*leg->out));
	leg->large = mem_alloc(LEG_HEADROOM + VLAN_HLEN + LEG_FRAME_MAX);
	if (!leg->out || !leg->large)
		return -ENOMEM;
	memset(leg->out, 0, offsetof(struct leg_out, pool));
	leg->slot_size = tail ? SLOT_TAIL : SLOT;
	if (!tap)
		return open_ring(leg, ifindex);
	leg->slots = LEG_BURST;
	leg->slot_size = LEG_HEADROOM + LEG_FRAME_MAX + SLOT_TAIL;
	leg->ring_size = (u64)leg->slots * leg->slot_size;
	leg->ring = mmap(NULL, leg->ring_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (leg->ring == MAP_FAILED) {
		leg->ring = NULL;
		return -ENOMEM;
	}
	return 0;
}

void leg_close(struct leg *leg)
{
	if (!leg->opened)
		return;
	if (leg->ring)
		munmap(leg->ring, leg->ring_size);
	if (leg->fd >= 0)
		close(leg->fd);
	mem_free(leg->out);
	mem_free(leg->large);
	memset(leg, 0, sizeof(*leg));
}

/* ---- receiving ---- */

/* The kernel has taken a VLAN tag out of the frame; on the wire it is in it. */
static void put_tag_back(struct leg_frame *f, u16 tpid, u16 tci)
{
	u16 tag[2] = { htons(tpid ? tpid : ETH_P_8021Q), htons(tci) };

	if (f->len < 2 * ETH_ALEN)
		return;
	memmove(f->data - VLAN_HLEN, f->data, 2 * ETH_ALEN);
	f->data -= VLAN_HLEN;
	f->len += VLAN_HLEN;
	memcpy(f->data + 2 * ETH_ALEN, tag, sizeof(tag));
}

static struct tpacket2_hdr *slot_at(const struct leg *leg, u32 i)
{
	return (struct tpacket2_hdr *)(leg->ring + (u64)(i % leg->slots) * leg->slot_size);
}

static u32 receive_ring(struct leg *leg, struct leg_frame *frames)
{
	struct leg_frame *f;
	bool large = false;
	u32 n = 0;

	while (leg->held < LEG_BURST && leg->held < leg->slots && !large) {
		struct tpacket2_hdr *h = slot_at(leg, leg->at + leg->held);
		u32 status = load_acquire(&h->tp_status);

		if (!(status & TP_STATUS_USER))
			break;
		leg->held++;
		f = &frames[n];
		f->data = (u8 *)h + h->tp_mac;
		f->len = h->tp_snaplen;
		f->tail = leg->slot_size - h->tp_mac - h->tp_snaplen;
		if (h->tp_snaplen < h->tp_len) {
			ssize_t got = -1;

			/* Whole in the socket's queue, if there was room. */
			if (status & TP_STATUS_COPY)
				got = recv(leg->fd, leg->large + LEG_HEADROOM + VLAN_HLEN,
					   LEG_FRAME_MAX, MSG_DONTWAIT);
			if (got != (ssize_t)h->tp_len) {
				leg->lost++;
				continue;
			}
			f->data = leg->large + LEG_HEADROOM + VLAN_HLEN;
			f->len = (u32)got;
			f->tail = LEG_FRAME_MAX - f->len;
			large = true;
		}
		if (status & TP_STATUS_VLAN_VALID)
			put_tag_back(f, h->tp_vlan_tpid, h->tp_vlan_tci);
		n++;
	}
	return n;
}

static u32 receive_tap(struct leg *leg, struct leg_frame *frames)
{
	u32 n;

	for (n = 0; n < LEG_BURST; n++) {
		u8 *data = leg->ring + (u64)n * leg->slot_size + LEG_HEADROOM;
		ssize_t got = read(leg->fd, data, LEG_FRAME_MAX);

		if (got <= 0)
			break;
		frames[n] = (struct leg_frame){ data, (u32)got,
						leg->slot_size - LEG_HEADROOM - (u32)got };
	}
	return n;
}

u32 leg_receive(struct leg *leg, struct leg_frame *frames)
{
	return leg->tap ? receive_tap(leg, frames) : receive_ring(leg, frames);
}

void leg_release(struct leg *leg)
{
	for (; leg->held; leg->held--) {
		store_release(&slot_at(leg, leg->at)->tp_status, TP_STATUS_KERNEL);
		leg->at = (leg->at + 1) % leg->slots;
	}
}

/* ---- sending ---- */

void leg_put(struct leg *leg, const void *data, u32 len, bool stable)
{
	struct leg_out *o = leg->out;

	if (o->n == SEND_MAX || (!stable && o->used + len > POOL))
		leg_flush(leg);
	if (!stable) {
		memcpy(o->pool + o->used, data, len);
		data = o->pool + o->used;
		o->used += len;
	}
	o->v[o->n] = (struct iovec){ (void *)data, len };
	o->msgs[o->n].msg_hdr.msg_iov = &o->v[o->n];
	o->msgs[o->n].msg_hdr.msg_iovlen = 1;
	o->n++;
}

/* From frame @from on: how many were taken, or -errno for the first. */
static int send_some(struct leg *leg, u32 from)
{
	struct leg_out *o = leg->out;
	int n;

	if (leg->tap)
		n = writev(leg->fd, &o->v[from], 1) < 0 ? -1 : 1;
	else
		n = sendmmsg(leg->fd, &o->msgs[from], o->n - from, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

void leg_flush(struct leg *leg)
{
	struct leg_out *o = leg->out;
	u32 at = 0, tries = 0;

	while (at < o->n) {
		int n = send_some(leg, at);

		if (n > 0) {
			at += (u32)n;
			tries = 0;
			leg->stuck = false;
			continue;
		}
		/* The receiver's queue is full: it empties, unless the interface is down. */
		if ((n == -ENOBUFS || n == -EAGAIN || n == -EINTR) && !leg->stuck &&
		    tries++ < TRIES) {
			usleep(10U << tries);
			continue;
		}
		leg->stuck = n == -ENOBUFS || n == -EAGAIN;
		leg->lost++;
		at++;
		tries = 0;
	}
	o->n = o->used = 0;
}

int leg_send(const struct leg *leg, const void *data, u32 len)
{
	ssize_t n = leg->tap ? write(leg->fd, data, len) : send(leg->fd, data, len, MSG_DONTWAIT);

	return n < 0 ? -errno : 0;
}

void leg_settle(const struct leg *leg, int *polled)
{
	socklen_t len = sizeof(int);
	int err = 0;

	/* ENETDOWN: the interface went down, and may come up again. */
	if (leg->tap || getsockopt(leg->fd, SOL_SOCKET, SO_ERROR, &err, &len) || !err)
		*polled = -1;
}
