/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Strings that programs hand out may hold any byte: made safe for JSON and for terminals. */
#ifndef SKEP_CLI_TEXT_H
#define SKEP_CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

/* A JSON string of @len bytes; what is not UTF-8 becomes U+FFFD. */
cJSON *text_json(const char *bytes, size_t len);
/*
 * Prints a value for people: strings bare where that is unambiguous, else quoted with
 * escapes, the rest as JSON.
 */
void text_print(FILE *out, const cJSON *value);
/* Prints bytes that may come from anywhere: control characters but tab escaped. */
void text_print_safe(FILE *out, const char *bytes, size_t len);

#endif
