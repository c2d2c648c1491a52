/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Contexts as the kernel's own structs (Linux: the context of programs is one already): a
 * struct sk_buff or xdp_buff of the kernel in force, with the device, as the packet is at the
 * call of bpf_cast_to_kern_ctx(), its bytes where programs' own pointers see them; and what stands behind
 * the contexts of other types, with the struct sock of their socket. Fields that nobody puts are not there.
 */
#include <asm/ptrace.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "object/packet.h"
#include "object/prog.h"
#include "object/sock.h"
#include "world/fill.h"

enum {
	CTX_SKB = 0x1c700,
	CTX_XDP,
	CTX_RXQ,
	CTX_DEV,
	CTX_SOCK_ADDR,
	CTX_UADDR,
	CTX_SOCK,
	CTX_OPS,
	CTX_OPT,
	CTX_LOOKUP,
	CTX_SADDR,
	CTX_DADDR,
	CTX_REUSE,
	CTX_MSG,
	CTX_SYSCTL,
	CTX_DEVICE,
	CTX_FLOW,
	CTX_KEYS,
	CTX_NF,
	CTX_REGS,
	CTX_PERF,
	CTX_SAMPLE,
};

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

/* ---- sockets ---- */

u64 world_shown_sock(struct world *w, struct bpf_run *run, struct wobj *task,
		     const struct bpf_sock *u)
{
	const struct bpf_rt_sock *sk = (const void *)u;
	u64 addr = sk ? world_sock_of(w, run, task, sk) : 0;
	struct wobj *o;

	if (addr || !sk || !(sk->ino & SOCK_INO_MADE_UP))
		return addr;
	o = world_reused(w, "sock", CTX_SOCK);
	if (!o)
		return 0;
	put_number(w, o, "__sk_common.skc_family", u->family);
	put_number(w, o, "__sk_common.skc_state", u->state);
	put_number(w, o, "__sk_common.skc_bound_dev_if", u->bound_dev_if);
	put_number(w, o, "__sk_common.skc_num", u->src_port);
	put_number(w, o, "__sk_common.skc_dport", u->dst_port);
	put_number(w, o, "__sk_common.skc_rcv_saddr", u->src_ip4);
	put_number(w, o, "__sk_common.skc_daddr", u->dst_ip4);
	put_number(w, o, "sk_type", u->type);
	put_number(w, o, "sk_protocol", u->protocol);
	put_number(w, o, "sk_mark", u->mark);
	put_number(w, o, "sk_priority", u->priority);
	return o->addr;
}

static u64 sock_ops_obj(struct world *w, struct bpf_run *run, struct wobj *task,
			const struct bpf_sock_ops *c)
{
	struct wobj *o = world_reused(w, "bpf_sock_ops_kern", CTX_OPS);

	if (!o)
		return 0;
	put_number(w, o, "sk", world_shown_sock(w, run, task, c->sk));
	world_put(w, o->addr, "args", c->args, sizeof(c->args));
	put_number(w, o, "op", c->op);
	put_number(w, o, "is_fullsock", c->is_fullsock);
	return o->addr;
}

static u64 sockopt_obj(struct world *w, struct bpf_run *run, struct wobj *task,
		       const struct bpf_sockopt *c)
{
	struct wobj *o = world_reused(w, "bpf_sockopt_kern", CTX_OPT);

	if (!o)
		return 0;
	put_number(w, o, "sk", world_shown_sock(w, run, task, c->sk));
	put_number(w, o, "optval", (uintptr_t)c->optval);
	put_number(w, o, "optval_end", (uintptr_t)c->optval_end);
	put_number(w, o, "level", (u32)c->level);
	put_number(w, o, "optname", (u32)c->optname);
	put_number(w, o, "optlen", (u32)c->optlen);
	put_number(w, o, "current_task", task ? task->addr : 0);
	return o->addr;
}

static u64 in6_obj(struct world *w, u32 which, const u32 ip6[4])
{
	struct wobj *o = world_reused(w, "in6_addr", which);

	if (o)
		world_put(w, o->addr, "in6_u", ip6, 16);
	return o ? o->addr : 0;
}

