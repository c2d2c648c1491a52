/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Verdicts as continuous-integration services read them: SARIF and JUnit. */
#ifndef SKEP_CLI_REPORTS_H
#define SKEP_CLI_REPORTS_H

#include "cli.h"

/*
 * @list: what verdict_json() made of each program, with "kernel" of a matrix; for files
 * that could not be used { "file", "verdict": "error", "reason" }.
 */
void report_sarif(const struct cli *cli, const cJSON *list);
void report_junit(const struct cli *cli, const cJSON *list);

#endif
