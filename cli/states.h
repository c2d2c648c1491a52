/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep verify --states: the lines that the verifier spent its work on. */
#ifndef SKEP_CLI_STATES_H
#define SKEP_CLI_STATES_H

#include "cli.h"

/* Of the program that skep_want_work() asked for. Says so when the verifier did not get to it. */
void states_print(const struct cli *cli);
/* { "processed", "states", "lines": […] }, all lines; NULL when the verifier did not get to it. */
cJSON *states_json(const struct cli *cli);

#endif
