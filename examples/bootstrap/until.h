/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The loaders run until they are interrupted. */
#ifndef BOOTSTRAP_UNTIL_H
#define BOOTSTRAP_UNTIL_H

#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

static inline void interrupt(int sig)
{
	interrupted = sig;
}

/* Without SA_RESTART: what waits returns. */
static inline void until_interrupted(void)
{
	struct sigaction act = { .sa_handler = interrupt };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* Says what failed; for main() to return. */
static inline int failed(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

#endif