static u64 lookup_obj(struct world *w, struct bpf_run *run, struct wobj *task,
		      const struct bpf_rt_sk_lookup *c)
{
	struct wobj *o = world_reused(w, "bpf_sk_lookup_kern", CTX_LOOKUP);

	if (!o)
		return 0;
	put_number(w, o, "family", c->u.family);
	put_number(w, o, "protocol", c->u.protocol);
	put_number(w, o, "sport", c->u.remote_port);
	put_number(w, o, "dport", c->u.local_port);
	if (c->u.family == AF_INET) {
		put_number(w, o, "v4.saddr", c->u.remote_ip4);
		put_number(w, o, "v4.daddr", c->u.local_ip4);
	} else {
		put_number(w, o, "v6.saddr", in6_obj(w, CTX_SADDR, c->u.remote_ip6));
		put_number(w, o, "v6.daddr", in6_obj(w, CTX_DADDR, c->u.local_ip6));
	}
	put_number(w, o, "selected_sk", world_shown_sock(w, run, task, c->u.sk));
	put_number(w, o, "ingress_ifindex", c->u.ingress_ifindex);
	put_number(w, o, "no_reuseport", c->no_reuseport);
	return o->addr;
}

static u64 reuseport_obj(struct world *w, struct bpf_run *run, struct wobj *task,
			 const struct bpf_rt_reuseport *c)
{
	struct wobj *o = world_reused(w, "sk_reuseport_kern", CTX_REUSE);
	struct wobj *skb = world_reused(w, "sk_buff", CTX_SKB);

	if (!o || !skb)
		return 0;
	put_number(w, skb, "len", c->u.len);
	put_number(w, skb, "data", (uintptr_t)c->u.data);
	put_number(w, skb, "protocol", c->u.eth_protocol);
	put_number(w, o, "skb", skb->addr);
	put_number(w, o, "sk", world_shown_sock(w, run, task, c->u.sk));
	put_number(w, o, "migrating_sk", world_shown_sock(w, run, task, c->u.migrating_sk));
	put_number(w, o, "data_end", (uintptr_t)c->u.data_end);
	put_number(w, o, "hash", c->u.hash);
	put_number(w, o, "bind_inany", c->u.bind_inany);
	return o->addr;
}

static u64 msg_obj(struct world *w, struct bpf_run *run, struct wobj *task,
		   const struct bpf_rt_msg *c)
{
	struct wobj *o = world_reused(w, "sk_msg", CTX_MSG);

	if (!o)
		return 0;
	put_number(w, o, "sg.size", c->u.size);
	put_number(w, o, "data", (uintptr_t)c->u.data);
	put_number(w, o, "data_end", (uintptr_t)c->u.data_end);
	put_number(w, o, "apply_bytes", c->apply_bytes);
	put_number(w, o, "cork_bytes", c->cork_bytes);
	put_number(w, o, "sk", world_shown_sock(w, run, task, c->u.sk));
	return o->addr;
}

/* ---- others ---- */

static u64 sysctl_obj(struct world *w, const struct bpf_rt_sysctl *c)
{
	struct wobj *o = world_reused(w, "bpf_sysctl_kern", CTX_SYSCTL);

	if (!o)
		return 0;
	put_number(w, o, "cur_val", (uintptr_t)c->cur);
	put_number(w, o, "cur_len", c->cur ? c->cur_len : 0);
	put_number(w, o, "new_val", (uintptr_t)c->new_val);
	put_number(w, o, "new_len", c->new_len);
	put_number(w, o, "new_updated", c->new_updated);
	put_number(w, o, "write", c->u.write);
	return o->addr;
}

static u64 device_access_obj(struct world *w, const struct bpf_cgroup_dev_ctx *c)
{
	struct wobj *o = world_reused(w, "bpf_cgroup_dev_ctx", CTX_DEVICE);

	if (!o)
		return 0;
	put_number(w, o, "access_type", c->access_type);
	put_number(w, o, "major", c->major);
	put_number(w, o, "minor", c->minor);
	return o->addr;
}

