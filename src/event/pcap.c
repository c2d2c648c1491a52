/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Packets from capture files. A capture is a network device whose packets arrive
 * when it is run; they take the way of Linux's __netif_receive_skb_core(): XDP,
 * VLAN tag into the skb, the observers' copy, TC ingress. libpcap reads and writes.
 *
 * An XDP program that cannot change packets runs on the capture's own bytes, where
 * they lie one behind the other; any other gets a copy with head and tail room.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "event/capture.h"
#include "event/frame.h"
#include "hook/hook.h"
#include "object/facts.h"
#include "object/fixup.h"
#include "object/packet.h"
#include "object/system.h"
#include "skep/skep.h"

#define BURST	      256 /* packets per claim of a slot */
#define FIRST_IFINDEX 100
#define PACKET_MAX    262144 /* libpcap's MAXIMUM_SNAPLEN; offload makes packets beyond 64 KiB */
#define XDP_ROOM      (XDP_PACKET_HEADROOM + SKB_SHARED_INFO)

enum { ACT_ABORTED, ACT_DROP, ACT_PASS, ACT_TX, ACT_REDIRECT, ACT_OTHER };

struct skep_pcap {
	struct skep_system *sys;
	char path[256];
	u32 ifindex;
	struct prog_object *filter; /* referenced; NULL: none */
	struct hook *xdp, *tc, *exception;
	struct capture capture;
	u32 judged_id; /* of the program that prog_reads_only() was asked about last */
	bool judged_reads_only;
	u8 *frame; /* XDP's copy: room for the longest packet */
	u64 frame_size;
	u8 *buffer; /* the skb's */
	u64 buffer_size;
	u8 *tagged; /* what is written of an skb with a VLAN tag beside it */
};

struct outputs {
	struct capture_writer *pass, *tx, *redirect, *filter;
};

/* ---- the device ---- */

static int add_device(struct skep_pcap *p)
{
	char name[16];
	int err = -EEXIST;

	for (u32 i = 0; err == -EEXIST && i < 1000; i++) {
		snprintf(name, sizeof(name), "pcap%u", i);
		p->ifindex = FIRST_IFINDEX + i;
		err = netdev_hooks_add(p->sys, p->ifindex, name);
	}
	if (err) {
		p->ifindex = 0;
		return err;
	}
	p->xdp = hook_find_netdev(p->sys, HOOK_XDP, p->ifindex);
	p->tc = hook_find_netdev(p->sys, HOOK_TCX_INGRESS, p->ifindex);
	p->exception = hook_find_raw_tp(p->sys, "xdp_exception");
	return 0;
}

int skep_pcap_open(struct skep_system *sys, const char *path, struct skep_pcap **out, char *error,
		   size_t error_size)
{
	struct skep_pcap *p = mem_zalloc(sizeof(*p));
	int err;

	if (!p)
		return capture_fail(error, error_size, ENOMEM, "%s: out of memory", path);
	p->sys = sys;
	snprintf(p->path, sizeof(p->path), "%s", path);
	err = capture_read(&p->capture, path, PACKET_MAX, error, error_size);
	if (err)
		goto out;
	err = -ENOMEM;
	p->frame_size = XDP_ROOM + max(p->capture.longest, 4096u);
	p->buffer_size = SKB_ROOM + max(p->capture.longest, SKB_MAX_LEN + 0u);
	p->frame = mem_zalloc(p->frame_size);
	p->buffer = mem_zalloc(p->buffer_size);
	p->tagged = mem_alloc(p->buffer_size + VLAN_HLEN);
	if (!p->frame || !p->buffer || !p->tagged) {
		capture_fail(error, error_size, ENOMEM, "%s: out of memory", path);
		goto out;
	}
	err = add_device(p);
	if (err)
		capture_fail(error, error_size, -err, "%s: no device for the capture: %s", path,
			     strerror(-err));
out:
	if (err) {
		skep_pcap_close(p);
		p = NULL;
	}
	*out = p;
	return err;
}

void skep_pcap_close(struct skep_pcap *p)
{
	if (!p)
		return;
	if (p->ifindex)
		netdev_hooks_del(p->sys, p->ifindex);
	skep_pcap_filter(p, -1);
	capture_free(&p->capture);
	mem_free(p->frame);
	mem_free(p->buffer);
	mem_free(p->tagged);
	mem_free(p);
}

unsigned int skep_pcap_ifindex(const struct skep_pcap *p)
{
	return p->ifindex;
}

