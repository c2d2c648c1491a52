/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What an infrared receiver saw, as files have it, and what a decoder made of it. */
#ifndef SKEP_CLI_PULSES_H
#define SKEP_CLI_PULSES_H

#include "cli.h"

/*
 * Reads samples (32 bits each, as lirc(4) defines LIRC_MODE_MODE2) of @path: the output of
 * mode2 ("pulse 900" …), numbers with signs ("+900 -400"), or samples as bytes. An exit status.
 */
int pulses_read(const struct cli *cli, const char *path, void *to, size_t room, size_t *size);
/* Whether @path, where that is a file, has samples alone; else an error has been printed. "": it is none. */
bool pulses_check(const struct cli *cli, const char *path);
/* The events that a test run of a decoder gives as data, as a list. */
cJSON *pulses_events(const void *data, size_t size);
void pulses_print_event(FILE *out, const cJSON *event);

#endif
