/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Histograms that programs keep as arrays of counters, drawn. */
#ifndef SKEP_CLI_HIST_H
#define SKEP_CLI_HIST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum hist_kind {
	HIST_NONE,
	HIST_LOG2,   /* slot i counts values of 2^i to 2^(i+1)-1; slot 0 those of 0 and 1 */
	HIST_LINEAR, /* slot i counts value i */
};

/* What the name of a map, variable or member says: "slots", "latency_hist", "size_linear". */
enum hist_kind hist_kind_of(const char *name);
/* From the first to the last slot that is not zero; each line begins with @indent. */
void hist_draw(FILE *out, const char *indent, enum hist_kind kind, const uint64_t *slots, size_t n);

#endif
