/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The programs of kfunc.bpf.c by the names that kernel functions have since 7.0 and 7.1. */
#define NEW_NAMES
#include "kfunc.bpf.c"
