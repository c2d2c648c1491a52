/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records that programs send through ring buffers and perf event arrays: read, decoded by
 * the object's BTF, printed as lines or JSON. Which struct a record is: as --event says;
 * else the one struct of its size to which the object declares a global pointer
 * ("struct event *unused;", the custom of bpf2go); else unknown, and shown in hex.
 */
#ifndef SKEP_CLI_RECORDS_H
#define SKEP_CLI_RECORDS_H

#include <stdint.h>

#include <bpf/libbpf.h>

#include "cli.h"

struct records;

/* NULL: out of memory. @header: whether people get a line with the names of the columns. */
struct records *records_new(const struct cli *cli, bool header);
/* "MAP=STRUCT". 0, or -EINVAL when it is not of that form. */
int records_set_type(struct records *r, const char *spec);
/*
 * Opens the buffers of @obj, which is loaded and stays open as long as @r. 0, or an exit
 * status after saying what failed.
 */
int records_open(struct records *r, struct bpf_object *obj);
/* Every --event must have met a map and a struct: 0 or an exit status. */
int records_check_types(struct records *r);
/* Prints what has arrived. The number of records. */
unsigned records_consume(struct records *r);
/* A descriptor that is readable when something has arrived; two of them, -1: none. */
void records_fds(const struct records *r, int fds[2]);
/* When nothing writes any more: prints the last records and what was lost without a record of it. */
void records_finish(struct records *r);
/* At the end: how much was lost, what could not be decoded, and how to. */
void records_summary(struct records *r);
void records_free(struct records *r);

#endif