int skep_pcap_filter(struct skep_pcap *p, int prog_fd)
{
	struct prog_object *prog = NULL;
	struct object *o;
	int err = 0;

	relock_take(&p->sys->lock);
	if (prog_fd >= 0) {
		o = object_get_fd(p->sys, prog_fd, OBJECT_PROG, &err);
		if (!o)
			goto out;
		prog = container_of(o, struct prog_object, obj);
		if (prog->prog->type != BPF_PROG_TYPE_SOCKET_FILTER) {
			object_put(o);
			err = -EINVAL;
			goto out;
		}
	}
	if (p->filter)
		object_put(&p->filter->obj);
	p->filter = prog;
out:
	relock_give(&p->sys->lock);
	return err;
}

/* ---- XDP ---- */

/* Helpers of XDP programs that leave the packet as it is. */
static bool helper_reads_only(s32 id)
{
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_ktime_get_ns:
	case BPF_FUNC_ktime_get_boot_ns:
	case BPF_FUNC_trace_printk:
	case BPF_FUNC_get_prandom_u32:
	case BPF_FUNC_get_smp_processor_id:
	case BPF_FUNC_redirect:
	case BPF_FUNC_ringbuf_output:
	case BPF_FUNC_ringbuf_reserve:
	case BPF_FUNC_ringbuf_submit:
	case BPF_FUNC_ringbuf_discard:
	case BPF_FUNC_xdp_load_bytes:
	case BPF_FUNC_xdp_get_buff_len:
		return true;
	default:
		return false;
	}
}

/* Whether @prog surely leaves packets as they are: by its calls and by what it stores to. */
static bool prog_reads_only(const struct prog_object *obj)
{
	const struct bpf_prog *prog = obj->prog;

	if (!obj->facts || obj->facts->n != prog->len)
		return false;
	for (u32 i = 0; i < prog->len; i++) {
		const struct bpf_insn *insn = &prog->insns[i];
		u8 class = BPF_CLASS(insn->code), to = obj->facts->insn[i].mem_reg_type;

		if (insn->code == (BPF_ST | BPF_NOSPEC)) /* stores nothing */
			continue;
		if ((class == BPF_ST || class == BPF_STX) && to != PTR_TO_STACK &&
		    to != PTR_TO_MAP_VALUE && to != PTR_TO_MEM && obj->facts->insn[i].seen)
			return false;
		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg != BPF_PSEUDO_CALL &&
		    !helper_reads_only(insn->imm))
			return false;
		if (insn->code == (BPF_JMP | 0xf0)) /* a tail call may lead to any program */
			return false;
	}
	return true;
}

/* The same, remembered for the program that ran last. */
static bool reads_only(struct skep_pcap *p, const struct prog_object *obj)
{
	if (p->judged_id != obj->obj.id) {
		p->judged_id = obj->obj.id;
		p->judged_reads_only = prog_reads_only(obj);
	}
	return p->judged_reads_only;
}

static void xdp_exception(struct skep_pcap *p, u32 act)
{
	/* The device and the program have no world objects yet: a read through 0 is a fault, no silent 0. */
	u64 args[3] = { 0, 0, act };
	struct bpf_run run = { 0 };

	if (p->exception && hook_active(p->exception))
		hook_run(p->exception, args, &run);
}

/* ---- output ---- */

static int open_outputs(struct outputs *o, const struct skep_pcap_run_opts *opts, char *error,
			size_t error_size)
{
	int err = capture_open(&o->pass, opts->out, error, error_size);

	err = err ?: capture_open(&o->tx, opts->out_tx, error, error_size);
	err = err ?: capture_open(&o->redirect, opts->out_redirect, error, error_size);
	return err ?: capture_open(&o->filter, opts->out_filter, error, error_size);
}

/* Closes all; the first error counts. */
static int close_outputs(struct outputs *o, char *error, size_t error_size)
{
	int err = capture_close(o->pass, error, error_size);

	err = capture_close(o->tx, err ? NULL : error, error_size) ?: err;
	err = capture_close(o->redirect, err ? NULL : error, error_size) ?: err;
	return capture_close(o->filter, err ? NULL : error, error_size) ?: err;
}

/* ---- the stack behind XDP ---- */

static void write_skb(struct skep_pcap *p, struct capture_writer *to,
		      const struct capture_packet *pkt, const struct sk_buff *skb, u32 limit)
{
	u32 len;

	if (!to)
		return;
	len = frame_from_skb(skb, p->tagged);
	capture_write(to, pkt, p->tagged, min(skb->len, limit) + (len - skb->len));
}

static void observe(struct skep_pcap *p, struct sk_buff *skb, const struct capture_packet *pkt,
		    struct bpf_run *run, struct outputs *o, struct skep_pcap_stats *s)
{
	struct sk_buff copy = *skb;
	u32 keep;