static u64 flow_obj(struct world *w, struct wobj *task, const struct flow_dissector_ctx *c)
{
	struct wobj *o = world_reused(w, "bpf_flow_dissector", CTX_FLOW);
	struct wobj *keys = world_reused(w, "bpf_flow_keys", CTX_KEYS);
	const struct bpf_flow_keys *k = (const void *)(uintptr_t)c->flow_keys;

	if (!o || !keys)
		return 0;
	put_number(w, keys, "nhoff", k->nhoff);
	put_number(w, keys, "thoff", k->thoff);
	put_number(w, keys, "addr_proto", k->addr_proto);
	put_number(w, keys, "is_frag", k->is_frag);
	put_number(w, keys, "is_first_frag", k->is_first_frag);
	put_number(w, keys, "is_encap", k->is_encap);
	put_number(w, keys, "ip_proto", k->ip_proto);
	put_number(w, keys, "n_proto", k->n_proto);
	put_number(w, keys, "sport", k->sport);
	put_number(w, keys, "dport", k->dport);
	put_number(w, keys, "flags", k->flags);
	put_number(w, o, "flow_keys", keys->addr);
	put_number(w, o, "skb", c->skb ? skb_obj(w, task, c->skb) : 0);
	put_number(w, o, "data", c->data);
	put_number(w, o, "data_end", c->data_end);
	return o->addr;
}

static u64 nf_obj(struct world *w, const u64 ctx[2])
{
	struct wobj *o = world_reused(w, "bpf_nf_ctx", CTX_NF);

	if (!o)
		return 0;
	put_number(w, o, "state", ctx[0]);
	put_number(w, o, "skb", ctx[1]);
	return o->addr;
}

static u64 regs_obj(struct world *w, const u64 *regs)
{
	static const char *const names[] = { "r15", "r14",     "r13", "r12", "bp",    "bx", "r11",
					     "r10", "r9",      "r8",  "ax",  "cx",    "dx", "si",
					     "di",  "orig_ax", "ip",  "cs",  "flags", "sp", "ss" };
	struct wobj *o = world_reused(w, "pt_regs", CTX_REGS);

	for (u32 i = 0; o && i < ARRAY_SIZE(names); i++)
		put_number(w, o, names[i], regs[i]);
	return o ? o->addr : 0;
}

/* The context begins with the registers; its sample's period and address follow. */
static u64 perf_obj(struct world *w, const u64 *ctx)
{
	const u64 *behind = ctx + sizeof(struct pt_regs) / sizeof(u64);
	struct wobj *o = world_reused(w, "bpf_perf_event_data_kern", CTX_PERF);
	struct wobj *data = world_reused(w, "perf_sample_data", CTX_SAMPLE);

	if (!o || !data)
		return 0;
	put_number(w, data, "period", behind[0]);
	put_number(w, data, "addr", behind[1]);
	put_number(w, o, "regs", regs_obj(w, ctx));
	put_number(w, o, "data", data->addr);
	return o->addr;
}

u64 world_kern_ctx(struct world *w, struct bpf_run *run, struct wobj *task, const void *ctx)
{
	switch (run->prog ? run->prog->ctx_type : BPF_PROG_TYPE_UNSPEC) {
	case BPF_PROG_TYPE_XDP:
		return xdp_obj(w, task, ctx);
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return world_shown_sock(w, run, task, ctx);
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
		return sock_addr_obj(w, task, ctx);
	case BPF_PROG_TYPE_SOCK_OPS:
		return sock_ops_obj(w, run, task, ctx);
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
		return sockopt_obj(w, run, task, ctx);
	case BPF_PROG_TYPE_SK_LOOKUP:
		return lookup_obj(w, run, task, ctx);
	case BPF_PROG_TYPE_SK_REUSEPORT:
		return reuseport_obj(w, run, task, ctx);
	case BPF_PROG_TYPE_SK_MSG:
		return msg_obj(w, run, task, ctx);
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
		return sysctl_obj(w, ctx);
	case BPF_PROG_TYPE_CGROUP_DEVICE:
		return device_access_obj(w, ctx);
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
		return flow_obj(w, task, ctx);
	case BPF_PROG_TYPE_NETFILTER:
		return nf_obj(w, ctx);
	case BPF_PROG_TYPE_KPROBE:
		return regs_obj(w, ctx);
	case BPF_PROG_TYPE_PERF_EVENT:
		return perf_obj(w, ctx);
	}
	return skb_obj(w, task, ctx);
}
