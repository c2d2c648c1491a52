/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside of live links: what link.c (the thread) and link_run.c (the programs) share. */
#ifndef SKEP_EVENT_LINK_RUN_H
#define SKEP_EVENT_LINK_RUN_H

#include <pthread.h>
#include <sched.h>

#include "event/leg.h"
#include "event/link.h"
#include "hook/hook.h"

struct port {
	struct link_port p;
	struct leg inner, outer;
	struct hook *xdp, *ingress, *egress;
	bool gone; /* the interface has been deleted */
};

struct links {
	struct skep_system *sys;
	struct port *ports;
	u32 nr_ports;
	int raw4, raw6, packet, control;
	int wake; /* eventfd: the thread is to end */
	bool quit, started;
	pthread_t thread;
	bool stays; /* it is bound to a CPU; else it was allowed .anywhere */
	cpu_set_t anywhere;
};

/* A burst that has come on a leg of @p; what goes on is put to the other legs. */
void link_inbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n);
void link_outbound(struct links *l, struct port *p, struct leg_frame *frames, u32 n);

#endif