	run->tail_calls = 0;
	keep = (u32)bpf_prog_run(p->filter->prog, &copy, run);
	keep = min(keep, skb->len);
	if (!keep) {
		s->filter_dropped++;
		return;
	}
	s->filter_kept++;
	s->filter_bytes += keep;
	write_skb(p, o->filter, pkt, skb, keep);
}

static void count_tc(struct skep_pcap *p, struct skep_pcap_stats *s, s32 act,
		     const struct capture_packet *pkt, const struct sk_buff *skb, struct outputs *o)
{
	if (act < 0) /* TC_ACT_UNSPEC, TCX_NEXT: nobody objects */
		act = TC_OK;
	s->tc[act < TC_OTHER ? act : TC_OTHER]++;
	switch (act) {
	case TC_SHOT:
	case TC_STOLEN:
	case TC_QUEUED:
	case TC_TRAP:
		s->dropped++;
		return;
	case TC_REDIRECT:
		s->redirected++;
		write_skb(p, o->redirect, pkt, skb, UINT32_MAX);
		return;
	default:
		s->passed++;
		write_skb(p, o->pass, pkt, skb, UINT32_MAX);
	}
}

static void deliver(struct skep_pcap *p, const struct capture_packet *pkt, const u8 *data, u32 len,
		    struct bpf_run *run, struct outputs *o, struct skep_pcap_stats *s)
{
	bool tc = hook_active(p->tc);
	struct sk_buff skb;

	if (!tc && !p->filter) {
		s->passed++;
		if (o->pass)
			capture_write(o->pass, pkt, data, len);
		return;
	}
	frame_to_skb(&skb, p->buffer, p->buffer_size, data, len, 0, p->ifindex);
	skb.tstamp = pkt->ns;
	if (p->filter)
		observe(p, &skb, pkt, run, o, s);
	if (!tc) {
		s->passed++;
		write_skb(p, o->pass, pkt, &skb, UINT32_MAX);
		return;
	}
	memset(&run->redirect, 0, sizeof(run->redirect));
	count_tc(p, s, hook_run_claimed(p->tc, &skb, run), pkt, &skb, o);
}

/* ---- the run ---- */

static void redirect_by_map(struct skep_pcap *p, const struct capture_packet *pkt,
			    struct xdp_buff *xdp, struct bpf_run *run, struct outputs *o,
			    struct skep_pcap_stats *s);

static void after_xdp(struct skep_pcap *p, const struct capture_packet *pkt, struct xdp_buff *xdp,
		      u32 act, struct bpf_run *run, struct outputs *o, struct skep_pcap_stats *s)
{
	u32 len = (u32)(xdp->data_end - xdp->data);

	switch (act) {
	case XDP_PASS:
		if (len < ETH_HLEN) {
			s->dropped++; /* what is left is no frame: Linux's eth_type_trans() drops it */
			return;
		}
		deliver(p, pkt, xdp->data, len, run, o, s);
		return;
	case XDP_TX:
		s->transmitted++;
		capture_write(o->tx, pkt, xdp->data, len);
		return;
	case XDP_REDIRECT:
		if (run->redirect.map) {
			redirect_by_map(p, pkt, xdp, run, o, s);
			return;
		}
		s->redirected++;
		capture_write(o->redirect, pkt, xdp->data, len);
		return;
	case XDP_DROP:
		s->dropped++;
		return;
	default: /* XDP_ABORTED and what is no result: dropped, and told to who traces exceptions */
		s->dropped++;
		xdp_exception(p, act);
	}
}

static u32 call_xdp(const struct bpf_prog *prog, struct xdp_buff *xdp, struct bpf_run *run)
{
	run->tail_calls = 0;
	if (likely(prog->entry && !run->interpret && !run->arena->stats && !prog->throws))
		return (u32)prog->entry(xdp, run);
	return (u32)bpf_prog_run(prog, xdp, run);
}

/* The program of a map's element, by its id: what it says of the packet. */
static u32 call_element(struct skep_pcap *p, u32 prog_id, struct xdp_buff *xdp, struct bpf_run *run)
{
	struct prog_object *prog;
	u32 act = XDP_ABORTED;
	int err;

	prog = (struct prog_object *)object_get_id(p->sys, prog_id, OBJECT_PROG, &err);
	if (!prog) /* the element has been replaced meanwhile */
		return act;
	run->prog = prog->prog;
	act = call_xdp(prog->prog, xdp, run);
	object_put(&prog->obj);
	return act;
}

