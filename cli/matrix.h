/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef SKEP_CLI_MATRIX_H
#define SKEP_CLI_MATRIX_H

#include "object.h"

/*
 * Prints the verdict of every release on each program of @path (on @only, when given), or adds
 * one JSON object for each to @list. EXIT_REFUSED when the newest release refuses one.
 */
int matrix_of_object(struct cli *cli, const char *path, const char *only, cJSON *list, int *seen);

#endif
