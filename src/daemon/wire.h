/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a client and the daemon say to each other: one message for each request and answer on
 * a SOCK_SEQPACKET socket of the user's own folder. Both ends are built from the same sources, or the
 * version says that they are not.
 *
 *   EXEC:  client: EXEC + its standard error, and sources of receivers. daemon: the filter, or INSIDE (it is a process of
 *          that instance already), or a refusal. client, with the filter on: HERE + the listener.
 *          daemon, which traces it by then: GO. client: execve(). It is itself the command.
 *          With a network (.nr_net) FILTER and INSIDE are followed by a message of that many
 *          descriptors: namespaces that the client enters first.
 *   PS:    daemon: one ENTRY for each instance and process, then END.
 *   STOP:  daemon: END when the instance is gone, or a refusal. STOP_ALL: the same of all instances.
 */
#ifndef SKEP_DAEMON_WIRE_H
#define SKEP_DAEMON_WIRE_H

#include <linux/filter.h>

#include "base/types.h"
#include "skep/skep.h"

#define WIRE_INSNS 1024
#define OTHER_BUILD                                                                                \
	"the daemon is of another build of skep: \"skep stop --all\" ends it and its instances"

enum wire_op {
	WIRE_STOP_ALL = 1, /* this one is understood of every version */
	WIRE_EXEC,
	WIRE_PS,
	WIRE_STOP,
	WIRE_HERE,
	WIRE_FILTER,
	WIRE_INSIDE,
	WIRE_GO,
	WIRE_ENTRY,
	WIRE_END,
	WIRE_REFUSED,
};

struct wire_request {
	u32 version, op;
	bool root;     /* its processes see themselves as user 0 */
	bool trapped;  /* an outer filter answers bpf(2): see filter.c */
	bool late;     /* the daemon's: they will be traced when something is attached */
	bool traced;   /* from the start, not when something is attached */
	bool untraced; /* a debugger has them, or may come to have them */
	bool confined; /* they are subjects: docs/trust.md */
	bool named;    /* the user gave a name */
	bool net;      /* EXEC: in the instance's network, which has interfaces .names */
	bool partner;  /* at the other end of it */
	char names[96];
	u32 nr_lirc; /* EXEC: descriptors behind standard error, receivers' sources */
	char instance[64];
	/* struct skep_system_opts of an instance that is made now; "": not given */
	char kernel[32], caps[8], jit[16], verdict[4], unprivileged[4], btf[1024];
};

struct wire_answer {
	u32 version, op;
	s32 err; /* REFUSED: -errno */
	s32 tracer;
	u32 nr_net; /* FILTER, INSIDE: descriptors that follow; 0: no network of its own */
	u32 nr_insns;
	struct sock_filter insns[WIRE_INSNS];
	struct skep_instance_entry entry;
	char instance[64], command[64];
	char text[512]; /* REFUSED: why */
};

/* Of the sources that this was built from: both ends' .version. */
u32 wire_version(void);
/* $XDG_RUNTIME_DIR/skep or /tmp/skep-UID, made with mode 0700: 0 or -errno. */
int wire_folder(char *path, size_t size);
/* Sends @size bytes, with descriptor @fd if not -1. 0 or -errno. */
int wire_send(int sock, const void *msg, size_t size, int fd);
/*
 * Receives one message of @size bytes; -EPROTO: it is of another size, @msg has its beginning. *fd: what came
 * with it, or -1. 0 or -errno.
 */
int wire_recv(int sock, void *msg, size_t size, int *fd);

#endif