/* Out by the device of a DEVMAP's element, if its program lets it pass. */
static void leave_by(struct skep_pcap *p, const struct capture_packet *pkt, struct xdp_buff *xdp,
		     u64 element, struct bpf_run *run, struct outputs *o, struct skep_pcap_stats *s)
{
	u32 act = XDP_PASS;

	if (element >> 32) {
		xdp->egress_ifindex = (u32)element;
		act = call_element(p, element >> 32, xdp, run);
		xdp->egress_ifindex = 0;
	}
	if (element && act == XDP_PASS) {
		s->redirected++;
		capture_write(o->redirect, pkt, xdp->data, (u32)(xdp->data_end - xdp->data));
		return;
	}
	s->dropped++;
	if (act != XDP_DROP)
		xdp_exception(p, act);
}

/* To every device of the map but, if asked so, the one that it came by. Each gets its own copy. */
static void broadcast(struct skep_pcap *p, const struct capture_packet *pkt, struct xdp_buff *xdp,
		      struct bpf_run *run, struct outputs *o, struct skep_pcap_stats *s)
{
	const struct bpf_map_ops *ops = bpf_map_ops_of(run->redirect.map->map_type);
	struct bpf_map *map = run->redirect.map;
	u32 flags = run->redirect.flags, len = (u32)(xdp->data_end - xdp->data), key, sent = 0;
	const struct xdp_buff was = *xdp;

	/* Behind the room of the packet itself: the copies' source. */
	if (len > p->buffer_size)
		return;
	memcpy(p->buffer, xdp->data, len);
	for (int end = ops->get_next_key(map, NULL, &key); !end;
	     end = ops->get_next_key(map, &key, &key)) {
		const u64 *word = ops->lookup_elem(map, &key, run);
		u64 element = word ? load_acquire(word) : 0;

		if (!element ||
		    (flags & BPF_F_EXCLUDE_INGRESS && (u32)element == xdp->ingress_ifindex))
			continue;
		*xdp = was;
		memcpy(xdp->data, p->buffer, len);
		leave_by(p, pkt, xdp, element, run, o, s);
		sent++;
	}
	if (!sent)
		s->dropped++;
}

static void redirect_by_map(struct skep_pcap *p, const struct capture_packet *pkt,
			    struct xdp_buff *xdp, struct bpf_run *run, struct outputs *o,
			    struct skep_pcap_stats *s)
{
	struct bpf_map *map = run->redirect.map;
	const u64 *word;
	u64 element;
	u32 act;

	if (run->redirect.flags & BPF_F_BROADCAST) {
		broadcast(p, pkt, xdp, run, o, s);
		goto out;
	}
	word = bpf_map_ops_of(map->map_type)->lookup_elem(map, &run->redirect.tgt_index, run);
	element = word ? load_acquire(word) : 0;
	switch (map->map_type) {
	case BPF_MAP_TYPE_CPUMAP:
		/* On that CPU it goes on as if it had come there: by the element's program, then up. */
		act = element >> 32 ? call_element(p, element >> 32, xdp, run) :
		      element	    ? XDP_PASS :
				      XDP_ABORTED;
		if (act == XDP_PASS || act == XDP_DROP) {
			run->redirect.map = NULL;
			after_xdp(p, pkt, xdp, act, run, o, s);
		} else if (act == XDP_REDIRECT && run->redirect.map &&
			   run->redirect.map->map_type != BPF_MAP_TYPE_CPUMAP) {
			after_xdp(p, pkt, xdp, act, run, o, s);
		} else {
			s->dropped++;
			xdp_exception(p, act);
		}
		break;
	case BPF_MAP_TYPE_XSKMAP:
		s->redirected++;
		capture_write(o->redirect, pkt, xdp->data, (u32)(xdp->data_end - xdp->data));
		break;
	default:
		leave_by(p, pkt, xdp, element, run, o, s);
	}
out:
	run->redirect.map = NULL;
}

/* A program that may change packets: on a copy with head and tail room. */
static void run_on_copies(struct skep_pcap *p, const struct capture_packet *from,
			  const struct capture_packet *to, const struct bpf_prog *prog,
			  struct xdp_buff *xdp, struct bpf_run *run, struct outputs *o,
			  struct skep_pcap_stats *s)
{
	for (const struct capture_packet *pkt = from; pkt < to; pkt++) {
		u32 act;

		xdp->data_hard_start = p->frame;
		xdp->hard_end = p->frame + p->frame_size - SKB_SHARED_INFO;
		xdp->data = xdp->data_meta = p->frame + XDP_PACKET_HEADROOM;
		xdp->data_end = xdp->data + pkt->len;
		memcpy(xdp->data, p->capture.bytes.v + pkt->off, pkt->len);
		run->prog = prog;
		run->redirect.map = NULL;
		act = call_xdp(prog, xdp, run);
		s->xdp[act < ACT_OTHER ? act : ACT_OTHER]++;
		after_xdp(p, pkt, xdp, act, run, o, s);
	}
}

