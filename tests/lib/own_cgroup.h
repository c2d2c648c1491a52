/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef TESTS_LIB_OWN_CGROUP_H
#define TESTS_LIB_OWN_CGROUP_H

#include <stddef.h>

/* Makes a cgroup of the unified hierarchy; @path is "" where we may not. The caller removes it. */
void own_cgroup(char *path, size_t size);

#endif
