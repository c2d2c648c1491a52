/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Contexts as the kernel's own structs (Linux: the context of programs is one already): a
 * struct sk_buff or xdp_buff of the kernel in force, with the device, as the packet is at the
 * call of bpf_cast_to_kern_ctx(), its bytes where programs' own pointers see them; a struct
 * bpf_sock_addr_kern with its socket and address.
 */
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "object/packet.h"
#include "object/prog.h"
#include "object/sock.h"
#include "world/fill.h"

enum { CTX_SKB = 0x1c700, CTX_XDP, CTX_RXQ, CTX_DEV, CTX_SOCK_ADDR, CTX_UADDR };

static void put_number(struct world *w, struct wobj *o, const char *field, u64 v)
{
	world_put(w, o->addr, field, &v, sizeof(v)); /* a kernel that lacks the field has none */
}

static u64 device(struct world *w, struct wobj *task, u32 ifindex)
{
	struct wobj *o = world_reused(w, "net_device", CTX_DEV);
	char name[IF_NAMESIZE] = "";

	if (!o || !ifindex)
		return 0;
	if_indextoname(ifindex, name);
	put_number(w, o, "ifindex", ifindex);
	world_put(w, o->addr, "name", name, sizeof(name));
	put_number(w, o, "nd_net.net", task ? world_ns(w, wtask(task), "net") : 0);
	return o->addr;
}

static u64 skb_obj(struct world *w, struct wobj *task, const struct sk_buff *skb)
{
	struct wobj *o = world_reused(w, "sk_buff", CTX_SKB);

	if (!o)
		return 0;
#define PUT(field, value) put_number(w, o, field, (u64)(value))
	PUT("len", skb->len);
	PUT("data_len", skb->data_len);
	PUT("mac_len", skb->mac_len);
	PUT("head", (uintptr_t)skb->head);
	PUT("data", (uintptr_t)skb->data);
	PUT("tail", skb->data_end - skb->head);
	PUT("end", skb->end - skb->head);
	PUT("mac_header", skb->mac_header);
	PUT("network_header", skb->network_header);
	PUT("transport_header", skb->transport_header);
	PUT("protocol", skb->protocol);
	PUT("vlan_proto", skb->vlan_proto);
	PUT("vlan_tci", skb->vlan_tci);
	PUT("mark", skb->mark);
	PUT("priority", skb->priority);
	PUT("hash", skb->hash);
	PUT("pkt_type", skb->pkt_type);
	PUT("queue_mapping", skb->queue_mapping);
	PUT("tc_index", skb->tc_index);
	PUT("napi_id", skb->napi_id);
	PUT("skb_iif", skb->ingress_ifindex);
	PUT("tstamp", skb->tstamp);
	PUT("dev", device(w, task, skb->ifindex));
#undef PUT
	return o->addr;
}

static u64 xdp_obj(struct world *w, struct wobj *task, const struct xdp_buff *xdp)
{
	struct wobj *o = world_reused(w, "xdp_buff", CTX_XDP);
	struct wobj *rxq = world_reused(w, "xdp_rxq_info", CTX_RXQ);

	if (!o || !rxq)
		return 0;
	put_number(w, rxq, "dev", device(w, task, xdp->ingress_ifindex));
	put_number(w, rxq, "queue_index", xdp->rx_queue_index);
	put_number(w, o, "data", (uintptr_t)xdp->data);
	put_number(w, o, "data_end", (uintptr_t)xdp->data_end);
	put_number(w, o, "data_meta", (uintptr_t)xdp->data_meta);
	put_number(w, o, "data_hard_start", (uintptr_t)xdp->data_hard_start);
	put_number(w, o, "frame_sz", xdp->frame_sz);
	put_number(w, o, "rxq", rxq->addr);
	return o->addr;
}

static u64 sock_addr_obj(struct world *w, struct wobj *task, const struct bpf_rt_sock_addr *a)
{
	bool is_unix = a->u.user_family == AF_UNIX;
	struct wobj *o = world_reused(w, "bpf_sock_addr_kern", CTX_SOCK_ADDR);
	struct wobj *addr =
		world_reused(w, is_unix ? "sockaddr_un" : "__kernel_sockaddr_storage", CTX_UADDR);
	struct wobj *file = task && a->fd >= 0 ? file_obj(w, task, a->fd) : NULL;

	if (!o || !addr)
		return 0;
	world_put(w, addr->addr, is_unix ? "sun_family" : "ss_family", a->uaddr, sizeof(u16));
	world_put(w, addr->addr, is_unix ? "sun_path" : "__data", a->uaddr + sizeof(u16),
		  is_unix ? 108 : SOCK_ADDR_MAX - sizeof(u16));
	put_number(w, o, "sk", file && file->priv ? sock_of(w, file->priv) : 0);
	put_number(w, o, "uaddr", addr->addr);
	put_number(w, o, "uaddrlen", a->uaddrlen);
	return o->addr;
}

u64 world_kern_ctx(struct world *w, const struct bpf_run *run, struct wobj *task, const void *ctx)
{
	switch (run->prog ? run->prog->ctx_type : BPF_PROG_TYPE_UNSPEC) {
	case BPF_PROG_TYPE_XDP:
		return xdp_obj(w, task, ctx);
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return sock_addr_obj(w, task, ctx);
	}
	return skb_obj(w, task, ctx);
}
