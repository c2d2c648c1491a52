/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* JSON (RFC 8259) read in one pass: each scalar is handed out with the names that lead to it. */
#ifndef SKEP_BASE_JSON_H
#define SKEP_BASE_JSON_H

#include "base/types.h"

#define JSON_DEPTH 8

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_EMPTY };

/*
 * JSON_EMPTY stands for an object or array without members. Names and texts are cut to fit;
 * members of arrays have the name "". A path deeper than JSON_DEPTH is an error.
 */
struct json_item {
	char path[JSON_DEPTH][64];
	u32 depth;
	enum json_kind kind;
	char text[128]; /* of a string without escapes resolved beyond ASCII, or of a number */
};

/*
 * Calls @fn for every item of @text (@len bytes); a non-zero result ends the reading and is
 * returned. -EINVAL: not JSON; *@at is the offset and *@why the reason, a constant.
 */
int json_read(const char *text, size_t len, int (*fn)(void *arg, const struct json_item *item),
	      void *arg, size_t *at, const char **why);

#endif
