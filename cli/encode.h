/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Keys and values as people write them, into the bytes that a map holds. */
#ifndef SKEP_CLI_ENCODE_H
#define SKEP_CLI_ENCODE_H

#include <bpf/btf.h>

/*
 * @text as type @id of @btf (NULL: none): JSON (numbers, strings, arrays, objects with members by
 * name), names of enumerators, or "hex:0a0b…". 0, or -EINVAL with what is wrong in @why. Of a section
 * of global variables those that are not named stay as they are in @out.
 */
int encode_value(const struct btf *btf, int id, const char *text, void *out, size_t size, char *why,
		 size_t why_size);

#endif
