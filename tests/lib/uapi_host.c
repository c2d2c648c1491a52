/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the build host's kernel headers say; see uapi_test.c. */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include "uapi_fact.h"

const struct uapi_fact uapi_host[] = {
#include "uapi_names.h"
	{ NULL, 0, 0 },
};
