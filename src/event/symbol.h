/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Names of places in executables and libraries, for people. */
#ifndef SKEP_EVENT_SYMBOL_H
#define SKEP_EVENT_SYMBOL_H

#include "base/types.h"

/* "path:function+0x10", or "path+0x1234" when no symbol covers byte @offset of the file. */
void symbol_name(const char *path, u64 offset, char *buf, size_t size);

#endif
