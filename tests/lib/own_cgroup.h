/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef TESTS_LIB_OWN_CGROUP_H
#define TESTS_LIB_OWN_CGROUP_H

#include <stddef.h>

/*
 * Makes a cgroup of the unified hierarchy; @path is "" where we may not. The caller removes it, from its
 * teardown, so that a test which fails leaves nothing. What tests that were killed have left goes, too.
 */
void own_cgroup(char *path, size_t size);
/* Removes it and those below; "": nothing. Processes must have left. */
void own_cgroup_remove(const char *path);

#endif
