/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* See sections.c. */
#ifndef SKEP_CLI_SECTIONS_H
#define SKEP_CLI_SECTIONS_H

#include "cli.h"

/* Before an object is opened. */
void sections_register(void);

#endif
