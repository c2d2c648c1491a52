/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* On whose behalf the tree of pins is used: the caller of the command. */
#ifndef SKEP_COMMAND_PIN_H
#define SKEP_COMMAND_PIN_H

#include "object/pins.h"

void pin_who_of(struct skep_system *sys, struct pin_who *who);
extern const struct pin_text_ops pin_texts; /* pin_text.c */

#endif
