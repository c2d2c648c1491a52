/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Frames that an XDP program hands to another CPU (Linux: kernel/bpf/cpumap.c): each CPU that is used has
 * a thread and a queue. There the element's program runs, then traffic control and the stack follow.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "event/link_run.h"
#include "object/system.h"

#define PATIENCE 10000

struct job {
	struct job *next;
	struct port *port;
	u32 prog_id, len, meta;
	u8 room[]; /* headroom, the frame, tail room */
};

struct link_cpu {
	struct link_cpu *next;
	struct links *l;
	struct link_room *out;
	u32 cpu, queued;
	bool quit;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, .queued and .quit */
	pthread_cond_t come;
	struct job *first, **last;
};

/* ---- the thread ---- */

static void run_job(struct link_way *w, const struct bpf_prog *prog, struct job *j)
{
	struct xdp_buff xdp = { .ingress_ifindex = j->port->p.ifindex, .frame_sz = LINK_PAGE };
	u32 act = XDP_PASS;

	xdp.data_hard_start = j->room;
	xdp.data = j->room + XDP_PACKET_HEADROOM;
	xdp.data_meta = xdp.data - j->meta;
	xdp.data_end = xdp.data + j->len;
	xdp.hard_end = xdp.data + max(j->len, (u32)LINK_XDP_ROOM);
	if (prog)
		act = link_call_xdp(w, prog, &xdp);
	/* Others are no results here, and not told to anybody. */
	if (act == XDP_PASS || act == XDP_REDIRECT)
		link_after_xdp(w, j->port, prog, &xdp, act, false);
}

/* That CPU's own slot, which another run has for a moment at most: the program is to see where it is. */
static void claim_there(const struct link_cpu *c, struct bpf_run *run)
{
	for (int tries = 0;; tries++) {
		slot_claim(c->l->sys->arena, c->l->sys->platform, run);
		if (run->cpu == c->cpu || tries == PATIENCE)
			return;
		slot_release(run);
		sched_yield();
	}
}

static void run_jobs(struct link_cpu *c, struct job *j)
{
	struct bpf_run run = { .interpret = c->l->sys->jit_mode == JIT_OFF };
	struct link_held held = { .n = 0 };
	struct link_way w = { .l = c->l, .room = c->out, .held = &held, .run = &run };
	const struct bpf_prog *prog;
	struct job *next;

	for (; j; j = next) {
		next = j->next;
		run.event = &w;
		claim_there(c, &run);
		prog = j->prog_id ? link_prog(&w, j->prog_id) : NULL;
		if (prog || !j->prog_id)
			run_job(&w, prog, j);
		slot_release(&run);
		mem_free(j);
	}
	link_put_held(&held);
}

static void *cpu_main(void *arg)
{
	struct link_cpu *c = arg;
	struct job *all;
	cpu_set_t one;

	prctl(PR_SET_NAME, "skep-cpumap");
	/* Its slot, which programs take for their CPU, follows the thread's CPU. */
	CPU_ZERO(&one);
	CPU_SET(c->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->first && !c->quit)
			pthread_cond_wait(&c->come, &c->lock);
		if (c->quit)
			break;
		all = c->first;
		c->first = NULL;
		c->last = &c->first;
		c->queued = 0;
		pthread_mutex_unlock(&c->lock);
		run_jobs(c, all);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- the queue ---- */

static void free_cpu(struct link_cpu *c)
{
	struct job *next;

	for (struct job *j = c->first; j; j = next) {
		next = j->next;
		mem_free(j);
	}
	for (struct link_room *r = c->out, *n; r; r = n) {
		n = r->next;
		mem_free(r);
	}
	pthread_cond_destroy(&c->come);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

static struct link_cpu *cpu_at(struct links *l, u32 cpu)
{
	struct link_cpu *c;

	pthread_mutex_lock(&l->cpus_lock);
	for (c = l->cpus; c && c->cpu != cpu; c = c->next)
		;
	if (c || cpu >= (u32)sysconf(_SC_NPROCESSORS_CONF) || cpu >= CPU_SETSIZE)
		goto out;
	c = mem_zalloc(sizeof(*c));
	if (!c)
		goto out;
	c->l = l;
	c->cpu = cpu;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->come, NULL);
	c->out = mem_alloc(sizeof(*c->out));
	if (c->out)
		c->out->next = NULL;
	if (!c->out || pthread_create(&c->thread, NULL, cpu_main, c)) {
		free_cpu(c);
		c = NULL;
		goto out;
	}
	c->next = l->cpus;
	l->cpus = c;
out:
	pthread_mutex_unlock(&l->cpus_lock);
	return c;
}

bool link_cpu_put(struct links *l, u32 cpu, u32 room, struct port *p, const u8 *data, u32 len,
		  u32 meta, u32 prog_id)
{
	struct link_cpu *c = cpu_at(l, cpu);
	struct job *j;
	bool taken;

	j = c ? mem_alloc(sizeof(*j) + XDP_PACKET_HEADROOM + max(len, (u32)LINK_XDP_ROOM)) : NULL;
	if (!j)
		return false;
	j->next = NULL;
	j->port = p;
	j->prog_id = prog_id;
	j->len = len;
	j->meta = meta;
	memcpy(j->room + XDP_PACKET_HEADROOM - meta, data - meta, len + meta);
	pthread_mutex_lock(&c->lock);
	taken = c->queued < room;
	if (taken) {
		*c->last = j;
		c->last = &j->next;
		c->queued++;
		pthread_cond_signal(&c->come);
	}
	pthread_mutex_unlock(&c->lock);
	if (!taken)
		mem_free(j);
	return taken;
}

void link_cpus_stop(struct links *l)
{
	struct link_cpu *c;

	while ((c = l->cpus)) {
		l->cpus = c->next;
		pthread_mutex_lock(&c->lock);
		c->quit = true;
		pthread_cond_signal(&c->come);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
		free_cpu(c);
	}
}
