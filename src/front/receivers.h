/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* /sys/class/rc: what sysfs tells of a system's infrared receivers. */
#ifndef SKEP_FRONT_RECEIVERS_H
#define SKEP_FRONT_RECEIVERS_H

#include <stddef.h>

#include "skep/skep.h"

/* Whether @path is there, or would be: all below /sys/class/rc of a system that has receivers. */
bool receivers_show(const struct skep_system *sys, const char *path);
/* Length of what file @path holds, put to @text; -EISDIR, -ENOENT. */
int receivers_text(const struct skep_system *sys, const char *path, char *text, size_t size);
/* As file_list(). */
int receivers_list(const struct skep_system *sys, const char *path,
		   void (*fn)(void *arg, const char *name, bool folder), void *arg);

#endif