/*
 * A program that only reads: on the capture's own bytes. Results that end a packet's
 * way here are only counted; the loop has nothing else to do for them.
 */
static void run_in_place(struct skep_pcap *p, const struct capture_packet *from,
			 const struct capture_packet *to, const struct bpf_prog *prog,
			 struct xdp_buff *xdp, struct bpf_run *run, struct outputs *o,
			 struct skep_pcap_stats *s)
{
	const bool ends[ACT_OTHER + 1] = {
		[ACT_DROP] = true,
		[ACT_PASS] = !o->pass && !p->filter && !hook_active(p->tc),
		[ACT_TX] = !o->tx,
		[ACT_REDIRECT] = !o->redirect,
	};
	const u8 *bytes = p->capture.bytes.v;
	u64 n[ACT_OTHER + 1] = { 0 };

	run->prog = prog;
	for (const struct capture_packet *pkt = from; pkt < to; pkt++) {
		u32 act;

		xdp->data = (u8 *)bytes + pkt->off;
		xdp->data_end = xdp->data + pkt->len;
		xdp->data_meta = xdp->data_hard_start = xdp->data;
		act = call_xdp(prog, xdp, run);
		act = act < ACT_OTHER ? act : ACT_OTHER;
		n[act]++;
		if (unlikely(!ends[act]))
			after_xdp(p, pkt, xdp, act, run, o, s);
	}
	for (u32 act = 0; act <= ACT_OTHER; act++)
		s->xdp[act] += n[act];
	s->dropped += n[ACT_DROP];
	s->passed += ends[ACT_PASS] ? n[ACT_PASS] : 0;
	s->transmitted += ends[ACT_TX] ? n[ACT_TX] : 0;
	s->redirected += ends[ACT_REDIRECT] ? n[ACT_REDIRECT] : 0;
}

/* One burst in one slot: what is attached cannot be freed meanwhile. */
static void run_burst(struct skep_pcap *p, size_t first, size_t last, struct outputs *o,
		      struct skep_pcap_stats *s)
{
	const struct capture_packet *from = p->capture.packets.v + first,
				    *to = p->capture.packets.v + last;
	struct xdp_buff xdp = { .ingress_ifindex = p->ifindex, .frame_sz = (u32)p->frame_size };
	struct hook_progs *progs;
	struct bpf_run run = { 0 };

	run.interpret = p->sys->jit_mode == JIT_OFF;
	slot_claim(p->sys->arena, p->sys->platform, &run);
	progs = load_acquire(&p->xdp->progs);
	if (!progs) {
		for (const struct capture_packet *pkt = from; pkt < to; pkt++)
			deliver(p, pkt, p->capture.bytes.v + pkt->off, pkt->len, &run, o, s);
	} else if (reads_only(p, progs->v[0].owner)) {
		run_in_place(p, from, to, progs->v[0].prog, &xdp, &run, o, s);
	} else {
		run_on_copies(p, from, to, progs->v[0].prog, &xdp, &run, o, s);
	}
	slot_release(&run);
	s->packets += last - first;
	if (last > first)
		s->bytes += to[-1].off + to[-1].len - from->off;
}

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

int skep_pcap_run(struct skep_pcap *p, const struct skep_pcap_run_opts *opts,
		  struct skep_pcap_stats *stats, char *error, size_t error_size)
{
	struct skep_pcap_stats s = { .sz = sizeof(s) };
	struct outputs none = { 0 }, o = { 0 };
	u32 rounds = max(opts->repeat, 1u);
	u64 start;
	int err;

	err = open_outputs(&o, opts, error, error_size);
	if (err) {
		close_outputs(&o, NULL, 0);
		return err;
	}
	start = now_ns();
	for (u32 r = 0; r < rounds; r++)
		for (size_t i = 0; i < p->capture.packets.n; i += BURST)
			run_burst(p, i, min(i + BURST, p->capture.packets.n),
				  r + 1 == rounds ? &o : &none, &s);
	s.ns = now_ns() - start;
	err = close_outputs(&o, error, error_size);
	s.sz = stats->sz;
	memcpy(stats, &s, min(stats->sz, sizeof(s)));
	return err;
}
