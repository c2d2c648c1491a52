/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The names and layouts of bpf(2), from the system's <linux/bpf.h>, completed up to KVER_NEWEST. */
#ifndef SKEP_BASE_UAPI_H
#define SKEP_BASE_UAPI_H

#include <linux/bpf.h>
#include <linux/btf.h>

#endif
