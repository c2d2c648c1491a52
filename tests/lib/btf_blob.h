/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* BTF blobs for tests: read from objects, compared with the running kernel, asked everything. */
#ifndef TESTS_LIB_BTF_BLOB_H
#define TESTS_LIB_BTF_BLOB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/mem.h"
#include "btf/btf.h"

/* Skips the test unless the running kernel is @version and loads BTF for us. */
void skip_unless_kernel_loads(kver version);
/* Whether verdict and log are the running kernel's; says what differs. */
bool same_as_kernel(const void *data, u32 size, const char *name);
/*
 * The BTF of an object of this build ("bpf/x.bpf.o"), its sections and externs filled
 * in as a loader does. mem_free() it. NULL: not readable.
 */
u8 *loadable_btf(const char *object, u32 *size);
char *build_path(const char *file); /* in $O, else build; mem_free() it */
/* Every query about every type; for what must not crash or hang. */
void ask_everything(struct btf *btf);

#endif
