/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Map contents as people and programs read them: through the BTF of keys and values. */
#ifndef SKEP_CLI_VALUES_H
#define SKEP_CLI_VALUES_H

#include <bpf/libbpf.h>

#include "cli.h"

/*
 * Prints the contents of every map of @obj that holds data (global variables by
 * name; at most @limit elements of other maps), or adds them to @json.
 */
void values_print(const struct cli *cli, struct bpf_object *obj, unsigned limit, cJSON *json);

#endif
