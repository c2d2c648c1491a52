/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Map contents as people and programs read them: through the BTF of keys and values. */
#ifndef SKEP_CLI_VALUES_H
#define SKEP_CLI_VALUES_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cli.h"

/*
 * @size bytes as type @id of @btf: numbers (as strings beyond 2^53), strings of char arrays,
 * names of enumerators, objects, arrays; hex when the type is unknown or does not fit.
 */
cJSON *value_json(const struct btf *btf, int id, const void *data, size_t size);

/*
 * A record of @size bytes as an object with the members of struct @id that it has: it may
 * be shorter than the struct, or longer when the last member is a flexible array.
 */
cJSON *record_json(const struct btf *btf, int id, const void *data, size_t size);

/*
 * Prints the contents of every map of @obj that holds data (global variables by
 * name; at most @limit elements of other maps), or adds them to @json.
 */
void values_print(const struct cli *cli, struct bpf_object *obj, unsigned limit, cJSON *json);

#endif
